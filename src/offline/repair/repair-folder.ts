/**
 * The folder of one repair, `_repair/<project>-<time>/`: the files that it exchanges, and how far it has come, so that the same command
 * resumes the repair after a crash. A repair never changes or deletes a file of the data folder: it moves files away.
 */
import { dirname, join } from 'node:path';
import { isErrno } from '../../base/app-error.js';
import { compileSchema } from '../../base/json-schema.js';
import { REPAIR_FOLDER } from '../../log/file/log-paths.js';
import { changeFolder, closing, type Disk, writeNewFile } from '../../disk/disk.js';

/** A repair whose new log is complete: from here on it can only be completed. */
export interface StartedRepair {
  readonly project: string;
  /** Id of the new log. */
  readonly logId: string;
  /** Empty if it is unknown. */
  readonly previousLogId: string;
  readonly lastSeq: number;
  readonly lastHash: string;
  readonly droppedBytes: number;
  /** The newest revision of the project's settings that is kept: the highest that its entry in the configuration may name. */
  readonly revision: number;
}

/** The file that records a started repair. It gets the other name when the repair is complete. */
const STARTED_NAME = 'begun.json';
const FINISHED_NAME = 'finished.json';
const BYTES_MAX = 65_536;

const MEMBERS = {
  project: { type: 'string' }, logId: { type: 'string' }, previousLogId: { type: 'string' }, lastSeq: { type: 'integer' },
  lastHash: { type: 'string' }, droppedBytes: { type: 'integer' }, revision: { type: 'integer' },
};
const checkStarted = compileSchema<StartedRepair>({
  type: 'object', properties: MEMBERS, required: Object.keys(MEMBERS), additionalProperties: false,
});

/**
 * Creates the folder of a repair, durably, under a name that is not taken.
 *
 * @param nowMs milliseconds since 1970
 * @returns its path relative to the data folder
 */
export async function makeRepairFolder(disk: Disk, dataFolder: string, project: string, nowMs: number): Promise<string> {
  const stamp = new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, '');
  const taken = await disk.list(join(dataFolder, REPAIR_FOLDER));
  let name = `${project}-${stamp}`;
  for (let count = 2; taken.includes(name); count += 1) name = `${project}-${stamp}-${count}`;
  const folder = join(REPAIR_FOLDER, name);
  await changeFolder(disk, dataFolder, () => disk.makeFolder(join(dataFolder, REPAIR_FOLDER)));
  await changeFolder(disk, join(dataFolder, REPAIR_FOLDER), () => disk.makeFolder(join(dataFolder, folder)));
  return folder;
}

/**
 * Records that a repair has started; durable when the call resolves.
 *
 * @param folder the repair's folder, absolute
 */
export async function recordStart(disk: Disk, folder: string, started: StartedRepair): Promise<void> {
  const temporary = join(folder, `${STARTED_NAME}.tmp`);
  await changeFolder(disk, folder, async () => {
    await disk.unlink(temporary);
    await writeNewFile(disk, temporary, Buffer.from(`${JSON.stringify(started)}\n`));
    await disk.rename(temporary, join(folder, STARTED_NAME));
  });
}

/**
 * Records that a repair is complete.
 *
 * @param folder the repair's folder, absolute
 */
export async function recordFinish(disk: Disk, folder: string): Promise<void> {
  await changeFolder(disk, folder, () => disk.rename(join(folder, STARTED_NAME), join(folder, FINISHED_NAME)));
}

/**
 * Finds a repair of a project that has started and is not complete.
 *
 * @param dataFolder the data folder, absolute
 * @returns the repair, and its folder relative to the data folder; undefined if there is none
 */
export async function findStartedRepair(
  disk: Disk, dataFolder: string, project: string,
): Promise<{ readonly started: StartedRepair; readonly folder: string } | undefined> {
  for (const name of await disk.list(join(dataFolder, REPAIR_FOLDER))) {
    const folder = join(REPAIR_FOLDER, name);
    const path = join(dataFolder, folder, STARTED_NAME);
    if ((await disk.status(path)) === undefined) continue;
    const started = await readStarted(disk, path);
    if (started?.project === project) return { started, folder };
  }
  return undefined;
}

async function readStarted(disk: Disk, path: string): Promise<StartedRepair | undefined> {
  return await closing(await disk.open(path, 'read'), async (file) => {
    const bytes = Buffer.alloc(BYTES_MAX);
    const checked = checkStarted(JSON.parse(bytes.toString('utf8', 0, await file.read(bytes, 0))));
    return checked.ok ? checked.document : undefined;
  });
}

/**
 * Lists the files and folders of a log in its home.
 *
 * @returns names; the active segment, which makes it a log, last
 */
export function namesOfLog(project: string): readonly string[] {
  return [project, `${project}.json`, `${project}.jsonl`];
}

/**
 * Moves the files that exist from one folder to another, in order and durably: syncs the target first, so that a crash never leaves a file
 * in neither. Never replaces a file: one that an earlier move has brought there stays.
 */
export async function moveFiles(disk: Disk, names: readonly string[], from: string, to: string): Promise<void> {
  if (names.length === 0) return;
  await changeFolder(disk, from, () => changeFolder(disk, to, async () => {
    for (const name of names) {
      if ((await disk.status(join(from, name))) !== undefined) await disk.rename(join(from, name), await freePath(disk, to, name));
    }
  }));
}

async function freePath(disk: Disk, folder: string, name: string): Promise<string> {
  let path = join(folder, name);
  for (let count = 2; (await disk.status(path)) !== undefined; count += 1) path = join(folder, `${name}.${count}`);
  return path;
}

/**
 * Removes the folder in which a new log was made, once its files have been moved to their place. A folder that is not empty stays.
 *
 * @param folder absolute
 */
export async function removeEmptied(disk: Disk, folder: string): Promise<void> {
  try {
    await changeFolder(disk, dirname(folder), () => disk.removeFolder(folder));
  } catch (error) {
    if (!isErrno(error, 'ENOTEMPTY', 'EEXIST')) throw error;
  }
}
