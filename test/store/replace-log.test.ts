/** A store that goes on with another log, and commands that are carried out under a hold. */
import assert from 'node:assert/strict';
import { AppError } from '../../src/base/app-error.js';
import { InvariantError } from '../../src/base/invariant.js';
import { MemoryLog } from '../../src/log/memory-log.js';
import { ProjectModel } from '../../src/projections/project-model.js';
import { logOptionsOf, type ProjectStore } from '../../src/store/project-store.js';
import { suite } from '../suite.js';
import { CONTEXT, create, isRefusal, set, storeInMemory, storeOnScript, storeOver, submitWatched } from './created-store.js';
import { PlacedLog } from './placed-log.js';
import { settled } from './scripted-log.js';
import { readKey } from './read-key.js';

const test = suite('project-store: another log, commands under a hold');

const OTHER_LOG_ID = 'ffffffffffffffffffffffffffffffff';

function placedLogAfter(store: ProjectStore): PlacedLog {
  return new PlacedLog({ logId: OTHER_LOG_ID, base: { seq: store.seq, hash: store.hash } });
}

test('after the exchange seq and hash go on in the other log, which has the settings; the old one stays open', async () => {
  const store = await storeInMemory({ storage: { on_disk: false } });
  await store.submit(set('a'), CONTEXT);
  const release = await store.hold();
  const log = placedLogAfter(store);
  const before = [store.seq, store.hash];
  const old = store.replaceLog(log);
  assert.deepEqual([store.seq, store.hash], before);
  assert.deepEqual(log.configured, [logOptionsOf(store.settings.storage)]);
  assert.deepEqual([store.logId, store.isOnDisk, old.state()], [OTHER_LOG_ID, true, 'writable']);
  release();
  const { seq, hash } = await store.submit(set('b'), CONTEXT);
  assert.deepEqual([seq, hash], [3, log.position().hash]);
  assert.equal(old.position().seq, 2);
  assert.deepEqual([store.values.get('a')?.seq, store.values.get('b')?.seq], [2, 3]);
});

test('writes queued during a replacement go to the new log', async () => {
  const store = await storeInMemory();
  const release = await store.hold();
  const waiting = submitWatched(store, set('a'));
  const log = placedLogAfter(store);
  const old = store.replaceLog(log);
  await settled();
  assert.equal(waiting.outcome, 'waiting');
  release();
  await waiting.settled;
  assert.deepEqual([waiting.outcome, log.position().seq, old.position().seq], ['done', 2, 1]);
});

test('after a replacement, values are read from the new log, and closing closes it', async () => {
  const store = await storeInMemory();
  store.setCaching(false);
  const release = await store.hold();
  const log = placedLogAfter(store);
  store.replaceLog(log);
  release();
  await store.submit(set('a', '"x"'), CONTEXT);
  assert.equal(store.values.placedCount, 1);
  assert.equal((await readKey(store, 'a'))?.value, '"x"');
  await store.close();
  assert.equal(log.state(), 'closed');
});

test('a log is exchanged under a hold only, for one that goes on where it ends', async () => {
  const store = await storeInMemory();
  assert.throws(() => store.replaceLog(placedLogAfter(store)), InvariantError);
  await store.hold();
  const { seq, hash } = store;
  for (const base of [{ seq: seq + 1, hash }, { seq, hash: '0'.repeat(64) }, undefined]) {
    const log = new PlacedLog(base === undefined ? {} : { base });
    assert.throws(() => store.replaceLog(log), InvariantError);
  }
  assert.throws(() => store.replaceLog(new MemoryLog({ project: 'beta', logId: OTHER_LOG_ID, base: { seq, hash } })), InvariantError);
});

test('a log that holds values is not replaced', async () => {
  const store = storeOver(new PlacedLog());
  await store.submit(create(), CONTEXT);
  store.setCaching(false);
  await store.submit(set('a'), CONTEXT);
  await store.hold();
  assert.throws(() => store.replaceLog(placedLogAfter(store)), /no value lies in the log that is replaced/);
  store.setCaching(true);
  await store.reads.loadAll();
  store.replaceLog(placedLogAfter(store));
  assert.equal(store.values.get('a')?.value, '1');
});

test('a command under a hold runs while others wait, and its turn is over when it is answered', async () => {
  const store = await storeInMemory();
  const release = await store.hold();
  const waiting = submitWatched(store, set('a', '"waits"'));
  const { seq } = await store.submitHeld(set('a', '"first"'), CONTEXT);
  assert.deepEqual([seq, store.seq, waiting.outcome], [2, 2, 'waiting']);
  // The turn has ended, so the log can be exchanged at once.
  store.replaceLog(placedLogAfter(store));
  await assert.rejects(store.submitHeld({ type: 'delete', key: 'z' }, CONTEXT), isRefusal('key_not_found'));
  await store.submitHeld(set('b'), CONTEXT);
  release();
  await waiting.settled;
  assert.deepEqual([store.values.get('a')?.value, store.seq], ['"waits"', 4]);
});

test('a command under a hold that fails leaves the store as it was', async () => {
  const { store, log } = await storeOnScript();
  const release = await store.hold();
  const doing = assert.rejects(store.submitHeld(set('a'), CONTEXT), isRefusal('disk_full'));
  await log.fail(new AppError('disk_full', 'Cannot append to the log: the disk is full'));
  await doing;
  assert.deepEqual([store.seq, store.values.count], [1, 0]);
  release();
  const after = submitWatched(store, set('a'));
  await log.letThrough();
  await after.settled;
  assert.equal(after.outcome, 'done');
});

test('submitHeld() is refused without a hold, two at once, and after closing', async () => {
  const { store, log } = await storeOnScript();
  await assert.rejects(store.submitHeld(set('a'), CONTEXT), InvariantError);
  await store.hold();
  const first = store.submitHeld(set('a'), CONTEXT);
  await assert.rejects(store.submitHeld(set('b'), CONTEXT), InvariantError);
  await log.letThrough();
  await first;
  const closing = store.close();
  await assert.rejects(store.submitHeld(set('c'), CONTEXT), isRefusal('shutting_down'));
  await closing;
});

test('the point of a snapshot is the last applied line, and what a snapshot holds no longer counts as changed', async () => {
  const store = await storeInMemory();
  await store.submit(set('a', '12345'), CONTEXT);
  const point = store.snapshotPoint();
  assert.deepEqual([point.seq, point.hash, point.keyCount, point.timeMs], [store.seq, store.hash, 1, store.lastTimeMs]);
  assert.equal(store.changedBytes, 6);
  await store.submit(set('b', '1'), CONTEXT);
  store.noteSnapshot(point);
  assert.equal(store.changedBytes, 2);
  const model = new ProjectModel();
  model.restore(point, point.state);
  assert.equal(model.state.newest?.seq, 1);
});

test.run();
