import assert from 'node:assert/strict';
import { InvariantError } from '../../src/base/invariant.js';
import { type BatchedChange, type ProjectEvent, rangeConditions } from '../../src/events/event.js';
import { addTerm, keyTerm } from '../../src/projections/key-sum.js';
import { KeyValues } from '../../src/projections/key-values.js';
import { compareBytes, isWithin } from '../events/plain-range.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';
import { PlacedEvents } from './placed-events.js';
import { recordedAt, TIME_ZERO_MS } from './recorded-events.js';

const test = suite('projections/key-values-expiry');
const SECOND_MS = 1000;

/** The time of a line. */
function timeOf(seq: number): number {
  return TIME_ZERO_MS + seq * SECOND_MS;
}

function at(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

/** What a key has. */
interface Known {
  readonly value: string;
  readonly seq: number;
  readonly expiresAtMs: number | null;
}

/** The plainest model. */
class PlainValues {
  readonly entries = new Map<string, Known>();

  change(change: BatchedChange, seq: number): void {
    const known = this.entries.get(change.key);
    const expiresAtMs = 'expires_at' in change && change.expires_at !== null ? Date.parse(change.expires_at) : null;
    if (change.op === 'delete') this.entries.delete(change.key);
    else if (change.op !== 'touch') this.entries.set(change.key, { value: change.value, seq, expiresAtMs });
    else if (known !== undefined) this.entries.set(change.key, { ...known, seq, expiresAtMs });
  }

  expired(nowMs: number): string[] {
    return [...this.entries].filter(([, { expiresAtMs }]) => (expiresAtMs ?? Infinity) <= nowMs).map(([key]) => key);
  }
}

const key = fc.constantFrom('a', 'ab', 'b', 'é', '\u{1f600}', 'k'.repeat(60));
/** From before the line to far behind the last one. */
const ttl = fc.integer({ min: -2 * SECOND_MS, max: 60 * SECOND_MS });
const value = fc.constantFrom('1', '"ü"', '{"a":1.0}');
const change = fc.oneof(
  fc.record({ op: fc.constant('set' as const), key, value }),
  fc.record({ op: fc.constant('set.until' as const), ttl, key, value }),
  fc.record({ op: fc.constant('touch' as const), ttl: fc.option(ttl), key }),
  fc.record({ op: fc.constant('delete' as const), key }),
);
const batch = fc.uniqueArray(change, { selector: (one) => one.key });
const step = fc.oneof(
  { weight: 8, arbitrary: change },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('batch' as const), changes: batch }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('expire' as const), limit: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.constant({ op: 'clear.range' as const, range: { prefix: 'a' } }) },
  { weight: 1, arbitrary: fc.constant({ op: 'clear' as const }) },
);
type Change = typeof change extends fc.Arbitrary<infer C> ? C : never;
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** The change of a line, if its key is there. */
function batchedChange(one: Change, { entries }: PlainValues, seq: number): readonly BatchedChange[] {
  if (one.op === 'set') return [{ ...one }];
  const expiryIn = (ttlMs: number): string => at(timeOf(seq) + ttlMs);
  if (one.op === 'set.until') return [{ op: one.op, expires_at: expiryIn(one.ttl), key: one.key, value: one.value }];
  if (!entries.has(one.key)) return [];
  if (one.op === 'delete') return [{ ...one }];
  return [{ op: one.op, expires_at: one.ttl === null ? null : expiryIn(one.ttl), key: one.key }];
}

/** The event of a step, after the model has taken it; undefined for a step that changes nothing. */
function eventOf(one: Step, model: PlainValues, values: KeyValues, seq: number): ProjectEvent | undefined {
  if (one.op === 'clear') {
    const count = model.entries.size;
    model.entries.clear();
    return { op: 'clear', count };
  }
  if (one.op === 'clear.range') {
    const gone = [...model.entries.keys()].filter((name) => isWithin(name, one.range));
    for (const name of gone) model.entries.delete(name);
    return { op: 'clear.range', ...rangeConditions(one.range), count: gone.length };
  }
  if (one.op === 'expire') {
    const keys = values.expiredKeys(timeOf(seq), one.limit);
    for (const name of keys) model.entries.delete(name);
    return keys.length === 0 ? undefined : { op: 'expire', keys };
  }
  const ops = (one.op === 'batch' ? one.changes : [one]).flatMap((each) => batchedChange(each, model, seq));
  for (const op of ops) model.change(op, seq);
  return one.op === 'batch' && ops.length > 0 ? { op: 'batch', ops } : ops[0];
}

