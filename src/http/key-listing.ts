/**
 * Listings of keys and values: made of pieces of up to 1,000 keys, each of one moment, with the event loop free in between. Text is
 * made only as fast as the client reads, and no more of it once the client has left.
 */
import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { invariant } from '../base/invariant.js';
import type { ProjectStore } from '../store/project-store.js';

/** How a project's values are read. */
export type ReadableValues = ProjectStore['values'];

/** Which keys, in which direction. */
export type ListingRange = Parameters<ReadableValues['slice']>[0];

/** What is listed. */
export interface Listing {
  readonly range: ListingRange;
  /** True: an object of keys and values; false: an array of keys. */
  readonly withValues: boolean;
}

/** A page: keys that were fixed, and whether there are more behind them. */
export interface KeyPage {
  readonly keys: readonly string[];
  readonly hasMore: boolean;
}

/** JSON text: whole where it is short, otherwise a stream of texts. */
export type ListingText = string | Readable;

/** How many keys make a piece. */
export const PIECE_KEYS_MAX = 1000;
/** How much text is handed to the socket at once, in UTF-16 units; a single value may be longer. */
const CHUNK_CHARACTERS = 65_536;

type Chunks = AsyncGenerator<string, void, undefined>;

/** The members of one piece, as text. */
type MemberPieces = AsyncGenerator<readonly string[], void, undefined>;

/**
 * Lists everything in a range.
 *
 * @param values the project's values
 * @param listing range and form
 * @returns JSON text
 */
export function writeListing(values: ReadableValues, listing: Listing): Promise<ListingText> {
  return writeText(listing.withValues ? entriesOf(values, listing.range) : namesOf(values, listing.range), listing.withValues);
}

/**
 * Lists a page whose keys are fixed already. A key that was deleted meanwhile is left out.
 *
 * @param values the project's values
 * @param keys what {@link fixPage} gave
 * @param withValues true: an object of keys and values; false: an array of keys
 * @returns JSON text
 */
export function writePage(values: ReadableValues, keys: readonly string[], withValues: boolean): Promise<ListingText> {
  const valueText = (key: string): string | undefined => {
    const entry = values.get(key);
    return entry === undefined ? undefined : entryText(key, entry.value);
  };
  return writeText(pageOf(keys, withValues ? valueText : nameText), withValues);
}

/**
 * Fixes the keys of a page.
 *
 * @param values the project's values
 * @param range which keys, in which direction
 * @param limit how many at most, from 1
 * @returns the keys in their order
 */
export async function fixPage(values: ReadableValues, range: ListingRange, limit: number): Promise<KeyPage> {
  invariant(Number.isSafeInteger(limit) && limit > 0, 'a page has room for a key');
  const keys: string[] = [];
  // One key more than the page takes tells whether there is another page.
  for await (const piece of keyPieces(values, range, limit + 1)) keys.push(...piece);
  return { keys: keys.slice(0, limit), hasMore: keys.length > limit };
}

async function* keyPieces(values: ReadableValues, range: ListingRange, limit: number): MemberPieces {
  let rest = limit;
  let from = range;
  while (rest > 0) {
    const wanted = Math.min(rest, PIECE_KEYS_MAX);
    const piece = values.keys(from, wanted);
    yield piece;
    const last = piece.at(-1);
    if (piece.length < wanted || last === undefined) return;
    rest -= piece.length;
    from = { ...range, after: last };
    await nextTurn();
  }
}

async function* namesOf(values: ReadableValues, range: ListingRange): MemberPieces {
  for await (const piece of keyPieces(values, range, Number.POSITIVE_INFINITY)) yield piece.map(nameText);
}

async function* entriesOf(values: ReadableValues, range: ListingRange): MemberPieces {
  let from: ListingRange | undefined = range;
  while (from !== undefined) {
    const piece = values.slice(from, PIECE_KEYS_MAX);
    yield piece.map(([key, entry]) => entryText(key, entry.value));
    const last: string | undefined = piece.at(-1)?.[0];
    from = piece.length < PIECE_KEYS_MAX || last === undefined ? undefined : { ...range, after: last };
    if (from !== undefined) await nextTurn();
  }
}

async function* pageOf(keys: readonly string[], textOf: (key: string) => string | undefined): MemberPieces {
  for (let first = 0; first < keys.length; first += PIECE_KEYS_MAX) {
    if (first > 0) await nextTurn();
    const piece = keys.slice(first, first + PIECE_KEYS_MAX).map(textOf);
    yield piece.filter((text) => text !== undefined);
  }
}

function nameText(key: string): string {
  return JSON.stringify(key);
}

function entryText(key: string, value: string): string {
  return `${JSON.stringify(key)}:${value}`;
}

/** Makes the beginning before it returns: a fault in there can still be answered, and a short text needs no stream. */
async function writeText(pieces: MemberPieces, isObject: boolean): Promise<ListingText> {
  const chunks = chunksOf(pieces, isObject);
  const first = await chunks.next();
  const second = await chunks.next();
  invariant(first.done !== true, 'a listing has its brackets at least');
  if (second.done === true) return first.value;
  // One chunk ahead of the client, whatever its length.
  return Readable.from(resume([first.value, second.value], chunks), { objectMode: true, highWaterMark: 1 });
}

async function* resume(made: readonly string[], rest: Chunks): Chunks {
  yield* made;
  yield* rest;
}

async function* chunksOf(pieces: MemberPieces, isObject: boolean): Chunks {
  let chunk = isObject ? '{' : '[';
  let separator = '';
  for await (const piece of pieces) {
    for (const member of piece) {
      chunk += separator + member;
      separator = ',';
      if (chunk.length < CHUNK_CHARACTERS) continue;
      yield chunk;
      chunk = '';
    }
  }
  yield chunk + (isObject ? '}' : ']');
}
