/**
 * The one door to a project: commands go in, one turn at a time, and come out as events in the log, in memory and in answers,
 * in this order. Reads come from memory, or from where memory says that a value lies; neither knows what is not durable.
 *
 * A turn is a batch: when the batch before has been applied, everything that waits is decided in order, appended as one
 * write, applied, and answered, refusals included: a refusal may rest on a line of the same batch. If the append fails,
 * every command of the batch fails.
 */
import { AppError } from '../base/app-error.js';
import { invariant } from '../base/invariant.js';
import type { ProjectSettings } from '../events/project-settings.js';
import type { Log, LogState } from '../log/log.js';
import type { KeyEntry } from '../projections/key-entry.js';
import type { KeyRange } from '../projections/key-range.js';
import type { KeyValues } from '../projections/key-values.js';
import type { ModelCheckpoint, ProjectModel } from '../projections/project-model.js';
import type { ProjectVersion } from '../projections/project-state.js';
import { ValueCache } from '../projections/value-cache.js';
import { ValueLoader, type ValueSource } from '../projections/value-loader.js';
import type { PlacedVersion } from '../projections/value-place.js';
import { BatchTurn, logOptionsOf } from './batch-turn.js';
import type { Command, CommandContext, CommandResult } from './command.js';
import { CommandQueue, DEFAULT_STORE_LIMITS, sizeOf, type StoreLimits } from './command-queue.js';
import { type Admission, ProjectReads } from './project-reads.js';
import type { DiskSpaceForGrowth } from './disk-space-for-growth.js';

export { logOptionsOf } from './batch-turn.js';
export { DEFAULT_STORE_LIMITS, type StoreLimits } from './command-queue.js';

/** What a store is made of. */
export interface ProjectStoreParts {
  readonly log: Log;
  /** The log's events, already replayed. */
  readonly model: ProjectModel;
  /** @default {@link DEFAULT_STORE_LIMITS} */
  readonly limits?: StoreLimits;
  /** Reads values of the project's snapshots. @default there are none */
  readonly readSnapshotValue?: ValueSource['readSnapshotValue'];
  /** Remembers values that were read from disk. @default one of its own */
  readonly cache?: ValueCache;
  /** Asked before a project on disk grows. @default there is room */
  readonly room?: DiskSpaceForGrowth;
}

/** Everything that a snapshot of this moment says besides keys and values. */
export interface StoreCheckpoint extends ModelCheckpoint {
  /** Hash of the last line that is in it. */
  readonly hash: string;
}

/** How a command is carried out alone. */
export interface AloneOptions {
  /** Who asks. */
  readonly context: CommandContext;
  /** Puts into force what follows from the change, once it is durable and visible. */
  readonly onApplied?: () => void;
}

function noSnapshots(): Promise<Buffer> {
  return Promise.reject(new AppError('project_corrupt', 'Cannot read from a snapshot: the project has none'));
}

/** One project's store. */
export class ProjectStore {
  readonly #model: ProjectModel;
  readonly #turn: BatchTurn;
  readonly #reads: ProjectReads;
  readonly #queue: CommandQueue;
  /** The turns that are going on; undefined when nothing waits. */
  #turns: Promise<void> | undefined;
  #holds = 0;
  #closedBy: AppError | undefined;
  #reportChange: () => void = () => undefined;

