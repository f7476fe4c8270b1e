/**
 * A point in a log, given as a seq or a time, and the error for one that the log does not reach.
 */
import type { LogLine } from '../../log/log.js';

/**
 * The end of a range of lines, inclusive. A time stands for everything before the first line that is later: what had happened by then, even
 * if the clock jumped.
 */
export type Moment = { readonly seq: number } | { readonly timeMs: number };

/**
 * Tells whether a line is after a moment.
 *
 * @param moment undefined: the end of the log
 * @returns true when neither the line nor any line after it counts
 */
export function isBehind(line: Pick<LogLine, 'seq' | 'timeMs'>, moment: Moment | undefined): boolean {
  if (moment === undefined) return false;
  return 'seq' in moment ? line.seq > moment.seq : line.timeMs > moment.timeMs;
}

/** Reads lines up to a moment. */
export async function* linesUpTo(lines: AsyncIterable<readonly LogLine[]>, until: Moment | undefined): AsyncGenerator<readonly LogLine[]> {
  for await (const group of lines) {
    const end = group.findIndex((line) => isBehind(line, until));
    yield end < 0 ? group : group.slice(0, end);
    if (end >= 0) return;
  }
}

/**
 * Returns the last line to read for a moment, so that damage after it does not matter.
 *
 * @param action what was requested, for the error
 * @throws {OutOfReachError} when the log ends before it
 */
export function lastSeqOf(moment: Moment | undefined, lastSeq: number, action: (moment: string) => string): number {
  if (moment === undefined || !('seq' in moment)) return lastSeq;
  if (moment.seq <= lastSeq) return moment.seq;
  throw new OutOfReachError(action(momentText(moment)), 'after', `its log ends with seq ${lastSeq}`);
}

/**
 * Formats a moment.
 *
 * @param moment undefined: the end of the log
 */
export function momentText(moment: Moment | undefined): string {
  if (moment === undefined) return 'the end';
  return 'seq' in moment ? `seq ${moment.seq}` : new Date(moment.timeMs).toISOString();
}

/** The log ends before the requested moment, or begins after it. */
export class OutOfReachError extends Error {
  override readonly name = 'OutOfReachError';
  /** On which side of the log the moment is. */
  readonly side: 'before' | 'after';
  readonly #action: string;
  readonly #reason: string;

  /** @param action what was requested, such as `replay "shop" up to seq 3` */
  constructor(action: string, side: 'before' | 'after', reason: string) {
    super(`Cannot ${action}: ${reason}`);
    this.#action = action;
    this.#reason = reason;
    this.side = side;
  }

  /**
   * Adds where else to look.
   *
   * @param advice whole sentences
   */
  with(advice: string): OutOfReachError {
    return new OutOfReachError(this.#action, this.side, `${this.#reason}. ${advice}`);
  }
}
