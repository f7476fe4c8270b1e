/**
 * Backups of a running server: fixes what one project, or all of them, have on disk at one moment, and keeps those files until they were
 * copied. Writes and compactions continue; only what is leased is removed later.
 */
import type { Clock } from '../base/clock.js';
import { AppError } from '../base/app-error.js';
import type { BackupPlan, FixedProject, SkippedProject } from '../log/fixed-log.js';
import type { RegisteredProject } from '../store/project-table.js';
import type { ProjectServices } from './project-resources.js';

/** The bytes of a backup. */
interface BackupBytes {
  /** Size of the whole backup in bytes. */
  readonly sizeBytes: number;
  /** Reads the backup, once. */
  pieces(): AsyncIterable<Buffer>;
}

/** Makes the bytes of a backup out of files; knows no live project. */
export type BackupMaker = (plan: BackupPlan) => Promise<BackupBytes>;

/** A backup that is about to be read. */
export interface Backup extends BackupBytes {
  /** The moment at which it was fixed, in milliseconds since 1970. */
  readonly timeMs: number;
  /** Gives its files free. To be called once it was read, or is not wanted any more. Idempotent. */
  release(): void;
}

/** The files of a project, none of which is removed or replaced. */
export interface ProjectLease {
  /** Fixes which files hold the project now, and from now on keeps only these. */
  fix(): FixedProject;
  /** As `Log.sync`. */
  sync(): Promise<void>;
  /** Idempotent. */
  release(): void;
}

/** What is fixed, and the leases on its files. */
interface FixedBackup {
  readonly plan: BackupPlan;
  readonly leases: readonly ProjectLease[];
}

/**
 * Fixes a backup. No project is created, deleted or moved meanwhile.
 *
 * @param id a served project; undefined for all projects
 * @throws {AppError} `not_on_disk`; `busy` while values of a project are being erased
 */
export async function fixBackup(
  { table, registry, maintenance: { compactor } }: ProjectServices, clock: Clock, id: string | undefined,
): Promise<FixedBackup> {
  const chosen = id === undefined ? table.list() : [table.get(id)].filter((found) => found !== undefined);
  const skipped = chosen.flatMap((project) => reasonToSkip(project) ?? []);
  if (id === undefined) {
    const known = new Set(chosen.map(idOf));
    const unserved = registry.registrations.liveIds.filter((each) => !known.has(each));
    skipped.push(...unserved.map((each) => ({ id: each, reason: 'project_not_served' })));
  } else if (skipped.length > 0) {
    throw new AppError('not_on_disk', `Cannot back up the project "${id}": it is not on disk`);
  }
  const ids = chosen.map(idOf).filter((each) => !skipped.some((other) => other.id === each));
  const leases = await takeAll(ids.map((each) => compactor.lease(each)));
  // Nothing is awaited from here on: the logs are fixed at one moment, so none of them is ahead of the registry.
  const projects: FixedProject[] = leases.map((lease) => lease.fix());
  return { plan: { timeMs: clock.wallMs(), registry: id === undefined ? registry.extent() : undefined, projects, skipped }, leases };
}

/** Waits for all leases; if one is refused, gives back the others. */
async function takeAll(taking: readonly Promise<ProjectLease | undefined>[]): Promise<readonly ProjectLease[]> {
  const taken = await Promise.allSettled(taking);
  const leases = taken.map((one) => (one.status === 'fulfilled' ? one.value : undefined)).filter((lease) => lease !== undefined);
  const refused = taken.find((one) => one.status === 'rejected');
  if (refused === undefined) return leases;
  for (const lease of leases) lease.release();
  throw refused.reason;
}

function idOf(project: RegisteredProject): string {
  return project.kind === 'served' ? project.store.id : project.project.id;
}

function reasonToSkip(project: RegisteredProject): SkippedProject | undefined {
  if (project.kind === 'refused') return { id: project.project.id, reason: project.project.code };
  return project.store.isOnDisk ? undefined : { id: project.store.id, reason: 'not_on_disk' };
}

/**
 * Prepares the bytes of a fixed backup.
 *
 * @throws {AppError} `log_failed`, `outcome_unknown` if lines in it cannot be made durable
 */
export async function prepareBackup({ plan, leases }: FixedBackup, make: BackupMaker): Promise<Backup> {
  const release = (): void => leases.forEach((lease) => lease.release());
  try {
    // Under `interval` and `os` its last lines may not be on disk yet.
    for (const lease of leases) await lease.sync();
    const bytes = await make(plan);
    return { sizeBytes: bytes.sizeBytes, pieces: () => bytes.pieces(), timeMs: plan.timeMs, release };
  } catch (error) {
    release();
    throw error;
  }
}
