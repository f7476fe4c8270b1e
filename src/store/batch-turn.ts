/**
 * One turn of a store: decides a batch of commands, appends it with one write, applies it, and answers. Owns the log and the hash of the
 * last applied line; the store schedules the turns.
 */
import { AppError } from '../base/app-error.js';
import { invariant } from '../base/invariant.js';
import { encodeEvent } from '../events/codec.js';
import type { ProjectEvent } from '../events/event.js';
import type { StorageSettings } from '../events/project-settings.js';
import type { AppendedLine, LineDraft, Log, LogOptions } from '../log/log.js';
import type { ProjectModel } from '../projections/project-model.js';
import { BatchState } from './batch-state.js';
import type { WaitingCommand } from './command-queue.js';
import type { CommandContext } from './command.js';
import { decide, type Decision } from './decide.js';
import { PreconditionFailedError } from './precondition-failed.js';
import { growthOf, isGrowth, refuseGrowth, type DiskSpaceForGrowth } from './disk-space-for-growth.js';

type Batch = readonly WaitingCommand[];

/** The options for opening or configuring the log of a project. */
export function logOptionsOf(storage: StorageSettings): LogOptions {
  return { durability: storage.durability, syncIntervalMs: storage.sync_interval_ms, segmentBytes: storage.segment_bytes };
}

/** Takes turns, one at a time. */
export class BatchTurn {
  /** The log; it may be replaced between two turns. */
  log: Log;
  /** Called after a change of the project itself has been applied, before any answer. */
  onProjectChange: () => void = () => undefined;
  /** Called after the lines of a batch have been applied, before any answer. */
  onApplied: () => void = () => undefined;
  readonly #model: ProjectModel;
  readonly #space: DiskSpaceForGrowth | undefined;
  #hash: string;

  /**
   * @param log all of its lines are applied
   * @param space asked before a project on disk grows
   */
  constructor(log: Log, model: ProjectModel, space: DiskSpaceForGrowth | undefined) {
    this.log = log;
    this.#model = model;
    this.#space = space;
    this.#hash = log.position().hash;
  }

  /** Hash of the last applied line. Between append and apply, the end of the log is ahead of it. */
  get hash(): string {
    return this.#hash;
  }

  /** True if the log is kept in files. */
  get isOnDisk(): boolean {
    return this.log.sealed !== undefined;
  }

  /**
   * Takes a turn. An error rejects the commands of the batch and is not thrown.
   *
   * @param batch at least one command
   */
  async take(batch: Batch): Promise<void> {
    let decisions: readonly Decision[] = [];
    let appended: readonly AppendedLine[] = [];
    let isDurable = false;
    try {
      await this.#refreshSpace(batch);
      decisions = this.#decide(batch);
      const drafts = draftsOf(batch, decisions);
      // The configuration and the registry are durable and name versions of the settings, so these must be durable first: a log that
      // a power loss cuts off before such a version would be refused as an older copy.
      isDurable = decisions.some(changesProject);
      if (drafts.length > 0) appended = await this.log.append(drafts, this.#model.lastSeq, { isDurable });
    } catch (error) {
      for (const waiting of batch) waiting.reject(error);
      return;
    }
    this.#applyAndAnswer(batch, decisions, appended, isDurable);
  }

  async #refreshSpace(batch: Batch): Promise<void> {
    const bytes = growthOf(batch);
    if (bytes > 0 && this.isOnDisk) await this.#space?.refresh(bytes);
  }

  #decide(batch: Batch): readonly Decision[] {
    const state = new BatchState(this.#model);
    let spaceRefusal: Decision | undefined;
    return batch.map((waiting) => {
      const unauthorized = refuseIfUnauthorized(waiting.context);
      if (unauthorized !== undefined) return unauthorized;
      const refusal = this.#refuseForSpace(waiting);
      spaceRefusal ??= refusal;
      if (refusal !== undefined) return refusal;
      // No other command can be decided on a project whose creation was refused.
      if (spaceRefusal !== undefined && state.settings === undefined) return spaceRefusal;
      const decision = decide(state, waiting.command);
      if (decision.accepted && decision.event !== undefined) state.add(decision.event);
      return decision;
    });
  }

  /** Each change is judged by its own size: small ones pass although the same batch has one that is too large. */
  #refuseForSpace({ command, sizeBytes }: WaitingCommand): Decision | undefined {
    if (this.#space === undefined || !this.isOnDisk || !isGrowth(command)) return undefined;
    return this.#space.allowsGrowth(sizeBytes) ? undefined : refuseGrowth(sizeBytes, this.#space.largestBytes);
  }

  /** Applies all lines before any answer: a client that has an answer can read its own write. */
  #applyAndAnswer(
    batch: Batch, decisions: readonly Decision[], lines: readonly AppendedLine[], isDurable: boolean,
  ): void {
    const writtenWith = this.#model.state.newest?.settings.storage;
    let next = 0;
    const answers: ((volatile: boolean) => void)[] = [];
    for (const [index, waiting] of batch.entries()) {
      const decision = decisions[index];
      invariant(decision !== undefined, 'every command was decided');
      if (!decision.accepted) {
        const { refusal } = decision;
        if (refusal instanceof PreconditionFailedError) refusal.complete(lines);
        answers.push(() => waiting.reject(refusal));
        continue;
      }
      if (decision.event === undefined) {
        const { lastSeq: seq, count, steps } = decision;
        const result = { seq, hash: undefined, created: false, count, ...(steps && { steps }) };
        answers.push((volatile) => waiting.resolve({ ...result, volatile }));
        continue;
      }
      const line = lines[next];
      next += 1;
      invariant(line !== undefined, 'the log answers every draft');
      this.#apply(decision.event, line, waiting.context.actor);
      const { seq, hash } = line;
      const { created, count, steps } = decision;
      const result = { seq, hash, created, count };
      answers.push((volatile) => waiting.resolve(steps === undefined ? { ...result, volatile } : { ...result, steps, volatile }));
    }
    if (lines.length > 0) this.onApplied();
    const volatile = this.isOnDisk && !isDurable && writtenWith?.durability !== 'fsync';
    for (const answer of answers) answer(volatile);
  }

  #apply(event: ProjectEvent, line: AppendedLine, actor: string): void {
    const { seq, timeMs, hash, place } = line;
    this.#model.apply({ event, seq, timeMs, hash, actor, place });
    this.#hash = hash;
    if (event.op === 'project.update') this.log.configure(logOptionsOf(event.settings.storage));
    if (event.op.startsWith('project.')) this.onProjectChange();
  }
}

/** Refuses a command whose authorization ended while it was queued, and no other of the batch. */
function refuseIfUnauthorized({ assertAllowed }: CommandContext): Decision | undefined {
  try {
    assertAllowed?.();
    return undefined;
  } catch (refusal) {
    if (refusal instanceof AppError) return { accepted: false, refusal };
    throw refusal;
  }
}

/** Whether a decision changes the project itself: its creation, its settings or its API key. */
function changesProject(decision: Decision): boolean {
  return decision.accepted && decision.event?.op.startsWith('project.') === true;
}

function draftsOf(batch: Batch, decisions: readonly Decision[]): LineDraft[] {
  const drafts: LineDraft[] = [];
  for (const [index, { context }] of batch.entries()) {
    const decision = decisions[index];
    if (decision?.accepted !== true || decision.event === undefined) continue;
    const { op, body, format } = encodeEvent(decision.event);
    drafts.push({ op, body, format, actor: context.actor, request: context.requestId });
  }
  return drafts;
}
