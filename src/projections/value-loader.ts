/**
 * Reads the values that are not in memory. Knows where a value lies by its place, and files only by what is handed in.
 *
 * Bytes that come from disk are believed when their CRC-32 holds, each time anew. A value is remembered under its version, never
 * under its place: a version has one value, wherever it is moved to, and a new value has a new version.
 */
import { crc32 } from 'node:zlib';
import { AppError } from '../base/app-error.js';
import { countText } from '../base/count-text.js';
import type { TextPlace } from '../base/text-place.js';
import { faultOf } from '../disk/disk-fault.js';
import { snapshotName } from './snapshot/snapshot-names.js';
import type { ValueCache } from './value-cache.js';
import type { ValuePlace } from './value-place.js';

/** Where bytes come from. Both reject when the file or that part of it is not there. */
export interface ValueSource {
  /**
   * @param isAgain true when the reading before gave something else than what was written: another copy is read where there is one
   * @returns the bytes as they are now
   */
  readText(place: TextPlace, isAgain: boolean): Promise<Buffer>;

  /** @returns the file that a segment lies in, for people; undefined where it is not known */
  nameOf?(segment: number): string | undefined;

  /**
   * @param offset in bytes from the start of its values
   * @param sizeBytes how many bytes
   * @returns the bytes as they are now
   */
  readSnapshotValue(snapshotSeq: number, offset: number, sizeBytes: number): Promise<Buffer>;
}

/** How a value is loaded. */
export interface LoadOptions {
  /** False: it is not remembered, so that a long listing does not drive out what others read. @default true */
  readonly isRemembered?: boolean;
}

/** A version as it is read. */
interface ReadVersion {
  readonly seq: number;
  readonly place: ValuePlace;
}

/** Loads values of one project. */
export class ValueLoader {
  readonly #source: ValueSource;
  readonly #cache: ValueCache;
  readonly #reader: number;
  #damagedReads = 0;
  readonly #damagedSnapshots = new Set<number>();

  /** @param source where bytes come from */
  constructor(source: ValueSource, cache: ValueCache) {
    this.#source = source;
    this.#cache = cache;
    this.#reader = cache.newReader();
  }

  /** How many values were, twice in a row, something else on disk than what was written. */
  get damagedReads(): number {
    return this.#damagedReads;
  }

  /** Seqs of the snapshots in which a read found something else than what was written. */
  get damagedSnapshots(): ReadonlySet<number> {
    return this.#damagedSnapshots;
  }

  /** Forgets that a snapshot was damaged, once no value lies in it. */
  forgetDamaged(seq: number): void {
    this.#damagedSnapshots.delete(seq);
  }

  remembered(seq: number): string | undefined {
    return this.#cache.get(this.#nameOf(seq));
  }

  /**
   * Loads a value.
   *
   * @param place where it lies; while it is read there it may be moved
   * @throws {AppError} `project_corrupt` when what lies there is not what was written, or nothing lies there
   */
  async load(seq: number, place: ValuePlace, { isRemembered = true }: LoadOptions = {}): Promise<string> {
    const remembered = this.remembered(seq);
    if (remembered !== undefined) return remembered;
    const value = await this.#readWherever(seq, place);
    if (isRemembered) this.#cache.offer(this.#nameOf(seq), value);
    return value;
  }

  /**
   * A file that a value was moved out of may go; then it is read where it lies now. What is wrong with a value counts as damage when a
   * second reading finds it too.
   */
  async #readWherever(seq: number, place: ValuePlace): Promise<string> {
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
    if (bytes.length !== sizeBytes) throw this.#damaged({ seq, place }, `${countText(bytes.length, 'byte')} instead of ${sizeBytes}`);
    if (crc32(bytes) !== crc) throw this.#damaged({ seq, place }, 'other bytes than were written: their CRC-32 differs');
    return bytes.toString('utf8');
  }

  async #bytesAt(seq: number, place: ValuePlace, isAgain: boolean): Promise<Buffer> {
    const { file, offset, sizeBytes } = place;
    try {
      if (file > 0) return await this.#source.readText({ segment: file, offset, sizeBytes }, isAgain);
      return await this.#source.readSnapshotValue(-file, offset, sizeBytes);
    } catch (error) {
      // The machine is short of something for the moment; what lies on disk is none the worse for it.
      if (faultOf(error) === 'shortage' || (error instanceof AppError && error.code !== 'project_corrupt')) throw error;
      throw this.#damaged({ seq, place }, 'nothing that can be read', error);
    }
  }

  /** Names the place for the server log. The client gets the code and nothing else, since this answers with 503. */
  #damaged({ seq, place: { file, offset } }: ReadVersion, found: string, cause?: unknown): AppError {
    const name = file > 0 ? this.#source.nameOf?.(file) : snapshotName(-file, 'json');
    const what = file > 0 ? `the segment of seq ${file}` : `the snapshot of seq ${-file}`;
    const where = name === undefined ? what : `${what}, "${name}",`;
    return new AppError('project_corrupt', `Cannot trust the value of seq ${seq} in ${where} at byte ${offset}: found ${found}`, { cause });
  }

  #nameOf(seq: number): string {
    return `${this.#reader}:${seq}`;
  }
}
