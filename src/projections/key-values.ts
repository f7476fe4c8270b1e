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
import { keyChangesOf, type ProjectEvent, rangeOf, type Recorded } from '../events/event.js';
import { versionTag } from '../events/key-version.js';
import type { KeyEntry } from './key-entry.js';
import { KeyIndex, type KeySlice, type Members } from './key-index/key-index.js';
import type { PackedEntries } from './key-index/packed-entries.js';
import type { DirectedRange, KeyRange } from '../events/key-range.js';
import type { KeyWatcher } from './key-watcher.js';
import { addTerm, keyTerm, removeTerm } from './key-sum.js';
import type { Projection } from './projection.js';
import { placeOfSetValue, placesOfValues, type ValuePlace } from './value-place.js';

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

  /** {@inheritDoc KeyIndex.get} */
  get(key: string): KeyEntry | undefined {
    return this.#index.get(key);
  }

  /** {@inheritDoc KeyIndex.slice} */
  slice(range: DirectedRange, limit: number, valueBytesMax?: number): KeySlice {
    return this.#index.slice(range, limit, valueBytesMax);
  }

  /** {@inheritDoc KeyIndex.members} */
  members(range: DirectedRange, limit: number, valueBytesMax: number): Members | undefined {
    return this.#index.members(range, limit, valueBytesMax);
  }

  /** {@inheritDoc KeyIndex.keys} */
  keys(range: DirectedRange, limit: number): string[] {
    return this.#index.keys(range, limit);
  }

  /** {@inheritDoc KeyIndex.countIn} */
  countIn(range: KeyRange): number {
    return this.#index.countIn(range);
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
  apply({ event, seq, timeMs, hash, place }: Recorded<ProjectEvent>): void {
    if (this.#watchers.size > 0) this.#inform(event);
    if (event.op === 'set') {
      const version = { seq, tag: versionTag(hash), timeMs };
      const { bytes } = event;
      if (bytes !== undefined && this.#isCaching) this.#noteSet(bytes, this.#index.setBytes(bytes, version), seq);
      else this.#set(event.key, { value: this.#valueOrPlace(event.value, place), ...version });
    } else if (event.op === 'delete') {
      this.#delete(event.key, seq);
    } else if (event.op === 'batch') {
      const places = this.#isCaching || place === undefined ? [] : placesOfValues(event, place);
      const version = { seq, tag: versionTag(hash), timeMs };
      for (const [index, op] of event.ops.entries()) {
        if (op.op === 'set') this.#set(op.key, { value: places[index] ?? op.value, ...version });
        else this.#delete(op.key, seq);
      }
    } else if (event.op === 'clear') {
      invariant(event.count === this.count, `seq ${seq} clears as many keys as there are`);
      this.#index = new KeyIndex();
      this.#keySum = 0;
    } else if (event.op === 'clear.range') {
      const count = this.#index.deleteIn(rangeOf(event), (key, version) => {
        this.#keySum = removeTerm(this.#keySum, keyTerm(key, version));
      });
      invariant(event.count === count, `seq ${seq} clears as many keys as there are in its range`);
      this.#renewIfEmpty();
    }
  }

  /** Deletions give back the memory of texts, but not that of columns. */
  #renewIfEmpty(): void {
    if (this.#index.count === 0) this.#index = new KeyIndex();
  }

  #set(key: string, entry: KeyEntry): void {
    this.#noteSet(key, this.#index.set(key, entry), entry.seq);
  }

  /** @param previous the version that the key had, or 0 */
  #noteSet(key: string | ByteRange, previous: number, seq: number): void {
    if (previous > 0) this.#keySum = removeTerm(this.#keySum, keyTerm(key, previous));
    this.#keySum = addTerm(this.#keySum, keyTerm(key, seq));
  }

  #delete(key: string, seq: number): void {
    const previous = this.#index.delete(key);
    invariant(previous > 0, `the key that seq ${seq} deletes exists`);
    this.#keySum = removeTerm(this.#keySum, keyTerm(key, previous));
    this.#renewIfEmpty();
  }

  /** A text without a place on disk stays in memory in either mode: it could not be read again. */
  #valueOrPlace(value: string, fields: TextPlace | undefined): string | ValuePlace {
    return this.#isCaching || fields === undefined ? value : placeOfSetValue(fields, value);
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
    this.#keySum = addTerm(this.#keySum, keyTerm(key, entry.seq));
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
   * has another version by now, or none.
   */
  relocate(key: string, seq: number, place: ValuePlace): void {
    const known = this.#index.placeOf(key, seq);
    if (known === undefined && this.#isCaching) return;
    const isSame = known === undefined || (known.sizeBytes === place.sizeBytes && known.crc === place.crc);
    invariant(isSame, `seq ${seq} has the same bytes in every place`);
    this.#index.replaceValue(key, seq, place);
  }

  /** Keeps a value that was read from disk in memory. Ignores a key that has another version by now, or none. */
  fill(key: string, seq: number, value: string): void {
    if (this.#isCaching && this.#index.placeOf(key, seq) !== undefined) this.#index.replaceValue(key, seq, value);
  }
}
