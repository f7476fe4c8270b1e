/**
 * Recognizes requests that were sent before, while a batch is decided: those that are remembered, and those of the batch itself.
 */
import { AppError } from '../base/app-error.js';
import { invariant } from '../base/invariant.js';
import { idempotencyKeyIn } from '../events/idempotency.js';
import { CHECKSUM_OF_ALL, checksumOfKeys, checksumOfRange } from '../events/keys-checksum.js';
import type { FoundRequest } from '../projections/requests/request-records.js';
import type { RequestWindow } from '../projections/requests/request-window.js';
import type { WaitingCommand } from './command-queue.js';
import type { BatchStep, Command } from './command.js';
import type { Decision } from './decide.js';

/** What a request did when it was sent first. */
interface RepeatedEffect {
  /** Of its line; 0 and empty while that is still to be written. */
  readonly seq: number;
  readonly hash: string;
  readonly created: boolean;
  readonly count: number;
}

/** The decision on a request that was sent before. */
export interface Repetition {
  readonly accepted: true;
  readonly event: undefined;
  readonly repeats: RepeatedEffect;
}

/** A decision, with the index of the line in the batch that its answer rests on, if there is one. */
interface RepeatedDecision {
  readonly decision: Decision | Repetition;
  readonly line?: number;
}

/** A request of the batch that will have a line. */
interface QueuedRequest {
  readonly fingerprint: string;
  readonly repetition: RepeatedDecision;
}

/** The requests of one batch that have a fingerprint. */
export class RepeatedRequests {
  readonly #window: RequestWindow;
  readonly #nowMs: number;
  /** By actor and request id. */
  readonly #queued = new Map<string, Map<string, QueuedRequest>>();

  /** @param nowMs the time of the lines of the batch */
  constructor(window: RequestWindow, nowMs: number) {
    this.#window = window;
    this.#nowMs = nowMs;
  }

  /** Decides a request that was sent before; undefined for a new one. */
  find({ command, context: { actor, requestId, fingerprint } }: Pick<WaitingCommand, 'command' | 'context'>): RepeatedDecision | undefined {
    invariant(fingerprint !== undefined, 'a request that takes effect once has a fingerprint');
    const queued = this.#queued.get(actor)?.get(requestId);
    if (queued !== undefined) return queued.fingerprint === fingerprint ? queued.repetition : reused();
    const found = this.#window.find(actor, idempotencyKeyIn(requestId) ?? '', this.#nowMs);
    if (found === undefined) return undefined;
    // Fingerprints do not outlive the process.
    const isSame = found.fingerprint === undefined ? isChange(found, command) : found.fingerprint === fingerprint;
    if (!isSame) return reused();
    const { seq, hash } = found;
    return repetition({ seq, hash, created: command.type === 'set' && found.count > 0, count: countOf(found, command) });
  }

  /** Adds a request that is accepted with a line of the batch, if it has a fingerprint. */
  add({ context }: WaitingCommand, { created, count }: Pick<RepeatedEffect, 'created' | 'count'>, line: number): void {
    const { actor, requestId, fingerprint } = context;
    if (fingerprint === undefined) return;
    let ofActor = this.#queued.get(actor);
    if (ofActor === undefined) this.#queued.set(actor, ofActor = new Map());
    const { decision } = repetition({ seq: 0, hash: '', created, count });
    ofActor.set(requestId, { fingerprint, repetition: { decision, line } });
  }
}

/**
 * Finds what a request did when it was sent before, without the turn that decides it: for a change that takes work to find out.
 *
 * @param nowMs the time of a line that is written now
 * @returns undefined if it is not known, or not to take effect once
 * @throws {AppError} `idempotency_key_reused`
 */
export function recallRequest(
  window: RequestWindow, nowMs: number, request: Pick<WaitingCommand, 'command' | 'context'>,
): RepeatedEffect | undefined {
  if (request.context.fingerprint === undefined) return undefined;
  const known = new RepeatedRequests(window, nowMs).find(request)?.decision;
  if (known?.accepted === false) throw known.refusal;
  return known !== undefined && 'repeats' in known ? known.repeats : undefined;
}

function repetition(repeats: RepeatedEffect): RepeatedDecision {
  return { decision: { accepted: true, event: undefined, repeats } };
}

function reused(): RepeatedDecision {
  const message = 'Cannot use this Idempotency-Key: another request was sent with it; send a key of its own with each new request';
  return { decision: { accepted: false, refusal: new AppError('idempotency_key_reused', message) } };
}

/** How many keys a command deleted, or brought back. A change of one key has the line of that. */
function countOf({ op, count }: FoundRequest, { type }: Command): number {
  if (type === 'revert') return op === 'batch' ? count : 1;
  return type === 'clear' || type === 'clear.range' ? count : 0;
}

/** Whether a line can be that of a command. A change of one key may be the only one of a batch that had an effect. */
function isChange({ op, checksum }: FoundRequest, command: Command): boolean {
  switch (command.type) {
    case 'set':
      return SETTING_OPS.has(op) && checksum === checksumOfKeys([command.key]);
    case 'delete':
      return op === 'delete' && checksum === checksumOfKeys([command.key]);
    case 'batch':
      return isBatchChange({ op, checksum }, command.steps);
    case 'clear':
      return op === 'clear' && checksum === CHECKSUM_OF_ALL;
    case 'clear.range':
      return op === 'clear.range' && checksum === checksumOfRange(command.range);
    case 'revert':
      // What it changes depends on the moment: only the kind of line can be compared.
      return REVERTING_OPS.has(op);
    default:
      return false;
  }
}

/** Operations of lines that a revert can have. */
const REVERTING_OPS: ReadonlySet<string> = new Set(['set', 'set.until', 'delete', 'batch']);
/** Operations of lines that give one key a value, with an expiry or without. */
const SETTING_OPS: ReadonlySet<string> = new Set(['set', 'set.until']);

/** What a batch sets is in its line; of the keys that it deletes or touches only, those that existed are. */
function isBatchChange({ op, checksum }: Pick<FoundRequest, 'op' | 'checksum'>, steps: readonly BatchStep[]): boolean {
  const set = new Set<string>();
  const others = new Set<string>();
  for (const { op: what, key } of steps) {
    if (what === 'check') continue;
    // The line has the keys in the order in which they were changed last.
    const isSet = set.delete(key) && what === 'touch';
    if (what === 'set' || isSet) set.add(key);
    else others.add(key);
  }
  if (set.size > 0) return (SETTING_OPS.has(op) || op === 'batch') && checksum === checksumOfKeys([...set]);
  if (op === 'delete' || op === 'touch') return [...others].some((key) => checksum === checksumOfKeys([key]));
  // Any of these keys may have been absent, so their checksum tells nothing.
  return op === 'batch';
}
