/**
 * Moves a live project from memory to disk. Reads continue; writes wait until the log is replaced and then go to the new one.
 *
 * The steps are in the order of a creation, so that startup treats what a crash leaves in the same way:
 *
 * 1. The entry of the configuration says `on_disk`, without a revision (`update-project.ts`).
 * 2. A snapshot of everything is written.
 * 3. A new log that continues from the snapshot is created, and the update becomes its first line.
 * 4. The log is registered.
 * 5. The entry gets its revision (`update-project.ts`).
 *
 * A crash before 3 leaves an entry that starts an empty project, as after any crash of a project in memory. A crash between the creation
 * of the log and its first line leaves all data, in a project whose settings still say memory: startup moves it back to memory, with its
 * data.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { AppError, withDiskCode } from '../../base/app-error.js';
import { invariant } from '../../base/invariant.js';
import { logFailure } from '../../base/log-failure.js';
import { randomHexId } from '../../base/random-id.js';
import { mergeSettings } from '../../events/project-settings.js';
import type { LogHome } from '../../log/log-home.js';
import type { Log } from '../../log/log.js';
import { type KeyEntry, sizeOfValue } from '../../projections/key-entry.js';
import type { SnapshotManifest } from '../../projections/snapshot/snapshot.js';
import { describeLack, type DiskSpaceForGrowth } from '../../store/disk-space-for-growth.js';
import { logOptionsOf, type ProjectStore } from '../../store/project-store.js';
import type { ProjectServices } from '../project-resources.js';
import { closeReplacedLog, type Move } from './move-to-memory.js';
import type { UnmovedFiles } from './unmoved-files.js';

/** Entries processed before the event loop gets a turn. */
const SLICE_KEYS = 1000;

/**
 * Refuses a move to disk if files of the project's name exist.
 *
 * @param unmoved files that an earlier move from disk may have left there; they are moved first
 * @throws {AppError} `project_files_exist`, `disk_failed`
 */
export async function requireFreeName(home: LogHome, unmoved: UnmovedFiles, id: string): Promise<void> {
  await unmoved.finishLeaving(id);
  const files = await home.namesOf(id);
  if (files.length === 0) return unmoved.forget(id);
  const message = `Cannot move the project "${id}" to disk: files of that name exist; move them out of the data folder and try again`;
  throw new AppError('project_files_exist', message, { facts: { files } });
}

/**
 * Refuses a move to disk without enough free space.
 *
 * @throws {AppError} `disk_full`
 */
export async function requireSpaceFor(space: DiskSpaceForGrowth, store: ProjectStore): Promise<void> {
  let bytes = 0;
  for await (const slice of slicesOf(store)) for (const [key, entry] of slice) bytes += key.length + sizeOfValue(entry);
  await space.refresh(bytes);
  if (space.allowsGrowth(bytes)) return;
  throw new AppError('disk_full', `Cannot move the project "${store.id}" to disk: ${describeLack(bytes, space.largestBytes)}`);
}

/** All entries, with a turn of the event loop between slices. */
async function* slicesOf({ values, reads }: ProjectStore): AsyncGenerator<readonly (readonly [string, KeyEntry])[]> {
  let after: string | undefined;
  for (;;) {
    await reads.sortKeys();
    const { entries, isLast } = values.slice(after === undefined ? {} : { after }, SLICE_KEYS);
    yield entries;
    after = entries.at(-1)?.[0];
    if (isLast || after === undefined) return;
    await nextTurn();
  }
}

/**
 * Moves a project from memory to disk. The entry of the configuration already says so.
 *
 * @returns the new log, and the snapshot that it continues from
 * @throws {AppError} `disk_full`, and the errors of a write; the project stays in memory then, without files
 */
export async function moveToDisk(
  services: ProjectServices, store: ProjectStore, { command, context, onApplied }: Move,
): Promise<{ readonly log: Log; readonly base: SnapshotManifest }> {
  const { diskHome, registry, logger } = services;
  const { id: project } = store;
  const { storage } = mergeSettings(store.settings, command.change);
  const release = await store.hold();
  const logId = randomHexId();
  let inMemory: Log | undefined;
  try {
    const base = await writeBase(services, store, logId);
    const position = { seq: base.manifest.seq, hash: base.manifest.hash, digest: base.digest };
    const log = await diskHome.create(project, { ...logOptionsOf(storage), logId, base: position });
    inMemory = store.replaceLog(log);
    await store.submitHeld(command, context);
    await inMemory.close();
    const message = 'a project that moved to disk could not be registered; the next startup registers it';
    await registry.record({ op: 'project.created', id: project, log_id: logId }, context)
      .catch(logFailure(logger, 'warn', { project }, message));
    onApplied?.();
    store.noteSnapshot(base.manifest);
    return { log, base: base.manifest };
  } catch (error) {
    if (inMemory !== undefined) await closeReplacedLog(logger, store.replaceLog(inMemory));
    const message = 'a project could not be moved to disk, and its new files could not be removed';
    await diskHome.discard(project, logId).catch(logFailure(logger, 'error', { project }, message));
    throw withDiskCode(error, `Cannot move the project "${project}" to disk`);
  } finally {
    release();
  }
}

/** Writes everything as the snapshot that the log continues from. The store is held, so nothing changes meanwhile. */
async function writeBase(
  services: ProjectServices, store: ProjectStore, logId: string,
): Promise<{ readonly manifest: SnapshotManifest; readonly digest: string }> {
  const snapshots = services.snapshots(store.id);
  const point = store.snapshotPoint();
  const writer = await snapshots.begin(point.seq);
  try {
    for await (const slice of slicesOf(store)) {
      for (const [key, { value, ...version }] of slice) {
        invariant(typeof value === 'string', 'a project in memory holds its values');
        await writer.add({ key, value, ...version });
      }
    }
    const data = await writer.finish();
    const identity = { project: store.id, logId, seq: point.seq, hash: point.hash, timeMs: point.timeMs };
    const requests = await snapshots.writeRequests(point.seq, point.requests);
    const manifest = { ...data, ...identity, requests, isBase: true, segments: [], state: point.state };
    return { manifest, digest: await snapshots.commit(manifest) };
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}
