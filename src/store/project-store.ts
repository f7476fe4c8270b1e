/**
 * The one door to a project: commands go in, one turn at a time, and come out as events in the log, in memory and in answers,
 * in this order. Reads come from memory, which holds nothing that is not durable.
 *
 * A turn is a batch: when the batch before has been applied, everything that waits is decided in order, appended as one
 * write, applied, and answered, refusals included: a refusal may rest on a line of the same batch. If the append fails,
 * every command of the batch fails.
 */
import { AppError } from '../base/app-error.js';
import { invariant } from '../base/invariant.js';
import { encodeEvent } from '../events/codec.js';
import type { ProjectEvent } from '../events/event.js';
import type { ProjectSettings, StorageSettings } from '../events/project-settings.js';
import type { AppendedLine, LineDraft, Log, LogOptions, LogState } from '../log/log.js';
import type { KeyValues } from '../projections/key-values.js';
import type { ProjectModel } from '../projections/project-model.js';
import type { ProjectVersion } from '../projections/project-state.js';
import { BatchState } from './batch-state.js';
import type { Command, CommandContext, CommandResult } from './command.js';
import { decide, type Decision } from './decide.js';

/** Limits of one project's queue. */
export interface StoreLimits {
  /** Commands that may wait. */
  readonly queueCommandsMax: number;
  /** Bytes of keys and values that may wait. */
  readonly queueBytesMax: number;
}

/** Used where the caller says nothing. */
export const DEFAULT_STORE_LIMITS: StoreLimits = { queueCommandsMax: 10_000, queueBytesMax: 67_108_864 };

/** Commands of one batch at most. */
const BATCH_COMMANDS_MAX = 1024;
/** Bytes of keys and values of one batch at most, unless a single command has more. */
const BATCH_BYTES_MAX = 8_388_608;
/** What a waiting command counts for besides its key and value. */
const COMMAND_BYTES = 256;

interface Waiting {
  readonly command: Command;
  readonly context: CommandContext;
  readonly sizeBytes: number;
  readonly resolve: (result: CommandResult) => void;
  readonly reject: (error: unknown) => void;
}

/** What a store is made of. */
export interface ProjectStoreParts {
  readonly log: Log;
  /** The log's events, already replayed. */
  readonly model: ProjectModel;
  /** @default {@link DEFAULT_STORE_LIMITS} */
  readonly limits?: StoreLimits;
}

/**
 * How a project's log is to be opened or configured.
 *
 * @param storage the project's settings
 * @returns options for the log
 */
export function logOptionsOf(storage: StorageSettings): LogOptions {
  return { durability: storage.durability, syncIntervalMs: storage.sync_interval_ms, segmentBytes: storage.segment_bytes };
}

/** One project's store. */
export class ProjectStore {
  readonly #log: Log;
  readonly #model: ProjectModel;
  readonly #limits: StoreLimits;
  /** Of the last applied line: the log's own end is ahead of it for the moment between append and apply. */
  #hash: string;
  #queue: Waiting[] = [];
  #queueBytes = 0;
  /** The turns that are going on; undefined when nothing waits. */
  #turns: Promise<void> | undefined;
  #holds = 0;
  #closedBy: AppError | undefined;

  /** @param parts log, model, limits */
  constructor(parts: ProjectStoreParts) {
    invariant(parts.model.lastSeq === parts.log.position().seq, 'a store starts with the whole log applied');
    this.#log = parts.log;
    this.#model = parts.model;
    this.#hash = parts.log.position().hash;
    this.#limits = parts.limits ?? DEFAULT_STORE_LIMITS;
  }

  /** The project's id. */
  get id(): string {
    return this.#log.project;
  }

