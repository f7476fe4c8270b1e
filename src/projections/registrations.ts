/**
 * Which projects exist on disk, according to the registry, and the listed API keys that hold for all of them.
 *
 * A deletion, or a departure to memory, is remembered as long as startup may have to complete it by moving away the files of that log. Any
 * later event about the same id or log ends that, or startup would remove files that the deletion does not concern.
 */
import { compareUtf8 } from '../base/compare-utf8.js';
import { invariant } from '../base/invariant.js';
import { isAccessEvent } from '../events/access-event.js';
import type { Recorded, ServerEvent } from '../events/event.js';
import { AccessKeys } from './access-keys.js';
import type { Projection } from './projection.js';

/**
 * The state of a project's log:
 *
 * - `live`: on disk.
 * - `deleted`: deleted with its project.
 * - `left`: its project moved to memory; its files are kept in `_left`.
 */
type RegistrationState = 'live' | 'deleted' | 'left';

/** The newest record of a project id. */
export interface Registration {
  readonly logId: string;
  readonly state: RegistrationState;
  /** The lowest seq that the log must have, if retention removed segments. */
  readonly firstKeptSeq: number | undefined;
  /**
   * The last seq of the newest recorded snapshot, or of the restored backup. It was on disk then, so a log that ends before it is an older
   * copy. Known only from lines: a snapshot of the registry does not have it.
   */
  readonly provenSeq?: number;
}

const PROJECT_PREFIX = 'project/';
/** For older versions, which complete deletions by it. The entry of the project says the same. */
const DELETED_PREFIX = 'deleted/';
const LEFT_PREFIX = 'left/';
const DEFAULT_KEY = 'default_key';
const ACCESS_KEY = 'access';

/** The projects on disk, fed from the registry. */
export class Registrations implements Projection<ServerEvent> {
  /** The listed API keys of `default`. */
  readonly access = new AccessKeys();
  readonly #byId = new Map<string, Registration>();
  readonly #leftLogs = new Map<string, string>();
  #defaultKeyId: string | null | undefined;

  /** Project ids whose logs are on disk. */
  get liveIds(): readonly string[] {
    return [...this.liveLogs.keys()];
  }

  /** Log ids of the live projects, by project id. */
  get liveLogs(): ReadonlyMap<string, string> {
    return new Map([...this.#byId].filter(([, { state }]) => state === 'live').map(([id, { logId }]) => [id, logId]));
  }

  /**
   * Deleted logs whose files may still be in the data folder: project id by log id. An id is reused only once its files are gone, so its
   * newest registration decides.
   */
  get deletedLogs(): ReadonlyMap<string, string> {
    return new Map([...this.#byId].filter(([, { state }]) => state === 'deleted').map(([id, { logId }]) => [logId, id]));
  }

  /** Logs that moved to memory and have not come back: project id by log id. */
  get leftLogs(): ReadonlyMap<string, string> {
    return this.#leftLogs;
  }

  /** The last recorded id of the global API key: null for none, undefined if never recorded. */
  get defaultKeyId(): string | null | undefined {
    return this.#defaultKeyId;
  }

  /** Returns the newest record of a project; undefined if there is none. */
  get(id: string): Registration | undefined {
    return this.#byId.get(id);
  }

  /** {@inheritDoc Projection.apply} */
  apply({ event, seq, timeMs }: Recorded<ServerEvent>): void {
    if (isAccessEvent(event)) {
      this.access.apply(event, { seq, timeMs });
      return;
    }
    switch (event.op) {
      case 'project.created':
        invariant(this.#byId.get(event.id)?.state !== 'live', `seq ${seq} registers "${event.id}", which is not registered`);
        this.#register(event, 'live');
        break;
      case 'project.deleted':
        this.#register(event, 'deleted');
        break;
      case 'project.left':
        this.#register(event, 'left');
        break;
      case 'project.repaired':
        this.#register(event, 'live');
        break;
      case 'project.restored':
        this.#register(event, 'live');
        this.#amend(event, { provenSeq: event.last_seq });
        break;
      case 'segment.removed':
        this.#amend(event, { firstKeptSeq: event.last_seq + 1 });
        break;
      case 'config.edited':
        if (event.scope === 'default') this.#defaultKeyId = event.key_id;
        break;
      case 'snapshot.committed':
        this.#amend(event, { provenSeq: event.last_seq });
        break;
    }
  }

  #register({ id, log_id: logId }: { readonly id: string; readonly log_id: string }, state: RegistrationState): void {
    this.#byId.set(id, { logId, state, firstKeptSeq: undefined });
    if (state === 'left') this.#leftLogs.set(logId, id);
    else this.#leftLogs.delete(logId);
  }

  /** Returns the state as keys and values for a snapshot, sorted by key. */
  save(): readonly (readonly [key: string, value: string])[] {
    const entries: [string, string][] = [];
    for (const [id, { provenSeq: _, ...kept }] of this.#byId) entries.push([PROJECT_PREFIX + id, JSON.stringify(kept)]);
    for (const [logId, id] of this.deletedLogs) entries.push([DELETED_PREFIX + logId, JSON.stringify(id)]);
    for (const [logId, id] of this.#leftLogs) entries.push([LEFT_PREFIX + logId, JSON.stringify(id)]);
    if (this.#defaultKeyId !== undefined) entries.push([DEFAULT_KEY, JSON.stringify(this.#defaultKeyId)]);
    const access = this.access.save();
    if (access !== undefined) entries.push([ACCESS_KEY, JSON.stringify(access)]);
    return entries.sort(([a], [b]) => compareUtf8(a, b));
  }

  /** Restores one entry from {@link save}. The digest of the snapshot has been checked. */
  restore(key: string, value: string): void {
    const parsed: unknown = JSON.parse(value);
    if (key === DEFAULT_KEY) this.#defaultKeyId = parsed as string | null;
    else if (key === ACCESS_KEY) invariant(this.access.restore(parsed), 'a snapshot of the registry has the API keys as they were saved');
    else if (key.startsWith(PROJECT_PREFIX)) this.#byId.set(key.slice(PROJECT_PREFIX.length), parsed as Registration);
    else if (key.startsWith(DELETED_PREFIX)) return;
    else if (key.startsWith(LEFT_PREFIX)) this.#leftLogs.set(key.slice(LEFT_PREFIX.length), parsed as string);
    else invariant(false, 'a snapshot of the registry has no other keys');
  }

  #amend({ id, log_id: logId }: { readonly id: string; readonly log_id: string }, facts: Partial<Registration>): void {
    const known = this.#byId.get(id);
    if (known?.logId === logId) this.#byId.set(id, { ...known, ...facts });
  }
}
