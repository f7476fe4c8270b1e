/**
 * Reads one project's keys and values, in memory or on disk. A read answers with the versions that it finds when it looks its keys up,
 * even if it then fetches values from disk while writes continue.
 *
 * Code that removes files first relocates the values in them and then waits for `settleReads`: each read that may still hold a place in
 * them has a lease until it ends.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { invariant } from '../base/invariant.js';
import { hasExpired } from '../events/expiry.js';
import { type KeyEntry, type LoadedEntry, sizeOfValue } from '../projections/key-entry.js';
import type { DirectedRange, KeyRange } from '../events/key-range.js';
import type { ErasedVersion } from '../events/redaction.js';
import type { KeyValues } from '../projections/key-values.js';
import type { LoadOptions, ValueLoader } from '../projections/value-loader.js';
import type { IsTouchedSince, PlacedVersion } from '../projections/value-place.js';
import { HeldKeys, type HeldVersion } from './held-keys.js';

/** Size of the values of a piece, in bytes: a stalled reader keeps one piece in memory. */
export const PIECE_VALUE_BYTES_MAX = 131_072;
/** Concurrent reads from disk for one piece. */
const PIECE_READS_MAX = 4;
/** Size of the older values that all holds of a project keep together, in UTF-16 units; beyond, the oldest hold is given up. */
export const KEPT_UNITS_MAX = 16_777_216;
/** Keys processed before the event loop gets a turn. */
const SLICE_KEYS_MAX = 1000;

/** Part of a listing; all of its entries are of one moment. */
export interface ReadPiece {
  /** In the requested order. */
  readonly entries: readonly (readonly [key: string, entry: LoadedEntry])[];
  /** Number of requested keys that are done, including those that do not exist. */
  readonly doneCount: number;
  /** True if nothing follows this piece. */
  readonly isLast: boolean;
}

/** Part of a listing as text; all of its entries are of one moment. */
export interface MembersPiece {
  /** Members of a JSON object in UTF-8, each behind a comma. */
  readonly text: Buffer;
  /** Undefined if there is no entry. */
  readonly lastKey: string | undefined;
  /** True if nothing follows this piece. */
  readonly isLast: boolean;
}

/**
 * Reserves memory before values are loaded, given their size in bytes. Returns undefined if the read may continue at once; otherwise the
 * read waits for the promise and looks its keys up again.
 */
export type Admission = (sizeBytes: number) => Promise<void> | undefined;

/** Waits until memory is reserved, for a read that does not look its keys up again afterwards. */
export async function reserve(admit: Admission, sizeBytes: number): Promise<void> {
  for (let granted = admit(sizeBytes); granted !== undefined; granted = admit(sizeBytes)) await granted;
}

/** Gives memory for a text of exactly this size. */
export type Allocation = (sizeBytes: number) => Buffer;

/** Reads keys piece by piece: those of the present, or of a past state. */
export type KeyReads = Pick<ProjectReads, 'readNames' | 'readPiece' | 'readMembers' | 'readKeys'>;

type Found = readonly (readonly [string, KeyEntry])[];

/** The reading side of a store. */
export class ProjectReads {
  readonly #values: KeyValues;
  readonly #loader: ValueLoader;
  readonly #nowMs: () => number;
  readonly #leases = new Set<Promise<unknown>>();
  #sorting: Promise<void> | undefined;
  /** Oldest first. */
  readonly #holds = new Set<HeldKeys>();
  #keptUnits = 0;

  /** @param nowMs the time of the project, by which keys expire */
  constructor(values: KeyValues, loader: ValueLoader, nowMs: () => number) {
    this.#values = values;
    this.#loader = loader;
    this.#nowMs = nowMs;
  }

