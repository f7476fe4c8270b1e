/**
 * The listing of a project's keys over HTTP: what its query asks for, and the link to its next page.
 */
import { isUtf8 } from 'node:buffer';
import { AppError } from '../../../base/app-error.js';
import { compileSchema } from '../../../base/json-schema.js';
import { findKeyFault } from '../../../events/key-name.js';
import type { Projects } from '../../../projects/projects.js';
import type { AnswerRooms } from '../../answer-rooms.js';
import type { AppContext } from '../../context.js';
import { JSON_TYPE } from '../../json-answer.js';
import { fixPage, writeListing, writePage, type ListingRange, type ListingText } from '../../key-listing.js';
import { refusePreconditions } from '../../precondition.js';
import { checkQuery, type QueryEntry } from '../../query.js';
import { requireProjectId } from '../projects/project-id.js';

const OK = 200;
const CURSOR = 'cursor';
/** Largest `limit`. */
const LISTING_LIMIT_MAX = 10_000;

/** The parameters of a listing, decoded but not yet read. */
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

/** `GET /projects/{id}/keys`. */
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

/** What the listing needs. */
export interface ListKeysParts {
  readonly projects: Projects;
  readonly rooms: AnswerRooms;
}

/**
 * Answers `GET /projects/{id}/keys`.
 *
 * @throws {AppError} `invalid_project_id`, `invalid_query`, `project_not_found`, `project_corrupt`, `invalid_precondition`, `busy`
 */
export async function listKeys(ctx: AppContext, { projects, rooms }: ListKeysParts): Promise<void> {
  const id = requireProjectId(ctx);
  const { path, query } = ctx.state.target;
  const { range, withValues, limit } = readListingQuery(query);
  const store = projects.store(id);
  refusePreconditions(ctx.req.headers);
  const nextTurn = (): Promise<void> => rooms.nextTurn();
  const form = { withValues, admit: (sizeBytes: number) => rooms.take(ctx, sizeBytes), nextTurn };
  if (limit === undefined) return send(ctx, rooms, () => writeListing(store, range, form));
  // The page's keys are fixed before anything is sent, since the link to the next page is a header.
  const { keys, hasMore } = await fixPage(store, range, { limit, nextTurn });
  const lastKey = keys.at(-1);
  if (hasMore && lastKey !== undefined) ctx.set('Link', nextLink(path, query, lastKey));
  return send(ctx, rooms, () => writePage(store, keys, form));
}

async function send(ctx: AppContext, rooms: AnswerRooms, write: () => Promise<ListingText>): Promise<void> {
  const text = ctx.method === 'HEAD' ? undefined : await write();
  ctx.status = OK;
  ctx.set('Content-Type', JSON_TYPE);
  ctx.set('Cache-Control', 'no-store');
  if (Buffer.isBuffer(text)) ctx.body = text;
  else if (text !== undefined) rooms.send(ctx, text);
}

/** What is asked for. */
export interface ListingQuery {
  readonly range: ListingRange;
  /** True: an object of keys and values; false: an array of keys. */
  readonly withValues: boolean;
  /** How many keys make a page; undefined: everything at once. */
  readonly limit: number | undefined;
}

/**
 * Reads the query of a listing.
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

/** Writes the cursor that continues after a key. */
export function encodeCursor(key: string): string {
  return Buffer.from(key).toString('base64url');
}

function decodeCursor(text: string): string {
  const bytes = Buffer.from(text, 'base64url');
  const key = isUtf8(bytes) ? bytes.toString('utf8') : '';
  // Only what encodeCursor writes is taken: base64 has several spellings of some bytes.
  if (findKeyFault(key) !== undefined || encodeCursor(key) !== text) {
    throw new AppError('invalid_query', 'Cannot use the query: the parameter "cursor" must be the one from a "Link" header', {
      facts: { parameter: CURSOR },
    });
  }
  return key;
}

/**
 * Writes the link to the page after a key: the same query, with another cursor.
 *
 * @param path the listing's own, raw
 * @returns text for a `Link` header
 */
export function nextLink(path: string, entries: readonly QueryEntry[], lastKey: string): string {
  const kept = entries.filter((entry) => entry.name !== CURSOR).map(({ name, value }) => `${name}=${encodeURIComponent(value ?? '')}`);
  return `<${path}?${[...kept, `${CURSOR}=${encodeCursor(lastKey)}`].join('&')}>; rel="next"`;
}
