/**
 * Rebuilds the registry when it is damaged or missing: registers every project whose files are in the data folder. Facts that only the
 * damaged part had are lost. The caller holds the lock of the data folder.
 */
import { join } from 'node:path';
import { invariant } from '../../base/invariant.js';
import { changeFolder, type Disk } from '../../disk/disk.js';
import type { ServerEvent } from '../../events/event.js';
import type { SegmentHeader } from '../../log/segment-format.js';
import { LogVersionError } from '../../log/log-errors.js';
import { listProjects } from '../folder-projects.js';
import { removalBefore } from '../registering-events.js';
import { readRegistry, REGISTRY } from '../registry.js';
import { oldestHeader } from './damaged-log.js';
import { createRegistry } from '../registry-writer.js';
import { makeRepairFolder, moveFiles, namesOfLog, removeEmptied } from './repair-folder.js';
import type { RepairTools } from './repair-project.js';

/** A project that was found by its files. */
interface FoundProject {
  readonly id: string;
  readonly logId: string;
  /** First seq of its oldest segment. */
  readonly firstSeq: number;
  /** Whether its log continues from a base: then retention removed nothing. */
  readonly hasBase: boolean;
}

/** The content of the new registry, and what it lacks. */
export interface RegistryPlan {
  readonly projects: readonly FoundProject[];
  /** Files of projects whose log cannot be identified. They are not registered. */
  readonly unreadable: readonly string[];
  /** Projects that a newer version wrote, whose log this version cannot identify. If there are any, the registry must not be rebuilt. */
  readonly newer: readonly string[];
  /** Deletions and moves to memory in the readable part of the old registry, which the new one takes over. */
  readonly kept: readonly ServerEvent[];
  /** Whether the registry is sound, so that there is nothing to repair. */
  readonly isSound: boolean;
}

/** Plans the repair of the registry. Changes nothing. */
export async function planRegistryRepair({ disk, dataFolder, signal }: RepairTools): Promise<RegistryPlan> {
  const projects: FoundProject[] = [];
  const unreadable: string[] = [];
  const newer: string[] = [];
  for (const id of await listProjects(disk, dataFolder)) {
    const first = await headerOrNewer(disk, dataFolder, id);
    if (first === 'newer') newer.push(id);
    else if (first === undefined) unreadable.push(`${id}.jsonl`);
    else projects.push({ id, logId: first.logId, firstSeq: first.firstSeq, hasBase: first.base !== undefined });
  }
  const { registrations, log, findings } = await readRegistry(disk, dataFolder, { signal });
  const here = new Set(projects.map(({ logId }) => logId));
  const end = { last_seq: 0, last_hash: '' };
  const deleted = [...registrations.deletedLogs].map(([logId, id]) => ({ op: 'project.deleted', id, log_id: logId, ...end }) as const);
  const left = [...registrations.leftLogs].map(([logId, id]) => ({ op: 'project.left', id, log_id: logId, ...end }) as const);
  const kept = [...deleted, ...left].filter(({ log_id: logId }) => !here.has(logId));
  return { projects, unreadable, newer, kept, isSound: log !== undefined && findings.length === 0 };
}

async function headerOrNewer(disk: Disk, dataFolder: string, id: string): Promise<SegmentHeader | 'newer' | undefined> {
  try {
    return await oldestHeader(disk, dataFolder, id);
  } catch (error) {
    if (error instanceof LogVersionError) return 'newer';
    throw error;
  }
}

/**
 * Rebuilds the registry. Moves the old files away and never changes or deletes them.
 *
 * @param plan without projects of a newer version, whose registration would be lost
 * @returns the folder of the old files, relative to the data folder
 */
export async function repairRegistry(plan: RegistryPlan, tools: RepairTools): Promise<string> {
  const { disk, dataFolder, logger, nowMs } = tools;
  invariant(plan.newer.length === 0, 'every project can be registered');
  const copy = await makeRepairFolder(disk, dataFolder, REGISTRY, nowMs);
  const [oldHome, newHome] = [join(dataFolder, copy, 'old'), join(dataFolder, copy, 'new')];
  await changeFolder(disk, join(dataFolder, copy), async () => {
    await disk.makeFolder(oldHome);
    await disk.makeFolder(newHome);
  });
  const events = [...plan.kept, ...plan.projects.flatMap(registrationOf)];
  await createRegistry(events, { disk, dataFolder: newHome, logger, command: 'repair' });
  // A crash in between leaves no registry, or one without its folder: another repair does the same once more.
  await moveFiles(disk, namesOfLog(REGISTRY).toReversed(), dataFolder, oldHome);
  await moveFiles(disk, namesOfLog(REGISTRY), newHome, dataFolder);
  await removeEmptied(disk, newHome);
  return copy;
}

/** The events that register a project. If its first lines are missing, assumes that retention removed them. */
function registrationOf({ id, logId, firstSeq, hasBase }: FoundProject): readonly ServerEvent[] {
  const created = { op: 'project.created', id, log_id: logId } as const;
  if (firstSeq === 1 || hasBase) return [created];
  return [created, removalBefore({ id, log_id: logId, first_seq: firstSeq })];
}
