/**
 * The route that brings back what keys were at a moment. The state from which it is computed is fixed, and so is what it changes; the turn
 * that writes it makes sure that none of these keys has changed since.
 */
import { AppError } from '../../base/app-error.js';
import { compareUtf8 } from '../../base/compare-utf8.js';
import type { CommandResult } from '../../store/command.js';
import { type PastDifference, pastDifferences, pastDifferencesOf, type StatePair } from '../../store/past-diff.js';
import { loadTargets, planRevert, type RevertPlan } from '../../store/plan-revert.js';
import type { Admission } from '../../store/project-reads.js';
import type { ProjectStore } from '../../store/project-store.js';
import { type FewKeysSearch, changedKeys, namedKeys } from '../../store/few-keys.js';
import { commandContext } from '../authorization.js';
import { piecesOfDifferences } from '../diff-text.js';
import { historyGone, isDropped } from '../events/positions.js';
import { type Answer, type Exchange, storeOf } from '../exchange.js';
import type { HttpParts } from '../http-parts.js';
import { JSON_TYPE, jsonAnswer, receiptOf, repetitionHeaders, uncached } from '../json-answer.js';
import { type Frame, writeText } from '../listing-text.js';
import { seqOfMoment } from '../moments.js';
import { leasePast } from '../open-past.js';
import { readValue, readValueBytes } from '../request-body.js';
import { invalidBody, readRevertBody, type RevertRequest } from '../revert-body.js';
import type { RouteHandler } from '../route-handlers.js';
import { type DiffParts, framed } from './diff-keys.js';

const OK = 200;
/** Longest body, in bytes: a thousand of the longest keys, most of their characters escaped. */
const BODY_BYTES_MAX = 4_194_304;
const NO_FRAME: Frame = { open: '', close: '' };

type RevertParts = DiffParts & Pick<HttpParts, 'options'>;

/** What a revert is computed from. */
interface Revert {
  /** From the state that it starts from to the one that it goes back to. */
  readonly pair: StatePair;
  readonly differences: AsyncIterable<readonly PastDifference[]>;
}

/** Returns the handler of `POST /projects/{id}/revert`. */
export function revertKeys(parts: RevertParts): RouteHandler {
  return { handle: (exchange) => answerRevert(exchange, parts) };
}

async function answerRevert(exchange: Exchange, parts: RevertParts): Promise<Answer> {
  const { options, longAnswers, projects, turns } = parts;
  const request = readRevertBody(readValue(await readValueBytes(exchange, BODY_BYTES_MAX)), options.keyBytesMax);
  const store = storeOf(exchange);
  const context = commandContext(exchange);
  // It is not computed again: the moment may be gone by now.
  const known = request.isDryRun ? undefined : store.recall({ type: 'revert', keys: [] }, context);
  if (known !== undefined) return repeatedAnswer(known);
  const redactionSeq = store.redactions.newest?.seq ?? 0;
  const seqs = await seqsOf(store, request);
  const admit: Admission = (sizeBytes) => longAnswers.reserve(exchange, sizeBytes);
  const search = { store, ...seqs, admit, nextTurn: () => turns.next() };
  const revert = (await withoutStates(search, request)) ?? (await withStates({ exchange, projects }, search, request));
  const plan = await planRevert(revert.differences, store.nowMs, admit);
  const { to } = seqs;
  if (request.isDryRun) return await answerDryRun(search, revert.pair, plan);
  const tokens = Math.max(0, plan.differences.length - 1);
  exchange.rate?.takeMore(tokens);
  const keys = await loadTargets(revert.pair, plan, search.nextTurn);
  // Also if there is nothing to do: the same request may have been carried out meanwhile.
  const result = await store.submit({ type: 'revert', keys, redactionSeq }, context);
  if (result.isRepeated === true) {
    exchange.rate?.takeMore(-tokens);
    return repeatedAnswer(result);
  }
  const receipt = result.hash === undefined ? { seq: result.seq } : receiptOf(result);
  return jsonAnswer(OK, { to, reverted: result.count, ...receipt });
}

function repeatedAnswer(result: CommandResult): Answer {
  return jsonAnswer(OK, { reverted: result.count, ...receiptOf(result) }, repetitionHeaders(result));
}

/** Finds the line up to which the caller knows the project, and that of the moment. */
async function seqsOf(store: ProjectStore, { ifSeq, to: moment }: RevertRequest): Promise<{ readonly seq: number; readonly to: number }> {
  const seq = ifSeq ?? store.seq;
  if (seq > store.seq) throw invalidBody('if_seq', `a seq up to ${store.seq}, which is that of the last line`);
  const to = await seqOfMoment(store, 'to', moment).catch((error: unknown) => {
    const isUnfit = error instanceof AppError && error.code === 'invalid_query';
    throw isUnfit ? invalidBody('to', `a seq up to ${store.seq}, or a time that has passed`) : error;
  });
  if (to > seq) throw invalidBody('to', `a moment up to seq ${seq}; it is seq ${to}`);
  return { seq, to };
}

/** Undefined if states have to be built. */
async function withoutStates(search: FewKeysSearch, { prefix = '', keys }: RevertRequest): Promise<Revert | undefined> {
  const named = new Set(keys);
  const isWanted = (key: string): boolean => (keys === undefined ? key.startsWith(prefix) : named.has(key));
  try {
    const few = (keys && (await namedKeys(search, keys))) ?? (await changedKeys(search, isWanted));
    return few && { pair: few.pair, differences: pastDifferencesOf(few.pair, [...few.keys].sort(compareUtf8), search) };
  } catch (error) {
    // A snapshot may have what the log has no more, and what was erased may not be needed.
    if (isDropped(error) || (error instanceof AppError && error.code === 'value_redacted')) return undefined;
    throw error;
  }
}

async function withStates(
  { exchange, projects }: Pick<HttpParts, 'projects'> & { readonly exchange: Exchange }, search: FewKeysSearch, request: RevertRequest,
): Promise<Revert> {
  const { prefix, keys } = request;
  const before = await leasePast(exchange, { projects }, search.seq);
  const after = search.seq === search.to ? before : await leasePast(exchange, { projects }, search.to);
  const pair = { before, after };
  const differences = keys === undefined
    ? pastDifferences(pair, prefix === undefined ? {} : { prefix }, search)
    : pastDifferencesOf(pair, keys, search);
  return { pair, differences };
}

async function answerDryRun(
  { store, admit, nextTurn }: FewKeysSearch, pair: StatePair, { differences }: RevertPlan,
): Promise<Answer> {
  const form = { pair, feed: store.feed, withValues: false, isLines: false, admit, nextTurn };
  const start = `{"to":${pair.after.seq},"seq":${pair.before.seq},"dry_run":true,"reverted":${differences.length},"changes":[`;
  try {
    const pieces = framed(piecesOfDifferences(form, differences, true), start, ']}');
    return { status: OK, headers: uncached(JSON_TYPE), body: await writeText(pieces, NO_FRAME, admit) };
  } catch (error) {
    throw isDropped(error) ? historyGone(store, 'revert to a later moment') : error;
  }
}
