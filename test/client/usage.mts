/**
 * A program as a user of the installed package would write it. It is compiled strictly against the types that are shipped, in Node and for
 * browsers, so each line marked as an error must be one.
 */
import {
  type BatchReceipt, type ChangeEvent, type Entry, isCode, type LimitsJson, type Receipt, type SetReceipt, SimpleKv, SimpleKvAdmin,
  SimpleKvError, type WatchEvent,
} from 'simplekv/client';

interface User {
  readonly name: string;
}

export const kv = new SimpleKv({ url: 'http://127.0.0.1:23849', project: 'shop', key: async () => 'skv_p_1' });
export const plain = new SimpleKv({ url: 'http://127.0.0.1:23849', project: 'shop', retry: false, fetch, parse: JSON.parse });

export async function reads(): Promise<void> {
  const user: User | undefined = await kv.get<User>('user/1');
  const anything: unknown = await kv.get('user/1');
  const entry: Entry<User> | undefined = await kv.getEntry<User>('user/1');
  const fresh: Entry<User> | 'unchanged' | undefined = await kv.getEntry<User>('user/1', { ifNoneMatch: entry?.etag });
  const many: Map<string, number> = await kv.getMany<number>(new Set(['a']));
  for await (const key of kv.keys({ prefix: 'user/', reverse: true })) console.log(key.length);
  for await (const { value, text, seq } of kv.at(new Date()).entries<User>()) console.log(value.name, text.length, seq + 1);
  console.log(user?.name, anything, fresh, many.get('a'));
  // @ts-expect-error: the type of a value is not known
  const name: string = await kv.get('user/1');
  // @ts-expect-error: the key may not exist
  const certain: User = await kv.get<User>('user/1');
  // @ts-expect-error: without ifNoneMatch it is never 'unchanged'
  if (entry === 'unchanged') return;
  // @ts-expect-error: a moment is a seq or a date
  kv.at('yesterday');
  // @ts-expect-error: the past cannot be changed
  await kv.at(1).set('a', 1);
  console.log(name, certain);
}

export async function writes(): Promise<void> {
  const receipt: SetReceipt = await kv.set('a', { n: 1 }, { ttlMs: 1000, ifSeq: 41, idempotencyKey: 'x', signal: AbortSignal.timeout(1) });
  const gone: Receipt | undefined = await kv.delete('a', { ifEtag: receipt.etag });
  await kv.update<number>('n', (value = 0, entry) => value + (entry?.seq ?? 0), { attempts: 3 });
  const batch: BatchReceipt = await kv.batch().check('a', { seq: 1 }).set('b', 1).delete('c').touch('d', { ttlMs: 1 }).commit();
  console.log(gone?.hash, batch.results?.[0]?.created);
  // @ts-expect-error: an expiry is a date
  await kv.set('a', 1, { expiresAt: '2030-01-01T00:00:00Z' });
  // @ts-expect-error: create has its condition already
  await kv.create('a', 1, { ifSeq: 1 });
  // @ts-expect-error: the next value has the type of the one before
  await kv.update<number>('n', () => 'text');
  // @ts-expect-error: there is no such option
  await kv.set('a', 1, { ttl: 5 });
}

export async function follows(): Promise<void> {
  for await (const event of kv.watch<User>({ since: 41, ops: ['set'], onConnection: ({ state }) => console.log(state) })) {
    const named: WatchEvent<User> = event;
    if (event.op === 'live' || !('line' in event)) continue;
    const change: ChangeEvent<User> = event;
    console.log(named.op, change.value?.name, change.changes?.[0]?.key);
  }
  for await (const event of kv.history('a', { limit: 3 })) console.log(event.actor, event.time.getTime());
}

export async function fails(): Promise<void> {
  try {
    await kv.create('a', 1);
  } catch (error) {
    if (isCode(error, 'precondition_failed')) {
      const { current_seq: seq, etag }: { readonly current_seq?: number; readonly etag?: string } = error.facts;
      const code: 'precondition_failed' = error.code;
      console.log(seq, etag, code);
      // @ts-expect-error: this code has no such fact
      console.log(error.facts.quota);
    }
    // @ts-expect-error: there is no such code
    if (isCode(error, 'no_such_code')) return;
    if (error instanceof SimpleKvError) console.log(error.isRetryable, error.retryAfterMs, error.requestId, error.status);
  }
}

export async function administers(): Promise<void> {
  const admin = new SimpleKvAdmin({ url: 'http://127.0.0.1:23849', key: 'skv_g_1' });
  const { api_key: key, state } = await admin.projects.create({ id: 'shop', storage: { durability: 'fsync' } });
  await admin.apiKeys.create('shop', { name: 'reader', permissions: ['read'], ttl_seconds: 60 });
  const limits: LimitsJson = await kv.limits();
  const isReady: boolean = (await admin.ready()).isReady;
  console.log(key?.length, state === 'serving', limits.limits.idempotency.seconds, isReady);
  // @ts-expect-error: durability is one of three
  await admin.projects.update('shop', { storage: { durability: 'sometimes' } });
  // @ts-expect-error: no such permission
  await admin.apiKeys.create(null, { name: 'x', permissions: ['fly'] });
}

// @ts-expect-error: a project is needed
export const without = new SimpleKv({ url: 'http://127.0.0.1:23849' });
