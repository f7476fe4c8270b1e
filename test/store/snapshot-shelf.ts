/** Snapshots of a store, kept in memory: what a compaction would leave, without files and without a worker. */
import { crc32 } from 'node:zlib';
import { addTerm, keyTerm } from '../../src/projections/key-sum.js';
import type { IndexEntry, SnapshotEntry } from '../../src/projections/snapshot/snapshot.js';
import type { ProjectStore, StorePoint } from '../../src/store/project-store.js';

/** More keys than a project of these tests has. */
const ALL = 100_000;
const SEPARATOR = ',\n';

/** One generation. */
export interface ShelvedSnapshot {
  readonly point: StorePoint;
  readonly index: readonly IndexEntry[];
  bytes: Buffer;
}

/** Generations by seq. */
export class SnapshotShelf {
  readonly generations = new Map<number, ShelvedSnapshot>();
  /** How often a value was read from one. */
  readCount = 0;

  get newest(): ShelvedSnapshot | undefined {
    return [...this.generations.values()].at(-1);
  }

  /** For `ProjectStoreParts.readSnapshotValue`. */
  readonly readValue = async (seq: number, offset: number, sizeBytes: number): Promise<Buffer> => {
    this.readCount += 1;
    await new Promise((resolve) => setImmediate(resolve));
    const generation = this.generations.get(seq);
    if (generation === undefined) throw new Error(`There is no snapshot ${seq}`);
    return Buffer.from(generation.bytes.subarray(offset, offset + sizeBytes));
  };

  /** Writes down everything that a store has now. Changes that come meanwhile are not in it. */
  async take(store: ProjectStore): Promise<ShelvedSnapshot> {
    const point = store.snapshotPoint();
    const entries = store.values.slice({}, ALL).entries.map(([key, entry]) => {
      const { seq, tag, timeMs, expiresAtMs } = entry;
      return { key, seq, tag, timeMs, expiresAtMs, value: store.reads.load(key, entry) };
    });
    const index: IndexEntry[] = [];
    let text = '{';
    for (const { key, value, ...version } of entries) {
      const valueText = await value;
      text += `${JSON.stringify(key)}:`;
      const place = { offset: Buffer.byteLength(text), sizeBytes: Buffer.byteLength(valueText), crc: crc32(valueText) };
      index.push({ key, ...version, ...place });
      text += valueText + SEPARATOR;
    }
    const snapshot = { point, index, bytes: Buffer.from(text) };
    this.generations.set(point.seq, snapshot);
    return snapshot;
  }
}

/** The census that the keys of an index come to, counted anew. */
export function censusOf(entries: readonly IndexEntry[]): { readonly keyCount: number; readonly keySum: number } {
  const keySum = entries.reduce((sum, { key, seq, expiresAtMs }) => addTerm(sum, keyTerm(key, seq, expiresAtMs)), 0);
  return { keyCount: entries.length, keySum };
}

/** The entries of a generation with their values. */
export function entriesOf({ index, bytes }: ShelvedSnapshot): SnapshotEntry[] {
  return index.map((entry) => ({ ...entry, value: bytes.subarray(entry.offset, entry.offset + entry.sizeBytes).toString() }));
}

/** Hands out entries in groups, with the event loop free in between. */
export async function* inGroups<T>(entries: readonly T[], size: number): AsyncGenerator<readonly T[]> {
  for (let first = 0; first < entries.length; first += size) {
    await new Promise((resolve) => setImmediate(resolve));
    yield entries.slice(first, first + size);
  }
}
