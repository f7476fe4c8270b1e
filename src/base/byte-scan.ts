/**
 * Comparing and reading bytes where they stand, without making text of them: for files of which a start reads millions of lines.
 */

/** Bytes in a buffer, which may hold others around them. */
export interface ByteRange {
  readonly bytes: Buffer;
  readonly start: number;
  /** Offset after the last one. */
  readonly end: number;
}

const [ZERO, QUOTE, BACKSLASH, SPACE] = Buffer.from('0"\\ ') as unknown as readonly [number, number, number, number];
const TEN = 10;
const ASCII_LAST = 0x7f;
/** Ranges that may share more bytes than this are compared by a call of the runtime. */
const LOOPED_BYTES_MAX = 32;
/** Numbers of more digits may not be exact. */
const DIGITS_MAX = 15;

/** Makes text of a range of UTF-8. */
export function textOf({ bytes, start, end }: ByteRange): string {
  return bytes.toString('utf8', start, end);
}

/** Tells whether a range, which is short, is ASCII. */
export function isAscii({ bytes, start, end }: ByteRange): boolean {
  for (let at = start; at < end; at += 1) if ((bytes[at] as number) > ASCII_LAST) return false;
  return true;
}

/** Tells whether bytes stand at an offset; false beyond the end. */
export function isAt(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let index = 0; index < wanted.length; index += 1) if (bytes[at + index] !== wanted[index]) return false;
  return true;
}

/** Tells whether the bytes of a range stand at an offset; false beyond the end. */
export function isRangeAt(bytes: Uint8Array, at: number, { bytes: wanted, start, end }: ByteRange): boolean {
  for (let index = start; index < end; index += 1) if (bytes[at + index - start] !== wanted[index]) return false;
  return true;
}

/**
 * Compares two ranges by their bytes, for sorting. Most keys are short, and a loop takes less time than a call of the runtime; but they may
 * also share a thousand bytes, and a sort compares them many times.
 */
export function compareRanges(a: ByteRange, b: ByteRange): number {
  const [aBytes, bBytes] = [a.end - a.start, b.end - b.start];
  const shared = Math.min(aBytes, bBytes);
  if (shared > LOOPED_BYTES_MAX) return a.bytes.compare(b.bytes, b.start, b.end, a.start, a.end);
  for (let index = 0; index < shared; index += 1) {
    const difference = (a.bytes[a.start + index] as number) - (b.bytes[b.start + index] as number);
    if (difference !== 0) return difference;
  }
  return aBytes - bBytes;
}

/** Returns the digit at an offset; -1 if there is none. */
export function digitAt(bytes: Uint8Array, at: number): number {
  const digit = (bytes[at] ?? 0) - ZERO;
  return digit >= 0 && digit < TEN ? digit : -1;
}

/**
 * Finds the end of a number as JSON spells a count: no sign, no leading zero, at most 15 digits.
 *
 * @returns the offset after it; `start` if there is no such number
 */
export function endOfCount(bytes: Uint8Array, start: number): number {
  let at = start;
  while (digitAt(bytes, at) >= 0) at += 1;
  const isSpelled = at - start <= DIGITS_MAX && (bytes[start] !== ZERO || at === start + 1);
  return isSpelled ? at : start;
}

/** Reads the number between two offsets, from {@link endOfCount}. */
export function countIn(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at += 1) value = value * TEN + digitAt(bytes, at);
  return value;
}

/**
 * Finds the end of text that a JSON string holds as it is: no quotation mark, no backslash, no control character below U+0020.
 *
 * @param end where to stop at the latest
 */
export function endOfPlainText(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && isPlain(bytes[at] ?? 0)) at += 1;
  return at;
}

function isPlain(byte: number): boolean {
  return byte >= SPACE && byte !== QUOTE && byte !== BACKSLASH;
}
