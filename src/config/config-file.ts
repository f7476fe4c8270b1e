/**
 * config.json while the server runs: its content, and atomic changes to it.
 *
 * A change is written to a temporary file, synced and renamed over config.json, and the folder is synced. A crash leaves the old or
 * the new file, complete, and perhaps a temporary file, which the next startup removes. A file that was edited since it was read is
 * not overwritten, which would silently discard the edit: the change fails and asks for a reload.
 */
import { statSync } from 'node:fs';
import { lstat, realpath } from 'node:fs/promises';
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

const EDITED = 'Cannot change the configuration: the file was edited while the server was running. Reload it first';

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
   * @throws {AppError} `config_changed` if the file was edited; `config_write_failed` with the cause; and whatever `change` throws
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
        if (error instanceof AppError) throw error;
        throw new AppError('config_write_failed', 'Cannot save the configuration: the file could not be replaced', { cause: error });
      }
      this.#held = { ...this.#held, document: next, text };
      this.#uncertainText = undefined;
    });
  }

  /**
   * Checks before a change that has other effects that the file can take it.
   *
   * @throws {AppError} `config_changed` if the file was edited
   */
  async requireUnedited(): Promise<void> {
    await this.#one(async () => {
      try {
        await this.#refuseEdited();
      } catch (error) {
        if (error instanceof AppError) throw error;
        // A file that cannot be read now fails the change when it is written.
      }
    });
  }

  /**
   * Takes over an edit: the content that was loaded replaces the one that the server wrote last.
   *
   * @returns goes back to the content before, so that the edit counts as one that was not taken over
   * @throws {ConfigError} if the file has changed since it was loaded
   */
  async take({ document, text }: Pick<LoadedConfig, 'document' | 'text'>): Promise<() => void> {
    return await this.#one(async () => {
      const target = await realpath(this.path);
      if ((await this.#disk.read(target)) !== text) {
        throw new ConfigError({ pointer: '', expected: 'a file that does not change while it is read: reload it again' });
      }
      const before = this.#held;
      this.#held = { target, document, text };
      this.#uncertainText = undefined;
      return () => void (this.#held = before);
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
    const { target } = this.#held;
    await this.#refuseEdited();
    await withTemporary(target, text, this.#disk, async (temporary, syncFolder) => {
      // Again: the file was free to be edited while the temporary file was synced.
      await this.#refuseEdited();
      await this.#disk.rename(temporary, target);
      this.#uncertainText = text;
      await syncFolder();
    });
  }

  /**
   * A missing file holds no edit. A link that leads elsewhere now is one.
   *
   * @throws {AppError} `config_changed`
   */
  async #refuseEdited(): Promise<void> {
    const { target, text } = this.#held;
    const before = identityOf(this.path);
    const isElsewhere = (await targetOf(this.path)) !== target;
    const present = isElsewhere ? undefined : await this.#disk.read(target);
    const isKnown = present === undefined || present === text || present === this.#uncertainText;
    // It may be edited even while it is read.
    if (!isElsewhere && isKnown && identityOf(this.path) === before) return;
    throw new AppError('config_changed', EDITED);
  }
}

/** Tells a file from what replaces it, and from itself after a change. Synchronous, so that nothing comes between it and the next call. */
function identityOf(file: string): string {
  const status = statSync(file, { bigint: true, throwIfNoEntry: false });
  return status === undefined ? 'none' : `${status.dev} ${status.ino} ${status.size} ${status.mtimeNs} ${status.ctimeNs}`;
}

/** Where a file is, symbolic links followed, or would be; undefined for a link that leads nowhere. */
async function targetOf(file: string): Promise<string | undefined> {
  try {
    return await realpath(file);
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
    const isLink = await lstat(file).then(() => true, () => false);
    return isLink ? undefined : path.join(await realpath(path.dirname(file)), path.basename(file));
  }
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
