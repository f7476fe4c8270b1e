/**
 * Which projects exist on disk, by the registry.
 *
 * A deletion and a departure are remembered for as long as a start may have to finish them: files of that log under the name are then
 * moved away. So whatever comes later for the name or the log ends it, or a start would erase what it does not concern any more.
 */
import { compareUtf8 } from '../base/compare-utf8.js';
import { invariant } from '../base/invariant.js';
import type { Recorded, ServerEvent } from '../events/event.js';
import type { Projection } from './projection.js';

/**
 * How the log of a project stands.
 *
 * - `live`: it is on disk.
 * - `deleted`: it is gone, and so is its project.
 * - `left`: its project went on in memory; its files are kept aside.
 */
export type RegistrationState = 'live' | 'deleted' | 'left';

/** The newest that the registry says of a project id. */
export interface Registration {
  readonly logId: string;
  readonly state: RegistrationState;
  /** The lowest seq that must be there, where segments were removed on purpose. */
  readonly firstKeptSeq: number | undefined;
  /**
   * The last seq of the newest snapshot that was recorded: the log had it on disk by then, so a log that ends before it is an older copy.
   * Known from lines only, since a snapshot of the registry does not have it.
   */
  readonly provenSeq?: number;
}

const PROJECT_PREFIX = 'project/';
/** Written for older versions, which finish deletions by it; the entry of the project says the same. */
const DELETED_PREFIX = 'deleted/';
const LEFT_PREFIX = 'left/';
const DEFAULT_KEY = 'default_key';

/** Projects by id, and the departures by log. */
export class Registrations implements Projection<ServerEvent> {
  readonly #byId = new Map<string, Registration>();
  readonly #leftLogs = new Map<string, string>();
  #defaultKeyId: string | null | undefined;

  /** Project ids whose logs are on disk. */
  get liveIds(): readonly string[] {
    return [...this.liveLogs.keys()];
  }

  /** Logs on disk: log id by project id. */
  get liveLogs(): ReadonlyMap<string, string> {
    return new Map([...this.#byId].filter(([, { state }]) => state === 'live').map(([id, { logId }]) => [id, logId]));
  }

  /**
   * Deleted logs whose files may still lie under the project's name: project id by log id. A name is given to another log only when it is
   * free, so the newest registration of an id decides.
   */
  get deletedLogs(): ReadonlyMap<string, string> {
    return new Map([...this.#byId].filter(([, { state }]) => state === 'deleted').map(([id, { logId }]) => [logId, id]));
  }

  /** Logs that left the disk and have not come back: project id by log id. */
  get leftLogs(): ReadonlyMap<string, string> {
    return this.#leftLogs;
  }

  /** The id of the global key as last recorded: null without a key, undefined when never recorded. */
  get defaultKeyId(): string | null | undefined {
    return this.#defaultKeyId;
  }

  /** @returns the newest that is known of it */
  get(id: string): Registration | undefined {
    return this.#byId.get(id);
  }

  /** {@inheritDoc Projection.apply} */
  apply({ event, seq }: Recorded<ServerEvent>): void {
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

  /** @returns all of it as keys and values, sorted by key, for a snapshot */
  save(): readonly (readonly [key: string, value: string])[] {
    const entries: [string, string][] = [];
    for (const [id, { provenSeq: _, ...kept }] of this.#byId) entries.push([PROJECT_PREFIX + id, JSON.stringify(kept)]);
    for (const [logId, id] of this.deletedLogs) entries.push([DELETED_PREFIX + logId, JSON.stringify(id)]);
    for (const [logId, id] of this.#leftLogs) entries.push([LEFT_PREFIX + logId, JSON.stringify(id)]);
    if (this.#defaultKeyId !== undefined) entries.push([DEFAULT_KEY, JSON.stringify(this.#defaultKeyId)]);
    return entries.sort(([a], [b]) => compareUtf8(a, b));
  }

  /**
   * Takes in one entry of a snapshot, whose digest has been checked.
   *
   * @param key as {@link save} gave it
   * @param value as {@link save} gave it
   */
  restore(key: string, value: string): void {
    const parsed: unknown = JSON.parse(value);
    if (key === DEFAULT_KEY) this.#defaultKeyId = parsed as string | null;
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
