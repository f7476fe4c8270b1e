/**
 * The keys of a project with versions and values: found by hash, listed in the order of their UTF-8 bytes.
 *
 * Everything lies in large buffers, so that memory is little more than the text itself, and garbage collection does not grow with the
 * number of keys. Five parts, each in its file: columns (`row-table.ts`), records (`record-arena.ts`), the look-up by hash
 * (`hash-directory.ts`), the sorted order (`key-order.ts`) and the order of expiries (`expiry-order.ts`). None of them knows the others;
 * what holds between them is this file's. Listings are read from them by `range-reader.ts`.
 */
import type { ByteRange } from '../../base/byte-scan.js';
import { invariant } from '../../base/invariant.js';
import type { KeyEntry } from '../key-entry.js';
import type { DirectedRange, KeyRange } from '../../events/key-range.js';
import type { ValuePlace } from '../value-place.js';
import { CurrentPlace } from './current-place.js';
import { ExpiryOrder } from './expiry-order.js';
import { HashDirectory } from './hash-directory.js';
import { type KeyHash, secretKeyHash } from './key-hash.js';
import { KeyOrder } from './key-order.js';
import type { PackedEntries } from './packed-entries.js';
import { type KeySlice, type Members, RangeReader } from './range-reader.js';
import { RecordArena } from './record-arena.js';
import type { EntryBytes } from './record-size.js';
import { NO_ADDRESS, RowTable, type RowVersion } from './row-table.js';

/** Waiting keys that a listing may sort in without a turn of the event loop for others: some milliseconds. */
const SORTED_AT_ONCE_MAX = 1024;

/** The head of a deleted key in `bulk-sort.ts`: no key has a byte of 255 in UTF-8. */
const DELETED_HEAD = 2 ** 48 - 1;

