/**
 * How much has changed since the newest snapshot, in bytes of the log: what decides when the next one is due.
 */
import { invariant } from '../base/invariant.js';

/** Moments that are remembered; a snapshot is of one of the last of them. */
const MARKS_MAX = 16;

interface Mark {
  readonly seq: number;
  readonly totalBytes: number;
}

/** Counts bytes, and forgets those that a snapshot holds. */
export class ChangedBytes {
  #totalBytes = 0;
  /** What the newest snapshot holds of the total. */
  #heldBytes = 0;
  #marks: Mark[] = [];

  /** Bytes since the newest snapshot. */
  get count(): number {
    return this.#totalBytes - this.#heldBytes;
  }

  /** @param bytes of one more event */
  add(bytes: number): void {
    invariant(bytes >= 0, 'an event has a size');
    this.#totalBytes += bytes;
  }

  /** Remembers this moment: a snapshot of it may be made. */
  mark(seq: number): void {
    this.#marks.push({ seq, totalBytes: this.#totalBytes });
    if (this.#marks.length > MARKS_MAX) this.#marks.shift();
  }

  /**
   * Takes note that there is a snapshot. One of a moment that was not marked changes nothing: then too much is counted, and the
   * next snapshot comes early.
   */
  noteSnapshot(seq: number): void {
    const mark = this.#marks.find((one) => one.seq === seq);
    if (mark !== undefined) this.#heldBytes = Math.max(this.#heldBytes, mark.totalBytes);
    this.#marks = this.#marks.filter((one) => one.seq > seq);
  }
}
