/**
 * The JSON text of key listings. It is built from pieces of up to 1,000 keys or 128 KiB of values, each of one moment, with the event loop
 * free in between. Text is built only as fast as it is consumed, and values are loaded only after memory was reserved for them.
 */
import { invariant } from '../base/invariant.js';
import { type Admission, type Allocation, type KeyReads, membersOf, PIECE_VALUE_BYTES_MAX } from '../store/project-reads.js';

/** What listings are read from. */
export interface ReadableKeys {
  readonly reads: KeyReads;
}

/** Which keys, in which direction. */
export type ListingRange = Parameters<ReadableKeys['reads']['readMembers']>[0];

interface ListingForm {
  /** True: an object of keys and values; false: an array of keys. */
  readonly withValues: boolean;
  /** Reserves memory; called before anything is loaded. */
  readonly admit: Admission;
  /** Awaited before each piece. */
  readonly nextTurn: () => Promise<void>;
}

/** JSON text in UTF-8: whole if it is short, otherwise in parts, each built when it is requested, in the memory of the one before. */
export type ListingText = Buffer | AsyncIterable<Buffer>;

/** Keys in a piece. */
export const PIECE_KEYS_MAX = 1000;
/** Pieces that are sent together: the system takes a few long texts in two thirds of the time of many shorter ones. */
const PIECES_SENT = 4;
/** Longer pieces have long values. */
const LONG_PIECE_BYTES = PIECE_VALUE_BYTES_MAX * 2;
/** Memory that is used again for all parts of an answer. */
const REUSED_BYTES_MAX = PIECES_SENT * LONG_PIECE_BYTES;
/** Of a piece: the next ones are hardly longer. */
const SPARE_SHARE = 1 / 8;

/** What stands around the members of a listing. */
export interface Frame {
  /** Takes the place of the first comma. Without it, members have no commas. */
  readonly open: '{' | '[' | '';
  readonly close: string;
}

const OBJECT: Frame = { open: '{', close: '}' };
/** The frame of an array. */
export const ARRAY: Frame = { open: '[', close: ']' };

/** Yields every part but the last, which it returns: a text of one part is then known to be complete without asking for a second. */
type Chunks = AsyncGenerator<Buffer, Buffer, undefined>;

/** A piece of a listing. */
export interface TextPiece {
  /** Members in UTF-8, each behind a comma unless the frame has none. */
  readonly text: Buffer;
  readonly isLast: boolean;
}

/** Ends with the last piece. */
export type TextPieces = AsyncGenerator<TextPiece, void, undefined>;

/** Writes all keys of a range. */
export function writeListing(store: ReadableKeys, range: ListingRange, form: ListingForm): Promise<ListingText> {
  return form.withValues
    ? writeText(entriesOf(store, range, form), OBJECT, form.admit)
    : writeText(namesOf(store, range, form), ARRAY, form.admit);
}

/**
 * Writes a page. A key that was deleted meanwhile is left out.
 *
 * @param keys the keys of the page, from {@link fixPage}
 */
export function writePage(store: ReadableKeys, keys: readonly string[], form: ListingForm): Promise<ListingText> {
  return form.withValues
    ? writeText(entriesOfPage(store, keys, form), OBJECT, form.admit)
    : writeText(namesOfPage(keys, form), ARRAY, form.admit);
}

/**
 * Determines the keys of a page, and whether more keys follow.
 *
 * @param limit the most keys, from 1
 * @param nextTurn awaited before each piece
 */
export async function fixPage(
  store: ReadableKeys, range: ListingRange, limit: number, nextTurn: () => Promise<void>,
): Promise<{ readonly keys: readonly string[]; readonly hasMore: boolean }> {
  invariant(Number.isSafeInteger(limit) && limit > 0, 'a page has at least one key');
  const keys: string[] = [];
  // One key more than the page needs tells whether there is another page.
  for await (const piece of keyPieces(store, range, limit + 1, nextTurn)) keys.push(...piece);
  return { keys: keys.slice(0, limit), hasMore: keys.length > limit };
}

async function* keyPieces(
  { reads }: ReadableKeys, range: ListingRange, limit: number, nextTurn: () => Promise<void>,
): AsyncGenerator<readonly string[], void, undefined> {
  let rest = limit;
  let from = range;
  while (rest > 0) {
    await nextTurn();
    const wanted = Math.min(rest, PIECE_KEYS_MAX);
    const piece = await reads.readNames(from, wanted);
    yield piece;
    const last = piece.at(-1);
    if (piece.length < wanted || last === undefined) return;
    rest -= piece.length;
    from = { ...range, after: last };
  }
}

async function* namesOf(store: ReadableKeys, range: ListingRange, { nextTurn }: ListingForm): TextPieces {
  for await (const piece of keyPieces(store, range, Number.POSITIVE_INFINITY, nextTurn)) {
    yield { text: namesText(piece), isLast: piece.length < PIECE_KEYS_MAX };
  }
}

