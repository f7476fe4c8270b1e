/**
 * From files to a project's store: the newest snapshot that holds, and the lines of the log that follow it.
 */
import { AppError } from '../base/app-error.js';
import { logFailure } from '../base/log-failure.js';
import type { Logger } from '../base/logger.js';
import { isProjectEvent } from '../events/event.js';
import type { ProjectSettings } from '../events/project-settings.js';
import type { Log, LogHome, LogLine, ProvenSeq } from '../log/log.js';
import { ProjectModel } from '../projections/project-model.js';
import type { CommittedManifest, SnapshotFolder } from '../projections/snapshot/snapshot-folder.js';
import type { SnapshotManifest } from '../projections/snapshot/snapshot.js';
import type { ValueCache } from '../projections/value-cache.js';
import { logOptionsOf, ProjectStore, type StoreLimits } from '../store/project-store.js';
import type { DiskSpaceForGrowth } from '../store/disk-space-for-growth.js';
import { loadSnapshot, type LoadedSnapshot } from './load-snapshot.js';
import { replayInto } from './replay.js';

/** Segments are named by their first seq in so many digits. */
const SEGMENT_DIGITS = 20;

/** What opening a project needs besides its id. */
export interface OpenProjectOptions {
  readonly home: LogHome;
  readonly settings: ProjectSettings;
  readonly limits: StoreLimits;
  /** The project's snapshots. */
  readonly snapshots: SnapshotFolder;
  /** Shared by all projects. */
  readonly cache: ValueCache;
  readonly room: DiskSpaceForGrowth;
  readonly logger: Logger;
}

/** What is known of the log beforehand, and what ends the opening. */
export interface ReplayOptions {
  /** The log id that is registered. */
  readonly expectedLogId: string | undefined;
  /** The lowest seq that must be there; absent: the first of the log. */
  readonly firstKeptSeq?: number | undefined;
  /** A seq that is recorded elsewhere of the log; absent: none. */
  readonly proven?: ProvenSeq | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told of each line that was replayed. */
  readonly onReplayed?: ((seq: number) => void) | undefined;
}

/** A project that is open. */
export interface OpenedProject {
  readonly store: ProjectStore;
  readonly log: Log;
  /** Its snapshots that hold, newest first. */
  readonly generations: readonly SnapshotManifest[];
  /**
   * True when the start fell back on an older snapshot or on the log, or replayed lines of compressed segments: until there is a new
   * snapshot the next start does so again, and values on disk are read from where it is slow. @default false
   */
  readonly isSnapshotOverdue?: boolean;
}

/**
 * Opens a project whose log exists.
 *
 * @param options home, settings, limits, the log id that is registered, and what ends the replay
 * @returns the open project and its model, undefined when there is no log of that name
 * @throws {AppError} `project_corrupt` when the log cannot be trusted
 * @throws {Error} named `UnknownEventError` when a newer version wrote it
 */
export async function openProject(
  id: string,
  options: OpenProjectOptions & ReplayOptions,
): Promise<(OpenedProject & { readonly model: ProjectModel }) | undefined> {
  const { home, settings, snapshots, logger, signal } = options;
  const logId = options.expectedLogId ?? (await home.identify(id));
  const isCaching = settings.storage.cache_in_memory;
  const loaded: LoadedSnapshot =
    logId === undefined
      ? { model: new ProjectModel({ isCaching }), used: undefined, generations: [], damaged: [] }
      : await loadSnapshot(snapshots, { logId, isCaching, logger, signal });
  const log = await openLog(id, loaded, options);
  if (log === undefined) return undefined;
  try {
    // A snapshot may have left no line to be replayed, and so nothing that asked.
    signal?.throwIfAborted();
    refuseOtherBase(log, loaded.used);
    refuseOtherSegments(log, loaded.used);
    // Neither a full disk nor what remains of a snapshot keeps anybody from the log.
    const message = 'what is left of snapshots could not be tidied up; the next start tries again';
    await tidy(snapshots, loaded.damaged, log.base?.seq).catch(logFailure(logger, 'warn', { project: id }, message));
  } catch (error) {
    await log.close();
    throw error;
  }
  const { model, used, generations } = loaded;
  // The entry that the log was opened by may be stale; the log knows better.
  const { newest } = model.state;
  if (newest !== undefined) log.configure(logOptionsOf(newest.settings.storage));
  if (used !== undefined) model.noteSnapshot(used.seq);
  const hasReplayedCompressed = (log.sealed?.list() ?? []).some(({ isCompressed, lastSeq }) => isCompressed && lastSeq > (used?.seq ?? 0));
  const isSnapshotOverdue = loaded.damaged.length > 0 || hasReplayedCompressed;
  return { store: makeStore(log, model, options), model, log, generations, isSnapshotOverdue };
}

