/**
 * When which project is compacted: at intervals where it is due, on request, and at a stop. One at a time, so that a
 * server with many projects does not read and write all of them at once. A project whose compaction fails is tried again ever
 * more seldom, and shows it; nothing of it stops writes.
 */
import pLimit from 'p-limit';
import { AppError } from '../base/app-error.js';
import type { Clock } from '../base/clock.js';
import { invariant } from '../base/invariant.js';
import { logFailure } from '../base/log-failure.js';
import type { Logger } from '../base/logger.js';
import type { Log } from '../log/log.js';
import type { CommandContext } from '../store/command.js';
import type { ProjectStore } from '../store/project-store.js';
import { isDamage } from './damaged-snapshot.js';
import { type ProjectCompaction, toCompactionError } from './project-compaction.js';
import type { CompactionResult } from './projects.js';
import { adviceOnServed } from './refusal.js';

/** Interval between checks for due compactions, in milliseconds; the setting has whole seconds. */
const LOOK_INTERVAL_MS = 1000;
const MS_PER_SECOND = 1000;
/** A compaction that failed is tried again after its interval, then after twice that, and so on up to this, in milliseconds. */
const BACKOFF_MS_MAX = 3_600_000;
/** After how many failures the time between two tries does not double any more. */
const DOUBLINGS_MAX = 16;

/**
 * How long after the last try a snapshot that has proved damaged is made anew, in milliseconds: a disk that fails must not keep the
 * server busy.
 */
const MEND_WAIT_MS = 10_000;

const FAILED = 'a snapshot could not be made; nothing is lost, and the start takes longer';
const DAMAGED =
  'a snapshot could not be made, since files of the project are damaged; it is tried again when it is asked for, and after the next start';

/** A project that is compacted. */
interface Watched {
  readonly compaction: ProjectCompaction;
  readonly log: Log;
  /** Raised when the project goes. */
  readonly abort: AbortController;
  /** Raised by the last call that ended. */
  failures: number;
  /** What the last call that ended said of damage: trying again by itself would only read and report the same again. */
  damage: string | undefined;
  /**
   * When it was last tried, or looked at and not due, by the monotonic clock; infinity while it is tried. How long that is good
   * for is asked anew at each look, since settings change.
   */
  triedAtMs: number;
  /** What goes on. */
  running: Promise<unknown>;
  /** What waits for its turn: requests that come meanwhile are served by it too, so that asking often does not make a queue. */
  waiting: Promise<CompactionResult> | undefined;
}

/** Compacts projects. */
export class Compactor {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #lookIntervalMs: number;
  readonly #configPath: string;
  readonly #watched = new Map<string, Watched>();
  readonly #one = pLimit(1);
  /** Raised at a stop: readable snapshots are written by the next start. */
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param parts clock, where failures are logged, the configuration's path, which advice names, and the interval between checks for due
   *   compactions, in milliseconds: a second by default
   */
  constructor(parts: { readonly clock: Clock; readonly logger: Logger; readonly configPath: string; readonly lookIntervalMs?: number }) {
    this.#clock = parts.clock;
    this.#logger = parts.logger;
    this.#configPath = parts.configPath;
    this.#lookIntervalMs = parts.lookIntervalMs ?? LOOK_INTERVAL_MS;
  }

  /** Begins to look at intervals, and makes up at once for what the start found missing. */
  start(): void {
    this.#timer ??= setInterval(() => this.#look(), this.#lookIntervalMs).unref();
    for (const watched of this.#watched.values()) this.#catchUp(watched);
  }

  /** A snapshot where the start fell back, and readable snapshots that a stop or an older version left behind. */
  #catchUp({ compaction }: Watched): void {
    const { id } = compaction.store;
    if (compaction.isOverdue) this.request(id);
    else this.refreshReadable(id);
  }

