/**
 * Loads values that are not in memory from their place on disk. Knows files only through its source.
 *
 * Every read is checked against the value's CRC-32. A value is cached by its key and seq, never by its place: a version has one value,
 * wherever it is moved, and a new value has a new version. The seq alone does not identify it, since a batch sets many keys.
 */
import { crc32 } from 'node:zlib';
import { AppError } from '../base/app-error.js';
import { countText } from '../base/count-text.js';
import type { TextPlace } from '../base/text-place.js';
import { faultOf } from '../disk/disk-fault.js';
import { snapshotName } from './snapshot/snapshot-names.js';
import type { ValueCache } from './value-cache.js';
import type { ValuePlace } from './value-place.js';

/** Reads the bytes of values. Both reads reject when the file, or that part of it, does not exist. */
export interface ValueSource {
  /**
   * Reads a piece of a segment.
   *
   * @param isAgain true if the previous read returned wrong bytes: reads another copy, if there is one
   * @returns the bytes as they are now
   */
  readText(place: TextPlace, isAgain: boolean): Promise<Buffer>;

  /** Returns the file name of a segment for error messages; undefined if it is unknown. */
  nameOf?(segment: number): string | undefined;

  /**
   * Reads a piece of the `.json` of a snapshot.
   *
   * @param offset in bytes
   * @returns the bytes as they are now
   */
  readSnapshotValue(snapshotSeq: number, offset: number, sizeBytes: number): Promise<Buffer>;
}

/** A version of a key. */
interface KeyVersion {
  readonly key: string;
  readonly seq: number;
}

/** How to load a value. */
export interface LoadOptions {
  /** False: it is not cached, so that a long listing does not evict what others read. @default true */
  readonly isCached?: boolean;
}

/** Loads values of one project. */
export class ValueLoader {
  readonly #source: ValueSource;
  readonly #cache: ValueCache;
  readonly #reader: number;
  #damagedReads = 0;
  readonly #damagedSnapshots = new Set<number>();

  constructor(source: ValueSource, cache: ValueCache) {
    this.#source = source;
    this.#cache = cache;
    this.#reader = cache.newReader();
  }

  /** Number of values that two reads in a row found damaged. */
  get damagedReads(): number {
    return this.#damagedReads;
  }

  /** Seqs of the snapshots in which reads found damaged values. */
  get damagedSnapshots(): ReadonlySet<number> {
    return this.#damagedSnapshots;
  }

  /** Forgets the damage of a snapshot that no value is read from any more. */
  forgetDamaged(seq: number): void {
    this.#damagedSnapshots.delete(seq);
  }

  /** Returns the value of a version if it is cached. */
  cached(version: KeyVersion): string | undefined {
    return this.#cache.get(this.#nameOf(version));
  }

  /** Forgets the value of a version that was erased. */
  forget(version: KeyVersion): void {
    this.#cache.delete(this.#nameOf(version));
  }

  /**
   * Loads a value.
   *
   * @param place may change during the read
   * @throws {AppError} `project_corrupt` when the bytes there are missing or differ from what was written
   */
  async load(version: KeyVersion, place: ValuePlace, { isCached = true }: LoadOptions = {}): Promise<string> {
    const cached = this.cached(version);
    if (cached !== undefined) return cached;
    const value = await this.#readFollowing(version.seq, place);
    if (isCached) this.#cache.offer(this.#nameOf(version), value);
    return value;
  }

  /**
   * Follows a value that is moved during the read, since its old file may be removed. Only what a second read finds too counts as damage.
   */
  async #readFollowing(seq: number, place: ValuePlace): Promise<string> {
    for (let isSecond = false; ;) {
      const { file, offset, sizeBytes, crc } = place;
      try {
        return await this.#cache.takeTurn(() => this.#read(seq, { file, offset, sizeBytes, crc }, isSecond));
      } catch (error) {
        if (place.file !== file || place.offset !== offset) continue;
        if (!(error instanceof AppError && error.code === 'project_corrupt')) throw error;
        if (isSecond) {
          this.#noteDamage(file);
          throw error;
        }
        isSecond = true;
      }
    }
  }

  #noteDamage(file: number): void {
    this.#damagedReads += 1;
    if (file < 0) this.#damagedSnapshots.add(-file);
  }

  async #read(seq: number, place: ValuePlace, isAgain: boolean): Promise<string> {
    const bytes = await this.#bytesAt(seq, place, isAgain);
    const { sizeBytes, crc } = place;
    if (bytes.length !== sizeBytes) throw this.#damaged(seq, place, `${countText(bytes.length, 'byte')} instead of ${sizeBytes}`);
    if (crc32(bytes) !== crc) throw this.#damaged(seq, place, 'other bytes than were written: their CRC-32 differs');
    return bytes.toString('utf8');
  }

  async #bytesAt(seq: number, place: ValuePlace, isAgain: boolean): Promise<Buffer> {
    const { file, offset, sizeBytes } = place;
    try {
      if (file > 0) return await this.#source.readText({ segment: file, offset, sizeBytes }, isAgain);
      return await this.#source.readSnapshotValue(-file, offset, sizeBytes);
    } catch (error) {
      // A temporary shortage of resources says nothing about the bytes on disk.
      if (faultOf(error) === 'shortage' || (error instanceof AppError && error.code !== 'project_corrupt')) throw error;
      throw this.#damaged(seq, place, 'nothing that can be read', error);
    }
  }

  /** Names the place for the server log. The client sees only the code, since this is a 503. */
  #damaged(seq: number, { file, offset }: ValuePlace, found: string, cause?: unknown): AppError {
    const name = file > 0 ? this.#source.nameOf?.(file) : snapshotName(-file, 'json');
    const what = file > 0 ? `the segment of seq ${file}` : `the snapshot of seq ${-file}`;
    const where = name === undefined ? what : `${what}, "${name}",`;
    return new AppError('project_corrupt', `Cannot trust the value of seq ${seq} in ${where} at byte ${offset}: found ${found}`, { cause });
  }

  #nameOf({ key, seq }: KeyVersion): string {
    return `${this.#reader}:${seq}:${key}`;
  }
}

/** Reads a value of a snapshot in a project that has none. */
export function noSnapshots(): Promise<Buffer> {
  return Promise.reject(new AppError('project_corrupt', 'Cannot read from a snapshot: the project has none'));
}
