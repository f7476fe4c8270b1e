/**
 * Writes the two data files of a generation from entries in order. They count once they have a manifest.
 */
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { withDiskFull } from '../../base/app-error.js';
import { compareUtf8 } from '../../base/compare-utf8.js';
import { invariant } from '../../base/invariant.js';
import type { Disk } from '../../disk/disk.js';
import { addTerm, keyTerm } from '../key-sum.js';
import { DataFileWriter } from './data-file-writer.js';
import { encodeIndexLine, SNAPSHOT_FORMAT } from './index-format.js';
import { beforeValue, JSON_END, JSON_START, LAST_LINE_END, VALUE_BYTES_MAX } from './json-layout.js';
import type { SnapshotData } from './snapshot.js';
import { snapshotName } from './snapshot-names.js';

/** A key with its value, to be written. */
export interface WrittenEntry {
  readonly key: string;
  /** From 1, up to the generation's seq. */
  readonly seq: number;
  readonly tag: number;
  readonly timeMs: number;
  /** JSON text of one line, or its bytes, which the caller does not change before its call has completed. */
  readonly value: string | Buffer;
}

/** A generation to write. */
export interface NewGeneration {
  readonly disk: Disk;
  /** The project's folder; must exist. */
  readonly folder: string;
  /** The seq of the last event in it. */
  readonly seq: number;
}

const LINE_FEED = '\n';

/** The data files of one generation, being written. */
export class SnapshotWriter {
  readonly #target: NewGeneration;
  readonly #json: DataFileWriter;
  readonly #index: DataFileWriter;
  #lastKey: string | undefined;
  #keyCount = 0;
  #keySum = 0;
  #isOver = false;

  private constructor(target: NewGeneration, json: DataFileWriter, index: DataFileWriter) {
    this.#target = target;
    this.#json = json;
    this.#index = index;
    this.#json.put(JSON_START);
  }

  /**
   * Starts a generation. Drops the files of an interrupted attempt at the same seq.
   *
   * @throws {AppError} `disk_full`
   */
  static async create(target: NewGeneration): Promise<SnapshotWriter> {
    const { disk, folder, seq } = target;
    // A committed generation is never written again: it may be read right now, and a base has no other copy.
    invariant((await disk.status(join(folder, snapshotName(seq, 'manifest')))) === undefined, 'a generation is made once');
    const [jsonPath = '', indexPath = ''] = dataPaths(target);
    let json: DataFileWriter | undefined;
    try {
      await removeData(target);
      json = await DataFileWriter.create(disk, jsonPath);
      return new SnapshotWriter(target, json, await DataFileWriter.create(disk, indexPath));
    } catch (error) {
      // The first failure is the one to report; the next startup drops what cannot be removed now.
      await json?.close().catch(() => undefined);
      await removeData(target).catch(() => undefined);
      throw withDiskFull(error, 'Cannot write the snapshot');
    }
  }

  /**
   * Adds an entry; see {@link addAll}.
   *
   * @throws {AppError} `disk_full`
   */
  async add(entry: WrittenEntry): Promise<void> {
    await this.addAll([entry]);
  }

  /**
   * Adds entries. One call at a time; a failure removes the files.
   *
   * @param entries ascending by the UTF-8 bytes of their keys, all above those added before
   * @throws {AppError} `disk_full`
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

  #put({ key, seq, tag, timeMs, value }: WrittenEntry): void {
    const isFirst = this.#lastKey === undefined;
    invariant(this.#lastKey === undefined || compareUtf8(this.#lastKey, key) < 0, 'keys come in the order of their UTF-8 bytes');
    invariant(Number.isSafeInteger(seq) && seq >= 1 && seq <= this.#target.seq, 'a version is not above the seq of its snapshot');
    invariant(Number.isSafeInteger(timeMs), 'a time is a whole number of milliseconds');
    invariant(!value.includes(LINE_FEED), 'a value is one line');
    this.#json.put(beforeValue(key, isFirst));
    const offset = this.#json.sizeBytes;
    this.#json.put(value);
    const sizeBytes = this.#json.sizeBytes - offset;
    invariant(sizeBytes >= 1 && sizeBytes <= VALUE_BYTES_MAX, 'a value has bytes, and not more than a line');
    this.#index.put(encodeIndexLine({ key, seq, tag, timeMs, offset, sizeBytes, crc: crc32(value) }));
    this.#lastKey = key;
    this.#keyCount += 1;
    this.#keySum = addTerm(this.#keySum, keyTerm(key, seq));
  }

  /**
   * Completes both files and syncs their content. Their names become durable with the folder, which the commit syncs.
   *
   * @throws {AppError} `disk_full`
   */
  async finish(): Promise<SnapshotData> {
    return await this.#orAbandon(async () => {
      if (this.#lastKey !== undefined) this.#json.put(LAST_LINE_END);
      this.#json.put(JSON_END);
      const json = await this.#json.finish(true);
      const index = await this.#index.finish(true);
      this.#isOver = true;
      return { format: SNAPSHOT_FORMAT, keyCount: this.#keyCount, keySum: this.#keySum, json, index };
    });
  }

  /** Removes the files of an unfinished generation, if the disk allows. Does nothing after {@link finish}. */
  async abandon(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const file of [this.#json, this.#index]) await file.close().catch(() => undefined);
    await removeData(this.#target).catch(() => undefined);
  }

  async #orAbandon<T>(work: () => Promise<T>): Promise<T> {
    invariant(!this.#isOver, 'a finished or abandoned generation takes no entries');
    try {
      return await work();
    } catch (error) {
      await this.abandon();
      throw withDiskFull(error, 'Cannot write the snapshot');
    }
  }
}

function dataPaths({ folder, seq }: NewGeneration): readonly string[] {
  return [join(folder, snapshotName(seq, 'json')), join(folder, snapshotName(seq, 'index'))];
}

async function removeData(target: NewGeneration): Promise<void> {
  for (const path of dataPaths(target)) await target.disk.unlink(path);
}
