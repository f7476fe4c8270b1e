/**
 * The present keys and values of one project, sorted by the UTF-8 bytes of the key. Knows no log and no HTTP.
 *
 * It either caches values, and then every new one stays in memory; or it keeps only where each new one lies. Entries from
 * before the last change of mode stay as they are until `fill` or `relocate` takes them over.
 */
import sortedBtree from 'sorted-btree';
import { compareUtf8 } from '../base/compare-utf8.js';
import { invariant } from '../base/invariant.js';
import type { TextPlace } from '../base/text-place.js';
import type { ProjectEvent, Recorded } from '../events/event.js';
import { type KeyEntry, PlacedEntry } from './key-entry.js';
import { entryOf, isBefore, isBeyond, type KeyRange } from './key-range.js';
import { addTerm, keyTerm, removeTerm } from './key-sum.js';
import type { Projection } from './projection.js';
import { placeOfSetValue, type ValuePlace } from './value-place.js';

type Tree = InstanceType<typeof sortedBtree.default<string, KeyEntry>>;

function newTree(): Tree {
  return new sortedBtree.default<string, KeyEntry>(undefined, compareUtf8);
}

/** How values are kept. */
export interface CachingOptions {
  /** True: in memory. False: what has a place on disk is kept as that place only. @default true */
  readonly isCaching?: boolean;
}

/** Keys and values as they are now. */
export class KeyValues implements Projection<ProjectEvent> {
  #tree: Tree = newTree();
  #isCaching: boolean;
  #keySum = 0;
  #placedCount = 0;
  #lastRestored: string | undefined;

  /** @param options how values are kept */
  constructor({ isCaching = true }: CachingOptions = {}) {
    this.#isCaching = isCaching;
  }

  /** How many keys there are. */
  get count(): number {
    return this.#tree.size;
  }

  /** The sum over keys and versions; see `key-sum.ts`. */
  get keySum(): number {
    return this.#keySum;
  }

  /** How many of the values are not in memory. */
  get placedCount(): number {
    return this.#placedCount;
  }

  /** True when new values are kept in memory. */
  get isCaching(): boolean {
    return this.#isCaching;
  }

  /**
   * Changes how what is applied from now on is kept.
   *
   * @param isCaching true: in memory
   */
  setCaching(isCaching: boolean): void {
    this.#isCaching = isCaching;
  }

  /** @returns its entry, undefined when it does not exist */
  get(key: string): KeyEntry | undefined {
    return this.#tree.get(key);
  }

  /**
   * Reads a piece of a listing, of one moment.
   *
   * @param limit how many at most, from 1
   */
  slice(range: KeyRange, limit: number): [string, KeyEntry][] {
    invariant(limit >= 1, 'a piece of a listing has room for a key');
    const found: [string, KeyEntry][] = [];
    for (const [key, entry] of this.#walk(range)) {
      if (isBefore(range, key)) continue;
      if (isBeyond(range, key)) break;
      found.push([key, entry]);
      if (found.length === limit) break;
    }
    return found;
  }

  /**
   * Reads the keys of a piece of a listing, of one moment.
   *
   * @param limit how many at most, from 1
   */
  keys(range: KeyRange, limit: number): string[] {
    return this.slice(range, limit).map(([key]) => key);
  }

  /** Entries in the direction of travel, beginning at or shortly before the first one of the range. */
  #walk(range: KeyRange): IterableIterator<[string, KeyEntry]> {
    return range.reverse === true ? this.#tree.entriesReversed(entryOf(range)) : this.#tree.entries(entryOf(range));
  }

  /** {@inheritDoc Projection.apply} */
  apply({ event, seq, timeMs, place }: Recorded<ProjectEvent>): void {
    if (event.op === 'set') {
      this.#forget(event.key);
      this.#add(event.key, this.#entryOfSet(event.value, { seq, timeMs }, place));
    } else if (event.op === 'delete') {
      this.#forget(event.key);
      const existed = this.#tree.delete(event.key);
      invariant(existed, `the key that seq ${seq} deletes exists`);
    } else if (event.op === 'clear') {
      invariant(event.count === this.#tree.size, `seq ${seq} clears as many keys as there are`);
      this.#tree = newTree();
      this.#keySum = 0;
      this.#placedCount = 0;
    }
  }

  /** Text that has no place stays in memory whatever the mode: there would be no other way to read it. */
  #entryOfSet(value: string, version: Pick<KeyEntry, 'seq' | 'timeMs'>, fields: TextPlace | undefined): KeyEntry {
    if (this.#isCaching || fields === undefined) return { value, ...version };
    return new PlacedEntry(version, placeOfSetValue(fields, value));
  }

  /** Takes what a key counts for out of the sums; its entry is replaced or deleted next. */
  #forget(key: string): void {
    const entry = this.#tree.get(key);
    if (entry === undefined) return;
    this.#keySum = removeTerm(this.#keySum, keyTerm(key, entry.seq));
    if (entry instanceof PlacedEntry) this.#placedCount -= 1;
  }

  #add(key: string, entry: KeyEntry): void {
    this.#tree.set(key, entry);
    this.#keySum = addTerm(this.#keySum, keyTerm(key, entry.seq));
    if (entry instanceof PlacedEntry) this.#placedCount += 1;
  }

  /**
   * Takes in a key of a snapshot, before the first event is applied.
   *
   * @param key above the key of the call before
   * @param entry with its value, or with its place in the snapshot
   */
  restore(key: string, { value, seq, timeMs }: KeyEntry): void {
    const isAscending = this.#lastRestored === undefined ? this.count === 0 : compareUtf8(key, this.#lastRestored) > 0;
    invariant(isAscending, 'keys are restored in their order, before anything is applied');
    this.#lastRestored = key;
    this.#add(key, typeof value === 'string' ? { value, seq, timeMs } : new PlacedEntry({ seq, timeMs }, value));
  }

  /**
   * Says where the value of a version lies as well, from now on to be read there. Without caching, a text in memory gives way to
   * the place. A key that has another version by now, or none, stays as it is.
   */
  relocate(key: string, seq: number, place: ValuePlace): void {
    const entry = this.#tree.get(key);
    if (entry?.seq !== seq) return;
    if (entry instanceof PlacedEntry) {
      invariant(entry.sizeBytes === place.sizeBytes && entry.crc === place.crc, `seq ${seq} has the same bytes wherever it lies`);
      entry.file = place.file;
      entry.offset = place.offset;
    } else if (!this.#isCaching) {
      this.#tree.set(key, new PlacedEntry(entry, place));
      this.#placedCount += 1;
    }
  }

  /** Takes a value that was read from its place into memory. A key that has another version by now, or none, stays as it is. */
  fill(key: string, seq: number, value: string): void {
    const entry = this.#tree.get(key);
    if (entry?.seq !== seq || !(entry instanceof PlacedEntry) || !this.#isCaching) return;
    this.#tree.set(key, { value, seq, timeMs: entry.timeMs });
    this.#placedCount -= 1;
  }
}
