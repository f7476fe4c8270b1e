/**
 * Loads a project's newest sound snapshot into a model, which then needs only the lines after it.
 */
import { countText } from '../base/count-text.js';
import type { Logger } from '../base/logger.js';
import { ProjectModel } from '../projections/project-model.js';
import { SavedStateError } from '../projections/project-state.js';
import { INDEX_LINE_BYTES_MIN } from '../projections/snapshot/index-format.js';
import { SnapshotCorruptError, SnapshotVersionError } from '../projections/snapshot/snapshot-errors.js';
import type { CommittedManifest, GenerationList, SnapshotFolder } from '../projections/snapshot/snapshot-folder.js';
import type { WindowLimits } from '../projections/requests/request-window.js';
import type { SnapshotManifest } from '../projections/snapshot/snapshot.js';
import { placeInSnapshot } from '../projections/value-place.js';

const UNUSABLE = 'a snapshot cannot be used; startup uses the one before it, or the whole log';

/** Options of {@link loadSnapshot}. */
interface LoadSnapshotOptions {
  /** The log of the snapshot. */
  readonly logId: string;
  /** True: loads the values into memory. False: only their places. */
  readonly isCaching: boolean;
  readonly requests?: WindowLimits | undefined;
  readonly logger: Logger;
  readonly signal?: AbortSignal | undefined;
}

/** A loaded snapshot, and the state of the others. */
export interface LoadedSnapshot {
  /** Empty if no snapshot could be used. */
  readonly model: ProjectModel;
  /** The snapshot that the model was loaded from. */
  readonly used: CommittedManifest | undefined;
  /** The used snapshot and the older ones, newest first. */
  readonly generations: readonly SnapshotManifest[];
  /** Seqs of the damaged snapshots. */
  readonly damaged: readonly number[];
}

/** Loads the newest snapshot that can be used. Each newer one is logged. */
export async function loadSnapshot(snapshots: SnapshotFolder, options: LoadSnapshotOptions): Promise<LoadedSnapshot> {
  const { committed, unreadable } = await listTwice(snapshots);
  const damaged: number[] = [];
  for (const { seq, name, error } of unreadable) {
    if (error instanceof SnapshotCorruptError) damaged.push(seq);
    options.logger.error({ snapshot: name, err: error }, UNUSABLE);
  }
  const own = committed.filter(({ logId }) => logId === options.logId);
  for (const [index, manifest] of own.entries()) {
    options.signal?.throwIfAborted();
    try {
      const model = await loadTwice(snapshots, manifest, options);
      return { model, used: manifest, generations: own.slice(index), damaged };
    } catch (error) {
      if (!isUnusable(error)) throw error;
      // A snapshot of a newer version is not damaged, and that version may be installed again.
      if (error instanceof SnapshotCorruptError) damaged.push(manifest.seq);
      options.logger.error({ project: manifest.project, seq: manifest.seq, err: error }, UNUSABLE);
    }
  }
  return { model: newModel(options), used: undefined, generations: [], damaged };
}

/** Startup removes damaged snapshots, so damage counts only if a second reading finds it too. */
async function listTwice(snapshots: SnapshotFolder): Promise<GenerationList> {
  const listed = await snapshots.list();
  return listed.unreadable.length === 0 ? listed : await snapshots.list();
}

/** The same for the files of a snapshot. Damage that was found with help counts only if it is found without help as well. */
async function loadTwice(snapshots: SnapshotFolder, manifest: SnapshotManifest, options: LoadSnapshotOptions): Promise<ProjectModel> {
  const helped = options.isCaching ? await loadWithHelp(snapshots, manifest, options) : undefined;
  if (helped !== undefined) return helped;
  try {
    return await loadModel(snapshots, manifest, options);
  } catch (error) {
    if (!(error instanceof SnapshotCorruptError)) throw error;
    return await loadModel(snapshots, manifest, options);
  }
}

/** Returns undefined without help, and also if anything is wrong: loading without help finds out what it is. */
async function loadWithHelp(
  snapshots: SnapshotFolder, manifest: SnapshotManifest, options: LoadSnapshotOptions,
): Promise<ProjectModel | undefined> {
  const groups = snapshots.readEntriesAhead(manifest, { signal: options.signal });
  if (groups === undefined) return undefined;
  const model = newModel(options);
  try {
    model.restore(manifest, manifest.state);
    for await (const { packed, keySum } of groups) {
      // Only now the index is known to have its size, which bounds a number of keys that has not been checked yet.
      const keysMax = Math.ceil(manifest.index.sizeBytes / INDEX_LINE_BYTES_MIN);
      if (model.values.count === 0) model.values.reserve(Math.min(manifest.keyCount, keysMax));
      model.values.restorePacked(packed, keySum);
    }
    refuseOtherCensus(model, manifest);
    await restoreRequests(model, snapshots, manifest);
    return model;
  } catch {
    model.release();
    options.signal?.throwIfAborted();
    return undefined;
  }
}

/** The digests may match although this version cannot read the state inside. */
function isUnusable(error: unknown): boolean {
  return error instanceof SnapshotCorruptError || error instanceof SnapshotVersionError || error instanceof SavedStateError;
}

async function loadModel(snapshots: SnapshotFolder, manifest: SnapshotManifest, options: LoadSnapshotOptions): Promise<ProjectModel> {
  const model = newModel(options);
  model.restore(manifest, manifest.state);
  if (options.isCaching) {
    for await (const entries of snapshots.readEntries(manifest)) {
      options.signal?.throwIfAborted();
      for (const entry of entries) model.values.restore(entry.key, entry);
    }
  } else {
    await snapshots.checkSize(manifest);
    for await (const entries of snapshots.readIndex(manifest)) {
      options.signal?.throwIfAborted();
      for (const entry of entries) {
        const { key, seq, tag, timeMs, expiresAtMs } = entry;
        model.values.restore(key, { seq, tag, timeMs, expiresAtMs, value: placeInSnapshot(manifest.seq, entry) });
      }
    }
  }
  refuseOtherCensus(model, manifest);
  await restoreRequests(model, snapshots, manifest);
  return model;
}

function newModel({ isCaching, requests }: LoadSnapshotOptions): ProjectModel {
  return new ProjectModel({ isCaching, requests });
}

/** Last, so that a model that is discarded before has taken no memory from the requests of other projects. */
async function restoreRequests(model: ProjectModel, snapshots: SnapshotFolder, manifest: SnapshotManifest): Promise<void> {
  try {
    for await (const group of snapshots.readRequests(manifest)) for (const request of group) model.requests.add(request);
  } catch (error) {
    model.release();
    throw error;
  }
}

/** The digests match, so a difference can only be a defect of the writer. */
function refuseOtherCensus(model: ProjectModel, { keyCount, keySum, seq }: SnapshotManifest): void {
  if (model.values.count === keyCount && model.values.keySum === keySum) return;
  const expected = `${countText(keyCount, 'key')} with the sum ${keySum}`;
  throw new SnapshotCorruptError({ file: `snapshot ${seq}`, offset: 0 }, expected, `${model.values.count} with ${model.values.keySum}`);
}
