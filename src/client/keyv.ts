/**
 * A store for Keyv 5, and with it for cache-manager: `new Keyv({ store: new KeyvSimpleKv({ url, project, key }) })`.
 */
import type { SimpleKvOptions } from './options.js';
import { SimpleKv } from './index.js';
import { partsOf } from './parts.js';
import { jsonOfText, textOfJson } from './text-values.js';

/** Where the entries are kept. Keyv has its own functions for values. */
type KeyvSimpleKvOptions = Omit<SimpleKvOptions, 'parse' | 'stringify'>;

/** An entry that Keyv stores. */
interface KeyvEntry {
  readonly key: string;
  /** Text that Keyv has made of the value and of when it expires. */
  readonly value: unknown;
  /** Milliseconds until it expires. */
  readonly ttl?: number | undefined;
}

/**
 * Keeps the entries of one Keyv in a project. Keys arrive with the namespace in front. Keyv writes its namespace onto the store, so each
 * Keyv needs a store of its own: with a shared one, `clear()` clears the namespace of the Keyv that was made last.
 */
export class KeyvSimpleKv {
  /** Keyv iterates only over stores of certain kinds, which it knows by this name. */
  readonly opts: { readonly dialect: 'redis'; readonly url: string };
  /** Set by Keyv. */
  namespace?: string | undefined;
  readonly #kv: SimpleKv;

  /** @throws {TypeError} When the URL or the project cannot be one */
  constructor(options: KeyvSimpleKvOptions) {
    this.opts = { dialect: 'redis', url: options.url };
    this.#kv = new SimpleKv({ ...options, parse: textOfJson, stringify: (value) => jsonOfText(String(value)) });
  }

  /** Takes the listener of Keyv and never calls it: failures reject the call that they belong to. */
  on(): this {
    return this;
  }

  /**
   * Reads an entry.
   *
   * @throws {SimpleKvError}
   */
  async get<Value>(key: string): Promise<Value | undefined> {
    return await this.#kv.get<Value>(key);
  }

  /**
   * Reads entries, as of one moment.
   *
   * @returns One for each key, in their order
   * @throws {SimpleKvError}
   */
  async getMany<Value>(keys: readonly string[]): Promise<(Value | undefined)[]> {
    const found = await this.#kv.getMany<Value>(keys);
    return keys.map((key) => found.get(key));
  }

  /**
   * Stores an entry.
   *
   * @throws {SimpleKvError}
   */
  async set(key: string, value: unknown, ttl?: number): Promise<void> {
    await this.#kv.set(key, value, { ttlMs: expiring(ttl) });
  }

  /**
   * Stores entries, up to 1,000 of them together.
   *
   * @throws {SimpleKvError}
   */
  async setMany(entries: readonly KeyvEntry[]): Promise<void> {
    for (const part of partsOf(entries)) {
      const batch = this.#kv.batch();
      for (const { key, value, ttl } of part) batch.set(key, value, { ttlMs: expiring(ttl) });
      await batch.commit();
    }
  }

  /**
   * Deletes an entry.
   *
   * @returns Whether there was one
   * @throws {SimpleKvError}
   */
  async delete(key: string): Promise<boolean> {
    return await this.#kv.delete(key) !== undefined;
  }

  /**
   * Deletes entries, up to 1,000 of them together.
   *
   * @returns Whether there was any
   * @throws {SimpleKvError}
   */
  async deleteMany(keys: readonly string[]): Promise<boolean> {
    let isAny = false;
    for (const part of partsOf(keys)) {
      const batch = this.#kv.batch();
      for (const key of part) batch.delete(key);
      // Without a hash nothing was deleted.
      isAny = (await batch.commit()).hash !== undefined || isAny;
    }
    return isAny;
  }

  /**
   * Tells whether there is an entry.
   *
   * @throws {SimpleKvError}
   */
  async has(key: string): Promise<boolean> {
    return await this.#kv.has(key);
  }

  /**
   * Tells of each key whether there is an entry.
   *
   * @throws {SimpleKvError}
   */
  async hasMany(keys: readonly string[]): Promise<boolean[]> {
    const found = await this.#kv.getMany(keys);
    return keys.map((key) => found.has(key));
  }

  /**
   * Deletes every entry of the namespace, or of the project if there is none.
   *
   * @throws {SimpleKvError}
   */
  async clear(): Promise<void> {
    if (this.namespace) await this.#kv.deleteRange({ prefix: `${this.namespace}:` });
    else await this.#kv.clear();
  }

  /**
   * Iterates over the entries of a namespace, or of the project.
   *
   * @throws {SimpleKvError}
   */
  async *iterator(namespace?: string): AsyncGenerator<[key: string, value: string], void, undefined> {
    const entries = this.#kv.entries<string>(namespace ? { prefix: `${namespace}:` } : {});
    for await (const { key, value } of entries) yield [key, value];
  }

  /** There is no connection to end. */
  async disconnect(): Promise<void> {
    await Promise.resolve();
  }
}

/** Keyv says 0 for an entry that does not expire. */
function expiring(ttl: number | undefined): number | undefined {
  return ttl === undefined || ttl <= 0 ? undefined : ttl;
}
