/**
 * Counts the bytes of the log since the newest snapshot, which decide when the next one is due.
 */
import { invariant } from '../base/invariant.js';

/** Marks that are kept; a snapshot is always of one of the last. */
const MARKS_MAX = 16;

interface Mark {
  readonly seq: number;
  readonly totalBytes: number;
}

/** Counts bytes, minus those that a snapshot covers. */
export class ChangedBytes {
  #totalBytes = 0;
  /** Bytes of the total that the newest snapshot covers. */
  #coveredBytes = 0;
  #marks: Mark[] = [];

  /** Bytes since the newest snapshot. */
  get count(): number {
    return this.#totalBytes - this.#coveredBytes;
  }

  /** Adds the bytes of one event. */
  add(bytes: number): void {
    invariant(bytes >= 0, 'an event has a size');
    this.#totalBytes += bytes;
  }

  /** Marks the current total as that of a seq at which a snapshot may be made. */
  mark(seq: number): void {
    this.#marks.push({ seq, totalBytes: this.#totalBytes });
    if (this.#marks.length > MARKS_MAX) this.#marks.shift();
  }

  /** Records that a snapshot exists. Ignores a seq without a mark: the count stays too high, and the next snapshot is due early. */
  noteSnapshot(seq: number): void {
    const mark = this.#marks.find((one) => one.seq === seq);
    if (mark !== undefined) this.#coveredBytes = Math.max(this.#coveredBytes, mark.totalBytes);
    this.#marks = this.#marks.filter((one) => one.seq > seq);
  }
}
