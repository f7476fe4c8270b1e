/**
 * The events: everything that can happen to a project or to the registry, as data. Knows nothing of lines, files or HTTP.
 */
import type { ByteRange } from '../base/byte-scan.js';
import type { TextPlace } from '../base/text-place.js';
import { type AccessEvent, isAccessOperation } from './access-event.js';
import type { KeyRange } from './key-range.js';
import type { ProjectSettings } from './project-settings.js';

/** A project was created. Always seq 1 of its log, or the first event after a base. */
interface ProjectCreated {
  readonly op: 'project.create';
  readonly settings: ProjectSettings;
  /** The id of its API key: 16 hexadecimal digits of SHA-256 of the stored hash; null for none. */
  readonly key_id: string | null;
}

/** The settings of a project changed. Carries all of them, not the difference. */
interface ProjectUpdated {
  readonly op: 'project.update';
  readonly settings: ProjectSettings;
  readonly key_id: string | null;
}

/** The API key of a project changed. */
interface ProjectKeyChanged {
  readonly op: 'project.key';
  readonly settings: ProjectSettings;
  readonly key_id: string | null;
}

/** A key was set. */
export interface KeySet {
  readonly op: 'set';
  readonly key: string;
  /** The value's JSON text as the client sent it, without CR and LF. */
  readonly value: string;
  /** The same in UTF-8, if a log has it at hand, for a projection that keeps bytes. Valid while it is applied. */
  readonly bytes?: SetBytes;
}

/** The key of a {@link KeySet} in ASCII, as JSON spells it without escapes, with its value in UTF-8 in the same buffer. */
export interface SetBytes extends ByteRange {
  readonly valueStart: number;
  readonly valueEnd: number;
}

/** A key was set, and exists until a time. */
export interface KeySetUntil {
  readonly op: 'set.until';
  /** From then on the key does not exist: RFC 3339 in UTC with milliseconds. */
  readonly expires_at: string;
  readonly key: string;
  /** As that of a {@link KeySet}. */
  readonly value: string;
}

/** A key was deleted. */
interface KeyDeleted {
  readonly op: 'delete';
  readonly key: string;
}

/** A key got another expiry, and with it another version. Its value stays. */
export interface KeyTouched {
  readonly op: 'touch';
  /** As that of a {@link KeySetUntil}; null for never. */
  readonly expires_at: string | null;
  readonly key: string;
}

/** A change of one key that a batch can have. */
export type BatchedChange = KeySet | KeySetUntil | KeyDeleted | KeyTouched;

/** Keys that had expired were removed. */
interface KeysExpired {
  readonly op: 'expire';
  /** At least one, and no key twice. */
  readonly keys: readonly string[];
}

/** One of the keys of a {@link KeysExpired}. */
interface KeyExpired {
  readonly op: 'expire';
  readonly key: string;
}

/** A change of one key. */
export type KeyChanged = BatchedChange | KeyExpired;

/** Several keys were changed at once. */
export interface KeysChanged {
  readonly op: 'batch';
  /** At least one, and no key twice. */
  readonly ops: readonly BatchedChange[];
}

/** Every key of the project was deleted. */
interface KeysCleared {
  readonly op: 'clear';
  /** The number of deleted keys. */
  readonly count: number;
}

/** Every key of a range was deleted, at least one. */
export interface RangeCleared extends RangeConditions {
  readonly op: 'clear.range';
  /** The number of deleted keys. */
  readonly count: number;
}

/** Values of lines were erased. */
export interface LinesRedacted {
  readonly op: 'redact';
  readonly reason: string;
  readonly lines: readonly RedactedLine[];
  /** Set if the log continues from a snapshot that was made again without the values: digests of both manifests. */
  readonly base?: { readonly old: string; readonly new: string };
}

/** A line whose values were erased. */
export interface RedactedLine {
  readonly seq: number;
  /** SHA-256 of the part of the line that was erased; null if the log no longer had the line, and only snapshots had its values. */
  readonly digest: string | null;
  /** Length of that part in bytes; null likewise. */
  readonly bytes: number | null;
  /** The fields of the operation without its values. */
  readonly left: Readonly<Record<string, unknown>>;
}

/** The conditions of a range; null for one that is not made. */
type RangeConditions = { readonly [Bound in keyof KeyRange]-?: string | null };

/** An event of a project's log. */
export type ProjectEvent =
  | ProjectCreated | ProjectUpdated | ProjectKeyChanged | BatchedChange | KeysChanged | KeysExpired | KeysCleared | RangeCleared
  | AccessEvent | LinesRedacted;

/** Registry: a project with a log on disk exists. */
interface ProjectRegistered {
  readonly op: 'project.created';
  readonly id: string;
  readonly log_id: string;
}

/** Registry: a project was deleted. This line commits the deletion. */
interface ProjectUnregistered {
  readonly op: 'project.deleted';
  readonly id: string;
  readonly log_id: string;
  /** The last seq of the deleted log; 0 if it could not be read. */
  readonly last_seq: number;
  /** The hash of that line; empty if it could not be read. */
  readonly last_hash: string;
}

/** Registry: a hand edit of the configuration file took effect. */
interface ConfigEdited {
  readonly op: 'config.edited';
  /** `default` for the server's own settings, otherwise a project's id. */
  readonly scope: string;
  /** The names of the changed settings, such as `storage.segment_bytes` or `authentication.api_key`. */
  readonly changed: readonly string[];
  /** The id of the current API key; null for none. */
  readonly key_id: string | null;
}

/** Registry: a project moved from disk to memory. Its files stay in `_left`. */
interface ProjectLeft {
  readonly op: 'project.left';
  readonly id: string;
  readonly log_id: string;
  readonly last_seq: number;
  readonly last_hash: string;
}

