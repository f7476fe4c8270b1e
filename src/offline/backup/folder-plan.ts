/**
 * What a backup of a data folder holds while no server runs on it. The caller holds the lock of the folder.
 */
import { AppError } from '../../base/app-error.js';
import type { Disk } from '../../disk/disk.js';
import { LogCorruptError } from '../../log/log-errors.js';
import { inspectLog } from '../../log/file/recovery/inspect-log.js';
import { LogPaths } from '../../log/file/log-paths.js';
import { listSegments } from '../../log/file/segment/segment-files.js';
import type { BackupPlan, FixedLog, FixedProject, SkippedProject } from '../../log/fixed-log.js';
import { findKnownProjects } from '../folder-projects.js';
import { snapshotsOf } from '../project-files.js';
import { REGISTRY } from '../registry.js';

/** What to back up. */
interface FolderPlanOptions {
  /** The data folder, absolute. */
  readonly dataFolder: string;
  /** One project; undefined: all that are on disk, and the registry. */
  readonly project: string | undefined;
  readonly timeMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Called with the bytes of a log that have been read, and their total. */
  onProgress?(project: string, doneBytes: number, totalBytes: number): void;
}

/**
 * Plans a backup: reads and checks every log.
 *
 * @throws {AppError} `project_corrupt` if the one project that was asked for is damaged
 */
export async function planOfFolder(disk: Disk, options: FolderPlanOptions): Promise<BackupPlan> {
  const { dataFolder, project, signal, timeMs } = options;
  if (project !== undefined) return { timeMs, registry: undefined, projects: [await fixedProject(disk, project, options)], skipped: [] };
  const { ids, registrations } = await findKnownProjects(disk, dataFolder, signal);
  const projects: FixedProject[] = [];
  const skipped: SkippedProject[] = [];
  for (const id of ids) {
    const state = registrations.get(id)?.state ?? 'live';
    if (state !== 'live') continue;
    try {
      projects.push(await fixedProject(disk, id, options));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      skipped.push({ id, reason: error.code });
    }
  }
  const registry = await fixedLog(disk, REGISTRY, options).catch((error: unknown) => {
    // The backup gets a made one, which names the projects in it.
    if (error instanceof AppError) return undefined;
    throw error;
  });
  return { timeMs, registry, projects, skipped };
}

async function fixedProject(disk: Disk, project: string, options: FolderPlanOptions): Promise<FixedProject> {
  const log = await fixedLog(disk, project, options);
  const { committed } = await snapshotsOf(disk, { dataFolder: options.dataFolder, project }).list();
  const fitting = committed.filter(({ logId, seq }) => logId === log.logId && seq <= log.end.seq);
  return { ...log, snapshots: fitting.map(({ seq }) => seq) };
}

/** A torn tail at the end is left out. */
async function fixedLog(
  disk: Disk, project: string, { dataFolder, signal, onProgress }: FolderPlanOptions,
): Promise<FixedLog> {
  const paths = new LogPaths(dataFolder, project);
  const place = { file: paths.activeName, offset: 0 };
  const log = await inspectLog(disk, dataFolder, project, {
    ...(signal && { signal }), onProgress: (done, total) => onProgress?.(project, done, total),
  });
  const fault = log?.findings[0];
  if (fault !== undefined) throw new LogCorruptError(fault, fault.expected, fault.found);
  const status = await disk.status(paths.active);
  if (log?.logId === undefined || log.end === undefined || status === undefined) throw new LogCorruptError(place, 'a log', 'none');
  const segments = await listSegments(disk, paths);
  const active = segments.find(({ isActive }) => isActive) ?? segments.at(-1);
  const sealed = segments.filter(({ isActive }) => isActive !== true).flatMap(({ firstSeq, isCompressed, isDoubled }) => (
    isDoubled === true ? [{ firstSeq, isCompressed: false }, { firstSeq, isCompressed: true }] : [{ firstSeq, isCompressed }]
  ));
  return {
    project, logId: log.logId, firstSeq: log.firstSeq, isAfterBase: log.base !== undefined, end: log.end, sealed,
    active: { firstSeq: active?.firstSeq ?? 1, sizeBytes: status.sizeBytes - log.unfinishedBytes, inode: status.inode },
  };
}
