/**
 * The columns of the key index: a row per key, which keeps its number as long as the key exists.
 */
import type { KeyEntry } from '../key-entry.js';
import { allocate, allocateWords } from './allocate.js';

const CHUNK_BITS = 16;
/** Rows of a chunk. Only the first chunk starts smaller, and is copied when it grows, so that a small project takes little. */
const CHUNK_ROWS = 1 << CHUNK_BITS;
const FIRST_ROWS = 16;
const ROW_MASK = CHUNK_ROWS - 1;
const WIDE_BYTES = Float64Array.BYTES_PER_ELEMENT;
const WIDE_COLUMNS = 3;
const WORD_BYTES = Uint32Array.BYTES_PER_ELEMENT;
const WORD_COLUMNS = 2;
/** The address of a row whose key was deleted. No address is negative. */
export const NO_ADDRESS = -1;
const NO_ROW = -1;
/** The address of a free row is this minus the number of the row that was freed before it. */
const FREE_ADDRESS = -2;
const ROW_BYTES = WIDE_BYTES * WIDE_COLUMNS + WORD_BYTES * WORD_COLUMNS + 1;

/** Whether the sorted order of keys has a row; see `key-order.ts`. */
export type RowStanding =
  /** Not in use, or not sorted in yet. */
  | 0
  /** In the order. */
  | 1
  /** Its key was deleted before it was sorted in: the list of rows to sort in still holds it. */
  | 2;

/** The version of a row. */
export type RowVersion = Pick<KeyEntry, 'seq' | 'tag' | 'timeMs'>;

class RowChunk {
  readonly capacity: number;
  readonly seq: Float64Array;
  readonly timeMs: Float64Array;
  readonly address: Float64Array;
  readonly keyHash: Uint32Array;
  readonly tag: Uint32Array;
  readonly standing: Uint8Array;
  /** Allocated with the first key that expires: most projects have none. */
  expiryPlace: Uint32Array | undefined;

  constructor(capacity: number) {
    const memory = allocate(capacity * ROW_BYTES);
    const wide = capacity * WIDE_BYTES;
    const words = wide * WIDE_COLUMNS;
    const word = capacity * WORD_BYTES;
    this.capacity = capacity;
    this.seq = new Float64Array(memory, 0, capacity);
    this.timeMs = new Float64Array(memory, wide, capacity);
    this.address = new Float64Array(memory, wide * 2, capacity);
    this.keyHash = new Uint32Array(memory, words, capacity);
    this.tag = new Uint32Array(memory, words + word, capacity);
    this.standing = new Uint8Array(memory, words + word * WORD_COLUMNS, capacity);
  }

  copyFrom(other: RowChunk): void {
    this.seq.set(other.seq);
    this.timeMs.set(other.timeMs);
    this.address.set(other.address);
    this.keyHash.set(other.keyHash);
    this.tag.set(other.tag);
    this.standing.set(other.standing);
    if (other.expiryPlace === undefined) return;
    this.expiryPlace = allocateWords(this.capacity);
    this.expiryPlace.set(other.expiryPlace);
  }

  get allocatedBytes(): number {
    return this.capacity * ROW_BYTES + (this.expiryPlace?.byteLength ?? 0);
  }
}

/** The columns, and the numbers of rows that are free. */
export class RowTable {
  readonly #chunks: RowChunk[] = [];
  /** Rows with a higher number were never used. */
  #usedCount = 0;
  /** The row that was freed last. Its address leads to the one before it. */
  #lastFree = NO_ROW;

  /** Bytes of the columns. */
  get allocatedBytes(): number {
    return this.#chunks.reduce((sum, { allocatedBytes }) => sum + allocatedBytes, 0);
  }

  /** Takes a row into use. Its standing is 0, and it does not expire; every other column is for the caller to set. */
  add(): number {
    if (this.#lastFree !== NO_ROW) {
      const row = this.#lastFree;
      const chunk = this.#chunkOf(row);
      this.#lastFree = FREE_ADDRESS - (chunk.address[row & ROW_MASK] as number);
      chunk.standing[row & ROW_MASK] = 0;
      return row;
    }
    const row = this.#usedCount;
    if (row >> CHUNK_BITS >= this.#chunks.length) this.#chunks.push(new RowChunk(this.#chunks.length === 0 ? FIRST_ROWS : CHUNK_ROWS));
    else if (row === this.#chunkOf(row).capacity) this.#growFirst();
    this.#usedCount += 1;
    return row;
  }

  #growFirst(): void {
    const [first] = this.#chunks as [RowChunk];
    const grown = new RowChunk(first.capacity * 2);
    grown.copyFrom(first);
    this.#chunks[0] = grown;
  }

  /** Frees a row, which must not expire; {@link add} uses its number again. */
  free(row: number): void {
    this.#chunkOf(row).address[row & ROW_MASK] = FREE_ADDRESS - this.#lastFree;
    this.#lastFree = row;
  }

  /** Version of the key: the seq of its last change. */
  seqOf(row: number): number {
    return this.#chunkOf(row).seq[row & ROW_MASK] as number;
  }

  /** Tag of that version; see `key-entry.ts`. */
  tagOf(row: number): number {
    return this.#chunkOf(row).tag[row & ROW_MASK] as number;
  }

  /** Time of that change, in milliseconds since 1970. */
  timeMsOf(row: number): number {
    return this.#chunkOf(row).timeMs[row & ROW_MASK] as number;
  }

  /** Where `record-arena.ts` has key and value. */
  addressOf(row: number): number {
    return this.#chunkOf(row).address[row & ROW_MASK] as number;
  }

  /** The hash of the key. */
  keyHashOf(row: number): number {
    return this.#chunkOf(row).keyHash[row & ROW_MASK] as number;
  }

  standingOf(row: number): RowStanding {
    return this.#chunkOf(row).standing[row & ROW_MASK] as RowStanding;
  }

  /** Where `expiry-order.ts` has the row; 0: the key does not expire. */
  expiryPlaceOf(row: number): number {
    return this.#chunkOf(row).expiryPlace?.[row & ROW_MASK] ?? 0;
  }

  setVersion(row: number, { seq, tag, timeMs }: RowVersion): void {
    const chunk = this.#chunkOf(row);
    chunk.seq[row & ROW_MASK] = seq;
    chunk.tag[row & ROW_MASK] = tag;
    chunk.timeMs[row & ROW_MASK] = timeMs;
  }

  setAddress(row: number, address: number): void {
    this.#chunkOf(row).address[row & ROW_MASK] = address;
  }

  setKeyHash(row: number, keyHash: number): void {
    this.#chunkOf(row).keyHash[row & ROW_MASK] = keyHash;
  }

  setStanding(row: number, standing: RowStanding): void {
    this.#chunkOf(row).standing[row & ROW_MASK] = standing;
  }

  setExpiryPlace(row: number, place: number): void {
    const chunk = this.#chunkOf(row);
    chunk.expiryPlace ??= allocateWords(chunk.capacity);
    chunk.expiryPlace[row & ROW_MASK] = place;
  }

  #chunkOf(row: number): RowChunk {
    return this.#chunks[row >>> CHUNK_BITS] as RowChunk;
  }
}
