/**
 * Reads the values of given keys as they were at one moment, however long that takes. The versions are fixed when the keys are held;
 * afterwards an unchanged key is read from where it is, and a key that is about to change is kept here first. So memory grows only with
 * what changes during the read, and within a limit.
 */
import { AppError } from '../base/app-error.js';
import { invariant } from '../base/invariant.js';
import { isInRange, type KeyRange } from '../events/key-range.js';
import { type KeyEntry, sizeOfValue } from '../projections/key-entry.js';
import type { KeyWatcher } from '../projections/key-watcher.js';
import type { Admission, ReadPiece } from './project-reads.js';

/** A version, and when it expires. */
export type HeldVersion = Pick<KeyEntry, 'seq' | 'tag' | 'expiresAtMs'>;

type Found = readonly (readonly [key: string, entry: KeyEntry])[];

/** What holds read from. */
interface HeldSource {
  /** The version of a key that exists and has not expired. */
  versionOf(key: string): HeldVersion | undefined;
  /** The entry of a key, whether it has expired or not. */
  get(key: string): KeyEntry | undefined;
  /** Size of the values of a piece, in bytes. */
  readonly pieceBytesMax: number;
  /** Loads the values of entries. The files that may have them stay until the promise has settled. */
  load(found: Found, rest: Omit<ReadPiece, 'entries'>): ReadPiece | Promise<ReadPiece>;
  /** The hold keeps so many UTF-16 units of text more, or fewer; may give up any hold. */
  noteKept(units: number): void;
  /** The hold has ended. */
  forget(keys: HeldKeys): void;
}

/** Keys whose versions are fixed. They must be released. */
export class HeldKeys implements KeyWatcher {
  /** The version of each key, in the order of the keys; undefined for one that did not exist. */
  readonly versions: readonly (HeldVersion | undefined)[];
  readonly #keys: readonly string[];
  readonly #source: HeldSource;
  /** How many of the keys that are still to be read are this one. */
  readonly #wanted = new Map<string, number>();
  /** Entries that have changed since. */
  readonly #kept = new Map<string, KeyEntry>();
  #keptUnits = 0;
  #state: 'held' | 'released' | 'given up' = 'held';

  constructor(keys: readonly string[], source: HeldSource) {
    this.#keys = keys;
    this.#source = source;
    this.versions = keys.map((key) => source.versionOf(key));
    for (const [at, key] of keys.entries()) {
      if (this.versions[at] !== undefined) this.#wanted.set(key, (this.#wanted.get(key) ?? 0) + 1);
    }
  }

  /**
   * Reads the next values: at most 128 KiB, but at least one. Each position is read once, and the positions in their order.
   *
   * @param first position of the first key
   * @returns the piece, without the keys that did not exist; synchronously if all of it is in memory and admitted
   * @throws {AppError} `busy` if the hold was given up; `project_corrupt`; the error of `admit`
   */
  read(first: number, admit: Admission): ReadPiece | Promise<ReadPiece> {
    const found: [string, KeyEntry][] = [];
    let sizeBytes = 0;
    let end = first;
    for (; end < this.#keys.length; end += 1) {
      const entry = this.#entryAt(end);
      const sum = sizeBytes + (entry === undefined ? 0 : sizeOfValue(entry));
      if (end > first && sum > this.#source.pieceBytesMax) break;
      sizeBytes = sum;
      if (entry !== undefined) found.push([this.#keys[end] as string, entry]);
    }
    const granted = admit(sizeBytes);
    if (granted !== undefined) return granted.then(() => this.read(first, admit));
    for (const [key] of found) this.#drop(key);
    return this.#source.load(found, { doneCount: end - first, isLast: end === this.#keys.length });
  }

  #entryAt(at: number): KeyEntry | undefined {
    if (this.#state !== 'held') {
      throw new AppError('busy', 'Cannot read on: so much of what is read has changed that its older versions cannot be kept');
    }
    const version = this.versions[at];
    if (version === undefined) return undefined;
    const key = this.#keys[at] as string;
    const entry = this.#kept.get(key) ?? this.#source.get(key);
    invariant(entry?.seq === version.seq, 'a held key has the version that it had');
    return entry;
  }

  #drop(key: string): void {
    const count = this.#wanted.get(key);
    if (count === undefined) return;
    if (count > 1) {
      this.#wanted.set(key, count - 1);
      return;
    }
    this.#wanted.delete(key);
    const kept = this.#kept.get(key);
    this.#kept.delete(key);
    if (kept !== undefined) this.#count(-unitsOf(kept));
  }

  beforeChange(key: string): void {
    if (!this.#wanted.has(key) || this.#kept.has(key)) return;
    const entry = this.#source.get(key);
    invariant(entry !== undefined, 'a held key is kept before it is deleted');
    this.#keep(key, entry);
  }

  beforeClear(range: KeyRange): void {
    for (const key of this.#wanted.keys()) if (isInRange(key, range)) this.beforeChange(key);
  }

  #keep(key: string, entry: KeyEntry): void {
    this.#kept.set(key, entry);
    this.#count(unitsOf(entry));
  }

  #count(units: number): void {
    this.#keptUnits += units;
    this.#source.noteKept(units);
  }

  /** Loads what is kept and only on disk: its files are about to be removed. A value that cannot be loaded fails the read that needs it. */
  async settle(): Promise<void> {
    for (const [key, entry] of this.#kept) {
      if (typeof entry.value === 'string') continue;
      const loaded = await this.#load(key, entry);
      if (loaded !== undefined && this.#kept.has(key)) this.#keep(key, loaded);
    }
  }

  async #load(key: string, entry: KeyEntry): Promise<KeyEntry | undefined> {
    try {
      const { entries } = await this.#source.load([[key, entry]], { doneCount: 1, isLast: true });
      return entries[0]?.[1];
    } catch {
      return undefined;
    }
  }

  /** Ends the hold. Does nothing if it has ended. */
  release(): void {
    this.#end('released');
  }

  /** Ends the hold although values are still to be read: the read fails. */
  giveUp(): void {
    this.#end('given up');
  }

  #end(state: 'released' | 'given up'): void {
    if (this.#state !== 'held') return;
    this.#state = state;
    this.#wanted.clear();
    this.#kept.clear();
    this.#source.forget(this);
    this.#count(-this.#keptUnits);
  }
}

/** A place takes next to nothing. */
function unitsOf({ value }: KeyEntry): number {
  return typeof value === 'string' ? value.length : 0;
}
