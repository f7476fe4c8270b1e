/**
 * A driver for unstorage 1: `createStorage({ driver: simplekvDriver({ url, project, key, base: 'cache' }) })`.
 */
import type { ChangeEvent } from './change-events.js';
import { linkedSignal } from './linked-signal.js';
import type { SimpleKvOptions } from './options.js';
import { SimpleKv } from './index.js';
import { partsOf } from './parts.js';
import { jsonOfText, textOfJson } from './text-values.js';

/** Where the items are kept. */
interface SimpleKvDriverOptions extends Omit<SimpleKvOptions, 'parse' | 'stringify'> {
  /** Stands in front of each key, with `:`, so that the project can hold other keys too. @default nothing */
  readonly base?: string;
}

/** What unstorage hands over with an item. */
interface ItemOptions {
  /** Seconds until it expires. */
  readonly ttl?: number;
}

/** One of several items that are set together. */
interface NewItem {
  readonly key: string;
  readonly value: string;
  readonly options?: ItemOptions | undefined;
}

/** What unstorage calls when an item was changed. */
type WatchListener = (event: 'update' | 'remove', key: string) => unknown;

const MS_PER_SECOND = 1000;
const SEPARATOR = ':';

/**
 * Makes a driver.
 *
 * @throws {TypeError} When the URL or the project cannot be one
 */
export function simplekvDriver(options: SimpleKvDriverOptions) {
  const { base = '', ...connection } = options;
  const kv = new SimpleKv({ ...connection, parse: textOfJson, stringify: (value) => jsonOfText(String(value)) });
  const front = base === '' ? '' : `${base}${SEPARATOR}`;
  const stop = new AbortController();
  return {
    name: 'simplekv',
    options,
    flags: { maxDepth: false, ttl: true },
    hasItem: async (key: string): Promise<boolean> => await kv.has(front + key),
    getItem: async (key: string): Promise<string | null> => await kv.get<string>(front + key) ?? null,
    getItems: async (items: readonly { readonly key: string }[]): Promise<{ key: string; value: string | null }[]> => {
      const found = await kv.getMany<string>(items.map(({ key }) => front + key));
      return items.map(({ key }) => ({ key, value: found.get(front + key) ?? null }));
    },
    setItem: async (key: string, value: string, item: ItemOptions = {}): Promise<void> => {
      await kv.set(front + key, value, expiryOf(item));
    },
    setItems: async (items: readonly NewItem[]): Promise<void> => {
      for (const part of partsOf(items)) {
        const batch = kv.batch();
        for (const { key, value, options: item } of part) batch.set(front + key, value, expiryOf(item));
        await batch.commit();
      }
    },
    removeItem: async (key: string): Promise<void> => {
      await kv.delete(front + key);
    },
    getMeta: async (key: string): Promise<{ mtime: Date; size: number } | null> => {
      const entry = await kv.getEntry<string>(front + key);
      return entry === undefined ? null : { mtime: entry.modifiedAt, size: new TextEncoder().encode(entry.value).length };
    },
    getKeys: async (below = ''): Promise<string[]> => {
      const keys: string[] = [];
      for await (const key of kv.keys({ prefix: front + below })) keys.push(key.slice(front.length));
      return keys;
    },
    clear: async (below = ''): Promise<void> => {
      if (front + below === '') await kv.clear();
      else await kv.deleteRange({ prefix: front + below });
    },
    watch: async (listener: WatchListener): Promise<() => void> => await watchItems(kv, { front, listener, signal: stop.signal }),
    dispose: (): void => stop.abort(),
  };
}

function expiryOf({ ttl }: ItemOptions = {}): { readonly ttlMs?: number } {
  return ttl === undefined || ttl <= 0 ? {} : { ttlMs: ttl * MS_PER_SECOND };
}

interface WatchedItems {
  readonly signal: AbortSignal;
  readonly front: string;
  readonly listener: WatchListener;
}

/** Calls the listener for each change from now on. Resolves when the server has taken the request. */
async function watchItems(kv: SimpleKv, { front, listener, signal }: WatchedItems): Promise<() => void> {
  const own = linkedSignal(signal);
  const events = kv.watch({ ...(front === '' ? {} : { prefix: front }), signal: own.signal });
  // It is live: what comes now is new.
  await events.next();
  const follow = async (): Promise<void> => {
    for await (const event of events) {
      if ('line' in event) for (const [kind, key] of changesIn(event)) if (key.startsWith(front)) listener(kind, key.slice(front.length));
    }
  };
  // It ends when it is not wanted any more, or when nothing would help; unstorage has no way to hear of that.
  follow().catch(() => undefined);
  return own.abort;
}

/** The keys that a line has changed. A range that was deleted names none. */
function changesIn({ op, key, keys = [], changes = [] }: ChangeEvent): readonly (readonly ['update' | 'remove', string])[] {
  const all = key === undefined ? changes : [{ op, key }];
  return [
    ...all.map((one) => [one.op === 'delete' ? 'remove' : 'update', one.key] as const),
    ...keys.map((name) => ['remove', name] as const),
  ];
}
