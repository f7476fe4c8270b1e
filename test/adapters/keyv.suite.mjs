/** The suite of Keyv, and what it leaves out, over the adapter; and cache-manager over both. */
import keyvTestSuite, { keyvIteratorTests } from '@keyv/test-suite';
import { createCache } from 'cache-manager';
import Keyv from 'keyv';
import * as vitest from 'vitest';
import { client, counted, countsRequests, inTurn, options } from './server-options.mjs';

const { expect, test } = vitest;
const { KeyvSimpleKv } = await import(client('keyv'));
const { SimpleKv } = await import(client('index'));
const store = () => inTurn(new KeyvSimpleKv(options));

keyvTestSuite(vitest, Keyv, store);
keyvIteratorTests(vitest, Keyv, store);

const kv = new SimpleKv(options);

test('the log shows values that are JSON as JSON, and any text comes back as it was', async () => {
  const keyv = new Keyv({ store: store(), namespace: 'texts' });
  await keyv.set('a', { x: 1 });
  expect(await kv.getText('texts:a')).toBe('{"value":{"x":1}}');
  const own = store();
  for (const text of ['', 'plain', '"quoted"', '1.0', 'null', '[1, 2]', '{"a": 1.0}', '{"a":\n1}', ' {} ', '{', '{}{}', '\u2028é😀']) {
    await own.set('text', text);
    expect(await own.get('text')).toBe(text);
    expect(await own.getMany(['text', 'none'])).toEqual([text, undefined]);
  }
  expect(await kv.getText('text')).toBe(JSON.stringify('\u2028é😀'));
  await kv.clear();
});

test('each namespace is cleared alone, and a time to live is kept by the server too', async () => {
  const [one, other] = ['one', 'other'].map((namespace) => new Keyv({ store: store(), namespace }));
  await one.set('a', 1, 60_000);
  await other.set('a', 2);
  await one.clear();
  expect([await one.get('a'), await other.get('a')]).toEqual([undefined, 2]);
  await one.set('a', 3, 60_000);
  expect((await kv.getEntry('one:a')).expiresAt).toBeInstanceOf(Date);
  expect((await kv.getEntry('other:a')).expiresAt).toBe(null);
  await kv.clear();
});

test('an operation is one request, of many keys one for each thousand', async () => {
  if (!countsRequests) return;
  const own = store();
  own.namespace = 'n';
  const requestsOf = async (operation) => {
    const before = counted.requests;
    const result = await operation();
    return [counted.requests - before, result];
  };
  const keys = Array.from({ length: 1500 }, (_, index) => `n:${index}`);
  expect(await requestsOf(() => own.setMany(keys.map((key) => ({ key, value: key, ttl: 60_000 }))))).toEqual([2, undefined]);
  const [requests, values] = await requestsOf(() => own.getMany(keys));
  expect([requests, values.length, values[1499]]).toEqual([2, 1500, 'n:1499']);
  expect(await requestsOf(() => own.hasMany(['n:0', 'none']))).toEqual([1, [true, false]]);
  expect(await requestsOf(() => own.deleteMany(['n:0', 'n:1', 'none']))).toEqual([1, true]);
  expect(await requestsOf(() => own.deleteMany(['n:0', 'none']))).toEqual([1, false]);
  expect(await requestsOf(() => own.clear())).toEqual([1, undefined]);
  expect(await requestsOf(() => own.get('n:5'))).toEqual([1, undefined]);
});

test('cache-manager works over it', async () => {
  const cache = createCache({ stores: [new Keyv({ store: store(), namespace: 'cm' })] });
  await cache.set('a', { n: 1 }, 60_000);
  await cache.mset([{ key: 'b', value: 2 }, { key: 'c', value: 'three' }]);
  expect(await cache.mget(['a', 'b', 'c', 'd'])).toEqual([{ n: 1 }, 2, 'three', undefined]);
  let calls = 0;
  const wrapped = () => cache.wrap('w', async () => (calls += 1), 60_000);
  expect([await wrapped(), await wrapped(), calls]).toEqual([1, 1, 1]);
  await cache.del('a');
  expect(await cache.get('a')).toBe(undefined);
  await cache.clear();
  expect(await cache.get('b')).toBe(undefined);
});
