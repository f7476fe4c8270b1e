/** Reads of values in memory that have to wait: for memory, and for keys to be sorted. */
import assert from 'node:assert/strict';
import { MemoryLog } from '../../src/log/memory-log.js';
import type { BatchStep } from '../../src/store/command.js';
import { membersOf, type MembersPiece, type ReadPiece } from '../../src/store/project-reads.js';
import type { ProjectStore } from '../../src/store/project-store.js';
import { ManualClock } from '../base/manual-clock.js';
import { suite } from '../suite.js';
import { CONTEXT, create, set, storeInMemory, storeOver } from './created-store.js';

const test = suite('project-reads');

/** More than are sorted at once. */
const MANY = 20_000;

/** Has more new keys than a listing sorts in one step. */
async function unsorted(): Promise<ProjectStore> {
  const store = await storeInMemory();
  const steps = Array.from({ length: MANY }, (_, index): BatchStep => ({ op: 'set', key: nameOf(MANY - 1 - index), value: '1' }));
  await store.submit({ type: 'batch', steps }, CONTEXT);
  return store;
}

function nameOf(number: number): string {
  return `k${String(number).padStart(6, '0')}`;
}

test('listings of many new keys wait until these are sorted, and then are complete', async () => {
  const readings: Readonly<Record<string, (store: ProjectStore) => unknown>> = {
    names: ({ reads }) => reads.readNames({}, MANY + 1),
    entries: ({ reads }) => reads.readPiece({}, MANY + 1),
    members: ({ reads }) => reads.readMembers({}, MANY + 1),
  };
  const names = Array.from({ length: MANY }, (_, index) => nameOf(index));
  for (const [what, read] of Object.entries(readings)) {
    const store = await unsorted();
    const reading = read(store);
    assert.ok(reading instanceof Promise, what);
    await reading;
    assert.equal(store.reads.sortKeys(), undefined);
    assert.deepEqual(store.reads.readNames({}, MANY + 1), names, what);
  }
});

test('a read that waits for memory has the versions of the moment at which it gets it', async () => {
  const readings: Readonly<Record<string, (store: ProjectStore, admit: () => Promise<void> | undefined) => unknown>> = {
    piece: ({ reads }, admit) => reads.readPiece({}, 9, admit),
    keys: ({ reads }, admit) => reads.readKeys(['a', 'b'], admit),
    members: ({ reads }, admit) => reads.readMembers({}, 9, admit),
  };
  for (const [what, read] of Object.entries(readings)) {
    const store = await storeInMemory();
    await store.submit(set('a', '"old"'), CONTEXT);
    let asked = 0;
    const reading = read(store, () => {
      asked += 1;
      return asked > 1 ? undefined : store.submit(set('a', '"newer"'), CONTEXT).then(() => undefined);
    });
    assert.ok(reading instanceof Promise, what);
    const found = (await reading) as ReadPiece | MembersPiece;
    const text = 'text' in found ? found.text : membersOf(found.entries);
    assert.deepEqual([text.toString(), asked], [',"a":"newer"', 2], what);
  }
});

test('a key that has expired is not there for a read of many keys, and one that has not says when it will be', async () => {
  const clock = new ManualClock();
  const store = storeOver(new MemoryLog({ project: 'alpha', logId: '0'.repeat(32), clock }));
  await store.submit(create(), CONTEXT);
  for (const [key, seconds] of [['short', 1], ['long', 60]] as const) {
    await store.submit({ type: 'set', key, value: '1', expiry: { kind: 'after', seconds } }, CONTEXT);
  }
  const expiries = (): unknown => {
    const held = store.reads.hold(['short', 'long']);
    held.release();
    return held.versions.map((version) => version?.expiresAtMs);
  };
  const startMs = clock.wallMs();
  assert.deepEqual(expiries(), [startMs + 1000, startMs + 60_000]);
  clock.setWall(startMs + 1000);
  assert.deepEqual(expiries(), [undefined, startMs + 60_000]);
});

test.run();
