/** What unstorage expects of a driver, and what this one has besides. */
import { beforeEach, expect, test } from 'vitest';
import { createStorage, prefixStorage, restoreSnapshot, snapshot } from 'unstorage';
import { client, counted, countsRequests, options } from './server-options.mjs';

const { simplekvDriver } = await import(client('unstorage'));
const { SimpleKv } = await import(client('index'));
const kv = new SimpleKv(options);
const driver = (more = {}) => simplekvDriver({ ...options, base: 'u', ...more });
const storage = createStorage({ driver: driver() });

beforeEach(async () => {
  await kv.clear();
});

test('an item is set, read, found and removed', async () => {
  expect(await storage.getItem('a')).toBe(null);
  expect(await storage.hasItem('a')).toBe(false);
  await storage.setItem('a', 'text');
  expect([await storage.getItem('a'), await storage.hasItem('a')]).toEqual(['text', true]);
  await storage.removeItem('a');
  expect([await storage.getItem('a'), await storage.hasItem('a')]).toEqual([null, false]);
  await storage.removeItem('a');
});

test('values of every kind come back', async () => {
  for (const value of [{ json: { n: 1 } }, [1, 'two', null], 7, 1.5, true, false, '', 'a b', 'é😀', { pretty: '{\n}' }]) {
    await storage.setItem('value', value);
    expect(await storage.getItem('value')).toEqual(value === '' ? '' : value);
  }
});

test('an item can be JSON of a class, and undefined removes it', async () => {
  await storage.setItem('date', { toJSON: () => ({ made: true }) });
  expect(await storage.getItem('date')).toEqual({ made: true });
  await storage.setItem('date', undefined);
  expect(await storage.hasItem('date')).toBe(false);
});

test('bytes come back', async () => {
  const bytes = new Uint8Array([1, 2, 3, 0, 255]);
  await storage.setItemRaw('raw', bytes);
  expect(new Uint8Array(await storage.getItemRaw('raw'))).toEqual(bytes);
});

test('keys are listed, below a base and to a depth', async () => {
  for (const key of ['s1:a', 's2:a', 's3:a:b', 'top']) await storage.setItem(key, 1);
  expect((await storage.getKeys()).sort()).toEqual(['s1:a', 's2:a', 's3:a:b', 'top']);
  expect(await storage.getKeys('s1')).toEqual(['s1:a']);
  expect((await storage.getKeys('', { maxDepth: 1 })).sort()).toEqual(['s1:a', 's2:a', 'top']);
});

test('many items are read and set', async () => {
  await storage.setItems([{ key: 'a', value: 1 }, { key: 'b', value: { two: 2 } }]);
  expect(await storage.getItems(['a', 'none', 'b'])).toEqual([
    { key: 'a', value: 1 }, { key: 'none', value: null }, { key: 'b', value: { two: 2 } },
  ]);
});

test('of many items, each has its own time to live', async () => {
  await storage.setItems([{ key: 'a', value: 1, options: { ttl: 60 } }, { key: 'b', value: 1 }], {});
  expect((await kv.getEntry('u:a')).expiresAt).toBeInstanceOf(Date);
  expect((await kv.getEntry('u:b')).expiresAt).toBe(null);
});

test('an operation is one request, of many items one for each thousand', async () => {
  if (!countsRequests) return;
  const requestsOf = async (operation) => {
    const before = counted.requests;
    await operation();
    return counted.requests - before;
  };
  const items = Array.from({ length: 1500 }, (_, index) => ({ key: `k${index}`, value: index }));
  const own = driver();
  const found = [
    await requestsOf(() => storage.setItem('a', 1)), await requestsOf(() => storage.getItem('a')),
    await requestsOf(() => storage.hasItem('a')), await requestsOf(() => own.getMeta('a')),
    await requestsOf(() => own.removeItem('a')), await requestsOf(() => storage.setItems(items)),
    await requestsOf(() => storage.getItems(items.map(({ key }) => key))), await requestsOf(() => own.clear()),
  ];
  expect(found).toEqual([1, 1, 1, 1, 1, 2, 2, 1]);
  await storage.setItems(items.slice(0, 500));
  expect(await requestsOf(() => storage.getKeys())).toBe(1);
});

test('clear empties a base, or everything below the base of the driver and nothing else', async () => {
  await kv.set('other', 1);
  await storage.setItem('s1:a', 1);
  await storage.setItem('s2:a', 1);
  // The storage itself clears whole mounts only.
  await driver().clear('s1:');
  expect(await storage.getKeys()).toEqual(['s2:a']);
  await storage.clear();
  expect([await storage.getKeys(), await kv.get('other')]).toEqual([[], 1]);
});

test('a driver without a base has the project', async () => {
  const whole = createStorage({ driver: driver({ base: undefined }) });
  await whole.setItem('a:b', 1);
  expect([await kv.has('a:b'), await whole.getKeys()]).toEqual([true, ['a:b']]);
  await whole.clear();
  expect(await kv.count()).toBe(0);
});

test('an item expires after its time to live', async () => {
  await storage.setItem('brief', 1, { ttl: 60 });
  await storage.setItem('long', 1);
  expect((await kv.getEntry('u:brief')).expiresAt).toBeInstanceOf(Date);
  expect((await kv.getEntry('u:long')).expiresAt).toBe(null);
});

test('an item has the time of its version and its size', async () => {
  expect(await driver().getMeta('a')).toBe(null);
  await storage.setItem('a', 'é');
  const { mtime, size } = await storage.getMeta('a', { nativeOnly: true });
  expect([mtime instanceof Date, size]).toEqual([true, 2]);
});

test('metadata of the program is kept beside the item, and removed with it', async () => {
  await storage.setItem('a', 1);
  await storage.setMeta('a', { by: 'me' });
  expect((await storage.getMeta('a')).by).toBe('me');
  await storage.removeItem('a', { removeMeta: true });
  expect((await storage.getMeta('a')).by).toBe(undefined);
});

test('storages with prefixes and mounts work over it', async () => {
  const users = prefixStorage(storage, 'users');
  await users.setItem('1', 'Ada');
  expect([await users.getKeys(), await storage.getItem('users:1')]).toEqual([['1'], 'Ada']);
  const mounted = createStorage();
  mounted.mount('kv', driver());
  expect(await mounted.getItem('kv:users:1')).toBe('Ada');
});

test('a snapshot is taken and restored', async () => {
  await storage.setItem('s:a', { n: 1 });
  const taken = await snapshot(storage, '');
  await storage.clear();
  await restoreSnapshot(storage, taken);
  expect(await storage.getItem('s:a')).toEqual({ n: 1 });
});

test('changes are watched, by this program and others, until it stops', async () => {
  const seen = [];
  const until = async (count) => {
    for (let attempt = 0; attempt < 500 && seen.length < count; attempt += 1) await new Promise((resolve) => setTimeout(resolve, 10));
  };
  const stop = await storage.watch((event, key) => seen.push([event, key]));
  await kv.set('elsewhere', 1);
  await kv.set('u:a', 1);
  await kv.batch().set('u:b', 1).delete('u:a').commit();
  await until(3);
  expect(seen).toEqual([['update', 'a'], ['update', 'b'], ['remove', 'a']]);
  await stop();
});

test('dispose ends what it watches', async () => {
  const own = createStorage({ driver: driver() });
  const seen = [];
  await own.watch((event, key) => seen.push(key));
  await own.dispose();
  await kv.set('u:late', 1);
  expect(seen).toEqual([]);
});
