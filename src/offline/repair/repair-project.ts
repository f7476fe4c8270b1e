/**
 * Repairs a damaged project: makes it continue from the state that can be proved. The caller holds the lock of the data folder.
 *
 * 1. Create the folder `_repair/<project>-<time>/` and in its `new/` a complete new log: a base snapshot of the kept state, and a header
 *    that continues from it. Until step 2, the project's own files are untouched, and a crash leaves only that folder.
 * 2. Record that the repair has started.
 * 3. Move the damaged files to `old/`, the active segment last. None is ever changed or deleted.
 * 4. Move the new files to the data folder, the active segment last.
 * 5. Record the repair, and the id of the new log, in the registry.
 * 6. Once the configuration has been updated, record that the repair is complete.
 *
 * Steps 3 to 6 can be interrupted anywhere and repeated: a file that is still in `new/` has not replaced its predecessor yet.
 */
import { join } from 'node:path';
import { invariant } from '../../base/invariant.js';
import type { Logger } from '../../base/logger.js';
import { changeFolder } from '../../disk/disk.js';
import { genesisHash } from '../../log/line-format.js';
import type { LogLine } from '../../log/log.js';
import type { KeptRecords } from '../../projections/requests/request-records.js';
import { ProjectStateProjection } from '../../projections/project-state.js';
import type { SnapshotData } from '../../projections/snapshot/snapshot.js';
import { appliedTo, copySnapshot, createBasedLog } from '../based-log.js';
import { collectRequests } from '../collect-requests.js';
import { snapshotsOf } from '../project-files.js';
import { buildState } from '../build-state.js';
import { DamagedLog } from './damaged-log.js';
import { recordRepair } from '../registry-writer.js';
import {
  findStartedRepair, makeRepairFolder, moveFiles, namesOfLog, recordFinish, recordStart, removeEmptied, type StartedRepair,
} from './repair-folder.js';
import type { RepairFiles, RepairPlan } from './repair-plan.js';

/** What a repair works with. */
export interface RepairTools extends RepairFiles {
  readonly logger: Logger;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/** A repair whose files are in place. */
export interface AppliedRepair extends StartedRepair {
  /** The repair's folder, which holds the damaged files, relative to the data folder. */
  readonly copy: string;
}

/**
 * Repairs a project, up to the point where only the configuration is left to update.
 *
 * @param plan keeps at least one line
 */
export async function repairProject(plan: RepairPlan, tools: RepairTools): Promise<AppliedRepair> {
  invariant(plan.end.seq >= 1, 'a repair keeps something');
  const { disk, dataFolder } = tools;
  const folder = await makeRepairFolder(disk, dataFolder, plan.project, tools.nowMs);
  const started = await createNewLog(plan, tools, folder);
  await recordStart(disk, join(dataFolder, folder), started);
  return await apply(started, folder, tools);
}

/** Resumes a repair that was interrupted after it had started; undefined if there is none. */
export async function resumeRepair(project: string, tools: RepairTools): Promise<AppliedRepair | undefined> {
  const found = await findStartedRepair(tools.disk, tools.dataFolder, project);
  return found && (await apply(found.started, found.folder, tools));
}

/** Completes a repair after the configuration has been updated. */
export async function finishRepair(repair: AppliedRepair, { disk, dataFolder }: RepairFiles): Promise<void> {
  await removeEmptied(disk, join(dataFolder, repair.copy, 'new'));
  await recordFinish(disk, join(dataFolder, repair.copy));
}

async function createNewLog(plan: RepairPlan, tools: RepairTools, folder: string): Promise<StartedRepair> {
  const { disk, dataFolder, logger } = tools;
  const { project, end, snapshot } = plan;
  const home = join(dataFolder, folder, 'new');
  const into = join(home, project);
  await changeFolder(disk, join(dataFolder, folder), () => disk.makeFolder(home));
  await changeFolder(disk, home, () => disk.makeFolder(into));
  const state = new ProjectStateProjection();
  if (snapshot !== undefined) state.restore(snapshot.state, snapshot.seq);
  const data = snapshot?.seq === end.seq
    ? await copySnapshot({ disk, dataFolder, project, snapshot, home, into: project, signal: tools.signal })
    : await buildBase(plan, tools, into, state);
  const requests = await requestsOf(plan, tools);
  const logId = await createBasedLog({ disk, home, project, data, end, state, requests, logger });
  return {
    project, logId, previousLogId: plan.logId ?? '', lastSeq: end.seq, lastHash: end.hash, droppedBytes: plan.losses.bytes,
    revision: state.newest?.seq ?? 0,
  };
}

async function buildBase(
  { project, logId, end, snapshot }: RepairPlan, { disk, dataFolder, signal }: RepairTools, into: string, state: ProjectStateProjection,
): Promise<SnapshotData> {
  const log = await DamagedLog.open(disk, dataFolder, project);
  const start = snapshot ?? { seq: 0, hash: genesisHash(project, logId ?? '') };
  const lines = appliedTo(state, log.linesAfter(start));
  return await buildState({ disk, dataFolder, project, into, seq: end.seq, previous: snapshot, lines, signal });
}

/** The requests that the kept state remembers. */
async function requestsOf({ project, logId, end, snapshot }: RepairPlan, { disk, dataFolder }: RepairTools): Promise<KeptRecords> {
  const log = await DamagedLog.open(disk, dataFolder, project);
  const start = snapshot ?? { seq: 0, hash: genesisHash(project, logId ?? '') };
  const lines = snapshot?.seq === end.seq ? noLines : () => log.linesAfter(start);
  return await collectRequests({ snapshots: snapshotsOf(disk, { dataFolder, project }), previous: snapshot, lines });
}

async function* noLines(): AsyncGenerator<readonly LogLine[]> {
  await Promise.resolve();
}

async function apply(started: StartedRepair, copy: string, { disk, dataFolder, logger }: RepairTools): Promise<AppliedRepair> {
  const folder = join(dataFolder, copy);
  const [oldHome, newHome] = [join(folder, 'old'), join(folder, 'new')];
  await changeFolder(disk, folder, () => disk.makeFolder(oldHome));
  const waiting: string[] = [];
  for (const name of namesOfLog(started.project)) if ((await disk.status(join(newHome, name))) !== undefined) waiting.push(name);
  // The readable snapshot of the damaged log goes too. The next startup writes a new one.
  const outdated = waiting.length === 0 ? [] : [`${started.project}.json`];
  await moveFiles(disk, [...outdated, ...waiting], dataFolder, oldHome);
  await moveFiles(disk, waiting, newHome, dataFolder);
  const { project: id, logId, previousLogId, lastSeq, lastHash, droppedBytes } = started;
  const event = {
    op: 'project.repaired', id, log_id: logId, previous_log_id: previousLogId, last_seq: lastSeq, last_hash: lastHash,
    dropped_bytes: droppedBytes, copy,
  } as const;
  await recordRepair(event, { disk, dataFolder, logger, command: 'repair' });
  return { ...started, copy };
}
