/**
 * The only way to change a project: each command becomes an event in the log, then in memory, and then an answer. Reads come from
 * memory, or from the location on disk that memory names, and see durable events only.
 *
 * Commands run in turns, one batch each: once the previous batch is applied, all queued commands are decided in order, appended with one
 * write, applied, and answered. Refusals are answered then too, because a refusal may depend on a line of the same batch. If the
 * append fails, every command of the batch fails.
 */
import { AppError } from '../base/app-error.js';
import { invariant } from '../base/invariant.js';
import { ACTOR_SERVER } from '../events/actor.js';
import type { Checkpoint } from '../events/checkpoint.js';
import type { ProjectSettings } from '../events/project-settings.js';
import { LINE_BYTES_MAX, type Log, type LogState } from '../log/log.js';
import type { AccessKeys } from '../projections/access-keys.js';
import type { KeyValues } from '../projections/key-values.js';
import type { ModelPoint, ProjectModel, SnapshotMoment } from '../projections/project-model.js';
import type { ProjectStateProjection, ProjectVersion } from '../projections/project-state.js';
import { ValueCache } from '../projections/value-cache.js';
import { noSnapshots, ValueLoader, type ValueSource } from '../projections/value-loader.js';
import { BatchTurn, logOptionsOf } from './batch-turn.js';
import type { Command, CommandContext, CommandResult, RevertCommand } from './command.js';
import { CommandQueue, DEFAULT_STORE_LIMITS, sizeOf, type StoreLimits } from './command-queue.js';
import type { DiskSpaceForGrowth } from './disk-space-for-growth.js';
import { EventFeed } from './event-feed.js';
import { ExpirySweeper } from './expiry-sweeper.js';
import { recallRequest } from './repeated-requests.js';
import { ProjectReads } from './project-reads.js';
import { type RateQuota, ratesIn } from './quota.js';
import { ProjectRedactions } from './project-redactions.js';
import { StoreLoad } from './store-load.js';
import type { TurnObserver } from './turn-observer.js';

export { logOptionsOf } from './batch-turn.js';
export { DEFAULT_STORE_LIMITS, type StoreLimits } from './command-queue.js';

/** The parts of a store. */
export interface ProjectStoreParts {
  readonly log: Log;
  /** The log's events, already replayed. */
  readonly model: ProjectModel;
  /** @default {@link DEFAULT_STORE_LIMITS} */
  readonly limits?: StoreLimits;
  /** Reads values from the project's snapshots. @default it has none */
  readonly readSnapshotValue?: ValueSource['readSnapshotValue'];
  /** Caches values read from disk. @default one of its own */
  readonly cache?: ValueCache;
  /** Asked before a project on disk grows. @default growth is always allowed */
  readonly space?: DiskSpaceForGrowth;
  readonly observer?: TurnObserver | undefined;
}

/** Everything that a snapshot of this moment holds besides keys and values. */
export interface StorePoint extends ModelPoint {
  /** Hash of the last line in it. */
  readonly hash: string;
}

/** One project's store. */
export class ProjectStore {
  /** The reading side. */
  readonly reads: ProjectReads;
  /** Its events. */
  readonly feed: EventFeed;
  /** What was erased of it. */
  readonly redactions: ProjectRedactions;
  /** How much it has to do. */
  readonly load: StoreLoad;
  /** Length of the longest line of its log, in bytes. */
  readonly lineBytesMax = LINE_BYTES_MAX;
  #rates: RateQuota | undefined;
  readonly #model: ProjectModel;
  readonly #turn: BatchTurn;
  readonly #queue: CommandQueue;
  readonly #sweeper: ExpirySweeper;
  /** The turns in progress; undefined if no command is queued. */
  #turns: Promise<void> | undefined;
  #holds = 0;
  #closedBy: AppError | undefined;
  #reportChange: () => void = () => undefined;

