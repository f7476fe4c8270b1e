/**
 * Schedules compactions: at each project's interval, on request, and at shutdown. Runs one at a time, so that a server with many
 * projects does not read and write all of them at once. A failed compaction is reported by readiness and retried with exponential
 * backoff; if files are damaged, only on request and after the next startup. It never blocks writes. The only file of this folder that
 * others use.
 */
import pLimit from 'p-limit';
import { AppError } from '../../base/app-error.js';
import { invariant } from '../../base/invariant.js';
import { logFailure } from '../../base/log-failure.js';
import type { SnapshotFolder } from '../../projections/snapshot/snapshot-folder.js';
import type { CommandContext } from '../../store/command.js';
import type { ProjectStore } from '../../store/project-store.js';
import type { ProjectLease } from '../backup.js';
import type { MaintenanceObserver } from '../maintenance-observer.js';
import type { OpenedProject } from '../open-project.js';
import type { CompactionResult } from '../projects.js';
import type { RedactionRequest, RedactionResult } from '../redaction.js';
import { adviceOnServed } from '../refusal.js';
import { isDamage, toCompactionError } from './damaged-snapshot.js';
import { type CompactionParts, ProjectCompaction } from './project-compaction.js';

/** Interval between checks for due compactions, in milliseconds; the setting has whole seconds. */
const CHECK_INTERVAL_MS = 1000;
const MS_PER_SECOND = 1000;
/** Longest wait between two attempts after failures, in milliseconds. */
const BACKOFF_MS_MAX = 3_600_000;
/** Number of failures after which the wait stops doubling. */
const DOUBLINGS_MAX = 16;
/** Shortest wait before a damaged snapshot is rebuilt, in milliseconds: a failing disk must not keep the server busy. */
const REBUILD_WAIT_MS = 10_000;

const FAILED = 'a snapshot could not be made; nothing is lost, and the next startup takes longer';
const DAMAGED =
  'a snapshot could not be made because files of the project are damaged; it is retried on request and after the next startup';

/** What all compactions share. */
export interface CompactorOptions extends Omit<CompactionParts, 'store' | 'log' | 'snapshots'> {
  readonly snapshots: (project: string) => SnapshotFolder;
  /** Path of the configuration, quoted in advice. */
  readonly configPath: string;
  /** Interval between checks for due compactions, in milliseconds. @default 1000 */
  readonly checkIntervalMs?: number;
  readonly observer?: MaintenanceObserver | undefined;
}

/** A project that is compacted. */
interface Watched {
  readonly compaction: ProjectCompaction;
  /** Aborted when the project is released. */
  readonly abort: AbortController;
  /** Consecutive failures. */
  failures: number;
  /** Damage that the last attempt found. Until it changes, automatic retries would only find and report it again. */
  damage: string | undefined;
  /**
   * Monotonic time of the last attempt, or of the last check that found nothing due; infinity during an attempt. The wait is computed
   * at each check, because settings change.
   */
  triedAtMs: number;
  /** The compaction in progress. */
  running: Promise<unknown>;
  /** The queued compaction. Requests that arrive before it starts share it, so that frequent requests build no queue. */
  queued: Promise<CompactionResult> | undefined;
}

