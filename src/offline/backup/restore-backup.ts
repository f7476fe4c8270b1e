/**
 * Restores projects from a backup into a data folder. The caller has verified the backup and holds the lock of the folder.
 *
 * 1. Copy everything into `_restore/<project>/`, and sync it.
 * 2. Record in the registry that the project was restored; create the registry if there is none.
 * 3. Move the folder of the project to its place.
 * 4. Move the active segment to its place. From here on the project is whole, and registered.
 *
 * A crash before 2 leaves only `_restore/`. One before 4 leaves a registered project without an active segment, which no server opens. The
 * next restore takes back what was moved, and starts again. In this order no start can take the files for those of a project that was
 * deleted or moved to memory, and moves them away, and no restored log lacks the record of the lines that retention had removed.
 */
import { dirname, join } from 'node:path';
import { AppError } from '../../base/app-error.js';
import type { Logger } from '../../base/logger.js';
import { copyFile } from '../../disk/copy-file.js';
import { makeDataFolder } from '../../disk/data-folder.js';
import { changeFolder, closing, type Disk } from '../../disk/disk.js';
import type { ProjectSettings } from '../../events/project-settings.js';
import { FileHome } from '../../log/file/file-home.js';
import { digestText } from '../../log/file/segment/read-text.js';
import { LogCorruptError } from '../../log/log-errors.js';
import type { LogLine } from '../../log/log.js';
import { ProjectStateProjection } from '../../projections/project-state.js';
import type { Registration, Registrations } from '../../projections/registrations.js';
import type { SnapshotManifest } from '../../projections/snapshot/snapshot.js';
import { appliedTo, copySnapshot, createBasedLog } from '../based-log.js';
import { collectRequests } from '../collect-requests.js';
import { buildState } from '../build-state.js';
import { linesAfter, openProjectLog, snapshotsOf } from '../project-files.js';
import { eventsOfRestored } from '../registering-events.js';
import { recordEvents } from '../registry-writer.js';
import { readRegistry, REGISTRY } from '../registry.js';
import { moveFiles, namesOfLog } from '../repair/repair-folder.js';
import { fromUsableSnapshot } from '../replay/usable-snapshots.js';
import { BACKUP_MANIFEST_NAME, type BackedUpProject, type BackupManifest } from './backup-manifest.js';
import type { OpenedBackup } from './read-backup.js';

/** Folder in the data folder for files that are being restored. No project id begins with `_`. */
const RESTORE_FOLDER = '_restore';
/** What may be in a data folder that has never been used; the last is in the top folder of a new file system. */
const HARMLESS: readonly string[] = ['README.md', '_lock', '_lock.takeover', RESTORE_FOLDER, BACKUP_MANIFEST_NAME, 'lost+found'];

/** What a restore works with. */
interface RestoreTools {
  readonly backup: OpenedBackup;
  /** Absolute; must exist. */
  readonly dataFolder: string;
  readonly logger: Logger;
  readonly signal?: AbortSignal | undefined;
  /** Called with the bytes that have been copied, and their total. */
  onProgress?(project: string, doneBytes: number, totalBytes: number): void;
}

/** What to restore. */
export interface RestoreSelection {
  /** One project; undefined: all. */
  readonly project?: string | undefined;
  /** The id of a new project that continues from its state. */
  readonly as?: string | undefined;
}

/** A project that was restored. */
export interface RestoredProject {
  readonly id: string;
  readonly logId: string;
  readonly lastSeq: number;
  /** Whether it was in its place already, with the same last line. */
  readonly wasThere: boolean;
  /** Its newest settings, and the seq that they are from. */
  readonly settings: ProjectSettings;
  readonly revision: number;
}

/** What a project becomes. */
interface Target {
  readonly from: BackedUpProject;
  readonly id: string;
  /** Whether it continues from the state, instead of being the same log. */
  readonly isNew: boolean;
}

