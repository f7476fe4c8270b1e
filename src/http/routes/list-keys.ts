/**
 * The route that lists the keys of a project: its query, its pages, and the link to the next one.
 */
import { isUtf8 } from 'node:buffer';
import { AppError } from '../../base/app-error.js';
import { compileSchema } from '../../base/json-schema.js';
import { findKeyFault } from '../../events/key-name.js';
import type { AppContext, RouteParts } from '../context.js';
import { JSON_TYPE } from '../json-answer.js';
import { fixPage, writeListing, writePage, type ListingRange, type ListingText } from '../listing-text.js';
import type { LongAnswers } from '../long-answers.js';
import { refusePreconditions } from '../precondition.js';
import { checkQuery, type QueryEntry } from '../query.js';
import { requireProjectId } from './project-id.js';

const OK = 200;
const CURSOR = 'cursor';
/** Largest `limit`. */
const LISTING_LIMIT_MAX = 10_000;

/** The decoded parameters, as text. */
interface ListingParameters {
  readonly prefix?: string;
  readonly start?: string;
  readonly end?: string;
  readonly limit?: string;
  readonly cursor?: string;
  readonly reverse?: 'true' | 'false';
  readonly values?: 'true' | 'false';
}

const FLAG = { enum: ['true', 'false'], description: '"true" or "false"' };

const checkListingParameters = compileSchema<ListingParameters>({
  type: 'object',
  properties: {
    prefix: { type: 'string' },
    start: { type: 'string' },
    end: { type: 'string' },
    limit: { type: 'string', pattern: '^([1-9][0-9]{0,3}|10000)$', description: `a whole number from 1 to ${LISTING_LIMIT_MAX}` },
    cursor: { type: 'string', pattern: '^[0-9A-Za-z_-]+$', description: 'the one from a "Link" header' },
    reverse: FLAG,
    values: FLAG,
  },
  additionalProperties: false,
});

/**
 * Answers `GET /projects/{id}/keys`.
 *
 * @throws {AppError} `invalid_project_id`, `invalid_query`, `project_not_found`, `project_corrupt`, `invalid_precondition`, `busy`
 */
export async function listKeys(ctx: AppContext, { projects, longAnswers, turns }: RouteParts): Promise<void> {
  const id = requireProjectId(ctx);
  const { path, query } = ctx.state.target;
  const { range, withValues, limit } = readListingQuery(query);
  const store = projects.store(id);
  refusePreconditions(ctx.req.headers);
  const nextTurn = (): Promise<void> => turns.next();
  const form = { withValues, admit: (sizeBytes: number) => longAnswers.reserve(ctx, sizeBytes), nextTurn };
  if (limit === undefined) return send(ctx, longAnswers, () => writeListing(store, range, form));
  // The link to the next page is a header, so the keys of the page are determined before anything is sent.
  const { keys, hasMore } = await fixPage(store, range, limit, nextTurn);
  const lastKey = keys.at(-1);
  if (hasMore && lastKey !== undefined) ctx.set('Link', nextLink(path, query, lastKey));
  return send(ctx, longAnswers, () => writePage(store, keys, form));
}

async function send(ctx: AppContext, longAnswers: LongAnswers, write: () => Promise<ListingText>): Promise<void> {
  const text = ctx.method === 'HEAD' ? undefined : await write();
  ctx.status = OK;
  ctx.set('Content-Type', JSON_TYPE);
  ctx.set('Cache-Control', 'no-store');
  if (Buffer.isBuffer(text)) ctx.body = text;
  else if (text !== undefined) longAnswers.send(ctx, text);
}

/** A parsed query. */
interface ListingQuery {
  readonly range: ListingRange;
  /** True: an object of keys and values; false: an array of keys. */
  readonly withValues: boolean;
  /** Keys per page; undefined: all keys at once. */
  readonly limit: number | undefined;
}

/**
 * Parses the query of a listing.
 *
 * @throws {AppError} `invalid_query`
 */
export function readListingQuery(entries: readonly QueryEntry[]): ListingQuery {
  const { prefix, start, end, limit, cursor, reverse, values } = checkQuery(entries, checkListingParameters);
  const range = {
    ...(prefix === undefined ? {} : { prefix }),
    ...(start === undefined ? {} : { start }),
    ...(end === undefined ? {} : { end }),
    ...(cursor === undefined ? {} : { after: decodeCursor(cursor) }),
    reverse: reverse === 'true',
  };
  return { range, withValues: values !== 'false', limit: limit === undefined ? undefined : Number(limit) };
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
    throw new AppError('invalid_query', 'Cannot use the query: the parameter "cursor" must be the one from a "Link" header', {
      facts: { parameter: CURSOR },
    });
  }
  return key;
}

/** Returns the `Link` header of the page after a key: the same raw path and query, with another cursor. */
export function nextLink(path: string, entries: readonly QueryEntry[], lastKey: string): string {
  const kept = entries.filter((entry) => entry.name !== CURSOR).map(({ name, value }) => `${name}=${encodeURIComponent(value ?? '')}`);
  return `<${path}?${[...kept, `${CURSOR}=${encodeCursor(lastKey)}`].join('&')}>; rel="next"`;
}