/** Compacts projects. */
export class Compactor {
  readonly #options: CompactorOptions;
  readonly #watched = new Map<string, Watched>();
  readonly #one = pLimit(1);
  /** Aborted at shutdown: the next startup writes the remaining readable snapshots. */
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: CompactorOptions) {
    this.#options = options;
  }

  /** Starts the periodic checks and immediately schedules the compactions that startup found overdue. */
  start(): void {
    this.#timer ??= setInterval(() => this.#requestDue(), this.#options.checkIntervalMs ?? CHECK_INTERVAL_MS).unref();
    for (const watched of this.#watched.values()) this.#catchUp(watched);
  }

  /** Makes the snapshot that startup had to do without, or the readable snapshot that a shutdown or an older version left outdated. */
  #catchUp({ compaction }: Watched): void {
    const { id } = compaction.store;
    if (compaction.isOverdue) this.request(id);
    else this.refreshReadable(id);
  }

  /** Number of projects whose last compaction failed. */
  get failingCount(): number {
    return [...this.#watched.values()].filter(({ failures }) => failures > 0).length;
  }

  /** Number of projects whose readable snapshot could not be updated. */
  get readableFailingCount(): number {
    return [...this.#watched.values()].filter(({ compaction }) => compaction.isReadableFailing).length;
  }

  /** Compacts a project from now on. */
  watch({ store, log, generations, isSnapshotOverdue }: OpenedProject): void {
    const parts = { ...this.#options, store, log, snapshots: this.#options.snapshots(store.id) };
    this.resume(new ProjectCompaction(parts, generations, isSnapshotOverdue));
  }

  /** Compacts a released project again. */
  resume(compaction: ProjectCompaction): void {
    const { id } = compaction.store;
    invariant(!this.#watched.has(id), 'a project is watched once');
    const triedAtMs = this.#options.clock.monotonicMs();
    const untried = { failures: 0, damage: undefined, running: Promise.resolve(), queued: undefined };
    const watched: Watched = { compaction, abort: new AbortController(), triedAtMs, ...untried };
    this.#watched.set(id, watched);
    // Startup opens all projects before the first one is compacted.
    if (this.#timer !== undefined) this.#catchUp(watched);
  }

  /** Queues an update of `<project>.json` to the newest snapshot and the settings. */
  refreshReadable(id: string): void {
    const watched = this.#watched.get(id);
    if (watched === undefined) return;
    void this.#one(async () => {
      const signal = AbortSignal.any([watched.abort.signal, this.#stop.signal]);
      if (signal.aborted) return;
      const work = watched.compaction.refreshReadable(signal);
      watched.running = work;
      await work;
    });
  }

  /**
   * Stops compacting a project. After it resolves, no compaction of the project writes to disk.
   *
   * @returns resumes, for a caller whose own change did not happen
   */
  async release(id: string): Promise<() => void> {
    const watched = this.#watched.get(id);
    if (watched === undefined) return () => undefined;
    this.#watched.delete(id);
    watched.abort.abort(new AppError('project_not_found', `Cannot compact the project "${id}": it is being deleted or moved`));
    await watched.running;
    return () => this.resume(watched.compaction);
  }

  /**
   * Compacts a project now.
   *
   * @returns the snapshot that holds everything that was durable at the time of the call
   * @throws {AppError} `not_on_disk`, `disk_full`, `project_corrupt`, `compaction_failed`
   */
  async compact(id: string, context?: CommandContext): Promise<CompactionResult> {
    const watched = this.#watched.get(id);
    if (watched === undefined) throw new AppError('not_on_disk', `Cannot make a snapshot of the project "${id}": it is not on disk`);
    // Keeps the periodic check from requesting it again before it is done.
    watched.triedAtMs = Number.POSITIVE_INFINITY;
    const queued = watched.queued ?? this.#one(() => this.#run(watched, context));
    watched.queued = queued;
    return await queued;
  }

  /**
   * Erases values of a project on disk; see `ProjectCompaction.redact`.
   *
   * @throws {AppError} `busy` while the project is moved
   */
  async redact(id: string, request: RedactionRequest, context: CommandContext): Promise<RedactionResult> {
    const watched = this.#watched.get(id);
    if (watched === undefined) throw new AppError('busy', `Cannot erase values of the project "${id}": it is being moved`);
    return await this.#one(() => this.#redact(watched, request, context));
  }

  async #redact(watched: Watched, request: RedactionRequest, context: CommandContext): Promise<RedactionResult> {
    const { compaction, abort } = watched;
    abort.signal.throwIfAborted();
    const work = compaction.redact(request, abort.signal, context);
    watched.running = Promise.allSettled([work]);
    try {
      return await work;
    } catch (error) {
      // Retried like a compaction that failed, because it was recorded.
      if (compaction.isErasing && !abort.signal.aborted) {
        watched.failures += 1;
        watched.triedAtMs = this.#options.clock.monotonicMs();
        this.#report(watched, error);
      }
      throw error;
    }
  }

  /** Whether a redaction of a project was recorded whose values may still be in files. */
  isErasing(id: string): boolean {
    return this.#watched.get(id)?.compaction.isErasing === true;
  }

  /**
   * Takes a lease on the files of a project.
   *
   * @returns undefined if it is not on disk
   */
  async lease(id: string): Promise<ProjectLease | undefined> {
    return await this.#watched.get(id)?.compaction.lease();
  }

  async #run(watched: Watched, context: CommandContext | undefined): Promise<CompactionResult> {
    const { compaction, abort } = watched;
    watched.queued = undefined;
    abort.signal.throwIfAborted();
    const { clock, observer } = this.#options;
    const startMs = clock.monotonicMs();
    const report = (outcome: 'ok' | 'failed' | 'aborted'): void => {
      observer?.compacted(compaction.store.id, outcome, clock.monotonicMs() - startMs);
    };
    const work = compaction.run(abort.signal, context);
    // Only a started compaction is awaited by release(): a queued one may be behind many others.
    watched.running = Promise.allSettled([work]);
    try {
      const result = await work;
      watched.failures = 0;
      watched.damage = undefined;
      report('ok');
      return result;
    } catch (error) {
      report(abort.signal.aborted ? 'aborted' : 'failed');
      if (abort.signal.aborted) throw abort.signal.reason;
      watched.failures += 1;
      this.#report(watched, error);
      throw toCompactionError(error);
    } finally {
      // Another one may be queued already.
      if (watched.queued === undefined) watched.triedAtMs = this.#options.clock.monotonicMs();
    }
  }

  /** Reports damage once: it stays the same, and the caller of the compaction gets the error anyway. */
  #report(watched: Watched, error: unknown): void {
    const { logger, configPath } = this.#options;
    const { compaction: { store: { id: project } }, failures } = watched;
    const before = watched.damage;
    watched.damage = isDamage(error) ? error.message : undefined;
    if (watched.damage === undefined) {
      logger.error({ project, failures, next_try_seconds: waitMsOf(watched) / MS_PER_SECOND, err: error }, FAILED);
    } else if (watched.damage !== before) {
      logger.error({ project, err: error, what_to_do: adviceOnServed({ project, configPath }) }, DAMAGED);
    }
  }

  #requestDue(): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const [id, watched] of this.#watched) {
      const { compaction, failures, damage, triedAtMs } = watched;
      if (damage !== undefined) continue;
      if (failures === 0 && nowMs - triedAtMs >= REBUILD_WAIT_MS && compaction.hasDamagedSnapshot) this.request(id, true);
      if (intervalMsOf(compaction.store) === 0 && failures === 0) continue;
      if (nowMs - triedAtMs >= waitMsOf(watched)) this.request(id);
    }
  }

  /**
   * Queues a compaction of a project if one is due. Failures are logged and retried.
   *
   * @param isForced true: even if none is due
   */
  request(id: string, isForced = false): void {
    const watched = this.#watched.get(id);
    if (watched === undefined) return;
    if (!isForced && !watched.compaction.isDue && watched.failures === 0) {
      watched.triedAtMs = this.#options.clock.monotonicMs();
      return;
    }
    void this.compact(id).catch(logFailure(this.#options.logger, 'debug', { project: id }, 'a compaction ended without a snapshot'));
  }

  /**
   * Stops the checks and makes the due snapshots while time allows; a missing one only makes the next startup slower.
   *
   * @param limitMs time for the due snapshots, in milliseconds
   */
  async close(limitMs: number): Promise<void> {
    clearInterval(this.#timer);
    this.#stop.abort();
    const due = [...this.#watched].filter(([, { compaction, failures }]) => failures === 0 && compaction.isDue);
    const runs = due.map(([id]) => this.compact(id));
    const timer = setTimeout(() => {
      const reason = new AppError('shutting_down', 'Cannot finish the snapshot: the server is shutting down');
      for (const { abort } of this.#watched.values()) abort.abort(reason);
    }, limitMs);
    await Promise.allSettled(runs);
    clearTimeout(timer);
    await Promise.all([...this.#watched.keys()].map((id) => this.release(id)));
  }
}

function intervalMsOf(store: ProjectStore): number {
  return store.settings.storage.compaction.interval_seconds * MS_PER_SECOND;
}

/**
 * Wait between the last attempt and the next: the interval; after failures at least a second, doubled with each failure from the second
 * on, up to an hour. Never shorter than the interval.
 */
function waitMsOf({ compaction, failures }: Watched): number {
  const intervalMs = intervalMsOf(compaction.store);
  if (failures === 0) return intervalMs;
  const doublings = Math.min(failures - 1, DOUBLINGS_MAX);
  return Math.max(intervalMs, Math.min(Math.max(intervalMs, MS_PER_SECOND) * 2 ** doublings, BACKOFF_MS_MAX));
}
