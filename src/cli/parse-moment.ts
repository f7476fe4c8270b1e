/**
 * A point in a project's log as a person writes it: a seq, or a time.
 */
import type { Moment } from '../offline/moment.js';

const SEQ_FORM = /^[1-9]\d{0,15}$/;
/** RFC 3339 with its zone: without one, a time means something else on every machine. */
const TIME_FORM = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/;

/**
 * Reads a seq.
 *
 * @param text decimal digits
 * @returns the seq, undefined when it is none
 */
export function parseSeq(text: string): number | undefined {
  const seq = SEQ_FORM.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(seq) ? seq : undefined;
}

/**
 * Reads a seq or a time.
 *
 * @param text a seq, or a time by RFC 3339 with its zone, such as `2026-11-22T10:00:00Z`
 * @returns the moment, undefined when it is neither
 */
export function parseMoment(text: string): Moment | undefined {
  const seq = parseSeq(text);
  if (seq !== undefined) return { seq };
  const timeMs = parseTime(text);
  return timeMs === undefined ? undefined : { timeMs };
}

function parseTime(text: string): number | undefined {
  const fields = TIME_FORM.exec(text);
  if (fields === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction = '', zone = ''] = fields;
  // What is finer than a millisecond is cut: a line's time is never finer, so the same lines are at or before it.
  const millisecond = `${fraction}000`.slice(fraction === '' ? 0 : 1).slice(0, MILLISECOND_DIGITS);
  const local = `${year}-${month}-${day}T${hour}:${minute}:${second}.${millisecond}`;
  const timeMs = Date.parse(`${local}${zone.toUpperCase()}`);
  // A day that the month does not have would be taken for one of the next month.
  const isOfTheCalendar = Number.isFinite(timeMs) && new Date(`${local}Z`).toISOString() === `${local}Z`;
  return isOfTheCalendar ? timeMs : undefined;
}

const MILLISECOND_DIGITS = 3;
