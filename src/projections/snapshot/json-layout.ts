/**
 * How the `.json` of a generation is laid out: one key a line, so that `grep` and `diff` work on it, and so that where each value
 * lies follows from the keys and the sizes before it. Pure.
 */

/** What the file begins with. */
export const JSON_START = '{';
/** What ends it, after the last value or after nothing. */
export const JSON_END = '}\n';
/** What stands before {@link JSON_END} when there is a key. */
export const LAST_LINE_END = '\n';

/**
 * Bytes of a value at most: no line of a log is longer, and a value came out of one.
 */
export const VALUE_BYTES_MAX = 16_777_216;

/** What stands between the value before, or the start, and the value of a key. */
export function beforeValue(key: string, isFirst: boolean): string {
  return `${isFirst ? '\n' : ',\n'}${JSON.stringify(key)}:`;
}

/**
 * Length of {@link beforeValue}, without making it.
 *
 * @returns bytes
 */
export function beforeValueBytes(key: string, isFirst: boolean): number {
  return Buffer.byteLength(JSON.stringify(key)) + (isFirst ? FIRST_FRAME_BYTES : NEXT_FRAME_BYTES);
}

/** A line feed and a colon. */
const FIRST_FRAME_BYTES = 2;
/** A comma as well. */
const NEXT_FRAME_BYTES = 3;
