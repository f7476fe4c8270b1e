/**
 * Parses a point in a project's log: a seq, a time, a day, or an age. A time without a zone is in the zone of this machine (`TZ`); a
 * day is its first moment there.
 */
import type { Moment } from '../offline/replay/moment.js';
import { UsageError } from './exit-codes.js';

const SEQ_FORM = /^[1-9]\d{0,15}$/;
const TIME_FORM = /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(\.\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)?)?$/;
const AGO_FORM = /^-(\d{1,9})([smhdw])$/;

const MS_PER_SECOND = 1000;
const MS_PER_MINUTE = 60_000;
const MS_PER_HOUR = 3_600_000;
const MS_PER_DAY = 86_400_000;
const UNIT_MS: Readonly<Record<string, number>> = {
  s: MS_PER_SECOND, m: MS_PER_MINUTE, h: MS_PER_HOUR, d: MS_PER_DAY, w: 7 * MS_PER_DAY,
};
const MILLISECOND_DIGITS = 3;

const FORMS = 'a seq such as 1234, a time such as 2026-11-22T10:00:00Z, a local time or day such as 2026-11-22T10:00 or 2026-11-22, ' +
  'or an age, such as -5m, -2h or -1d';

/**
 * Parses a seq.
 *
 * @returns undefined if the text is none
 */
export function parseSeq(text: string): number | undefined {
  const seq = SEQ_FORM.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(seq) ? seq : undefined;
}

/**
 * Parses a point in a log.
 *
 * @param nowMs milliseconds since 1970
 * @param advice for a time in the future
 * @throws {UsageError} when the text is not a point in a log, is ambiguous, or is later than `nowMs`
 */
export function parseMoment(text: string, nowMs: number, advice = 'omit --until for the newest state'): Moment {
  const seq = parseSeq(text);
  if (seq !== undefined) return { seq };
  const timeMs = parseAgo(text, nowMs) ?? parseRfc3339(text);
  if (timeMs > nowMs) {
    throw refusal(text, `${shown(timeMs)} is in the future; ${advice}`);
  }
  return { timeMs };
}

/**
 * Whether the meaning of a text depends on the clock or the zone of this machine, so that the user is shown how it was understood.
 *
 * @param text accepted by {@link parseMoment}
 * @returns false for a seq and for a time with a zone
 */
export function dependsOnMachine(text: string): boolean {
  return parseSeq(text) === undefined && TIME_FORM.exec(text)?.at(-1) === undefined;
}

function refusal(text: string, why: string): UsageError {
  return new UsageError(`Cannot use "${text}" as a point in the log: ${why}`);
}

function parseAgo(text: string, nowMs: number): number | undefined {
  const [, count, unit = ''] = AGO_FORM.exec(text) ?? [];
  const timeMs = count === undefined ? undefined : nowMs - Number(count) * (UNIT_MS[unit] ?? 0);
  if (timeMs !== undefined && timeMs < 0) throw refusal(text, 'it is before 1970');
  return timeMs;
}

function parseRfc3339(text: string): number {
  const fields = TIME_FORM.exec(text);
  if (fields === null) throw refusal(text, `expected ${FORMS}`);
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', zone] = fields;
  // Digits below a millisecond are dropped: the time of a line has none, so the same lines are at or before the result.
  const millisecond = `${fraction}000`.slice(fraction === '' ? 0 : 1).slice(0, MILLISECOND_DIGITS);
  const written = `${year}-${month}-${day}T${hour}:${minute}:${second}.${millisecond}`;
  const asUtcMs = Date.parse(`${written}Z`);
  // Date.parse takes a day that the month does not have for one of the next month.
  const isOfTheCalendar = Number.isFinite(asUtcMs) && new Date(asUtcMs).toISOString() === `${written}Z`;
  if (!isOfTheCalendar) throw refusal(text, 'the calendar has no such time');
  if (zone === undefined) return localTime(text, asUtcMs);
  const timeMs = Date.parse(`${written}${zone.toUpperCase()}`);
  if (!Number.isFinite(timeMs)) throw refusal(text, `there is no zone ${zone}`);
  return timeMs;
}

/** The moment at which the clocks of this machine's zone show a time: one, or none or two if the zone changes its clocks then. */
function localTime(text: string, asUtcMs: number): number {
  const offsetMs = (atMs: number): number => new Date(atMs).getTimezoneOffset() * MS_PER_MINUTE;
  // A zone is never more than a day away from UTC, and does not change its clocks twice within two days.
  const candidates = new Set([-MS_PER_DAY, MS_PER_DAY].map((around) => asUtcMs + offsetMs(asUtcMs + around)));
  const [first, second] = [...candidates].filter((atMs) => atMs - offsetMs(atMs) === asUtcMs).sort((a, b) => a - b);
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
  if (first === undefined) throw refusal(text, `the clocks of the zone ${timeZone} skipped that time`);
  if (second === undefined) return first;
  throw refusal(text, `the clocks of the zone ${timeZone} showed that time twice; write ${shown(first)} or ${shown(second)}`);
}

function shown(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
