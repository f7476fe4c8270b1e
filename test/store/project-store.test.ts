import assert from 'node:assert/strict';
import { AppError } from '../../src/base/app-error.js';
import { InvariantError } from '../../src/base/invariant.js';
import { BUILT_IN_STORAGE } from '../../src/events/project-settings.js';
import { WrongLastSeqError } from '../../src/log/log-errors.js';
import type { LogLine } from '../../src/log/log.js';
import { MemoryLog } from '../../src/log/memory-log.js';
import { ProjectModel } from '../../src/projections/project-model.js';
import type { Command, CommandResult } from '../../src/store/command.js';
import { logOptionsOf, ProjectStore } from '../../src/store/project-store.js';
import { suite } from '../suite.js';
import { CONTEXT, create, isRefusal, remove, set, storeInMemory, storeOnScript, storeOver, submitWatched } from './created-store.js';
import { PlacedLog } from './placed-log.js';
import { settled } from './scripted-log.js';

const test = suite('project-store');

const LOG_ID = '0123456789abcdef0123456789abcdef';
const DISK_FULL = new AppError('disk_full', 'Cannot append to the log: the disk is full');

async function readAll(log: MemoryLog): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  for await (const line of log.read({ fromSeq: 1 })) lines.push(line);
  return lines;
}

/** Submits all at once; each becomes its seq, or the code of its refusal. */
async function outcomes(store: ProjectStore, commands: readonly Command[]): Promise<unknown[]> {
  const all = await Promise.allSettled(commands.map((command) => store.submit(command, CONTEXT)));
  return all.map((one) => (one.status === 'fulfilled' ? one.value.seq : (one.reason as AppError).code));
}

test('nothing is visible or answered before the append resolves, and everything after', async () => {
  const { store, log } = await storeOnScript();
  const watched = [submitWatched(store, set('a', '1.0')), submitWatched(store, { type: 'project.key', keyId: 'k2' })];
  await settled();
  assert.equal(log.inFlight, 1);
  assert.deepEqual([store.seq, store.values.count, store.values.get('a'), store.version.keyId], [1, 0, undefined, null]);
  assert.deepEqual(store.values.slice({}, 9).entries, []);
  assert.deepEqual(watched.map(({ outcome }) => outcome), ['waiting', 'waiting']);
  await log.letThrough();
  assert.deepEqual([store.seq, store.values.count, store.values.get('a')?.value, store.version.keyId], [3, 1, '1.0', 'k2']);
  assert.deepEqual(watched.map(({ outcome }) => outcome), ['done', 'done']);
});

test('the first client that is answered can already read the whole batch', async () => {
  const store = await storeInMemory();
  const seen: unknown[] = [];
  const look = (): number => seen.push([store.seq, store.values.keys({}, 9)]);
  await Promise.all([
    store.submit(set('a'), CONTEXT).then(look), store.submit(remove('z'), CONTEXT).catch(look), store.submit(set('b'), CONTEXT).then(look),
  ]);
  assert.deepEqual(seen, [[3, ['a', 'b']], [3, ['a', 'b']], [3, ['a', 'b']]]);
});

test('seq and hash are of one line at every moment', async () => {
  const { store, log } = await storeOnScript();
  const pairs = new Map([[store.seq, store.hash]]);
  const all = ['a', 'b', 'c'].map((key) => submitWatched(store, set(key)));
  await settled();
  const through = log.letThrough();
  for (let step = 0; step < 50; step += 1) {
    const known = pairs.get(store.seq);
    assert.equal(known ?? store.hash, store.hash, `the hash of seq ${store.seq} changed`);
    pairs.set(store.seq, store.hash);
    await Promise.resolve();
  }
  await through;
  await Promise.all(all.map(({ settled: done }) => done));
  assert.deepEqual([store.seq, store.hash], [4, log.position().hash]);
});

