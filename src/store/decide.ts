/**
 * Decides commands: a pure function of a command and the state at its position in the order. The turn in `batch-turn.ts` calls it.
 */
import { AppError } from '../base/app-error.js';
import { invariant } from '../base/invariant.js';
import { rangeConditions, type KeyChanged, type ProjectEvent } from '../events/event.js';
import type { KeyRange } from '../events/key-range.js';
import { mergeSettings, type ProjectSettings } from '../events/project-settings.js';
import type { BatchStep, ClearLimits, Command, Precondition, StepResult } from './command.js';
import { type FoundVersion, PreconditionFailedError } from './precondition-failed.js';

/** The state for a decision: everything durable, and the earlier decisions of the batch. */
export interface DecisionState {
  /** Number of keys. */
  readonly keyCount: number;
  /** Seq of the last line. */
  readonly lastSeq: number;
  /** The settings of the project; undefined before its first event. */
  readonly settings: ProjectSettings | undefined;
  readonly keyId: string | null;
  /** The version of a key, 0 if it does not exist. */
  versionOf(key: string): number;
  /** The number of keys in a range, before anything of the batch is decided. */
  countIn(range: KeyRange): number;
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
      /** Number of keys that a clear deletes. */
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
      return decideSet(state, command);
    case 'delete':
      return decideDelete(state, command);
    case 'batch':
      return decideBatch(state, command.steps);
    case 'clear':
      return decideClear(state, { op: 'clear', count: state.keyCount }, command);
    case 'clear.range':
      return decideClear(state, { op: 'clear.range', ...rangeConditions(command.range), count: state.countIn(command.range) }, command);
    case 'project.update': {
      const settings = mergeSettings(state.settings, command.change);
      return accept({ op: 'project.update', settings, key_id: command.keyId === undefined ? state.keyId : command.keyId });
    }
    case 'project.key':
      return accept({ op: 'project.key', settings: state.settings, key_id: command.keyId });
  }
}

function decideSet(state: DecisionState, command: Extract<Command, { type: 'set' }>): Decision {
  const refusal = refuseByPrecondition(state, command.key, command.precondition);
  if (refusal !== undefined) return { accepted: false, refusal };
  return accept({ op: 'set', key: command.key, value: command.value }, { created: state.versionOf(command.key) === 0 });
}

/** Checks the precondition before existence: a client that names a version of a deleted key gets 412. */
function decideDelete(state: DecisionState, command: Extract<Command, { type: 'delete' }>): Decision {
  const refusal = refuseByPrecondition(state, command.key, command.precondition);
  if (refusal !== undefined) return { accepted: false, refusal };
  if (state.versionOf(command.key) > 0) return accept({ op: 'delete', key: command.key });
  return { accepted: false, refusal: new AppError('key_not_found', 'Cannot delete the key: it does not exist') };
}

function decideClear(
  { lastSeq }: DecisionState, event: Extract<ProjectEvent, { count: number }>, { expectCount: expected, isDryRun = false }: ClearLimits,
): Decision {
  const { op, count } = event;
  // A line of a range deletes something.
  const isWithoutLine = isDryRun || (op === 'clear.range' && count === 0);
  if (expected === undefined || expected === count) {
    return isWithoutLine ? { accepted: true, event: undefined, count, lastSeq } : accept(event, { count });
  }
  const message = `Cannot delete the keys: there are ${count}, not ${expected}; look at them, then try again with their number`;
  return { accepted: false, refusal: new AppError('precondition_failed', message, { facts: { expected, actual: count } }) };
}

/** What a batch leaves of a key, and the results of its steps. */
interface BatchOutcome {
  /** The change of each key, in the order in which the keys were changed last. */
  readonly changes: Map<string, KeyChanged>;
  readonly steps: StepResult[];
}

/** A line has each key once: of several changes of a key only the last is ever seen. */
function decideBatch(state: DecisionState, steps: readonly BatchStep[]): Decision {
  const outcome: BatchOutcome = { changes: new Map(), steps: [] };
  for (const [index, step] of steps.entries()) {
    const refusal = refuseStep(state, step);
    if (refusal !== undefined) return { accepted: false, refusal: refusal.inBatch(index, step.key) };
    outcome.steps.push(takeStep(state, step, outcome));
  }
  const ops = [...outcome.changes.values()];
  const [first] = ops;
  if (first === undefined) return { accepted: true, event: undefined, steps: outcome.steps, count: 0, lastSeq: state.lastSeq };
  const event = ops.length === 1 ? first : { op: 'batch', ops } as const;
  return { accepted: true, event, created: false, count: 0, steps: outcome.steps };
}

function refuseStep(state: DecisionState, { op, key, precondition, ...step }: BatchStep): PreconditionFailedError | undefined {
  const mustExist = op === 'delete' && 'ifExists' in step && step.ifExists === true;
  return refuseByPrecondition(state, key, precondition) ?? (mustExist ? refuseByPrecondition(state, key, { kind: 'match' }) : undefined);
}

function takeStep(state: DecisionState, step: BatchStep, { changes }: BatchOutcome): StepResult {
  const { key } = step;
  const version = state.versionOf(key);
  if (step.op === 'check') return { key, seq: version };
  const earlier = changes.get(key);
  const existed = earlier === undefined ? version > 0 : earlier.op === 'set';
  changes.delete(key);
  if (step.op === 'set') changes.set(key, { op: 'set', key, value: step.value });
  else if (version > 0) changes.set(key, { op: 'delete', key });
  return step.op === 'set' ? { key, created: !existed } : { key, existed };
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

function accept(event: ProjectEvent, effect: { readonly created?: boolean; readonly count?: number } = {}): Decision {
  return { accepted: true, event, created: effect.created ?? false, count: effect.count ?? 0 };
}
