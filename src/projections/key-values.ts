/**
 * The current keys and values of one project, sorted by the UTF-8 bytes of the key. Knows no log and no HTTP.
 *
 * In caching mode every new value stays in memory; otherwise only its place on disk does. Entries from before a change of mode stay as they
 * are until `fill` or `relocate` converts them.
 */
import type { ByteRange } from '../base/byte-scan.js';
import { compareUtf8 } from '../base/compare-utf8.js';
import { invariant } from '../base/invariant.js';
import type { TextPlace } from '../base/text-place.js';
import {
  type BatchedChange, expiryAfter, keyChangesOf, type KeysChanged, type KeySet, type KeySetUntil, type ProjectEvent, type RangeCleared,
  rangeOf, type Recorded, type SetBytes, setsValue,
} from '../events/event.js';
import { hasExpired } from '../events/expiry.js';
import { versionTag } from '../events/key-version.js';
import { erasedVersions } from '../events/redaction.js';
import type { KeyEntry } from './key-entry.js';
import { KeyIndex } from './key-index/key-index.js';
import type { PackedEntries } from './key-index/packed-entries.js';
import type { KeySlice, Members } from './key-index/range-reader.js';
import type { RowVersion } from './key-index/row-table.js';
import type { DirectedRange, KeyRange } from '../events/key-range.js';
import type { KeyWatcher } from './key-watcher.js';
import { addTerm, keyTerm, removeTerm } from './key-sum.js';
import type { Projection } from './projection.js';
import { type IsTouchedSince, type PlacedVersion, placeOfSetValue, placesOfValues, type ValuePlace } from './value-place.js';

/** How to keep values. */
export interface CachingOptions {
  /** True: in memory. False: only as a place on disk, if they have one. @default true */
  readonly isCaching?: boolean;
}

/** The current keys and values. */
export class KeyValues implements Projection<ProjectEvent> {
  #index = new KeyIndex();
  #isCaching: boolean;
  #keySum = 0;
  #lastRestored: string | undefined;
  readonly #watchers = new Set<KeyWatcher>();

  constructor({ isCaching = true }: CachingOptions = {}) {
    this.#isCaching = isCaching;
  }

  /** Number of keys. */
  get count(): number {
    return this.#index.count;
  }

  /** Size of all values, in bytes. */
  get valueBytes(): number {
    return this.#index.valueBytes;
  }

  /** Size of all keys and values, in bytes. */
  get contentBytes(): number {
    return this.#index.keyBytes + this.#index.valueBytes;
  }

  /** The checksum over keys and versions; see `key-sum.ts`. */
  get keySum(): number {
    return this.#keySum;
  }

  /** Number of values that are not in memory. */
  get placedCount(): number {
    return this.#index.placedCount;
  }

  /** True if new values are kept in memory. */
  get isCaching(): boolean {
    return this.#isCaching;
  }

  /** Sets whether values applied from now on are kept in memory. */
  setCaching(isCaching: boolean): void {
    this.#isCaching = isCaching;
  }

  /** {@inheritDoc KeyIndex.versionOf} */
  versionOf(key: string): number {
    return this.#index.versionOf(key);
  }

  /** {@inheritDoc KeyIndex.tagOf} */
  tagOf(key: string): number {
    return this.#index.tagOf(key);
  }

  /** {@inheritDoc KeyIndex.valueBytesOf} */
  valueBytesOf(key: string): number {
    return this.#index.valueBytesOf(key);
  }

  /** {@inheritDoc KeyIndex.get} */
  get(key: string): KeyEntry | undefined {
    return this.#index.get(key);
  }

  /** {@inheritDoc KeyIndex.slice} */
  slice(range: DirectedRange, limit: number, valueBytesMax?: number, nowMs?: number): KeySlice {
    return this.#index.slice(range, limit, valueBytesMax, nowMs);
  }

  /** {@inheritDoc KeyIndex.members} */
  members(range: DirectedRange, limit: number, valueBytesMax: number, nowMs?: number): Members | undefined {
    return this.#index.members(range, limit, valueBytesMax, nowMs);
  }

  /** {@inheritDoc KeyIndex.keys} */
  keys(range: DirectedRange, limit: number, nowMs?: number): string[] {
    return this.#index.keys(range, limit, nowMs);
  }

  /** {@inheritDoc KeyIndex.countIn} */
  countIn(range: KeyRange, nowMs?: number): number {
    return this.#index.countIn(range, nowMs);
  }