test('a result has the seq and the hash of its line, and says what it did', async () => {
  const log = new MemoryLog({ project: 'alpha', logId: LOG_ID });
  const store = storeOver(log);
  const commands = [create(), set('a'), set('a', '2'), set('b'), remove('a'), { type: 'clear' } as const, { type: 'clear' } as const];
  const results = await Promise.all(commands.map((command) => store.submit(command, CONTEXT)));
  const lines = await readAll(log);
  const said = (seq: number, created: boolean, count: number): CommandResult => ({
    seq, hash: lines[seq - 1]?.hash ?? '', volatile: false, created, count,
  });
  assert.deepEqual(
    results,
    [said(1, false, 0), said(2, true, 0), said(3, false, 0), said(4, true, 0), said(5, false, 0), said(6, false, 1), said(7, false, 0)],
  );
});

test('a line says who asked and in which request', async () => {
  const log = new MemoryLog({ project: 'alpha', logId: LOG_ID });
  const store = storeOver(log);
  await Promise.all([
    store.submit(create(), CONTEXT), store.submit(set('a', '1.0'), { actor: 'project:alpha#0123456789abcdef', requestId: 'r2' }),
  ]);
  const [, line] = await readAll(log);
  assert.deepEqual(
    [line?.op, line?.body, line?.actor, line?.request], ['set', '"key":"a","value":1.0', 'project:alpha#0123456789abcdef', 'r2'],
  );
});

test('a store tells what its project is', async () => {
  const log = new MemoryLog({ project: 'alpha', logId: LOG_ID });
  const store = storeOver(log);
  assert.deepEqual([store.id, store.logId, store.seq, store.createdAtMs, store.logState], ['alpha', LOG_ID, 0, 0, 'writable']);
  assert.throws(() => store.version, InvariantError);
  await store.submit(create(), CONTEXT);
  await store.submit({ type: 'project.update', change: { storage: { durability: 'os' } }, keyId: 'k2' }, CONTEXT);
  const [first, second] = await readAll(log);
  assert.equal(store.createdAtMs, first?.timeMs);
  assert.deepEqual(store.settings.storage, { ...BUILT_IN_STORAGE, durability: 'os' });
  assert.deepEqual(store.version, { seq: 2, settings: store.settings, keyId: 'k2', timeMs: second?.timeMs });
  assert.equal(store.hash, second?.hash);
});

test('a store is not built over a log that has not been replayed', async () => {
  const log = new MemoryLog({ project: 'alpha', logId: LOG_ID });
  await storeOver(log).submit(create(), CONTEXT);
  assert.throws(() => new ProjectStore({ log, model: new ProjectModel() }), InvariantError);
});

test('commands are decided in the order in which they came, each on what those before it did', async () => {
  const store = await storeInMemory();
  const commands = [
    set('a', '1', { kind: 'absent' }), set('a', '2', { kind: 'absent' }), set('a', '3', { kind: 'match', seq: 2 }),
    remove('a', { kind: 'match', seq: 2 }), remove('a'), remove('a'), set('a', '4', { kind: 'match' }), set('a', '5'),
  ];
  const expected = [2, 'precondition_failed', 3, 'precondition_failed', 4, 'key_not_found', 'precondition_failed', 5];
  assert.deepEqual(await outcomes(store, commands), expected);
  assert.equal(store.values.get('a')?.value, '5');
});

test('answers come in the order of the commands, refusals among them', async () => {
  const { store, log } = await storeOnScript();
  const order: string[] = [];
  for (const [index, command] of [remove('x'), set('a'), remove('y'), set('b'), set('a', '2', { kind: 'absent' })].entries()) {
    void store.submit(command, CONTEXT).then(() => order.push(`${index} done`), () => order.push(`${index} refused`));
  }
  await log.letThrough();
  assert.deepEqual(order, ['0 refused', '1 done', '2 refused', '3 done', '4 refused']);
});