  /** How many projects could not be compacted when it was last tried. */
  get failingCount(): number {
    return [...this.#watched.values()].filter(({ failures }) => failures > 0).length;
  }

  /** How many projects have a readable snapshot that could not be brought up to date. */
  get readableFailingCount(): number {
    return [...this.#watched.values()].filter(({ compaction }) => compaction.isReadableFailing).length;
  }

  /** Compacts a project from now on. */
  watch(compaction: ProjectCompaction, log: Log): void {
    const { id } = compaction.store;
    invariant(!this.#watched.has(id), 'a project is watched once');
    const triedAtMs = this.#clock.monotonicMs();
    const abort = new AbortController();
    const untried = { failures: 0, damage: undefined, running: Promise.resolve(), waiting: undefined };
    const watched: Watched = { compaction, log, abort, triedAtMs, ...untried };
    this.#watched.set(id, watched);
    // At a start all projects are opened first.
    if (this.#timer !== undefined) this.#catchUp(watched);
  }

  /** Soon brings `<project>.json` up to date with the newest snapshot and the settings. */
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
   * Leaves a project alone: ends what goes on. When it resolves, nothing writes to its files any more.
   *
   * @returns goes on with the project, where what it was left alone for did not happen
   */
  async release(id: string): Promise<() => void> {
    const watched = this.#watched.get(id);
    if (watched === undefined) return () => undefined;
    this.#watched.delete(id);
    watched.abort.abort(new AppError('project_not_found', `Cannot compact the project "${id}": it is leaving`));
    await watched.running;
    return () => this.watch(watched.compaction, watched.log);
  }

  /**
   * Compacts a project now.
   *
   * @returns the snapshot that holds everything that was durable when the call was made
   * @throws {AppError} `not_on_disk`, `disk_full`, `project_corrupt`, `compaction_failed`
   */
  async compact(id: string, context?: CommandContext): Promise<CompactionResult> {
    const watched = this.#watched.get(id);
    if (watched === undefined) throw new AppError('not_on_disk', `Cannot make a snapshot of the project "${id}": it is not on disk`);
    // Nothing looks at it again until it is done.
    watched.triedAtMs = Number.POSITIVE_INFINITY;
    const waiting = watched.waiting ?? this.#one(() => this.#run(watched, context));
    watched.waiting = waiting;
    return await waiting;
  }

  async #run(watched: Watched, context: CommandContext | undefined): Promise<CompactionResult> {
    const { compaction, log, abort } = watched;
    watched.waiting = undefined;
    abort.signal.throwIfAborted();
    const work = compaction.run(log, abort.signal, context);
    // Only what has begun is waited for: behind it in the queue others may take long.
    watched.running = Promise.allSettled([work]);
    try {
      const result = await work;
      watched.failures = 0;
      watched.damage = undefined;
      return result;
    } catch (error) {
      if (abort.signal.aborted) throw abort.signal.reason;
      watched.failures += 1;
      this.#report(watched, error);
      throw toCompactionError(error);
    } finally {
      // Another one may wait for its turn already.
      if (watched.waiting === undefined) watched.triedAtMs = this.#clock.monotonicMs();
    }
  }

  /** Damage is reported once: it is the same each time, and a request gets its answer anyway. */
  #report(watched: Watched, error: unknown): void {
    const { compaction: { store: { id: project } }, failures } = watched;
    const before = watched.damage;
    watched.damage = isDamage(error) ? error.message : undefined;
    if (watched.damage === undefined) {
      this.#logger.error({ project, failures, next_try_seconds: waitMsOf(watched) / MS_PER_SECOND, err: error }, FAILED);
    } else if (watched.damage !== before) {
      const whatToDo = adviceOnServed({ project, configPath: this.#configPath });
      this.#logger.error({ project, err: error, what_to_do: whatToDo }, DAMAGED);
    }
  }

  #look(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [id, watched] of this.#watched) {
      const { compaction, failures, damage, triedAtMs } = watched;
      if (damage !== undefined) continue;
      if (failures === 0 && nowMs - triedAtMs >= MEND_WAIT_MS && compaction.hasDamagedSnapshot) this.request(id, true);
      if (intervalMsOf(compaction.store) === 0 && failures === 0) continue;
      if (nowMs - triedAtMs >= waitMsOf(watched)) this.request(id);
    }
  }

  /**
   * Compacts a project soon if that is due. Failures are logged, and tried again.
   *
   * @param isForced true: also where it is not due
   */
  request(id: string, isForced = false): void {
    const watched = this.#watched.get(id);
    if (watched === undefined) return;
    const { compaction } = watched;
    if (!isForced && !compaction.isDue && watched.failures === 0) {
      watched.triedAtMs = this.#clock.monotonicMs();
      return;
    }
    void this.compact(id).catch(logFailure(this.#logger, 'debug', { project: id }, 'a compaction ended without a snapshot'));
  }

  /**
   * Stops the checks, and makes the snapshots that are due, while time allows; what is not made now only makes the next
   * start longer.
   *
   * @param limitMs how long it may take, in milliseconds
   */
  async close(limitMs: number): Promise<void> {
    clearInterval(this.#timer);
    this.#stop.abort();
    const due = [...this.#watched].filter(([, { compaction, failures }]) => failures === 0 && compaction.isDue);
    const runs = due.map(([id]) => this.compact(id));
    const timer = setTimeout(() => {
      const reason = new AppError('shutting_down', 'Cannot finish the snapshot: the server stops');
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

/** How long after the last try comes the next: the interval, and after failures ever longer. */
function waitMsOf({ compaction, failures }: Watched): number {
  const intervalMs = intervalMsOf(compaction.store);
  if (failures === 0) return intervalMs;
  const doublings = Math.min(failures - 1, DOUBLINGS_MAX);
  return Math.max(intervalMs, Math.min(Math.max(intervalMs, MS_PER_SECOND) * 2 ** doublings, BACKOFF_MS_MAX));
}
