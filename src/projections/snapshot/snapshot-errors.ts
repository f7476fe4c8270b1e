/**
 * What can be wrong with a snapshot. None of these is fatal to a project as long as its log is there, so they are no `AppError`:
 * who reads a snapshot decides what else to read.
 */

/** A file of a generation holds what was not written, or lacks what was. */
export class SnapshotCorruptError extends Error {
  override readonly name = 'SnapshotCorruptError';
  /** Name inside the project's folder. */
  readonly file: string;
  /** Offset in bytes of the first byte of the damaged piece; 0 where nothing but the whole is known to be wrong. */
  readonly offset: number;
  /** What should be there, as a phrase. */
  readonly expected: string;
  /** What is there instead, as a phrase. */
  readonly found: string;

  /**
   * @param place name of the file inside the project's folder, and offset in bytes
   * @param found what is there instead, as a phrase; never a value
   */
  constructor(place: { readonly file: string; readonly offset: number }, expected: string, found: string) {
    super(`Cannot trust "${place.file}" at byte ${place.offset}: expected ${expected}, found ${found}`);
    this.file = place.file;
    this.offset = place.offset;
    this.expected = expected;
    this.found = found;
  }
}

/** A generation was written by a newer version of this program. */
export class SnapshotVersionError extends Error {
  override readonly name = 'SnapshotVersionError';
  /** Name inside the project's folder. */
  readonly file: string;

  constructor(file: string, format: string) {
    super(`Cannot read "${file}": its format "${format}" is unknown to this version; run the version that wrote it, or a newer one`);
    this.file = file;
  }
}

/** The log gave back other bytes of a value than those it was given: the log is damaged, no snapshot. */
export class ValueChangedError extends Error {
  override readonly name = 'ValueChangedError';

  /** @param place where the log keeps it: the first seq of the segment, and the offset in bytes */
  constructor(seq: number, place: { readonly segment: number; readonly offset: number }) {
    super(`Cannot trust the log at seq ${seq}, segment ${place.segment}, byte ${place.offset}: the value's CRC-32 is wrong`);
  }
}
