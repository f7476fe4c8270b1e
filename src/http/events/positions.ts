/**
 * Where a client's position is in the log of a project, and the answers to a position that is not in it.
 */
import { AppError } from '../../base/app-error.js';
import type { ProjectStore } from '../../store/project-store.js';
import type { EventsQuery, Position } from './events-query.js';

/** The events that a query asks for. */
export interface EventsRange {
  /** The seq before the first one. */
  readonly afterSeq: number;
  /** The last seq. */
  readonly untilSeq: number;
}

/**
 * Finds the range of a query. Without `since` it begins with the oldest event that there is.
 *
 * @throws {AppError} `ahead_of_log` for a position beyond the end, or whose line is another one; `history_gone` for one before the
 *   oldest event that is kept
 */
export async function findRange(store: ProjectStore, { since, until }: Pick<EventsQuery, 'since' | 'until'>): Promise<EventsRange> {
  const afterSeq = since === undefined ? store.feed.oldestSeq - 1 : await seqOf(store, since);
  return { afterSeq, untilSeq: until === undefined ? store.feed.end.seq : await seqOf(store, until) };
}

async function seqOf(store: ProjectStore, position: Position): Promise<number> {
  const { feed } = store;
  if (position.kind === 'now') return feed.end.seq;
  const seq = position.kind === 'seq' ? position.seq : await feed.seqAt(position.timeMs);
  if (seq > feed.end.seq) throw aheadOfLog(store, `seq ${seq} is beyond its end`);
  // Lines of that time may be among those that are gone.
  const isBeforeAll = position.kind === 'time' && seq === feed.oldestSeq - 1 && seq > 0;
  if (seq < feed.oldestSeq - 1 || isBeforeAll) throw historyGone(store);
  if (position.kind === 'time' || position.hash === undefined) return seq;
  if ((await feed.hashAt(seq)).startsWith(position.hash)) return seq;
  throw aheadOfLog(store, `the line of seq ${seq} is another one`);
}

/** Facts about the events that there are. */
export function extentOf({ feed }: ProjectStore): { readonly log_id: string; readonly oldest_seq: number; readonly last_seq: number } {
  return { log_id: feed.logId, oldest_seq: feed.oldestSeq, last_seq: feed.end.seq };
}

function aheadOfLog(store: ProjectStore, reason: string): AppError {
  const advice = 'the log was restored or replaced, so read the project again';
  return new AppError('ahead_of_log', `Cannot continue from this position of the log: ${reason}; ${advice}`, { facts: extentOf(store) });
}

/** Tells whether a reader was overtaken by retention, or by the limit of a log in memory. */
export function isDropped(error: unknown): boolean {
  return error instanceof Error && error.name === 'LinesDroppedError';
}

/** The refusal of events that are no longer kept. */
export function historyGone(store: ProjectStore, advice = 'list the keys, and continue from there'): AppError {
  const facts = { oldest_seq: store.feed.oldestSeq, snapshot_seq: store.snapshot?.seq ?? null };
  const message = `Cannot read events before seq ${facts.oldest_seq}: they are no longer kept; ${advice}`;
  return new AppError('history_gone', message, { facts });
}
