/** One key as it was after a line: where it is found, and what is not known. */
import assert from 'node:assert/strict';
import { LinesDroppedError } from '../../src/log/log-errors.js';
import { MemoryLog } from '../../src/log/memory-log.js';
import { readPastKey } from '../../src/store/past-key.js';
import type { ProjectStore } from '../../src/store/project-store.js';
import { redactedLineOf } from '../../src/store/redacted-line.js';
import { ManualClock } from '../base/manual-clock.js';
import { suite } from '../suite.js';
import { CONTEXT, create, isRefusal, remove, set, storeInMemory, storeOver } from './created-store.js';

const test = suite('store/past-key');

const atOnce = (): undefined => undefined;

/** The version and the value; undefined if there was none; `unknown`. */
async function keyAt(store: ProjectStore, key: string, seq: number): Promise<unknown> {
  const past = await readPastKey(store, key, seq, atOnce);
  return past.isKnown ? past.entry && [past.entry.seq, past.entry.value] : 'unknown';
}

test('each line decides what the key is from then on', async () => {
  const store = await storeInMemory();
  await store.submit(set('a', '1'), CONTEXT);
  await store.submit(set('b', '2'), CONTEXT);
  await store.submit(remove('a'), CONTEXT);
  await store.submit(set('a', '3'), CONTEXT);
  const found = [];
  for (let seq = 0; seq <= store.seq; seq += 1) found.push(await keyAt(store, 'a', seq));
  assert.deepEqual(found, [undefined, undefined, [2, '1'], [2, '1'], undefined, [5, '3']]);
});

test('the current value is loaded when there is memory for it, and is the one that the key has then', async () => {
  const store = await storeInMemory();
  await store.submit(set('a', '"first"'), CONTEXT);
  const asked: number[] = [];
  const admit = (sizeBytes: number): Promise<void> | undefined => {
    asked.push(sizeBytes);
    return asked.length === 1 ? Promise.resolve() : undefined;
  };
  const past = await readPastKey(store, 'a', 2, admit);
  assert.deepEqual([past.isKnown && past.entry?.value, asked], ['"first"', [7, 7]]);
});

test('a key with an expiry is there up to the last line before it', async () => {
  const clock = new ManualClock();
  const store = storeOver(new MemoryLog({ project: 'alpha', logId: '0'.repeat(32), clock }));
  await store.submit(create(), CONTEXT);
  await store.submit({ type: 'set', key: 'a', value: '1', expiry: { kind: 'after', seconds: 2 } }, CONTEXT);
  for (const key of ['b', 'c']) {
    clock.setWall(clock.wallMs() + 1000);
    await store.submit(set(key), CONTEXT);
  }
  assert.deepEqual([await keyAt(store, 'a', 2), await keyAt(store, 'a', 3), await keyAt(store, 'a', 4)], [[2, '1'], [2, '1'], undefined]);
});

test('a redaction is no change of the key, and a value that it erased is refused', async () => {
  const store = await storeInMemory();
  await store.submit(set('a', '"secret"'), CONTEXT);
  await store.submit(set('a', '"open"'), CONTEXT);
  const line = redactedLineOf(await store.feed.lineAt(2));
  assert.ok(line);
  await store.submit({ type: 'redact', reason: 'asked', lines: [line] }, CONTEXT);
  await store.submit(set('a', '"now"'), CONTEXT);
  assert.deepEqual([await keyAt(store, 'a', 4), await keyAt(store, 'a', 3)], [[3, '"open"'], [3, '"open"']]);
  await assert.rejects(keyAt(store, 'a', 2), isRefusal('value_redacted'));
});

test('a key of which the log says nothing is unknown if there were lines before', async () => {
  const store = await storeInMemory();
  await store.submit(set('a', '1'), CONTEXT);
  const { seq, hash } = store;
  const release = await store.hold();
  store.replaceLog(new MemoryLog({ project: 'alpha', logId: 'f'.repeat(32), base: { seq, hash } }));
  release();
  await store.submit(set('a', '2'), CONTEXT);
  await store.submit(set('b', '3'), CONTEXT);
  assert.deepEqual([await keyAt(store, 'a', seq), await keyAt(store, 'c', seq + 1)], ['unknown', 'unknown']);
  assert.deepEqual([await keyAt(store, 'a', seq + 1), await keyAt(store, 'b', seq + 2)], [[seq + 1, '2'], [seq + 2, '3']]);
});

test('a key whose lines are dropped while they are searched is unknown, and damage is passed on', async () => {
  const failing = (error: Error): ProjectStore => ({
    values: { get: () => undefined },
    feed: { oldestSeq: 1, read: () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }) }) },
  }) as unknown as ProjectStore;
  assert.equal(await keyAt(failing(new LinesDroppedError(2, 5)), 'a', 4), 'unknown');
  await assert.rejects(keyAt(failing(new Error('the disk')), 'a', 4), /the disk/);
});

test.run();
