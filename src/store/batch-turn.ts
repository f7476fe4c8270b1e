/**
 * One turn of a store: decides a batch of commands, appends it with one write, applies it, and answers. Owns the log and the hash of the
 * last applied line; the store schedules the turns.
 */
import { AppError } from '../base/app-error.js';
import { invariant } from '../base/invariant.js';
import { ACTOR_SERVER } from '../events/actor.js';
import { encodeEvent } from '../events/codec.js';
import { isAccessOperation } from '../events/access-event.js';
import type { ProjectEvent } from '../events/event.js';
import { idempotencyKeyIn } from '../events/idempotency.js';
import type { StorageSettings } from '../events/project-settings.js';
import type { AppendedLine, LineDraft, Log, LogOptions } from '../log/log.js';
import type { ProjectModel } from '../projections/project-model.js';
import { BatchState } from './batch-state.js';
import type { WaitingCommand } from './command-queue.js';
import type { Command, CommandContext } from './command.js';
import { decide, type Decision } from './decide.js';
import { expireEvents } from './expired-keys.js';
import { PreconditionFailedError } from './precondition-failed.js';
import { RepeatedRequests, type Repetition } from './repeated-requests.js';
import { growthOf, isGrowth, refuseGrowth, type DiskSpaceForGrowth } from './disk-space-for-growth.js';
import type { TurnObserver } from './turn-observer.js';

type Batch = readonly WaitingCommand[];

/** A line that a turn is about to write. */
interface PlannedLine {
  readonly event: ProjectEvent;
  readonly actor: string;
  readonly request: string;
  /** Of a request that takes effect once. */
  readonly fingerprint?: string | undefined;
}

/** A decision, and the index of its line if it has one. The line of a repetition is that of another command of the batch. */
interface PlannedDecision {
  readonly decision: Decision | Repetition;
  readonly line?: number;
}

/** What a turn does: a decision for each command, and the lines, some of which may be the server's own. */
interface Plan {
  readonly decisions: readonly PlannedDecision[];
  readonly lines: readonly PlannedLine[];
}