test('a refusal waits for the batch that it rests on', async () => {
  const { store, log } = await storeOnScript();
  const watched = [set('a'), set('a', '2', { kind: 'absent' })].map((command) => submitWatched(store, command));
  await settled();
  assert.deepEqual(watched.map(({ outcome }) => outcome), ['waiting', 'waiting']);
  await log.letThrough();
  assert.deepEqual(watched.map(({ outcome }) => outcome), ['done', 'precondition_failed']);
});

test('when the append fails, every command of the batch fails with it, refusals included, and nothing has changed', async () => {
  const { store, log } = await storeOnScript();
  const before = [store.seq, store.hash];
  const watched = [
    set('a'), set('a', '2', { kind: 'absent' }), remove('z'), { type: 'clear' } as const,
  ].map((command) => submitWatched(store, command));
  await log.fail(DISK_FULL);
  for (const { outcome, settled: error } of watched) {
    assert.equal(outcome, 'disk_full');
    assert.equal(await error, DISK_FULL);
  }
  assert.deepEqual([store.seq, store.hash, store.values.count], [...before, 0]);
});

test('after a full disk the store works again, on what is durable', async () => {
  const { store, log } = await storeOnScript();
  const first = submitWatched(store, set('a'));
  await log.fail(DISK_FULL);
  assert.equal(first.outcome, 'disk_full');
  const second = submitWatched(store, set('a', '2', { kind: 'absent' }));
  await log.letThrough();
  assert.deepEqual([second.outcome, store.seq, store.values.get('a')?.value], ['done', 2, '2']);
});

test('commands queued while a batch failed are decided on the durable state, not on the failed batch', async () => {
  const { store, log } = await storeOnScript();
  const first = submitWatched(store, set('a'));
  await settled();
  const second = submitWatched(store, set('a', '2', { kind: 'match' }));
  await log.fail(DISK_FULL);
  await settled();
  assert.deepEqual([first.outcome, second.outcome, log.inFlight], ['disk_full', 'precondition_failed', 0]);
});

test('whatever an append throws reaches the callers as it is', async () => {
  const { store, log } = await storeOnScript();
  const thrown = new WrongLastSeqError(1, 2);
  const watched = submitWatched(store, set('a'));
  await log.fail(thrown);
  assert.equal(await watched.settled, thrown);
});

test('a batch of refusals only is answered without an append', async () => {
  const { store, log } = await storeOnScript();
  const watched = [remove('a'), set('a', '1', { kind: 'never' })].map((command) => submitWatched(store, command));
  await settled();
  assert.deepEqual(watched.map(({ outcome }) => outcome), ['key_not_found', 'precondition_failed']);
  assert.deepEqual(log.batches, []);
});

test('a command that cannot be decided fails its batch, and the store continues', async () => {
  const store = await storeInMemory();
  const both = await Promise.allSettled([store.submit(set('a'), CONTEXT), store.submit(create(), CONTEXT)]);
  assert.deepEqual(both.map((one) => one.status === 'rejected' && one.reason instanceof InvariantError), [true, true]);
  assert.deepEqual([store.seq, store.values.count], [1, 0]);
  assert.equal((await store.submit(set('a'), CONTEXT)).seq, 2);
});

test('commands of one round of the event loop share an append', async () => {
  const { store, log } = await storeOnScript();
  const watched = [set('a'), remove('z'), set('b'), { type: 'clear' } as const].map((command) => submitWatched(store, command));
  await log.letAllThrough();
  assert.deepEqual(log.batches, [['set', 'set', 'clear']]);
  assert.deepEqual(watched.map(({ outcome }) => outcome), ['done', 'key_not_found', 'done', 'done']);
});

test('one append is in flight at a time; commands that arrive meanwhile share the next one', async () => {
  const { store, log } = await storeOnScript();
  const watched = [submitWatched(store, set('a'))];
  for (const key of ['b', 'c', 'd']) {
    await settled();
    watched.push(submitWatched(store, set(key)));
  }
  await settled();
  assert.deepEqual(log.batches, [['set']]);
  await log.letThrough();
  assert.deepEqual(log.batches, [['set'], ['set', 'set', 'set']]);
  assert.deepEqual(watched.map(({ outcome }) => outcome), ['done', 'waiting', 'waiting', 'waiting']);
  await log.letThrough();
  assert.deepEqual([store.seq, log.inFlightMax], [5, 1]);
  assert.ok(watched.every(({ outcome }) => outcome === 'done'));
});

