/**
 * The past states of all projects: builds them when they are asked for, keeps them for the next reading, and drops those that were read
 * least recently when the space for them is used up. Everything else about a state is in its implementations: in files for a project on
 * disk, in memory for one in memory.
 *
 * Builds are few at a time, for all callers together: one of a project, two of the server, and a short queue. Callers that
 * want the same state share its build, and one that all of them have left ends.
 */
import { AppError } from '../../base/app-error.js';
import { logFailure } from '../../base/log-failure.js';
import type { Logger } from '../../base/logger.js';
import type { PastLease, PastState } from '../../store/past-state.js';
import { UnerasedState } from '../../store/unerased-state.js';
import type { ProjectStore } from '../../store/project-store.js';
import { buildPastState, type PastBuildParts } from './build-past-state.js';

/** Builds at a time. */
const BUILDS_MAX = 2;
/** Builds that wait for one of them to end. */
const WAITING_MAX = 5;
/** States that are kept, however small: each has a folder, two files and some objects. */
const STATES_MAX = 100;

const DAMAGED = 'a past state on disk is damaged and was dropped; the next reading builds it again';

/** What past states are made with. */
interface PastStatesOptions extends PastBuildParts {
  readonly logger: Logger;
}

/** A state that is kept. */
interface KeptState {
  readonly name: string;
  readonly project: string;
  readonly state: PastState;
  readonly bytes: number;
  leases: number;
  /** Ends its readings and removes it. */
  readonly remove: (reason: AppError) => Promise<void>;
}

/** A state that is being built, or waits to be. */
interface Build {
  readonly name: string;
  readonly store: ProjectStore;
  readonly seq: number;
  readonly abort: AbortController;
  waiters: number;
  readonly done: Promise<KeptState>;
  readonly settle: { readonly resolve: (state: KeptState) => void; readonly reject: (error: unknown) => void };
}

/** Before the first line there is nothing. */
const EMPTY: PastLease = {
  state: {
    seq: 0, timeMs: 0, count: 0,
    get: () => Promise.resolve(undefined),
    countIn: () => Promise.resolve(0),
    slice: () => Promise.resolve({ entries: [], isLast: true }),
    load: () => Promise.resolve([]),
  },
  release: () => undefined,
};

/** Keeps and builds past states. */
export class PastStates {
  #options: PastStatesOptions;
  /** By name; least recently read first. */
  readonly #kept = new Map<string, KeptState>();
  /** Those that a caller may still join, by name. */
  readonly #builds = new Map<string, Build>();
  readonly #running = new Set<Build>();
  #waiting: Build[] = [];
  #isClosed = false;

  constructor(options: PastStatesOptions) {
    this.#options = options;
  }

  /**
   * Builds the state of a project after a line, unless it is there already, and keeps it until the lease is released.
   *
   * @param seq from 0 to the last line
   * @param signal aborts the wait
   * @throws {AppError} `history_gone` if the lines up to there are no longer kept and no snapshot has their state; `busy` if too many
   *   states are being built, or the space for them is taken by states that are being read; `state_too_large`, `disk_full`, `disk_failed`,
   *   `project_corrupt`
   */
  async lease(store: ProjectStore, seq: number, signal: AbortSignal): Promise<PastLease> {
    if (seq === 0 && store.feed.oldestSeq === 1) return EMPTY;
    const name = nameOf(store, seq);
    for (;;) {
      signal.throwIfAborted();
      const kept = this.#kept.get(name);
      if (kept !== undefined) return this.#leaseOn(kept);
      await this.#wait(this.#builds.get(name) ?? this.#request(name, store, seq), signal);
    }
  }

