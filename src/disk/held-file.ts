/**
 * A file that is opened when it is used and stays open for a while after. Owns its one descriptor: each use of the file is counted,
 * and it is closed only when the count is zero, so that no close can hit work that is under way or queued.
 */
import { isErrno } from '../base/app-error.js';
import { invariant } from '../base/invariant.js';
import { closeQuietly } from './close-quietly.js';
import type { DiskFile } from './disk.js';
import type { IdleFile, IdleFiles } from './idle-files.js';

/** A file could not be opened: nothing was done with it. */
export class NotOpenedError extends Error {
  override readonly name = 'NotOpenedError';
  /** As the system said. */
  readonly code: string | undefined;
  /** As the system said. */
  readonly errno: number | undefined;

  /** @param cause the errno of the opening */
  constructor(cause: NodeJS.ErrnoException) {
    super(`Cannot open the file: ${cause.message}`, { cause });
    this.code = cause.code;
    this.errno = cause.errno;
  }
}

/** One file, open while it is needed. */
export class HeldFile implements IdleFile {
  readonly #openFile: () => Promise<DiskFile>;
  readonly #idleFiles: IdleFiles;
  /** The open file; undefined while it is closed. */
  #file: Promise<DiskFile> | undefined;
  /** The closing of the descriptor before: two at a time could hide from one what the system tells the other. */
  #closing: Promise<void> = Promise.resolve();
  #users = 0;
  #isKept = false;
  #isClosed = false;
  #resolveIdle: (() => void) | undefined;

  /**
   * @param openFile opens it, and refuses one that is not the file that is meant
   * @param idleFiles says when it is closed
   */
  constructor(openFile: () => Promise<DiskFile>, idleFiles: IdleFiles) {
    this.#openFile = openFile;
    this.#idleFiles = idleFiles;
  }

  /**
   * Uses the file, opened if it is not.
   *
   * @param work what is done with it; the file is not to be used after it has settled
   * @returns what `work` returns
   * @throws {NotOpenedError} when the system refused to open it: `work` has not begun
   * @throws what `work` throws; after EBADF the next use opens the file again
   */
  async use<T>(work: (file: DiskFile) => Promise<T>): Promise<T> {
    invariant(!this.#isClosed, 'a file that has been closed for good is not used');
    this.#users += 1;
    this.#idleFiles.remove(this);
    const opening = this.#file ?? this.#closing.then(() => this.#openFile());
    this.#file = opening;
    try {
      return await work(await this.#opened(opening));
    } catch (error) {
      // A descriptor that turned out to be none would fail every further use.
      if (isErrno(error, 'EBADF') && this.#file === opening) await this.#letGo();
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

  /** What becomes of the descriptor when a use is over. */
  #settle(): void {
    if (this.#users > 0) return;
    this.#resolveIdle?.();
    if (!this.#isClosed && !this.#isKept && this.#file !== undefined) this.#idleFiles.add(this);
  }

  /**
   * Says whether the file has to stay open although nothing uses it: bytes that are not synced would lose the descriptor that the
   * system reports a failure to write them to.
   *
   * @param isKept true: it stays open until this is taken back, or it is closed for good
   */
  keep(isKept: boolean): void {
    this.#isKept = isKept;
    if (isKept) this.#idleFiles.remove(this);
    else this.#settle();
  }

  /** Closes the descriptor unless it is used or kept; the next use opens the file again. */
  async release(): Promise<void> {
    if (this.#users === 0 && !this.#isKept) await this.#letGo();
  }

  async #letGo(): Promise<void> {
    this.#idleFiles.remove(this);
    const opened = this.#file;
    if (opened === undefined) return;
    this.#file = undefined;
    this.#closing = closeQuietly(opened);
    await this.#closing;
  }

  /** Waits for every use that has begun, then closes the descriptor for good. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#users > 0) await new Promise<void>((resolve) => (this.#resolveIdle = resolve));
    await this.#letGo();
  }
}
