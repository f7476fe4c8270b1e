/**
 * What can be wrong with a log, beyond what `AppError` codes say. Owned here so that callers of any home can tell them apart.
 */
import { AppError, isErrno } from '../base/app-error.js';
import type { ErrorCode } from '../base/error-codes.js';
import type { Finding } from '../base/finding.js';

/**
 * A log holds what was not written, or lacks what was. Nothing has been changed; a person must decide. What they can do is said by
 * the caller, who knows the project and its configuration.
 */
export class LogCorruptError extends AppError {
  /** What a caller is answered. */
  static readonly code: ErrorCode = 'project_corrupt';
  override readonly name: string = 'LogCorruptError';
  /** The damage. */
  readonly finding: Finding;

  constructor(place: Pick<Finding, 'file' | 'offset' | 'seq'>, expected: string, found: string) {
    const seq = place.seq === undefined ? '' : `, seq ${place.seq}`;
    super(new.target.code, `Cannot trust "${place.file}" at byte ${place.offset}${seq}: expected ${expected}, found ${found}`);
    this.finding = { ...place, expected, found };
  }
}

/**
 * A log is sound and ends before what its head or a snapshot proves: an older copy of it was put back, or a disk lost what it had
 * confirmed.
 */
export class LogOutdatedError extends LogCorruptError {
  static override readonly code: ErrorCode = 'project_outdated';
  override readonly name = 'LogOutdatedError';
}

/** A file was written by a newer version of this program. */
export class LogVersionError extends AppError {
  override readonly name = 'LogVersionError';

  /** @param file file name relative to the home of the logs */
  constructor(file: string, format: string) {
    super('project_newer_format', `Cannot read "${file}": its format "${format}" is unknown to this version`);
  }
}

/** Another writer appended first: catch up and decide again. */
export class WrongLastSeqError extends Error {
  override readonly name = 'WrongLastSeqError';
  /** The log's last seq. */
  readonly actualSeq: number;

  /** @param expectedSeq what the caller took its decision on */
  constructor(expectedSeq: number, actualSeq: number) {
    super(`Cannot append after seq ${expectedSeq}: the log's last seq is ${actualSeq}`);
    this.actualSeq = actualSeq;
  }
}

/** Files of a deleted log that could not be moved out of the way. */
export interface UnmovedLog {
  readonly project: string;
  readonly logId: string;
  /** What the file system said. */
  readonly error: NodeJS.ErrnoException;
}

/** A reader of a log that keeps only its newest lines was too slow: the line that was due is no longer kept. */
export class LinesDroppedError extends Error {
  override readonly name = 'LinesDroppedError';
  /** The first seq that is still kept. */
  readonly firstKeptSeq: number;

  constructor(dueSeq: number, firstKeptSeq: number) {
    super(`Cannot read on from seq ${dueSeq}: the log keeps its lines from seq ${firstKeptSeq} on`);
    this.firstKeptSeq = firstKeptSeq;
  }
}

/**
 * Tells bytes that are damaged or that the device cannot read from every other failure.
 *
 * @returns true where what was to be read is lost, and other parts of the log may be legible
 */
export function isIllegible(error: unknown): boolean {
  return error instanceof LogCorruptError || isErrno(error, 'EIO');
}

/**
 * Converts a failure to read a log into a finding.
 *
 * @param file the file that was read, relative to the data folder
 * @returns undefined for an error that says nothing about the log
 */
export function findingIn(error: unknown, file: string): Finding | undefined {
  if (error instanceof LogCorruptError) return error.finding;
  const expected = 'a file that can be read';
  if (error instanceof LogVersionError) return { file, offset: 0, expected, found: error.message, kind: 'newer_format' };
  if (isErrno(error, 'ENOENT')) return { file, offset: 0, expected: 'a segment of the log', found: 'no such file' };
  if (isErrno(error, 'EIO')) return { file, offset: 0, expected, found: error.code ?? 'none' };
  return undefined;
}

/**
 * Reports a sound log that ends too early.
 *
 * @param place its active segment, and the offset at which its lines end
 * @param endSeq its last line
 * @param expected how far it should reach, and which record proves that
 */
export function earlyEnd(place: { readonly file: string; readonly offset: number }, endSeq: number, expected: string): Finding {
  return { ...place, seq: endSeq + 1, expected, found: `the end after seq ${endSeq}`, kind: 'outdated' };
}
