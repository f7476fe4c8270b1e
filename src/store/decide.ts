/**
 * Decides commands: a pure function of a command and the state at its position in the order. The turn in `batch-turn.ts` calls it.
 */
import { AppError } from '../base/app-error.js';
import { invariant } from '../base/invariant.js';
import { isoTime } from '../base/iso-time.js';
import { type BatchedChange, expiryAfter, type ProjectEvent, rangeConditions, removesKey, setsValue } from '../events/event.js';
import { hasExpired, setUntil, touchUntil } from '../events/expiry.js';
import type { KeyRange } from '../events/key-range.js';
import { erasedVersions } from '../events/redaction.js';
import { mergeSettings, type ProjectSettings } from '../events/project-settings.js';
import type { BatchStep, ClearLimits, Command, Expiry, Precondition, StepResult } from './command.js';
import { decideRevert } from './decide-revert.js';
import { expireEvents } from './expired-keys.js';
import { type FoundVersion, PreconditionFailedError } from './precondition-failed.js';
import { refuseOverQuota } from './quota.js';
import { valueInUse } from './value-in-use.js';

const MS_PER_SECOND = 1000;

/** The state for a decision: everything durable, and the earlier decisions of the batch. */
export interface DecisionState {
  /** The time, in milliseconds since 1970. */
  readonly nowMs: number;
  /** Number of keys, with those that have expired and are not removed yet. */
  readonly keyCount: number;
  /** Number of keys without those. */
  readonly visibleCount: number;
  /** Size of all keys and values in bytes, which is exact while there is a quota of bytes. */
  readonly contentBytes: number;
  /** Seq of the last line. */
  readonly lastSeq: number;
  /** Seq of the newest line that records an erasure of values; 0 for none. */
  readonly redactionSeq: number;
  /** The settings of the project; undefined before its first event. */
  readonly settings: ProjectSettings | undefined;
  readonly keyId: string | null;
  /** The version of a key, 0 if it does not exist or has expired. */
  versionOf(key: string): number;
  /** The size of the value of an existing key, in bytes. Asked only while there is a quota of bytes. */
  valueBytesOf(key: string): number;
  /** When a key expires, in milliseconds since 1970; null for never, and if it does not exist. */
  expiryOf(key: string): number | null;
  /** Some of the keys that have expired and are not removed yet, as many as a line has, those first that expired first. */
  expiredKeys(): readonly string[];
  /** The number of keys in a range before anything of the batch is decided, with and without those that have expired. */
  countIn(range: KeyRange): { readonly all: number; readonly visible: number };
  /** The tag of the version of an existing key; undefined if the batch makes that version, since its line is still to be written. */
  tagOf(key: string): number | undefined;
}

/** The decision on a command. */
export type Decision =
  | {
      readonly accepted: true;
      readonly event: ProjectEvent;
      /** Results of the steps, of a batch only. */
      readonly steps?: readonly StepResult[];
      /** True if the event creates a key. */
      readonly created: boolean;
      /** When the key of a `set` with an `expiry` expires. */
      readonly expiresAt?: string | null;
      /** Number of keys that a clear deletes, or a revert changes. */
      readonly count: number;
    }
  /** There is nothing to change: the command is answered without a line. */
  | {
      readonly accepted: true; readonly event: undefined; readonly steps?: readonly StepResult[];
      /** Number of keys that a clear would delete. */
      readonly count: number;
      /** Seq of the last line before it. */
      readonly lastSeq: number;
    }
  | Refusal;

/** The refusal of a command. */
interface Refusal {
  readonly accepted: false;
  readonly refusal: AppError;
}

/**
 * Decides a command.
 *
 * @throws {InvariantError} for a command that is impossible in this state, such as a second creation: its event would make the log
 *   permanently unreadable
 */
export function decide(state: DecisionState, command: Command): Decision {
  if (command.type === 'project.create') {
    invariant(state.settings === undefined, 'a project is created once');
    return accept({ op: 'project.create', settings: command.settings, key_id: command.keyId });
  }
  invariant(state.settings !== undefined, 'a project is created before any other command');
  switch (command.type) {
    case 'set':
      return withinQuota(state, decideSet(state, command));
    case 'delete':
      return decideDelete(state, command);
    case 'batch':
      return withinQuota(state, decideBatch(state, command.steps));
    case 'revert':
      return withinQuota(state, decideRevert(state, command));
    case 'clear':
      return decideClear(state, { op: 'clear', count: state.keyCount }, state.visibleCount, command);
    case 'clear.range': {
      const { all, visible } = state.countIn(command.range);
      return decideClear(state, { op: 'clear.range', ...rangeConditions(command.range), count: all }, visible, command);
    }
    case 'expire':
      return decideExpire(state);
    case 'redact':
      return decideRedact(state, command);
    case 'project.update': {
      const settings = mergeSettings(state.settings, command.change);
      return accept({ op: 'project.update', settings, key_id: command.keyId === undefined ? state.keyId : command.keyId });
    }
    case 'project.key':
      return accept({ op: 'project.key', settings: state.settings, key_id: command.keyId });
    case 'access':
      return accept(command.event);
  }
}

