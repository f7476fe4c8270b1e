/**
 * The route that compares two states of a project: a page, whose keys are fixed before its head is sent, or lines for all of them.
 */
import { LINES_MEDIA_TYPE } from '../../api/media-types.js';
import type { DIFF_PARAMETERS } from '../../api/specs/history.js';
import { type PastDifference, pastDifferences } from '../../store/past-diff.js';
import type { Admission } from '../../store/project-reads.js';
import { chooseType } from '../accept.js';
import { type DiffForm, piecesOfDifferences } from '../diff-text.js';
import { historyGone, isDropped } from '../events/positions.js';
import { type Answer, type Exchange, storeOf } from '../exchange.js';
import type { HttpParts } from '../http-parts.js';
import { JSON_TYPE, uncached } from '../json-answer.js';
import { type Frame, type ListingRange, type TextPieces, writeText } from '../listing-text.js';
import type { LongAnswers } from '../long-answers.js';
import { momentIn, type PastMoment, seqOfMoment } from '../moments.js';
import { atHeader, leasePast } from '../open-past.js';
import { invalidQuery, type QueryEntry } from '../query.js';
import type { RouteHandler } from '../route-handlers.js';
import { decodeCursor, nextLink } from './list-keys.js';

const OK = 200;
const TYPES = ['application/json', LINES_MEDIA_TYPE] as const;
const CONTENT_TYPES = { 'application/json': JSON_TYPE, [LINES_MEDIA_TYPE]: `${LINES_MEDIA_TYPE}; charset=utf-8` } as const;
const PAGE_CHANGES = 100;
const NO_FRAME: Frame = { open: '', close: '' };

/** Differences whose lines are searched together: few at first, so that the first lines come soon, then more, so that the log is read
 * seldom. */
const BATCH_MIN = 1000;
const BATCH_MAX = 16_384;
/** Bytes of the names of these keys, at most. */
const BATCH_NAME_BYTES_MAX = 4_194_304;

/** What the comparison of states needs. */
export type DiffParts = Pick<HttpParts, 'turns' | 'projects'> & { readonly longAnswers: LongAnswers };

/** A parsed query. */
interface DiffQuery {
  readonly from: PastMoment;
  readonly to: PastMoment | undefined;
  readonly range: ListingRange;
  readonly withValues: boolean;
  readonly limit: number | undefined;
}

/** Returns the handler of `GET /projects/{id}/diff`. */
export function diffKeys(parts: DiffParts): RouteHandler {
  return { readQuery: readDiffQuery, handle: (exchange) => answerDiff(exchange, parts) };
}

function readDiffQuery({ from = '', to, prefix, values, limit, cursor }: Partial<Record<keyof typeof DIFF_PARAMETERS, string>>): DiffQuery {
  const range = { ...(prefix !== undefined && { prefix }), ...(cursor !== undefined && { after: decodeCursor(cursor) }) };
  return {
    from: momentIn('from', from), to: to === undefined ? undefined : momentIn('to', to), range,
    withValues: values === 'true', limit: limit === undefined ? undefined : Number(limit),
  };
}

