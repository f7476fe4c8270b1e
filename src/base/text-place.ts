/**
 * Where a piece of text lies in what a log has stored. Handed on by those who keep millions of them, so plain numbers only.
 */
import { invariant } from './invariant.js';

/** A piece of a stored line; only the log that gave it out can read it. */
export interface TextPlace {
  /** The segment: the seq of its first event. */
  readonly segment: number;
  /** Where the piece begins, in bytes from the start of the segment. */
  readonly offset: number;
  /** Its length in bytes. */
  readonly sizeBytes: number;
}

/** The last part of a piece. */
export function endOfPlace({ segment, offset, sizeBytes: wholeBytes }: TextPlace, sizeBytes: number): TextPlace {
  invariant(sizeBytes < wholeBytes, 'a part is shorter than the whole');
  return { segment, offset: offset + wholeBytes - sizeBytes, sizeBytes };
}
