/**
 * The vocabulary: everything that can happen to a project or to the server, as data. Knows nothing of lines, files or HTTP.
 */
import type { ProjectSettings } from './project-settings.js';

/** A project came to be. Always seq 1 of its log, or the first event after a pinned base. */
export interface ProjectCreated {
  readonly op: 'project.create';
  readonly settings: ProjectSettings;
  /** 16 hexadecimal digits of SHA-256 of the stored hash of its key, null where it has none. */
  readonly key_id: string | null;
}

/** A project's settings changed; carries all of them, not the difference. */
export interface ProjectUpdated {
  readonly op: 'project.update';
  readonly settings: ProjectSettings;
  readonly key_id: string | null;
}

/** A project got another key of access. */
export interface ProjectKeyChanged {
  readonly op: 'project.key';
  readonly settings: ProjectSettings;
  readonly key_id: string | null;
}

/** A key got a value. */
export interface KeySet {
  readonly op: 'set';
  readonly key: string;
  /** The value's JSON text as the client sent it, without CR and LF. */
  readonly value: string;
}

/** A key and its value are gone. */
export interface KeyDeleted {
  readonly op: 'delete';
  readonly key: string;
}

/** Every key of the project is gone. */
export interface KeysCleared {
  readonly op: 'clear';
  /** How many keys there were. */
  readonly count: number;
}

/** What stands in a project's log. */
export type ProjectEvent = ProjectCreated | ProjectUpdated | ProjectKeyChanged | KeySet | KeyDeleted | KeysCleared;

/** The server's own log: a project with a log on disk exists from here on. */
export interface ProjectRegistered {
  readonly op: 'project.created';
  readonly id: string;
  readonly log_id: string;
}

/** The server's own log: a project is deleted. This line is the commit of the deletion. */
export interface ProjectUnregistered {
  readonly op: 'project.deleted';
  readonly id: string;
  readonly log_id: string;
  /** The last seq of the deleted log, 0 where it could not be read. */
  readonly last_seq: number;
  /** The hash of that line, empty where it could not be read. */
  readonly last_hash: string;
}

/** The server's own log: the configuration file was edited by hand and the edit took effect. */
export interface ConfigEdited {
  readonly op: 'config.edited';
  /** `default` for the server's own settings, otherwise a project's id. */
  readonly scope: string;
  /** Names of what changed, such as `storage.segment_bytes` or `authentication.api_key`. */
  readonly changed: readonly string[];
  /** The key id that holds now, null where there is no key. */
  readonly key_id: string | null;
}

/** What stands in the server's own log. */
export type ServerEvent = ProjectRegistered | ProjectUnregistered | ConfigEdited;

/** Any event. */
export type AnyEvent = ProjectEvent | ServerEvent;

/**
 * Tells the server's events from those of projects.
 *
 * @param event any event
 * @returns true for an event of the server's own log
 */
export function isServerEvent(event: AnyEvent): event is ServerEvent {
  return event.op === 'project.created' || event.op === 'project.deleted' || event.op === 'config.edited';
}

/**
 * Tells the events of projects from the server's.
 *
 * @param event any event
 * @returns true for an event of a project's log
 */
export function isProjectEvent(event: AnyEvent): event is ProjectEvent {
  return !isServerEvent(event);
}

/** An event at its place: what a projection is given. */
export interface Recorded<E extends AnyEvent = AnyEvent> {
  /** Place in the log, from 1 without gaps. */
  readonly seq: number;
  /** Milliseconds since 1970; never decreases within a log but for jumps of over 60 s. */
  readonly timeMs: number;
  /** Who did it; see `actor.ts`. */
  readonly actor: string;
  /** Hash of the line: the receipt. */
  readonly hash: string;
  readonly event: E;
}
