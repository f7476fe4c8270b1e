/**
 * The client of a project.
 */
import type { CheckpointJson, ClearReceiptJson, LimitsJson, ProjectJson } from '../api/types.js';
import { projectPath, queryOf, rangeQuery } from './addresses.js';
import { Batch } from './batch.js';
import type { ChangeEvent } from './change-events.js';
import { Changes, type Receipt, type SetReceipt } from './changes.js';
import type { Entry } from './entries.js';
import { isCode } from './error.js';
import { type EventsOptions, listEvents } from './event-list.js';
import { jsonOf, Transport } from './http.js';
import { textOfValue } from './json-texts.js';
import { KeyReader, type ProjectAccess } from './key-reader.js';
import type {
  CallOptions, DeleteManyOptions, DeleteOptions, ReadMoment, RangeOptions, SetOptions, SimpleKvOptions, UpdateOptions,
} from './options.js';
import { jitterMs, wait } from './retry.js';
import { watchEvents, type WatchEvent, type WatchOptions } from './watch.js';

/** What a deletion of many keys did. */
export interface DeletedKeys {
  /** How many keys were deleted, or with `dryRun` would be. */
  readonly deleted: number;
  /** The version that it made; undefined if nothing was changed. */
  readonly seq: number | undefined;
  /** The receipt. */
  readonly hash: string | undefined;
  /** False if the deletion may not be on disk yet. */
  readonly durable: boolean;
}

const UPDATE_ATTEMPTS = 10;

/** Reads, changes and follows the keys of a project. It holds no connection, so there is nothing to close. */
export class SimpleKv extends KeyReader {
  readonly #access: ProjectAccess;
  readonly #changes: Changes;

  /** @throws {TypeError} When the URL or the project cannot be one */
  constructor({ project, parse = JSON.parse, stringify = JSON.stringify, ...connection }: SimpleKvOptions) {
    const access: ProjectAccess = {
      transport: new Transport(connection),
      path: projectPath(project),
      // Only the text is handed on: JSON.parse would take more for a reviver.
      format: { parse: (text) => parse(text) as unknown, stringify: (value) => stringify(value) },
    };
    super(access);
    this.#access = access;
    this.#changes = new Changes(access.transport, access.path);
  }

