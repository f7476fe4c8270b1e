/**
 * The keys of a project with versions and values: found by hash, listed in the order of their UTF-8 bytes.
 *
 * Everything lies in large buffers, so that memory is little more than the text itself, and garbage collection does not grow with the
 * number of keys. Four parts, each in its file: columns (`row-table.ts`), records (`record-arena.ts`), the look-up by hash
 * (`hash-directory.ts`) and the sorted order (`key-order.ts`). None of them knows the others; what holds between them is this file's.
 */
import type { ByteRange } from '../../base/byte-scan.js';
import { invariant } from '../../base/invariant.js';
import type { KeyEntry } from '../key-entry.js';
import type { DirectedRange, KeyRange } from '../../events/key-range.js';
import type { ValuePlace } from '../value-place.js';
import { allocateWords } from './allocate.js';
import { CurrentPlace } from './current-place.js';
import { HashDirectory } from './hash-directory.js';
import { boundsOf, type OrderBounds } from './key-bounds.js';
import { type KeyHash, secretKeyHash } from './key-hash.js';
import { comparePositions, KeyOrder } from './key-order.js';
import { MemberText } from './member-text.js';
import type { PackedEntries } from './packed-entries.js';
import { RecordArena } from './record-arena.js';
import type { EntryBytes } from './record-chunk.js';
import { NO_ADDRESS, RowTable, type RowVersion } from './row-table.js';

/** Waiting keys that a listing may sort in without a turn of the event loop for others: some milliseconds. */
const SORTED_AT_ONCE_MAX = 1024;

/** The head of a deleted key in `bulk-sort.ts`: no key has a byte of 255 in UTF-8. */
const DELETED_HEAD = 2 ** 48 - 1;

/** The first entries of a range. */
export interface KeySlice {
  readonly entries: readonly (readonly [key: string, entry: KeyEntry])[];
  /** True if the range has no more entries; false if it may have more. */
  readonly isLast: boolean;
}

/** The first entries of a range, about to be written as members of a JSON object. */
export interface Members {
  /** Undefined if there is none. */
  readonly lastKey: string | undefined;
  /** True if the range has no more entries; false if it may have more. */
  readonly isLast: boolean;
  /** Size of their values in bytes. */
  readonly valueBytes: number;
  /**
   * Returns the text, each member behind a comma. Must be called before anything changes.
   *
   * @param allocate gives the memory for it, of exactly this size
   */
  write(allocate: (sizeBytes: number) => Buffer): Buffer;
}

/** The keys and values. */
export class KeyIndex {
  readonly #hash: KeyHash;
  readonly #rows = new RowTable();
  readonly #records = new RecordArena(this.#rows);
  readonly #directory: HashDirectory;
  readonly #order: KeyOrder;
  #count = 0;
  #placedCount = 0;

