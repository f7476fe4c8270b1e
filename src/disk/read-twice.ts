/**
 * Repeats a read that the device refuses, once and immediately: a momentary failure of a cable, a controller or a network disk must not
 * make a sound file look damaged.
 */
import { isErrno } from '../base/app-error.js';

/** Receives the error of a read that was refused and then succeeded when it was repeated. */
type RereadReport = (error: NodeJS.ErrnoException) => void;

/**
 * Runs a read, and repeats it if the device refuses it (EIO).
 *
 * @param report called if the first read failed and the second one did not
 * @throws the error of the second read, or of the first one if it was not EIO
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