  /**
   * The project as it was. Needs the permissions `read` and `history`.
   *
   * @param moment a seq, or a time that has passed
   */
  at(moment: ReadMoment): KeyReader {
    return new KeyReader(this.#access, moment);
  }

  /**
   * Sets a value, and creates the key if it does not exist.
   *
   * @throws {SimpleKvError} `precondition_failed` when the key has another version
   */
  async set(key: string, value: unknown, options: SetOptions = {}): Promise<SetReceipt> {
    return await this.setText(key, textOfValue(this.#access.format, value), options);
  }

  /**
   * Sets a value to a JSON text, which is stored token for token.
   *
   * @throws {SimpleKvError} `precondition_failed` when the key has another version
   */
  async setText(key: string, text: string, options: SetOptions = {}): Promise<SetReceipt> {
    return await this.#changes.set(key, text, options);
  }

  /**
   * Sets the value of a key that does not exist.
   *
   * @throws {SimpleKvError} `precondition_failed` when it exists
   */
  async create(key: string, value: unknown, options: Omit<SetOptions, 'ifSeq' | 'ifEtag'> = {}): Promise<SetReceipt> {
    return await this.set(key, value, { ...options, ifSeq: 0 });
  }

  /**
   * Computes a value from the one before it. If the key was changed meanwhile, it is read again and computed again.
   *
   * @param change gets the value and its entry, both undefined if the key does not exist; returns the next value, or undefined to delete
   * @returns The receipt; undefined if there was nothing to delete
   * @throws {SimpleKvError} `precondition_failed` when others changed the key during each attempt
   */
  async update<T = unknown>(
    key: string, change: (value: T | undefined, entry: Entry<T> | undefined) => T | undefined | Promise<T | undefined>,
    { attempts = UPDATE_ATTEMPTS, ...options }: UpdateOptions = {},
  ): Promise<SetReceipt | Receipt | undefined> {
    for (let attempt = 1; ; attempt += 1) {
      const entry = await this.getEntry<T>(key, options);
      const next = await change(entry?.value, entry);
      const condition = entry === undefined ? { ifSeq: 0 } : { ifEtag: entry.etag };
      try {
        if (next !== undefined) return await this.set(key, next, { ...options, ...condition });
        return entry && await this.delete(key, { ...options, ...condition });
      } catch (error) {
        if (!isCode(error, 'precondition_failed') || attempt >= attempts) throw error;
      }
      await wait(jitterMs(this.#access.transport.retry, attempt), options.signal);
    }
  }

  /**
   * Deletes a key.
   *
   * @returns The receipt; undefined if the key did not exist
   * @throws {SimpleKvError} `precondition_failed` when the key has another version
   */
  async delete(key: string, options: DeleteOptions = {}): Promise<Receipt | undefined> {
    return await this.#changes.delete(key, options);
  }

  /**
   * Deletes the keys of a range, together.
   *
   * @throws {TypeError} When no bound is given, or only empty ones: `clear()` deletes every key
   * @throws {SimpleKvError} `precondition_failed` when there are not `expectCount` keys
   */
  async deleteRange({ prefix, start, end, ...options }: RangeOptions & DeleteManyOptions): Promise<DeletedKeys> {
    if (!prefix && !start && !end) throw new TypeError('Cannot delete a range of keys: it has no bound; clear() deletes every key');
    return await this.#deleteMany({ prefix, start, end }, options);
  }

  /**
   * Deletes every key, together.
   *
   * @throws {SimpleKvError} `precondition_failed` when there are not `expectCount` keys
   */
  async clear(options: DeleteManyOptions = {}): Promise<DeletedKeys> {
    return await this.#deleteMany({}, options);
  }

  /** Begins a batch: changes of several keys that are made together or not at all. */
  batch(): Batch {
    return new Batch(this.#changes, this.#access.format);
  }

  /**
   * Follows the events of the project: yields each once, in order, and reconnects as often as it takes. Needs the permission `history`.
   *
   * @throws {SimpleKvError} When another connection would not help, such as `unauthorized`
   */
  watch<T = unknown>(options: WatchOptions = {}): AsyncGenerator<WatchEvent<T>, void, undefined> {
    return watchEvents<T>(this.#access, options);
  }

  /**
   * The events that changed a key, newest first. Needs the permission `history`.
   *
   * @throws {SimpleKvError}
   */
  history<T = unknown>(key: string, options: Pick<EventsOptions, 'limit' | 'signal' | 'timeoutMs'> = {}): ReturnType<typeof listEvents<T>> {
    return this.events<T>({ ...options, key, reverse: true });
  }

  /**
   * The events of the project. Needs the permission `history`.
   *
   * @throws {SimpleKvError} `history_gone` when the first ones are no longer kept
   */
  events<T = unknown>(options: EventsOptions = {}): AsyncGenerator<ChangeEvent<T>, void, undefined> {
    return listEvents<T>(this.#access, options);
  }

  /**
   * What the server shows of the project.
   *
   * @throws {SimpleKvError}
   */
  async details(options: CallOptions = {}): Promise<ProjectJson> {
    return await this.#show<ProjectJson>('', options);
  }

  /**
   * What requests are limited to, and what the project may hold.
   *
   * @throws {SimpleKvError}
   */
  async limits(options: CallOptions = {}): Promise<LimitsJson> {
    return await this.#show<LimitsJson>('/limits', options);
  }

  /**
   * The newest line of the log, to be kept elsewhere as a proof. Needs the permission `history`.
   *
   * @throws {SimpleKvError}
   */
  async checkpoint(options: CallOptions = {}): Promise<CheckpointJson> {
    return await this.#show<CheckpointJson>('/checkpoint', options);
  }

  async #show<T>(below: string, options: CallOptions): Promise<T> {
    const { transport, path } = this.#access;
    return jsonOf<T>(await transport.send({ target: `${path}${below}`, ...options }));
  }

  async #deleteMany(range: RangeOptions, { expectCount, dryRun, ...options }: DeleteManyOptions): Promise<DeletedKeys> {
    const query = queryOf({ ...rangeQuery(range), expect_count: expectCount, dry_run: dryRun || undefined });
    // Keys may come back that were deleted, as many as before: a count is no version.
    const answer = await this.#changes.send({ method: 'DELETE', target: `/keys${query}` }, options, false);
    const { deleted, seq, hash, durable } = jsonOf<ClearReceiptJson>(answer);
    return { deleted, seq, hash, durable: durable !== false };
  }
}
