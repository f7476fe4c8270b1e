/**
 * A point in a log: a seq, or a time.
 */
import type { LogLine } from '../log/log.js';

/**
 * Up to which line. A time means everything before the first line that is later than it: what had happened by then, also where
 * the clock jumped later.
 */
export type Moment = { readonly seq: number } | { readonly timeMs: number };

/**
 * Tells whether a line lies behind a moment.
 *
 * @param moment up to which; undefined: the end of the log
 * @returns true when neither it nor what follows it counts
 */
export function isBehind(line: Pick<LogLine, 'seq' | 'timeMs'>, moment: Moment | undefined): boolean {
  if (moment === undefined) return false;
  return 'seq' in moment ? line.seq > moment.seq : line.timeMs > moment.timeMs;
}

/**
 * Shows a moment.
 *
 * @param moment up to which; undefined: the end of the log
 */
export function momentText(moment: Moment | undefined): string {
  if (moment === undefined) return 'the end';
  return 'seq' in moment ? `seq ${moment.seq}` : new Date(moment.timeMs).toISOString();
}
