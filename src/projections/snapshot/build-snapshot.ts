/**
 * Builds the data files of a generation from the one before it and the changes since, in bounded memory.
 *
 * A crash leaves files without a manifest, which the next startup or attempt drops.
 */
import { withDiskFull } from '../../base/app-error.js';
import { invariant } from '../../base/invariant.js';
import type { Disk } from '../../disk/disk.js';
import { hasExpired } from '../../events/expiry.js';
import { CHANGE_LIMITS, type ChangeLimits, ChangeTable } from './change-table.js';
import { mergeWithStored } from './merge-changes.js';
import { readStoredEntries, type StoredEntry } from './read-generation.js';
import type { SnapshotChange, SnapshotData, SnapshotManifest } from './snapshot.js';
import { type ScratchForm, SnapshotWriter } from './snapshot-writer.js';

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
  /** Memory limits. @default CHANGE_LIMITS */
  readonly limits?: ChangeLimits;
  /** {@inheritDoc NewGeneration.scratch} */
  readonly scratch?: ScratchForm | undefined;
  /** Set to leave out keys that have expired by a time, in milliseconds since 1970. Called once all changes were taken. */
  readonly hidesExpiredAt?: (() => number) | undefined;
  /** Stops the work; it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Builds and syncs the two data files of a generation. Writes no manifest.
 *
 * @throws {SnapshotCorruptError} when the generation to build on is damaged; the caller can retry without it
 * @throws {RunDamagedError} when the disk does not return what was spilled; the caller can retry
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
      const taking = table.take(change);
      if (taking !== undefined) await taking;
    }
  }
}

async function writeMerged(table: ChangeTable, options: BuildOptions): Promise<SnapshotData> {
  const { disk, folder, seq, previous, previousFolder = folder, scratch, hidesExpiredAt, signal } = options;
  const stored = previous !== undefined && table.hasStored
    ? readStoredEntries({ disk, folder: previousFolder, manifest: previous, signal })
    : nothing();
  const writer = await SnapshotWriter.create({ disk, folder, seq, scratch });
  try {
    const nowMs = hidesExpiredAt?.();
    for await (const group of mergeWithStored(stored, table.merged())) {
      signal?.throwIfAborted();
      await writer.addAll(nowMs === undefined ? group : group.filter(({ expiresAtMs }) => !hasExpired(expiresAtMs, nowMs)));
    }
    return await writer.finish();
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

async function* nothing(): AsyncGenerator<readonly StoredEntry[]> {
  await Promise.resolve();
}
