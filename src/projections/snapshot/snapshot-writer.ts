/**
 * Writes the data files of a generation from entries in order. They count once they have a manifest.
 */
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { AppError, withDiskFull } from '../../base/app-error.js';
import { compareUtf8 } from '../../base/compare-utf8.js';
import { invariant } from '../../base/invariant.js';
import type { Disk } from '../../disk/disk.js';
import { addTerm, keyTerm } from '../key-sum.js';
import { DataFileWriter } from './data-file-writer.js';
import { encodeIndexLine, SNAPSHOT_FORMAT } from './index-format.js';
import type { MarkMaker } from './index-marks.js';
import { beforeValue, JSON_END, JSON_START, LAST_LINE_END, VALUE_BYTES_MAX } from './json-layout.js';
import { type KeptRecords, requestsIn } from '../requests/request-records.js';
import { encodeRequestLine } from './requests-file.js';
import type { RequestsFile, SnapshotData } from './snapshot.js';
import { snapshotName } from './snapshot-names.js';

/** A key with its value, to be written. */
export interface WrittenEntry {
  readonly key: string;
  /** From 1, up to the generation's seq. */
  readonly seq: number;
  readonly tag: number;
  readonly timeMs: number;
  /** In milliseconds since 1970; null for never. */
  readonly expiresAtMs: number | null;
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
  /** Set for one that is dropped at the next startup at the latest: nothing of it is synced. */
  readonly scratch?: ScratchForm | undefined;
}

/** How a generation that is kept for a while is written. */
export interface ScratchForm {
  /** Maximum size of both data files together, in bytes. */
  readonly bytesMax: number;
  /** Takes the marks of its index. */
  readonly marks: MarkMaker;
}

const LINE_FEED = '\n';

/** The data files of one generation, being written. */
export class SnapshotWriter {
  readonly #target: NewGeneration;
  readonly #json: DataFileWriter;
  readonly #index: DataFileWriter;
  readonly #scratch: ScratchForm | undefined;
  #lastKey: string | undefined;
  #keyCount = 0;
  #keySum = 0;
  #isOver = false;

  private constructor(target: NewGeneration, json: DataFileWriter, index: DataFileWriter) {
    this.#target = target;
    this.#json = json;
    this.#index = index;
    this.#scratch = target.scratch;
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

  #put({ key, seq, tag, timeMs, expiresAtMs, value }: WrittenEntry): void {
    const isFirst = this.#lastKey === undefined;
    invariant(this.#lastKey === undefined || compareUtf8(this.#lastKey, key) < 0, 'keys come in the order of their UTF-8 bytes');
    invariant(Number.isSafeInteger(seq) && seq >= 1 && seq <= this.#target.seq, 'a version is not above the seq of its snapshot');
    invariant(Number.isSafeInteger(timeMs), 'a time is a whole number of milliseconds');
    invariant(expiresAtMs === null || Number.isSafeInteger(expiresAtMs), 'an expiry is a whole number of milliseconds');
    invariant(!value.includes(LINE_FEED), 'a value is one line');
    this.#json.put(beforeValue(key, isFirst));
    const offset = this.#json.sizeBytes;
    this.#json.put(value);
    const sizeBytes = this.#json.sizeBytes - offset;
    invariant(sizeBytes >= 1 && sizeBytes <= VALUE_BYTES_MAX, 'a value has bytes, and not more than a line');
    const line = encodeIndexLine({ key, seq, tag, timeMs, expiresAtMs, offset, sizeBytes, crc: crc32(value) });
    if (this.#scratch !== undefined) this.#mark(this.#scratch, key, line);
    this.#index.put(line);
    this.#lastKey = key;
    this.#keyCount += 1;
    this.#keySum = addTerm(this.#keySum, keyTerm(key, seq, expiresAtMs));
  }

  #mark({ marks, bytesMax }: ScratchForm, key: string, line: string): void {
    marks.note(key, line, this.#index.sizeBytes);
    if (this.#json.sizeBytes + this.#index.sizeBytes > bytesMax) throw tooLarge(bytesMax);
  }

  /**
   * Completes both files and, unless they are scratch, syncs their content. Their names become durable with the folder, which the commit
   * syncs.
   *
   * @throws {AppError} `disk_full`
   */
  async finish(): Promise<SnapshotData> {
    return await this.#orAbandon(async () => {
      if (this.#lastKey !== undefined) this.#json.put(LAST_LINE_END);
      this.#json.put(JSON_END);
      const isDurable = this.#scratch === undefined;
      const json = await this.#json.finish(isDurable);
      const index = await this.#index.finish(isDurable);
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

function tooLarge(limit: number): AppError {
  const message = `Cannot build this past state: it needs more than the ${limit} bytes that are left for past states`;
  return new AppError('state_too_large', message, { facts: { limit } });
}

function dataPaths({ folder, seq }: NewGeneration): readonly string[] {
  return [join(folder, snapshotName(seq, 'json')), join(folder, snapshotName(seq, 'index'))];
}

/**
 * Writes and syncs the file of the requests of a generation whose other data files are written.
 *
 * @returns null without requests: there is no file then
 * @throws {AppError} `disk_full`
 */
export async function writeRequests(target: NewGeneration, requests: KeptRecords): Promise<RequestsFile | null> {
  if (requests.count === 0) return null;
  const path = join(target.folder, snapshotName(target.seq, 'requests'));
  let file: DataFileWriter | undefined;
  try {
    file = await DataFileWriter.create(target.disk, path);
    for (const request of requestsIn(requests)) {
      file.put(encodeRequestLine(request));
      if (file.isDrainDue) await file.drain();
    }
    return { count: requests.count, ...(await file.finish(true)) };
  } catch (error) {
    await file?.close().catch(() => undefined);
    await target.disk.unlink(path).catch(() => undefined);
    throw withDiskFull(error, 'Cannot write the snapshot');
  }
}

async function removeData(target: NewGeneration): Promise<void> {
  const requests = join(target.folder, snapshotName(target.seq, 'requests'));
  for (const path of [...dataPaths(target), requests]) await target.disk.unlink(path);
}