  /** @param parts log, model, limits, and where cold values and free space are looked up */
  constructor(parts: ProjectStoreParts) {
    invariant(parts.model.lastSeq === parts.log.position().seq, 'a store starts with the whole log applied');
    this.#model = parts.model;
    this.#turn = new BatchTurn(parts.log, parts.model, parts.room);
    this.#turn.onProjectChange = () => this.#reportChange();
    parts.log.onStateChange(() => this.#reportChange());
    this.#queue = new CommandQueue(parts.limits ?? DEFAULT_STORE_LIMITS);
    const readSnapshotValue = parts.readSnapshotValue ?? noSnapshots;
    // The log may be replaced by another, so it is asked for at each read.
    const source: ValueSource = {
      readText: (place, isAgain) => this.#turn.log.readText(place, isAgain),
      readSnapshotValue,
      nameOf: (segment) => this.#turn.log.nameOf?.(segment),
    };
    this.#reads = new ProjectReads(parts.model.values, new ValueLoader(source, parts.cache ?? new ValueCache()));
  }

  /** The project's id. */
  get id(): string {
    return this.#turn.log.project;
  }

  /** Tells this log from any other of the same name. */
  get logId(): string {
    return this.#turn.log.logId;
  }

  /** Keys and values, durable ones only. */
  get values(): KeyValues {
    return this.#model.values;
  }

  /** Settings and key id as of the newest project event. */
  get version(): ProjectVersion {
    const { newest } = this.#model.state;
    invariant(newest !== undefined, 'a project that is served has been created');
    return newest;
  }

  /** When the project was created, in milliseconds since 1970. */
  get createdAtMs(): number {
    return this.#model.state.first?.timeMs ?? 0;
  }

  /** The project's settings. */
  get settings(): ProjectSettings {
    return this.version.settings;
  }

  /** True when authentication is off; false before the project is created. */
  get isOpen(): boolean {
    return this.#model.state.newest?.settings.authentication.enabled === false;
  }

  /**
   * Reports each later change of the settings, of the API key and of {@link ProjectStore.logState}, when it is in force. A store has
   * one listener, the registry that it is in.
   *
   * @param listener returns at once and throws nothing
   */
  onChange(listener: () => void): void {
    this.#reportChange = listener;
  }

  /** The last applied seq. */
  get seq(): number {
    return this.#model.lastSeq;
  }

  /** Hash of the last applied line. */
  get hash(): string {
    return this.#turn.hash;
  }

  /** The time of the last applied line, in milliseconds since 1970. */
  get lastTimeMs(): number {
    return this.#model.lastTimeMs;
  }

  /** Bytes of the events since the newest snapshot. */
  get changedBytes(): number {
    return this.#model.changedBytes;
  }

  /** True when new values are kept in memory. */
  get isCaching(): boolean {
    return this.#model.values.isCaching;
  }

  /** True when the log is kept in files. */
  get isOnDisk(): boolean {
    return this.#turn.isOnDisk;
  }

  /** Whether the log takes lines. */
  get logState(): LogState {
    return this.#turn.log.state();
  }

  /** {@inheritDoc ProjectReads.damagedReads} */
  get damagedReads(): number {
    return this.#reads.damagedReads;
  }

  /** {@inheritDoc ProjectReads.damagedSnapshots} */
  get damagedSnapshots(): ReadonlySet<number> {
    return this.#reads.damagedSnapshots;
  }

  /** {@inheritDoc ProjectReads.forgetDamaged} */
  forgetDamaged(seq: number): void {
    this.#reads.forgetDamaged(seq);
  }

  /** {@inheritDoc ProjectReads.load} */
  load(entry: KeyEntry): ReturnType<ProjectReads['load']> {
    return this.#reads.load(entry);
  }

  /** {@inheritDoc ProjectReads.read} */
  read(key: string): ReturnType<ProjectReads['read']> {
    return this.#reads.read(key);
  }

  /** {@inheritDoc ProjectReads.readPiece} */
  readPiece(range: KeyRange, limit: number, admit?: Admission): ReturnType<ProjectReads['readPiece']> {
    return this.#reads.readPiece(range, limit, admit);
  }

  /** {@inheritDoc ProjectReads.readKeys} */
  readKeys(keys: readonly string[], admit?: Admission): ReturnType<ProjectReads['readKeys']> {
    return this.#reads.readKeys(keys, admit);
  }

  /** {@inheritDoc ProjectReads.settleReads} */
  async settleReads(): Promise<void> {
    await this.#reads.settleReads();
  }

  /** {@inheritDoc ProjectReads.relocate} */
  async relocate(versions: AsyncIterable<readonly PlacedVersion[]>): Promise<void> {
    await this.#reads.relocate(versions);
  }

  /** {@inheritDoc ProjectReads.loadAll} */
  async loadAll(signal?: AbortSignal): Promise<void> {
    await this.#reads.loadAll(signal);
  }

  /**
   * Changes how the values of what is applied from now on are kept. Those from before stay as they are, until `loadAll` or
   * `relocate`.
   *
   * @param isCaching true: in memory
   */
  setCaching(isCaching: boolean): void {
    this.#model.values.setCaching(isCaching);
  }

  /** @returns what a snapshot of this moment says besides keys and values */
  checkpoint(): StoreCheckpoint {
    return { ...this.#model.checkpoint(), hash: this.#turn.hash };
  }

  /**
   * Takes note of a snapshot that is committed.
   *
   * @param seq the seq of the checkpoint that it was made for
   */
  noteSnapshot(seq: number): void {
    this.#model.noteSnapshot(seq);
  }

  /**
   * Asks for a change.
   *
   * @returns what came of it, when it is durable and visible
   * @throws {AppError} why it was refused, or what failed; see `Log.append` for the latter
   */
  async submit(command: Command, context: CommandContext): Promise<CommandResult> {
    if (this.#closedBy !== undefined) throw this.#closedBy;
    return await this.#queue.add(command, context, () => this.#startTurns());
  }

  #startTurns(): void {
    if (this.#turns !== undefined || this.#holds > 0 || this.#queue.length === 0) return;
    this.#turns = this.#takeTurns();
  }

  async #takeTurns(): Promise<void> {
    // Whatever arrives in the same round of the event loop shares the first batch.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0 && this.#holds === 0) await this.#turn.take(this.#queue.takeBatch());
    this.#turns = undefined;
  }

  /**
   * Lets the batch in flight finish and takes no further turn until released. Commands go on waiting.
   *
   * @returns releases the hold; calling it again does nothing
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
   * Carries out one command under a hold, before everything that waits.
   *
   * @returns what came of it, when it is durable and visible
   * @throws {AppError} as {@link submit}
   */
  async submitHeld(command: Command, context: CommandContext): Promise<CommandResult> {
    invariant(this.#holds > 0 && this.#turns === undefined, 'under a hold, one command is carried out at a time');
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
   * Carries out one command before everything that waits, which is decided only when all that follows from the command is in force.
   * For commands that change who may do what.
   *
   * @param options who asks, and what follows
   * @throws {AppError} as {@link submit}
   */
  async submitAlone(command: Command, { context, onApplied }: AloneOptions): Promise<CommandResult> {
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
   * Goes on with another log that stands where this one does, under a hold. Reads of values that lie in the old one have to be over,
   * and none may lie there any more.
   *
   * @param log the other log; it writes as the project's settings say from here on
   * @returns the log so far, which is not closed
   */
  replaceLog(log: Log): Log {
    invariant(this.#holds > 0 && this.#turns === undefined, 'a log is replaced while no turn is taken');
    invariant(this.#model.values.placedCount === 0 || log.logId === this.#turn.log.logId, 'no value lies in the log that is replaced');
    const { seq, hash } = log.position();
    const goesOn = seq === this.seq && hash === this.#turn.hash && log.project === this.id;
    invariant(goesOn, 'a log is replaced by one that goes on where it ends');
    const replaced = this.#turn.log;
    this.#turn.log = log;
    replaced.onStateChange(() => undefined);
    log.onStateChange(() => this.#reportChange());
    this.#reportChange();
    log.configure(logOptionsOf(this.settings.storage));
    return replaced;
  }

  /**
   * Takes nothing more, fails what waits, and closes the log. A hold may be in force.
   *
   * @param reason what commands get from now on; by default that the project is not there, since it is deleted
   */
  async retire(reason = new AppError('project_not_found', `Cannot find the project "${this.id}"`)): Promise<void> {
    this.#closedBy = reason;
    this.#queue.fail(reason);
    await this.#turns;
    await this.#turn.log.close();
  }

  /** Takes nothing more because the server stops, carries out what waits unless a hold is in force, and closes the log. */
  async close(): Promise<void> {
    this.#closedBy ??= new AppError('shutting_down', 'Cannot take the change: the server is stopping');
    await this.#turns;
    this.#queue.fail(this.#closedBy);
    await this.#turn.log.close();
  }
}