test('a batch has at most 1,024 commands, and the rest follow in order', async () => {
  const { store, log } = await storeOnScript();
  const all = Array.from({ length: 2050 }, (_, index) => store.submit(set(`k${index}`), CONTEXT));
  await log.letAllThrough();
  assert.deepEqual((await Promise.all(all)).map(({ seq }) => seq), all.map((_, index) => index + 2));
  assert.deepEqual(log.batches.map((batch) => batch.length), [1024, 1024, 2]);
});

test('a batch of large values ends early; one that is larger than a batch goes alone', async () => {
  const { store, log } = await storeOnScript();
  const value = (millions: number): string => `"${'x'.repeat(millions * 1_000_000)}"`;
  const watched = [3, 3, 3, 1, 9, 1].map((millions, index) => submitWatched(store, set(`k${index}`, value(millions))));
  await log.letAllThrough();
  assert.ok(watched.every(({ outcome }) => outcome === 'done'));
  assert.deepEqual(log.batches.map((batch) => batch.length), [2, 2, 1, 1]);
});

test('of 300 writers racing with one version exactly one wins, version after version', async () => {
  const store = await storeInMemory();
  let { seq } = await store.submit(set('a', '0'), CONTEXT);
  for (let round = 1; round <= 10; round += 1) {
    const version = seq;
    const race = Array.from({ length: 300 }, async (_, writer) => {
      // Spread over several rounds of the event loop, so that they meet in one batch and across batches.
      for (let wait = 0; wait < writer % 4; wait += 1) await settled();
      return await store.submit(set('a', `"${round}/${writer}"`, { kind: 'match', seq: version }), CONTEXT);
    });
    const results = await Promise.allSettled(race);
    const winners = results.flatMap((result, writer) => (result.status === 'fulfilled' ? [{ writer, seq: result.value.seq }] : []));
    assert.equal(winners.length, 1, `round ${round}`);
    assert.equal(store.values.get('a')?.value, `"${round}/${winners[0]?.writer}"`);
    for (const result of results) {
      if (result.status === 'rejected') assert.deepEqual((result.reason as AppError).facts, { current_seq: winners[0]?.seq });
    }
    seq = winners[0]?.seq ?? 0;
  }
  assert.equal(store.seq, 12);
});

test('300 writers who count by comparing and trying again lose no count', async () => {
  const store = await storeInMemory();
  await store.submit(set('n', '0'), CONTEXT);
  await Promise.all(Array.from({ length: 300 }, async () => {
    for (let attempt = 0; attempt < 400; attempt += 1) {
      const { value, seq } = store.values.get('n') ?? { value: '0', seq: 0 };
      const watched = submitWatched(store, set('n', String(Number(value) + 1), { kind: 'match', seq }));
      await watched.settled;
      if (watched.outcome === 'done') return;
    }
    throw new Error('a writer never won');
  }));
  assert.deepEqual([store.values.get('n')?.value, store.seq], ['300', 302]);
});

test('of 300 creators of one key exactly one wins', async () => {
  const store = await storeInMemory();
  const results = await outcomes(store, Array.from({ length: 300 }, (_, writer) => set('a', String(writer), { kind: 'absent' })));
  assert.deepEqual(results, [2, ...Array.from({ length: 299 }, () => 'precondition_failed')]);
});