  /** The time for a look-up of many keys; undefined if no key expires. */
  get #visibleAtMs(): number | undefined {
    return this.#values.expiringCount === 0 ? undefined : this.#nowMs();
  }

  /** Returns the entry of a key; undefined if the key does not exist, or has expired. */
  get(key: string): KeyEntry | undefined {
    const entry = this.#values.get(key);
    if (entry === undefined || entry.expiresAtMs === null) return entry;
    return hasExpired(entry.expiresAtMs, this.#nowMs()) ? undefined : entry;
  }

  /** Number of keys that have not expired. */
  get count(): number {
    const nowMs = this.#visibleAtMs;
    return nowMs === undefined ? this.#values.count : this.#values.count - this.#values.expiredCount(nowMs);
  }

  /** The same as {@link get} without the value, which costs more than the rest. */
  #versionOf(key: string): HeldVersion | undefined {
    const seq = this.#values.versionOf(key);
    if (seq === 0) return undefined;
    const expiresAtMs = this.#values.expiryOf(key);
    if (expiresAtMs !== null && hasExpired(expiresAtMs, this.#nowMs())) return undefined;
    return { seq, tag: this.#values.tagOf(key), expiresAtMs };
  }

  /** Counts the keys of a range that exist and have not expired; all are sorted. */
  countIn(range: KeyRange): number {
    return this.#values.countIn(range, this.#visibleAtMs);
  }

  /** Number of reads that found something else on disk than what was written. */
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
   * Loads the value of an entry. Call it right after looking the entry up: the lease begins here.
   *
   * @returns its text, synchronously if it is in memory
   * @throws {AppError} `project_corrupt`
   */
  load(key: string, entry: KeyEntry): string | Promise<string> {
    const { value, seq } = entry;
    if (typeof value === 'string') return value;
    const version = { key, seq };
    return this.#loader.cached(version) ?? this.#lease(this.#loader.load(version, value));
  }

  /**
   * Reads a piece of a listing: at most 128 KiB of values, but at least one key.
   *
   * @param limit maximum number of entries, from 1
   * @returns the piece; synchronously if all of it is in memory and admitted
   * @throws {AppError} `project_corrupt`, and the error of `admit`
   */
  readPiece(range: DirectedRange, limit: number, admit: Admission = atOnce): ReadPiece | Promise<ReadPiece> {
    const ready = this.sortKeys();
    if (ready !== undefined) return ready.then(() => this.readPiece(range, limit, admit));
    const { entries, isLast } = this.#values.slice(range, limit, PIECE_VALUE_BYTES_MAX, this.#visibleAtMs);
    const granted = admit(sizeOfEntries(entries));
    if (granted !== undefined) return granted.then(() => this.readPiece(range, limit, admit));
    return this.#loadPiece(entries, { doneCount: entries.length, isLast });
  }

  /**
   * Reads a piece of a listing as JSON text: at most 128 KiB of values, but at least one key.
   *
   * @param limit maximum number of entries, from 1
   * @param allocate gives the memory for the text, except where values are on disk
   * @returns the piece; synchronously if all of it is in memory and admitted
   * @throws {AppError} `project_corrupt`, and the error of `admit`
   */
  readMembers(
    range: DirectedRange, limit: number, admit: Admission = atOnce, allocate: Allocation = Buffer.allocUnsafe,
  ): MembersPiece | Promise<MembersPiece> {
    const ready = this.sortKeys();
    if (ready !== undefined) return ready.then(() => this.readMembers(range, limit, admit, allocate));
    const members = this.#values.members(range, limit, PIECE_VALUE_BYTES_MAX, this.#visibleAtMs);
    if (members === undefined) return this.#readPlacedMembers(range, limit, admit);
    const granted = admit(members.valueBytes);
    if (granted !== undefined) return granted.then(() => this.readMembers(range, limit, admit, allocate));
    return { text: members.write(allocate), lastKey: members.lastKey, isLast: members.isLast };
  }

  async #readPlacedMembers(range: DirectedRange, limit: number, admit: Admission): Promise<MembersPiece> {
    const { entries, isLast } = await this.readPiece(range, limit, admit);
    return { text: membersOf(entries), lastKey: entries.at(-1)?.[0], isLast };
  }

  /**
   * Reads the keys of a range that exist and have not expired.
   *
   * @param limit maximum number of keys
   * @returns fewer only if there are no more; synchronously if they are sorted
   */
  readNames(range: DirectedRange, limit: number): readonly string[] | Promise<readonly string[]> {
    const ready = this.sortKeys();
    return ready === undefined ? this.#values.keys(range, limit, this.#visibleAtMs) : ready.then(() => this.readNames(range, limit));
  }

  /**
   * Sorts keys that were added since the last listing, in slices, with the event loop free in between.
   *
   * @returns undefined if a listing can be read at once
   */
  sortKeys(): Promise<void> | undefined {
    if (this.#values.isSorted) return undefined;
    this.#sorting ??= this.#sortAll().finally(() => {
      this.#sorting = undefined;
    });
    return this.#sorting;
  }

  /** Sorts keys until a listing or a count can be read at once. */
  async untilSorted(): Promise<void> {
    for (let sorting = this.sortKeys(); sorting !== undefined; sorting = this.sortKeys()) await sorting;
  }

  async #sortAll(): Promise<void> {
    while (!this.#values.isSorted) {
      this.#values.sortSome();
      await nextTurn();
    }
  }

  /**
   * Reads given keys, as many as fit into a piece: at most 128 KiB of values, but at least one key.
   *
   * @param keys at least one; a key that does not exist is left out
   * @returns the piece; synchronously if all of it is in memory and admitted
   * @throws {AppError} `project_corrupt`, and the error of `admit`
   */
  readKeys(keys: readonly string[], admit: Admission = atOnce): ReadPiece | Promise<ReadPiece> {
    const entries: [string, KeyEntry][] = [];
    let doneCount = 0;
    let sizeBytes = 0;
    for (const key of keys) {
      const entry = this.get(key);
      const sum = sizeBytes + (entry === undefined ? 0 : sizeOfValue(entry));
      if (doneCount > 0 && sum > PIECE_VALUE_BYTES_MAX) break;
      sizeBytes = sum;
      doneCount += 1;
      if (entry !== undefined) entries.push([key, entry]);
    }
    const granted = admit(sizeBytes);
    if (granted !== undefined) return granted.then(() => this.readKeys(keys, admit));
    return this.#loadPiece(entries, { doneCount, isLast: doneCount === keys.length });
  }

  /**
   * Fixes the versions of keys now, for a read that takes longer.
   *
   * @returns the held keys, which must be released
   */
  hold(keys: readonly string[]): HeldKeys {
    const values = this.#values;
    const held = new HeldKeys(keys, {
      versionOf: (key) => this.#versionOf(key),
      get: (key) => values.get(key),
      pieceBytesMax: PIECE_VALUE_BYTES_MAX,
      load: (found, rest) => this.#loadPiece(found, rest),
      noteKept: (units) => this.#noteKept(units),
      forget: (keysOfHold) => {
        this.#holds.delete(keysOfHold);
        values.unwatch(keysOfHold);
      },
    });
    this.#holds.add(held);
    values.watch(held);
    return held;
  }

  #noteKept(units: number): void {
    this.#keptUnits += units;
    for (const held of this.#holds) {
      if (this.#keptUnits <= KEPT_UNITS_MAX) return;
      held.giveUp();
    }
  }

  #loadPiece(found: Found, rest: Omit<ReadPiece, 'entries'>): ReadPiece | Promise<ReadPiece> {
    if (areLoaded(found)) return { entries: found, ...rest };
    const loaded: (readonly [string, LoadedEntry])[] = [];
    const load = this.#loadEach(found, { isCached: false }, (index, key, entry) => {
      loaded[index] = [key, entry];
    });
    return this.#lease(load.then(() => ({ entries: loaded, ...rest })));
  }

  /** Loads entries, a few at a time, and hands over each as it arrives. */
  async #loadEach(found: Found, options: LoadOptions, take: (index: number, key: string, entry: LoadedEntry) => void): Promise<void> {
    const rest = found.entries();
    const worker = async (): Promise<void> => {
      for (const [index, [key, entry]] of rest) {
        const { seq, value } = entry;
        take(index, key, withValue(entry, typeof value === 'string' ? value : await this.#loader.load({ key, seq }, value, options)));
      }
    };
    await Promise.all(Array.from({ length: Math.min(PIECE_READS_MAX, found.length) }, worker));
  }

  #lease<T>(reading: Promise<T>): Promise<T> {
    const lease = reading.then(() => undefined, () => undefined).finally(() => this.#leases.delete(lease));
    this.#leases.add(lease);
    return reading;
  }

  /** Resolves once every read that began before the call has ended, or has everything in memory that was only where it looked then. */
  async settleReads(): Promise<void> {
    await Promise.all([...this.#leases, ...this.#settleHolds()]);
  }

  /** Forgets values of versions that were erased; reads that have begun keep theirs. */
  forget(versions: readonly ErasedVersion[]): void {
    for (const version of versions) this.#loader.forget(version);
  }

  #settleHolds(): readonly Promise<void>[] {
    return [...this.#holds].map((held) => held.settle());
  }

  /**
   * Points values at further places that hold them, in slices, with the event loop free in between. Without caching, texts in memory are
   * replaced by their places; with caching, only values that are not in memory yet change places.
   *
   * @param versions of any keys; one that is no longer current is ignored, unless its key was only touched since
   */
  async relocate(versions: AsyncIterable<readonly PlacedVersion[]>, isTouchedSince: IsTouchedSince): Promise<void> {
    if (this.#needsNoPlaces()) return;
    for await (const group of versions) {
      for (let first = 0; first < group.length; first += SLICE_KEYS_MAX) {
        if (this.#needsNoPlaces()) return;
        for (const version of group.slice(first, first + SLICE_KEYS_MAX)) this.#values.relocate(version, isTouchedSince);
        await nextTurn();
      }
    }
  }

  #needsNoPlaces(): boolean {
    return this.#values.isCaching && this.#values.placedCount === 0;
  }

  /**
   * Loads all values that are not in memory yet, in slices, while reads and writes continue. Ends early if caching is switched off
   * meanwhile.
   *
   * @param signal aborts; loaded values stay loaded
   * @throws {AppError} `project_corrupt` if a value cannot be read; the values before it are loaded
   */
  async loadAll(signal?: AbortSignal): Promise<void> {
    invariant(this.#values.isCaching, 'loaded values are kept');
    let range: DirectedRange = {};
    while (this.#values.isCaching && this.#values.placedCount > 0) {
      signal?.throwIfAborted();
      await this.sortKeys();
      const found = this.#values.slice(range, SLICE_KEYS_MAX).entries;
      const placed = found.filter(([, entry]) => !isLoaded(entry));
      await this.#lease(this.#loadEach(placed, { isCached: false }, (_index, key, entry) => {
        this.#values.fill(key, entry.seq, entry.value);
      }));
      const last = found.at(-1);
      // Values written while caching was off may lie before the current position: then the walk starts over.
      range = last === undefined ? {} : { after: last[0] };
      await nextTurn();
    }
    // A project that leaves the disk reads nothing from its former log.
    await Promise.all(this.#settleHolds());
  }
}

function atOnce(): undefined {
  return undefined;
}

/** Writes entries as members of a JSON object in UTF-8, each behind a comma. */
export function membersOf(entries: ReadPiece['entries']): Buffer {
  return Buffer.from(entries.map(([key, { value }]) => `,${JSON.stringify(key)}:${value}`).join(''));
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

function withValue(entry: KeyEntry, value: string): LoadedEntry {
  return { ...entry, value };
}
