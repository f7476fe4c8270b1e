/**
 * Moving a live project between memory and disk. Reads go on all the while; writes wait for the moment in which the log is
 * exchanged, and then go to the new one. The order of the steps is that of creating a project, so that a start reads what a
 * crash left in the same way.
 *
 * Entering the disk: the entry of the configuration says `on_disk` without a revision; a snapshot of everything is written; a
 * new log that goes on from it is made and takes the update as its first line; it is registered; the entry gets its revision.
 * A crash before the log is there leaves an entry that begins an empty project, as a project in memory does after any crash.
 * One after that and before the first line leaves all data, of a project whose settings still say memory where it began on disk: then
 * the start takes it back to memory, with its data.
 *
 * Leaving the disk: the update is the last line of the log; `project.left` in the registry; from there on a log in memory;
 * the entry loses its revision; the files move to `_left` and are never deleted. A crash on the way leaves a log whose newest
 * settings say that it leaves: the start carries that out, and the data goes along. Where it is not known whether `project.left`
 * was recorded, the project takes no more writes until the next start, which knows: on disk it would acknowledge what that start
 * then might leave behind, and in memory what an older state from the disk then might replace.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { AppError, withDiskCode } from '../base/app-error.js';
import { invariant } from '../base/invariant.js';
import { logFailure } from '../base/log-failure.js';
import { randomHexId } from '../base/random-id.js';
import { diffSettings, mergeSettings } from '../events/project-settings.js';
import type { Log, LogHome } from '../log/log.js';
import { sizeOfValue } from '../projections/key-entry.js';
import type { SnapshotManifest } from '../projections/snapshot/snapshot.js';
import type { CommandContext, UpdateProjectCommand } from '../store/command.js';
import { logOptionsOf, type ProjectStore } from '../store/project-store.js';
import { asApplied } from './failed-change.js';
import type { ProjectResources } from './project-resources.js';
import { describeLack, type DiskSpaceForGrowth } from '../store/disk-space-for-growth.js';
import type { ServerJournal } from './server-journal.js';
import { isOutcomeUnknown, suspendWrites } from './suspension.js';
import type { UnmovedFiles } from './unmoved-files.js';

/** Entries of a snapshot that are written before the event loop gets its turn. */
const PIECE_KEYS = 1000;

/** The server log says so of files that stay under the name of a project that is in memory. */
export const LEFT_FILES_STAY = 'the files of a project that left the disk could not be moved; the next start does';

/** A switch that is asked for. */
export interface StorageSwitch {
  readonly store: ProjectStore;
  readonly journal: ServerJournal;
  /** Moves the files of a log that leaves. */
  readonly unmoved: UnmovedFiles;
  /** The one event of the move, with everything else that is asked for at once. */
  readonly command: UpdateProjectCommand;
  /** Called when the change is in force, before anything that waits is decided. */
  readonly onApplied?: () => void;
  readonly context: CommandContext;
}

/**
 * Refuses a move to the disk that files stand in the way of.
 *
 * @param unmoved files that an earlier move from the disk may have left there: they go first
 * @throws {AppError} `project_files_exist`, `disk_failed`
 */
export async function requireFreeName(home: LogHome, unmoved: UnmovedFiles, id: string): Promise<void> {
  await unmoved.finishLeaving(id);
  const files = await home.namesOf(id);
  if (files.length === 0) return unmoved.forget(id);
  const message = `Cannot move the project "${id}" to the disk: files of that name exist; move them out of the data folder and ask again`;
  throw new AppError('project_files_exist', message, { facts: { files } });
}

/**
 * Refuses a move from the disk that would take along what the server did not write.
 *
 * @throws {AppError} `project_files_exist`
 */
export async function requireMovableFiles(home: LogHome, id: string): Promise<void> {
  const { foreignNames: files } = await home.examine(id);
  if (files.length === 0) return;
  const message = `Cannot move the project "${id}" to memory: under its name lies what this server did not write`;
  throw new AppError('project_files_exist', `${message}; move that away and ask again`, { facts: { files } });
}

/**
 * Refuses a move to the disk that there is no room for.
 *
 * @throws {AppError} `disk_full`
 */
export async function requireRoomFor(room: DiskSpaceForGrowth, store: ProjectStore): Promise<void> {
  let bytes = 0;
  let after: string | undefined;
  for (;;) {
    const piece = store.values.slice(after === undefined ? {} : { after }, PIECE_KEYS);
    for (const [key, entry] of piece) bytes += key.length + sizeOfValue(entry);
    after = piece.at(-1)?.[0];
    if (piece.length < PIECE_KEYS) break;
    await nextTurn();
  }
  await room.refresh(bytes);
  if (room.allowsGrowth(bytes)) return;
  throw new AppError('disk_full', `Cannot move the project "${store.id}" to the disk: ${describeLack(bytes, room.largestBytes)}`);
}

/**
 * Takes a project from memory to the disk. The entry of the configuration already says so.
 *
 * @returns the new log and the snapshot that it goes on from
 * @throws {AppError} `disk_full` and what a write throws; the project goes on in memory then, and no file of it is left
 */
