/**
 * Writes and looks at the text of records, most of which are short.
 */
import type { ByteRange } from '../../base/byte-scan.js';

/** Keys up to this length are copied without a call of the runtime, which costs more than the loop. */
const LOOPED_LENGTH_MAX = 48;
const ASCII_LAST = 0x7f;
const WORD_BYTES = 4;
/** The upper bit of each byte of a word. */
const BEYOND_ASCII_MASK = 0x80808080;

/** Memory; both views are of the same bytes. */
interface Memory {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
}

/** Tells whether bytes are ASCII, most of them a word at a time. */
export function isAsciiAt({ bytes, words }: Memory, start: number, end: number): boolean {
  const firstWord = Math.ceil(start / WORD_BYTES);
  const endWord = Math.max(Math.floor(end / WORD_BYTES), firstWord);
  let seen = 0;
  for (let at = start; at < firstWord * WORD_BYTES && at < end; at += 1) seen |= bytes[at] as number;
  for (let word = firstWord; word < endWord; word += 1) seen |= words[word] as number;
  for (let at = endWord * WORD_BYTES; at < end; at += 1) seen |= bytes[at] as number;
  return (seen & BEYOND_ASCII_MASK) === 0;
}

/** Copies a key. */
export function copyKey(target: Buffer, targetStart: number, { bytes, start, end }: ByteRange): void {
  if (end - start > LOOPED_LENGTH_MAX) bytes.copy(target, targetStart, start, end);
  else for (let at = start; at < end; at += 1) target[targetStart + at - start] = bytes[at] as number;
}

/** Writes a key and returns its length in bytes. */
export function writeKey(bytes: Buffer, start: number, key: string): number {
  const { length } = key;
  if (length > LOOPED_LENGTH_MAX) return bytes.write(key, start);
  for (let index = 0; index < length; index += 1) {
    const unit = key.charCodeAt(index);
    if (unit > ASCII_LAST) return bytes.write(key, start);
    bytes[start + index] = unit;
  }
  return length;
}
