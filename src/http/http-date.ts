/**
 * Dates in the form of HTTP (RFC 9110, section 5.6.7). Many keys were last changed in the same seconds, and a date takes longer to print
 * than to look up.
 */

const MS_PER_SECOND = 1000;
const REMEMBERED_SECONDS = 256;

const seconds = new Float64Array(REMEMBERED_SECONDS).fill(Number.NaN);
const texts: string[] = Array.from({ length: REMEMBERED_SECONDS }, () => '');

/** Returns the second of a time, such as `Sun, 22 Nov 2026 10:00:00 GMT`. */
export function httpDate(timeMs: number): string {
  const second = Math.floor(timeMs / MS_PER_SECOND);
  const slot = Math.abs(second) % REMEMBERED_SECONDS;
  if (seconds[slot] === second) return texts[slot] ?? '';
  const text = new Date(second * MS_PER_SECOND).toUTCString();
  seconds[slot] = second;
  texts[slot] = text;
  return text;
}
