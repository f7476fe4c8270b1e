/**
 * Reads of one project's keys and values, wherever the values are. A read is of the moment at which it looks its keys up: what it
 * finds there it answers with, also when a value has to be fetched from disk while others write.
 *
 * Code that removes files first moves the values out of them and then waits for `settleReads`: each read that may still hold a
 * place in them has a lease until it has ended.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { invariant } from '../base/invariant.js';
import { type KeyEntry, type LoadedEntry, sizeOfValue } from '../projections/key-entry.js';
import type { KeyRange } from '../projections/key-range.js';
import type { KeyValues } from '../projections/key-values.js';
import type { LoadOptions, ValueLoader } from '../projections/value-loader.js';
import type { PlacedVersion } from '../projections/value-place.js';

/** How much of values makes a piece, in bytes: a reader that stalls keeps one of them in memory. */
export const PIECE_VALUE_BYTES_MAX = 131_072;
/** Values of one piece that are read from disk at once. */
const PIECE_READS_MAX = 4;
/** Keys that are gone through before others get a turn. */
const SLICE_KEYS_MAX = 1000;

/** Part of a listing, of one moment. */
export interface ReadPiece {
  /** In the order that was asked for. */
  readonly entries: readonly (readonly [key: string, entry: LoadedEntry])[];
  /** How many of the keys that were asked for are done with, those that do not exist included. */
  readonly doneCount: number;
  /** True when nothing is left behind this piece. */
  readonly isLast: boolean;
}

/**
 * Asked for room before values are brought into memory, with their size in bytes. Undefined lets them come at once; otherwise the
 * read waits, and then looks its keys up anew.
 */
export type Admission = (sizeBytes: number) => Promise<void> | undefined;

type Found = readonly (readonly [string, KeyEntry])[];

/** The reading side of a store. */
export class ProjectReads {
  readonly #values: KeyValues;
  readonly #loader: ValueLoader;
  readonly #leases = new Set<Promise<unknown>>();

  constructor(values: KeyValues, loader: ValueLoader) {
    this.#values = values;
    this.#loader = loader;
  }

  /** How many reads found something else on disk than what was written. */
  get damagedReads(): number {
    return this.#loader.damagedReads;
  }

  /** {@inheritDoc ValueLoader.damagedSnapshots} */
  get damagedSnapshots(): ReadonlySet<number> {
    return this.#loader.damagedSnapshots;
  }

  /** {@inheritDoc ValueLoader.forgetDamaged} */
  forgetDamaged(seq: number): void {
    this.#loader.forgetDamaged(seq);
  }

  /**
   * Gives the value of an entry. Called at once when the entry was looked up: the lease begins here.
   *
   * @returns its text, at once when it is in memory
   * @throws {AppError} `project_corrupt`
   */
  load(entry: KeyEntry): string | Promise<string> {
    const { value, seq } = entry;
    if (typeof value === 'string') return value;
    return this.#loader.remembered(seq) ?? this.#lease(this.#loader.load(seq, value));
  }

  /**
   * Reads a key.
   *
   * @returns its entry, undefined when it does not exist; at once when the value is in memory
   * @throws {AppError} `project_corrupt`
   */
  read(key: string): LoadedEntry | undefined | Promise<LoadedEntry> {
    const entry = this.#values.get(key);
    if (entry === undefined || isLoaded(entry)) return entry;
    const value = this.load(entry);
    return typeof value === 'string' ? withValue(entry, value) : value.then((text) => withValue(entry, text));
  }

  /**
   * Reads a piece of a listing: at most 128 KiB of values, but one key at least.
   *
   * @param limit how many at most, from 1
   * @returns the piece; at once when all of it is in memory and there is room
   * @throws {AppError} `project_corrupt`, and what `admit` rejects with
   */
  readPiece(range: KeyRange, limit: number, admit: Admission = atOnce): ReadPiece | Promise<ReadPiece> {
    const found = this.#values.slice(range, limit);
    const entries = found.slice(0, countOfPiece(found.map(([, entry]) => entry)));
    const room = admit(sizeOfEntries(entries));
    if (room !== undefined) return room.then(() => this.readPiece(range, limit, admit));
    return this.#loadPiece(entries, { doneCount: entries.length, isLast: found.length < limit && entries.length === found.length });
  }

