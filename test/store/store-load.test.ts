/** What a store reports of its turns, and how much it says that it has to do. */
import assert from 'node:assert/strict';
import type { Log } from '../../src/log/log.js';
import { MemoryLog } from '../../src/log/memory-log.js';
import { ProjectModel } from '../../src/projections/project-model.js';
import { ProjectStore } from '../../src/store/project-store.js';
import { ManualClock } from '../base/manual-clock.js';
import { createLog, emptyDisk, SMALL_SEGMENTS } from '../log/file/log-fixture.js';
import { suite } from '../suite.js';
import { CONTEXT, create, remove, set, storeInMemory, storeOnScript } from './created-store.js';
import { settled } from './scripted-log.js';

const test = suite('store-load');

/** A store with an observer, and what is reported to it. */
async function observedStore(log: Log): Promise<{ readonly store: ProjectStore; readonly reported: unknown[] }> {
  const reported: unknown[] = [];
  const observer = {
    taken: (commands: number) => void reported.push(commands),
    expired: (project: string, keys: number) => void reported.push([project, keys]),
  };
  const store = new ProjectStore({ log, model: new ProjectModel(), observer });
  await store.submit(create(), CONTEXT);
  return { store, reported };
}

test('each turn reports its commands, those that are refused too', async () => {
  const { store, reported } = await observedStore(new MemoryLog({ project: 'alpha', logId: '0'.repeat(32) }));
  await Promise.allSettled([set('a'), set('b'), remove('none')].map((command) => store.submit(command, CONTEXT)));
  await store.submit(set('c'), CONTEXT);
  assert.deepEqual(reported, [1, 3, 1]);
  await store.close();
});

test('keys that are removed because they have expired are reported with their project', async () => {
  const clock = new ManualClock();
  const { store, reported } = await observedStore(new MemoryLog({ project: 'alpha', logId: '0'.repeat(32), clock }));
  const expiry = { kind: 'after', seconds: 1 } as const;
  for (const key of ['a', 'b']) await store.submit({ type: 'set', key, value: '1', expiry }, CONTEXT);
  clock.advance(5000);
  await store.submit({ type: 'expire' }, CONTEXT);
  assert.deepEqual(reported, [1, 1, 1, 1, ['alpha', 2]]);
  await store.close();
});

test('what is queued is counted until its turn begins', async () => {
  const { store, log } = await storeOnScript();
  const first = store.submit(set('a'), CONTEXT);
  await settled();
  const second = [store.submit(set('b', '"12345"'), CONTEXT), store.submit(set('c'), CONTEXT)];
  assert.equal(store.load.queueCommands, 2);
  assert.ok(store.load.queueBytes > 9);
  await log.letThrough();
  await log.letThrough();
  await Promise.all([first, ...second]);
  assert.deepEqual([store.load.queueCommands, store.load.queueBytes], [0, 0]);
});

test('the files of a log are counted with their size; a log in memory has none', async () => {
  const disk = emptyDisk();
  const { store } = await observedStore(await createLog(disk, SMALL_SEGMENTS));
  for (let number = 0; number < 10; number += 1) await store.submit(set(`k${number}`), CONTEXT);
  const files = [...disk.contents()].filter(([name]) => name.endsWith('.jsonl'));
  assert.ok(files.length > 2);
  const sizeBytes = files.reduce((sum, [, { length }]) => sum + length, 0);
  assert.deepEqual(store.load.logFiles(), { count: files.length, sizeBytes });
  await store.close();
  assert.deepEqual((await storeInMemory()).load.logFiles(), { count: 0, sizeBytes: 0 });
});

test.run();