const NOTHING_PLANNED: Plan = { decisions: [], lines: [] };

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
  readonly #observer: TurnObserver | undefined;
  #hash: string;

  /**
   * @param log all of its lines are applied
   * @param space asked before a project on disk grows
   */
  constructor(log: Log, model: ProjectModel, space: DiskSpaceForGrowth | undefined, observer?: TurnObserver) {
    this.log = log;
    this.#model = model;
    this.#space = space;
    this.#observer = observer;
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
    let plan: Plan = NOTHING_PLANNED;
    let appended: readonly AppendedLine[] = [];
    let isDurable = false;
    this.#observer?.taken(batch.length);
    const nowMs = this.log.clock.now();
    try {
      await this.#refreshSpace(batch);
      plan = this.#plan(batch, { nowMs, canAppend: this.log.state() === 'writable' });
      // The configuration and the registry are durable and name versions of the settings, so these must be durable first: a log that
      // a power loss cuts off before such a version would be refused as an older copy.
      isDurable = plan.lines.some(mustBeDurable);
      const drafts = plan.lines.map(draftOf);
      // Only lines of sealed segments are erased.
      const beginsSegment = drafts.some(({ op }) => op === 'redact');
      if (drafts.length > 0) appended = await this.log.append(drafts, this.#model.lastSeq, { isDurable, beginsSegment, timeMs: nowMs });
    } catch (error) {
      if (plan.lines.length === 0 || plan.decisions.some(({ line }) => line !== undefined)) {
        for (const waiting of batch) waiting.reject(error);
        return;
      }
      // Nothing was to be written but that keys have expired, which every reader sees without it.
      plan = this.#plan(batch, { nowMs, canAppend: false });
    }
    const volatile = this.isOnDisk && !isDurable && this.#model.state.newest?.settings.storage.durability !== 'fsync';
    this.#applyLines(plan.lines, appended);
    this.#answer(batch, plan, appended, volatile);
  }

  async #refreshSpace(batch: Batch): Promise<void> {
    const bytes = growthOf(batch);
    if (bytes > 0 && this.isOnDisk) await this.#space?.refresh(bytes);
  }

  /** @param canAppend false: no line can be written, so a refusal goes without that of the expired keys that it rests on */
  #plan(batch: Batch, { nowMs, canAppend }: { readonly nowMs: number; readonly canAppend: boolean }): Plan {
    const state = new BatchState(this.#model, nowMs);
    const lines: PlannedLine[] = [];
    let spaceRefusal: Decision | undefined;
    let repeated: RepeatedRequests | undefined;
    const decisions = batch.map((waiting): PlannedDecision => {
      const unauthorized = refuseIfUnauthorized(waiting.context);
      if (unauthorized !== undefined) return { decision: unauthorized };
      const { actor, requestId: request, fingerprint } = waiting.context;
      if (fingerprint !== undefined) {
        repeated ??= new RepeatedRequests(this.#model.requests, nowMs);
        const known = repeated.find(waiting);
        if (known !== undefined) return known;
      }
      const refusal = this.#refuseForSpace(waiting);
      spaceRefusal ??= refusal;
      // No other command can be decided on a project whose creation was refused.
      if (spaceRefusal !== undefined && state.settings === undefined) return { decision: spaceRefusal };
      const decision = decideAfterExpiry(state, waiting.command, canAppend && refusal === undefined ? lines : undefined);
      if (!decision.accepted || decision.event === undefined) return { decision };
      if (refusal !== undefined) return { decision: refusal };
      state.add(decision.event);
      const line = lines.push({ event: decision.event, actor, request, fingerprint }) - 1;
      repeated?.add(waiting, decision, line);
      return { decision, line };
    });
    return { decisions, lines };
  }

  /** Each change is judged by its own size: small ones pass although the same batch has one that is too large. */
  #refuseForSpace({ command, sizeBytes }: WaitingCommand): Decision | undefined {
    if (this.#space === undefined || !this.isOnDisk || !isGrowth(command)) return undefined;
    return this.#space.allowsGrowth(sizeBytes) ? undefined : refuseGrowth(sizeBytes, this.#space.largestBytes);
  }

  /** Applies all lines before any answer: a client that has an answer can read its own write. */
  #applyLines(planned: readonly PlannedLine[], lines: readonly AppendedLine[]): void {
    for (const [index, line] of lines.entries()) this.#apply(planned[index] as PlannedLine, line);
    if (lines.length > 0) this.onApplied();
  }

  #answer(batch: Batch, { decisions }: Plan, lines: readonly AppendedLine[], volatile: boolean): void {
    for (const [index, waiting] of batch.entries()) {
      const { decision, line: at = -1 } = decisions[index] as PlannedDecision;
      if (!decision.accepted) {
        const { refusal } = decision;
        if (refusal instanceof PreconditionFailedError) refusal.complete(lines);
        waiting.reject(refusal);
        continue;
      }
      if (decision.event === undefined) {
        if ('repeats' in decision) {
          waiting.resolve({ ...decision.repeats, ...receiptIn(lines[at]), volatile, isRepeated: true });
          continue;
        }
        const { lastSeq: seq, count, steps } = decision;
        waiting.resolve({ seq, hash: undefined, created: false, count, volatile, ...(steps && { steps }) });
        continue;
      }
      const line = lines[at];
      invariant(line !== undefined, 'the log answers every draft');
      const { seq, hash } = line;
      const { created, count, steps, expiresAt } = decision;
      const result = { seq, hash, created, count, volatile };
      if (steps === undefined && expiresAt === undefined) waiting.resolve(result);
      else waiting.resolve({ ...result, ...(steps && { steps }), ...(expiresAt !== undefined && { expiresAt }) });
    }
  }

  #apply({ event, actor, request, fingerprint }: PlannedLine, line: AppendedLine): void {
    const { seq, timeMs, hash, place } = line;
    const idempotencyKey = fingerprint === undefined ? undefined : idempotencyKeyIn(request);
    this.#model.apply({ event, seq, timeMs, hash, actor, place, idempotencyKey });
    if (fingerprint !== undefined) this.#model.requests.setFingerprint(seq, fingerprint);
    this.#hash = hash;
    if (event.op === 'expire') this.#observer?.expired(this.log.project, event.keys.length);
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

/** The receipt of a line; nothing without one. */
function receiptIn(line: AppendedLine | undefined): Pick<AppendedLine, 'seq' | 'hash'> | undefined {
  return line && { seq: line.seq, hash: line.hash };
}

/** Whether a line is about the project itself, its creation, its settings, its API keys, or about the erasing of files. */
function mustBeDurable({ event: { op } }: PlannedLine): boolean {
  return op.startsWith('project.') || isAccessOperation(op) || op === 'redact';
}

function draftOf({ event, actor, request }: PlannedLine): LineDraft {
  const { op, body, format } = encodeEvent(event);
  return { op, body, format, actor, request };
}

/**
 * Decides a command. If the decision rests on keys that have expired and are still in the model, the line that removes them comes first;
 * and so it does for others that have expired, if a quota would refuse the command.
 *
 * @param lines of the batch so far; undefined: none can be written
 */
function decideAfterExpiry(state: BatchState, command: Command, lines: PlannedLine[] | undefined): Decision {
  const decision = decide(state, command);
  const met = state.takeMetExpired();
  if (lines === undefined) return decision;
  const isOverQuota = !decision.accepted && decision.refusal.code === 'quota_exceeded';
  const expired = met.length === 0 && isOverQuota ? state.takeExpiredForRoom() : met;
  if (expired.length === 0) return decision;
  for (const event of expireEvents(expired)) {
    lines.push({ event, actor: ACTOR_SERVER, request: '' });
    state.add(event);
  }
  // The same again, but for the seq that it was made at.
  return decideAfterExpiry(state, command, lines);
}
