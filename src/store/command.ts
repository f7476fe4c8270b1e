/**
 * Commands: requests to a project's store, as data. A command may be refused.
 */
import type { AccessEvent } from '../events/access-event.js';
import type { RedactedLine } from '../events/event.js';
import type { KeyRange } from '../events/key-range.js';
import type { ProjectSettings, ProjectSettingsChange } from '../events/project-settings.js';

/**
 * The condition that the current version of a key must fulfil for a write.
 *
 * - `match`: the key exists, and if `seq` is given, that is its version; if `tag` is given, it is the tag of that version. A version that
 *   the same turn makes has no tag yet, so it matches none: no client can have it.
 * - `absent`: the key does not exist.
 * - `never`: no version matches, because the client named something else.
 */
export type Precondition =
  { readonly kind: 'match'; readonly seq?: number; readonly tag?: number } | { readonly kind: 'absent' } | { readonly kind: 'never' };

/**
 * When a key expires.
 *
 * - `after`: so many seconds after the time of the line.
 * - `at`: at this time, in milliseconds since 1970. If it is not after the time of the line, the command is refused.
 * - `keep`: when the version before it does; never, if there is none.
 * - `never`: at no time.
 */
export type Expiry =
  | { readonly kind: 'after'; readonly seconds: number }
  | { readonly kind: 'at'; readonly timeMs: number }
  | { readonly kind: 'keep' }
  | { readonly kind: 'never' };

/** Sets the value of a key. */
interface SetCommand {
  readonly type: 'set';
  readonly key: string;
  /** Valid JSON text without CR and LF. */
  readonly value: string;
  readonly precondition?: Precondition;
  /** @default never */
  readonly expiry?: Expiry;
}

/** Deletes an existing key. */
interface DeleteCommand {
  readonly type: 'delete';
  readonly key: string;
  readonly precondition?: Precondition;
}

/** What a deletion of many keys depends on. */
export interface ClearLimits {
  /** The number of keys that there must be to delete. */
  readonly expectCount?: number;
  /** True: only counts them. @default false */
  readonly isDryRun?: boolean;
}

/** Deletes all keys. */
interface ClearCommand extends ClearLimits {
  readonly type: 'clear';
}

/** Deletes all keys of a range. It is decided in a turn of its own, so that the keys are those of the model. */
interface ClearRangeCommand extends ClearLimits {
  readonly type: 'clear.range';
  readonly range: KeyRange;
}

/** One step of a batch. */
export type BatchStep =
  /** Demands a version, and changes nothing. */
  | { readonly op: 'check'; readonly key: string; readonly precondition: Precondition }
  /** Its value is valid JSON text without CR and LF, and without space around it. */
  | { readonly op: 'set'; readonly key: string; readonly value: string; readonly precondition?: Precondition; readonly expiry?: Expiry }
  /** With `ifExists`, a key that did not exist before the batch fails it. */
  | { readonly op: 'delete'; readonly key: string; readonly precondition?: Precondition; readonly ifExists?: boolean }
  /** Sets when a key expires, if it exists, and with that makes a version. `ifExists` as in a deletion. */
  | {
      readonly op: 'touch'; readonly key: string; readonly expiry: Expiry; readonly precondition?: Precondition;
      readonly ifExists?: boolean;
    };

/** Changes several keys at once, or none of them. Conditions are about the state before it; changes apply in their order. */
interface BatchCommand {
  readonly type: 'batch';
  readonly steps: readonly BatchStep[];
}

/** A change of one key that brings back what it was. */
export interface RevertedKey {
  readonly key: string;
  /** The version that it must still have; 0 if it must not exist. */
  readonly seenSeq: number;
  /** When that version expires, in milliseconds since 1970; null for never. Once it has, that is no change by anyone. */
  readonly seenExpiresAtMs: number | null;
  /** What the key gets; undefined: it is deleted. Its value is valid JSON text without CR and LF. */
  readonly target: { readonly value: string; readonly expiresAtMs: number | null } | undefined;
}

/** Brings back what keys were, all of them at once. It is decided in a turn of its own, since it can be as large as a line. */
export interface RevertCommand {
  readonly type: 'revert';
  /** No key twice. */
  readonly keys: readonly RevertedKey[];
  /**
   * Seq of the newest redaction when the values were read, 0 for none: a later one may have erased them.
   *
   * @default the newest there is
   */
  readonly redactionSeq?: number;
}

/** Removes some of the keys that have expired, if there are any. */
interface ExpireCommand {
  readonly type: 'expire';
}

/** Erases the values of lines. */
interface RedactCommand {
  readonly type: 'redact';
  readonly reason: string;
  /** What is erased, of lines that exist. */
  readonly lines: readonly RedactedLine[];
  readonly base?: { readonly old: string; readonly new: string };
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

/** Records what happened to a listed API key. */
interface AccessCommand {
  readonly type: 'access';
  readonly event: AccessEvent;
}

/** Any command of a store. */
export type Command =
  | SetCommand | DeleteCommand | BatchCommand | RevertCommand | ClearCommand | ClearRangeCommand | ExpireCommand | RedactCommand
  | UpdateProjectCommand | ChangeKeyCommand | AccessCommand | CreateProjectCommand;

/** The origin of a command, recorded in its event. */
export interface CommandContext {
  /** See `events/actor.ts`. */
  readonly actor: string;
  /** Id of the request. */
  readonly requestId: string;
  /**
   * Of everything that is asked for, if the request has an idempotency key in its id: it takes effect once, and is answered again with what
   * it did.
   */
  readonly fingerprint?: string | undefined;
  /**
   * Checks the authorization again in the turn that decides the command, because it may have ended meanwhile. Throws the refusal. Absent
   * for commands of the server itself, and for changes that were checked as a whole.
   */
  readonly assertAllowed?: () => void;
}

/** The result of a step of a batch: the version that was checked, whether the key was created, or whether it existed. */
export type StepResult =
  | { readonly key: string; readonly seq: number }
  | { readonly key: string; readonly created: boolean }
  | { readonly key: string; readonly existed: boolean };

/** The result of an accepted command. */
export interface CommandResult {
  /** Seq of the event: the version of the keys that it changed. The last seq before it if the command changed nothing. */
  readonly seq: number;
  /** The receipt: the hash of the event's line. Undefined for a command that changed nothing: it has no line. */
  readonly hash: string | undefined;
  /** True if the event may not be on disk yet: a project on disk with durability `interval` or `os`. */
  readonly volatile: boolean;
  /** `set`: true if the key did not exist before. */
  readonly created: boolean;
  /** When the key expires, in RFC 3339, or null for never: of a `set` with an `expiry` only. */
  readonly expiresAt?: string | null;
  /** The result of each step, of a `batch` only. */
  readonly steps?: readonly StepResult[];
  /** Number of keys that a `clear` or `clear.range` deleted, or in a dry run would delete, or that a `revert` changed; otherwise 0. */
  readonly count: number;
  /** True if the request was sent before: this is what it did then, without the results of steps. */
  readonly isRepeated?: true;
}
