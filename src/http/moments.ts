/**
 * Moments in the log of a project, as clients name them: the seq of a line, or a time, which means everything before the first line that is
 * later.
 */
import { MOMENT } from '../api/specs/keys.js';
import { parseRfc3339 } from '../base/rfc3339.js';
import type { ProjectStore } from '../store/project-store.js';
import { historyGone } from './events/positions.js';
import { invalidQuery } from './query.js';

/** A line of a log, or a time. */
export type PastMoment = { readonly seq: number } | { readonly timeMs: number };

/**
 * Parses a moment.
 *
 * @param name of the parameter
 * @throws {AppError} `invalid_query`
 */
export function momentIn(name: string, text: string): PastMoment {
  const moment = momentOf(text);
  if (moment === undefined) throw invalidQuery(`the parameter "${name}" must be ${MOMENT.description}`, name);
  return moment;
}

/** Parses a moment; undefined for any other text. */
export function momentOf(text: string): PastMoment | undefined {
  const seq = /^(0|[1-9]\d{0,15})$/.test(text) ? Number(text) : undefined;
  if (seq !== undefined && Number.isSafeInteger(seq)) return { seq };
  const timeMs = parseRfc3339(text);
  return timeMs === undefined ? undefined : { timeMs };
}

/**
 * Finds the last line of a moment.
 *
 * @param name of the parameter
 * @returns its seq; 0 before the first line
 * @throws {AppError} `invalid_query` for a moment that has not passed; `history_gone` for a time before the oldest line, unless that is the
 *   first one
 */
export async function seqOfMoment(store: ProjectStore, name: string, moment: PastMoment): Promise<number> {
  const { feed } = store;
  if ('seq' in moment) {
    if (moment.seq > store.seq) throw invalidQuery(`the parameter "${name}" is above the last line, whose seq is ${store.seq}`, name);
    return moment.seq;
  }
  const { nowMs } = store;
  if (moment.timeMs >= nowMs) {
    throw invalidQuery(`the parameter "${name}" must be a time that has passed; it is ${new Date(nowMs).toISOString()}`, name);
  }
  // A batch in flight may have its time already, and its lines belong to the answer then.
  if (moment.timeMs >= store.lastTimeMs) (await store.hold())();
  const seq = await feed.seqAt(moment.timeMs);
  if (seq === feed.oldestSeq - 1 && seq > 0) throw historyGone(store, 'ask for a later time');
  return seq;
}
