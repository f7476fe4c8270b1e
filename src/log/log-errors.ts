/**
 * What can go wrong with a log, beyond the plain `AppError` codes. Part of the contract, so that callers can distinguish the errors of any
 * implementation.
 */
import { AppError, isErrno } from '../base/app-error.js';
import type { ErrorCode } from '../base/error-codes.js';
import type { Finding } from '../base/finding.js';

/**
 * A log holds what was not written, or lacks what was. Nothing has been changed; a person must decide. The caller adds advice, since it
 * knows the project and its configuration.
 */
export class LogCorruptError extends AppError {
  /** The error code of the response. */
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
 * A log is sound but ends before what its head, a snapshot or a record elsewhere proves: an older copy was restored, or a disk lost what
 * it had confirmed.
 */
export class LogOutdatedError extends LogCorruptError {
  static override readonly code: ErrorCode = 'project_outdated';
  override readonly name = 'LogOutdatedError';
}

/** A newer version of this program wrote a file. */
export class LogVersionError extends AppError {
  override readonly name = 'LogVersionError';

  /** @param file file name relative to the data folder */
  constructor(file: string, format: string) {
    super('project_newer_format', `Cannot read "${file}": its format "${format}" is unknown to this version`);
  }
}

/** Another writer appended first. The caller catches up and decides again. */
export class WrongLastSeqError extends Error {
  override readonly name = 'WrongLastSeqError';
  /** The log's last seq. */
  readonly actualSeq: number;

  /** @param expectedSeq the seq on which the caller based its decision */
  constructor(expectedSeq: number, actualSeq: number) {
    super(`Cannot append after seq ${expectedSeq}: the log's last seq is ${actualSeq}`);
    this.actualSeq = actualSeq;
  }
}

/** A deleted log whose files could not be moved away. */
export interface UnmovedLog {
  readonly project: string;
  readonly logId: string;
  /** The error of the file system. */
  readonly error: NodeJS.ErrnoException;
}

/** A reader was too slow for a log that keeps only its newest lines: its next line is gone. */
export class LinesDroppedError extends Error {
  override readonly name = 'LinesDroppedError';
  /** The first seq that the log still has. */
  readonly firstKeptSeq: number;

  constructor(dueSeq: number, firstKeptSeq: number) {
    super(`Cannot continue reading at seq ${dueSeq}: the log keeps only lines from seq ${firstKeptSeq} on`);
    this.firstKeptSeq = firstKeptSeq;
  }
}

/** A log that is being followed was deleted or moved, or another log of the project has taken its place. */
export class LogReplacedError extends Error {
  override readonly name = 'LogReplacedError';

  /** @param reason what has become of it */
  constructor(project: string, reason: string) {
    super(`Cannot continue to follow "${project}": ${reason}. The project was deleted, repaired or moved between memory and disk`);
  }
}

/** The error for lines whose fate only a restart can tell. */
export function outcomeUnknown(why: string, cause?: unknown): AppError {
  return new AppError('outcome_unknown', `Cannot tell whether the lines were appended: ${why}`, { cause });
}

/** The error for a log that no longer accepts lines. */
export function logFailed(why: string, cause?: unknown): AppError {
  return new AppError('log_failed', `Cannot append to the log: ${why}`, { cause });
}

/**
 * Distinguishes damaged or unreadable bytes from every other failure.
 *
 * @returns true if the bytes are lost while other parts of the log may be legible
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
  return { ...place, seq: endSeq + 1, expected, found: `the end of the log after seq ${endSeq}`, kind: 'outdated' };
}
