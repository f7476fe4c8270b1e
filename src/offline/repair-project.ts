/**
 * Lets a damaged project go on from what can be proved of it. The caller holds the lock of the data folder.
 *
 * 1. A folder `_repair/<project>-<time>/` is made, and in its `new/` a whole new log: a base snapshot of what is kept, and a header
 *    that goes on from it. Until this is recorded, nothing of the project has been touched, and a crash leaves only that folder.
 * 2. It is recorded that the repair has begun.
 * 3. The damaged files are moved to `old/`, the active segment last. None is ever changed or erased.
 * 4. The new files are moved to where the project lies, the active segment last.
 * 5. `_server.jsonl` records the repair, and with it the id of the log that counts from now on.
 * 6. Once the configuration has been brought up to date, it is recorded that the repair is over.
 *
 * Steps 3 to 6 can be interrupted anywhere and repeated: what has a new file waiting in `new/` has not been replaced yet.
 */
import { join } from 'node:path';
import { invariant } from '../base/invariant.js';
import type { Logger } from '../base/logger.js';
import { randomHexId } from '../base/random-id.js';
import { changeFolder } from '../disk/disk.js';
import { FileHome } from '../log/file/file-home.js';
import { genesisHash } from '../log/line-format.js';
import { ProjectStateProjection } from '../projections/project-state.js';
import { buildSnapshot } from '../projections/snapshot/build-snapshot.js';
import { SnapshotFolder } from '../projections/snapshot/snapshot-folder.js';
import type { SnapshotChange, SnapshotData } from '../projections/snapshot/snapshot.js';
import { DamagedLog } from './damaged-log.js';
import { DamagedTexts } from './damaged-texts.js';
import { overlayDisk } from './overlay-disk.js';
import { snapshotsOf } from './project-snapshots.js';
import { moveFiles, namesOfLog, removeEmptied, REPAIR_LOG_OPTIONS } from './repair-files.js';
import { type BegunRepair, findBegun, makeRepairFolder, recordBegun, recordFinished } from './repair-journal.js';
import type { RepairPlace, RepairPlan } from './repair-plan.js';
import { recordInServerLog } from './server-log-record.js';
import { changeOf, projectEventOf } from './snapshot-changes.js';

