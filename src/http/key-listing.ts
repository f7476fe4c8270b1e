/**
 * Listings of keys and values: made of pieces of up to 1,000 keys or 128 KiB, each of one moment, with the event loop free in
 * between. Text is made only as fast as it is asked for, and values come into memory only when there is room for them.
 */
import { invariant } from '../base/invariant.js';
import { type Admission, PIECE_VALUE_BYTES_MAX } from '../store/project-reads.js';
import type { ProjectStore } from '../store/project-store.js';

/** How a project's keys and values are read. */
export type ReadableKeys = Pick<ProjectStore, 'values' | 'readPiece' | 'readKeys'>;

/** Which keys, in which direction. */
export type ListingRange = Parameters<ReadableKeys['readPiece']>[0];

type ReadPiece = Awaited<ReturnType<ReadableKeys['readPiece']>>;

/** How a listing is written. */
export interface ListingForm {
  /** True: an object of keys and values; false: an array of keys. */
  readonly withValues: boolean;
  /** Asked for room before anything is brought into memory. */
  readonly admit: Admission;
  /** Waited for before each piece. */
  readonly nextTurn: () => Promise<void>;
}

/** How the keys of a page are fixed. */
export interface PageForm extends Pick<ListingForm, 'nextTurn'> {
  /** How many keys at most, from 1. */
  readonly limit: number;
}

/** A page: keys that were fixed, and whether there are more behind them. */
export interface KeyPage {
  readonly keys: readonly string[];
  readonly hasMore: boolean;
}

/** JSON text in UTF-8: whole where it is short, otherwise one part after another, each made when it is asked for. */
export type ListingText = Buffer | AsyncIterable<Buffer>;

/** How many keys make a piece. */
export const PIECE_KEYS_MAX = 1000;
/** How much text is made at once, in bytes; a single value may be longer. */
const CHUNK_BYTES = 65_536;

/** Yields every part but the last, which it returns: a text of one part is known to be whole without a second one being made. */
type Chunks = AsyncGenerator<Buffer, Buffer, undefined>;

/** Keys, a piece at a time. */
type KeyPieces = AsyncGenerator<readonly string[], void, undefined>;

/** The members of one piece, each made into text when its turn comes. */
type MemberPieces = AsyncGenerator<Iterable<string>, void, undefined>;

/** Lists everything in a range. */
export function writeListing(store: ReadableKeys, range: ListingRange, form: ListingForm): Promise<ListingText> {
  return writeText(form.withValues ? entriesOf(store, range, form) : namesOf(store, range, form), form);
}

/**
 * Lists a page whose keys are fixed already. A key that was deleted meanwhile is left out.
 *
 * @param keys what {@link fixPage} gave
 */
export function writePage(store: ReadableKeys, keys: readonly string[], form: ListingForm): Promise<ListingText> {
  return writeText(form.withValues ? entriesOfPage(store, keys, form) : namesOfPage(keys, form), form);
}

/**
 * Fixes the keys of a page.
 *
 * @param form how many at most, from 1, and the turns to take
 * @returns the keys in their order
 */
export async function fixPage(store: ReadableKeys, range: ListingRange, { limit, nextTurn }: PageForm): Promise<KeyPage> {
  invariant(Number.isSafeInteger(limit) && limit > 0, 'a page has room for a key');
  const keys: string[] = [];
  // One key more than the page takes tells whether there is another page.
  for await (const piece of keyPieces(store, range, { limit: limit + 1, nextTurn })) keys.push(...piece);
  return { keys: keys.slice(0, limit), hasMore: keys.length > limit };
}

async function* keyPieces({ values }: ReadableKeys, range: ListingRange, { limit, nextTurn }: PageForm): KeyPieces {
  let rest = limit;
  let from = range;
  while (rest > 0) {
    await nextTurn();
    const wanted = Math.min(rest, PIECE_KEYS_MAX);
    const piece = values.keys(from, wanted);
    yield piece;
    const last = piece.at(-1);
    if (piece.length < wanted || last === undefined) return;
    rest -= piece.length;
    from = { ...range, after: last };
  }
}

async function* namesOf(store: ReadableKeys, range: ListingRange, { nextTurn }: ListingForm): MemberPieces {
  for await (const piece of keyPieces(store, range, { limit: Number.POSITIVE_INFINITY, nextTurn })) yield nameTexts(piece);
}

async function* entriesOf(store: ReadableKeys, range: ListingRange, { admit, nextTurn }: ListingForm): MemberPieces {
  let from: ListingRange | undefined = range;
  while (from !== undefined) {
    await nextTurn();
    const { entries, isLast }: ReadPiece = await store.readPiece(from, PIECE_KEYS_MAX, atLeastPiece(admit));
    yield entryTexts(entries);
    const last: string | undefined = entries.at(-1)?.[0];
    from = isLast || last === undefined ? undefined : { ...range, after: last };
  }
}

async function* entriesOfPage(store: ReadableKeys, keys: readonly string[], { admit, nextTurn }: ListingForm): MemberPieces {
  for (let first = 0; first < keys.length;) {
    await nextTurn();
    const { entries, doneCount } = await store.readKeys(keys.slice(first, first + PIECE_KEYS_MAX), atLeastPiece(admit));
    invariant(doneCount > 0, 'a piece of a page has a key at least');
    yield entryTexts(entries);
    first += doneCount;
  }
}

async function* namesOfPage(keys: readonly string[], { nextTurn }: ListingForm): MemberPieces {
  for (let first = 0; first < keys.length; first += PIECE_KEYS_MAX) {
    await nextTurn();
    yield nameTexts(keys.slice(first, first + PIECE_KEYS_MAX));
  }
}

/** One size for all pieces but those of a single long value: an answer that goes on keeps the room that it has. */
function atLeastPiece(admit: Admission): Admission {
  return (sizeBytes) => admit(Math.max(PIECE_VALUE_BYTES_MAX, sizeBytes));
}

function* nameTexts(keys: readonly string[]): Generator<string, void, undefined> {
  for (const key of keys) yield JSON.stringify(key);
}

function* entryTexts(entries: ReadPiece['entries']): Generator<string, void, undefined> {
  for (const [key, { value }] of entries) yield `${JSON.stringify(key)}:${value}`;
}

/** Makes the first part before it returns: a fault in there can still be answered, and a short text needs no stream. */
async function writeText(pieces: MemberPieces, form: ListingForm): Promise<ListingText> {
  const chunks = chunksOf(pieces, form);
  const first = await chunks.next();
  return first.done === true ? first.value : resume([first.value], chunks);
}

/** What was made ahead is dropped from here as it is handed over. */
async function* resume(made: Buffer[], rest: Chunks): AsyncGenerator<Buffer, void, undefined> {
  for (let part = made.shift(); part !== undefined; part = made.shift()) yield part;
  yield yield* rest;
}

/** Text becomes bytes at once: a stalled reader then costs memory outside of the heap, which no garbage collection copies. */
async function* chunksOf(pieces: MemberPieces, { withValues, admit }: ListingForm): Chunks {
  await admit(PIECE_VALUE_BYTES_MAX);
  let chunk = withValues ? '{' : '[';
  let separator = '';
  for await (const piece of pieces) {
    for (const member of piece) {
      chunk += separator + member;
      separator = ',';
      if (chunk.length < CHUNK_BYTES) continue;
      yield Buffer.from(chunk);
      chunk = '';
    }
  }
  return Buffer.from(chunk + (withValues ? '}' : ']'));
}
