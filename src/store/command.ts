/**
 * Commands: requests to a project's store, as data. A command may be refused.
 */
import type { ProjectSettings, ProjectSettingsChange } from '../events/project-settings.js';

/**
 * The condition that the current version of a key must fulfil for a write.
 *
 * - `match`: the key exists, and if `seq` is given, that is its version.
 * - `absent`: the key does not exist.
 * - `never`: no version matches, because the client named a version of another log.
 */
export type Precondition = { readonly kind: 'match'; readonly seq?: number } | { readonly kind: 'absent' } | { readonly kind: 'never' };

/** Sets the value of a key. */
interface SetCommand {
  readonly type: 'set';
  readonly key: string;
  /** Valid JSON text without CR and LF. */
  readonly value: string;
  readonly precondition?: Precondition;
}

/** Deletes an existing key. */
interface DeleteCommand {
  readonly type: 'delete';
  readonly key: string;
  readonly precondition?: Precondition;
}

/** Deletes all keys. */
interface ClearCommand {
  readonly type: 'clear';
}

/** Changes a project's settings. */
export interface UpdateProjectCommand {
  readonly type: 'project.update';
  readonly change: ProjectSettingsChange;
  /** Id of the new API key, null for none; absent: the current one stays. */
  readonly keyId?: string | null;
}

/** Records a new API key of a project. */
interface ChangeKeyCommand {
  readonly type: 'project.key';
  readonly keyId: string | null;
}

/** Creates a project: the first event of a new log. */
interface CreateProjectCommand {
  readonly type: 'project.create';
  readonly settings: ProjectSettings;
  readonly keyId: string | null;
}

/** Any command of a store. */
export type Command = SetCommand | DeleteCommand | ClearCommand | UpdateProjectCommand | ChangeKeyCommand | CreateProjectCommand;

/** The origin of a command, recorded in its event. */
export interface CommandContext {
  /** See `events/actor.ts`. */
  readonly actor: string;
  /** Id of the request. */
  readonly requestId: string;
  /**
   * Checks the authorization again in the turn that decides the command, because it may have ended meanwhile. Throws the refusal. Absent
   * for commands of the server itself, and for changes that were checked as a whole.
   */
  readonly assertAllowed?: () => void;
}

/** The result of an accepted command. */
export interface CommandResult {
  /** Seq of the event: the version of the key that it changed. */
  readonly seq: number;
  /** The receipt: the hash of the event's line. */
  readonly hash: string;
  /** True if the event may not be on disk yet: a project on disk with durability `interval` or `os`. */
  readonly volatile: boolean;
  /** `set`: true if the key did not exist before. */
  readonly created: boolean;
  /** `clear`: number of deleted keys; otherwise 0. */
  readonly count: number;
}
