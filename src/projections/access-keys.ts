/**
 * The listed API keys of a scope, fed from the log that records them: of a project, or the registry for those of `default`. The keys in
 * force are those of the configuration; this says when each was recorded, and which were removed, so that an older copy of the
 * configuration does not bring them back.
 */
import { type Permission, PERMISSIONS } from '../api/permissions.js';
import { KEY_ID_PATTERN } from '../api/schemas/access.js';
import { ISO_TIME_SCHEMA } from '../base/iso-time.js';
import { compileSchema } from '../base/json-schema.js';
import type { AccessEvent, RecordedAccess } from '../events/access-event.js';

/** What is recorded of a key. */
interface AccessRecord {
  readonly name: string;
  readonly permissions: readonly Permission[];
  readonly notBefore: string | null;
  readonly expiresAt: string | null;
  /** When it was added, in milliseconds since 1970. */
  readonly addedMs: number;
}

/** The state for {@link AccessKeys.restore}. */
interface SavedAccess {
  readonly seq: number;
  readonly keys: readonly (AccessRecord & { readonly keyId: string })[];
  readonly removed: readonly { readonly keyId: string; readonly seq: number }[];
}

/** Removed keys that are remembered. Of more, an old copy of the configuration would bring the oldest back. */
export const REMOVED_KEYS_MAX = 10_000;

const KEY_ID = { type: 'string', pattern: KEY_ID_PATTERN };
const SEQ = { type: 'integer', minimum: 1 };
const TIME = { anyOf: [ISO_TIME_SCHEMA, { type: 'null' }] };
const RECORD = {
  keyId: KEY_ID,
  name: { type: 'string' },
  permissions: { type: 'array', items: { enum: PERMISSIONS } },
  notBefore: TIME,
  expiresAt: TIME,
  addedMs: { type: 'integer' },
};
const REMOVED = { keyId: KEY_ID, seq: SEQ };

function objectOf(properties: object): object {
  return { type: 'object', additionalProperties: false, required: Object.keys(properties), properties };
}

/** The schema of a saved state. */
export const SAVED_ACCESS_SCHEMA = objectOf({
  seq: SEQ, keys: { type: 'array', items: objectOf(RECORD) }, removed: { type: 'array', items: objectOf(REMOVED) },
});

const checkSaved = compileSchema<SavedAccess>(SAVED_ACCESS_SCHEMA);

/** The recorded keys of a scope. */
export class AccessKeys {
  readonly #keys = new Map<string, AccessRecord>();
  /** The seq of the removal by key id, oldest first. */
  readonly #removed = new Map<string, number>();
  #lastSeq = 0;

  /** The seq of the last event; 0 if there was none. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** The ids of the recorded keys, expired ones included. */
  get keyIds(): readonly string[] {
    return [...this.#keys.keys()];
  }

  /** Returns what is recorded of a key; undefined if it was not added, or removed since. */
  get(keyId: string): AccessRecord | undefined {
    return this.#keys.get(keyId);
  }

  /** Returns the seq at which a key was removed; undefined if it was not, or added again since. */
  removedSeq(keyId: string): number | undefined {
    return this.#removed.get(keyId);
  }

  /** Takes in an event. */
  apply(event: AccessEvent, { seq, timeMs }: { readonly seq: number; readonly timeMs: number }): void {
    this.#lastSeq = seq;
    switch (event.op) {
      case 'access.add':
        this.#add(event, timeMs);
        break;
      case 'access.rotate':
        this.#add(event, timeMs);
        this.#amend(event.previous_key_id, { expiresAt: event.previous_expires_at });
        break;
      case 'access.change':
        this.#amend(event.key_id, { name: event.name, expiresAt: event.expires_at });
        break;
      case 'access.remove':
        this.#remove(event.key_id, seq);
        break;
    }
  }

  #add({ key_id: keyId, name, permissions, not_before: notBefore, expires_at: expiresAt }: RecordedAccess, addedMs: number): void {
    this.#removed.delete(keyId);
    this.#keys.set(keyId, { name, permissions, notBefore, expiresAt, addedMs });
  }

  #amend(keyId: string, change: Partial<AccessRecord>): void {
    const known = this.#keys.get(keyId);
    if (known !== undefined) this.#keys.set(keyId, { ...known, ...change });
  }

  #remove(keyId: string, seq: number): void {
    this.#keys.delete(keyId);
    this.#removed.delete(keyId);
    this.#removed.set(keyId, seq);
    const [oldest] = this.#removed.keys();
    if (this.#removed.size > REMOVED_KEYS_MAX && oldest !== undefined) this.#removed.delete(oldest);
  }

  /** Returns the state for {@link restore}, serializable as JSON; undefined without any event: older versions do not know it. */
  save(): SavedAccess | undefined {
    if (this.#lastSeq === 0) return undefined;
    return {
      seq: this.#lastSeq,
      keys: [...this.#keys].map(([keyId, record]) => ({ keyId, ...record })),
      removed: [...this.#removed].map(([keyId, seq]) => ({ keyId, seq })),
    };
  }

  /**
   * Restores a state from {@link save}, before the first event is applied.
   *
   * @param saved as read back
   * @returns false if it is not a saved state; nothing is restored then
   */
  restore(saved: unknown): boolean {
    const checked = checkSaved(saved);
    if (!checked.ok) return false;
    const { seq, keys, removed } = checked.document;
    this.#lastSeq = seq;
    for (const { keyId, ...record } of keys) this.#keys.set(keyId, record);
    for (const { keyId, seq: removedSeq } of removed) this.#removed.set(keyId, removedSeq);
    return true;
  }
}
