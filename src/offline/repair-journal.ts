/**
 * What is known of a repair that has begun, on disk, so that a repetition after a crash goes on with the same one.
 */
import { join } from 'node:path';
import { compileSchema } from '../base/json-schema.js';
import { changeFolder, type Disk, writeNewFile } from '../disk/disk.js';

/** Folder of what repairs moved away, in the data folder. No project's id begins with `_`. */
export const REPAIR_FOLDER = '_repair';

/** A repair whose new log is complete: from here on it can only be carried out. */
export interface BegunRepair {
  readonly project: string;
  /** The log that goes on. */
  readonly logId: string;
  /** Empty where nothing says it. */
  readonly previousLogId: string;
  readonly lastSeq: number;
  readonly lastHash: string;
  readonly droppedBytes: number;
  /** The newest version of the project's settings that is kept: what its entry in the configuration may reflect. */
  readonly revision: number;
}

/** The file that says that a repair has begun; under its other name it says that it is over. */
const BEGUN_NAME = 'begun.json';
const FINISHED_NAME = 'finished.json';
const BYTES_MAX = 65_536;

const MEMBERS = {
  project: { type: 'string' }, logId: { type: 'string' }, previousLogId: { type: 'string' }, lastSeq: { type: 'integer' },
  lastHash: { type: 'string' }, droppedBytes: { type: 'integer' }, revision: { type: 'integer' },
};
const checkBegun = compileSchema<BegunRepair>({
  type: 'object', properties: MEMBERS, required: Object.keys(MEMBERS), additionalProperties: false,
});

/**
 * Records that a repair has begun; durable when the call resolves.
 *
 * @param folder the repair's folder, absolute
 */
export async function recordBegun(disk: Disk, folder: string, begun: BegunRepair): Promise<void> {
  const temporary = join(folder, `${BEGUN_NAME}.tmp`);
  await changeFolder(disk, folder, async () => {
    await disk.unlink(temporary);
    await writeNewFile(disk, temporary, Buffer.from(`${JSON.stringify(begun)}\n`));
    await disk.rename(temporary, join(folder, BEGUN_NAME));
  });
}

/**
 * Records that a repair is over.
 *
 * @param folder the repair's folder, absolute
 */
export async function recordFinished(disk: Disk, folder: string): Promise<void> {
  await changeFolder(disk, folder, () => disk.rename(join(folder, BEGUN_NAME), join(folder, FINISHED_NAME)));
}

/**
 * Finds a repair of a project that has begun and is not over.
 *
 * @param dataFolder the data folder, absolute
 * @returns it, and its folder relative to the data folder; undefined when there is none
 */
export async function findBegun(
  disk: Disk, dataFolder: string, project: string,
): Promise<{ readonly begun: BegunRepair; readonly folder: string } | undefined> {
  for (const name of await disk.list(join(dataFolder, REPAIR_FOLDER))) {
    const folder = join(REPAIR_FOLDER, name);
    const path = join(dataFolder, folder, BEGUN_NAME);
    if ((await disk.status(path)) === undefined) continue;
    const begun = await readBegun(disk, path);
    if (begun?.project === project) return { begun, folder };
  }
  return undefined;
}

async function readBegun(disk: Disk, path: string): Promise<BegunRepair | undefined> {
  const file = await disk.open(path, 'read');
  try {
    const bytes = Buffer.alloc(BYTES_MAX);
    const checked = checkBegun(JSON.parse(bytes.toString('utf8', 0, await file.read(bytes, 0))));
    return checked.ok ? checked.document : undefined;
  } finally {
    await file.close();
  }
}

/**
 * Names a new folder for a repair.
 *
 * @param nowMs milliseconds since 1970
 * @returns a name that is free, relative to the data folder, made and durable
 */
export async function makeRepairFolder(
  disk: Disk, where: { readonly dataFolder: string; readonly project: string }, nowMs: number,
): Promise<string> {
  const stamp = new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, '');
  const taken = await disk.list(join(where.dataFolder, REPAIR_FOLDER));
  let name = `${where.project}-${stamp}`;
  for (let count = 2; taken.includes(name); count += 1) name = `${where.project}-${stamp}-${count}`;
  const folder = join(REPAIR_FOLDER, name);
  await changeFolder(disk, where.dataFolder, () => disk.makeFolder(join(where.dataFolder, REPAIR_FOLDER)));
  await changeFolder(disk, join(where.dataFolder, REPAIR_FOLDER), () => disk.makeFolder(join(where.dataFolder, folder)));
  return folder;
}
