/** Quotas where keys expire: what has expired gives way to what is written. */
import assert from 'node:assert/strict';
import { AppError } from '../../src/base/app-error.js';
import type { QuotaSettings } from '../../src/events/project-settings.js';
import { MemoryLog } from '../../src/log/memory-log.js';
import { ProjectModel } from '../../src/projections/project-model.js';
import type { BatchStep, Command } from '../../src/store/command.js';
import { ProjectStore } from '../../src/store/project-store.js';
import { ManualClock } from '../base/manual-clock.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';
import { CONTEXT, create, set } from './created-store.js';

const test = suite('quota-expiry');

const KEYS = ['a', 'b', 'c', 'ü'];
/** Of a line. */
const EXPIRED_KEYS_MAX = 1000;

interface Timed {
  readonly store: ProjectStore;
  readonly log: MemoryLog;
  readonly clock: ManualClock;
}

async function started(quota: Partial<QuotaSettings>): Promise<Timed> {
  const clock = new ManualClock();
  const log = new MemoryLog({ project: 'alpha', logId: '0123456789abcdef0123456789abcdef', clock });
  const store = new ProjectStore({ log, model: new ProjectModel() });
  await store.submit(create(), CONTEXT);
  await store.submit({ type: 'project.update', change: { quota } }, CONTEXT);
  return { store, log, clock };
}

function setFor(seconds: number, key: string, value = '1'): Command {
  return { type: 'set', key, value, expiry: { kind: 'after', seconds } };
}

/** What became of commands that shared a turn. */
async function outcomes({ store }: Timed, commands: readonly Command[]): Promise<string[]> {
  return await Promise.all(commands.map((command) => store.submit(command, CONTEXT).then(
    ({ created, seq, hash }) => (hash === undefined ? `no line after ${seq}` : created ? 'created' : 'done'),
    (error: unknown) => (error instanceof AppError ? error.code : String(error)),
  )));
}

async function opsAfter({ log }: Timed, seq: number): Promise<readonly (readonly [op: string, actor: string])[]> {
  const ops: (readonly [string, string])[] = [];
  for await (const { op, actor } of log.read({ fromSeq: seq + 1 })) ops.push([op, actor]);
  return ops;
}

for (const [name, quota] of [['keys', { max_keys: 2 }], ['bytes', { max_bytes: 4 }]] as const) {
  test(`before a quota of ${name} refuses a change, keys that have expired are removed by a line of the same turn`, async () => {
    const timed = await started(quota);
    assert.deepEqual(await outcomes(timed, [setFor(1, 'a'), setFor(1, 'b'), set('c')]), ['created', 'created', 'quota_exceeded']);
    timed.clock.advance(1000);
    const { seq } = timed.store;
    assert.deepEqual(await outcomes(timed, [set('c'), set('d'), set('e')]), ['created', 'created', 'quota_exceeded']);
    assert.deepEqual(await opsAfter(timed, seq), [['expire', 'server'], ['set', 'anonymous'], ['set', 'anonymous']]);
    assert.deepEqual(timed.store.values.keys({}, 9), ['c', 'd']);
  });
}

test('a key that has expired and is set again takes no room twice', async () => {
  const timed = await started({ max_keys: 2, max_bytes: 13 });
  await outcomes(timed, [setFor(1, 'a', '"xx"'), set('b', '"xxxxx"')]);
  timed.clock.advance(1000);
  const { seq } = timed.store;
  assert.deepEqual(await outcomes(timed, [set('a', '"yy"'), set('a', '"yyy"')]), ['created', 'quota_exceeded']);
  assert.deepEqual(await opsAfter(timed, seq), [['expire', 'server'], ['set', 'anonymous']]);
});

test('a refusal removes up to a thousand keys, once in a turn', async () => {
  const timed = await started({});
  const steps = Array.from({ length: EXPIRED_KEYS_MAX * 2 + 500 }, (_, index): BatchStep => (
    { op: 'set', key: `k${index}`, value: '1', expiry: { kind: 'after', seconds: 1 } }
  ));
  await timed.store.submit({ type: 'batch', steps }, CONTEXT);
  await timed.store.submit({ type: 'project.update', change: { quota: { max_keys: 100 } } }, CONTEXT);
  timed.clock.advance(1000);
  assert.deepEqual(await outcomes(timed, [set('a'), set('b')]), ['quota_exceeded', 'quota_exceeded']);
  assert.equal(timed.store.values.count, EXPIRED_KEYS_MAX + 500);
  assert.deepEqual(await outcomes(timed, [set('a')]), ['quota_exceeded']);
  assert.equal(timed.store.values.count, 500);
  assert.deepEqual(await outcomes(timed, [set('a'), set('b')]), ['created', 'created']);
  assert.equal(timed.store.values.count, 2);
});

