/**
 * The events of listed API keys: in the log of the project that they belong to, or in the registry for those of `default`. They name a key
 * by its id. That a key expires is no event: what made or changed it said when.
 */
import type { Permission } from '../api/permissions.js';

/** What is recorded of a listed API key. Times are RFC 3339 in UTC with milliseconds. */
export interface RecordedAccess {
  /** 16 hexadecimal digits. */
  readonly key_id: string;
  /** A label; several keys may have the same. */
  readonly name: string;
  /** In the order of `PERMISSIONS`. */
  readonly permissions: readonly Permission[];
  /** Null: it works from the beginning. */
  readonly not_before: string | null;
  /** Null: it does not expire. */
  readonly expires_at: string | null;
}

/** A key was added. */
interface AccessAdded extends RecordedAccess {
  readonly op: 'access.add';
}

/** A key got another name, or expires at another time. */
interface AccessChanged extends Pick<RecordedAccess, 'key_id' | 'name' | 'expires_at'> {
  readonly op: 'access.change';
}

/** A key was removed. */
interface AccessRemoved {
  readonly op: 'access.remove';
  readonly key_id: string;
}

/** A key was added in place of another, which expires. */
interface AccessRotated extends RecordedAccess {
  readonly op: 'access.rotate';
  readonly previous_key_id: string;
  readonly previous_expires_at: string;
}

/** An event of a listed API key. */
export type AccessEvent = AccessAdded | AccessChanged | AccessRemoved | AccessRotated;

/** The operations; a total record, so that a new event cannot be forgotten. */
const ACCESS_OPS: Readonly<Record<AccessEvent['op'], true>> = {
  'access.add': true, 'access.change': true, 'access.remove': true, 'access.rotate': true,
};

/** Tells whether an operation is one of a listed API key. */
export function isAccessOperation(op: string): op is AccessEvent['op'] {
  return Object.hasOwn(ACCESS_OPS, op);
}

/** Tells whether an event is one of a listed API key. */
export function isAccessEvent(event: { readonly op: string }): event is AccessEvent {
  return isAccessOperation(event.op);
}
