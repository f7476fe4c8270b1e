/**
 * Keys and values of the key index: records in large chunks of memory, written one after the other. A change of a value writes a new
 * record, and the old one becomes garbage. When a fifth of the bytes is garbage, the records of the chunk with the most of it move on, a
 * chunk at each change, and the chunk is used again.
 */
import type { ByteRange } from '../../base/byte-scan.js';
import { invariant } from '../../base/invariant.js';
import type { ValuePlace } from '../value-place.js';
import type { MemberText } from './member-text.js';
import { type PackedChunk, RecordChunk } from './record-chunk.js';
import { type EntryBytes, entryRecordBytes, FRAME_BYTES, HEAD_BYTES, mostRecordBytes, recordBytes } from './record-size.js';

/** Size of a chunk in bytes. */
const CHUNK_BYTES = 1_048_576;
/** The address of a record is the number of its chunk times this, and its own number in the chunk. No chunk has as many records. */
const CHUNK_ADDRESSES = CHUNK_BYTES / HEAD_BYTES;
const FIRST_CHUNK_BYTES = 2048;
/** A record above this has a chunk of its own, so that little is wasted at the end of the others. */
const SHARED_RECORD_BYTES_MAX = CHUNK_BYTES / 8;
/** Chunks without a record that are kept for the next ones. */
const SPARE_CHUNKS_MAX = 2;
const GARBAGE_SHARE_MAX = 0.2;
/** A chunk with a smaller share of garbage is not worth the move. */
const MOVED_SHARE_MIN = GARBAGE_SHARE_MAX / 2;
/** Less garbage than this is left alone. */
const GARBAGE_BYTES_MIN = 4096;

/** The other side of the addresses: knows where the record of a row is, and is informed when it moves. */
interface RecordOwner {
  addressOf(row: number): number;
  setAddress(row: number, address: number): void;
}

/** The records. */
export class RecordArena {
  readonly #owner: RecordOwner;
  /** By number; undefined: the number is free. */
  readonly #chunks: (RecordChunk | undefined)[] = [];
  readonly #freeNumbers: number[] = [];
  readonly #spare: RecordChunk[] = [];
  /** The number of the chunk that takes the next record. */
  #current = -1;
  #usedBytes = 0;
  #liveBytes = 0;
  #keyBytes = 0;
  #valueBytes = 0;
  #placedCount = 0;

  constructor(owner: RecordOwner) {
    this.#owner = owner;
  }

  /** Size of the keys of all records that are not garbage, in bytes. */
  get keyBytes(): number {
    return this.#keyBytes;
  }

  /** Size of their values in bytes, in memory and on disk. */
  get valueBytes(): number {
    return this.#valueBytes;
  }

  /** Number of their values that are on disk. */
  get placedCount(): number {
    return this.#placedCount;
  }

