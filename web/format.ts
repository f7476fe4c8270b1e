/**
 * Numbers, sizes and times as people read them.
 */

const NUMBER = new Intl.NumberFormat('en-US');
const BYTES_PER_UNIT = 1024;
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;
const MS_PER_SECOND = 1000;
const SECONDS_PER_MINUTE = 60;
const SECONDS_PER_HOUR = 3600;
const SECONDS_PER_DAY = 86_400;
const DAYS_SHOWN_MAX = 30;

/** Writes a number with separators: `12,345`. */
export function count(value: number): string {
  return NUMBER.format(value);
}

/** Writes a number of things: `1 key`, `12 keys`. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** Writes a number of bytes: `1.4 MiB`. */
export function size(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= BYTES_PER_UNIT && unit < UNITS.length - 1) {
    value /= BYTES_PER_UNIT;
    unit += 1;
  }
  const text = unit === 0 || value >= 100 ? String(Math.round(value)) : value.toFixed(1);
  return `${text} ${UNITS[unit] ?? ''}`;
}

/** Writes a number of seconds: `3 h`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < SECONDS_PER_MINUTE) return `${whole} s`;
  if (whole < SECONDS_PER_HOUR) return `${Math.round(whole / SECONDS_PER_MINUTE)} min`;
  if (whole < 2 * SECONDS_PER_DAY) return `${Math.round(whole / SECONDS_PER_HOUR)} h`;
  return `${Math.round(whole / SECONDS_PER_DAY)} days`;
}

/** Writes how far a time is from now: `5 min ago`, `in 3 h`, or the day. */
export function ago(time: Date | string): string {
  const date = new Date(time);
  const seconds = (Date.now() - date.getTime()) / MS_PER_SECOND;
  if (Math.abs(seconds) > DAYS_SHOWN_MAX * SECONDS_PER_DAY) return date.toLocaleDateString('en-CA');
  if (Math.abs(seconds) < 2) return 'just now';
  return seconds < 0 ? `in ${duration(-seconds)}` : `${duration(seconds)} ago`;
}

/** The whole time, in the zone of the reader: `2026-11-30 22:04:05`. */
export function exactTime(time: Date | string): string {
  return new Date(time).toLocaleString('sv-SE', { timeZoneName: 'short' });
}

/** Writes the time of day: `22:04:05`. */
export function clockTime(time: Date | string): string {
  return new Date(time).toLocaleTimeString('sv-SE');
}

/** The beginning of a text that is too long to be shown whole. */
export function clipped(text: string, charactersMax: number): string {
  return text.length > charactersMax ? `${text.slice(0, charactersMax)}…` : text;
}
