/**
 * Finds keys in a generation by its marks, and loads their values, without holding either in memory. Of a generation with a million keys,
 * the marks take some hundred kilobytes.
 *
 * Each read is checked: blocks of the index against the CRC in their mark, values against the CRC in their entry.
 */
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { compareUtf8 } from '../../base/compare-utf8.js';
import type { Disk } from '../../disk/disk.js';
import { FilePool } from '../../disk/file-pool.js';
import type { IdleFiles } from '../../disk/idle-files.js';
import { type DirectedRange, intervalOf } from '../../events/key-range.js';
import { decodeIndexLines, indexFormOf } from './index-format.js';
import type { IndexMark } from './index-marks.js';
import type { GenerationFiles } from './read-generation.js';
import type { IndexEntry } from './snapshot.js';
import { asSnapshotDamage, SnapshotCorruptError } from './snapshot-errors.js';
import { snapshotName } from './snapshot-names.js';

/** A generation with the marks of its index. */
export interface MarkedGeneration extends GenerationFiles {
  readonly marks: readonly IndexMark[];
}

/** What to read. */
interface GenerationKeysOptions {
  readonly disk: Disk;
  /** The folder with the data files, absolute. */
  readonly folder: string;
  readonly generation: MarkedGeneration;
  /** Closes idle files; shared with other pools. @default one of its own */
  readonly idleFiles?: IdleFiles | undefined;
}

/** Numbers of entries, counted from the first key of the generation. */
interface Span {
  readonly first: number;
  /** At least the first. */
  readonly behind: number;
}

/** Decoded blocks that are kept: a listing reads one after another, and a look-up at both ends of its range. */
const BLOCKS_KEPT = 4;
/** Bytes of a read that loads several values, unless one is larger. */
const READ_BYTES_MAX = 1_048_576;
/** What may lie between two values that are read together, in bytes: their keys, and those of a few entries that are left out. */
const GAP_BYTES_MAX = 4096;
/** The files of a pool. */
const PARTS = ['json', 'index'] as const;

/** The keys of a generation that does not change. */
export class GenerationKeys {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #generation: MarkedGeneration;
  readonly #files: FilePool;
  /** By number; least recently used first. */
  readonly #blocks = new Map<number, readonly IndexEntry[]>();

  constructor({ disk, folder, generation, idleFiles }: GenerationKeysOptions) {
    this.#disk = disk;
    this.#folder = folder;
    this.#generation = generation;
    this.#files = new FilePool(PARTS.length, idleFiles);
  }

  /** Number of keys. */
  get count(): number {
    return this.#generation.keyCount;
  }

