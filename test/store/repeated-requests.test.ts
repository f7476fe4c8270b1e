/** Requests that are sent again take effect once: a store beside a plain model of what is remembered, started again at any step. */
import assert from 'node:assert/strict';
import { silentLogger } from '../../src/base/logger.js';
import { isProjectEvent } from '../../src/events/event.js';
import { MemoryLog } from '../../src/log/memory-log.js';
import { ProjectModel } from '../../src/projections/project-model.js';
import { RequestBudget } from '../../src/projections/requests/request-budget.js';
import { replayInto } from '../../src/projects/replay-into.js';
import type { Command, CommandContext, CommandResult, RevertedKey } from '../../src/store/command.js';
import { ProjectStore } from '../../src/store/project-store.js';
import { ManualClock } from '../base/manual-clock.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';
import { CONTEXT, create, isRefusal, remove, set } from './created-store.js';
import { ScriptedLog } from './scripted-log.js';

const test = suite('repeated-requests');

const DAY_MS = 86_400_000;

/** The context of a request with an idempotency key; a text stands for what is asked for. */
function once(key: string, asked: string, actor = 'anonymous'): CommandContext {
  const fingerprint = Buffer.from(asked.slice(0, 8).padEnd(8)).toString('hex');
  return { actor, requestId: `idem:${key}`, fingerprint };
}

/** A store over a log in memory that can be started again. */
class System {
  readonly clock = new ManualClock();
  readonly #log = new MemoryLog({ project: 'p', logId: '0'.repeat(32), clock: this.clock, logger: silentLogger });
  readonly #requestsMax: number;
  store: ProjectStore;

  private constructor(requestsMax: number) {
    this.#requestsMax = requestsMax;
    this.store = this.#start(this.#model());
  }

  static async start(requestsMax = 100): Promise<System> {
    const system = new System(requestsMax);
    await system.store.submit(create(), CONTEXT);
    return system;
  }

