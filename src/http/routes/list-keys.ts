/**
 * The route that lists or counts the keys of a project: its query, its pages, and the link to the next one.
 */
import { isUtf8 } from 'node:buffer';
import { LINES_MEDIA_TYPE } from '../../api/media-types.js';
import type { LISTING_PARAMETERS } from '../../api/specs/keys.js';
import { findKeyFault } from '../../events/key-name.js';
import { chooseType } from '../accept.js';
import { writeEntries, writeEntryPage } from '../entry-listing.js';
import { type Answer, type Exchange, storeOf } from '../exchange.js';
import type { HttpParts } from '../http-parts.js';
import { JSON_TYPE, jsonAnswer, uncached } from '../json-answer.js';
import { fixPage, type ListingRange, writeListing, writePage } from '../listing-text.js';
import { AT, openPast, type OpenPast } from '../open-past.js';
import type { LongAnswers } from '../long-answers.js';
import { invalidQuery, type QueryEntry } from '../query.js';
import { isWhole, rangeIn } from '../range-query.js';
import type { RouteHandler } from '../route-handlers.js';

const OK = 200;
/** The media types of entries, and each as `Content-Type`. */
const ENTRY_TYPES = ['application/json', LINES_MEDIA_TYPE] as const;
const CONTENT_TYPES = { 'application/json': JSON_TYPE, [LINES_MEDIA_TYPE]: `${LINES_MEDIA_TYPE}; charset=utf-8` } as const;
const CURSOR = 'cursor';

/** Those that the route has, as text. */
type ListingParameters = Partial<Record<keyof typeof LISTING_PARAMETERS, string>>;

/** Parameters that say how keys are listed, and nothing about their number. */
const NOT_COUNTED = ['limit', 'cursor', 'reverse', 'values'] as const;

type ListingParts = Pick<HttpParts, 'turns' | 'projects'> & { readonly longAnswers: LongAnswers };

/** Returns the handler of `GET /projects/{id}/keys`. */
export function listKeys(parts: ListingParts): RouteHandler {
  return { readQuery: readListingQuery, handle: (exchange) => answerListing(exchange, parts) };
}

async function answerListing(exchange: Exchange, parts: ListingParts): Promise<Answer> {
  const { longAnswers, turns } = parts;
  const { path, query } = exchange.target;
  const { range, what, limit, at } = exchange.query as ListingQuery;
  const past = at === undefined ? undefined : await openPast(exchange, parts, at);
  if (what === 'count') return past === undefined ? await answerCount(exchange, range) : await answerPastCount(past, range);
  const isEntries = what === 'entries';
  const type = isEntries ? chooseType(exchange, ENTRY_TYPES) : 'application/json';
  const headers = [...uncached(CONTENT_TYPES[type]), ...(isEntries ? ['Vary', 'Accept'] : []), ...(past?.headers ?? [])];
  const store = past ?? storeOf(exchange);
  const nextTurn = (): Promise<void> => turns.next();
  const admit = (sizeBytes: number): Promise<void> | undefined => longAnswers.reserve(exchange, sizeBytes);
  const form = { withValues: what === 'members', isLines: type === LINES_MEDIA_TYPE, admit, nextTurn };
  const isHead = exchange.request.method === 'HEAD';
  const writeAll = isEntries ? writeEntries : writeListing;
  if (limit === undefined) return { status: OK, headers, body: isHead ? null : await writeAll(store, range, form) };
  // The link to the next page is a header, so the keys of the page are determined before anything is sent.
  const { keys, hasMore } = await fixPage(store, range, limit, nextTurn);
  const lastKey = keys.at(-1);
  if (hasMore && lastKey !== undefined) headers.push('Link', nextLink(path, query, lastKey, past?.state.seq));
  const writeKeys = isEntries ? writeEntryPage : writePage;
  return { status: OK, headers, body: isHead ? null : await writeKeys(store, keys, form) };
}

/** The number and the seq are of the same moment: nothing is awaited between them. */
async function answerCount(exchange: Exchange, range: ListingRange): Promise<Answer> {
  const store = storeOf(exchange);
  const { reads } = store;
  if (isWhole(range)) return jsonAnswer(OK, { count: reads.count, seq: store.seq });
  await reads.untilSorted();
  return jsonAnswer(OK, { count: reads.countIn(range), seq: store.seq });
}

async function answerPastCount({ state, headers }: OpenPast, range: ListingRange): Promise<Answer> {
  const count = isWhole(range) ? state.count : await state.countIn(range);
  return jsonAnswer(OK, { count, seq: state.seq }, headers);
}

/** A parsed query. */
interface ListingQuery {
  readonly range: ListingRange;
  /** An object of keys and values, an array of keys, entries with versions and times, or only the number of keys. */
  readonly what: 'members' | 'names' | 'entries' | 'count';
  /** Keys per page; undefined: all keys at once. */
  readonly limit: number | undefined;
  /** The moment, as the client wrote it; undefined: now. */
  readonly at: string | undefined;
}

/**
 * Converts the parameters of a listing.
 *
 * @throws {AppError} `invalid_query`
 */
export function readListingQuery(parameters: ListingParameters): ListingQuery {
  const { prefix, start, end, limit, cursor, reverse, count, at } = parameters;
  const extra = count === 'true' ? NOT_COUNTED.find((name) => parameters[name] !== undefined) : undefined;
  if (extra !== undefined) throw invalidQuery(`the parameter "${extra}" has no meaning beside "count"`, extra);
  const range = {
    ...rangeIn({ prefix, start, end }),
    ...(cursor === undefined ? {} : { after: decodeCursor(cursor) }),
    reverse: reverse === 'true',
  };
  return { range, what: whatIn(parameters), limit: limit === undefined ? undefined : Number(limit), at };
}

function whatIn({ count, values }: ListingParameters): ListingQuery['what'] {
  if (count === 'true') return 'count';
  if (values === 'entries') return 'entries';
  return values === 'false' ? 'names' : 'members';
}

/** Returns the cursor that continues after a key. */
export function encodeCursor(key: string): string {
  return Buffer.from(key).toString('base64url');
}

/**
 * Returns the key after which a cursor continues.
 *
 * @throws {AppError} `invalid_query`
 */
export function decodeCursor(text: string): string {
  const bytes = Buffer.from(text, 'base64url');
  const key = isUtf8(bytes) ? bytes.toString('utf8') : '';
  // Only the output of encodeCursor is accepted: base64 has several spellings of some bytes.
  if (findKeyFault(key) !== undefined || encodeCursor(key) !== text) {
    throw invalidQuery('the parameter "cursor" must be the one from a "Link" header', CURSOR);
  }
  return key;
}

/**
 * Returns the `Link` header of the page after a key: the same raw path and query, with another cursor.
 *
 * @param atSeq takes the place of the moment in the query, so that all pages are of one state
 */
export function nextLink(path: string, entries: readonly QueryEntry[], lastKey: string, atSeq?: number): string {
  const kept = entries.filter((entry) => entry.name !== CURSOR).map(({ name, value }) => (
    `${name}=${encodeURIComponent(name === AT && atSeq !== undefined ? atSeq : value ?? '')}`
  ));
  return `<${path}?${[...kept, `${CURSOR}=${encodeCursor(lastKey)}`].join('&')}>; rel="next"`;
}
