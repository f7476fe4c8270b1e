/**
 * The place of a piece of text in a log. Models keep millions of them, so it consists of plain numbers.
 */
import { invariant } from './invariant.js';

/** The place of a part of a stored line; only the log that returned it can read it. */
export interface TextPlace {
  /** The seq of the segment's first event. */
  readonly segment: number;
  /** In bytes from the start of the segment. */
  readonly offset: number;
  readonly sizeBytes: number;
}

/** Returns the place of the last `sizeBytes` bytes of a piece. */
export function endOfPlace({ segment, offset, sizeBytes: wholeBytes }: TextPlace, sizeBytes: number): TextPlace {
  invariant(sizeBytes < wholeBytes, 'a part is shorter than the whole');
  return { segment, offset: offset + wholeBytes - sizeBytes, sizeBytes };
}
