/**
 * The layout of the `.json` of a generation: one key per line, so that `grep` and `diff` work on it, and so that the offset of each value
 * follows from the keys and sizes before it. Pure.
 */

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

/** Returns the length of {@link beforeValue} in bytes. */
export function beforeValueBytes(key: string, isFirst: boolean): number {
  return Buffer.byteLength(JSON.stringify(key)) + (isFirst ? FIRST_FRAME_BYTES : NEXT_FRAME_BYTES);
}

/** A line feed and a colon. */
const FIRST_FRAME_BYTES = 2;
/** A comma as well. */
const NEXT_FRAME_BYTES = 3;
