/**
 * config.json while the server runs: what it says now, and changes to it that are whole or not at all.
 *
 * A change is written to a temporary file beside it, synced, renamed over it, and the folder is synced. A crash leaves the old
 * or the new file, each whole, and perhaps a temporary file, which the next start removes. A file that a person edited since
 * it was read is not overwritten: their edit would be gone without a word, so the change fails and asks for a restart.
 */
import { realpath } from 'node:fs/promises';
import path from 'node:path';
import pLimit from 'p-limit';
import { AppError, isErrno } from '../base/app-error.js';
import { checkConfig } from './check-config.js';
import { systemConfigDisk, type ConfigDisk } from './config-disk.js';
import type { ConfigDocument } from './config-document.js';
import { ConfigError } from './config-error.js';
import { CONFIG_BYTES_MAX } from './load-config.js';
import { removeLeftovers, withTemporary } from './temporary-file.js';

const INDENT_BLANKS = 2;

/** What a {@link ConfigFile} is opened from: `loadConfig` gives it. */
export interface ConfigSource {
  /** Absolute path. */
  readonly path: string;
  readonly document: ConfigDocument;
  /** The content that the document was read from. */
  readonly text: string;
}

/** How {@link ConfigFile.create} works. */
export interface CreateOptions {
  /** Called when everything is on disk but the name: what must be said before the file counts is said here. */
  readonly announce?: () => void;
  /** @default the machine's own disk */
  readonly disk?: ConfigDisk;
}

/** What is known of the file's content. */
interface Held {
  /** Symbolic links followed: a rename over a link would replace the link. */
  readonly target: string;
  readonly document: ConfigDocument;
  readonly text: string;
}

/** The configuration file of a running server. The caller holds the lock of the data folder. */
export class ConfigFile {
  /** Absolute path as it was named. */
  readonly path: string;
  readonly #disk: ConfigDisk;
  readonly #one = pLimit(1);
  #held: Held;
  /** What the file holds if a change failed after its rename: it may be there without being known to stay. */
  #uncertainText: string | undefined;

  private constructor(file: string, held: Held, disk: ConfigDisk) {
    this.path = file;
    this.#held = held;
    this.#disk = disk;
  }

  /**
   * Takes a loaded configuration over, and removes what a crash left beside it.
   *
   * @param disk the machine's own disk unless a test says otherwise
   * @throws {ConfigError} when it is not there any more, or was changed since it was loaded
   */
  static async open(source: ConfigSource, disk: ConfigDisk = systemConfigDisk): Promise<ConfigFile> {
    try {
      const target = await realpath(source.path);
      // Read before the lock was taken: the server that held it until then may have written its last change since.
      if ((await disk.read(target)) !== source.text) {
        const expected = 'the file as it was read, but it was changed since; start again';
        throw new ConfigError({ pointer: '', expected }, { file: source.path });
      }
      await removeLeftovers(target, disk);
      return new ConfigFile(source.path, { target, document: source.document, text: source.text }, disk);
    } catch (error) {
      throw writeRefused(source.path, error);
    }
  }

  /**
   * Writes the configuration of a first run. Never overwrites: a file that appeared meanwhile stays as it is.
   *
   * @param options what to do just before the file gets its name
   * @throws {ConfigError} when there is one already, or when it cannot be written
   */
  static async create(file: string, document: ConfigDocument, options: CreateOptions = {}): Promise<ConfigFile> {
    const disk = options.disk ?? systemConfigDisk;
    const target = path.resolve(file);
    const text = formatConfig(document);
    try {
      await removeLeftovers(target, disk);
      await withTemporary({ target, text, disk }, async (temporary, syncFolder) => {
        options.announce?.();
        await disk.link(temporary, target);
        await syncFolder();
        await disk.unlink(temporary).catch(() => undefined);
      });
    } catch (error) {
      throw writeRefused(target, error);
    }
    return new ConfigFile(target, { target, document, text }, disk);
  }

  /** Absolute path of what is replaced by a change: symbolic links are followed. */
  get target(): string {
    return this.#held.target;
  }

  /** What the file says. */
  get document(): ConfigDocument {
    return this.#held.document;
  }

  /**
   * Changes the file. Changes are made one after another, each from what the one before left; when this resolves, the change
   * survives a loss of power. When it rejects, `document` is what it was.
   *
   * @param change gives the new document, or the very one it was given to change nothing
   * @throws {AppError} `config_write_failed` with the cause; and whatever `change` throws
   */
  update(change: (document: ConfigDocument) => ConfigDocument): Promise<void> {
    return this.#one(async () => {
      const next = change(this.#held.document);
      if (next === this.#held.document) return;
      // What is written must load again: a defect must fail this request and not the next start.
      const text = formatConfig(checkConfig(next));
      const sizeBytes = Buffer.byteLength(text);
      if (sizeBytes > CONFIG_BYTES_MAX) {
        const message = `Cannot save the configuration: it would have ${sizeBytes} bytes, and at most ${CONFIG_BYTES_MAX} are read`;
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

  /** A change that failed after its rename must not be what the next start reads: a key in it was never shown to anyone. */
  async #putBack(): Promise<void> {
    if (this.#uncertainText === undefined) return;
    try {
      await this.#replace(this.#held.text);
      this.#uncertainText = undefined;
    } catch {
      // The next change tries again; until then the file says one or the other.
      return;
    }
  }

  async #replace(text: string): Promise<void> {
    const { target, text: expected } = this.#held;
    const present = await this.#disk.read(target);
    if (present !== undefined && present !== expected && present !== this.#uncertainText) throw new ConfigChangedError(target);
    await withTemporary({ target, text, disk: this.#disk }, async (temporary, syncFolder) => {
      await this.#disk.rename(temporary, target);
      this.#uncertainText = text;
      await syncFolder();
    });
  }
}

/** The file was edited while the server ran. */
class ConfigChangedError extends Error {
  override readonly name = 'ConfigChangedError';

  constructor(file: string) {
    super(`Cannot replace ${JSON.stringify(file)}: it was changed since the server read it`);
  }
}

function failureText(error: unknown): string {
  return error instanceof ConfigChangedError
    ? 'Cannot save the configuration: the file was edited while the server ran; restart the server to take the edit over'
    : 'Cannot save the configuration: the file could not be replaced';
}

/** Formats a document as it stands in the file. */
export function formatConfig(document: ConfigDocument): string {
  return `${JSON.stringify(document, null, INDENT_BLANKS)}\n`;
}

function writeRefused(file: string, cause: unknown): unknown {
  if (!isErrno(cause)) return cause;
  const expected = cause.code === 'EEXIST'
    ? 'no such file on a first run, but another program has just written it'
    : `a file that can be written, but the system says ${cause.code ?? 'no'}`;
  return new ConfigError({ pointer: '', expected }, { file, cause });
}
