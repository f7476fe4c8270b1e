/** What two states differ in, and which lines made the difference, beside a plain replay of random histories with keys that expire. */
import assert from 'node:assert/strict';
import { AppError } from '../../src/base/app-error.js';
import { decodeEvent } from '../../src/events/codec.js';
import { expiryAfter, keyChangesOf, rangeOf, removesKey, setsValue } from '../../src/events/event.js';
import { type DirectedRange, isInRange } from '../../src/events/key-range.js';
import { LINE_BYTES_MAX, type Log, type LogLine } from '../../src/log/log.js';
import { MemoryLog } from '../../src/log/memory-log.js';
import type { LastChange } from '../../src/projections/state-diff.js';
import { MemoryState } from '../../src/projects/past/memory-state.js';
import type { Expiry } from '../../src/store/command.js';
import { changedKeys, namedKeys } from '../../src/store/few-keys.js';
import { type ComparableState, lastChangesOf, loadBoth, pastDifferences, pastDifferencesOf } from '../../src/store/past-diff.js';
import type { PastEntry, PastSlice } from '../../src/store/past-state.js';
import { loadTargets, planRevert, type RevertPlan } from '../../src/store/plan-revert.js';
import type { ProjectStore } from '../../src/store/project-store.js';
import { ManualClock } from '../base/manual-clock.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';
import { inForm } from '../test-form.js';
import { CONTEXT, create, isRefusal, storeOver } from './created-store.js';

const test = suite('store/past-diff');

const KEYS = ['a', 'ab', 'b', 'é', '\u{10ffff}'];
const PARTS = { admit: () => undefined, nextTurn: () => Promise.resolve() };
const NEVER = new AbortController().signal;
const JUMP_MS = 100_000;
const MADE_KEYS = 100_000;
const SLICE_ENTRIES = 1000;

interface PlainVersion {
  readonly seq: number;
  readonly value: string;
  readonly expiresAtMs: number | null;
}

/** What a replay of the lines says, as plainly as can be. */
interface Plain {
  readonly timeMs: number;
  readonly visible: ReadonlyMap<string, PlainVersion>;
}

async function linesOf(log: Log): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  for await (const line of log.read({ fromSeq: 1 })) lines.push(line);
  return lines;
}

/** The state after each line, and before the first. */
function replay(lines: readonly LogLine[]): readonly Plain[] {
  const states: Plain[] = [{ timeMs: 0, visible: new Map() }];
  const all = new Map<string, PlainVersion>();
  for (const { op, body, seq, timeMs } of lines) {
    const event = decodeEvent(op, body);
    if (event.op === 'clear') all.clear();
    if (event.op === 'clear.range') for (const key of [...all.keys()]) if (isInRange(key, rangeOf(event))) all.delete(key);
    for (const change of keyChangesOf(event)) {
      if (removesKey(change)) all.delete(change.key);
      else {
        const value = setsValue(change) ? change.value : all.get(change.key)?.value ?? '';
        all.set(change.key, { seq, value, expiresAtMs: expiryAfter(change) });
      }
    }
    const visible = new Map([...all].filter(([, { expiresAtMs }]) => expiresAtMs === null || expiresAtMs > timeMs));
    states.push({ timeMs, visible });
  }
  return states;
}

function isSame(one: PlainVersion | undefined, other: PlainVersion | undefined): boolean {
  return one?.value === other?.value && one?.expiresAtMs === other?.expiresAtMs;
}

/** The last line up to the later state that changed the key, found by looking at each of them. */
function plainChange(lines: readonly LogLine[], key: string, to: number): LogLine | undefined {
  return lines.slice(0, to).findLast(({ op, body }) => {
    const event = decodeEvent(op, body);
    if (event.op === 'clear') return true;
    if (event.op === 'clear.range') return isInRange(key, rangeOf(event));
    return keyChangesOf(event).some((change) => change.key === key);
  });
}

const key = fc.constantFrom(...KEYS);
const value = fc.constantFrom('1', '2', '"\u{1f600}"', '1.0');
const expiry = fc.option(fc.constantFrom(1, 3, 200).map((seconds): Expiry => ({ kind: 'after', seconds })), { nil: undefined });
const step = fc.record({ op: fc.constantFrom('set' as const, 'delete' as const, 'touch' as const), key, value, expiry });
const action = fc.oneof(
  { weight: 6, arbitrary: fc.array(step, { minLength: 1, maxLength: 3 }).map((steps) => ({ kind: 'steps' as const, steps })) },
  { weight: 2, arbitrary: fc.constantFrom(1000, 2000, -2000, JUMP_MS, -JUMP_MS).map((ms) => ({ kind: 'clock' as const, ms })) },
  { weight: 1, arbitrary: fc.constant({ kind: 'clear' as const }) },
  { weight: 1, arbitrary: fc.constantFrom('a', '', 'é').map((prefix) => ({ kind: 'range' as const, prefix })) },
  { weight: 1, arbitrary: fc.constant({ kind: 'sweep' as const }) },
);
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

