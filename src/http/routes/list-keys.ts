/**
 * The route that lists or counts the keys of a project: its query, its pages, and the link to the next one.
 */
import { isUtf8 } from 'node:buffer';
import type { LISTING_PARAMETERS } from '../../api/specs/keys.js';
import { findKeyFault } from '../../events/key-name.js';
import { type Answer, type Exchange, storeOf } from '../exchange.js';
import type { HttpParts } from '../http-parts.js';
import { JSON_HEADERS, jsonAnswer } from '../json-answer.js';
import { fixPage, type ListingRange, type ListingText, writeListing, writePage } from '../listing-text.js';
import type { LongAnswers } from '../long-answers.js';
import { invalidQuery, type QueryEntry } from '../query.js';
import type { RouteHandler } from '../route-handlers.js';

const OK = 200;
const CURSOR = 'cursor';

/** Those that the route has, as text. */
type ListingParameters = Partial<Record<keyof typeof LISTING_PARAMETERS, string>>;

/** Parameters that say how keys are listed, and nothing about their number. */
const NOT_COUNTED = ['limit', 'cursor', 'reverse', 'values'] as const;

type ListingParts = Pick<HttpParts, 'turns'> & { readonly longAnswers: LongAnswers };

/** Returns the handler of `GET /projects/{id}/keys`. */
export function listKeys(parts: ListingParts): RouteHandler {
  return { readQuery: readListingQuery, handle: (exchange) => answerListing(exchange, parts) };
}

async function answerListing(exchange: Exchange, { longAnswers, turns }: ListingParts): Promise<Answer> {
  const { path, query } = exchange.target;
  const { range, withValues, limit, isCount } = exchange.query as ListingQuery;
  if (isCount) return await answerCount(exchange, range);
  const store = storeOf(exchange);
  const nextTurn = (): Promise<void> => turns.next();
  const form = { withValues, admit: (sizeBytes: number) => longAnswers.reserve(exchange, sizeBytes), nextTurn };
  const isHead = exchange.request.method === 'HEAD';
  if (limit === undefined) return answerOf(isHead ? null : await writeListing(store, range, form));
  // The link to the next page is a header, so the keys of the page are determined before anything is sent.
  const { keys, hasMore } = await fixPage(store, range, limit, nextTurn);
  const lastKey = keys.at(-1);
  const link = hasMore && lastKey !== undefined ? ['Link', nextLink(path, query, lastKey)] : [];
  return answerOf(isHead ? null : await writePage(store, keys, form), link);
}

/** The number and the seq are of the same moment: nothing is awaited between them. */
async function answerCount(exchange: Exchange, range: ListingRange): Promise<Answer> {
  const store = storeOf(exchange);
  const { values, reads } = store;
  const isAll = range.prefix === undefined && range.start === undefined && range.end === undefined;
  if (isAll) return jsonAnswer(OK, { count: values.count, seq: store.seq });
  for (let sorting = reads.sortKeys(); sorting !== undefined; sorting = reads.sortKeys()) await sorting;
  return jsonAnswer(OK, { count: values.countIn(range), seq: store.seq });
}

function answerOf(body: ListingText | null, headers: readonly string[] = []): Answer {
  return { status: OK, headers: [...JSON_HEADERS, ...headers], body };
}

/** A parsed query. */
interface ListingQuery {
  readonly range: ListingRange;
  /** True: an object of keys and values; false: an array of keys. */
  readonly withValues: boolean;
  /** Keys per page; undefined: all keys at once. */
  readonly limit: number | undefined;
  /** True: only the number of keys. */
  readonly isCount: boolean;
}

/**
 * Converts the parameters of a listing.
 *
 * @throws {AppError} `invalid_query`
 */
export function readListingQuery(parameters: ListingParameters): ListingQuery {
  const { prefix, start, end, limit, cursor, reverse, values } = parameters;
  const isCount = parameters.count === 'true';
  const extra = isCount ? NOT_COUNTED.find((name) => parameters[name] !== undefined) : undefined;
  if (extra !== undefined) throw invalidQuery(`the parameter "${extra}" has no meaning beside "count"`, extra);
  const range = {
    ...(prefix === undefined ? {} : { prefix }),
    ...(start === undefined ? {} : { start }),
    ...(end === undefined ? {} : { end }),
    ...(cursor === undefined ? {} : { after: decodeCursor(cursor) }),
    reverse: reverse === 'true',
  };
  return { range, withValues: values !== 'false', limit: limit === undefined ? undefined : Number(limit), isCount };
}

/** Returns the cursor that continues after a key. */
export function encodeCursor(key: string): string {
  return Buffer.from(key).toString('base64url');
}

function decodeCursor(text: string): string {
  const bytes = Buffer.from(text, 'base64url');
  const key = isUtf8(bytes) ? bytes.toString('utf8') : '';
  // Only the output of encodeCursor is accepted: base64 has several spellings of some bytes.
  if (findKeyFault(key) !== undefined || encodeCursor(key) !== text) {
    throw invalidQuery('the parameter "cursor" must be the one from a "Link" header', CURSOR);
  }
  return key;
}

/** Returns the `Link` header of the page after a key: the same raw path and query, with another cursor. */
export function nextLink(path: string, entries: readonly QueryEntry[], lastKey: string): string {
  const kept = entries.filter((entry) => entry.name !== CURSOR).map(({ name, value }) => `${name}=${encodeURIComponent(value ?? '')}`);
  return `<${path}?${[...kept, `${CURSOR}=${encodeCursor(lastKey)}`].join('&')}>; rel="next"`;
}
