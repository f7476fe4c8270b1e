/**
 * Writes the registry anew when it is damaged or gone: every project whose files lie in the data folder is registered
 * again. What only the old log knew is gone from the new one, and named. The caller holds the lock of the data folder.
 */
import { join } from 'node:path';
import { invariant } from '../base/invariant.js';
import { changeFolder, type Disk } from '../disk/disk.js';
import type { ServerEvent } from '../events/event.js';
import type { SegmentHeader } from '../log/line-format.js';
import { LogVersionError } from '../log/log-errors.js';
import { oldestHeader } from './damaged-log.js';
import { listProjects } from './project-lines.js';
import { moveFiles, namesOfLog, removeEmptied } from './repair-files.js';
import { makeRepairFolder } from './repair-journal.js';
import type { RepairTools } from './repair-project.js';
import { createServerLog } from './server-log-record.js';
import { readRegistrations, SERVER_LOG } from './server-registrations.js';

/** A project that was found by its files. */
export interface FoundProject {
  readonly id: string;
  readonly logId: string;
  /** The first seq that is there. */
  readonly firstSeq: number;
  /** Whether its log goes on from a base: then nothing was removed from its beginning. */
  readonly hasBase: boolean;
}

/** What the new registry would say, and what it cannot. */
export interface ServerLogPlan {
  readonly projects: readonly FoundProject[];
  /** Files of projects whose log cannot be identified: they are not registered. */
  readonly unreadable: readonly string[];
  /** Projects that a newer version wrote, so that this one cannot tell which log they are. Where there are any, nothing is written. */
  readonly newer: readonly string[];
  /** Deletions and departures that the readable part of the old log knows, and that are taken over. */
  readonly kept: readonly ServerEvent[];
  /** Whether the old log is sound, so that there is nothing to repair. */
  readonly isSound: boolean;
}

const NO_DIGEST = '0'.repeat(64);

/** Looks what a new registry would say. */
export async function planServerLog({ disk, dataFolder, signal }: RepairTools): Promise<ServerLogPlan> {
  const projects: FoundProject[] = [];
  const unreadable: string[] = [];
  const newer: string[] = [];
  for (const id of await listProjects(disk, dataFolder)) {
    const first = await headerOrNewer(disk, dataFolder, id);
    if (first === 'newer') newer.push(id);
    else if (first === undefined) unreadable.push(`${id}.jsonl`);
    else projects.push({ id, logId: first.logId, firstSeq: first.firstSeq, hasBase: first.base !== undefined });
  }
  const { registrations, log, findings } = await readRegistrations(disk, dataFolder, { signal });
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
 * Writes the registry anew. The old files are moved away, and never changed or erased.
 *
 * @param plan what it says; without projects of a newer version, whose registration would be lost
 * @returns where the old files are, relative to the data folder
 */
export async function repairServerLog(plan: ServerLogPlan, tools: RepairTools): Promise<string> {
  const { disk, dataFolder, logger, nowMs } = tools;
  invariant(plan.newer.length === 0, 'a registry is written anew only where every project can be looked at');
  const copy = await makeRepairFolder(disk, { dataFolder, project: SERVER_LOG }, nowMs);
  const [oldHome, newHome] = [join(dataFolder, copy, 'old'), join(dataFolder, copy, 'new')];
  await changeFolder(disk, join(dataFolder, copy), async () => {
    await disk.makeFolder(oldHome);
    await disk.makeFolder(newHome);
  });
  await createServerLog([...plan.kept, ...plan.projects.flatMap(registrationOf)], { disk, dataFolder: newHome, logger });
  // A crash in between leaves no registry, or one without its folder: repairing again does the same once more.
  await moveFiles(disk, namesOfLog(SERVER_LOG).toReversed(), { from: dataFolder, to: oldHome });
  await moveFiles(disk, namesOfLog(SERVER_LOG), { from: newHome, to: dataFolder });
  await removeEmptied(disk, newHome);
  return copy;
}

/** A project's registration; where its first lines are missing, that they were removed on purpose is believed. */
function registrationOf({ id, logId, firstSeq, hasBase }: FoundProject): readonly ServerEvent[] {
  const created = { op: 'project.created', id, log_id: logId } as const;
  if (firstSeq === 1 || hasBase) return [created];
  const range = { first_seq: 1, last_seq: firstSeq - 1, bytes: 0, sha256: NO_DIGEST };
  return [created, { op: 'segment.removed', id, log_id: logId, ...range }];
}
