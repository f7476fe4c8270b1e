/** A revert in the turn that decides it: what may have happened to its keys meanwhile, and what it writes. */
import assert from 'node:assert/strict';
import { AppError } from '../../src/base/app-error.js';
import { decodeEvent } from '../../src/events/codec.js';
import { MemoryLog } from '../../src/log/memory-log.js';
import type { RevertedKey } from '../../src/store/command.js';
import type { ProjectStore } from '../../src/store/project-store.js';
import { redactedLineOf } from '../../src/store/redacted-line.js';
import { ManualClock } from '../base/manual-clock.js';
import { suite } from '../suite.js';
import { CONTEXT, create, remove, set, storeOver } from './created-store.js';

const test = suite('store/decide-revert');

const SECOND_MS = 1000;

interface Made {
  readonly store: ProjectStore;
  readonly clock: ManualClock;
  readonly log: MemoryLog;
}

async function make(): Promise<Made> {
  const clock = new ManualClock();
  const log = new MemoryLog({ project: 'alpha', logId: '0123456789abcdef0123456789abcdef', clock });
  const store = storeOver(log);
  await store.submit(create(), CONTEXT);
  return { store, clock, log };
}

function seen(key: string, seenSeq: number, value?: string, expiresAtMs: number | null = null): RevertedKey {
  return { key, seenSeq, seenExpiresAtMs: null, target: value === undefined ? undefined : { value, expiresAtMs } };
}

async function lastOf({ log, store }: Made): Promise<unknown> {
  for await (const { op, body } of log.read({ fromSeq: store.seq })) return decodeEvent(op, body);
  return undefined;
}

test('several keys are one batch, a single key is its own event, and nothing is no line', async () => {
  const made = await make();
  const { store } = made;
  await store.submit(set('a', '1'), CONTEXT);
  await store.submit(set('b', '1'), CONTEXT);
  const both = await store.submit({ type: 'revert', keys: [seen('a', 2, '1.0'), seen('b', 3), seen('c', 0, '[]')] }, CONTEXT);
  assert.deepEqual([both.seq, both.count], [4, 3]);
  assert.deepEqual(await lastOf(made), {
    op: 'batch', ops: [{ op: 'set', key: 'a', value: '1.0' }, { op: 'delete', key: 'b' }, { op: 'set', key: 'c', value: '[]' }],
  });
  assert.equal((await store.submit({ type: 'revert', keys: [seen('c', 4)] }, CONTEXT)).count, 1);
  assert.deepEqual(await lastOf(made), { op: 'delete', key: 'c' });
  const none = await store.submit({ type: 'revert', keys: [seen('c', 0)] }, CONTEXT);
  assert.deepEqual([none.seq, none.hash, none.count, store.seq], [5, undefined, 0, 5]);
});

test('keys that were changed, created or deleted meanwhile are named, up to a hundred of them', async () => {
  const { store } = await make();
  for (let number = 0; number < 120; number += 1) await store.submit(set(`k${number}`), CONTEXT);
  await store.submit(remove('k0'), CONTEXT);
  const { seq } = store;
  const keys = [seen('k0', 2), seen('k1', 3, '2'), ...Array.from({ length: 118 }, (_, at) => seen(`k${at + 2}`, 0, '2'))];
  const error = await store.submit({ type: 'revert', keys }, CONTEXT).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof AppError && error.code === 'precondition_failed');
  const { keys: named, count } = error.facts as { keys: string[]; count: number };
  assert.deepEqual([named.length, named.slice(0, 2), count], [100, ['k0', 'k2'], 119]);
  assert.equal(store.seq, seq);
});

test('a write that is queued before the revert is seen by it', async () => {
  const { store } = await make();
  await store.submit(set('a', '1'), CONTEXT);
  const write = store.submit(set('a', '2'), CONTEXT);
  const error = await store.submit({ type: 'revert', keys: [seen('a', 2, '0')] }, CONTEXT).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof AppError && error.code === 'precondition_failed');
  assert.equal((await write).seq, 3);
});

test('an expiry that has passed since deletes the key, and a key that has expired since was not changed', async () => {
  const made = await make();
  const { store, clock } = made;
  const nowMs = store.nowMs;
  await store.submit({ type: 'set', key: 'gone', value: '1', expiry: { kind: 'after', seconds: 1 } }, CONTEXT);
  await store.submit(set('a', '1'), CONTEXT);
  const expiresAtMs = nowMs + SECOND_MS;
  clock.advance(2 * SECOND_MS);
  const keys = [
    { ...seen('gone', 2, '3'), seenExpiresAtMs: expiresAtMs }, seen('a', 3, '2', expiresAtMs), seen('b', 0, '4', nowMs + 9 * SECOND_MS),
  ];
  assert.equal((await store.submit({ type: 'revert', keys }, CONTEXT)).count, 3);
  assert.deepEqual(await lastOf(made), {
    op: 'batch',
    ops: [
      { op: 'set', key: 'gone', value: '3' }, { op: 'delete', key: 'a' },
      { op: 'set.until', expires_at: new Date(nowMs + 9 * SECOND_MS).toISOString(), key: 'b', value: '4' },
    ],
  });
});

test('a value that was erased after it was read does not come back', async () => {
  const { store } = await make();
  await store.submit(set('a', '"erased"'), CONTEXT);
  await store.submit(set('a', '1'), CONTEXT);
  const revert = { type: 'revert', keys: [seen('a', 3, '"erased"')], redactionSeq: 0 } as const;
  const line = redactedLineOf(await store.feed.lineAt(2));
  assert.ok(line !== undefined);
  // Both in one turn, and in a later one.
  const [, together] = await Promise.allSettled([
    store.submit({ type: 'redact', reason: 'asked', lines: [line] }, CONTEXT), store.submit(revert, CONTEXT),
  ]);
  const later = await store.submit(revert, CONTEXT).catch((error: unknown) => error);
  for (const error of [together.status === 'rejected' ? together.reason as unknown : undefined, later]) {
    assert.ok(error instanceof AppError && error.code === 'busy', String(error));
  }
  assert.deepEqual([store.seq, store.reads.get('a')?.seq], [4, 3]);
  assert.equal((await store.submit({ ...revert, redactionSeq: 4 }, CONTEXT)).seq, 5);
});

test.run();
