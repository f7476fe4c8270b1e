/**
 * Opens a project: loads its newest sound snapshot and replays the lines of the log that follow it.
 */
import { AppError } from '../base/app-error.js';
import { logFailure } from '../base/log-failure.js';
import type { Logger } from '../base/logger.js';
import { isProjectEvent } from '../events/event.js';
import type { ProjectSettings } from '../events/project-settings.js';
import type { LogHome, ProvenSeq } from '../log/log-home.js';
import type { Log, LogLine } from '../log/log.js';
import { ProjectModel } from '../projections/project-model.js';
import type { SnapshotFolder } from '../projections/snapshot/snapshot-folder.js';
import type { WindowLimits } from '../projections/requests/request-window.js';
import type { SnapshotManifest } from '../projections/snapshot/snapshot.js';
import type { ValueCache } from '../projections/value-cache.js';
import { logOptionsOf, ProjectStore, type StoreLimits } from '../store/project-store.js';
import type { TurnObserver } from '../store/turn-observer.js';
import type { DiskSpaceForGrowth } from '../store/disk-space-for-growth.js';
import { loadSnapshot, type LoadedSnapshot } from './load-snapshot.js';
import { replayInto } from './replay-into.js';

/** Everything that opening a project needs besides its id. */
export interface OpenProjectOptions {
  readonly home: LogHome;
  readonly settings: ProjectSettings;
  readonly limits: StoreLimits;
  readonly snapshots: SnapshotFolder;
  readonly cache: ValueCache;
  readonly space: DiskSpaceForGrowth;
  /** How much is remembered of requests. @default as for a server with this project alone */
  readonly requests?: WindowLimits | undefined;
  readonly logger: Logger;
  readonly observer?: TurnObserver | undefined;
}

/** Options for opening an existing project. */
interface OpenExistingOptions extends OpenProjectOptions {
  /** The registered log id; undefined: the id in the files. */
  readonly expectedLogId: string | undefined;
  /** The lowest seq that must exist; undefined: the first of the log. */
  readonly firstKeptSeq?: number | undefined;
  /** A seq that the log is known to have reached, from a source outside the log. */
  readonly proven?: ProvenSeq | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called after each replayed line. */
  readonly onReplayed?: ((seq: number) => void) | undefined;
}

/** An open project. */
export interface OpenedProject {
  readonly store: ProjectStore;
  readonly log: Log;
  /** Its sound snapshots, newest first. */
  readonly generations: readonly SnapshotManifest[];
  /**
   * True if opening fell back on an older snapshot or the log, or replayed lines of compressed segments. Until there is a new snapshot,
   * the next startup does so again, and reads of values on disk are slow. @default false
   */
  readonly isSnapshotOverdue?: boolean;
}

/**
 * Opens a project whose log exists.
 *
 * @returns the open project and its model, undefined if there is no log of that name
 * @throws {AppError} `project_corrupt` if the log cannot be trusted
 * @throws {Error} named `UnknownEventError` if a newer version wrote it
 */
export async function openProject(
  id: string, options: OpenExistingOptions,
): Promise<(OpenedProject & { readonly model: ProjectModel }) | undefined> {
  const { home, settings, snapshots, requests, logger, signal } = options;
  const logId = options.expectedLogId ?? (await home.identify(id));
  const isCaching = settings.storage.cache_in_memory;
  const loaded: LoadedSnapshot =
    logId === undefined
      ? { model: new ProjectModel({ isCaching, requests }), used: undefined, generations: [], damaged: [] }
      : await loadSnapshot(snapshots, { logId, isCaching, requests, logger, signal });
  const log = await openOrRelease(id, loaded, options);
  if (log === undefined) return undefined;
  try {
    // The replay checks the signal at each line, but a snapshot may have left no line to replay.
    signal?.throwIfAborted();
    refuseOtherBase(log, loaded);
    refuseOtherSegments(log, loaded.used);
    // A full disk or leftover files of a snapshot must not prevent the project from being opened.
    const message = 'leftover files of snapshots could not be removed; the next startup retries';
    await tidy(snapshots, loaded.damaged, log.base?.seq).catch(logFailure(logger, 'warn', { project: id }, message));
  } catch (error) {
    loaded.model.release();
    await log.close();
    throw error;
  }
  const { model, used, generations } = loaded;
  // The settings of the entry may be stale; those in the log are not.
  const { newest } = model.state;
  if (newest !== undefined) log.configure(logOptionsOf(newest.settings.storage));
  if (used !== undefined) model.noteSnapshot(used);
  const hasReplayedCompressed = (log.sealed?.list() ?? []).some(({ isCompressed, lastSeq }) => isCompressed && lastSeq > (used?.seq ?? 0));
  const isSnapshotOverdue = loaded.damaged.length > 0 || hasReplayedCompressed;
  return { store: makeStore(log, model, options), model, log, generations, isSnapshotOverdue };
}