/** Registry: an operator repaired a project, keeping the sound part of its log. */
export interface ProjectRepaired {
  readonly op: 'project.repaired';
  readonly id: string;
  /** The repaired log. */
  readonly log_id: string;
  /** The damaged log; empty if its id could not be read. */
  readonly previous_log_id: string;
  /** The last line kept. */
  readonly last_seq: number;
  readonly last_hash: string;
  /** Bytes of the lines dropped. */
  readonly dropped_bytes: number;
  /** The folder with a copy of the original files, relative to the data folder. */
  readonly copy: string;
}

/** Registry: a project was restored from a backup. */
export interface ProjectRestored {
  readonly op: 'project.restored';
  readonly id: string;
  /** The log in the backup, or a new one that continues from its state. */
  readonly log_id: string;
  /** The last line in the backup. */
  readonly last_seq: number;
  readonly last_hash: string;
  /** When the backup was made: RFC 3339 in UTC with milliseconds. */
  readonly backup_time: string;
}

/** Registry: a snapshot of a project was committed. */
interface SnapshotCommitted {
  readonly op: 'snapshot.committed';
  readonly id: string;
  readonly log_id: string;
  /** The last event in the snapshot. */
  readonly last_seq: number;
  readonly key_count: number;
  /** Size of the snapshot in bytes, and its SHA-256. */
  readonly bytes: number;
  readonly sha256: string;
  readonly duration_ms: number;
}

/** Registry: a sealed segment is about to be removed by retention. */
interface SegmentRemoved {
  readonly op: 'segment.removed';
  readonly id: string;
  readonly log_id: string;
  readonly first_seq: number;
  readonly last_seq: number;
  /** Size of its uncompressed text in bytes, and its SHA-256. */
  readonly bytes: number;
  readonly sha256: string;
}

/** An event that only the registry has. */
type RegistryEvent =
  | ProjectRegistered | ProjectUnregistered | ConfigEdited | ProjectLeft | ProjectRepaired | ProjectRestored | SnapshotCommitted
  | SegmentRemoved;

/** An event of the registry. */
export type ServerEvent = RegistryEvent | AccessEvent;

/** The operations that only the registry has; a total record, so that a new event cannot be forgotten. */
const REGISTRY_OPS: Readonly<Record<RegistryEvent['op'], true>> = {
  'project.created': true,
  'project.deleted': true,
  'config.edited': true,
  'project.left': true,
  'project.repaired': true,
  'project.restored': true,
  'snapshot.committed': true,
  'segment.removed': true,
};

/** Any event. */
export type AnyEvent = ProjectEvent | ServerEvent;

/** Tells whether the registry can have an operation. */
export function isServerOperation(op: string): op is ServerEvent['op'] {
  return Object.hasOwn(REGISTRY_OPS, op) || isAccessOperation(op);
}

/** Tells whether the log of a project can have an operation. */
export function isProjectOperation(op: string): op is ProjectEvent['op'] {
  return !Object.hasOwn(REGISTRY_OPS, op);
}

/** Tells whether the registry can have an event. */
export function isServerEvent(event: AnyEvent): event is ServerEvent {
  return isServerOperation(event.op);
}

/** Tells whether the log of a project can have an event. */
export function isProjectEvent(event: AnyEvent): event is ProjectEvent {
  return isProjectOperation(event.op);
}

/** Returns the range of conditions. */
export function rangeOf({ prefix, start, end }: RangeConditions): KeyRange {
  return { ...(prefix !== null && { prefix }), ...(start !== null && { start }), ...(end !== null && { end }) };
}

/** Returns the conditions of a range. */
export function rangeConditions({ prefix, start, end }: KeyRange): RangeConditions {
  return { prefix: prefix ?? null, start: start ?? null, end: end ?? null };
}

/** Returns the changes of single keys that an event made, in their order. */
export function keyChangesOf(event: AnyEvent): readonly KeyChanged[] {
  switch (event.op) {
    case 'batch':
      return event.ops;
    case 'expire':
      return event.keys.map((key) => ({ op: 'expire', key }));
    case 'set':
    case 'set.until':
    case 'delete':
    case 'touch':
      return [event];
    default:
      return [];
  }
}

/** Tells whether a change gives its key a value. */
export function setsValue(change: KeyChanged): change is KeySet | KeySetUntil {
  return change.op === 'set' || change.op === 'set.until';
}

/** Tells whether a change removes its key. */
export function removesKey({ op }: KeyChanged): boolean {
  return op === 'delete' || op === 'expire';
}

/** Returns when a key expires after a change that leaves it, in milliseconds since 1970; null for never. */
export function expiryAfter(change: KeyChanged): number | null {
  return 'expires_at' in change && change.expires_at !== null ? Date.parse(change.expires_at) : null;
}

/** An event as the log recorded it: the input of a projection. */
export interface Recorded<E extends AnyEvent = AnyEvent> {
  /** Position in the log, from 1 without gaps. */
  readonly seq: number;
  /** Milliseconds since 1970; never decreases within a log, except for jumps of more than 60 s. */
  readonly timeMs: number;
  /** Who caused it; see `actor.ts`. */
  readonly actor: string;
  /** The key that the client gave the request behind it, see `idempotency.ts`; absent for none. */
  readonly idempotencyKey?: string | undefined;
  /** Hash of the line: the receipt. */
  readonly hash: string;
  /** The tag of the version that it makes, see `key-version.ts`, if that is quicker to read than the hash. */
  readonly tag?: number | undefined;
  /** The place of the event's fields in the log; absent if the log cannot read them again. */
  readonly place?: TextPlace | undefined;
  readonly event: E;
}
