/**
 * A file that is opened on use and stays open for a while afterwards. Owns its one descriptor: it counts the uses of the file and closes
 * the descriptor only at zero, so that closing never affects a call in progress or queued.
 */
import { isErrno } from '../base/app-error.js';
import { invariant } from '../base/invariant.js';
import { closeQuietly, type DiskFile } from './disk.js';
import type { IdleFile, IdleFiles } from './idle-files.js';

/** A file could not be opened, so nothing was done with it. */
export class NotOpenedError extends Error {
  override readonly name = 'NotOpenedError';
  /** As the operating system reported it. */
  readonly code: string | undefined;
  /** As the operating system reported it. */
  readonly errno: number | undefined;

  constructor(cause: NodeJS.ErrnoException) {
    super(`Cannot open the file: ${cause.message}`, { cause });
    this.code = cause.code;
    this.errno = cause.errno;
  }
}

/** A file that is open while it is needed. */
export class HeldFile implements IdleFile {
  readonly #openFile: () => Promise<DiskFile>;
  readonly #idleFiles: IdleFiles;
  /** The open file; undefined while it is closed. */
  #file: Promise<DiskFile> | undefined;
  /** The closing of the previous descriptor. With two open at a time, the system might report a failed write-back to only one of them. */
  #closing: Promise<void> = Promise.resolve();
  #users = 0;
  #isKept = false;
  #isClosed = false;
  #resolveIdle: (() => void) | undefined;

  /**
   * @param openFile opens the file, and rejects if it is not the right one
   * @param idleFiles decides when to close it
   */
  constructor(openFile: () => Promise<DiskFile>, idleFiles: IdleFiles) {
    this.#openFile = openFile;
    this.#idleFiles = idleFiles;
  }

  /**
   * Uses the file, opening it if necessary.
   *
   * @param work must not use the file after it has settled
   * @returns what `work` returns
   * @throws {NotOpenedError} if the system refused to open it; `work` was not called
   * @throws what `work` throws; after EBADF the next use reopens the file
   */
  async use<T>(work: (file: DiskFile) => Promise<T>): Promise<T> {
    invariant(!this.#isClosed, 'a closed file is not used');
    this.#users += 1;
    this.#idleFiles.remove(this);
    const opening = this.#file ?? this.#closing.then(() => this.#openFile());
    this.#file = opening;
    try {
      return await work(await this.#opened(opening));
    } catch (error) {
      // An invalid descriptor would fail every further use.
      if (isErrno(error, 'EBADF') && this.#file === opening) await this.#closeNow();
      throw error;
    } finally {
      this.#users -= 1;
      this.#settle();
    }
  }

  async #opened(opening: Promise<DiskFile>): Promise<DiskFile> {
    try {
      return await opening;
    } catch (error) {
      if (this.#file === opening) this.#file = undefined;
      throw isErrno(error) ? new NotOpenedError(error) : error;
    }
  }

  /** Decides about the descriptor after a use. */
  #settle(): void {
    if (this.#users > 0) return;
    this.#resolveIdle?.();
    if (!this.#isClosed && !this.#isKept && this.#file !== undefined) this.#idleFiles.add(this);
  }

  /**
   * Sets whether the file must stay open while it is unused: for bytes that are not synced, the system reports a failed write-back only on
   * the descriptor they were written to.
   *
   * @param isKept true: it stays open until this is set to false, or it is closed
   */
  keep(isKept: boolean): void {
    this.#isKept = isKept;
    if (isKept) this.#idleFiles.remove(this);
    else this.#settle();
  }

  /** Closes the descriptor unless it is in use or kept. The next use reopens the file. */
  async release(): Promise<void> {
    if (this.#users === 0 && !this.#isKept) await this.#closeNow();
  }

  async #closeNow(): Promise<void> {
    this.#idleFiles.remove(this);
    const opened = this.#file;
    if (opened === undefined) return;
    this.#file = undefined;
    this.#closing = closeQuietly(opened);
    await this.#closing;
  }

  /** Waits for every use in progress, then closes the file. It must not be used again. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#users > 0) await new Promise<void>((resolve) => (this.#resolveIdle = resolve));
    await this.#closeNow();
  }
}