function withinQuota(state: DecisionState, decision: Decision): Decision {
  if (!decision.accepted || decision.event === undefined) return decision;
  const refusal = refuseOverQuota(state, decision.event);
  return refusal === undefined ? decision : { accepted: false, refusal };
}

function decideSet(state: DecisionState, command: Extract<Command, { type: 'set' }>): Decision {
  const { key, value, expiry } = command;
  const refusal = refuseByPrecondition(state, key, command.precondition);
  if (refusal !== undefined) return { accepted: false, refusal };
  if (isPast(state, expiry)) return { accepted: false, refusal: refusePast(state, expiry) };
  const created = state.versionOf(key) === 0;
  if (expiry === undefined) return accept({ op: 'set', key, value }, { created });
  const event = setUntil(key, value, expiryMs(state, expiry, state.expiryOf(key)));
  return accept(event, { created, expiresAt: event.op === 'set' ? null : event.expires_at });
}

function isPast({ nowMs }: DecisionState, expiry: Expiry | undefined): expiry is Extract<Expiry, { kind: 'at' }> {
  return expiry?.kind === 'at' && hasExpired(expiry.timeMs, nowMs);
}

function pastExpiry({ nowMs }: DecisionState, { timeMs }: Extract<Expiry, { kind: 'at' }>): string {
  return `"expires_at" must be in the future: it is ${isoTime(timeMs)}, and now is ${isoTime(nowMs)} by the clock of the project`;
}

function refusePast(state: DecisionState, expiry: Extract<Expiry, { kind: 'at' }>): AppError {
  return new AppError('invalid_query', `Cannot use the query: ${pastExpiry(state, expiry)}`, { facts: { parameter: 'expires_at' } });
}

/** @param before when the version before expires */
function expiryMs({ nowMs }: DecisionState, expiry: Expiry, before: number | null): number | null {
  switch (expiry.kind) {
    case 'after':
      return nowMs + expiry.seconds * MS_PER_SECOND;
    case 'at':
      return expiry.timeMs;
    case 'keep':
      return before;
    case 'never':
      return null;
  }
}

function decideExpire(state: DecisionState): Decision {
  const [event] = expireEvents(state.expiredKeys());
  return event === undefined ? { accepted: true, event, count: 0, lastSeq: state.lastSeq } : accept(event);
}

/** Checks the precondition before existence: a client that names a version of a deleted key gets 412. */
function decideDelete(state: DecisionState, command: Extract<Command, { type: 'delete' }>): Decision {
  const refusal = refuseByPrecondition(state, command.key, command.precondition);
  if (refusal !== undefined) return { accepted: false, refusal };
  if (state.versionOf(command.key) > 0) return accept({ op: 'delete', key: command.key });
  return { accepted: false, refusal: new AppError('key_not_found', 'Cannot delete the key: it does not exist') };
}

/**
 * @param event counts what is removed, with keys that have expired
 * @param count what a client can have seen
 */
function decideClear(
  { lastSeq }: DecisionState, event: Extract<ProjectEvent, { count: number }>, count: number,
  { expectCount: expected, isDryRun = false }: ClearLimits,
): Decision {
  const { op } = event;
  // A line of a range deletes something.
  const isWithoutLine = isDryRun || (op === 'clear.range' && count === 0);
  if (expected === undefined || expected === count) {
    return isWithoutLine ? { accepted: true, event: undefined, count, lastSeq } : accept(event, { count });
  }
  const message = `Cannot delete the keys: there are ${count}, not ${expected}; look at them, then try again with their number`;
  return { accepted: false, refusal: new AppError('precondition_failed', message, { facts: { expected, actual: count } }) };
}

function decideRedact(state: DecisionState, { reason, lines, base }: Extract<Command, { type: 'redact' }>): Decision {
  const event = { op: 'redact', reason, lines, ...(base && { base }) } as const;
  const keys = erasedVersions(event).filter(({ key, seq }) => state.versionOf(key) === seq).map(({ key }) => key);
  if (keys.length === 0) return accept(event);
  return { accepted: false, refusal: valueInUse(keys) };
}

/** What a batch leaves of a key, and the results of its steps. */
interface BatchOutcome {
  /** The change of each key, in the order in which the keys were changed last. */
  readonly changes: Map<string, BatchedChange>;
  readonly steps: StepResult[];
}