  /** Tells this log from any other of the same name. */
  get logId(): string {
    return this.#log.logId;
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

  /** The last applied seq. */
  get seq(): number {
    return this.#model.lastSeq;
  }

  /** Hash of the last applied line. */
  get hash(): string {
    return this.#hash;
  }

  /** Whether the log takes lines. */
  get logState(): LogState {
    return this.#log.state();
  }

  /**
   * Asks for a change.
   *
   * @param command what is asked for
   * @param context who asks
   * @returns what came of it, when it is durable and visible
   * @throws {AppError} why it was refused, or what failed; see `Log.append` for the latter
   */
  async submit(command: Command, context: CommandContext): Promise<CommandResult> {
    if (this.#closedBy !== undefined) throw this.#closedBy;
    const sizeBytes = sizeOf(command);
    if (this.#queue.length >= this.#limits.queueCommandsMax || this.#queueBytes + sizeBytes > this.#limits.queueBytesMax) {
      const facts = { waiting: this.#queue.length };
      throw new AppError('queue_full', 'Cannot take the change: too many are waiting for the disk', { facts });
    }
    return await new Promise((resolve, reject) => {
      this.#queue.push({ command, context, sizeBytes, resolve, reject });
      this.#queueBytes += sizeBytes;
      this.#startTurns();
    });
  }

  #startTurns(): void {
    if (this.#turns !== undefined || this.#holds > 0 || this.#queue.length === 0) return;
    this.#turns = this.#takeTurns();
  }

  async #takeTurns(): Promise<void> {
    // Whatever arrives in the same round of the event loop shares the first batch.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0 && this.#holds === 0) await this.#takeTurn(this.#takeBatch());
    this.#turns = undefined;
  }

  #takeBatch(): Waiting[] {
    let sizeBytes = 0;
    let count = 0;
    for (const waiting of this.#queue) {
      if (count === BATCH_COMMANDS_MAX || (count > 0 && sizeBytes + waiting.sizeBytes > BATCH_BYTES_MAX)) break;
      sizeBytes += waiting.sizeBytes;
      count += 1;
    }
    this.#queueBytes -= sizeBytes;
    return this.#queue.splice(0, count);
  }

  async #takeTurn(batch: readonly Waiting[]): Promise<void> {
    let decisions: readonly Decision[] = [];
    let appended: readonly AppendedLine[] = [];
    try {
      decisions = this.#decide(batch);
      const drafts = draftsOf(batch, decisions);
      if (drafts.length > 0) appended = await this.#log.append(drafts, this.#model.lastSeq);
    } catch (error) {
      for (const waiting of batch) waiting.reject(error);
      return;
    }
    this.#applyAndAnswer(batch, decisions, appended);
  }

  #decide(batch: readonly Waiting[]): readonly Decision[] {
    const state = new BatchState(this.#model);
    return batch.map(({ command }) => {
      const decision = decide(state, command);
      if (decision.accepted) state.add(decision.event);
      return decision;
    });
  }

  /** All is applied before anything is answered: whoever has an answer can read what it says. */
  #applyAndAnswer(batch: readonly Waiting[], decisions: readonly Decision[], appended: readonly AppendedLine[]): void {
    const writtenWith = this.#model.state.newest?.settings;
    let next = 0;
    const answers: (() => void)[] = [];
    for (const [index, waiting] of batch.entries()) {
      const decision = decisions[index];
      invariant(decision !== undefined, 'every command was decided');
      if (!decision.accepted) {
        answers.push(() => waiting.reject(decision.refusal));
        continue;
      }
      const line = appended[next];
      next += 1;
      invariant(line !== undefined, 'the log answers every draft');
      this.#apply(decision.event, line, waiting.context.actor);
      const result = { seq: line.seq, hash: line.hash, created: decision.created, count: decision.count };
      answers.push(() => waiting.resolve({ ...result, volatile }));
    }
    const { first } = this.#model.state;
    invariant(first !== undefined, 'whatever is decided happens to a project that has been created');
    // The batch that creates a project is written with the settings that it brings.
    const { durability, on_disk: onDisk } = (writtenWith ?? first.settings).storage;
    const volatile = onDisk && durability !== 'fsync';
    for (const answer of answers) answer();
  }

  #apply(event: ProjectEvent, line: AppendedLine, actor: string): void {
    this.#model.apply({ event, seq: line.seq, timeMs: line.timeMs, hash: line.hash, actor });
    this.#hash = line.hash;
    if (event.op === 'project.update') this.#log.configure(logOptionsOf(event.settings.storage));
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

  /** Takes nothing more because the project is deleted, fails what waits, and closes the log. A hold may be in force. */
  async retire(): Promise<void> {
    this.#closedBy = new AppError('project_not_found', `Cannot find the project "${this.id}"`);
    this.#failWaiting(this.#closedBy);
    await this.#turns;
    await this.#log.close();
  }

  /** Takes nothing more because the server stops, carries out what waits unless a hold is in force, and closes the log. */
  async close(): Promise<void> {
    this.#closedBy ??= new AppError('shutting_down', 'Cannot take the change: the server is stopping');
    await this.#turns;
    this.#failWaiting(this.#closedBy);
    await this.#log.close();
  }

  #failWaiting(reason: AppError): void {
    const waiting = this.#queue;
    this.#queue = [];
    this.#queueBytes = 0;
    for (const { reject } of waiting) reject(reason);
  }
}

function draftsOf(batch: readonly Waiting[], decisions: readonly Decision[]): LineDraft[] {
  const drafts: LineDraft[] = [];
  for (const [index, { context }] of batch.entries()) {
    const decision = decisions[index];
    if (decision?.accepted === true) drafts.push({ ...encodeEvent(decision.event), actor: context.actor, request: context.requestId });
  }
  return drafts;
}

function sizeOf(command: Command): number {
  const keyBytes = 'key' in command ? Buffer.byteLength(command.key) : 0;
  const valueBytes = 'value' in command ? Buffer.byteLength(command.value) : 0;
  return COMMAND_BYTES + keyBytes + valueBytes;
}
