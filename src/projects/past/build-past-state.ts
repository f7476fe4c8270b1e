/**
 * Builds one past state: in files, by a background task that reads the log and the snapshots under a lease, or in memory.
 */
import { AppError, withDiskCode } from '../../base/app-error.js';
import type { Clock } from '../../base/clock.js';
import type { FixedProject } from '../../log/fixed-log.js';
import type { BuiltPast } from '../../projections/snapshot/file-work.js';
import type { ScratchFolder } from '../../projections/snapshot/scratch-folder.js';
import type { DiskSpaceForGrowth } from '../../store/disk-space-for-growth.js';
import type { PastState } from '../../store/past-state.js';
import type { ProjectStore } from '../../store/project-store.js';
import type { BackgroundTasks } from '../background-tasks.js';
import type { ProjectLease } from '../backup.js';
import { MemoryState } from './memory-state.js';
import { ScratchState } from './scratch-state.js';

/** What states are built with. */
export interface PastBuildParts {
  readonly tasks: Pick<BackgroundTasks, 'buildPast'>;
  readonly scratch: ScratchFolder;
  /** Absolute path of the data folder. */
  readonly dataFolder: string;
  readonly space: DiskSpaceForGrowth;
  readonly clock: Clock;
  /** Space for all past states, in bytes. */
  readonly bytesMax: number;
  /** Takes a lease on the files of a project; undefined if it is not on disk, or about to be moved or deleted. */
  readonly leaseFiles: (project: string) => Promise<ProjectLease | undefined>;
}

/** A state to build. */
interface StateBuild {
  readonly store: ProjectStore;
  readonly seq: number;
  readonly signal: AbortSignal;
  /** Called when a later read finds the state damaged. */
  readonly onDamage: (error: Error) => void;
}

/** A state that was built. */
interface BuiltState {
  readonly state: PastState;
  /** Size in files, or in memory. */
  readonly bytes: number;
  /** Ends its readings and removes it. */
  readonly remove: (reason: AppError) => Promise<void>;
}

/** Besides the state itself, a build needs room for what it sorts. */
const BUILD_SPACE_FACTOR = 2;

/**
 * Builds a state.
 *
 * @throws {AppError} as `PastStates.lease`
 */
export async function buildPastState(parts: PastBuildParts, build: StateBuild): Promise<BuiltState> {
  const { store, seq, signal } = build;
  try {
    return await (store.isOnDisk ? inFiles(parts, build) : inMemory(parts, build));
  } catch (error) {
    signal.throwIfAborted();
    const name = error instanceof Error ? error.name : '';
    if (name === 'OutOfReachError' || name === 'LinesDroppedError') throw historyGone(store, seq);
    if (name === 'SnapshotCorruptError' && error instanceof Error) throw new AppError('project_corrupt', error.message, { cause: error });
    throw withDiskCode(error, `Cannot build the past state of "${store.id}" at seq ${seq}`);
  }
}

async function inMemory({ bytesMax }: PastBuildParts, { store, seq, signal }: StateBuild): Promise<BuiltState> {
  if (store.feed.oldestSeq > 1) throw historyGone(store, seq);
  const { state, bytes } = await MemoryState.build(store.feed, seq, signal);
  if (bytes > bytesMax) throw tooLarge(bytesMax);
  return { state, bytes, remove: (reason) => Promise.resolve(state.end(reason)) };
}

async function inFiles(parts: PastBuildParts, { store, seq, signal, onDamage }: StateBuild): Promise<BuiltState> {
  const { scratch, space } = parts;
  const lease = await parts.leaseFiles(store.id);
  if (lease === undefined) throw new AppError('busy', `Cannot build a past state of "${store.id}": the project is about to change place`);
  let into: string | undefined;
  try {
    const fixed = lease.fix();
    if (!reaches(fixed, seq)) throw historyGone(store, seq);
    await space.refresh(0);
    signal.throwIfAborted();
    into = await scratch.make();
    const folder = into;
    const { timeMs, generation } = await build(parts, { store, seq, signal }, folder);
    const keys = scratch.open(folder, generation);
    const state = new ScratchState({ seq, timeMs }, keys, onDamage);
    const remove = async (reason: AppError): Promise<void> => {
      await state.end(reason);
      await scratch.remove(folder);
    };
    return { state, bytes: generation.json.sizeBytes + generation.index.sizeBytes, remove };
  } catch (error) {
    if (into !== undefined) await scratch.remove(into).catch(() => undefined);
    throw error;
  } finally {
    lease.release();
  }
}

/** Growth of the disk is left to writers: a build gets half of what it could take, since it sorts what it writes. */
async function build(
  { tasks, dataFolder, space, bytesMax }: PastBuildParts, { store, seq, signal }: Omit<StateBuild, 'onDamage'>, into: string,
): Promise<BuiltPast> {
  const freeBytes = Math.floor(space.largestBytes / BUILD_SPACE_FACTOR);
  if (freeBytes <= 0) throw new AppError('disk_full', `Cannot build a past state of "${store.id}": the disk is nearly full`);
  const job = { dataFolder, project: store.id, logId: store.logId, toSeq: seq, into, bytesMax: Math.min(bytesMax, freeBytes) };
  try {
    return await tasks.buildPast(job, signal);
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'state_too_large')) throw error;
    if (bytesMax <= freeBytes) throw tooLarge(bytesMax);
    const message = `Cannot build a past state of "${store.id}": it needs more than the ${freeBytes} bytes that the disk has for it`;
    throw new AppError('disk_full', message, { cause: error });
  }
}

/** Whether lines or snapshots lead to a state. */
function reaches({ firstSeq, snapshots }: FixedProject, seq: number): boolean {
  return firstSeq === 1 || snapshots.some((snapshot) => snapshot >= firstSeq - 1 && snapshot <= seq);
}

function historyGone(store: ProjectStore, seq: number): AppError {
  const message = `Cannot read the state at seq ${seq}: the lines up to there are no longer kept, and no snapshot has their state`;
  return new AppError('history_gone', message, { facts: { oldest_seq: store.feed.oldestSeq, snapshot_seq: store.snapshot?.seq ?? null } });
}

function tooLarge(limit: number): AppError {
  return new AppError('state_too_large', `Cannot build this past state: it needs more than ${limit} bytes`, { facts: { limit } });
}
