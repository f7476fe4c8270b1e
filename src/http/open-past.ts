/**
 * Opens the past state that a request asks for, for as long as its answer takes.
 */
import { AppError } from '../base/app-error.js';
import { PastReads } from '../store/past-reads.js';
import type { PastState } from '../store/past-state.js';
import { type Exchange, projectIdOf, storeOf } from './exchange.js';
import type { HttpParts } from './http-parts.js';
import { momentIn, seqOfMoment } from './moments.js';

/** The name of the parameter. */
export const AT = 'at';

/** A past state, as a request reads it. */
export interface OpenPast {
  readonly state: PastState;
  readonly reads: PastReads;
  /** Names and values alternate. */
  readonly headers: readonly string[];
}

/**
 * Opens the state of a moment.
 *
 * @param at as the client wrote it
 * @throws {AppError} `invalid_query`, and as `Projects.pastState`
 */
export async function openPast(exchange: Exchange, { projects }: Pick<HttpParts, 'projects'>, at: string): Promise<OpenPast> {
  const seq = await seqOfMoment(storeOf(exchange), AT, momentIn(AT, at));
  const state = await leasePast(exchange, { projects }, seq);
  return { state, reads: new PastReads(state), headers: atHeader(seq) };
}

/** Takes a state until the exchange is over. */
export async function leasePast(exchange: Exchange, { projects }: Pick<HttpParts, 'projects'>, seq: number): Promise<PastState> {
  const gone = new AbortController();
  exchange.onEnd(() => gone.abort(new AppError('busy', 'Cannot go on with the answer: the client has disconnected')));
  const lease = await projects.pastState(projectIdOf(exchange), seq, gone.signal);
  exchange.onEnd(() => lease.release());
  return lease.state;
}

/** Returns the header that names the last line of a state. */
export function atHeader(seq: number): readonly string[] {
  return ['SimpleKV-At', `${seq}`];
}