export async function enterDisk(
  resources: ProjectResources, wanted: StorageSwitch,
): Promise<{ readonly log: Log; readonly base: SnapshotManifest }> {
  const { store, command, context } = wanted;
  const { storage } = mergeSettings(store.settings, command.change);
  const release = await store.hold();
  const logId = randomHexId();
  let inMemory: Log | undefined;
  try {
    const base = await writeBase(resources, store, logId);
    const position = { seq: base.manifest.seq, hash: base.manifest.hash, digest: base.digest };
    const log = await resources.diskHome.create(store.id, { ...logOptionsOf(storage), logId, base: position });
    inMemory = store.replaceLog(log);
    await store.submitHeld(command, context);
    await inMemory.close();
    await register(resources, wanted, logId);
    wanted.onApplied?.();
    return { log, base: base.manifest };
  } catch (error) {
    if (inMemory !== undefined) await closeQuietly(resources, store.replaceLog(inMemory));
    await undoEntering(resources, store.id, logId);
    throw withDiskCode(error, `Cannot move the project "${store.id}" to the disk`);
  } finally {
    release();
  }
}

/** Writes everything that there is as the snapshot that the log will go on from. Nothing changes meanwhile: the store is held. */
async function writeBase(
  resources: ProjectResources, store: ProjectStore, logId: string,
): Promise<{ readonly manifest: SnapshotManifest; readonly digest: string }> {
  const snapshots = resources.snapshots(store.id);
  const point = store.checkpoint();
  const writer = await snapshots.begin(point.seq);
  try {
    let after: string | undefined;
    for (;;) {
      const piece = store.values.slice(after === undefined ? {} : { after }, PIECE_KEYS);
      for (const [key, { value, seq, timeMs }] of piece) {
        invariant(typeof value === 'string', 'a project in memory holds its values');
        await writer.add({ key, value, seq, timeMs });
      }
      after = piece.at(-1)?.[0];
      if (piece.length < PIECE_KEYS || after === undefined) break;
      await nextTurn();
    }
    const data = await writer.finish();
    const identity = { project: store.id, logId, seq: point.seq, hash: point.hash, timeMs: point.timeMs };
    const manifest = { ...data, ...identity, isBase: true, segments: [], state: point.state };
    return { manifest, digest: await snapshots.commit(manifest) };
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

/** A log that is there and not registered is registered by the next start; the project is on disk all the same. */
async function register(resources: ProjectResources, { journal, store, context }: StorageSwitch, logId: string): Promise<void> {
  const message = 'a project that came to the disk could not be registered; the next start registers it';
  await journal.record({ op: 'project.created', id: store.id, log_id: logId }, context)
    .catch(logFailure(resources.logger, 'warn', { project: store.id }, message));
}

async function undoEntering(resources: ProjectResources, id: string, logId: string): Promise<void> {
  const message = 'a project could not come to the disk, and its files could not be removed again';
  await resources.diskHome.discard(id, logId).catch(logFailure(resources.logger, 'error', { project: id }, message));
}

/**
 * Takes a project from the disk to memory. Every value is in memory already.
 *
 * @param wanted which project, which settings; where the log says already that it leaves, the update is not written again
 * @throws {AppError} what a write throws. Where the update is in the log and the rest failed, the project goes on writing to
 *   its log; asking again, or the next start, carries it out. Where it is unknown whether that is recorded, it takes no more writes
 */
export async function leaveDisk(resources: ProjectResources, wanted: StorageSwitch): Promise<void> {
  const { store, command, context } = wanted;
  const settings = mergeSettings(store.settings, command.change);
  const release = await store.hold();
  let onDisk: Log;
  const { logId } = store;
  try {
    if (diffSettings(store.settings, settings).names.length > 0) await store.submitHeld(command, context);
    wanted.onApplied?.();
    const position = { seq: store.seq, hash: store.hash };
    await recordLeaving(resources, wanted);
    const log = await resources.memoryHome.create(store.id, {
      ...logOptionsOf(settings.storage), logId: randomHexId(), base: position,
    });
    onDisk = store.replaceLog(log);
  } finally {
    release();
  }
  await store.settleReads();
  await closeQuietly(resources, onDisk);
  await wanted.unmoved.leave(store.id, logId).catch(logFailure(resources.logger, 'error', { project: store.id }, LEFT_FILES_STAY));
}

/** The store is held. */
async function recordLeaving(
  resources: ProjectResources, { journal, store, context }: Pick<StorageSwitch, 'journal' | 'store' | 'context'>,
): Promise<void> {
  const registration = journal.registrations.get(store.id);
  if (registration?.state === 'left' && registration.logId === store.logId) return;
  const event = { op: 'project.left', id: store.id, log_id: store.logId, last_seq: store.seq, last_hash: store.hash } as const;
  try {
    await journal.record(event, context);
  } catch (error) {
    if (isOutcomeUnknown(error)) {
      await suspendWrites(resources, store, 'that it left the disk may or may not have been recorded; the next start knows');
    }
    throw asApplied(error, `Cannot record that the project "${store.id}" leaves the disk`);
  }
}

async function closeQuietly({ logger }: Pick<ProjectResources, 'logger'>, log: Log): Promise<void> {
  await log.close().catch(logFailure(logger, 'warn', { project: log.project }, 'a log that a project left could not be closed'));
}
