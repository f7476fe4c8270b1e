/**
 * Writing the two data files of a generation from entries that come in order. Without a manifest they do not count yet.
 */
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { withDiskFull } from '../../base/app-error.js';
import { compareUtf8 } from '../../base/compare-utf8.js';
import { invariant } from '../../base/invariant.js';
import type { Disk } from '../../disk/disk.js';
import { addTerm, keyTerm } from '../key-sum.js';
import { DataFileWriter } from './data-file-writer.js';
import { encodeIndexLine } from './index-format.js';
import { beforeValue, JSON_END, JSON_START, LAST_LINE_END, VALUE_BYTES_MAX } from './json-layout.js';
import type { SnapshotData } from './snapshot.js';
import { snapshotName } from './snapshot-names.js';

/** A key with its value, as it is written. */
export interface WrittenEntry {
  readonly key: string;
  /** From 1, up to the generation's seq. */
  readonly seq: number;
  readonly timeMs: number;
  /** JSON text of one line, or its bytes, which stay as they are until the call that they were given to is over. */
  readonly value: string | Buffer;
}

const LINE_FEED = '\n';

/** The data files of one generation, being written. */
export class SnapshotWriter {
  readonly #disk: Disk;
  readonly #paths: readonly string[];
  readonly #seq: number;
  readonly #json: DataFileWriter;
  readonly #index: DataFileWriter;
  #lastKey: string | undefined;
  #keyCount = 0;
  #keySum = 0;
  #state: 'open' | 'over' = 'open';

  private constructor(place: WriterPlace, json: DataFileWriter, index: DataFileWriter) {
    this.#disk = place.disk;
    this.#paths = dataPaths(place);
    this.#seq = place.seq;
    this.#json = json;
    this.#index = index;
    this.#json.put(JSON_START);
  }

  /**
   * Begins a generation. What an interrupted attempt of the same seq left is dropped.
   *
   * @param place where the files go, and the seq of the last event in them
   * @throws {AppError} with `disk_full` when the disk has no room
   */
  static async create(place: WriterPlace): Promise<SnapshotWriter> {
    const manifest = join(place.folder, snapshotName(place.seq, 'manifest'));
    // Files of a committed generation are never written again: they may be being read, and a base has no other copy.
    invariant((await place.disk.status(manifest)) === undefined, 'a generation is made once');
    const [jsonPath = '', indexPath = ''] = dataPaths(place);
    let json: DataFileWriter | undefined;
    try {
      await removeFiles(place.disk, dataPaths(place));
      json = await DataFileWriter.create(place.disk, jsonPath);
      return new SnapshotWriter(place, json, await DataFileWriter.create(place.disk, indexPath));
    } catch (error) {
      await settle([() => json?.close(), () => removeFiles(place.disk, dataPaths(place))]);
      throw withDiskFull(error, 'Cannot write the snapshot');
    }
  }

  /**
   * Adds an entry, as {@link addAll} does.
   *
   * @throws {AppError} with `disk_full` when the disk has no room
   */
  async add(entry: WrittenEntry): Promise<void> {
    await this.addAll([entry]);
  }

  /**
   * Adds entries. One call at a time; after one has failed the files are gone.
   *
   * @param entries ascending by the UTF-8 bytes of their keys, all above those that were added before
   * @throws {AppError} with `disk_full` when the disk has no room
   */
  async addAll(entries: readonly WrittenEntry[]): Promise<void> {
    await this.#orAbandon(async () => {
      for (const entry of entries) {
        this.#put(entry);
        if (this.#json.isDrainDue) await this.#json.drain();
        if (this.#index.isDrainDue) await this.#index.drain();
      }
    });
  }

  #put({ key, seq, timeMs, value }: WrittenEntry): void {
    const isFirst = this.#lastKey === undefined;
    invariant(this.#lastKey === undefined || compareUtf8(this.#lastKey, key) < 0, 'keys come in the order of their UTF-8 bytes');
    invariant(Number.isSafeInteger(seq) && seq >= 1 && seq <= this.#seq, 'a version is not above the seq of its snapshot');
    invariant(Number.isSafeInteger(timeMs), 'a time is a whole number of milliseconds');
    invariant(!value.includes(LINE_FEED), 'a value is one line');
    this.#json.put(beforeValue(key, isFirst));
    const offset = this.#json.sizeBytes;
    this.#json.put(value);
    const sizeBytes = this.#json.sizeBytes - offset;
    invariant(sizeBytes >= 1 && sizeBytes <= VALUE_BYTES_MAX, 'a value has bytes, and not more than a line');
    this.#index.put(encodeIndexLine({ key, seq, timeMs, offset, sizeBytes, crc: crc32(value) }));
    this.#lastKey = key;
    this.#keyCount += 1;
    this.#keySum = addTerm(this.#keySum, keyTerm(key, seq));
  }

  /**
   * Ends both files and makes their content durable; their names are durable with the folder that the commit syncs.
   *
   * @throws {AppError} with `disk_full` when the disk has no room
   */
  async finish(): Promise<SnapshotData> {
    return await this.#orAbandon(async () => {
      if (this.#lastKey !== undefined) this.#json.put(LAST_LINE_END);
      this.#json.put(JSON_END);
      const json = await this.#json.finish(true);
      const index = await this.#index.finish(true);
      this.#state = 'over';
      return { keyCount: this.#keyCount, keySum: this.#keySum, json, index };
    });
  }

  /** Gives the attempt up and removes what it wrote, if the disk allows. Does nothing after the end. */
  async abandon(): Promise<void> {
    if (this.#state === 'over') return;
    this.#state = 'over';
    await settle([() => this.#json.close(), () => this.#index.close(), () => removeFiles(this.#disk, this.#paths)]);
  }

  async #orAbandon<T>(work: () => Promise<T>): Promise<T> {
    invariant(this.#state === 'open', 'a generation that is over takes nothing');
    try {
      return await work();
    } catch (error) {
      await this.abandon();
      throw withDiskFull(error, 'Cannot write the snapshot');
    }
  }
}

/** Where a generation is written. */
export interface WriterPlace {
  readonly disk: Disk;
  /** The project's folder; must be there. */
  readonly folder: string;
  /** The seq of the last event in it. */
  readonly seq: number;
}

function dataPaths({ folder, seq }: WriterPlace): readonly string[] {
  return [join(folder, snapshotName(seq, 'json')), join(folder, snapshotName(seq, 'index'))];
}

async function removeFiles(disk: Disk, paths: readonly string[]): Promise<void> {
  for (const path of paths) await disk.unlink(path);
}

/** Tidies up after a failure. What fails here too is left to the next start, which drops it: the first failure is the one to tell. */
async function settle(steps: readonly (() => Promise<void> | undefined)[]): Promise<void> {
  for (const step of steps) {
    try {
      await step();
    } catch {
      continue;
    }
  }
}