interface History {
  readonly store: ProjectStore;
  readonly clock: ManualClock;
  readonly log: Log;
}

async function take({ store, clock }: History, one: Action, number: number): Promise<void> {
  const context = { ...CONTEXT, requestId: `r${number}` };
  if (one.kind === 'clock') clock.setWall(clock.wallMs() + one.ms);
  else if (one.kind === 'clear') await store.submit({ type: 'clear' }, context);
  else if (one.kind === 'range') await store.submit({ type: 'clear.range', range: { prefix: one.prefix } }, context);
  else if (one.kind === 'sweep') await store.submit({ type: 'expire' }, { actor: 'server', requestId: '' });
  else {
    await store.submit({
      type: 'batch',
      steps: one.steps.map((made) => {
        const when = made.expiry ?? { kind: 'never' as const };
        if (made.op === 'set') return { op: 'set', key: made.key, value: made.value, expiry: when };
        return made.op === 'touch' ? { op: 'touch', key: made.key, expiry: when } : { op: 'delete', key: made.key };
      }),
    }, context);
  }
}

async function historyOf(actions: readonly Action[]): Promise<History> {
  const clock = new ManualClock();
  const log = new MemoryLog({ project: 'alpha', logId: '0123456789abcdef0123456789abcdef', clock });
  const history = { store: storeOver(log), clock, log };
  await history.store.submit(create(), CONTEXT);
  for (const [number, one] of actions.entries()) await take(history, one, number);
  return history;
}

async function stateAt(store: ProjectStore, seq: number): Promise<MemoryState> {
  return (await MemoryState.build(store.feed, seq, NEVER)).state;
}

async function gather<T>(groups: AsyncIterable<readonly T[]>): Promise<T[]> {
  const all: T[] = [];
  for await (const group of groups) all.push(...group);
  return all;
}

const histories = fc.array(action, { minLength: 3, maxLength: 14, size: 'max' });

test('a difference is what two replays differ in, with the last line about each key', async () => {
  const ends = fc.tuple(histories, fc.nat(), fc.nat(), fc.constantFrom('', 'a', 'é'));
  await fc.assert(fc.asyncProperty(ends, async ([actions, one, other, prefix]) => {
    const { store, log } = await historyOf(actions);
    const lines = await linesOf(log);
    const plain = replay(lines);
    const [from = 0, to = 0] = [one % plain.length, other % plain.length].sort((a, b) => a - b);
    const pair = { before: await stateAt(store, from), after: await stateAt(store, to) };
    const found = await gather(pastDifferences(pair, { prefix }, PARTS));
    const [before, after] = [plain[from]?.visible, plain[to]?.visible];
    const wanted = KEYS.filter((name) => name.startsWith(prefix) && !isSame(before?.get(name), after?.get(name)));
    assert.deepEqual(found.map((difference) => difference.key), wanted);
    assert.deepEqual((await gather(pastDifferencesOf(pair, KEYS, PARTS))).filter((one_) => one_.key.startsWith(prefix)), found);
    const [old, young] = await loadBoth(pair, found, () => undefined);
    const search = { feed: store.feed, afterSeq: from, untilSeq: to, ...PARTS };
    const changes = await lastChangesOf(search, found.map((difference) => (
      { key: difference.key, last: difference.after, expiresAtMs: difference.before?.expiresAtMs ?? null }
    )));
    for (const [index, name] of wanted.entries()) {
      assert.deepEqual([old[index], young[index]], [before?.get(name)?.value, after?.get(name)?.value]);
      const line = plainChange(lines, name, to);
      const change = changes.get(name) as LastChange;
      const entry = after?.get(name);
      if (entry !== undefined) assert.equal(change.seq, entry.seq);
      const isLapsed = entry === undefined && !removes(line, name);
      if (isLapsed) assert.deepEqual([change.seq, change.op, change.actor], [null, 'expire', 'server']);
      else assert.deepEqual(change, { seq: line?.seq, timeMs: line?.timeMs, op: line?.op, actor: line?.actor, request: line?.request });
    }
  }), { numRuns: inForm({ short: 200, long: 10_000 }) });
});

function removes(line: LogLine | undefined, name: string): boolean {
  if (line === undefined) return false;
  const event = decodeEvent(line.op, line.body);
  return event.op.startsWith('clear') || keyChangesOf(event).some((change) => change.key === name && removesKey(change));
}

