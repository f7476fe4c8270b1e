/**
 * The text of a time in logs: ISO 8601 in UTC, to the millisecond.
 */

let lastTimeMs = NaN;
let lastText = '';

/** The schema of a time as {@link isoTime} writes it. */
export const ISO_TIME_SCHEMA = { type: 'string', pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$' } as const;

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

/** Characters of such a text. */
export const ISO_TIME_LENGTH = 24;

/** Tells whether a text is a time as {@link isoTime} writes it. */
export function isIsoTime(text: string): boolean {
  const timeMs = Date.parse(text);
  return text.length === ISO_TIME_LENGTH && !Number.isNaN(timeMs) && new Date(timeMs).toISOString() === text;
}