function compare(values: KeyValues, model: PlainValues, log: PlacedEvents, seq: number): void {
  const all = [...model.entries].sort(([a], [b]) => compareBytes(a, b));
  const shown = values.slice({}, 99).entries.map(([name, entry]) => (
    [name, { value: log.textOf(entry), seq: entry.seq, expiresAtMs: entry.expiresAtMs }]
  ));
  assert.deepEqual(shown, all);
  assert.equal(values.keySum, all.reduce((sum, [name, known]) => addTerm(sum, keyTerm(name, known.seq, known.expiresAtMs)), 0));
  const nowMs = timeOf(seq);
  const expired = model.expired(nowMs);
  assert.deepEqual(values.keys({}, 99, nowMs), all.map(([name]) => name).filter((name) => !expired.includes(name)));
  assert.equal(values.countIn({}, nowMs), all.length - expired.length);
  assert.deepEqual(new Set(values.expiredKeys(nowMs, 99)), new Set(expired));
  const expiries = all.map(([, { expiresAtMs }]) => expiresAtMs).filter((one) => one !== null);
  assert.deepEqual([values.expiringCount, values.nextExpiryMs], [expiries.length, expiries.sort((a, b) => a - b)[0]]);
  for (const [name, known] of all) {
    assert.equal(values.expiryOf(name), known.expiresAtMs);
    assert.deepEqual([values.get(name)?.expiresAtMs, values.get(name)?.timeMs], [known.expiresAtMs, timeOf(known.seq)]);
  }
}

for (const isCaching of [true, false]) {
  test(`any changes leave what they leave in a map, with values ${isCaching ? 'in memory' : 'on disk'}`, () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
      const values = new KeyValues({ isCaching });
      const model = new PlainValues();
      const log = new PlacedEvents();
      let seq = 0;
      for (const one of steps) {
        const event = eventOf(one, model, values, seq + 1);
        if (event === undefined) continue;
        seq += 1;
        values.apply(log.recordedAt(event, seq));
        compare(values, model, log, seq);
      }
      assert.equal(values.placedCount, isCaching ? 0 : values.count);
    }));
  });
}

/** Values with a key that expires at the time of seq 5. */
function withExpiring(): KeyValues {
  const values = new KeyValues();
  values.apply(recordedAt({ op: 'set.until', expires_at: at(timeOf(5)), key: 'a', value: '1' }, 1));
  return values;
}

test('an expire line that removes a key which has not expired by its time, has no expiry, or does not exist is a defect', () => {
  const message = /each key that seq \d removes exists and has expired by the time of the line/;
  assert.throws(() => withExpiring().apply(recordedAt({ op: 'expire', keys: ['a'] }, 4)), message);
  assert.throws(() => withExpiring().apply(recordedAt({ op: 'expire', keys: ['b'] }, 9)), message);
  assert.throws(() => withExpiring().apply(recordedAt({ op: 'expire', keys: ['a', 'a'] }, 9)), InvariantError);
  const values = withExpiring();
  values.apply(recordedAt({ op: 'set', key: 'a', value: '2' }, 2));
  assert.throws(() => values.apply(recordedAt({ op: 'expire', keys: ['a'] }, 9)), message);
});

test('an expire line at the very time of the expiry removes the key', () => {
  const values = withExpiring();
  values.apply(recordedAt({ op: 'expire', keys: ['a'] }, 5));
  assert.deepEqual([values.count, values.keySum, values.nextExpiryMs], [0, 0, undefined]);
});

test('touching a key that does not exist is a defect', () => {
  const touch = { op: 'touch', expires_at: null, key: 'b' } as const;
  assert.throws(() => withExpiring().apply(recordedAt(touch, 2)), /the key that seq 2 touches exists/);
});

test('a plain set, in text or in bytes, removes an expiry', () => {
  const bytes = Buffer.from('"a":2,');
  for (const form of [{}, { bytes: { bytes, start: 1, end: 2, valueStart: 4, valueEnd: 5 } }]) {
    const values = withExpiring();
    values.apply(recordedAt({ op: 'set', key: 'a', value: '2', ...form }, 2));
    assert.deepEqual([values.expiryOf('a'), values.expiringCount, values.get('a')?.value], [null, 0, '2']);
    assert.equal(values.keySum, keyTerm('a', 2, null));
  }
});

test('watchers are informed of keys before they are touched or expire', () => {
  const values = withExpiring();
  const seen: unknown[] = [];
  values.watch({ beforeChange: (name) => seen.push([name, values.get(name)?.seq]), beforeClear: () => assert.fail() });
  values.apply(recordedAt({ op: 'touch', expires_at: at(timeOf(3)), key: 'a' }, 2));
  values.apply(recordedAt({ op: 'expire', keys: ['a'] }, 3));
  assert.deepEqual(seen, [['a', 1], ['a', 2]]);
});

test('restored keys expire as applied ones do', () => {
  const values = new KeyValues();
  values.restore('a', { value: '1', seq: 1, tag: 1, timeMs: timeOf(1), expiresAtMs: timeOf(5) });
  assert.deepEqual([values.keySum, values.nextExpiryMs, values.expiredKeys(timeOf(5), 9)], [withExpiring().keySum, timeOf(5), ['a']]);
});

test.run();