test('a touch and an expiry pass under any quota', async () => {
  const timed = await started({});
  await outcomes(timed, [setFor(1, 'a'), setFor(5, 'b')]);
  await timed.store.submit({ type: 'project.update', change: { quota: { max_keys: 0, max_bytes: 0 } } }, CONTEXT);
  const touch: Command = { type: 'batch', steps: [{ op: 'touch', key: 'b', expiry: { kind: 'never' } }] };
  assert.deepEqual(await outcomes(timed, [touch]), ['done']);
  timed.clock.advance(1000);
  assert.deepEqual(await outcomes(timed, [{ type: 'expire' }]), ['done']);
  assert.deepEqual([timed.store.values.keys({}, 9), timed.store.values.contentBytes], [['b'], 2]);
});

/** What a reader sees, by key, with the time from which it is hidden. */
class PlainProject {
  #entries = new Map<string, { readonly value: string; readonly untilMs: number }>();
  nowMs = 0;
  quota: Pick<QuotaSettings, 'max_keys' | 'max_bytes'> = { max_keys: null, max_bytes: null };

  visible(): Map<string, { readonly value: string; readonly untilMs: number }> {
    return new Map([...this.#entries].filter(([, { untilMs }]) => untilMs > this.nowMs));
  }

  /** Changes all of the keys, or none. */
  change(changes: readonly { readonly key: string; readonly value: string | null; readonly seconds: number }[]): 'done' | 'quota_exceeded' {
    const before = this.visible();
    const after = new Map(before);
    for (const { key, value, seconds } of changes) {
      if (value === null) after.delete(key);
      else after.set(key, { value, untilMs: this.nowMs + seconds * 1000 });
    }
    const { max_keys: keysMax, max_bytes: bytesMax } = this.quota;
    if (keysMax !== null && after.size > before.size && after.size > keysMax) return 'quota_exceeded';
    if (bytesMax !== null && bytesOf(after) > bytesOf(before) && bytesOf(after) > bytesMax) return 'quota_exceeded';
    this.#entries = after;
    return 'done';
  }
}

function bytesOf(entries: ReadonlyMap<string, { readonly value: string }>): number {
  return [...entries].reduce((sum, [key, { value }]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
}

const change = fc.record({
  key: fc.constantFrom(...KEYS),
  value: fc.oneof({ weight: 4, arbitrary: fc.constantFrom('1', '"ü"', '"long"', '"longer"') }, { weight: 1, arbitrary: fc.constant(null) }),
  seconds: fc.constantFrom(1, 2, 1000),
});
const action = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.array(fc.uniqueArray(change, { selector: ({ key }) => key, minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 6 })
      .map((batches) => ({ kind: 'write', batches }) as const),
  },
  { weight: 3, arbitrary: fc.constantFrom(1, 999, 1000, 2500).map((ms) => ({ kind: 'wait', ms }) as const) },
  {
    weight: 1,
    arbitrary: fc.record({ max_keys: fc.option(fc.nat({ max: 4 })), max_bytes: fc.option(fc.nat({ max: 30 })) }, { noNullPrototype: true })
      .map((quota) => ({ kind: 'limit', quota }) as const),
  },
);

test('whether a change passes depends on what a reader sees, as if what has expired were gone at once', async () => {
  await fc.assert(fc.asyncProperty(fc.array(action, { minLength: 2, maxLength: 20, size: 'max' }), async (actions) => {
    const timed = await started({});
    const model = new PlainProject();
    model.nowMs = timed.clock.wallMs();
    for (const one of actions) {
      if (one.kind === 'wait') {
        timed.clock.advance(one.ms);
        model.nowMs += one.ms;
      } else if (one.kind === 'limit') {
        await timed.store.submit({ type: 'project.update', change: { quota: one.quota } }, CONTEXT);
        model.quota = one.quota;
      } else {
        const commands = one.batches.map((changes): Command => ({
          type: 'batch',
          steps: changes.map(({ key, value, seconds }): BatchStep => (
            value === null ? { op: 'delete', key } : { op: 'set', key, value, expiry: { kind: 'after', seconds } }
          )),
        }));
        const found = await outcomes(timed, commands);
        const expected = one.batches.map((changes) => model.change(changes));
        assert.deepEqual(found.map((outcome) => (outcome === 'quota_exceeded' ? outcome : 'done')), expected);
      }
      const visible = [...model.visible().keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      assert.deepEqual(await timed.store.reads.readNames({}, 99), visible);
    }
  }));
});

test.run();