  /**
   * Finds a key; undefined if there is none.
   *
   * @throws {SnapshotCorruptError} when the index is not what was written
   */
  async get(key: string): Promise<IndexEntry | undefined> {
    const number = this.#blockWith((first) => compareUtf8(first, key) <= 0);
    if (number < 0) return undefined;
    return find(await this.#block(number), (entry) => compareUtf8(entry.key, key) < 0, (entry) => entry.key === key);
  }

  /**
   * Counts the keys of a range.
   *
   * @throws {SnapshotCorruptError} when the index is not what was written
   */
  async countIn(range: DirectedRange): Promise<number> {
    const { first, behind } = await this.#spanOf(range);
    return behind - first;
  }

  /**
   * Finds the first entries of a range, in its direction.
   *
   * @param limit maximum number of entries, from 1
   * @throws {SnapshotCorruptError} when the index is not what was written
   */
  async slice(range: DirectedRange, limit: number): Promise<{ readonly entries: readonly IndexEntry[]; readonly isLast: boolean }> {
    const { first, behind } = await this.#spanOf(range);
    const count = Math.min(limit, behind - first);
    const isLast = count === behind - first;
    if (range.reverse !== true) return { entries: await this.#entries(first, first + count), isLast };
    return { entries: (await this.#entries(behind - count, behind)).reverse(), isLast };
  }

  async #spanOf(range: DirectedRange): Promise<Span> {
    const { from, to } = intervalOf(range);
    const { after, reverse = false } = range;
    const lows = after === undefined || reverse ? [from] : [from, Buffer.from(`${after}\0`)];
    const highs = [...(to === undefined ? [] : [to]), ...(after !== undefined && reverse ? [Buffer.from(after)] : [])];
    const first = await this.#positionOf(lows.reduce((a, b) => (Buffer.compare(a, b) > 0 ? a : b)));
    if (highs.length === 0) return { first, behind: this.count };
    const behind = await this.#positionOf(highs.reduce((a, b) => (Buffer.compare(a, b) < 0 ? a : b)));
    return { first, behind: Math.max(first, behind) };
  }

  /** The number of keys before the bytes. */
  async #positionOf(bytes: Buffer): Promise<number> {
    const isBefore = (key: string): boolean => Buffer.compare(Buffer.from(key), bytes) < 0;
    const number = this.#blockWith(isBefore);
    if (number < 0) return 0;
    const entries = await this.#block(number);
    return this.#markOf(number).before + firstIndex(entries, (entry) => isBefore(entry.key));
  }

  /** The last block whose first key fulfils a condition, which the lower keys do; -1 if none does. */
  #blockWith(isBelow: (key: string) => boolean): number {
    return firstIndex(this.#generation.marks, ({ key }) => isBelow(key)) - 1;
  }

  async #entries(first: number, behind: number): Promise<IndexEntry[]> {
    const entries: IndexEntry[] = [];
    let number = firstIndex(this.#generation.marks, ({ before }) => before <= first) - 1;
    while (first + entries.length < behind) {
      const at = first + entries.length - this.#markOf(number).before;
      entries.push(...(await this.#block(number)).slice(at, at + behind - first - entries.length));
      number += 1;
    }
    return entries;
  }

  #markOf(number: number): IndexMark {
    const mark = this.#generation.marks[number];
    if (mark === undefined) throw new RangeError(`Cannot find block ${number} of an index with ${this.#generation.marks.length}`);
    return mark;
  }

  async #block(number: number): Promise<readonly IndexEntry[]> {
    const kept = this.#blocks.get(number);
    const entries = kept ?? (await this.#readBlock(number));
    this.#blocks.delete(number);
    this.#blocks.set(number, entries);
    const [oldest] = this.#blocks.keys();
    if (this.#blocks.size > BLOCKS_KEPT && oldest !== undefined) this.#blocks.delete(oldest);
    return entries;
  }

  async #readBlock(number: number): Promise<readonly IndexEntry[]> {
    const { offset, crc } = this.#markOf(number);
    const end = this.#generation.marks[number + 1]?.offset ?? this.#generation.index.sizeBytes;
    const bytes = await this.#read('index', offset, end - offset);
    const lines = crc32(bytes) === crc ? decodeIndexLines(bytes, indexFormOf(this.#generation)) : undefined;
    if (lines === undefined || 'faultOffset' in lines) throw this.#damaged('index', offset, 'a block of an index');
    return lines.map(({ entry }) => entry);
  }

  /**
   * Loads the values of entries of this generation, neighbours together.
   *
   * @returns their texts, in the order of the entries
   * @throws {SnapshotCorruptError} when a value is not what was written
   */
  async load(entries: readonly IndexEntry[]): Promise<readonly string[]> {
    const texts: string[] = [];
    const ordered = [...entries.entries()].sort(([, a], [, b]) => a.offset - b.offset);
    for (let at = 0; at < ordered.length;) {
      const together = neighboursFrom(ordered, at);
      at += together.length;
      const [first, last] = [together[0]?.[1], together.at(-1)?.[1]];
      if (first === undefined || last === undefined) break;
      const bytes = await this.#read('json', first.offset, last.offset + last.sizeBytes - first.offset);
      for (const [index, { offset, sizeBytes, crc }] of together) {
        const value = bytes.subarray(offset - first.offset, offset - first.offset + sizeBytes);
        if (crc32(value) !== crc) throw this.#damaged('json', offset, 'the value that was written');
        texts[index] = value.toString('utf8');
      }
    }
    return texts;
  }

  async #read(part: (typeof PARTS)[number], offset: number, sizeBytes: number): Promise<Buffer> {
    const name = snapshotName(this.#generation.seq, part);
    try {
      return await this.#files.use(PARTS.indexOf(part), () => this.#disk.open(join(this.#folder, name), 'read'), async (file) => {
        const bytes = Buffer.allocUnsafe(sizeBytes);
        return bytes.subarray(0, await file.read(bytes, offset));
      });
    } catch (error) {
      throw asSnapshotDamage(error, { file: name, offset }, `${sizeBytes} bytes to read`);
    }
  }

  #damaged(part: (typeof PARTS)[number], offset: number, expected: string): SnapshotCorruptError {
    return new SnapshotCorruptError({ file: snapshotName(this.#generation.seq, part), offset }, expected, 'something else');
  }

  /** Closes the files once no read uses them. */
  async close(): Promise<void> {
    await this.#files.close();
  }
}

/** Picks the entries from a place on that are read together. */
function neighboursFrom(
  ordered: readonly (readonly [number, IndexEntry])[], at: number,
): readonly (readonly [number, IndexEntry])[] {
  const start = ordered[at]?.[1].offset ?? 0;
  let end = start;
  let behind = at;
  for (let next = ordered[at]; next !== undefined; next = ordered[behind]) {
    const [, { offset, sizeBytes }] = next;
    const isFar = offset - end > GAP_BYTES_MAX || offset + sizeBytes - start > READ_BYTES_MAX;
    if (behind > at && isFar) break;
    end = offset + sizeBytes;
    behind += 1;
  }
  return ordered.slice(at, behind);
}

/** The index of the first item that does not fulfil a condition, which all before it do. */
function firstIndex<Item>(items: readonly Item[], isBefore: (item: Item) => boolean): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const item = items[middle];
    if (item !== undefined && isBefore(item)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function find<Item>(
  items: readonly Item[], isBefore: (item: Item) => boolean, isWanted: (item: Item) => boolean,
): Item | undefined {
  const item = items[firstIndex(items, isBefore)];
  return item !== undefined && isWanted(item) ? item : undefined;
}