/**
 * Restores projects.
 *
 * @returns the projects, in the order of the backup
 * @throws {AppError} `project_not_found` if the backup does not have the project; `project_files_exist`, `project_exists` or
 *   `server_log_corrupt` if it must not be restored into this folder. Nothing has changed then
 * @throws {LogCorruptError} if the backup has changed since it was opened
 */
export async function restoreBackup(tools: RestoreTools, { project, as }: RestoreSelection): Promise<readonly RestoredProject[]> {
  const { backup: { manifest, disk }, dataFolder } = tools;
  refuseAbsent(manifest, project);
  const chosen = manifest.projects.filter(({ id }) => project === undefined || id === project);
  const interrupted = await takeBack(tools);
  const targets = chosen.map((from): Target => ({ from, id: as ?? from.id, isNew: as !== undefined }));
  const registrations = await readSound(tools);
  const waiting: Target[] = [];
  for (const target of targets) {
    const known = registrations?.get(target.id);
    if (!(await isThere(tools, target, known, interrupted))) waiting.push(target);
  }
  const isWhole = manifest.is_whole && project === undefined && as === undefined;
  if (registrations === undefined && isWhole) await moveLog(disk, REGISTRY, await copyLog(tools, REGISTRY), dataFolder);
  const restored: RestoredProject[] = [];
  for (const target of targets) {
    const wasThere = !waiting.includes(target);
    const { logId, state } = wasThere ? await stateIn(tools, target) : await restoreOne(tools, target);
    restored.push({ id: target.id, logId, lastSeq: target.from.last_seq, wasThere, ...newestOf(state, target) });
  }
  await removeTree(disk, join(dataFolder, RESTORE_FOLDER));
  return restored;
}

/**
 * Refuses a project that a backup does not have.
 *
 * @param project undefined: all of them, of which there must be one
 * @throws {AppError} `project_not_found`
 */
export function refuseAbsent({ projects }: Pick<BackupManifest, 'projects'>, project: string | undefined): void {
  if (projects.some(({ id }) => project === undefined || id === project)) return;
  const known = projects.map(({ id }) => id).join(', ');
  const named = project === undefined ? '' : ` "${project}"`;
  const has = known === '' ? 'has no project' : `has these projects: ${known}`;
  throw new AppError('project_not_found', `Cannot restore${named}: the backup ${has}`);
}

function newestOf({ newest }: ProjectStateProjection, { id }: Target): Pick<RestoredProject, 'settings' | 'revision'> {
  if (newest === undefined) throw new AppError('project_corrupt', `Cannot restore the project "${id}": its log has no settings`);
  return { settings: newest.settings, revision: newest.seq };
}

/** A log, and the state of its project. */
interface LogOfState {
  readonly logId: string;
  readonly state: ProjectStateProjection;
  readonly isAfterBase: boolean;
}

/**
 * Undoes a restore that was interrupted: removes what it had copied. Its last file is copied once no file of the project is in the data
 * folder, and moved last. So as long as it waits, what is in the place of the project is a part of the copy.
 *
 * @returns the ids of the logs that have not arrived, which may be registered already
 */
async function takeBack({ backup: { disk }, dataFolder, logger }: RestoreTools): Promise<ReadonlySet<string>> {
  const stages = join(dataFolder, RESTORE_FOLDER);
  const logIds = new Set<string>();
  for (const id of await disk.list(stages)) {
    const logId = await new FileHome({ folder: join(stages, id), disk, logger }).identify(id);
    if (logId !== undefined) logIds.add(logId);
    const active = `${id}.jsonl`;
    const isWaiting = (await disk.status(join(stages, id, active))) !== undefined;
    if (isWaiting && (await disk.status(join(dataFolder, active))) === undefined) await removeTree(disk, join(dataFolder, id));
  }
  await removeTree(disk, stages);
  return logIds;
}

/**
 * Moves a log to its place, where at most an empty folder is. Each step is on disk before the next, so the active segment never arrives
 * alone.
 */