  #model(): ProjectModel {
    return new ProjectModel({ requests: { ageMsMax: DAY_MS, requestsMax: this.#requestsMax, budget: new RequestBudget(1e9) } });
  }

  #start(model: ProjectModel): ProjectStore {
    return new ProjectStore({ log: this.#log, model });
  }

  /** Everything but the log is lost. */
  async restart(): Promise<void> {
    const model = this.#model();
    const replay = replayInto(model, 'a project', isProjectEvent);
    for await (const line of this.#log.read({ fromSeq: 1 })) replay(line);
    this.store = this.#start(model);
  }
}

/** What was answered, without what depends on the durability. */
function told({ seq, hash, created, count, isRepeated }: CommandResult): object {
  return { seq, hash, created, count, isRepeated: isRepeated === true };
}

test('a request that is sent again is answered with what it did, and changes nothing', async () => {
  const { store } = await System.start();
  const first = await store.submit(set('a'), once('r1', 'set a'));
  assert.deepEqual([first.created, first.isRepeated], [true, undefined]);
  await store.submit(set('a', '2'), CONTEXT);
  const again = await store.submit(set('a'), once('r1', 'set a'));
  assert.deepEqual(told(again), { ...told(first), isRepeated: true });
  assert.deepEqual([store.seq, store.values.get('a')?.value], [3, '2']);
});

test('another request with the same key is refused, and the first one is still known', async () => {
  const { store } = await System.start();
  await store.submit(set('a'), once('r1', 'set a'));
  await assert.rejects(store.submit(set('a', '2'), once('r1', 'set a 2')), isRefusal('idempotency_key_reused'));
  assert.equal((await store.submit(set('a'), once('r1', 'set a'))).isRepeated, true);
  assert.equal(store.seq, 2);
});

test('two callers with the same key do not meet', async () => {
  const system = await System.start();
  for (const actor of ['global#0123456789abcdef', 'project:p#0123456789abcdef', 'anonymous']) {
    await system.store.submit(set('a', `"${actor}"`), once('r1', actor, actor));
  }
  assert.equal(system.store.seq, 4);
  await system.restart();
  assert.equal((await system.store.submit(set('a'), once('r1', 'x', 'project:p#0123456789abcdef'))).seq, 3);
  assert.equal((await system.store.submit(set('a'), once('r1', 'x', 'project:p#fedcba9876543210'))).seq, 5);
});

test('of two that are queued together the second sees the first, and another one with its key is refused', async () => {
  const { store } = await System.start();
  const sent = ['r1', 'r2', 'r1', 'r2'].map((key) => store.submit(set(key), once(key, key)));
  const other = store.submit(set('r1', '2'), once('r1', 'other'));
  const refused = assert.rejects(other, isRefusal('idempotency_key_reused'));
  const [first, second, third, fourth] = (await Promise.all(sent)).map(told);
  assert.deepEqual([third, fourth], [{ ...first, isRepeated: true }, { ...second, isRepeated: true }]);
  await refused;
  assert.equal(store.seq, 3);
});

test('one that is queued together with others that have no key is known among them', async () => {
  const { store } = await System.start();
  const sent = [CONTEXT, once('r1', 'set a'), CONTEXT, once('r1', 'set a')].map((context) => store.submit(set('a'), context));
  const results = await Promise.all(sent);
  assert.deepEqual(results.map(({ seq, isRepeated }) => [seq, isRepeated === true]), [[2, false], [3, false], [4, false], [3, true]]);
});

test('of two that are queued together none is remembered if their line cannot be written', async () => {
  const log = new ScriptedLog();
  const store = new ProjectStore({ log, model: new ProjectModel() });
  const created = store.submit(create(), CONTEXT);
  await log.letThrough();
  await created;
  const sent = [1, 2].map(() => store.submit(set('a'), once('r1', 'set a')));
  const failing = Promise.allSettled(sent);
  await log.fail(new Error('no space'));
  assert.deepEqual((await failing).map(({ status }) => status), ['rejected', 'rejected']);
  const again = store.submit(set('a'), once('r1', 'set a'));
  await log.letThrough();
  assert.equal((await again).isRepeated, undefined);
});

test('what has no line is not remembered: refusals, a range without keys, dry runs, a batch that changes nothing', async () => {
  const { store } = await System.start();
  await assert.rejects(store.submit(remove('a'), once('r1', 'delete a')), isRefusal('key_not_found'));
  await store.submit({ type: 'clear.range', range: { prefix: 'x' } }, once('r2', 'range'));
  await store.submit({ type: 'clear', isDryRun: true }, once('r3', 'dry run'));
  await store.submit({ type: 'batch', steps: [{ op: 'delete', key: 'a' }] }, once('r4', 'batch'));
  assert.equal(store.seq, 1);
  for (const key of ['r1', 'r2', 'r3', 'r4']) assert.equal((await store.submit(set(key), once(key, 'now set'))).isRepeated, undefined);
});

test('a repetition is known before its condition is looked at', async () => {
  const { store } = await System.start();
  const command = set('a', '1', { kind: 'absent' });
  await store.submit(command, once('r1', 'create a'));
  assert.equal((await store.submit(command, once('r1', 'create a'))).created, true);
  await assert.rejects(store.submit(command, once('r2', 'create a')), isRefusal('precondition_failed'));
});

test('a caller whose rights have ended is refused before anything is said of an earlier request', async () => {
  const { store } = await System.start();
  await store.submit(set('a'), once('r1', 'set a'));
  const assertAllowed = (): void => assert.fail('no');
  await assert.rejects(store.submit(set('a'), { ...once('r1', 'set a'), assertAllowed }), /no/);
});

/** Gives a key another value, if it still has the version. */
function reverted(key: string, seenSeq: number): RevertedKey {
  return { key, seenSeq, seenExpiresAtMs: null, target: { value: '7', expiresAtMs: null } };
}

/** A command, the ones that a restarted server takes for it, and the ones that it does not. */
const AFTER_RESTART: readonly { readonly sent: Command; readonly same: readonly Command[]; readonly other: readonly Command[] }[] = [
  { sent: set('a'), same: [set('a', '9')], other: [set('b'), remove('a'), { type: 'clear' }] },
  { sent: remove('k1'), same: [], other: [remove('k2'), set('k1')] },
  { sent: { type: 'clear' }, same: [{ type: 'clear', expectCount: 3 }], other: [{ type: 'clear.range', range: { prefix: 'k' } }] },
  {
    sent: { type: 'clear.range', range: { prefix: 'k' } }, same: [],
    other: [{ type: 'clear.range', range: { start: 'k' } }, { type: 'clear' }],
  },
  {
    sent: { type: 'batch', steps: [{ op: 'set', key: 'x', value: '1' }, { op: 'delete', key: 'k1' }, { op: 'delete', key: 'none' }] },
    same: [], other: [{ type: 'batch', steps: [{ op: 'set', key: 'y', value: '1' }, { op: 'delete', key: 'k1' }] }, set('x')],
  },
  // One that has one effect is written as that.
  {
    sent: { type: 'batch', steps: [{ op: 'set', key: 'x', value: '1' }, { op: 'delete', key: 'none' }] }, same: [set('x')],
    other: [{ type: 'batch', steps: [{ op: 'set', key: 'y', value: '1' }] }, remove('x')],
  },
  {
    sent: { type: 'batch', steps: [{ op: 'delete', key: 'none' }, { op: 'delete', key: 'k1' }] }, same: [remove('k1')],
    other: [{ type: 'batch', steps: [{ op: 'delete', key: 'k2' }] }],
  },
  // An expiry makes another line of a set, and a touch has one only if the key exists.
  {
    sent: { type: 'set', key: 'x', value: '1', expiry: { kind: 'after', seconds: 60 } }, same: [set('x')],
    other: [set('y'), { type: 'batch', steps: [{ op: 'touch', key: 'x', expiry: { kind: 'never' } }] }],
  },
  {
    sent: {
      type: 'batch',
      steps: [{ op: 'touch', key: 'none', expiry: { kind: 'never' } }, { op: 'touch', key: 'k1', expiry: { kind: 'after', seconds: 60 } }],
    },
    same: [], other: [set('k1'), remove('k1'), { type: 'batch', steps: [{ op: 'touch', key: 'k2', expiry: { kind: 'never' } }] }],
  },
  {
    sent: {
      type: 'batch',
      steps: [
        { op: 'set', key: 'x', value: '1' }, { op: 'set', key: 'y', value: '1' },
        { op: 'touch', key: 'x', expiry: { kind: 'after', seconds: 9 } },
        { op: 'delete', key: 'k1' }, { op: 'touch', key: 'k1', expiry: { kind: 'never' } },
      ],
    },
    same: [{ type: 'batch', steps: [{ op: 'set', key: 'y', value: '1' }, { op: 'set', key: 'x', value: '2' }] }],
    other: [{ type: 'batch', steps: [{ op: 'set', key: 'x', value: '1' }, { op: 'set', key: 'y', value: '1' }] }],
  },
  // The last change of a key is in the line, in the order of these.
  {
    sent: {
      type: 'batch', steps: [{ op: 'set', key: 'x', value: '1' }, { op: 'set', key: 'y', value: '1' }, { op: 'set', key: 'x', value: '2' }],
    },
    same: [{ type: 'batch', steps: [{ op: 'set', key: 'y', value: '1' }, { op: 'set', key: 'x', value: '2' }] }],
    other: [{ type: 'batch', steps: [{ op: 'set', key: 'x', value: '1' }, { op: 'set', key: 'y', value: '1' }] }],
  },
  {
    sent: { type: 'batch', steps: [{ op: 'delete', key: 'k1' }, { op: 'delete', key: 'none' }, { op: 'delete', key: 'k2' }] }, same: [],
    other: [remove('k1'), { type: 'batch', steps: [{ op: 'set', key: 'k1', value: '1' }] }],
  },
  // A check changes nothing, so it is not in the line.
  {
    sent: {
      type: 'batch', steps: [{ op: 'check', key: 'k1', precondition: { kind: 'match' } }, { op: 'set', key: 'x', value: '1' }],
    },
    same: [set('x')], other: [set('k1'), { type: 'batch', steps: [{ op: 'set', key: 'k1', value: '1' }] }],
  },
  // Which keys a revert brings back depends on the moment: it is known by the kind of its line.
  {
    sent: { type: 'revert', keys: [reverted('k1', 2), reverted('k2', 3)] }, same: [{ type: 'revert', keys: [reverted('k3', 4)] }],
    other: [set('k1'), { type: 'clear' }, { type: 'project.update', change: {} }],
  },
  { sent: { type: 'revert', keys: [reverted('k1', 2)] }, same: [set('k1')], other: [set('k2'), { type: 'clear' }] },
];

test('after a restart, operation and keys tell whether a request is the same', async () => {
  for (const { sent, same, other } of AFTER_RESTART) {
    const system = await System.start();
    for (const key of ['k1', 'k2', 'k3']) await system.store.submit(set(key), CONTEXT);
    const first = await system.store.submit(sent, once('r1', 'sent'));
    await system.restart();
    const { store } = system;
    assert.deepEqual(told(await store.submit(sent, once('r1', 'again'))), { ...told(first), isRepeated: true }, JSON.stringify(sent));
    for (const command of same) {
      const { seq, hash, isRepeated } = await store.submit(command, once('r1', 'again'));
      assert.deepEqual([seq, hash, isRepeated], [first.seq, first.hash, true], JSON.stringify(command));
    }
    for (const command of other) {
      await assert.rejects(store.submit(command, once('r1', 'again')), isRefusal('idempotency_key_reused'), JSON.stringify(command));
    }
  }
});

test('keys that had expired do not count, neither at first nor after a restart', async () => {
  const system = await System.start();
  for (const key of ['k1', 'k2', 'k3']) {
    await system.store.submit({ type: 'set', key, value: '1', expiry: { kind: 'after', seconds: 60 } }, CONTEXT);
  }
  await system.store.submit(set('k4'), CONTEXT);
  system.clock.advance(60_000);
  const set1 = told(await system.store.submit(set('k1'), once('r1', 'set k1')));
  const range = told(await system.store.submit({ type: 'clear.range', range: { start: 'k2' } }, once('r2', 'range')));
  await system.store.submit({ type: 'set', key: 'k5', value: '1', expiry: { kind: 'after', seconds: 60 } }, CONTEXT);
  system.clock.advance(60_000);
  const all = told(await system.store.submit({ type: 'clear' }, once('r3', 'all')));
  assert.deepEqual([set1, range, all].map((each) => Object.entries(each).slice(2)), [
    [['created', true], ['count', 0], ['isRepeated', false]], [['created', false], ['count', 1], ['isRepeated', false]],
    [['created', false], ['count', 1], ['isRepeated', false]],
  ]);
  for (let start = 0; start < 2; start += 1) {
    const { store } = system;
    assert.deepEqual(told(await store.submit(set('k1'), once('r1', 'set k1'))), { ...set1, isRepeated: true });
    const again = await store.submit({ type: 'clear.range', range: { start: 'k2' } }, once('r2', 'range'));
    assert.deepEqual(told(again), { ...range, isRepeated: true });
    assert.deepEqual(told(await store.submit({ type: 'clear' }, once('r3', 'all'))), { ...all, isRepeated: true });
    await system.restart();
  }
});

interface Expected {
  readonly asked: string;
  readonly result: object;
  readonly timeMs: number;
}

type Step = { readonly send: readonly [actor: number, key: number, command: number] } | 'restart' | { readonly wait: number };

const COMMANDS: readonly Command[] = [
  set('a'), set('b'), remove('a'), remove('b'), { type: 'clear' }, { type: 'clear.range', range: { prefix: 'a' } },
  { type: 'batch', steps: [{ op: 'set', key: 'c', value: '1' }, { op: 'delete', key: 'a' }] },
  { type: 'batch', steps: [{ op: 'set', key: 'd', value: '1' }, { op: 'set', key: 'b', value: '1' }] },
];

const STEP: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: fc.tuple(fc.nat(1), fc.nat(8), fc.nat(COMMANDS.length - 1)).map((send) => ({ send })) },
  { weight: 2, arbitrary: fc.constant('restart' as const) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: DAY_MS }).map((wait) => ({ wait })) },
);

