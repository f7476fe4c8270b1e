/**
 * Keys and values of the key index: records in large buffers, written one after the other. A change of a value writes a new record, and the
 * old one becomes garbage. When a fifth of the bytes is garbage, the records of the buffer with the most of it move on, a buffer at each
 * change, and the buffer is used again.
 */
import { invariant } from '../../base/invariant.js';
import type { ValuePlace } from '../value-place.js';
import { allocate } from './allocate.js';
import {
  compareKey, compareKeys, hasKey, isPlaced, memberBytes, mostRecordBytes, putMember, putRecord, readKey, readKeyBytes, readKeyHead,
  readRecordBytes, readRow, readValueLength, readValueOrPlace, type RecordBuffer, recordBytes, sharedKeyBytes, writePlace,
} from './record-format.js';

/** Size of a buffer in bytes, and the distance of the addresses of two. A power of two. */
const CHUNK_BYTES = 1_048_576;
const FIRST_CHUNK_BYTES = 2048;
/** A record above this has a buffer of its own, so that little is wasted at the end of the others. */
const SHARED_RECORD_BYTES_MAX = CHUNK_BYTES / 8;
/** Buffers without a record that are kept for the next ones. */
const SPARE_CHUNKS_MAX = 2;
const GARBAGE_SHARE_MAX = 0.2;
/** A buffer with a smaller share of garbage is not worth the move. */
const MOVED_SHARE_MIN = GARBAGE_SHARE_MAX / 2;
/** Less garbage than this is left alone. */
const GARBAGE_BYTES_MIN = 4096;

/** The other side of the addresses: knows where the record of a row is, and is informed when it moves. */
interface RecordOwner {
  addressOf(row: number): number;
  setAddress(row: number, address: number): void;
}

class Chunk implements RecordBuffer {
  readonly bytes: Buffer;
  readonly words: Uint32Array;
  /** End of the last record, in bytes. */
  used = 0;
  /** Bytes of the records that are not garbage. */
  live = 0;

  constructor(sizeBytes: number) {
    const memory = allocate(sizeBytes);
    this.bytes = Buffer.from(memory);
    this.words = new Uint32Array(memory);
  }
}

/** The records. */
export class RecordArena {
  readonly #owner: RecordOwner;
  /** By number; undefined: the number is free. */
  readonly #chunks: (Chunk | undefined)[] = [];
  readonly #freeNumbers: number[] = [];
  readonly #spare: Chunk[] = [];
  /** The number of the buffer that takes the next record. */
  #current = -1;
  #usedBytes = 0;
  #liveBytes = 0;

  constructor(owner: RecordOwner) {
    this.#owner = owner;
  }

