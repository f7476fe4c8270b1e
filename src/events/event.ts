/**
 * The vocabulary: everything that can happen to a project or to the server, as data. Knows nothing of lines, files or HTTP.
 */
import type { TextPlace } from '../base/text-place.js';
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

/** A project got another API key. */
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

/** The registry: a project with a log on disk exists from here on. */
export interface ProjectRegistered {
  readonly op: 'project.created';
  readonly id: string;
  readonly log_id: string;
}

/** The registry: a project is deleted. This line is the commit of the deletion. */
export interface ProjectUnregistered {
  readonly op: 'project.deleted';
  readonly id: string;
  readonly log_id: string;
  /** The last seq of the deleted log, 0 where it could not be read. */
  readonly last_seq: number;
  /** The hash of that line, empty where it could not be read. */
  readonly last_hash: string;
}

/** The registry: the configuration file was edited by hand and the edit took effect. */
export interface ConfigEdited {
  readonly op: 'config.edited';
  /** `default` for the server's own settings, otherwise a project's id. */
  readonly scope: string;
  /** Names of what changed, such as `storage.segment_bytes` or `authentication.api_key`. */
  readonly changed: readonly string[];
  /** The key id that holds now, null where there is no key. */
  readonly key_id: string | null;
}

/** The registry: a project left the disk. Its files stay in `_left`, and it lives on in memory. */
export interface ProjectLeft {
  readonly op: 'project.left';
  readonly id: string;
  readonly log_id: string;
  readonly last_seq: number;
  readonly last_hash: string;
}

/** The registry: an operator let a project go on from what could still be trusted of it. */
export interface ProjectRepaired {
  readonly op: 'project.repaired';
  readonly id: string;
  /** The log that goes on. */
  readonly log_id: string;
  /** The log that was damaged, empty where that could not be read. */
  readonly previous_log_id: string;
  /** The last line that was kept. */
  readonly last_seq: number;
  readonly last_hash: string;
  /** Bytes of lines that were not kept. */
  readonly dropped_bytes: number;
  /** Where the files were copied to before, relative to the data folder. */
  readonly copy: string;
}

/** The registry: a snapshot of a project was committed. */
export interface SnapshotCommitted {
  readonly op: 'snapshot.committed';
  readonly id: string;
  readonly log_id: string;
  /** The last event that it holds. */
  readonly last_seq: number;
  readonly key_count: number;
  /** Size of the snapshot in bytes, and SHA-256 of it. */
  readonly bytes: number;
  readonly sha256: string;
  readonly duration_ms: number;
}

/** The registry: a sealed segment is about to be removed, because the project's retention says so. */
export interface SegmentRemoved {
  readonly op: 'segment.removed';
  readonly id: string;
  readonly log_id: string;
  readonly first_seq: number;
  readonly last_seq: number;
  /** Size of its text in bytes, and SHA-256 of it. */
  readonly bytes: number;
  readonly sha256: string;
}

/** What stands in the registry. */
export type ServerEvent =
  ProjectRegistered | ProjectUnregistered | ConfigEdited | ProjectLeft | ProjectRepaired | SnapshotCommitted | SegmentRemoved;

/** The operations of the registry; a total record, so that a new event cannot be forgotten here. */
const SERVER_OPS: Readonly<Record<ServerEvent['op'], true>> = {
  'project.created': true,
  'project.deleted': true,
  'config.edited': true,
  'project.left': true,
  'project.repaired': true,
  'snapshot.committed': true,
  'segment.removed': true,
};

/** Any event. */
export type AnyEvent = ProjectEvent | ServerEvent;

/**
 * Tells the server's operations from those of projects.
 *
 * @returns true for one of the registry
 */
export function isServerOperation(op: string): op is ServerEvent['op'] {
  return Object.hasOwn(SERVER_OPS, op);
}

/**
 * Tells the server's events from those of projects.
 *
 * @returns true for an event of the registry
 */
export function isServerEvent(event: AnyEvent): event is ServerEvent {
  return isServerOperation(event.op);
}

/**
 * Tells the events of projects from the server's.
 *
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
  /** Where the fields of the event lie in the log; absent where it keeps nothing that could be read again. */
  readonly place?: TextPlace;
  readonly event: E;
}