  /** Changes the space for all states. Those that are being read stay until they are not. */
  async resize(bytesMax: number): Promise<void> {
    this.#options = { ...this.#options, bytesMax };
    const unread = [...this.#kept.values()].filter(({ leases }) => leases === 0);
    for (const kept of unread) if (this.#bytes > bytesMax) await this.#drop(kept, droppedAt(kept));
  }

  #leaseOn(kept: KeptState): PastLease {
    kept.leases += 1;
    this.#kept.delete(kept.name);
    this.#kept.set(kept.name, kept);
    let isOver = false;
    return {
      state: kept.state,
      release: () => {
        if (isOver) return;
        isOver = true;
        kept.leases -= 1;
      },
    };
  }

  #request(name: string, store: ProjectStore, seq: number): Build {
    if (this.#isClosed) throw new AppError('shutting_down', 'Cannot build a past state: the server is shutting down');
    const { promise: done, ...settle } = deferred<KeptState>();
    const build: Build = { name, store, seq, abort: new AbortController(), waiters: 0, done, settle };
    if (!this.#mayStart(build)) {
      if (this.#waiting.length >= WAITING_MAX) {
        throw new AppError('busy', `Cannot build a past state of "${store.id}": ${WAITING_MAX} others are waiting to be built`);
      }
      this.#waiting.push(build);
    }
    this.#builds.set(name, build);
    if (!this.#waiting.includes(build)) this.#start(build);
    return build;
  }

  #mayStart({ store: { id } }: Build): boolean {
    return this.#running.size < BUILDS_MAX && ![...this.#running].some(({ store }) => store.id === id);
  }

  #start(build: Build): void {
    this.#running.add(build);
    const { settle: { resolve, reject } } = build;
    void this.#run(build).then(resolve, reject).finally(() => {
      this.#running.delete(build);
      this.#forget(build);
      this.#startNext();
    });
  }

  #startNext(): void {
    const next = this.#waiting.find((build) => this.#mayStart(build));
    if (next === undefined) return;
    this.#waiting = this.#waiting.filter((build) => build !== next);
    this.#start(next);
    this.#startNext();
  }

  #forget(build: Build): void {
    if (this.#builds.get(build.name) === build) this.#builds.delete(build.name);
  }

  /** Waits for a build. Without a caller left, it ends. */
  async #wait(build: Build, signal: AbortSignal): Promise<void> {
    build.waiters += 1;
    const { promise, resolve, reject } = deferred<KeptState>();
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort);
    build.done.then(resolve, reject);
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
      build.waiters -= 1;
      if (signal.aborted && build.waiters === 0) {
        this.#end(build, new AppError('busy', 'Cannot build this past state: its callers have left'));
      }
    }
  }

  /** Ends a build; it is not joined any more. */
  #end(build: Build, reason: AppError): void {
    this.#forget(build);
    this.#waiting = this.#waiting.filter((other) => other !== build);
    build.abort.abort(reason);
    if (!this.#running.has(build)) build.settle.reject(reason);
  }

  async #run(build: Build): Promise<KeptState> {
    const { name, store, seq, abort: { signal } } = build;
    const { logger, clock } = this.#options;
    const startedMs = clock.monotonicMs();
    const onDamage = (error: Error): void => {
      logger.warn({ project: store.id, seq, err: error }, DAMAGED);
      const kept = this.#kept.get(name);
      if (kept !== undefined) void this.#drop(kept, new AppError('disk_failed', `Cannot read the past state at seq ${seq}: it is damaged`));
    };
    const built = await buildPastState(this.#options, { store, seq, signal, onDamage });
    const kept: KeptState = { name, project: store.id, leases: 0, ...built, state: new UnerasedState(store, built.state) };
    try {
      await this.#makeRoom(kept.bytes);
      signal.throwIfAborted();
    } catch (error) {
      await this.#remove(kept, signal.aborted ? signal.reason as AppError : error as AppError);
      throw error;
    }
    this.#kept.set(name, kept);
    const durationMs = Math.round(clock.monotonicMs() - startedMs);
    logger.debug({ project: store.id, seq, bytes: kept.bytes, duration_ms: durationMs }, 'a past state was built');
    return kept;
  }

  async #makeRoom(bytes: number): Promise<void> {
    while (this.#bytes + bytes > this.#options.bytesMax || this.#kept.size >= STATES_MAX) {
      const unread = [...this.#kept.values()].find(({ leases }) => leases === 0);
      if (unread === undefined) throw new AppError('busy', 'Cannot keep this past state: those that are being read take up the space');
      await this.#drop(unread, droppedAt(unread));
    }
  }

  get #bytes(): number {
    let sum = 0;
    for (const { bytes } of this.#kept.values()) sum += bytes;
    return sum;
  }

  async #drop(kept: KeptState, reason: AppError): Promise<void> {
    if (this.#kept.get(kept.name) === kept) this.#kept.delete(kept.name);
    await this.#remove(kept, reason);
  }

  async #remove(kept: KeptState, reason: AppError): Promise<void> {
    const message = 'the files of a past state could not be removed; the next startup removes them';
    await kept.remove(reason).catch(logFailure(this.#options.logger, 'warn', { project: kept.project }, message));
  }

  /**
   * Drops all past states of a project, also those that are being read or built: their log is deleted, moves, or loses values. Resolves
   * once none of them is left. States that are asked for later are built from what the log is then.
   *
   * @param reason what their readers are refused with
   */
  async dropAll(project: string, reason = dropped(project)): Promise<void> {
    const builds = [...this.#running, ...this.#waiting].filter(({ store }) => store.id === project);
    for (const build of builds) this.#end(build, reason);
    await Promise.allSettled(builds.map(({ done }) => done));
    const kept = [...this.#kept.values()].filter((state) => state.project === project);
    await Promise.all(kept.map((state) => this.#drop(state, reason)));
  }

  /** Drops everything. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const reason = new AppError('shutting_down', 'Cannot read a past state: the server is shutting down');
    const projects = new Set([...this.#kept.values()].map(({ project }) => project));
    for (const { store } of [...this.#running, ...this.#waiting]) projects.add(store.id);
    await Promise.all([...projects].map((project) => this.dropAll(project, reason)));
  }
}

function dropped(project: string): AppError {
  const message = `Cannot read on in a past state of "${project}": the project has changed place or lost values; read it again`;
  return new AppError('busy', message);
}

function nameOf({ id, logId }: ProjectStore, seq: number): string {
  return `${id} ${logId} ${seq}`;
}

function deferred<T>(): {
  readonly promise: Promise<T>; readonly resolve: (value: T) => void; readonly reject: (error: unknown) => void;
} {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<T>((take, refuse) => {
    resolve = take;
    reject = refuse;
  });
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

function droppedAt({ state }: KeptState): AppError {
  return new AppError('busy', `Cannot read the past state at seq ${state.seq}: it was dropped`);
}