async function moveLog(disk: Disk, id: string, stage: string, dataFolder: string): Promise<void> {
  await changeFolder(disk, dataFolder, () => disk.removeFolder(join(dataFolder, id)));
  for (const name of namesOfLog(id)) await moveFiles(disk, [name], stage, dataFolder);
}

async function removeTree(disk: Disk, path: string): Promise<void> {
  const status = await disk.status(path);
  if (status === undefined) return;
  await changeFolder(disk, dirname(path), () => removeAll(disk, path));
}

async function removeAll(disk: Disk, path: string): Promise<void> {
  if ((await disk.status(path))?.isFolder !== true) return await disk.unlink(path);
  for (const name of await disk.list(path)) await removeAll(disk, join(path, name));
  await disk.removeFolder(path);
}

/** @returns what the registry says; undefined if the folder has never been used */
async function readSound({ backup: { disk }, dataFolder, logger }: RestoreTools): Promise<Registrations | undefined> {
  const { log, findings, registrations } = await readRegistry(disk, dataFolder);
  const refusal = `Cannot restore into "${dataFolder}"`;
  if (findings.length > 0) throw new AppError('server_log_corrupt', `${refusal}: its registry is damaged; repair it first`);
  if (log !== undefined) return registrations;
  // An interrupted creation of the registry leaves its folder.
  const isFree = (await new FileHome({ folder: dataFolder, disk, logger }).namesOf(REGISTRY)).length === 0;
  const files = (await disk.list(dataFolder)).filter((name) => !HARMLESS.includes(name) && !(isFree && name === REGISTRY));
  if (files.length === 0) return undefined;
  const message = `${refusal}: it is neither empty (it has "${files[0] ?? ''}") nor a data folder with a registry, "${REGISTRY}.jsonl"`;
  throw new AppError('project_files_exist', message, { facts: { files } });
}

/**
 * Tells whether a project is in its place already, because a restore of several was interrupted.
 *
 * @throws {AppError} `project_files_exist`, `project_exists` if something else is
 */
async function isThere(
  { backup: { disk }, dataFolder, logger }: RestoreTools, { id, from, isNew }: Target, known: Registration | undefined,
  interrupted: ReadonlySet<string>,
): Promise<boolean> {
  const inFolder = (await disk.list(join(dataFolder, id))).map((name) => `${id}/${name}`);
  const files = [...new Set([...(await new FileHome({ folder: dataFolder, disk, logger }).namesOf(id)), ...inFolder])];
  // Also a log whose files were lost.
  const isOwn = !isNew && known?.state === 'live' && known.logId === from.log_id;
  if (files.length === 0) {
    if (known?.state !== 'live' || isOwn || interrupted.has(known.logId)) return false;
    throw new AppError('project_exists', `Cannot restore the project "${id}": the registry names another log of it, ${known.logId}`);
  }
  if (isOwn && files.includes(`${id}.jsonl`)) {
    const { files: log } = await openProjectLog(disk, { dataFolder, project: id });
    if (log.logId === from.log_id && (await log.lastSeq()) === from.last_seq) return true;
  }
  const message = `Cannot restore the project "${id}": the data folder has files of that name (such as "${files[0] ?? ''}"). Nothing was `
    + 'changed. Delete the project, move its files away, or restore it under another id with --as';
  throw new AppError('project_files_exist', message, { facts: { files } });
}

async function restoreOne(tools: RestoreTools, target: Target): Promise<LogOfState> {
  const { backup: { disk, manifest }, dataFolder, logger } = tools;
  const { from, id, isNew } = target;
  const stage = isNew ? await makeStage(tools, id) : await copyLog(tools, id);
  const { logId, state, isAfterBase } = isNew ? await createFrom(tools, target, stage) : await stateIn(tools, target);
  const event = {
    id, log_id: logId, first_seq: isNew ? from.last_seq + 1 : from.first_seq, last_seq: from.last_seq, last_hash: from.last_hash,
    backup_time: manifest.time, isAfterBase,
  };
  await recordEvents(eventsOfRestored(event), { disk, dataFolder, logger, command: 'restore' });
  await moveLog(disk, id, stage, dataFolder);
  return { logId, state, isAfterBase };
}

