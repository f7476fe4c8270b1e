import assert from 'node:assert/strict';
import { InvariantError } from '../../../src/base/invariant.js';
import { ExpiryOrder } from '../../../src/projections/key-index/expiry-order.js';
import { fc } from '../../properties.js';
import { suite } from '../../suite.js';

const test = suite('projections/key-index/expiry-order');
/** Rows of a project whose keys all expire. */
const MANY = 1_000_000;

/** An order, and the places that its rows have. */
function newOrder(): { readonly order: ExpiryOrder; readonly places: Map<number, number> } {
  const places = new Map<number, number>();
  const order = new ExpiryOrder({
    expiryPlaceOf: (row) => places.get(row) ?? 0,
    setExpiryPlace: (row, place) => {
      if (place === 0) places.delete(row);
      else places.set(row, place);
    },
  });
  return { order, places };
}

test('whatever times rows get and lose, the order has each row at its last time', () => {
  const change = fc.tuple(fc.nat({ max: 40 }), fc.option(fc.integer({ min: -20, max: 60 })));
  fc.assert(fc.property(fc.array(change, { maxLength: 150 }), fc.integer({ min: -25, max: 65 }), (changes, nowMs) => {
    const { order, places } = newOrder();
    const model = new Map<number, number>();
    for (const [row, timeMs] of changes) {
      order.set(row, timeMs);
      if (timeMs === null) model.delete(row);
      else model.set(row, timeMs);
      assert.deepEqual([order.count, places.size], [model.size, model.size]);
      assert.equal(order.firstMs, model.size === 0 ? undefined : Math.min(...model.values()));
      assert.equal(order.timeOf(row), timeMs);
    }
    const due = [...model].filter(([, timeMs]) => timeMs <= nowMs).sort(([, a], [, b]) => a - b);
    const found = order.expired(nowMs, 99);
    assert.deepEqual(found.map((row) => model.get(row)), due.map(([, timeMs]) => timeMs));
    assert.deepEqual(new Set(found), new Set(due.map(([row]) => row)));
    assert.deepEqual(order.expired(nowMs, 3).map((row) => model.get(row)), due.slice(0, 3).map(([, timeMs]) => timeMs));
    assert.equal(order.countExpired(nowMs), due.length);
    assert.equal(order.countExpired(nowMs, (row) => row % 2 === 0), due.filter(([row]) => row % 2 === 0).length);
    assert.equal(order.countExpired(nowMs, undefined, 2), Math.min(due.length, 2));
    for (let row = 0; row <= 40; row += 1) assert.equal(order.hasExpired(row, nowMs), (model.get(row) ?? Infinity) <= nowMs);
  }));
});

test('looking at what has expired changes nothing', () => {
  const { order, places } = newOrder();
  for (const row of [5, 3, 9, 1]) order.set(row, row);
  const before = new Map(places);
  assert.deepEqual([order.expired(5, 9), order.expired(5, 9)], [[1, 3, 5], [1, 3, 5]]);
  assert.deepEqual(places, before);
  assert.throws(() => order.expired(5, 0), InvariantError);
});

test('there is no memory before the first time, little more than 12 bytes for each row, and it is given back', () => {
  const order = new ExpiryOrder({ expiryPlaceOf: (row) => places[row] ?? 0, setExpiryPlace: (row, place) => { places[row] = place; } });
  const places = new Uint32Array(MANY);
  assert.equal(order.allocatedBytes, 0);
  for (let row = 0; row < MANY; row += 1) order.set(row, (row * 7919) % MANY);
  assert.ok(order.allocatedBytes <= MANY * 18, `${order.allocatedBytes / MANY} bytes a row`);
  for (let row = 0; row < MANY; row += 1) order.set(row, row + 1);
  assert.deepEqual([order.count, order.firstMs], [MANY, 1]);
  for (let row = 0; row < MANY; row += 1) order.set(row, null);
  assert.deepEqual([order.count, order.firstMs], [0, undefined]);
  assert.ok(order.allocatedBytes < 1024, `${order.allocatedBytes} bytes left`);
});

test('of a million rows that expire at once, the first thousand are found and removed within milliseconds', () => {
  const order = new ExpiryOrder({ expiryPlaceOf: (row) => places[row] ?? 0, setExpiryPlace: (row, place) => { places[row] = place; } });
  const places = new Uint32Array(MANY);
  for (let row = 0; row < MANY; row += 1) order.set(row, 1000);
  const turnsMs: number[] = [];
  for (let turn = 0; turn < 50; turn += 1) {
    const startedMs = performance.now();
    const found = order.expired(1000, 1000);
    for (const row of found) order.set(row, null);
    turnsMs.push(performance.now() - startedMs);
    assert.equal(new Set(found).size, 1000);
  }
  assert.equal(order.count, MANY - 50_000);
  const [median = Infinity] = turnsMs.sort((a, b) => a - b).slice(25);
  assert.ok(median < 20, `${median} ms`);
});

test.run();