/** A line has each key once: of several changes of a key only the last is ever seen. */
function decideBatch(state: DecisionState, steps: readonly BatchStep[]): Decision {
  const outcome: BatchOutcome = { changes: new Map(), steps: [] };
  for (const [index, step] of steps.entries()) {
    const refusal = refuseStep(state, step, index);
    if (refusal !== undefined) return { accepted: false, refusal };
    outcome.steps.push(takeStep(state, step, outcome));
  }
  const ops = [...outcome.changes.values()];
  const [first] = ops;
  if (first === undefined) return { accepted: true, event: undefined, steps: outcome.steps, count: 0, lastSeq: state.lastSeq };
  const event = ops.length === 1 ? first : { op: 'batch', ops } as const;
  return { accepted: true, event, created: false, count: 0, steps: outcome.steps };
}

function refuseStep(state: DecisionState, step: BatchStep, index: number): AppError | undefined {
  const { key, precondition } = step;
  const mustExist = 'ifExists' in step && step.ifExists === true;
  const refusal = refuseByPrecondition(state, key, precondition)
    ?? (mustExist ? refuseByPrecondition(state, key, { kind: 'match' }) : undefined);
  if (refusal !== undefined) return refusal.inBatch(index, key);
  if (!('expiry' in step) || !isPast(state, step.expiry)) return undefined;
  const message = `Nothing was changed: operation ${index} of the batch failed. ${pastExpiry(state, step.expiry)}`;
  return new AppError('invalid_batch', message, {
    facts: { op_index: index, pointer: `/ops/${index}/expires_at`, expected: 'a time in the future' },
  });
}

function takeStep(state: DecisionState, step: BatchStep, { changes }: BatchOutcome): StepResult {
  const { key } = step;
  const version = state.versionOf(key);
  if (step.op === 'check') return { key, seq: version };
  const earlier = changes.get(key);
  const existed = earlier === undefined ? version > 0 : !removesKey(earlier);
  const change = changeBy(state, step, earlier, existed);
  if (change !== undefined) {
    changes.delete(key);
    changes.set(key, change);
  } else if (step.op === 'delete') {
    // It was created by the batch, which leaves nothing of it.
    changes.delete(key);
  }
  return step.op === 'set' ? { key, created: !existed } : { key, existed };
}

/**
 * @param earlier what the batch does to the key so far
 * @param existed whether the key exists after that
 * @returns what the batch then does to the key; undefined for nothing new
 */
function changeBy(
  state: DecisionState, step: Exclude<BatchStep, { op: 'check' }>, earlier: BatchedChange | undefined, existed: boolean,
): BatchedChange | undefined {
  const { key } = step;
  if (step.op === 'delete') return state.versionOf(key) > 0 ? { op: 'delete', key } : undefined;
  const before = earlier === undefined ? state.expiryOf(key) : expiryAfter(earlier);
  if (step.op === 'set') return setUntil(key, step.value, step.expiry === undefined ? null : expiryMs(state, step.expiry, before));
  if (!existed) return undefined;
  const expiresAtMs = expiryMs(state, step.expiry, before);
  return earlier !== undefined && setsValue(earlier) ? setUntil(key, earlier.value, expiresAtMs) : touchUntil(key, expiresAtMs);
}

function refuseByPrecondition(
  state: DecisionState, key: string, precondition: Precondition | undefined,
): PreconditionFailedError | undefined {
  if (precondition === undefined) return undefined;
  const seq = state.versionOf(key);
  const found = { seq, tag: seq === 0 ? undefined : state.tagOf(key) };
  if (holds(found, precondition)) return undefined;
  const message = `Cannot change the key: ${seq === 0 ? 'it does not exist' : presentVersion(seq, precondition)}`;
  return new PreconditionFailedError(message, { current_seq: seq }, found);
}

function presentVersion(seq: number, precondition: Precondition): string {
  const isOfOtherLine = precondition.kind === 'match' && precondition.seq === seq;
  return isOfOtherLine ? `its version ${seq} was made by another line of the log than that of the ETag` : `its version is ${seq}`;
}

function holds({ seq, tag }: FoundVersion, precondition: Precondition): boolean {
  switch (precondition.kind) {
    case 'match':
      return seq > 0 && [undefined, seq].includes(precondition.seq) && (precondition.tag === undefined || precondition.tag === tag);
    case 'absent':
      return seq === 0;
    case 'never':
      return false;
  }
}

/** What an event does that its answer says. */
interface Effect {
  readonly created?: boolean;
  readonly count?: number;
  readonly expiresAt?: string | null;
}

function accept(event: ProjectEvent, { created = false, count = 0, expiresAt }: Effect = {}): Decision {
  return { accepted: true, event, created, count, ...(expiresAt !== undefined && { expiresAt }) };
}