test('commands beyond the limit of the queue are refused at once, and accepted again once it has room', async () => {
  const { store, log } = await storeOnScript({ limits: { queueCommandsMax: 3, queueBytesMax: 1_000_000 } });
  const first = submitWatched(store, set('in-flight'));
  await settled();
  const waiting = ['a', 'b', 'c'].map((key) => submitWatched(store, set(key)));
  await assert.rejects(store.submit(set('d'), CONTEXT), (error) => {
    assert.ok(isRefusal('queue_full')(error));
    assert.deepEqual((error as AppError).facts, { waiting: 3 });
    return true;
  });
  await log.letThrough();
  const later = submitWatched(store, set('e'));
  await log.letAllThrough();
  assert.deepEqual([first, ...waiting, later].map(({ outcome }) => outcome), ['done', 'done', 'done', 'done', 'done']);
  assert.equal(store.values.get('d'), undefined);
});

test('bytes beyond the limit of the queue are refused, and the queue still counts right afterwards', async () => {
  const { store, log } = await storeOnScript({ limits: { queueCommandsMax: 100, queueBytesMax: 3000 } });
  const large = set('k', `"${'x'.repeat(1000)}"`);
  for (let round = 0; round < 5; round += 1) {
    const watched = [submitWatched(store, large), submitWatched(store, large), submitWatched(store, large)];
    await settled();
    assert.deepEqual(watched.map(({ outcome }) => outcome), ['waiting', 'waiting', 'queue_full'], `round ${round}`);
    await log.letThrough();
    assert.deepEqual(watched.map(({ outcome }) => outcome), ['done', 'done', 'queue_full'], `round ${round}`);
  }
});

test('the limit counts bytes of UTF-8, in keys and values', async () => {
  const { store } = await storeOnScript({ limits: { queueCommandsMax: 100, queueBytesMax: 2000 } });
  for (const command of [set('k', `"${'\u20ac'.repeat(700)}"`), set('\u20ac'.repeat(700), '1')]) {
    await assert.rejects(store.submit(command, CONTEXT), isRefusal('queue_full'));
  }
});

test('a failed batch frees its room in the queue', async () => {
  const { store, log } = await storeOnScript({ limits: { queueCommandsMax: 1, queueBytesMax: 1000 } });
  for (let round = 0; round < 3; round += 1) {
    const watched = submitWatched(store, set('k', `"${'x'.repeat(500)}"`));
    await log.fail(DISK_FULL);
    assert.equal(watched.outcome, 'disk_full');
  }
});

test('the log is configured when an update has been applied, not before and by nothing else', async () => {
  const { store, log } = await storeOnScript();
  const storage = { durability: 'interval', sync_interval_ms: 50, segment_bytes: 8192 } as const;
  const watched = submitWatched(store, { type: 'project.update', change: { storage } });
  await settled();
  assert.deepEqual(log.configured, []);
  await log.letThrough();
  assert.equal(watched.outcome, 'done');
  assert.deepEqual(log.configured, [{ durability: 'interval', syncIntervalMs: 50, segmentBytes: 8192 }]);
  const others = [
    set('a'), { type: 'project.key', keyId: 'k2' } as const, { type: 'clear' } as const,
  ].map((command) => submitWatched(store, command));
  await log.letThrough();
  assert.deepEqual(others.map(({ outcome }) => outcome), ['done', 'done', 'done']);
  assert.equal(log.configured.length, 1);
});

test('an update that was not appended does not configure the log', async () => {
  const { store, log } = await storeOnScript();
  const watched = submitWatched(store, { type: 'project.update', change: { storage: { durability: 'os' } } });
  await log.fail(DISK_FULL);
  assert.deepEqual([watched.outcome, log.configured, store.settings.storage.durability], ['disk_full', [], 'fsync']);
});

test('an answer is marked volatile if its event may not be on disk yet', async () => {
  for (const [storage, volatile] of [
    [{ durability: 'fsync' }, false], [{ durability: 'interval' }, true], [{ durability: 'os' }, true],
  ] as const) {
    const onDisk = storeOver(new PlacedLog());
    await onDisk.submit(create(storage), CONTEXT);
    assert.equal((await onDisk.submit(set('a'), CONTEXT)).volatile, volatile, storage.durability);
    const inMemory = await storeInMemory({ storage: { ...storage, on_disk: false } });
    assert.equal((await inMemory.submit(set('a'), CONTEXT)).volatile, false, 'there is no disk to wait for');
  }
});