test('after a revert, the keys are as they were, less what has expired since; a second one changes nothing', async () => {
  const ends = fc.tuple(histories, fc.nat(), fc.constantFrom(undefined, 'a', 'b'));
  await fc.assert(fc.asyncProperty(ends, async ([actions, one, prefix]) => {
    const history = await historyOf(actions);
    const { store } = history;
    const plain = replay(await linesOf(history.log));
    const to = one % plain.length;
    // A clock that was set back far shows keys again that had expired by the time of the last line.
    fc.pre(plain.every(({ timeMs }) => timeMs <= store.nowMs));
    const range = prefix === undefined ? {} : { prefix };
    const others = await contentOf(store, (name) => prefix !== undefined && !name.startsWith(prefix));
    const isReverted = await revert(store, to, range);
    const nowMs = store.nowMs;
    const wanted = [...(plain[to]?.visible ?? [])].filter(([name, { expiresAtMs }]) => (
      isInRange(name, range) && (expiresAtMs === null || expiresAtMs > nowMs)
    )).map(([name, version]) => [name, version.value, version.expiresAtMs]);
    assert.deepEqual(sorted(await contentOf(store, (name) => isInRange(name, range))), sorted(wanted));
    assert.deepEqual(await contentOf(store, (name) => prefix !== undefined && !name.startsWith(prefix)), others);
    const { seq } = store;
    await revert(store, to, range);
    assert.equal(store.seq, seq);
    if (!isReverted) return;
    const last = (await linesOf(history.log)).at(-1);
    assert.ok(['batch', 'set', 'set.until', 'delete'].includes(last?.op ?? ''), last?.op);
  }), { numRuns: inForm({ short: 200, long: 10_000 }) });
});

test('a revert that is computed from the lines is the one that is computed from the states', async () => {
  const ends = fc.tuple(histories, fc.nat(), fc.nat(), fc.constantFrom('', 'a', 'b'), fc.boolean());
  await fc.assert(fc.asyncProperty(ends, async ([actions, one, other, prefix, isNamed]) => {
    const { store, log } = await historyOf(actions);
    const plain = replay(await linesOf(log));
    const [to = 0, seq = 0] = [one % plain.length, other % plain.length].sort((a, b) => a - b);
    // A jump of the clock can hide a key that has not expired.
    const times = [plain[to]?.timeMs ?? 0, ...plain.slice(to, seq + 1).map((state) => state.timeMs), store.nowMs];
    fc.pre(times.every((timeMs, at) => at === 0 || timeMs >= (times[at - 1] ?? 0)));
    const search = { store, seq, to, ...PARTS };
    const names = KEYS.filter((name) => name.startsWith(prefix)).slice(0, 4);
    const few = isNamed ? await namedKeys(search, names) : await changedKeys(search, (name) => name.startsWith(prefix));
    if (few === undefined) {
      const between = (await linesOf(log)).slice(to, seq);
      assert.ok(!isNamed && between.some((line) => line.op.startsWith('clear')));
      return;
    }
    const whole = { before: await stateAt(store, seq), after: await stateAt(store, to) };
    const keys = [...few.keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    const found = await planRevert(pastDifferencesOf(few.pair, keys, PARTS), store.nowMs, () => undefined);
    const wanted = await planRevert(
      isNamed ? pastDifferencesOf(whole, keys, PARTS) : pastDifferences(whole, { prefix }, PARTS), store.nowMs, () => undefined,
    );
    assert.deepEqual(await loadTargets(few.pair, found, PARTS.nextTurn), await loadTargets(whole, wanted, PARTS.nextTurn));
    const versionsOf = ({ differences }: RevertPlan): unknown => differences.map((difference) => (
      [difference.before, difference.after].map((entry) => entry && [entry.seq, entry.tag, entry.timeMs, entry.expiresAtMs])
    ));
    assert.deepEqual(versionsOf(found), versionsOf(wanted));
  }), { numRuns: inForm({ short: 300, long: 10_000 }) });
});

async function revert(store: ProjectStore, to: number, range: object): Promise<boolean> {
  const pair = { before: await stateAt(store, store.seq), after: await stateAt(store, to) };
  const plan = await planRevert(pastDifferences(pair, range, PARTS), store.nowMs, () => undefined);
  const keys = await loadTargets(pair, plan, PARTS.nextTurn);
  const { hash } = await store.submit({ type: 'revert', keys }, CONTEXT);
  return hash !== undefined;
}

async function contentOf(store: ProjectStore, isWanted: (key: string) => boolean): Promise<readonly unknown[][]> {
  const { entries } = await store.reads.readPiece({}, KEYS.length);
  return entries.filter(([name]) => isWanted(name)).map(([name, { value: text, expiresAtMs }]) => [name, text, expiresAtMs]);
}

function sorted(entries: readonly unknown[][]): readonly unknown[][] {
  return [...entries].sort(([a], [b]) => Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b))));
}