async function makeStage({ backup: { disk }, dataFolder }: RestoreTools, id: string): Promise<string> {
  const stage = join(dataFolder, RESTORE_FOLDER, id);
  await makeDataFolder(disk, join(stage, id));
  return stage;
}

/** Copies the files of a log, byte by byte; the active segment last. */
async function copyLog(tools: RestoreTools, id: string): Promise<string> {
  const { backup: { disk, manifest, dataFolder: source }, signal, onProgress } = tools;
  const stage = await makeStage(tools, id);
  const active = `${id}.jsonl`;
  const files = manifest.files.filter(({ name }) => name.startsWith(`${id}/`) || name === active);
  const totalBytes = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let doneBytes = 0;
  for (const { name, bytes, sha256 } of files.toSorted((a, b) => Number(a.name === active) - Number(b.name === active))) {
    await changeFolder(disk, dirname(join(stage, name)), () => copyFile(disk, join(source, name), join(stage, name), signal));
    // It was verified some time ago, and may have been replaced since.
    const found = await closing(await disk.open(join(stage, name), 'read'), (copy) => digestText(copy, signal));
    const place = { file: name, offset: 0 };
    if (found !== sha256) throw new LogCorruptError(place, `the SHA-256 ${sha256} in the backup`, `${found} in the copy`);
    doneBytes += bytes;
    onProgress?.(id, doneBytes, totalBytes);
  }
  return stage;
}

/** Makes a log that continues from the state at the end of another one. */
async function createFrom({ backup, logger, signal }: RestoreTools, { from, id }: Target, stage: string): Promise<LogOfState> {
  const { disk, dataFolder } = backup;
  const { id: project, last_seq: seq, last_hash: hash } = from;
  const log = await openProjectLog(disk, { dataFolder, project });
  return await fromUsableSnapshot({ disk, dataFolder, project, until: undefined }, log, async (previous) => {
    const state = stateFrom(previous);
    const build = { disk, dataFolder, project, signal };
    const linesOf = (): AsyncGenerator<readonly LogLine[]> => linesAfter(log, previous, seq, signal);
    const { last, ...data } = previous?.seq === seq
      ? { ...(await copySnapshot({ ...build, snapshot: previous, home: stage, into: id })), last: undefined }
      : await buildState({ ...build, into: join(stage, id), seq, previous, lines: appliedTo(state, linesOf()) });
    const requests = await collectRequests({ snapshots: snapshotsOf(disk, { dataFolder, project }), previous, lines: linesOf });
    const end = { seq, hash, timeMs: last?.timeMs ?? previous?.timeMs ?? 0 };
    const logId = await createBasedLog({ disk, home: stage, project: id, data, end, state, requests, logger });
    return { logId, state, isAfterBase: true };
  });
}

/** Reads the settings of a project in the backup. */
async function stateIn({ backup: { disk, dataFolder }, signal }: RestoreTools, { from }: Target): Promise<LogOfState> {
  const { id: project, last_seq: toSeq, log_id: logId } = from;
  const log = await openProjectLog(disk, { dataFolder, project });
  return await fromUsableSnapshot({ disk, dataFolder, project, until: undefined }, log, async (previous) => {
    const state = stateFrom(previous);
    for await (const _ of appliedTo(state, linesAfter(log, previous, toSeq, signal))) continue;
    return { logId, state, isAfterBase: await log.isAfterBase() };
  });
}

function stateFrom(previous: SnapshotManifest | undefined): ProjectStateProjection {
  const state = new ProjectStateProjection();
  if (previous !== undefined) state.restore(previous.state, previous.seq);
  return state;
}
