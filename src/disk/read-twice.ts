/**
 * Reads that the device refuses are made once more, at once: a cable, a controller or a network disk that fails for a moment must not
 * have a sound file taken for a damaged one. What fails twice is what the caller gets.
 */
import { isErrno } from '../base/app-error.js';

/** Told of a read that was refused and succeeded when it was made again. */
export type RereadReport = (error: NodeJS.ErrnoException) => void;

/**
 * Makes a read, and makes it once more where the device refuses it.
 *
 * @param read makes the read; it may be made twice
 * @param report told where the first one failed and the second one did not
 * @throws what the second read failed with, or the first one where the device did not refuse it
 */
export async function readTwice<T>(read: () => Promise<T>, report?: RereadReport): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!isErrno(error, 'EIO')) throw error;
    const result = await read();
    report?.(error);
    return result;
  }
}
