/**
 * Times as clients write them: RFC 3339, with seconds and a zone.
 */

const FORM = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/i;
const MILLISECOND_DIGITS = 3;
/** The end of the year 9999 in UTC, behind which a time has another form. */
const LAST_MS = 253_402_300_799_999;

/**
 * Parses a time. Digits below a millisecond are dropped, since the times of lines have none.
 *
 * @returns milliseconds since 1970; undefined if the text is no time, or one beyond the year 9999 in UTC
 */
export function parseRfc3339(text: string): number | undefined {
  const [, seconds, fraction = '', zone] = FORM.exec(text) ?? [];
  if (seconds === undefined || zone === undefined) return undefined;
  const written = `${seconds.toUpperCase()}.${fraction.padEnd(MILLISECOND_DIGITS, '0').slice(0, MILLISECOND_DIGITS)}`;
  const asUtcMs = Date.parse(`${written}Z`);
  const timeMs = Date.parse(written + zone.toUpperCase());
  // Date.parse takes a day that the month does not have for one of the next month.
  const isOfTheCalendar = Number.isFinite(timeMs) && Number.isFinite(asUtcMs) && new Date(asUtcMs).toISOString() === `${written}Z`;
  return isOfTheCalendar && timeMs <= LAST_MS ? timeMs : undefined;
}
