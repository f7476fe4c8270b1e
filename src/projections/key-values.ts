/**
 * The current keys and values of one project, sorted by the UTF-8 bytes of the key. Knows no log and no HTTP.
 *
 * In caching mode every new value stays in memory; otherwise only its place on disk does. Entries from before a change of mode stay as they
 * are until `fill` or `relocate` converts them.
 */
import sortedBtree from 'sorted-btree';
import { compareUtf8 } from '../base/compare-utf8.js';
import { invariant } from '../base/invariant.js';
import type { TextPlace } from '../base/text-place.js';
import type { ProjectEvent, Recorded } from '../events/event.js';
import { type KeyEntry, PlacedEntry } from './key-entry.js';
import { isBefore, isBeyond, iterationStart, type KeyRange } from './key-range.js';
import { addTerm, keyTerm, removeTerm } from './key-sum.js';
import type { Projection } from './projection.js';
import { placeOfSetValue, type ValuePlace } from './value-place.js';

type Tree = InstanceType<typeof sortedBtree.default<string, KeyEntry>>;

function newTree(): Tree {
  return new sortedBtree.default<string, KeyEntry>(undefined, compareUtf8);
}

/** How to keep values. */
export interface CachingOptions {
  /** True: in memory. False: only as a place on disk, if they have one. @default true */
  readonly isCaching?: boolean;
}

/** The current keys and values. */
export class KeyValues implements Projection<ProjectEvent> {
  #tree: Tree = newTree();
  #isCaching: boolean;
  #keySum = 0;
  #placedCount = 0;
  #lastRestored: string | undefined;

  constructor({ isCaching = true }: CachingOptions = {}) {
    this.#isCaching = isCaching;
  }

  /** Number of keys. */
  get count(): number {
    return this.#tree.size;
  }

  /** The checksum over keys and versions; see `key-sum.ts`. */
  get keySum(): number {
    return this.#keySum;
  }

  /** Number of values that are not in memory. */
  get placedCount(): number {
    return this.#placedCount;
  }

  /** True if new values are kept in memory. */
  get isCaching(): boolean {
    return this.#isCaching;
  }

  /** Sets whether values applied from now on are kept in memory. */
  setCaching(isCaching: boolean): void {
    this.#isCaching = isCaching;
  }

  /** Returns the entry of a key; undefined if the key does not exist. */
  get(key: string): KeyEntry | undefined {
    return this.#tree.get(key);
  }

  /**
   * Reads the first entries of a range, all of one moment.
   *
   * @param limit maximum number of entries, from 1
   */
  slice(range: KeyRange, limit: number): [string, KeyEntry][] {
    invariant(limit >= 1, 'a slice has room for a key');
    const found: [string, KeyEntry][] = [];
    for (const [key, entry] of this.#entriesFrom(range)) {
      if (isBefore(range, key)) continue;
      if (isBeyond(range, key)) break;
      found.push([key, entry]);
      if (found.length === limit) break;
    }
    return found;
  }

  /**
   * Reads the first keys of a range, all of one moment.
   *
   * @param limit maximum number of keys, from 1
   */
  keys(range: KeyRange, limit: number): string[] {
    return this.slice(range, limit).map(([key]) => key);
  }

  /** Iterates over entries in the direction of the range, starting at or shortly before its first key. */
  #entriesFrom(range: KeyRange): IterableIterator<[string, KeyEntry]> {
    const start = iterationStart(range);
    return range.reverse === true ? this.#tree.entriesReversed(start) : this.#tree.entries(start);
  }

  /** {@inheritDoc Projection.apply} */
  apply({ event, seq, timeMs, place }: Recorded<ProjectEvent>): void {
    if (event.op === 'set') {
      this.#discount(event.key);
      this.#add(event.key, this.#entryOfSet(event.value, { seq, timeMs }, place));
    } else if (event.op === 'delete') {
      this.#discount(event.key);
      const existed = this.#tree.delete(event.key);
      invariant(existed, `the key that seq ${seq} deletes exists`);
    } else if (event.op === 'clear') {
      invariant(event.count === this.#tree.size, `seq ${seq} clears as many keys as there are`);
      this.#tree = newTree();
      this.#keySum = 0;
      this.#placedCount = 0;
    }
  }

  /** A text without a place on disk stays in memory in either mode: it could not be read again. */
  #entryOfSet(value: string, version: Pick<KeyEntry, 'seq' | 'timeMs'>, fields: TextPlace | undefined): KeyEntry {
    if (this.#isCaching || fields === undefined) return { value, ...version };
    return new PlacedEntry(version, placeOfSetValue(fields, value));
  }

  /** Removes a key from the sums, before its entry is replaced or deleted. */
  #discount(key: string): void {
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
   * Restores a key of a snapshot, before the first event is applied.
   *
   * @param key greater than that of the previous call
   * @param entry with its value, or its place in the snapshot
   */
  restore(key: string, { value, seq, timeMs }: KeyEntry): void {
    const isAscending = this.#lastRestored === undefined ? this.count === 0 : compareUtf8(key, this.#lastRestored) > 0;
    invariant(isAscending, 'keys are restored in their order, before anything is applied');
    this.#lastRestored = key;
    this.#add(key, typeof value === 'string' ? { value, seq, timeMs } : new PlacedEntry({ seq, timeMs }, value));
  }

  /**
   * Sets a new place to read the value of a version from. Outside caching mode, replaces a text in memory by the place. Ignores a key that
   * has another version by now, or none.
   */
  relocate(key: string, seq: number, place: ValuePlace): void {
    const entry = this.#tree.get(key);
    if (entry?.seq !== seq) return;
    if (entry instanceof PlacedEntry) {
      invariant(entry.sizeBytes === place.sizeBytes && entry.crc === place.crc, `seq ${seq} has the same bytes in every place`);
      entry.file = place.file;
      entry.offset = place.offset;
    } else if (!this.#isCaching) {
      this.#tree.set(key, new PlacedEntry(entry, place));
      this.#placedCount += 1;
    }
  }

  /** Keeps a value that was read from disk in memory. Ignores a key that has another version by now, or none. */
  fill(key: string, seq: number, value: string): void {
    const entry = this.#tree.get(key);
    if (entry?.seq !== seq || !(entry instanceof PlacedEntry) || !this.#isCaching) return;
    this.#tree.set(key, { value, seq, timeMs: entry.timeMs });
    this.#placedCount -= 1;
  }
}