  /** Bytes of all chunks. */
  get allocatedBytes(): number {
    return [...this.#chunks, ...this.#spare].reduce((sum, chunk) => sum + (chunk?.sizeBytes ?? 0), 0);
  }

  /**
   * Writes a record.
   *
   * @returns its address, valid until {@link free} or until the owner is informed of another
   */
  add(row: number, key: string, value: string | ValuePlace): number {
    let most = mostRecordBytes(key, value);
    // What is longer than the rest of the chunk at worst seldom is in fact: then it is measured.
    if (!this.#fits(most)) most = recordBytes(key, value);
    const number = this.#chunkFor(most);
    const chunk = this.#chunks[number] as RecordChunk;
    return this.#take(number, chunk, chunk.add({ row, key, value }));
  }

  /** Writes a record from bytes, as {@link add}. */
  addBytes(row: number, entry: EntryBytes): number {
    const number = this.#chunkFor(entryRecordBytes(entry));
    const chunk = this.#chunks[number] as RecordChunk;
    return this.#take(number, chunk, chunk.addBytes(row, entry));
  }

  /**
   * Takes over the memory of records.
   *
   * @param rowOf called for each record in turn with its address and its key, as `key-hash.ts` takes it; returns its row
   */
  adopt(packed: PackedChunk, rowOf: (address: number, key: string | ByteRange) => number): void {
    const number = this.#freeNumbers.pop() ?? this.#chunks.length;
    const chunk = new RecordChunk(packed);
    this.#chunks[number] = chunk;
    for (let index = 0; index < chunk.count; index += 1) {
      chunk.setRow(index, rowOf(this.#take(number, chunk, index), chunk.hashedKeyOf(index)));
    }
  }

  #fits(sizeBytes: number): boolean {
    const current = this.#chunks[this.#current];
    return current !== undefined && current.used + sizeBytes <= current.sizeBytes;
  }

  /** Returns the number of a chunk with room for a record. */
  #chunkFor(sizeBytes: number): number {
    if (this.#fits(sizeBytes)) return this.#current;
    const number = this.#freeNumbers.pop() ?? this.#chunks.length;
    if (sizeBytes > SHARED_RECORD_BYTES_MAX) {
      this.#chunks[number] = new RecordChunk(sizeBytes);
      return number;
    }
    const previous = this.#current;
    const spare = this.#spare.pop();
    this.#chunks[number] = spare !== undefined && spare.sizeBytes >= sizeBytes ? spare : new RecordChunk(this.#sizeOfNext(sizeBytes));
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

  /** Counts a new record and returns its address. */
  #take(number: number, chunk: RecordChunk, index: number): number {
    const sizeBytes = chunk.sizeOf(index);
    chunk.live += sizeBytes;
    this.#usedBytes += sizeBytes;
    this.#liveBytes += sizeBytes;
    this.#countContent(chunk, index, sizeBytes, 1);
    return number * CHUNK_ADDRESSES + index;
  }

  /** @param step 1 for a record that came into use, -1 for one that became garbage */
  #countContent(chunk: RecordChunk, index: number, sizeBytes: number, step: 1 | -1): void {
    const keyBytes = chunk.keySizeOf(index);
    this.#keyBytes += step * keyBytes;
    if (chunk.isPlaced(index)) {
      this.#placedCount += step;
      this.#valueBytes += step * chunk.valueBytesOf(index);
    } else {
      this.#valueBytes += step * (sizeBytes - FRAME_BYTES - keyBytes);
    }
  }

  /** Makes a record garbage. The owner's address of the row must be another one by now, or none of this arena. */
  free(address: number): void {
    const number = numberOf(address);
    const chunk = this.#chunks[number] as RecordChunk;
    const sizeBytes = chunk.sizeOf(indexOf(address));
    chunk.live -= sizeBytes;
    this.#liveBytes -= sizeBytes;
    this.#countContent(chunk, indexOf(address), sizeBytes, -1);
    this.#releaseIfEmpty(number);
    const garbage = this.#usedBytes - this.#liveBytes;
    if (garbage > GARBAGE_BYTES_MIN && garbage > this.#usedBytes * GARBAGE_SHARE_MAX) this.#moveOn();
  }

  /** Moves the records of the chunk with the most garbage to the current one. */
  #moveOn(): void {
    let worst = -1;
    let most = 0;
    for (let number = 0; number < this.#chunks.length; number += 1) {
      const chunk = this.#chunks[number];
      if (chunk === undefined || number === this.#current) continue;
      const garbage = chunk.used - chunk.live;
      if (garbage <= most || garbage < chunk.used * MOVED_SHARE_MIN) continue;
      worst = number;
      most = garbage;
    }
    const from = this.#chunks[worst];
    if (from === undefined) return;
    for (let index = 0; index < from.count; index += 1) {
      if (this.#owner.addressOf(from.rowOf(index)) === worst * CHUNK_ADDRESSES + index) this.#move(from, index);
    }
    invariant(from.live === 0, 'every record that is in use has moved');
    this.#releaseIfEmpty(worst);
  }

  #move(from: RecordChunk, index: number): void {
    const sizeBytes = from.sizeOf(index);
    const number = this.#chunkFor(sizeBytes);
    const to = this.#chunks[number] as RecordChunk;
    this.#owner.setAddress(from.rowOf(index), this.#take(number, to, to.addCopy(from, index)));
    from.live -= sizeBytes;
    this.#liveBytes -= sizeBytes;
    this.#countContent(from, index, sizeBytes, -1);
  }

  #releaseIfEmpty(number: number): void {
    const chunk = this.#chunks[number] as RecordChunk;
    if (chunk.live > 0) return;
    this.#usedBytes -= chunk.used;
    chunk.clear();
    if (number === this.#current) return;
    this.#chunks[number] = undefined;
    this.#freeNumbers.push(number);
    const isOfUse = chunk.sizeBytes >= this.#sizeOfNext(0) && chunk.sizeBytes <= CHUNK_BYTES;
    if (isOfUse && this.#spare.length < SPARE_CHUNKS_MAX) this.#spare.push(chunk);
  }

  /** Tells whether a record has this key. */
  hasKey(address: number, key: string | ByteRange): boolean {
    return this.#chunkAt(address).hasKey(indexOf(address), key);
  }

  keyOf(address: number): string {
    return this.#chunkAt(address).keyOf(indexOf(address));
  }

  /** Returns the bytes of a key in the arena itself; they are valid until something changes. */
  keyBytesOf(address: number): Uint8Array {
    return this.#chunkAt(address).keyBytesOf(indexOf(address));
  }

  /** Compares the key of a record with a key in UTF-8, for sorting. */
  compareKey(address: number, key: Buffer): number {
    return this.#chunkAt(address).compareKey(indexOf(address), key);
  }

  /** Compares the keys of two records, for sorting. */
  compareKeys(address: number, other: number): number {
    return this.#chunkAt(address).compareKeys(indexOf(address), this.#chunkAt(other), indexOf(other));
  }

  /** Number of bytes at their start that a key and others have in common. */
  sharedKeyBytes(address: number, others: Uint8Array): number {
    return this.#chunkAt(address).sharedKeyBytes(indexOf(address), others);
  }

  /** The six bytes of a key behind so many others, as an integer. Bytes behind its end count as 0. */
  keyHeadOf(address: number, skippedBytes: number): number {
    return this.#chunkAt(address).keyHeadOf(indexOf(address), skippedBytes);
  }

  isPlaced(address: number): boolean {
    return this.#chunkAt(address).isPlaced(indexOf(address));
  }

  /** Returns the length of a value in bytes, in memory or on disk. */
  valueBytesOf(address: number): number {
    return this.#chunkAt(address).valueBytesOf(indexOf(address));
  }

  /** Returns the value of a record, or its place on disk. */
  valueOf(address: number): string | ValuePlace {
    return this.#chunkAt(address).valueOf(indexOf(address));
  }

  /**
   * Adds records with successive addresses to a text of members.
   *
   * @returns false at one whose value is on disk or does not fit; it and those behind it are not added
   */
  addMembers(address: number, count: number, text: MemberText): boolean {
    return this.#chunkAt(address).addMembers(indexOf(address), count, text);
  }

  /** Replaces the place in a record by another one of the same bytes. */
  setPlace(address: number, place: ValuePlace): void {
    this.#chunkAt(address).setPlace(indexOf(address), place);
  }

  #chunkAt(address: number): RecordChunk {
    return this.#chunks[numberOf(address)] as RecordChunk;
  }
}

function numberOf(address: number): number {
  return Math.floor(address / CHUNK_ADDRESSES);
}

function indexOf(address: number): number {
  // The remainder of a division of floating-point numbers would be a call of the C library.
  return address - numberOf(address) * CHUNK_ADDRESSES;
}