  /**
   * Reads keys that were fixed before, as many as a piece takes: at most 128 KiB of values, but one key at least.
   *
   * @param keys at least one; one that does not exist is left out
   * @returns the piece; at once when all of it is in memory and there is room
   * @throws {AppError} `project_corrupt`, and what `admit` rejects with
   */
  readKeys(keys: readonly string[], admit: Admission = atOnce): ReadPiece | Promise<ReadPiece> {
    const all = keys.map((key) => this.#values.get(key));
    const doneCount = countOfPiece(all);
    const entries: [string, KeyEntry][] = [];
    for (const [index, key] of keys.slice(0, doneCount).entries()) {
      const entry = all[index];
      if (entry !== undefined) entries.push([key, entry]);
    }
    const room = admit(sizeOfEntries(entries));
    if (room !== undefined) return room.then(() => this.readKeys(keys, admit));
    return this.#loadPiece(entries, { doneCount, isLast: doneCount === keys.length });
  }

  #loadPiece(found: Found, rest: Omit<ReadPiece, 'entries'>): ReadPiece | Promise<ReadPiece> {
    if (areLoaded(found)) return { entries: found, ...rest };
    const loaded: (readonly [string, LoadedEntry])[] = [];
    const load = this.#loadEach(found, { isRemembered: false }, (index, key, entry) => {
      loaded[index] = [key, entry];
    });
    return this.#lease(load.then(() => ({ entries: loaded, ...rest })));
  }

  /** Loads entries, a few at once, and hands over each as it comes. */
  async #loadEach(found: Found, options: LoadOptions, take: (index: number, key: string, entry: LoadedEntry) => void): Promise<void> {
    const rest = found.entries();
    const worker = async (): Promise<void> => {
      for (const [index, [key, entry]] of rest) {
        take(index, key, isLoaded(entry) ? entry : withValue(entry, await this.#loadPlaced(entry, options)));
      }
    };
    await Promise.all(Array.from({ length: Math.min(PIECE_READS_MAX, found.length) }, worker));
  }

  async #loadPlaced({ seq, value }: KeyEntry, options: LoadOptions): Promise<string> {
    return typeof value === 'string' ? value : await this.#loader.load(seq, value, options);
  }

  #lease<T>(reading: Promise<T>): Promise<T> {
    const lease = reading.then(() => undefined, () => undefined).finally(() => this.#leases.delete(lease));
    this.#leases.add(lease);
    return reading;
  }

  /** Resolves when every read that began before the call has ended. */
  async settleReads(): Promise<void> {
    await Promise.all(this.#leases);
  }

  /**
   * Points versions at where they lie as well, in slices, with the event loop free in between. Without caching, texts in memory give
   * way to their places; with caching, only values that are not in memory yet are pointed elsewhere.
   *
   * @param versions of any keys; what is not a present version changes nothing
   */
  async relocate(versions: AsyncIterable<readonly PlacedVersion[]>): Promise<void> {
    if (this.#needsNoPlaces()) return;
    for await (const group of versions) {
      for (let first = 0; first < group.length; first += SLICE_KEYS_MAX) {
        if (this.#needsNoPlaces()) return;
        for (const { key, seq, place } of group.slice(first, first + SLICE_KEYS_MAX)) this.#values.relocate(key, seq, place);
        await nextTurn();
      }
    }
  }

  #needsNoPlaces(): boolean {
    return this.#values.isCaching && this.#values.placedCount === 0;
  }

  /**
   * Reads every value into memory that is not there yet, in slices, while reads and writes go on. Ends early when caching is
   * switched off meanwhile.
   *
   * @param signal ends it; what has been loaded stays
   * @throws {AppError} `project_corrupt` when a value cannot be read; the others before it are loaded
   */
  async loadAll(signal?: AbortSignal): Promise<void> {
    invariant(this.#values.isCaching, 'values are loaded to be kept');
    let range: KeyRange = {};
    while (this.#values.isCaching && this.#values.placedCount > 0) {
      signal?.throwIfAborted();
      const found = this.#values.slice(range, SLICE_KEYS_MAX);
      const placed = found.filter(([, entry]) => !isLoaded(entry));
      await this.#lease(this.#loadEach(placed, { isRemembered: false }, (_index, key, entry) => {
        this.#values.fill(key, entry.seq, entry.value);
      }));
      const last = found.at(-1);
      // Values that caching was off for meanwhile may lie behind the walk: then it begins again.
      range = last === undefined ? {} : { after: last[0] };
      await nextTurn();
    }
  }
}

function atOnce(): undefined {
  return undefined;
}

function sizeOfEntries(entries: Found): number {
  let sizeBytes = 0;
  for (const [, entry] of entries) sizeBytes += sizeOfValue(entry);
  return sizeBytes;
}

function isLoaded(entry: KeyEntry): entry is LoadedEntry {
  return typeof entry.value === 'string';
}

function areLoaded(found: Found): found is readonly (readonly [string, LoadedEntry])[] {
  return found.every(([, entry]) => isLoaded(entry));
}

function withValue({ seq, timeMs }: KeyEntry, value: string): LoadedEntry {
  return { value, seq, timeMs };
}

/** How many entries make a piece: one at least, and no more than the bytes allow. */
function countOfPiece(entries: readonly (KeyEntry | undefined)[]): number {
  let sizeBytes = 0;
  for (const [index, entry] of entries.entries()) {
    sizeBytes += entry === undefined ? 0 : sizeOfValue(entry);
    if (index > 0 && sizeBytes > PIECE_VALUE_BYTES_MAX) return index;
  }
  return entries.length;
}