/** What a repair needs besides the files. */
export interface RepairTools extends RepairPlace {
  readonly logger: Logger;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/** A repair whose files are in place. */
export interface CarriedOutRepair extends BegunRepair {
  /** Where the damaged files are now, relative to the data folder. */
  readonly copy: string;
}

/**
 * Carries a repair out up to the point where only the configuration is left.
 *
 * @param plan what is kept; at least one line
 */
export async function repairProject(plan: RepairPlan, tools: RepairTools): Promise<CarriedOutRepair> {
  invariant(plan.end.seq >= 1, 'a repair keeps something');
  const { disk, dataFolder } = tools;
  const folder = await makeRepairFolder(disk, { dataFolder, project: plan.project }, tools.nowMs);
  const begun = await prepare(plan, tools, folder);
  await recordBegun(disk, join(dataFolder, folder), begun);
  return await carryOut({ begun, folder }, tools);
}

/**
 * Goes on with a repair that was interrupted after it had begun.
 *
 * @returns what was done; undefined when there is no such repair
 */
export async function resumeRepair(project: string, tools: RepairTools): Promise<CarriedOutRepair | undefined> {
  const found = await findBegun(tools.disk, tools.dataFolder, project);
  return found && (await carryOut(found, tools));
}

/** Ends a repair, when the configuration is up to date. */
export async function finishRepair(repair: CarriedOutRepair, { disk, dataFolder }: RepairPlace): Promise<void> {
  await removeEmptied(disk, join(dataFolder, repair.copy, 'new'));
  await recordFinished(disk, join(dataFolder, repair.copy));
}

/** Makes the new log, complete, in a home of its own. */
async function prepare(plan: RepairPlan, tools: RepairTools, folder: string): Promise<BegunRepair> {
  const { disk, dataFolder, logger } = tools;
  const { project, end, snapshot } = plan;
  const home = join(dataFolder, folder, 'new');
  const into = join(home, project);
  await changeFolder(disk, join(dataFolder, folder), () => disk.makeFolder(home));
  await changeFolder(disk, home, () => disk.makeFolder(into));
  const state = new ProjectStateProjection();
  if (snapshot !== undefined) state.restore(snapshot.state, snapshot.seq);
  const data = snapshot?.seq === end.seq ? await copySnapshot(plan, tools, into) : await buildBase(plan, tools, { into, state });
  const logId = randomHexId();
  const snapshots = snapshotsOf(disk, { dataFolder: home, project });
  const { seq, hash, timeMs } = end;
  const manifest = { ...data, project, logId, seq, hash, timeMs, isBase: true, segments: [], state: state.save() };
  const digest = await snapshots.commit(manifest);
  const options = { ...REPAIR_LOG_OPTIONS, logId, base: { seq, hash, digest } };
  const log = await new FileHome({ folder: home, disk, logger }).create(project, options);
  await log.close();
  return {
    project, logId, previousLogId: plan.logId ?? '', lastSeq: seq, lastHash: hash, droppedBytes: plan.losses.bytes,
    revision: state.newest?.seq ?? 0,
  };
}

async function buildBase(
  { project, logId, end, snapshot }: RepairPlan, { disk, dataFolder, signal }: RepairTools,
  { into, state }: { readonly into: string; readonly state: ProjectStateProjection },
): Promise<SnapshotData> {
  const log = await DamagedLog.open(disk, dataFolder, project);
  const texts = new DamagedTexts(disk, log.segments, into);
  const start = snapshot ?? { seq: 0, hash: genesisHash(project, logId ?? '') };
  try {
    return await buildSnapshot({
      disk: overlayDisk(disk, { over: into, under: join(dataFolder, project) }),
      folder: into, seq: end.seq, previous: snapshot, changes: changesAfter(log, start, state), signal,
      readText: (place) => texts.read(place),
    });
  } finally {
    await texts.close();
  }
}

async function* changesAfter(
  log: DamagedLog, start: { readonly seq: number; readonly hash: string }, state: ProjectStateProjection,
): AsyncGenerator<readonly SnapshotChange[]> {
  for await (const group of log.linesAfter(start)) {
    for (const line of group) {
      const { seq, timeMs, hash, actor } = line;
      state.apply({ event: projectEventOf(line), seq, timeMs, hash, actor });
    }
    yield group.map(changeOf).filter((change) => change !== undefined);
  }
}

/** The snapshot is all that is kept: its entries are written once more, into a generation of the new log. */
async function copySnapshot(
  { project, end, snapshot }: RepairPlan, { disk, dataFolder, signal }: RepairTools, into: string,
): Promise<SnapshotData> {
  invariant(snapshot !== undefined, 'there is a snapshot to be copied');
  const writer = await new SnapshotFolder({ disk, folder: into, readable: `${into}.json` }).begin(end.seq);
  try {
    const entries = snapshotsOf(disk, { dataFolder, project }).readEntries(snapshot, signal && { signal });
    for await (const group of entries) await writer.addAll(group);
    return await writer.finish();
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

async function carryOut(found: { readonly begun: BegunRepair; readonly folder: string }, tools: RepairTools): Promise<CarriedOutRepair> {
  const { begun, folder: copy } = found;
  const { disk, dataFolder } = tools;
  const folder = join(dataFolder, copy);
  const [oldHome, newHome] = [join(folder, 'old'), join(folder, 'new')];
  await changeFolder(disk, folder, () => disk.makeFolder(oldHome));
  const waiting: string[] = [];
  for (const name of namesOfLog(begun.project)) if ((await disk.status(join(newHome, name))) !== undefined) waiting.push(name);
  // The readable snapshot of what was damaged has no successor until the next start writes one.
  const outdated = waiting.length === 0 ? [] : [`${begun.project}.json`];
  await moveFiles(disk, [...outdated, ...waiting], { from: dataFolder, to: oldHome });
  await moveFiles(disk, waiting, { from: newHome, to: dataFolder });
  const { project: id, logId, previousLogId, lastSeq, lastHash, droppedBytes } = begun;
  const event = {
    op: 'project.repaired', id, log_id: logId, previous_log_id: previousLogId, last_seq: lastSeq, last_hash: lastHash,
    dropped_bytes: droppedBytes, copy,
  } as const;
  await recordInServerLog(event, tools);
  return { ...begun, copy };
}