  /** Bytes of all buffers. */
  get allocatedBytes(): number {
    return [...this.#chunks, ...this.#spare].reduce((sum, chunk) => sum + (chunk?.bytes.length ?? 0), 0);
  }

  /**
   * Writes a record.
   *
   * @returns its address, valid until {@link free} or until the owner is informed of another
   */
  add(row: number, key: string, value: string | ValuePlace): number {
    let most = mostRecordBytes(key, value);
    // What is longer than the rest of the buffer at worst seldom is in fact: then it is measured.
    if (!this.#fits(most)) most = recordBytes(key, value);
    const number = this.#chunkFor(most);
    const chunk = this.#chunks[number] as Chunk;
    return this.#take(number, chunk, putRecord(chunk, chunk.used, { row, key, value }));
  }

  #fits(sizeBytes: number): boolean {
    const current = this.#chunks[this.#current];
    return current !== undefined && current.used + sizeBytes <= current.bytes.length;
  }

  /** Returns the number of a buffer with room for a record. */
  #chunkFor(sizeBytes: number): number {
    if (this.#fits(sizeBytes)) return this.#current;
    const number = this.#freeNumbers.pop() ?? this.#chunks.length;
    if (sizeBytes > SHARED_RECORD_BYTES_MAX) {
      this.#chunks[number] = new Chunk(sizeBytes);
      return number;
    }
    const previous = this.#current;
    const spare = this.#spare.pop();
    this.#chunks[number] = spare !== undefined && spare.bytes.length >= sizeBytes ? spare : new Chunk(this.#sizeOfNext(sizeBytes));
    this.#current = number;
    if (previous >= 0) this.#releaseIfEmpty(previous);
    return number;
  }

  /** As much as there is already, so that a small project takes little. */
  #sizeOfNext(sizeBytes: number): number {
    let size = FIRST_CHUNK_BYTES;
    while (size < CHUNK_BYTES && (size < sizeBytes || size < this.#usedBytes)) size *= 2;
    return size;
  }

  #take(number: number, chunk: Chunk, sizeBytes: number): number {
    const address = number * CHUNK_BYTES + chunk.used;
    chunk.used += sizeBytes;
    chunk.live += sizeBytes;
    this.#usedBytes += sizeBytes;
    this.#liveBytes += sizeBytes;
    return address;
  }

  /** Makes a record garbage. The owner's address of the row must be another one by now, or none of this arena. */
  free(address: number): void {
    const number = numberOf(address);
    const chunk = this.#chunks[number] as Chunk;
    const sizeBytes = readRecordBytes(chunk, address % CHUNK_BYTES);
    chunk.live -= sizeBytes;
    this.#liveBytes -= sizeBytes;
    this.#releaseIfEmpty(number);
    const garbage = this.#usedBytes - this.#liveBytes;
    if (garbage > GARBAGE_BYTES_MIN && garbage > this.#usedBytes * GARBAGE_SHARE_MAX) this.#moveOn();
  }

  /** Moves the records of the buffer with the most garbage to the current one. */
  #moveOn(): void {
    let worst = -1;
    let most = 0;
    for (const [number, chunk] of this.#chunks.entries()) {
      if (chunk === undefined || number === this.#current) continue;
      const garbage = chunk.used - chunk.live;
      if (garbage <= most || garbage < chunk.used * MOVED_SHARE_MIN) continue;
      worst = number;
      most = garbage;
    }
    const from = this.#chunks[worst];
    if (from === undefined) return;
    for (let offset = 0; offset < from.used;) {
      const sizeBytes = readRecordBytes(from, offset);
      const row = readRow(from, offset);
      if (this.#owner.addressOf(row) === worst * CHUNK_BYTES + offset) this.#move(row, from, offset, sizeBytes);
      offset += sizeBytes;
    }
    invariant(from.live === 0, 'every record that is in use has moved');
    this.#releaseIfEmpty(worst);
  }

  #move(row: number, from: Chunk, offset: number, sizeBytes: number): void {
    const number = this.#chunkFor(sizeBytes);
    const to = this.#chunks[number] as Chunk;
    from.bytes.copy(to.bytes, to.used, offset, offset + sizeBytes);
    this.#owner.setAddress(row, this.#take(number, to, sizeBytes));
    from.live -= sizeBytes;
    this.#liveBytes -= sizeBytes;
  }

  #releaseIfEmpty(number: number): void {
    const chunk = this.#chunks[number] as Chunk;
    if (chunk.live > 0) return;
    this.#usedBytes -= chunk.used;
    chunk.used = 0;
    if (number === this.#current) return;
    this.#chunks[number] = undefined;
    this.#freeNumbers.push(number);
    const isOfUse = chunk.bytes.length >= this.#sizeOfNext(0) && chunk.bytes.length <= CHUNK_BYTES;
    if (isOfUse && this.#spare.length < SPARE_CHUNKS_MAX) this.#spare.push(chunk);
  }

  /** Tells whether a record has this key. */
  hasKey(address: number, key: string): boolean {
    return hasKey(this.#chunkAt(address), address % CHUNK_BYTES, key);
  }

  keyOf(address: number): string {
    return readKey(this.#chunkAt(address), address % CHUNK_BYTES);
  }

  /** Returns the bytes of a key in the arena itself; they are valid until something changes. */
  keyBytesOf(address: number): Uint8Array {
    return readKeyBytes(this.#chunkAt(address), address % CHUNK_BYTES);
  }

  /** Compares the key of a record with a key in UTF-8, for sorting. */
  compareKey(address: number, key: Buffer): number {
    return compareKey(this.#chunkAt(address), address % CHUNK_BYTES, key);
  }

  /** Compares the keys of two records, for sorting. */
  compareKeys(address: number, other: number): number {
    return compareKeys(this.#chunkAt(address), address % CHUNK_BYTES, this.#chunkAt(other), other % CHUNK_BYTES);
  }

  /** Number of bytes at their start that a key and others have in common. */
  sharedKeyBytes(address: number, others: Uint8Array): number {
    return sharedKeyBytes(this.#chunkAt(address), address % CHUNK_BYTES, others);
  }

  /** The six bytes of a key behind so many others, as an integer. Bytes behind its end count as 0. */
  keyHeadOf(address: number, skippedBytes: number): number {
    return readKeyHead(this.#chunkAt(address), address % CHUNK_BYTES, skippedBytes);
  }

  isPlaced(address: number): boolean {
    return isPlaced(this.#chunkAt(address), address % CHUNK_BYTES);
  }

  /** Returns the length of a value in bytes, in memory or on disk. */
  valueBytesOf(address: number): number {
    return readValueLength(this.#chunkAt(address), address % CHUNK_BYTES);
  }

  /** Returns the value of a record, or its place on disk. */
  valueOf(address: number): string | ValuePlace {
    return readValueOrPlace(this.#chunkAt(address), address % CHUNK_BYTES);
  }

  /** Number of bytes that {@link putMember} writes. */
  memberBytes(address: number): number {
    return memberBytes(this.#chunkAt(address), address % CHUNK_BYTES);
  }

  /** Writes a record as a member of a JSON object, behind a comma, and returns where it ends. */
  putMember(address: number, target: Buffer, start: number): number {
    return putMember(this.#chunkAt(address), address % CHUNK_BYTES, target, start);
  }

  /** Replaces the place in a record by another one of the same bytes. */
  setPlace(address: number, place: ValuePlace): void {
    writePlace(this.#chunkAt(address), address % CHUNK_BYTES, place);
  }

  #chunkAt(address: number): Chunk {
    return this.#chunks[numberOf(address)] as Chunk;
  }
}

function numberOf(address: number): number {
  return Math.floor(address / CHUNK_BYTES);
}