test('a store remembers what a plain model does, however often it is started again', async () => {
  await fc.assert(fc.asyncProperty(fc.array(STEP, { maxLength: 60, size: 'max' }), fc.integer({ min: 1, max: 12 }), async (steps, most) => {
    const system = await System.start(most);
    const known = new Map<string, Expected>();
    for (const step of steps) {
      if (step === 'restart') await system.restart();
      else if ('wait' in step) system.clock.advance(step.wait);
      else await sendAndCompare(system, step.send, { known, most });
    }
  }));
});

async function sendAndCompare(
  { store, clock }: System, [actor, key, command]: readonly [number, number, number],
  { known, most }: { readonly known: Map<string, Expected>; readonly most: number },
): Promise<void> {
  const asked = String(command);
  const name = `${actor} ${key}`;
  const expected = known.get(name);
  const isKnown = expected !== undefined && clock.wallMs() - expected.timeMs < DAY_MS;
  const before = store.seq;
  const context = once(`r${key}`, asked, `actor${actor}`);
  const outcome = await store.submit(COMMANDS[command] ?? set('a'), context).catch((error: unknown) => error);
  if (isKnown) {
    assert.equal(store.seq, before);
    if (expected.asked === asked) assert.deepEqual(told(outcome as CommandResult), { ...expected.result, isRepeated: true });
    else assert.ok(isRefusal('idempotency_key_reused')(outcome));
    return;
  }
  if (store.seq === before) return;
  const result = told(outcome as CommandResult);
  known.delete(name);
  known.set(name, { asked, result, timeMs: clock.wallMs() });
  for (const oldest of [...known.keys()].slice(0, -most)) known.delete(oldest);
}

test.run();
