/**
 * The decision: what a command comes to in a given state. Pure; the turn in `project-store.ts` gives it state and time.
 */
import { AppError } from '../base/app-error.js';
import { invariant } from '../base/invariant.js';
import type { ProjectEvent } from '../events/event.js';
import { mergeSettings, type ProjectSettings } from '../events/project-settings.js';
import type { Command, Precondition } from './command.js';

/** The state that decisions rest on: everything durable, and what this batch has decided so far. */
export interface DecisionState {
  /** How many keys there are. */
  readonly keyCount: number;
  /** The project's settings; undefined before its first event. */
  readonly settings: ProjectSettings | undefined;
  readonly keyId: string | null;
  /** @returns its version, 0 when it does not exist */
  versionOf(key: string): number;
}

/** What a command comes to. */
export type Decision =
  | {
      readonly accepted: true;
      readonly event: ProjectEvent;
      /** True when the event brings a key into being. */
      readonly created: boolean;
      /** How many keys the event removes by clearing. */
      readonly count: number;
    }
  | { readonly accepted: false; readonly refusal: AppError };

/**
 * Decides a command.
 *
 * An event that cannot follow on what is there would make the log unreadable for ever, so a command that asks for one is stopped here.
 *
 * @param state what holds at this place of the order
 * @throws {InvariantError} for a command that cannot be asked for here, such as a second creation
 */
export function decide(state: DecisionState, command: Command): Decision {
  if (command.type === 'project.create') {
    invariant(state.settings === undefined, 'a project is created once');
    return accept({ op: 'project.create', settings: command.settings, key_id: command.keyId });
  }
  invariant(state.settings !== undefined, 'a project is created before anything else happens to it');
  switch (command.type) {
    case 'set':
      return decideSet(state, command);
    case 'delete':
      return decideDelete(state, command);
    case 'clear':
      return accept({ op: 'clear', count: state.keyCount }, { count: state.keyCount });
    case 'project.update': {
      const settings = mergeSettings(state.settings, command.change);
      return accept({ op: 'project.update', settings, key_id: command.keyId === undefined ? state.keyId : command.keyId });
    }
    case 'project.key':
      return accept({ op: 'project.key', settings: state.settings, key_id: command.keyId });
  }
}

function decideSet(state: DecisionState, command: Extract<Command, { type: 'set' }>): Decision {
  const version = state.versionOf(command.key);
  const refusal = refuseByPrecondition(version, command.precondition);
  if (refusal !== undefined) return { accepted: false, refusal };
  return accept({ op: 'set', key: command.key, value: command.value }, { created: version === 0 });
}

/** The precondition is decided before existence: a caller who named a version learns that it is gone, by 412. */
function decideDelete(state: DecisionState, command: Extract<Command, { type: 'delete' }>): Decision {
  const version = state.versionOf(command.key);
  const refusal = refuseByPrecondition(version, command.precondition);
  if (refusal !== undefined) return { accepted: false, refusal };
  if (version === 0) return { accepted: false, refusal: new AppError('key_not_found', 'Cannot delete the key: it does not exist') };
  return accept({ op: 'delete', key: command.key });
}

function refuseByPrecondition(version: number, precondition: Precondition | undefined): AppError | undefined {
  if (precondition === undefined || holds(version, precondition)) return undefined;
  const present = version === 0 ? 'it does not exist' : `its version is ${version}`;
  return new AppError('precondition_failed', `Cannot change the key: ${present}`, { facts: { current_seq: version } });
}

function holds(version: number, precondition: Precondition): boolean {
  switch (precondition.kind) {
    case 'match':
      return version > 0 && (precondition.seq === undefined || version === precondition.seq);
    case 'absent':
      return version === 0;
    case 'never':
      return false;
  }
}

function accept(event: ProjectEvent, effect: { readonly created?: boolean; readonly count?: number } = {}): Decision {
  return { accepted: true, event, created: effect.created ?? false, count: effect.count ?? 0 };
}
