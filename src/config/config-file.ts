/**
 * config.json while the server runs: its content, and atomic changes to it.
 *
 * A change is written to a temporary file, synced and renamed over config.json, and the folder is synced. A crash leaves the old or
 * the new file, complete, and perhaps a temporary file, which the next startup removes. A file that was edited since it was read is
 * not overwritten, which would silently discard the edit: the change fails and asks for a restart.
 */
import { realpath } from 'node:fs/promises';
import path from 'node:path';
import pLimit from 'p-limit';
import { AppError, isErrno } from '../base/app-error.js';
import { checkConfig } from './check-config.js';
import { systemConfigDisk, type ConfigDisk } from './config-disk.js';
import type { ConfigDocument } from './config-document.js';
import { ConfigError } from './config-error.js';
import { CONFIG_BYTES_MAX, type LoadedConfig } from './load-config.js';
import { removeLeftovers, withTemporary } from './temporary-file.js';

const INDENT_BLANKS = 2;

/** The file and its content. */
interface Held {
  /** Symbolic links followed: a rename over a link would replace the link. */
  readonly target: string;
  readonly document: ConfigDocument;
  readonly text: string;
}

/** The configuration file of a running server, which holds the lock of the data folder. */
export class ConfigFile {
  /** Absolute path; symbolic links not followed. */
  readonly path: string;
  readonly #disk: ConfigDisk;
  readonly #one = pLimit(1);
  #held: Held;
  /** The possible content of the file after a change that failed after its rename: the rename may not survive a power failure. */
  #uncertainText: string | undefined;

  private constructor(file: string, held: Held, disk: ConfigDisk) {
    this.path = file;
    this.#held = held;
    this.#disk = disk;
  }

  /**
   * Opens a loaded configuration, and removes the temporary files of a crash.
   *
   * @throws {ConfigError} when the file no longer exists, or changed since it was loaded
   */
  static async open(source: Pick<LoadedConfig, 'path' | 'document' | 'text'>, disk: ConfigDisk = systemConfigDisk): Promise<ConfigFile> {
    try {
      const target = await realpath(source.path);
      // The source was read without the lock: the server that held it may have made a last change since.
      if ((await disk.read(target)) !== source.text) {
        const expected = 'a file that does not change while the server starts: start it again';
        throw new ConfigError({ pointer: '', expected }, { file: source.path });
      }
      await removeLeftovers(target, disk);
      return new ConfigFile(source.path, { target, document: source.document, text: source.text }, disk);
    } catch (error) {
      throw writeRefused(source.path, error);
    }
  }

  /**
   * Writes the configuration of a first run. Never overwrites a file.
   *
   * @param announce called when the content is on disk, before the file gets its name
   * @throws {ConfigError} when the file exists or cannot be written
   */
  static async create(
    file: string, document: ConfigDocument, announce: () => void = () => undefined, disk: ConfigDisk = systemConfigDisk,
  ): Promise<ConfigFile> {
    const target = path.resolve(file);
    const text = formatConfig(document);
    try {
      await removeLeftovers(target, disk);
      await withTemporary(target, text, disk, async (temporary, syncFolder) => {
        announce();
        await disk.link(temporary, target);
        await syncFolder();
        await disk.unlink(temporary).catch(() => undefined);
      });
    } catch (error) {
      throw writeRefused(target, error);
    }
    return new ConfigFile(target, { target, document, text }, disk);
  }

  /** Absolute path of the file that a change replaces; symbolic links followed. */
  get target(): string {
    return this.#held.target;
  }

  /** The content of the file. */
  get document(): ConfigDocument {
    return this.#held.document;
  }

  /**
   * Changes the file. Changes run one after another. When this resolves, the change survives a power failure; when it rejects,
   * `document` is unchanged.
   *
   * @param change returns the new document, or its argument to change nothing
   * @throws {AppError} `config_write_failed` with the cause; and whatever `change` throws
   */
  update(change: (document: ConfigDocument) => ConfigDocument): Promise<void> {
    return this.#one(async () => {
      const next = change(this.#held.document);
      if (next === this.#held.document) return;
      // Checked so that a defect fails this request and not the next startup.
      const text = formatConfig(checkConfig(next));
      const sizeBytes = Buffer.byteLength(text);
      if (sizeBytes > CONFIG_BYTES_MAX) {
        const message = `Cannot save the configuration: it would have ${sizeBytes} bytes, more than the limit of ${CONFIG_BYTES_MAX}`;
        throw new AppError('config_write_failed', message);
      }
      try {
        await this.#replace(text);
      } catch (error) {
        await this.#putBack();
        throw new AppError('config_write_failed', failureText(error), { cause: error });
      }
      this.#held = { ...this.#held, document: next, text };
      this.#uncertainText = undefined;
    });
  }

  /** The next startup must not read a change that failed after its rename: an API key in it was never shown. */
  async #putBack(): Promise<void> {
    if (this.#uncertainText === undefined) return;
    try {
      await this.#replace(this.#held.text);
      this.#uncertainText = undefined;
    } catch {
      // The next change tries again; until then the file has either content.
      return;
    }
  }

  async #replace(text: string): Promise<void> {
    const { target, text: expected } = this.#held;
    const present = await this.#disk.read(target);
    if (present !== undefined && present !== expected && present !== this.#uncertainText) throw new ConfigChangedError(target);
    await withTemporary(target, text, this.#disk, async (temporary, syncFolder) => {
      await this.#disk.rename(temporary, target);
      this.#uncertainText = text;
      await syncFolder();
    });
  }
}

/** The file was edited while the server was running. */
class ConfigChangedError extends Error {
  override readonly name = 'ConfigChangedError';

  constructor(file: string) {
    super(`Cannot replace ${JSON.stringify(file)}: it changed since the server read it`);
  }
}

function failureText(error: unknown): string {
  return error instanceof ConfigChangedError
    ? 'Cannot save the configuration: the file was edited while the server was running; restart the server to apply the edit'
    : 'Cannot save the configuration: the file could not be replaced';
}

/** The text of the file for a document. */
export function formatConfig(document: ConfigDocument): string {
  return `${JSON.stringify(document, null, INDENT_BLANKS)}\n`;
}

function writeRefused(file: string, cause: unknown): unknown {
  if (!isErrno(cause)) return cause;
  const expected = cause.code === 'EEXIST'
    ? 'absent on a first run, but another program has just written it'
    : `a file that can be written, but the system reports ${cause.code ?? 'an error'}`;
  return new ConfigError({ pointer: '', expected }, { file, cause });
}
