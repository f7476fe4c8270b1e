/**
 * Parses durations as people write them: a number and a unit, such as `90s`, `15m`, `1h`, `7d`, `2w`, or several, such as `1h30m`.
 */
import { UsageError } from '../exit-codes.js';

const FORM = /^(?:\d{1,9}[smhdw])+$/;
const PART = /(\d+)([smhdw])/g;
const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/**
 * Parses a duration.
 *
 * @param option its name, for messages
 * @returns seconds, at least 1
 * @throws {UsageError} when it is none
 */
export function parseDuration(text: string, option: string): number {
  const parts = FORM.test(text) ? [...text.matchAll(PART)] : [];
  const seconds = parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (UNIT_SECONDS[unit] ?? 0), 0);
  if (seconds > 0 && Number.isSafeInteger(seconds)) return seconds;
  throw new UsageError(`Cannot use "${text}" for ${option}: expected a duration such as 90s, 15m, 1h, 7d or 1h30m`);
}

/**
 * Parses a whole number.
 *
 * @param option its name, for messages
 * @param min smallest that is accepted
 * @throws {UsageError} when it is none
 */
export function parseCount(text: string, option: string, min = 0): number {
  const count = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (count >= min) return count;
  throw new UsageError(`Cannot use "${text}" for ${option}: expected a whole number from ${min} on`);
}
