/**
 * What can be wrong with a snapshot. None of it is fatal to a project as long as its log exists, so damage is no `AppError`: the reader of
 * a snapshot decides what to read instead.
 */
import { AppError, isErrno } from '../../base/app-error.js';
import { faultOf } from '../../disk/disk-fault.js';

/** A place in a file of a generation. */
export interface SnapshotPlace {
  /** File name inside the project's folder. */
  readonly file: string;
  /** In bytes. */
  readonly offset: number;
}

/** A file of a generation differs from what was written. */
export class SnapshotCorruptError extends Error {
  override readonly name = 'SnapshotCorruptError';
  /** File name inside the project's folder. */
  readonly file: string;
  /** Offset of the damaged piece in bytes; 0 if only the whole file is known to be wrong. */
  readonly offset: number;
  /** What should be there, as a phrase. */
  readonly expected: string;
  /** What is there instead, as a phrase. */
  readonly found: string;

  /** @param found what is there instead, as a phrase; never a value */
  constructor(place: SnapshotPlace, expected: string, found: string) {
    super(`Cannot trust "${place.file}" at byte ${place.offset}: expected ${expected}, found ${found}`);
    this.file = place.file;
    this.offset = place.offset;
    this.expected = expected;
    this.found = found;
  }
}

/**
 * Converts the failure to open or read a file of a generation. A missing file, and a piece that the disk cannot read, count as damage:
 * another generation, or the log, serves instead.
 *
 * @param expected what should be readable there, as a phrase
 * @returns a {@link SnapshotCorruptError}; any other error as it is
 */
export function asSnapshotDamage(error: unknown, place: SnapshotPlace, expected: string): unknown {
  if (isErrno(error, 'ENOENT')) return new SnapshotCorruptError({ ...place, offset: 0 }, 'a file', 'none of that name');
  if (isErrno(error) && faultOf(error) === 'disk') return new SnapshotCorruptError(place, expected, error.code ?? 'none');
  return error;
}

/** A newer version of this program wrote the generation. */
export class SnapshotVersionError extends Error {
  override readonly name = 'SnapshotVersionError';
  /** File name inside the project's folder. */
  readonly file: string;

  /** @param form what is unknown: the name of a format, or what it has, as a phrase */
  constructor(file: string, form: string) {
    super(`Cannot read "${file}": ${form} is unknown to this version; run the version that wrote it, or a newer one`);
    this.file = file;
  }
}

/** A run file of an attempt to build a generation differs from what was written. Neither the log nor a snapshot is damaged: try again. */
export class RunDamagedError extends AppError {
  override readonly name = 'RunDamagedError';

  /**
   * @param file file name inside the project's folder
   * @param offset of the damaged piece in bytes
   */
  constructor(file: string, offset: number) {
    super('disk_failed', `Cannot trust "${file}" at byte ${offset}: the disk returns other bytes than were written`);
  }
}