  /** {@inheritDoc KeyIndex.expiringCount} */
  get expiringCount(): number {
    return this.#index.expiringCount;
  }

  /** {@inheritDoc KeyIndex.nextExpiryMs} */
  get nextExpiryMs(): number | undefined {
    return this.#index.nextExpiryMs;
  }

  /** {@inheritDoc KeyIndex.expiredKeys} */
  expiredKeys(nowMs: number, limit: number): string[] {
    return this.#index.expiredKeys(nowMs, limit);
  }

  /** {@inheritDoc KeyIndex.expiredCount} */
  expiredCount(nowMs: number): number {
    return this.#index.expiredCount(nowMs);
  }

  /** {@inheritDoc KeyIndex.expiryOf} */
  expiryOf(key: string): number | null {
    return this.#index.expiryOf(key);
  }

  /** {@inheritDoc KeyIndex.isSorted} */
  get isSorted(): boolean {
    return this.#index.isSorted;
  }

  /** {@inheritDoc KeyIndex.sortSome} */
  sortSome(): void {
    this.#index.sortSome();
  }

  /** Informs a watcher of changes from now on. */
  watch(watcher: KeyWatcher): void {
    this.#watchers.add(watcher);
  }

  /** Ends {@link watch}. */
  unwatch(watcher: KeyWatcher): void {
    this.#watchers.delete(watcher);
  }