async function openOrRelease(id: string, loaded: LoadedSnapshot, options: OpenExistingOptions): Promise<Log | undefined> {
  let log: Log | undefined;
  try {
    log = await openLog(id, loaded, options);
    return log;
  } finally {
    if (log === undefined) loaded.model.release();
  }
}

async function openLog(id: string, { model, used }: LoadedSnapshot, options: OpenExistingOptions): Promise<Log | undefined> {
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

/**
 * The log names its base snapshot by digest: an attacker who changed that snapshot could make everything else in it consistent. A line may
 * say that it was made again without some values.
 */
function refuseOtherBase({ base, project }: Log, { used, model }: LoadedSnapshot): void {
  if (base === undefined || used?.seq !== base.seq || used.digest === base.digest) return;
  const again = model.state.redaction?.base;
  if (again?.old === base.digest && again?.new === used.digest) return;
  throw new AppError(
    'project_corrupt',
    `Cannot trust the snapshot that the log of "${project}" continues from: expected the digest ${base.digest ?? 'of its manifest'}, ` +
      `found ${used.digest}, at seq ${base.seq}`,
  );
}

/** Sealed segments never change, and the snapshot has their sizes from when it was made. */
function refuseOtherSegments(log: Log, used: SnapshotManifest | undefined): void {
  const present = new Map((log.sealed?.list() ?? []).map((segment) => [segment.firstSeq, segment]));
  for (const [firstSeq, sizeBytes] of used?.segments ?? []) {
    const found = present.get(firstSeq);
    if (found === undefined || found.sizeBytes === sizeBytes) continue;
    throw new AppError(
      'project_corrupt',
      `Cannot trust "${log.nameOf?.(firstSeq) ?? log.project}" at byte ${Math.min(sizeBytes, found.sizeBytes)}, ` +
        `which begins with seq ${firstSeq}: ` +
        `expected ${sizeBytes} bytes of text as the snapshot of seq ${used?.seq ?? 0} says, found ${found.sizeBytes}`,
    );
  }
}

/** Runs only after the log has proved sound: until then no file of the project changes. */
async function tidy(snapshots: SnapshotFolder, damaged: readonly number[], baseSeq: number | undefined): Promise<void> {
  await snapshots.dropUnfinished();
  // The log has the content of damaged snapshots, and the next snapshot may need their names. The base of the log is kept.
  for (const seq of damaged) if (seq !== baseSeq) await snapshots.remove(seq);
}

function makeStore(log: Log, model: ProjectModel, { limits, cache, space, snapshots, observer }: OpenProjectOptions): ProjectStore {
  const readSnapshotValue = snapshots.readValue.bind(snapshots);
  return new ProjectStore({ log, model, limits, space, cache, readSnapshotValue, observer });
}

/**
 * Creates the empty log of a new project and a store over it. The first command must create the project.
 *
 * @throws {AppError} `project_files_exist`, `disk_full`
 */
export async function openNewProject(id: string, options: OpenProjectOptions & { readonly logId: string }): Promise<OpenedProject> {
  const { home, settings, requests, logId } = options;
  const log = await home.create(id, { ...logOptionsOf(settings.storage), logId });
  const model = new ProjectModel({ isCaching: settings.storage.cache_in_memory, requests });
  return { store: makeStore(log, model, options), log, generations: [] };
}
