import assert from 'node:assert/strict';
import { InvariantError } from '../../src/base/invariant.js';
import { ValueCache } from '../../src/projections/value-cache.js';
import { suite } from '../suite.js';

const test = suite('value-cache');

test('a value is cached under its name', () => {
  const cache = new ValueCache();
  cache.set('1:1', '"a"');
  assert.deepEqual([cache.get('1:1'), cache.get('1:2')], ['"a"', undefined]);
});

test('readers have distinct numbers', () => {
  const cache = new ValueCache();
  const readers = Array.from({ length: 5 }, () => cache.newReader());
  assert.equal(new Set(readers).size, 5);
});

test('the cache stays within its size and keeps the most recently used values', () => {
  const cache = new ValueCache(100_000);
  for (let index = 0; index < 200; index += 1) {
    cache.set(`1:${index}`, 'x'.repeat(1000));
    assert.equal(cache.get('1:0')?.length, 1000);
    assert.ok(cache.sizeBytes <= 100_000);
  }
  assert.ok(cache.sizeBytes > 90_000);
  assert.equal(cache.get('1:1'), undefined);
});

test('a value of more than an eighth of the cache is not cached, and evicts nothing', () => {
  const cache = new ValueCache(80_000);
  cache.set('1:1', 'a');
  cache.set('1:2', 'x'.repeat(6000));
  cache.set('1:3', 'x'.repeat(4000));
  assert.deepEqual([cache.get('1:1'), cache.get('1:2'), cache.get('1:3')?.length], ['a', undefined, 4000]);
});

test('a value is cached when it is offered for the second time', () => {
  const cache = new ValueCache();
  cache.offer('1:1', 'a');
  cache.offer('1:2', 'b');
  assert.deepEqual([cache.get('1:1'), cache.get('1:2')], [undefined, undefined]);
  cache.offer('1:1', 'a');
  assert.deepEqual([cache.get('1:1'), cache.get('1:2')], ['a', undefined]);
});

test('names of values read once are forgotten after a while', () => {
  const cache = new ValueCache();
  cache.offer('1:0', 'a');
  for (let index = 1; index <= 20_000; index += 1) cache.offer(`1:${index}`, 'a');
  cache.offer('1:0', 'a');
  assert.equal(cache.get('1:0'), undefined);
});

test('a cache without a size is a defect', () => {
  for (const size of [0, -1, 1.5, Number.NaN]) assert.throws(() => new ValueCache(size), InvariantError);
  new ValueCache(1).set('1:1', 'a');
});

test('only a few reads run at once, and each gets its result', async () => {
  const cache = new ValueCache();
  let now = 0;
  let most = 0;
  const read = async (index: number): Promise<number> => {
    now += 1;
    most = Math.max(most, now);
    await new Promise((resolve) => setImmediate(resolve));
    now -= 1;
    return index;
  };
  const answers = await Promise.all(Array.from({ length: 100 }, (_, index) => cache.takeTurn(() => read(index))));
  assert.deepEqual(answers, answers.map((_, index) => index));
  assert.equal(most, 8);
});

test.run();