/** The keys and values. */
export class KeyIndex {
  readonly #hash: KeyHash;
  readonly #rows = new RowTable();
  readonly #records = new RecordArena(this.#rows);
  readonly #directory: HashDirectory;
  readonly #order: KeyOrder;
  readonly #expiry = new ExpiryOrder(this.#rows);
  readonly #ranges: RangeReader;
  #count = 0;

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
    this.#ranges = new RangeReader({ rows, records, order: this.#order, expiry: this.#expiry }, (key, row) => this.#entryOf(key, row));
  }

  /** Number of keys. */
  get count(): number {
    return this.#count;
  }

  /** Number of values that are on disk. */
  get placedCount(): number {
    return this.#records.placedCount;
  }

  /** Size of all keys, in bytes. */
  get keyBytes(): number {
    return this.#records.keyBytes;
  }

  /** Size of all values in bytes, in memory and on disk. */
  get valueBytes(): number {
    return this.#records.valueBytes;
  }

  /** Memory of the index in bytes. */
  get allocatedBytes(): number {
    const parts = [this.#rows, this.#records, this.#directory, this.#order, this.#expiry];
    return parts.reduce((sum, { allocatedBytes }) => sum + allocatedBytes, 0);
  }

  /** Number of keys that have an expiry, whether it has come or not. */
  get expiringCount(): number {
    return this.#expiry.count;
  }

  /** The earliest expiry of a key, in milliseconds since 1970; undefined if no key has one. */
  get nextExpiryMs(): number | undefined {
    return this.#expiry.firstMs;
  }

  /**
   * Returns keys that have expired by a time, the earliest first.
   *
   * @param limit maximum number of keys, from 1
   */
  expiredKeys(nowMs: number, limit: number): string[] {
    return this.#expiry.expired(nowMs, limit).map((row) => this.#keyOf(row));
  }

  /** Counts the keys that have expired by a time. */
  expiredCount(nowMs: number): number {
    return this.#expiry.countExpired(nowMs);
  }

  /** Returns when a key expires, in milliseconds since 1970; null for never, and if the key does not exist. */
  expiryOf(key: string | ByteRange): number | null {
    if (this.#expiry.count === 0) return null;
    const row = this.#find(key);
    return row < 0 ? null : this.#expiry.timeOf(row);
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

  /** Returns the size of the value of an existing key, in bytes. */
  valueBytesOf(key: string): number {
    return this.#records.valueBytesOf(this.#rows.addressOf(this.#find(key)));
  }

  /** Returns the entry of a key, whether it has expired or not; undefined if the key does not exist. */
  get(key: string): KeyEntry | undefined {
    const row = this.#find(key);
    return row < 0 ? undefined : this.#entryOf(key, row);
  }

  #find(key: string | ByteRange): number {
    return this.#directory.find(this.#hash(key), key);
  }

  #entryOf(key: string, row: number): KeyEntry {
    const value = this.#records.valueOf(this.#rows.addressOf(row));
    const seq = this.#rows.seqOf(row);
    const known = typeof value === 'string' ? value : new CurrentPlace(this, { key, seq, place: value });
    return { value: known, seq, tag: this.#rows.tagOf(row), timeMs: this.#rows.timeMsOf(row), expiresAtMs: this.#expiry.timeOf(row) };
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
      this.#expiry.set(row, entry.expiresAtMs);
      this.#replaceAddress(row, this.#records.add(row, key, entry.value));
      return previous;
    }
    this.#order.add(this.#addRow(key, keyHash, entry));
    return 0;
  }

  /**
   * Sets a key to a value in memory without an expiry, as {@link set}, from the bytes of both.
   *
   * @returns the version that it had; 0 if it did not exist
   */
  setBytes(entry: EntryBytes, version: RowVersion): number {
    const keyHash = this.#hash(entry);
    const known = this.#directory.find(keyHash, entry);
    if (known >= 0) {
      const previous = this.#rows.seqOf(known);
      this.#rows.setVersion(known, version);
      this.#expiry.set(known, null);
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

  /**
   * Gives a key another version and another expiry. Its value stays.
   *
   * @returns the version that it had; 0 if it does not exist, and then it still does not
   */
  touch(key: string, version: RowVersion & Pick<KeyEntry, 'expiresAtMs'>): number {
    const row = this.#find(key);
    if (row < 0) return 0;
    const previous = this.#rows.seqOf(row);
    this.#rows.setVersion(row, version);
    this.#expiry.set(row, version.expiresAtMs);
    return previous;
  }

  /** Adds a key above all others, in an index to which nothing else was added. */
  append(key: string, entry: KeyEntry): void {
    this.#order.addLast(this.#addRow(key, this.#hash(key), entry));
  }

  /** Adds keys above all others, in an index to which nothing else was added. Takes over the memory of their records. */
  appendPacked({ chunks, seqs, tags, timesMs, expiriesMs }: PackedEntries): void {
    let index = 0;
    const rowOf = (address: number, key: string | ByteRange): number => {
      const row = this.#rows.add();
      this.#rows.setVersion(row, { seq: seqs[index] as number, tag: tags[index] as number, timeMs: timesMs[index] as number });
      this.#rows.setAddress(row, address);
      const keyHash = this.#hash(key);
      this.#rows.setKeyHash(row, keyHash);
      this.#directory.addLater(keyHash, row);
      const expiresAtMs = expiriesMs?.[index] ?? Infinity;
      if (expiresAtMs < Infinity) this.#expiry.set(row, expiresAtMs);
      this.#order.addLast(row);
      index += 1;
      return row;
    };
    for (const chunk of chunks) this.#records.adopt(chunk, rowOf);
    invariant(index === seqs.length, 'there is a record for each version');
    this.#count += index;
  }

  /** Prepares for as many keys in all, which spares work while they are added. */
  reserve(count: number): void {
    this.#directory.reserve(count);
  }

  #addRow(key: string, keyHash: number, entry: KeyEntry): number {
    const row = this.#rows.add();
    this.#rows.setVersion(row, entry);
    this.#rows.setAddress(row, this.#records.add(row, key, entry.value));
    this.#expiry.set(row, entry.expiresAtMs);
    this.#addKeyHash(row, keyHash);
    return row;
  }

  #addKeyHash(row: number, keyHash: number): void {
    this.#rows.setKeyHash(row, keyHash);
    this.#directory.add(keyHash, row);
    this.#count += 1;
  }

  #replaceAddress(row: number, address: number): void {
    const old = this.#rows.addressOf(row);
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
    else this.#replaceAddress(row, this.#records.add(row, key, value));
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
   * @param onDelete gets each key with the version and the expiry that it has
   * @returns how many there were
   */
  deleteIn(range: KeyRange, onDelete: (key: string, seq: number, expiresAtMs: number | null) => void): number {
    const { first, behind } = this.#ranges.boundsOf(range);
    const rows = this.#ranges.rowsIn(range, Infinity, undefined);
    for (const row of rows) onDelete(this.#keyOf(row), this.#rows.seqOf(row), this.#expiry.timeOf(row));
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
    this.#expiry.set(row, null);
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

  #keyOf(row: number): string {
    return this.#records.keyOf(this.#rows.addressOf(row));
  }

  /** {@inheritDoc RangeReader.slice} */
  slice(range: DirectedRange, limit: number, valueBytesMax?: number, nowMs?: number): KeySlice {
    return this.#ranges.slice(range, limit, valueBytesMax, nowMs);
  }

  /** {@inheritDoc RangeReader.members} */
  members(range: DirectedRange, limit: number, valueBytesMax: number, nowMs?: number): Members | undefined {
    return this.#ranges.members(range, limit, valueBytesMax, nowMs);
  }

  /** {@inheritDoc RangeReader.keys} */
  keys(range: DirectedRange, limit: number, nowMs?: number): string[] {
    return this.#ranges.keys(range, limit, nowMs);
  }

  /** {@inheritDoc RangeReader.countIn} */
  countIn(range: KeyRange, nowMs?: number): number {
    return this.#ranges.countIn(range, nowMs);
  }
}
