/**
 * The layout of the `.json` of a generation: one key per line, so that `grep` and `diff` work on it, and so that the offset of each value
 * follows from the keys and sizes before it. Pure.
 */
import { type ByteRange, isAt, isRangeAt } from '../../base/byte-scan.js';

/** The start of the file. */
export const JSON_START = '{';
/** The end of the file. */
export const JSON_END = '}\n';
/** Precedes {@link JSON_END} if there is a key. */
export const LAST_LINE_END = '\n';

/** Maximum size of a value in bytes: no line of a log is longer. */
export const VALUE_BYTES_MAX = 16_777_216;

/** Returns the text between the previous value, or the start, and the value of a key. */
export function beforeValue(key: string, isFirst: boolean): string {
  return `${isFirst ? '\n' : ',\n'}${JSON.stringify(key)}:`;
}

const BEFORE_FIRST_KEY = Buffer.from('\n');
const BEFORE_NEXT_KEY = Buffer.from(',\n');
const COLON = Buffer.from(':');

/**
 * Returns the length of {@link beforeValue} in bytes.
 *
 * @param keyText the key as it is spelled in both files, with its quotation marks
 */
export function beforeValueBytes({ start, end }: ByteRange, isFirst: boolean): number {
  return end - start + (isFirst ? BEFORE_FIRST_KEY.length : BEFORE_NEXT_KEY.length) + COLON.length;
}

/** Tells whether {@link beforeValue} of a key stands at an offset; see {@link beforeValueBytes}. */
export function isBeforeValueAt(bytes: Buffer, at: number, keyText: ByteRange, isFirst: boolean): boolean {
  const before = isFirst ? BEFORE_FIRST_KEY : BEFORE_NEXT_KEY;
  const keyAt = at + before.length;
  return isAt(bytes, at, before) && isRangeAt(bytes, keyAt, keyText) && isAt(bytes, keyAt + keyText.end - keyText.start, COLON);
}
