/**
 * What a listing's query asks for, and the link to its next page.
 */
import { isUtf8 } from 'node:buffer';
import { AppError } from '../../../base/app-error.js';
import { findKeyFault } from '../../../events/key-name.js';
import type { ListingRange } from '../../key-listing.js';
import { checkQuery, type QueryEntry } from '../../query.js';
import { checkListingParameters } from './keys-schema.js';

/** What is asked for. */
export interface ListingQuery {
  readonly range: ListingRange;
  /** True: an object of keys and values; false: an array of keys. */
  readonly withValues: boolean;
  /** How many keys make a page; undefined: everything at once. */
  readonly limit: number | undefined;
}

const CURSOR = 'cursor';

/**
 * Reads the query of a listing.
 *
 * @param entries the target's
 * @returns range, form and page size
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

/**
 * Writes the cursor that continues after a key.
 *
 * @param key the last key of a page
 * @returns text for a URL
 */
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
 * @param entries the present query
 * @param lastKey the last key of the present page
 * @returns text for a `Link` header
 */
export function nextLink(path: string, entries: readonly QueryEntry[], lastKey: string): string {
  const kept = entries.filter((entry) => entry.name !== CURSOR).map(({ name, value }) => `${name}=${encodeURIComponent(value ?? '')}`);
  return `<${path}?${[...kept, `${CURSOR}=${encodeCursor(lastKey)}`].join('&')}>; rel="next"`;
}