/** A state of many keys, none of which is in memory. */
class MadeState {
  readonly timeMs = 1;
  readonly seq: number;
  readonly count = MADE_KEYS;
  sliceCount = 0;

  constructor(seq: number) {
    this.seq = seq;
  }

  #entry(number: number): PastEntry {
    return { key: `k${String(number).padStart(7, '0')}`, seq: this.seq, tag: 0, timeMs: 1, expiresAtMs: null, sizeBytes: this.seq };
  }

  get(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  countIn(): Promise<number> {
    return Promise.resolve(MADE_KEYS);
  }

  slice({ after }: DirectedRange, limit: number): Promise<PastSlice> {
    this.sliceCount += 1;
    const first = after === undefined ? 0 : Number(after.slice(1)) + 1;
    const entries = Array.from({ length: Math.min(limit, MADE_KEYS - first) }, (_, at) => this.#entry(first + at));
    return Promise.resolve({ entries, isLast: first + entries.length === MADE_KEYS });
  }

  load(): Promise<readonly string[]> {
    throw new Error('no value is loaded where sizes differ');
  }
}

/** States of keys that each have another version; the value of `erased` was erased. */
function versionsOf(seq: number, values: Readonly<Record<string, string>>, failure?: Error): ComparableState {
  const sizeBytes = Object.values(values)[0]?.length ?? 0;
  return {
    seq,
    get: (name) => Promise.resolve(name in values ? { key: name, seq, tag: 0, timeMs: 1, expiresAtMs: null, sizeBytes } : undefined),
    load: (entries) => {
      if (failure !== undefined) return Promise.reject(failure);
      if (entries.some((entry) => entry.key === 'erased')) return Promise.reject(new AppError('value_redacted', 'It was erased'));
      return Promise.resolve(entries.map((entry) => values[entry.key] ?? ''));
    },
  };
}

test('a value that was erased differs from every other one, and keeps no key beside it from being compared', async () => {
  for (const sizeBytes of [4, 100_000]) {
    const [one, other] = ['1'.repeat(sizeBytes), '2'.repeat(sizeBytes)];
    const pair = {
      before: versionsOf(1, { same: one, erased: one, changed: one }), after: versionsOf(2, { same: one, erased: one, changed: other }),
    };
    let turns = 0;
    const nextTurn = (): Promise<void> => {
      turns += 1;
      return Promise.resolve();
    };
    const found = await gather(pastDifferencesOf(pair, ['same', 'erased', 'changed', 'none'], { ...PARTS, nextTurn }));
    assert.deepEqual(found.map((difference) => difference.key), ['erased', 'changed']);
    // Large values are compared one by one, with a turn in between.
    assert.equal(turns, sizeBytes === 4 ? 1 : 3);
  }
  const failing = { before: versionsOf(1, { a: '1' }, new Error('the disk')), after: versionsOf(2, { a: '1' }) };
  await assert.rejects(gather(pastDifferencesOf(failing, ['a'], PARTS)), /the disk/);
});

test('a key that no line removed has expired, although other lines follow it', async () => {
  const history = await historyOf([{ kind: 'steps', steps: [{ op: 'set', key: 'a', value: '1', expiry: { kind: 'after', seconds: 1 } }] }]);
  const { store, clock } = history;
  await store.submit({ type: 'project.update', change: { quota: { max_keys: 9 } } }, CONTEXT);
  const expiresAtMs = store.values.expiryOf('a');
  clock.setWall(clock.wallMs() + 2000);
  const search = { feed: store.feed, afterSeq: 2, untilSeq: store.seq, ...PARTS };
  const change = (await lastChangesOf(search, [{ key: 'a', last: undefined, expiresAtMs }])).get('a');
  assert.deepEqual([change?.seq, change?.op, change?.timeMs], [null, 'expire', expiresAtMs]);
});

test('two large states are read side by side, no further than is asked for', async () => {
  const pair = { before: new MadeState(1), after: new MadeState(2) };
  let found = 0;
  let groups = 0;
  for await (const group of pastDifferences(pair, {}, PARTS)) {
    assert.ok(group.length <= SLICE_ENTRIES);
    found += group.length;
    groups += 1;
    assert.ok(pair.before.sliceCount <= groups && pair.after.sliceCount <= groups);
  }
  assert.equal(found, MADE_KEYS);
});

test('a revert that no line can hold is refused before the rest is read', async () => {
  const pair = { before: new MadeState(1), after: new MadeState(2000) };
  await assert.rejects(planRevert(pastDifferences(pair, {}, PARTS), 1, () => undefined), isRefusal('line_too_large'));
  assert.ok(pair.before.sliceCount <= LINE_BYTES_MAX / 2000 / SLICE_ENTRIES + 1);
});

test.run();