async function* entriesOf(store: ReadableKeys, range: ListingRange, { admit, nextTurn }: ListingForm): TextPieces {
  const memory = new PartMemory();
  let pieces = 1;
  for (let from = range; ; pieces += 1) {
    await nextTurn();
    // Nothing is sent before the second piece, so an answer that does not find the memory of a whole part can still be refused.
    const admitPiece = atLeastPieces(pieces === 1 ? 1 : PIECES_SENT, admit);
    const { text, lastKey, isLast } = await store.reads.readMembers(from, PIECE_KEYS_MAX, admitPiece, memory.allocate);
    const isEnd = isLast || lastKey === undefined;
    const part = memory.add(text, isEnd || pieces % PIECES_SENT === 0);
    if (part !== undefined) yield { text: part, isLast };
    if (isEnd) return;
    from = { ...range, after: lastKey };
  }
}

async function* entriesOfPage(store: ReadableKeys, keys: readonly string[], { admit, nextTurn }: ListingForm): TextPieces {
  for (let first = 0; first < keys.length;) {
    await nextTurn();
    const { entries, doneCount } = await store.reads.readKeys(keys.slice(first, first + PIECE_KEYS_MAX), atLeastPieces(1, admit));
    invariant(doneCount > 0, 'a piece of a page has at least one key');
    first += doneCount;
    yield { text: membersOf(entries), isLast: first >= keys.length };
  }
}

async function* namesOfPage(keys: readonly string[], { nextTurn }: ListingForm): TextPieces {
  for (let first = 0; first < keys.length; first += PIECE_KEYS_MAX) {
    await nextTurn();
    yield { text: namesText(keys.slice(first, first + PIECE_KEYS_MAX)), isLast: first + PIECE_KEYS_MAX >= keys.length };
  }
}

/** Reserves the same size for every piece, except for a single long value: a continuing answer then keeps its reservation. */
function atLeastPieces(count: number, admit: Admission): Admission {
  return (sizeBytes) => admit(Math.max(count * PIECE_VALUE_BYTES_MAX, sizeBytes));
}

/**
 * The memory of the parts of an answer, each of some pieces: the same again and again, since new memory costs page faults and collections
 * of garbage.
 */
class PartMemory {
  #memory = Buffer.alloc(0);
  /** Of it, used by the pieces of the part in progress. */
  #usedBytes = 0;
  /** Pieces of this part that are elsewhere, with those before them. */
  #pieces: Buffer[] = [];

  /** Gives the memory of the next piece. */
  readonly allocate: Allocation = (sizeBytes) => {
    if (this.#usedBytes === 0 && sizeBytes > this.#memory.length) {
      const wantedBytes = Math.ceil(sizeBytes * (1 + SPARE_SHARE)) * PIECES_SENT;
      this.#memory = Buffer.allocUnsafe(Math.min(wantedBytes, REUSED_BYTES_MAX));
    }
    const end = this.#usedBytes + sizeBytes;
    // Longer texts are rare, and the answer holds no reservation for them once they are sent.
    const isElsewhere = this.#pieces.length > 0 || end > this.#memory.length;
    return isElsewhere ? Buffer.allocUnsafe(sizeBytes) : this.#memory.subarray(this.#usedBytes, end);
  };

  /**
   * Adds a piece to the part.
   *
   * @param isWhole nothing comes after it in this part; a long piece ends a part as well
   * @returns the part if it is whole; its bytes are valid until the next piece is added
   */
  add(piece: Buffer, isWhole: boolean): Buffer | undefined {
    const isNext = piece.buffer === this.#memory.buffer && piece.byteOffset === this.#memory.byteOffset + this.#usedBytes;
    if (isNext) this.#usedBytes += piece.length;
    else this.#pieces.push(piece);
    if (!isWhole && piece.length <= LONG_PIECE_BYTES) return undefined;
    const texts = [this.#memory.subarray(0, this.#usedBytes), ...this.#pieces].filter(({ length }) => length > 0);
    this.#usedBytes = 0;
    this.#pieces = [];
    return texts.length === 1 && texts[0] !== undefined ? texts[0] : Buffer.concat(texts);
  }
}

function namesText(keys: readonly string[]): Buffer {
  return Buffer.from(keys.map((key) => `,${JSON.stringify(key)}`).join(''));
}

/** Builds the first part before it returns: an error in it can still be answered with a problem, and a short text needs no stream. */
export async function writeText(pieces: TextPieces, frame: Frame, admit: Admission): Promise<ListingText> {
  const chunks = chunksOf(pieces, frame, admit);
  const first = await chunks.next();
  return first.done === true ? first.value : resume([first.value], chunks);
}

/** The array loses each part as it is passed on, so that its memory can be freed. */
async function* resume(made: Buffer[], rest: Chunks): AsyncGenerator<Buffer, void, undefined> {
  for (let part = made.shift(); part !== undefined; part = made.shift()) yield part;
  yield yield* rest;
}

async function* chunksOf(pieces: TextPieces, { open, close }: Frame, admit: Admission): Chunks {
  await admit(PIECE_VALUE_BYTES_MAX);
  let isFirst = true;
  for await (const { text, isLast } of pieces) {
    // The first member has no comma before it.
    if (isFirst && text.length > 0) {
      text.write(open);
      isFirst = false;
    }
    if (isLast) return Buffer.concat([text, Buffer.from(isFirst ? open + close : close)]);
    if (text.length > 0) yield text;
  }
  return Buffer.from(isFirst ? open + close : close);
}
