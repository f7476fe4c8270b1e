/**
 * The calls that move the bytes of an open file: on Node's thread pool, or on the calling thread. Knows no paths, and repeats nothing.
 */
import { fdatasyncSync, readSync, writeSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';

/** Moves bytes between memory and an open file. Each call rejects with the errno of the system. */
export interface Transfers {
  /**
   * Writes a whole buffer with one system call.
   *
   * @param offset undefined: at the end of a file that was opened for appending
   * @returns how many bytes were written
   */
  write(handle: FileHandle, bytes: Buffer, offset?: number): Promise<number>;
  /**
   * Fills a buffer with one system call.
   *
   * @returns how many bytes were read
   */
  read(handle: FileHandle, into: Buffer, offset: number): Promise<number>;
  /** Makes content and size durable. */
  datasync(handle: FileHandle): Promise<void>;
}

/** On the thread pool: the calling thread continues meanwhile. */
export const POOLED: Transfers = {
  write: async (handle, bytes, offset) => (await handle.write(bytes, 0, bytes.length, offset ?? null)).bytesWritten,
  read: async (handle, into, offset) => (await handle.read(into, 0, into.length, offset)).bytesRead,
  datasync: (handle) => handle.datasync(),
};

/**
 * On the calling thread, at its priority, for threads that do nothing else. The pool belongs to the whole process and has the priority of
 * the thread that answers requests: bulk transfers there take the processor from requests, and their file calls wait behind them.
 */
export const BLOCKING: Transfers = {
  write: async (handle, bytes, offset) => await Promise.resolve(writeSync(handle.fd, bytes, 0, bytes.length, offset ?? null)),
  read: async (handle, into, offset) => await Promise.resolve(readSync(handle.fd, into, 0, into.length, offset)),
  datasync: async (handle) => { await Promise.resolve(fdatasyncSync(handle.fd)); },
};