async function openLog(id: string, { model, used }: LoadedSnapshot, options: OpenProjectOptions & ReplayOptions): Promise<Log | undefined> {
  const apply = replayInto(model, 'a project', isProjectEvent);
  const replay = (line: LogLine): void => {
    options.signal?.throwIfAborted();
    apply(line);
    options.onReplayed?.(line.seq);
  };
  const { expectedLogId, firstKeptSeq, proven } = options;
  return await options.home.open(id, {
    ...logOptionsOf(options.settings.storage),
    ...(expectedLogId === undefined ? {} : { expectedLogId }),
    ...(used === undefined ? {} : { known: { seq: used.seq, hash: used.hash, timeMs: used.timeMs } }),
    ...(firstKeptSeq === undefined ? {} : { firstKeptSeq }),
    proven,
    replay,
  });
}

/** The log names the snapshot that it goes on from by its digest: an attacker who changed that snapshot could make all else in it fit. */
function refuseOtherBase({ base, project }: Log, used: CommittedManifest | undefined): void {
  if (base === undefined || used?.seq !== base.seq || used.digest === base.digest) return;
  throw new AppError(
    'project_corrupt',
    `Cannot trust the snapshot that the log of "${project}" goes on from: expected the digest ${base.digest ?? 'of its manifest'}, ` +
      `found ${used.digest}, at seq ${base.seq}`,
  );
}

/** Sealed segments never change; the snapshot remembers how long they were when it was made. */
function refuseOtherSegments(log: Log, used: SnapshotManifest | undefined): void {
  const present = new Map((log.sealed?.list() ?? []).map((segment) => [segment.firstSeq, segment]));
  for (const [firstSeq, sizeBytes] of used?.segments ?? []) {
    const found = present.get(firstSeq);
    if (found === undefined || found.sizeBytes === sizeBytes) continue;
    const name = `${String(firstSeq).padStart(SEGMENT_DIGITS, '0')}.jsonl${found.isCompressed ? '.gz' : ''}`;
    throw new AppError(
      'project_corrupt',
      `Cannot trust "${log.project}/${name}" at byte ${Math.min(sizeBytes, found.sizeBytes)}, which begins with seq ${firstSeq}: ` +
        `expected ${sizeBytes} bytes of text as the snapshot of seq ${used?.seq ?? 0} says, found ${found.sizeBytes}`,
    );
  }
}

/** Only once the log has proved sound: until then nothing of the project is changed. */
async function tidy(snapshots: SnapshotFolder, damaged: readonly number[], baseSeq: number | undefined): Promise<void> {
  await snapshots.dropUnfinished();
  // What they said can be said again from the log, and the next snapshot may need their names; but for what the log begins after.
  for (const seq of damaged) if (seq !== baseSeq) await snapshots.remove(seq);
}

function makeStore(log: Log, model: ProjectModel, { limits, cache, room, snapshots }: OpenProjectOptions): ProjectStore {
  const readSnapshotValue = snapshots.readValue.bind(snapshots);
  return new ProjectStore({ log, model, limits, room, cache, readSnapshotValue });
}

/**
 * Makes a new project's empty log and a store over it; the first command it is given must create the project.
 *
 * @throws {AppError} `project_files_exist`, `disk_full`
 */
export async function createProject(id: string, options: OpenProjectOptions & { readonly logId: string }): Promise<OpenedProject> {
  const { home, settings, logId } = options;
  const log = await home.create(id, { ...logOptionsOf(settings.storage), logId });
  const model = new ProjectModel({ isCaching: settings.storage.cache_in_memory });
  return { store: makeStore(log, model, options), log, generations: [] };
}
