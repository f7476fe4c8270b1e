/**
 * The text of a time in logs: ISO 8601 in UTC, to the millisecond.
 */

let lastTimeMs = NaN;
let lastText = '';

/**
 * Writes a time as `2026-01-31T23:59:59.999Z`. It keeps the last one, since many lines of a log are of one millisecond.
 *
 * @param timeMs milliseconds since 1970
 */
export function isoTime(timeMs: number): string {
  if (timeMs !== lastTimeMs) {
    lastText = new Date(timeMs).toISOString();
    lastTimeMs = timeMs;
  }
  return lastText;
}