async function answerDiff(exchange: Exchange, { turns, projects, longAnswers }: DiffParts): Promise<Answer> {
  const { range, withValues, limit, ...query } = exchange.query as DiffQuery;
  const store = storeOf(exchange);
  const type = chooseType(exchange, TYPES);
  const isLines = type === LINES_MEDIA_TYPE;
  // The later one first: until it is found out, lines may be added, but the other one is not among them.
  const to = query.to === undefined ? store.seq : await seqOfMoment(store, 'to', query.to);
  const from = await seqOfMoment(store, 'from', query.from);
  if (from > to) throw invalidQuery(`the parameter "from" is after "to": seq ${from}, and seq ${to}`, 'from');
  const before = await leasePast(exchange, { projects }, from);
  const after = from === to ? before : await leasePast(exchange, { projects }, to);
  const admit: Admission = (sizeBytes) => longAnswers.reserve(exchange, sizeBytes);
  const nextTurn = (): Promise<void> => turns.next();
  const pair = { before, after };
  const form: DiffForm = { pair, feed: store.feed, withValues, isLines, admit, nextTurn };
  const headers = [...uncached(CONTENT_TYPES[type]), 'Vary', 'Accept', 'SimpleKV-From', `${from}`, ...atHeader(to)];
  const groups = pastDifferences(pair, range, { admit, nextTurn });
  try {
    if (isLines && limit === undefined) {
      const isHead = exchange.request.method === 'HEAD';
      return { status: OK, headers, body: isHead ? null : await writeText(piecesOfAll(form, groups), NO_FRAME, admit) };
    }
    return await answerPage({ exchange, form, headers }, groups, limit ?? PAGE_CHANGES);
  } catch (error) {
    throw isDropped(error) ? historyGone(store, 'compare later states') : error;
  }
}

interface PageAnswer {
  readonly exchange: Exchange;
  readonly form: DiffForm;
  readonly headers: string[];
}

/** The link to the next page is a header, so the keys of the page are determined before anything is sent. */
async function answerPage(
  { exchange, form, headers }: PageAnswer, groups: AsyncGenerator<readonly PastDifference[]>, limit: number,
): Promise<Answer> {
  const found: PastDifference[] = [];
  for await (const group of groups) {
    found.push(...group);
    if (found.length > limit) break;
  }
  const page = found.slice(0, limit);
  const last = page.at(-1);
  const { pair: { before, after } } = form;
  const { path, query } = exchange.target;
  if (found.length > limit && last !== undefined) {
    headers.push('Link', nextLink(path, fixed(query, { from: before.seq, to: after.seq }), last.key));
  }
  if (exchange.request.method === 'HEAD') return { status: OK, headers, body: null };
  const pieces = piecesOfDifferences(form, page);
  const text = form.isLines ? pieces : framed(pieces, `{"from":${before.seq},"to":${after.seq},"changes":[`, ']}');
  return { status: OK, headers, body: await writeText(text, NO_FRAME, form.admit) };
}

/** Names the states by their seqs, so that all pages are of the same two. */
function fixed(query: readonly QueryEntry[], moments: Readonly<Record<'from' | 'to', number>>): readonly QueryEntry[] {
  const others = query.filter(({ name }) => !Object.hasOwn(moments, name));
  return [...Object.entries(moments).map(([name, seq]) => ({ name, value: `${seq}` })), ...others];
}

/**
 * Puts members of an array into an object.
 *
 * @param pieces each member behind a comma
 */
export async function* framed(pieces: TextPieces, open: string, close: string): TextPieces {
  let isFirst = true;
  for await (const { text, isLast } of pieces) {
    // The first member has no comma before it.
    const start = isFirst ? [Buffer.from(open), text.subarray(1)] : [text];
    isFirst = false;
    yield { text: Buffer.concat(isLast ? [...start, Buffer.from(close)] : start), isLast };
  }
  if (isFirst) yield { text: Buffer.from(open + close), isLast: true };
}

async function* piecesOfAll(form: DiffForm, groups: AsyncGenerator<readonly PastDifference[]>): TextPieces {
  let waiting: PastDifference[] = [];
  let nameBytes = 0;
  let wanted = BATCH_MIN;
  const write = async function* (): TextPieces {
    const batch = waiting;
    waiting = [];
    nameBytes = 0;
    for await (const { text } of piecesOfDifferences(form, batch)) yield { text, isLast: false };
  };
  for await (const group of groups) {
    for (const difference of group) nameBytes += difference.key.length;
    waiting.push(...group);
    if (waiting.length < wanted && nameBytes < BATCH_NAME_BYTES_MAX) continue;
    yield* write();
    wanted = Math.min(wanted * 2, BATCH_MAX);
  }
  yield* write();
}