test('an answer is volatile according to the durability of its own batch', async () => {
  const store = storeOver(new PlacedLog());
  await store.submit(create(), CONTEXT);
  const loosen = { type: 'project.update', change: { storage: { durability: 'os' } } } as const;
  const tighten = { type: 'project.update', change: { storage: { durability: 'fsync' } } } as const;
  const volatileOf = async (...commands: Command[]): Promise<boolean[]> => (
    (await Promise.all(commands.map((command) => store.submit(command, CONTEXT)))).map((result) => result.volatile)
  );
  assert.deepEqual(await volatileOf(set('a'), loosen, set('b')), [false, false, false]);
  assert.deepEqual(await volatileOf(set('a')), [true]);
  assert.deepEqual(await volatileOf(set('a'), tighten, set('b')), [false, false, false], 'settings are synced, and with them the batch');
  assert.deepEqual(await volatileOf(set('a')), [false]);
});

test('a change of the project itself is durable when it is answered, whatever the durability', async () => {
  for (const durability of ['fsync', 'interval', 'os'] as const) {
    const log = new PlacedLog();
    const syncedSeqs: number[] = [];
    log.onSync = () => Promise.resolve(void syncedSeqs.push(log.position().seq));
    const store = storeOver(log);
    assert.equal((await store.submit(create({ durability }), CONTEXT)).volatile, false, durability);
    await store.submit(set('a'), CONTEXT);
    await store.submit({ type: 'project.update', change: { storage: { cache_in_memory: false } } }, CONTEXT);
    await store.submit({ type: 'project.key', keyId: '0123456789abcdef' }, CONTEXT);
    assert.deepEqual(syncedSeqs, [1, 3, 4], durability);
  }
});

test('a change of the project whose sync fails is not applied, and neither is the rest of its batch', async () => {
  const log = new PlacedLog();
  const store = storeOver(log);
  await store.submit(create({ durability: 'os' }), CONTEXT);
  log.onSync = () => Promise.reject(new AppError('outcome_unknown', 'Cannot say whether the lines were appended'));
  const tighten = { type: 'project.update', change: { storage: { durability: 'fsync' } } } as const;
  assert.deepEqual(await outcomes(store, [set('a'), tighten]), ['outcome_unknown', 'outcome_unknown']);
  assert.deepEqual([store.values.get('a'), store.settings.storage.durability, log.configured], [undefined, 'os', []]);
});

test('a checkpoint is the last applied line, once the log is synced, whatever the durability', async () => {
  for (const durability of ['fsync', 'interval', 'os'] as const) {
    const log = new PlacedLog();
    const store = storeOver(log);
    await store.submit(create({ durability }), CONTEXT);
    await store.submit(set('a'), CONTEXT);
    const syncedSeqs: number[] = [];
    log.onSync = () => Promise.resolve(void syncedSeqs.push(log.position().seq));
    const line = await store.feed.lineAt(2);
    const expected = { project: store.id, log_id: store.logId, seq: 2, hash: line.hash, time: new Date(line.timeMs).toISOString() };
    assert.deepEqual([await store.checkpoint(), syncedSeqs], [expected, [2]], durability);
    log.onSync = () => Promise.reject(new AppError('log_failed', 'Cannot sync'));
    await assert.rejects(store.checkpoint(), isRefusal('log_failed'));
  }
});

test('settings become options of the log', () => {
  const options = logOptionsOf({ ...BUILT_IN_STORAGE, durability: 'interval', sync_interval_ms: 7, segment_bytes: 4096 });
  assert.deepEqual(options, { durability: 'interval', syncIntervalMs: 7, segmentBytes: 4096 });
});

test.run();