  /** @param hash gives keys their places; secret, unless a test wants collisions */
  constructor(hash: KeyHash = secretKeyHash()) {
    this.#hash = hash;
    const rows = this.#rows;
    const records = this.#records;
    this.#directory = new HashDirectory({
      keyHashOf: (row) => rows.keyHashOf(row),
      hasKey: (row, key) => records.hasKey(rows.addressOf(row), key),
    });
    this.#order = new KeyOrder({
      compare: (row, other) => {
        const [address, otherAddress] = [rows.addressOf(row), rows.addressOf(other)];
        return address < 0 || otherAddress < 0 ? address - otherAddress : records.compareKeys(address, otherAddress);
      },
      bytesOf: (row) => (rows.addressOf(row) < 0 ? undefined : Uint8Array.from(records.keyBytesOf(rows.addressOf(row)))),
      sharedBytes: (row, others) => (rows.addressOf(row) < 0 ? others.length : records.sharedKeyBytes(rows.addressOf(row), others)),
      headOf: (row, skippedBytes) => (rows.addressOf(row) < 0 ? DELETED_HEAD : records.keyHeadOf(rows.addressOf(row), skippedBytes)),
      standingOf: (row) => rows.standingOf(row),
      setStanding: (row, standing) => rows.setStanding(row, standing),
      free: (row) => rows.free(row),
    });
  }

  /** Number of keys. */
  get count(): number {
    return this.#count;
  }

  /** Number of values that are on disk. */
  get placedCount(): number {
    return this.#placedCount;
  }

  /** Memory of the index in bytes. */
  get allocatedBytes(): number {
    return this.#rows.allocatedBytes + this.#records.allocatedBytes + this.#directory.allocatedBytes + this.#order.allocatedBytes;
  }

  /** Returns the version of a key; 0 if the key does not exist. */
  versionOf(key: string): number {
    const row = this.#find(key);
    return row < 0 ? 0 : this.#rows.seqOf(row);
  }

  /** Returns the tag of the version of an existing key. */
  tagOf(key: string): number {
    return this.#rows.tagOf(this.#find(key));
  }

  /** Returns the entry of a key; undefined if the key does not exist. */
  get(key: string): KeyEntry | undefined {
    const row = this.#find(key);
    return row < 0 ? undefined : this.#entryOf(key, row);
  }

  #find(key: string): number {
    return this.#directory.find(this.#hash(key), key);
  }

  #entryOf(key: string, row: number): KeyEntry {
    const value = this.#records.valueOf(this.#rows.addressOf(row));
    const seq = this.#rows.seqOf(row);
    const known = typeof value === 'string' ? value : new CurrentPlace(this, { key, seq, place: value });
    return { value: known, seq, tag: this.#rows.tagOf(row), timeMs: this.#rows.timeMsOf(row) };
  }

  /** Returns the place of the value of a version; undefined if it is not on disk, or if the version is no longer current. */
  placeOf(key: string, seq: number): ValuePlace | undefined {
    const row = this.#find(key);
    if (row < 0 || this.#rows.seqOf(row) !== seq) return undefined;
    const value = this.#records.valueOf(this.#rows.addressOf(row));
    return typeof value === 'string' ? undefined : value;
  }

  /**
   * Sets a key.
   *
   * @returns the version that it had; 0 if it did not exist
   */
  set(key: string, entry: KeyEntry): number {
    const keyHash = this.#hash(key);
    const row = this.#directory.find(keyHash, key);
    if (row >= 0) {
      const previous = this.#rows.seqOf(row);
      this.#rows.setVersion(row, entry);
      this.#replaceRecord(row, key, entry.value);
      return previous;
    }
    this.#order.add(this.#addRow(key, keyHash, entry));
    return 0;
  }

  /**
   * Sets a key to a value in memory, as {@link set}, from the bytes of both.
   *
   * @returns the version that it had; 0 if it did not exist
   */
  setBytes(entry: EntryBytes, version: RowVersion): number {
    const keyHash = this.#hash(entry);
    const known = this.#directory.find(keyHash, entry);
    if (known >= 0) {
      const previous = this.#rows.seqOf(known);
      this.#rows.setVersion(known, version);
      this.#replaceAddress(known, this.#records.addBytes(known, entry));
      return previous;
    }
    const row = this.#rows.add();
    this.#rows.setVersion(row, version);
    this.#rows.setAddress(row, this.#records.addBytes(row, entry));
    this.#addKeyHash(row, keyHash);
    this.#order.add(row);
    return 0;
  }

  /** Adds a key above all others, in an index to which nothing else was added. */
  append(key: string, entry: KeyEntry): void {
    this.#order.addLast(this.#addRow(key, this.#hash(key), entry));
  }

  /** Adds keys above all others, in an index to which nothing else was added. Takes over the memory of their records. */
  appendPacked({ chunks, seqs, tags, timesMs }: PackedEntries): void {
    let index = 0;
    const rowOf = (address: number, key: string | ByteRange): number => {
      const row = this.#rows.add();
      this.#rows.setVersion(row, { seq: seqs[index] as number, tag: tags[index] as number, timeMs: timesMs[index] as number });
      this.#rows.setAddress(row, address);
      this.#addKeyHash(row, this.#hash(key));
      this.#order.addLast(row);
      index += 1;
      return row;
    };
    for (const chunk of chunks) this.#records.adopt(chunk, rowOf);
    invariant(index === seqs.length, 'there is a record for each version');
  }

  /** Prepares for as many keys in all, which spares work while they are added. */
  reserve(count: number): void {
    this.#directory.reserve(count);
  }

  #addRow(key: string, keyHash: number, entry: KeyEntry): number {
    const { value } = entry;
    const row = this.#rows.add();
    this.#rows.setVersion(row, entry);
    this.#rows.setAddress(row, this.#records.add(row, key, value));
    if (typeof value !== 'string') this.#placedCount += 1;
    this.#addKeyHash(row, keyHash);
    return row;
  }

  #addKeyHash(row: number, keyHash: number): void {
    this.#rows.setKeyHash(row, keyHash);
    this.#directory.add(keyHash, row);
    this.#count += 1;
  }

  #replaceRecord(row: number, key: string, value: string | ValuePlace): void {
    if (typeof value !== 'string') this.#placedCount += 1;
    this.#replaceAddress(row, this.#records.add(row, key, value));
  }

  #replaceAddress(row: number, address: number): void {
    const old = this.#rows.addressOf(row);
    if (this.#records.isPlaced(old)) this.#placedCount -= 1;
    this.#rows.setAddress(row, address);
    this.#records.free(old);
  }

  /**
   * Replaces the value of a version that does not change: by a text in memory, or by a place on disk. Ignores a version that is no longer
   * current.
   */
  replaceValue(key: string, seq: number, value: string | ValuePlace): void {
    const row = this.#find(key);
    if (row < 0 || this.#rows.seqOf(row) !== seq) return;
    const address = this.#rows.addressOf(row);
    if (typeof value !== 'string' && this.#records.isPlaced(address)) this.#records.setPlace(address, value);
    else this.#replaceRecord(row, key, value);
  }

  /**
   * Deletes a key.
   *
   * @returns the version that it had; 0 if it did not exist
   */
  delete(key: string): number {
    const row = this.#find(key);
    if (row < 0) return 0;
    const seq = this.#rows.seqOf(row);
    const address = this.#forget(row);
    if (this.#order.remove(row)) this.#rows.free(row);
    else this.#rows.setAddress(row, NO_ADDRESS);
    this.#records.free(address);
    return seq;
  }

  /**
   * Deletes the keys of a range.
   *
   * @param onDelete gets each key with the version that it has
   * @returns how many there were
   */
  deleteIn(range: KeyRange, onDelete: (key: string, seq: number) => void): number {
    const { first, behind } = this.#boundsOf(range);
    const rows = this.#rowsIn(range, Infinity);
    for (const row of rows) onDelete(this.#keyOf(row), this.#rows.seqOf(row));
    if (rows.length > 0) this.#order.removeBetween(first, behind);
    for (const row of rows) {
      const address = this.#forget(row);
      this.#rows.free(row);
      this.#records.free(address);
    }
    return rows.length;
  }

  /** Removes a row from everything but the order. Returns the address of its record, for which the row is still compared there. */
  #forget(row: number): number {
    const address = this.#rows.addressOf(row);
    this.#directory.remove(this.#rows.keyHashOf(row), row);
    if (this.#records.isPlaced(address)) this.#placedCount -= 1;
    this.#count -= 1;
    return address;
  }

  /** True if {@link slice} answers without sorting in more keys than takes some milliseconds. */
  get isSorted(): boolean {
    return this.#order.waitingCount <= SORTED_AT_ONCE_MAX;
  }

  /** Sorts in some of the keys that wait for it, which takes some milliseconds. */
  sortSome(): void {
    this.#order.sortSome();
  }

  /**
   * Reads the first entries of a range, all of one moment.
   *
   * @param limit maximum number of entries, from 1
   * @param valueBytesMax maximum size of their values together; the first entry is taken whatever its size
   */
  slice(range: DirectedRange, limit: number, valueBytesMax = Infinity): KeySlice {
    const rows = this.#rowsIn(range, limit);
    const taken = rows.subarray(0, this.#fittingCount(rows, valueBytesMax));
    const entries: (readonly [string, KeyEntry])[] = [];
    for (const row of taken) {
      const key = this.#keyOf(row);
      entries.push([key, this.#entryOf(key, row)]);
    }
    return { entries, isLast: taken.length === rows.length && rows.length < limit };
  }

  /** Number of rows whose values have at most this size together, but one at least. */
  #fittingCount(rows: Uint32Array, valueBytesMax: number): number {
    let valueBytes = 0;
    for (const [index, row] of rows.entries()) {
      valueBytes += this.#records.valueBytesOf(this.#rows.addressOf(row));
      if (valueBytes > valueBytesMax && index > 0) return index;
    }
    return rows.length;
  }

  /**
   * Writes the first entries of a range as members of a JSON object, each behind a comma, all of one moment.
   *
   * @param limit maximum number of entries, from 1
   * @param valueBytesMax maximum size of their values together; the first entry is taken whatever its size
   * @returns undefined if the value behind those that it has taken is not in memory
   */
  members(range: DirectedRange, limit: number, valueBytesMax: number): Members | undefined {
    const rows = this.#rowsIn(range, limit);
    const text = new MemberText(valueBytesMax);
    let canContinue = true;
    while (canContinue && text.count < rows.length) canContinue = this.#addMembers(rows, text);
    const { count, valueBytes } = text;
    const isWhole = count === rows.length;
    if (!isWhole && this.#records.isPlaced(this.#rows.addressOf(rows[count] as number))) return undefined;
    return {
      lastKey: count === 0 ? undefined : this.#keyOf(rows[count - 1] as number),
      isLast: isWhole && rows.length < limit,
      valueBytes,
      write: (allocate) => text.write(allocate),
    };
  }

  /** Adds the rows behind those that the text has whose records lie one after another; false if it cannot add all of them. */
  #addMembers(rows: Uint32Array, text: MemberText): boolean {
    const first = text.count;
    const address = this.#rows.addressOf(rows[first] as number);
    let count = 1;
    while (first + count < rows.length && this.#rows.addressOf(rows[first + count] as number) === address + count) count += 1;
    return this.#records.addMembers(address, count, text);
  }

  #keyOf(row: number): string {
    return this.#records.keyOf(this.#rows.addressOf(row));
  }

  /**
   * Reads the first keys of a range, all of one moment.
   *
   * @param limit maximum number of keys, from 1
   */
  keys(range: DirectedRange, limit: number): string[] {
    const keys: string[] = [];
    for (const row of this.#rowsIn(range, limit)) keys.push(this.#keyOf(row));
    return keys;
  }

  /** Counts the keys of a range. */
  countIn(range: KeyRange): number {
    const { first, behind } = this.#boundsOf(range);
    return this.#order.countBetween(first, behind);
  }

  #rowsIn(range: DirectedRange, limit: number): Uint32Array {
    invariant(limit >= 1, 'a slice has room for a key');
    const { first, behind } = this.#boundsOf(range);
    if (comparePositions(first, behind) >= 0) return allocateWords(0);
    return this.#order.rowsBetween(first, behind, range.reverse ?? false, limit);
  }

  #boundsOf(range: DirectedRange): OrderBounds {
    while (this.#order.waitingCount > 0) this.#order.sortSome();
    return boundsOf(this.#order, range, {
      compare: (row, bytes) => this.#records.compareKey(this.#rows.addressOf(row), bytes),
      sharedBytes: (row, bytes) => this.#records.sharedKeyBytes(this.#rows.addressOf(row), bytes),
    });
  }
}
