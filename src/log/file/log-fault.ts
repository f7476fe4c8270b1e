/**
 * What a check of a log names: a place in one of its files, what has to be there, and what is there.
 */
import { isErrno } from '../../base/app-error.js';
import { LogCorruptError, LogVersionError } from '../log-errors.js';
import type { LogPosition } from '../log.js';

/** Something in a log that cannot be. */
export interface LogFault {
  /** File name relative to the home of the logs. */
  readonly file: string;
  /** Offset in bytes of the text, of the first byte of the damaged record; 0 where that cannot be said. */
  readonly offset: number;
  /** The seq that was due there, where that is known. */
  readonly seq: number | undefined;
  readonly expected: string;
  readonly found: string;
  /** A newer version wrote it, or it is sound and ends before what is known to have been in it; undefined for damage. */
  readonly kind?: 'newer_format' | 'outdated';
}

/**
 * Makes the fault of a sound log that ends too early.
 *
 * @param place its active segment, where the text of that ends, and its last line
 * @param expected how far it was to go, and what says so
 */
export function endFault(
  { file, offset, end }: { readonly file: string; readonly offset: number; readonly end: LogPosition }, expected: string,
): LogFault {
  return { file, offset, seq: end.seq + 1, expected, found: `the end after seq ${end.seq}`, kind: 'outdated' };
}

/**
 * Tells what a failure to read a log says of it.
 *
 * @param file the file that was read, relative to the home of the logs
 * @returns the fault; undefined for an error that says nothing of the log
 */
export function faultIn(error: unknown, file: string): LogFault | undefined {
  if (error instanceof LogCorruptError) {
    const { place, expected, found } = error;
    return { file: place.file, offset: place.offset, seq: place.seq, expected, found };
  }
  const expected = 'a file that can be read';
  if (error instanceof LogVersionError) return { file, offset: 0, seq: undefined, expected, found: error.message, kind: 'newer_format' };
  if (isErrno(error, 'ENOENT')) return { file, offset: 0, seq: undefined, expected: 'a segment of the log', found: 'no such file' };
  if (isErrno(error, 'EIO')) return { file, offset: 0, seq: undefined, expected, found: error.code ?? 'none' };
  return undefined;
}