  #inform(event: ProjectEvent): void {
    for (const watcher of this.#watchers) {
      for (const { key } of keyChangesOf(event)) watcher.beforeChange(key);
      if (event.op === 'clear') watcher.beforeClear({});
      if (event.op === 'clear.range') watcher.beforeClear(rangeOf(event));
    }
  }

  /** {@inheritDoc Projection.apply} */
  apply(recorded: Recorded<ProjectEvent>): void {
    const { event, seq, place } = recorded;
    if (this.#watchers.size > 0) this.#inform(event);
    switch (event.op) {
      case 'set':
        if (event.bytes !== undefined && this.#isCaching) this.#setBytes(event.bytes, versionOf(recorded));
        else this.#change(event, this.#placeOf(event, place), versionOf(recorded));
        break;
      case 'set.until':
        this.#change(event, this.#placeOf(event, place), versionOf(recorded));
        break;
      case 'delete':
      case 'touch':
        this.#change(event, undefined, versionOf(recorded));
        break;
      case 'batch':
        this.#changeEach(event, recorded);
        break;
      case 'expire':
        for (const key of event.keys) this.#expire(key, recorded);
        this.#renewIfEmpty();
        break;
      case 'clear':
        invariant(event.count === this.count, `seq ${seq} clears as many keys as there are`);
        this.#index = new KeyIndex();
        this.#keySum = 0;
        break;
      case 'clear.range':
        this.#clearRange(event, seq);
        break;
      case 'redact':
        for (const erased of erasedVersions(event)) {
          invariant(this.versionOf(erased.key) !== erased.seq, `no value that seq ${seq} erases is a current one`);
        }
        break;
    }
  }

  #changeEach(event: KeysChanged, recorded: Recorded): void {
    const { place } = recorded;
    const places = this.#isCaching || place === undefined ? [] : placesOfValues(event, place);
    const version = versionOf(recorded);
    for (const [index, op] of event.ops.entries()) this.#change(op, places[index], version);
  }

  /** @param place where the value is, unless it is kept in memory */
  #change(change: BatchedChange, place: ValuePlace | undefined, { seq, tag, timeMs }: RowVersion): void {
    const { key } = change;
    if (change.op === 'delete') {
      this.#delete(key, seq);
      return;
    }
    const expiresAtMs = expiryAfter(change);
    const previousExpiryMs = this.#index.expiryOf(key);
    const previous = setsValue(change)
      ? this.#index.set(key, { value: place ?? change.value, seq, tag, timeMs, expiresAtMs })
      : this.#index.touch(key, { seq, tag, timeMs, expiresAtMs });
    invariant(previous > 0 || change.op !== 'touch', () => `the key that seq ${seq} touches exists`);
    this.#removeTerm(key, previous, previousExpiryMs);
    this.#addTerm(key, seq, expiresAtMs);
  }

  #setBytes(bytes: SetBytes, version: RowVersion): void {
    const expiresAtMs = this.#index.expiryOf(bytes);
    this.#removeTerm(bytes, this.#index.setBytes(bytes, version), expiresAtMs);
    this.#addTerm(bytes, version.seq, null);
  }

  #expire(key: string, { seq, timeMs }: Recorded): void {
    const expiresAtMs = this.#index.expiryOf(key);
    invariant(hasExpired(expiresAtMs, timeMs), () => `each key that seq ${seq} removes exists and has expired by the time of the line`);
    this.#removeTerm(key, this.#index.delete(key), expiresAtMs);
  }

  #clearRange(event: RangeCleared, seq: number): void {
    const count = this.#index.deleteIn(rangeOf(event), (...version) => this.#removeTerm(...version));
    invariant(event.count === count, `seq ${seq} clears as many keys as there are in its range`);
    this.#renewIfEmpty();
  }

  /** Deletions give back the memory of texts, but not that of columns. */
  #renewIfEmpty(): void {
    if (this.#index.count === 0) this.#index = new KeyIndex();
  }

  #delete(key: string, seq: number): void {
    const expiresAtMs = this.#index.expiryOf(key);
    const previous = this.#index.delete(key);
    invariant(previous > 0, `the key that seq ${seq} deletes exists`);
    this.#removeTerm(key, previous, expiresAtMs);
    this.#renewIfEmpty();
  }

  /** @param seq the version that the key had; 0 if it did not exist */
  #removeTerm(key: string | ByteRange, seq: number, expiresAtMs: number | null): void {
    if (seq > 0) this.#keySum = removeTerm(this.#keySum, keyTerm(key, seq, expiresAtMs));
  }

  #addTerm(key: string | ByteRange, seq: number, expiresAtMs: number | null): void {
    this.#keySum = addTerm(this.#keySum, keyTerm(key, seq, expiresAtMs));
  }

  /** Returns undefined for a value that stays in memory, as does one without a place in either mode: it could not be read again. */
  #placeOf({ value }: KeySet | KeySetUntil, fields: TextPlace | undefined): ValuePlace | undefined {
    return this.#isCaching || fields === undefined ? undefined : placeOfSetValue(fields, value);
  }

  /**
   * Restores a key of a snapshot, before the first event is applied.
   *
   * @param key greater than that of the previous call
   * @param entry with its value, or its place in the snapshot
   */
  restore(key: string, entry: KeyEntry): void {
    this.#expectAbove(key);
    this.#lastRestored = key;
    this.#index.append(key, entry);
    this.#addTerm(key, entry.seq, entry.expiresAtMs);
  }

  /**
   * Restores keys of a snapshot with their values, as {@link restore}, and takes over their memory.
   *
   * @param keySum the sum over them; see `key-sum.ts`
   */
  restorePacked(packed: PackedEntries, keySum: number): void {
    this.#expectAbove(packed.firstKey);
    this.#lastRestored = packed.lastKey;
    this.#index.appendPacked(packed);
    this.#keySum = addTerm(this.#keySum, keySum);
  }

  /** Prepares for restoring as many keys. */
  reserve(count: number): void {
    this.#index.reserve(count);
  }

  #expectAbove(key: string): void {
    const isAscending = this.#lastRestored === undefined ? this.count === 0 : compareUtf8(key, this.#lastRestored) > 0;
    invariant(isAscending, 'keys are restored in their order, before anything is applied');
  }

  /**
   * Sets a new place to read the value of a version from. Outside caching mode, replaces a text in memory by the place. Ignores a key that
   * does not exist by now, or has another version, unless it was only touched since.
   */
  relocate({ key, seq, place }: PlacedVersion, isTouchedSince: IsTouchedSince): void {
    const current = this.#index.versionOf(key);
    const known = this.#index.placeOf(key, current);
    const isSame = known !== undefined && known.sizeBytes === place.sizeBytes && known.crc === place.crc;
    if (current === seq) {
      if (known === undefined && this.#isCaching) return;
      invariant(known === undefined || isSame, `seq ${seq} has the same bytes in every place`);
    } else if (!isSame || !isTouchedSince(known, place)) {
      return;
    }
    this.#index.replaceValue(key, current, place);
  }

  /** Keeps a value that was read from disk in memory. Ignores a key that has another version by now, or none. */
  fill(key: string, seq: number, value: string): void {
    if (this.#isCaching && this.#index.placeOf(key, seq) !== undefined) this.#index.replaceValue(key, seq, value);
  }
}

/** The version of all keys that a line sets. */
function versionOf(recorded: Recorded): RowVersion {
  const { seq, timeMs } = recorded;
  return { seq, tag: recorded.tag ?? versionTag(recorded.hash), timeMs };
}