  constructor(parts: ProjectStoreParts) {
    invariant(parts.model.lastSeq === parts.log.position().seq, 'a store begins with the whole log applied');
    this.#model = parts.model;
    this.#turn = new BatchTurn(parts.log, parts.model, parts.space, parts.observer);
    this.#turn.onProjectChange = () => {
      this.#rates = ratesIn(this.settings);
      this.#reportChange();
    };
    this.#rates = ratesIn(parts.model.state.newest?.settings);
    this.feed = new EventFeed(() => this.#turn.log, {
      // Between append and apply, the newest events are not in the model yet.
      newestOf: (key, untilSeq) => (this.seq >= untilSeq ? this.redactions.newestEventOf(key) : undefined),
      hasErased: () => this.redactions.newest !== undefined,
    });
    this.#turn.onApplied = () => {
      this.feed.wake();
      if (parts.model.values.expiringCount > 0) this.#sweeper.wake();
    };
    parts.log.onStateChange(() => this.#reportChange());
    this.#queue = new CommandQueue(parts.limits ?? DEFAULT_STORE_LIMITS);
    this.load = new StoreLoad(this.#queue, this.#turn);
    // Each read looks the log up, because it may have been replaced.
    const source: ValueSource = {
      readText: (place, isAgain) => this.#turn.log.readText(place, isAgain),
      readSnapshotValue: parts.readSnapshotValue ?? noSnapshots,
      nameOf: (segment) => this.#turn.log.nameOf?.(segment),
    };
    const { values } = parts.model;
    const nowMs = (): number => this.nowMs;
    this.reads = new ProjectReads(values, new ValueLoader(source, parts.cache ?? new ValueCache()), nowMs);
    this.redactions = new ProjectRedactions(parts.model, this.reads, this.feed);
    this.#sweeper = new ExpirySweeper({
      nextExpiryMs: () => values.nextExpiryMs,
      nowMs,
      isSweepable: () => this.logState === 'writable' && (!this.isOnDisk || parts.space === undefined || parts.space.largestBytes > 0),
      sweep: () => this.submit({ type: 'expire' }, { actor: ACTOR_SERVER, requestId: '' }),
    });
    this.#sweeper.wake();
  }

  /** The project's id. */
  get id(): string {
    return this.#turn.log.project;
  }

  /** Id of the log: different for every log that ever had this name. */
  get logId(): string {
    return this.#turn.log.logId;
  }

  /** Keys and values, durable ones only. */
  get values(): KeyValues {
    return this.#model.values;
  }

  /** Settings and API key id of the newest project event. */
  get version(): ProjectVersion {
    const { newest } = this.#model.state;
    invariant(newest !== undefined, 'a project that is served has been created');
    return newest;
  }

  /** The recorded listed API keys. */
  get access(): AccessKeys {
    return this.#model.state.access;
  }

  /** What the log says of the project itself. Changes while the project is served. */
  get state(): ProjectStateProjection {
    return this.#model.state;
  }

  /** Seq of the newest event about the project itself: its settings or its API keys. */
  get revision(): number {
    return Math.max(this.version.seq, this.access.lastSeq);
  }

  /** Time of creation, in milliseconds since 1970. */
  get createdAtMs(): number {
    return this.#model.state.first?.timeMs ?? 0;
  }

  /** The project's settings. */
  get settings(): ProjectSettings {
    return this.version.settings;
  }

  /** The rates of requests that the settings allow; undefined if they limit none. A field, since every request asks for it. */
  get rates(): RateQuota | undefined {
    return this.#rates;
  }

  /** True if the project needs no API key; false before it is created. */
  get isOpenScope(): boolean {
    return this.#model.state.newest?.settings.authentication.enabled === false;
  }

  /**
   * Reports each later change of the settings, the API key and {@link ProjectStore.logState} once it is in force. A store has one
   * listener, the table that it is in.
   *
   * @param listener returns at once and throws nothing
   */
  onChange(listener: () => void): void {
    this.#reportChange = listener;
  }

  /** Seq of the last applied line. */
  get seq(): number {
    return this.#model.lastSeq;
  }

  /** Hash of the last applied line. */
  get hash(): string {
    return this.#turn.hash;
  }

  /** The time of the project, which a line that is written now has, in milliseconds since 1970. */
  get nowMs(): number {
    return this.#turn.log.clock.now();
  }

  /** Time of the last applied line, in milliseconds since 1970. */
  get lastTimeMs(): number {
    return this.#model.lastTimeMs;
  }

  /** The newest snapshot; null if there is none. */
  get snapshot(): SnapshotMoment | null {
    return this.isOnDisk ? this.#model.snapshot : null;
  }

  /** Bytes of the events since the newest snapshot. */
  get changedBytes(): number {
    return this.#model.changedBytes;
  }

  /** True if new values stay in memory. */
  get isCaching(): boolean {
    return this.#model.values.isCaching;
  }

  /** True if the log is kept in files. */
  get isOnDisk(): boolean {
    return this.#turn.isOnDisk;
  }

  /** Whether the log accepts appends. */
  get logState(): LogState {
    return this.#turn.log.state();
  }

  /**
   * Sets whether values applied from now on stay in memory. Earlier ones stay where they are until `reads.loadAll` or `reads.relocate`.
   */
  setCaching(isCaching: boolean): void {
    this.#model.values.setCaching(isCaching);
  }

  /** Takes the facts of a snapshot of this moment. */
  snapshotPoint(): StorePoint {
    return { ...this.#model.snapshotPoint(), hash: this.#turn.hash };
  }

  /**
   * Returns the last applied line as a checkpoint, once it is on disk: no crash may take back what is to prove the log.
   *
   * @throws {AppError} the errors of `Log.sync`; nothing else follows from them
   */
  async checkpoint(): Promise<Checkpoint> {
    const { log, hash } = this.#turn;
    const checkpoint = { project: this.id, log_id: log.logId, seq: this.seq, hash, time: new Date(this.lastTimeMs).toISOString() };
    await log.sync();
    return checkpoint;
  }

  /** Notes that the snapshot of a point was committed. */
  noteSnapshot(point: SnapshotMoment): void {
    this.#model.noteSnapshot(point);
  }

  /**
   * Queues a command.
   *
   * @returns its result, once it is durable and visible
   * @throws {AppError} the refusal, `queue_full`, or the error of `Log.append`, through the promise
   */
  submit(command: Command, context: CommandContext): Promise<CommandResult> {
    if (this.#closedBy !== undefined) return Promise.reject(this.#closedBy);
    return this.#queue.add(command, context, () => this.#startTurns());
  }

  /**
   * Finds what a request did when it was sent before, without a turn: for a change that takes work to find out. The turn looks again.
   *
   * @param command of the same type; the rest of it does not matter
   * @throws {AppError} `idempotency_key_reused`
   */
  recall(command: RevertCommand, context: CommandContext): CommandResult | undefined {
    const known = recallRequest(this.#model.requests, this.nowMs, { command, context });
    const volatile = this.isOnDisk && this.settings.storage.durability !== 'fsync';
    return known && { ...known, volatile, isRepeated: true };
  }

  #startTurns(): void {
    if (this.#turns !== undefined || this.#holds > 0 || this.#queue.length === 0) return;
    this.#turns = this.#takeTurns();
  }

  async #takeTurns(): Promise<void> {
    // Commands that arrive in the same round of the event loop share the first batch.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0 && this.#holds === 0) await this.#queue.next((batch) => this.#turn.take(batch));
    this.#turns = undefined;
  }

  /**
   * Waits for the batch in flight and takes no further turn until released. Commands stay queued.
   *
   * @returns releases the hold; a second call does nothing
   */
  async hold(): Promise<() => void> {
    this.#holds += 1;
    await this.#turns;
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      this.#holds -= 1;
      this.#startTurns();
    };
  }

  /**
   * Runs one command under a hold, ahead of the queue.
   *
   * @returns its result, once it is durable and visible
   * @throws {AppError} as {@link submit}
   */
  async submitHeld(command: Command, context: CommandContext): Promise<CommandResult> {
    invariant(this.#holds > 0 && this.#turns === undefined, 'under a hold, one command runs at a time');
    if (this.#closedBy !== undefined) throw this.#closedBy;
    const outcome = new Promise<CommandResult>((resolve, reject) => {
      this.#turns = this.#turn.take([{ command, context, sizeBytes: sizeOf(command), resolve, reject }]);
    });
    try {
      return await outcome;
    } finally {
      await this.#turns;
      this.#turns = undefined;
    }
  }

  /**
   * Runs one command ahead of the queue. Queued commands are decided only after `onApplied`: for commands that change who is authorized
   * for what.
   *
   * @param onApplied puts the consequences into force, once the command is durable and visible
   * @throws {AppError} as {@link submit}
   */
  async submitAlone(command: Command, context: CommandContext, onApplied?: () => void): Promise<CommandResult> {
    const release = await this.hold();
    try {
      const result = await this.submitHeld(command, context);
      onApplied?.();
      return result;
    } finally {
      release();
    }
  }

  /**
   * Replaces the log, under a hold, by one that continues at the same position. No value may lie in the old log, and no read of it may
   * be in progress.
   *
   * @param log the new log; it is configured by the project's settings
   * @returns the old log, still open
   */
  replaceLog(log: Log): Log {
    invariant(this.#holds > 0 && this.#turns === undefined, 'a log is replaced while no turn is taken');
    invariant(this.#model.values.placedCount === 0 || log.logId === this.#turn.log.logId, 'no value lies in the log that is replaced');
    const { seq, hash } = log.position();
    const continues = seq === this.seq && hash === this.#turn.hash && log.project === this.id;
    invariant(continues, 'the new log continues where the old one ends');
    const replaced = this.#turn.log;
    this.#turn.log = log;
    replaced.onStateChange(() => undefined);
    log.onStateChange(() => this.#reportChange());
    this.#reportChange();
    log.configure(logOptionsOf(this.settings.storage));
    this.feed.noteReplaced(replaced);
    return replaced;
  }

  /**
   * Refuses all further commands, fails the queued ones, and closes the log. A hold may be in force.
   *
   * @param reason the error of these commands; by default that the project does not exist, since it is deleted
   */
  async retire(reason = new AppError('project_not_found', `Cannot find the project "${this.id}"`)): Promise<void> {
    this.#closedBy = reason;
    this.#sweeper.close();
    this.#queue.fail(reason);
    await this.#turns;
    this.#model.release();
    this.feed.close(reason);
    await this.#turn.log.close();
  }

  /** Shutdown: refuses further commands, runs the queued ones unless a hold is in force, and closes the log. */
  async close(): Promise<void> {
    this.#sweeper.close();
    this.#closedBy ??= new AppError('shutting_down', 'Cannot take the change: the server is shutting down');
    await this.#turns;
    this.#queue.fail(this.#closedBy);
    this.feed.close(this.#closedBy);
    await this.#turn.log.close();
  }
}
