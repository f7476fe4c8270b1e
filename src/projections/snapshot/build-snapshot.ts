/**
 * Builds the data files of a generation from the one before it and the changes since, in bounded memory.
 *
 * A crash leaves files without a manifest, which the next startup or attempt drops.
 */
import pLimit, { type LimitFunction } from 'p-limit';
import { crc32 } from 'node:zlib';
import { withDiskFull } from '../../base/app-error.js';
import { invariant } from '../../base/invariant.js';
import type { TextPlace } from '../../base/text-place.js';
import type { Disk } from '../../disk/disk.js';
import { CHANGE_LIMITS, type ChangeLimits, ChangeTable } from './change-table.js';
import { inOneGroup, mergeWithStored, type MergedEntry } from './merge-changes.js';
import { readStoredEntries } from './read-generation.js';
import type { SnapshotChange, SnapshotData, SnapshotManifest } from './snapshot.js';
import { ValueChangedError } from './snapshot-errors.js';
import { SnapshotWriter, type WrittenEntry } from './snapshot-writer.js';

/** Concurrent reads of values from the log. Node runs the file calls of the whole process on four threads. */
const READS_IN_FLIGHT = 4;

/** What to build from, and where. */
export interface BuildOptions {
  readonly disk: Disk;
  /** The project's folder; must exist. */
  readonly folder: string;
  /** The seq of the last event in the generation. */
  readonly seq: number;
  /** The generation to build on; undefined: the changes begin with seq 1. */
  readonly previous: SnapshotManifest | undefined;
  /** The folder of `previous`. @default folder */
  readonly previousFolder?: string;
  /** All changes after `previous`, in order, up to `seq`. */
  readonly changes: AsyncIterable<readonly SnapshotChange[]>;
  /** Reads a value of the changes again, by its place. The result is checked. */
  readonly readText: (place: TextPlace) => Promise<Buffer>;
  /** Memory limits. @default CHANGE_LIMITS */
  readonly limits?: ChangeLimits;
  /** Stops the work; it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Builds and syncs the two data files of a generation. Writes no manifest.
 *
 * @throws {SnapshotCorruptError} when the generation to build on is damaged; the caller can retry without it
 * @throws {ValueChangedError} when the log returns another value than before
 * @throws {AppError} `disk_full`
 */
export async function buildSnapshot(options: BuildOptions): Promise<SnapshotData> {
  const { disk, folder, seq, previous } = options;
  invariant(previous === undefined || previous.seq < seq, 'a generation holds more than the one it is built on');
  const table = new ChangeTable({ disk, folder, seq }, options.limits ?? CHANGE_LIMITS, previous !== undefined);
  try {
    await takeChanges(table, options);
    return await writeMerged(table, options);
  } catch (error) {
    throw withDiskFull(error, 'Cannot write the snapshot');
  } finally {
    await table.close();
  }
}

async function takeChanges(table: ChangeTable, { previous, changes, seq, signal }: BuildOptions): Promise<void> {
  let lastSeq = (previous?.seq ?? 0) + 1;
  for await (const group of changes) {
    signal?.throwIfAborted();
    for (const change of group) {
      invariant(change.seq >= lastSeq && change.seq <= seq, 'changes come in order, after the previous generation and up to the new one');
      lastSeq = change.seq;
      await table.take(change);
    }
  }
}

async function writeMerged(table: ChangeTable, options: BuildOptions): Promise<SnapshotData> {
  const { disk, folder, seq, previous, previousFolder = folder, signal } = options;
  const stored = previous !== undefined && table.hasStored
    ? readStoredEntries({ disk, folder: previousFolder, manifest: previous, signal })
    : inOneGroup([]);
  const writer = await SnapshotWriter.create({ disk, folder, seq });
  try {
    const reads = pLimit(READS_IN_FLIGHT);
    for await (const group of mergeWithStored(stored, table.merged())) {
      signal?.throwIfAborted();
      await writer.addAll(await Promise.all(group.map((entry) => toWritten(entry, options, reads))));
    }
    return await writer.finish();
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

function toWritten(entry: MergedEntry, options: BuildOptions, reads: LimitFunction): WrittenEntry | Promise<WrittenEntry> {
  if (entry.kind === 'stored') {
    const { key, seq, timeMs } = entry.stored.entry;
    return { key, seq, timeMs, value: entry.stored.bytes };
  }
  const { key, seq, set } = entry.change;
  invariant(set !== undefined, 'a deleted key is left out');
  const { timeMs, place, crc, value } = set;
  if (value !== undefined) return { key, seq, timeMs, value };
  return reads(async () => {
    const bytes = await options.readText(place);
    // The first read was checked. Check this one too: otherwise the snapshot would vouch for whatever the disk returns now.
    if (bytes.length !== place.sizeBytes || crc32(bytes) !== crc) throw new ValueChangedError(seq, place);
    return { key, seq, timeMs, value: bytes };
  });
}
