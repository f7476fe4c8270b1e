/**
 * Commands: wishes that may be refused. What a caller asks of a project's store, as data.
 */
import type { ProjectSettings, ProjectSettingsChange } from '../events/project-settings.js';

/**
 * What must be true of a key's present version for a write to happen.
 *
 * - `match`: there is a version, and where `seq` is given it is that one.
 * - `absent`: there is none.
 * - `never`: nothing can match, because the caller named a version of another log.
 */
export type Precondition = { readonly kind: 'match'; readonly seq?: number } | { readonly kind: 'absent' } | { readonly kind: 'never' };

/** Gives a key a value. */
export interface SetCommand {
  readonly type: 'set';
  readonly key: string;
  /** Valid JSON text without CR and LF. */
  readonly value: string;
  readonly precondition?: Precondition;
}

/** Removes a key that exists. */
export interface DeleteCommand {
  readonly type: 'delete';
  readonly key: string;
  readonly precondition?: Precondition;
}

/** Removes every key. */
export interface ClearCommand {
  readonly type: 'clear';
}

/** Changes a project's settings. */
export interface UpdateProjectCommand {
  readonly type: 'project.update';
  readonly change: ProjectSettingsChange;
  /** The id of the key that holds afterwards, null for none; absent: the one that holds now. */
  readonly keyId?: string | null;
}

/** Records that a project has another API key. */
export interface ChangeKeyCommand {
  readonly type: 'project.key';
  readonly keyId: string | null;
}

/** The first event of a new log. */
export interface CreateProjectCommand {
  readonly type: 'project.create';
  readonly settings: ProjectSettings;
  readonly keyId: string | null;
}

/** Anything that a project's store can be asked to do. */
export type Command = SetCommand | DeleteCommand | ClearCommand | UpdateProjectCommand | ChangeKeyCommand | CreateProjectCommand;

/** Who asks, on whose behalf: recorded in the event. */
export interface CommandContext {
  /** See `events/actor.ts`. */
  readonly actor: string;
  /** The request's id; see `base/request-id.ts`. */
  readonly requestId: string;
  /**
   * Asked again in the turn in which a change is decided, since a right may have ended while the change waited: throws what the
   * caller is refused with. Absent where the server itself asks, or where the whole of a change was allowed already.
   */
  readonly assertAllowed?: () => void;
}

/** What came of a command that was carried out. */
export interface CommandResult {
  /** Place of the event in the project's log: the version of the key that it changed. */
  readonly seq: number;
  /** The receipt: the hash of the event's line. */
  readonly hash: string;
  /** True where the answer came before the disk had it: durability `interval` or `os` of a project on disk. */
  readonly volatile: boolean;
  /** `set`: true when the key did not exist before. */
  readonly created: boolean;
  /** `clear`: how many keys there were; otherwise 0. */
  readonly count: number;
}
