/** Reads single keys and lists from files, with whichever snapshots exist: as the plainest computation has them. */
import assert from 'node:assert/strict';
import { compareUtf8 } from '../../../src/base/compare-utf8.js';
import { type AnyEvent, keyChangesOf } from '../../../src/events/event.js';
import { readStoredKey } from '../../../src/offline/replay/read-stored-key.js';
import { listStoredKeys } from '../../../src/offline/replay/list-stored-keys.js';
import type { FaultDisk } from '../../disk/fault-disk.js';
import { suite } from '../../suite.js';
import { commitSnapshot, EVENTS, flip, SCRATCH, SEGMENT_1, SEGMENT_5, snap, soundFolder } from '../sound-folder.js';
import { DATA, FIRST_TIME_MS, putLog, set, writeLog } from '../written-project.js';

const test = suite('offline/replay/stored-keys');
const SOURCE = { dataFolder: DATA, project: 'p' } as const;

type Found = readonly [value: string | undefined, seq: number];

/** What each key was last, deleted ones included. */
function expectedOf(events: readonly AnyEvent[]): ReadonlyMap<string, Found> {
  const found = new Map<string, Found>();
  for (const [index, event] of events.entries()) {
    const seq = index + 1;
    if (event.op === 'clear') for (const [key, [value]] of found) if (value !== undefined) found.set(key, [undefined, seq]);
    for (const change of keyChangesOf(event)) found.set(change.key, [change.op === 'set' ? change.value : undefined, seq]);
  }
  return found;
}

async function listed(disk: FaultDisk, prefix = '', hasValues = true): Promise<readonly (readonly [string, ...Found])[]> {
  const entries: [string, ...Found][] = [];
  for await (const group of listStoredKeys({ disk, ...SOURCE, prefix, hasValues, scratchFolder: SCRATCH })) {
    for (const { key, seq, timeMs, value } of group) {
      assert.equal(timeMs, FIRST_TIME_MS + (seq - 1) * 1000);
      entries.push([key, value, seq]);
    }
  }
  for (const name of await disk.list(SCRATCH)) await disk.unlink(`${SCRATCH}/${name}`);
  return entries;
}

async function assertReads(disk: FaultDisk, events: readonly AnyEvent[], snapshotSeq: number): Promise<void> {
  const expected = expectedOf(events);
  for (const [key, [value, seq]] of expected) {
    const reading = await readStoredKey({ disk, ...SOURCE }, key);
    // A snapshot does not have the keys that were deleted before it.
    if (value === undefined && seq <= snapshotSeq) assert.equal(reading, undefined, key);
    else assert.deepEqual(reading, { value, seq, timeMs: FIRST_TIME_MS + (seq - 1) * 1000 }, key);
  }
  assert.equal(await readStoredKey({ disk, ...SOURCE }, 'never'), undefined);
  const present = [...expected].filter(([, [value]]) => value !== undefined).sort(([a], [b]) => compareUtf8(a, b));
  assert.deepEqual(await listed(disk), present.map(([key, found]) => [key, ...found]));
  assert.deepEqual(disk.openPaths, []);
}

const BATCHED: readonly AnyEvent[] = [
  ...EVENTS.slice(0, 3),
  { op: 'batch', ops: [{ op: 'delete', key: 'a' }, { op: 'set', key: 'say "ö"', value: '{"n": 1.0}' }, set('b', '2') as never] },
  set('e', '1'), { op: 'clear', count: 3 }, { op: 'batch', ops: [{ op: 'set', key: 'b', value: '[ 1.0 ]' }, { op: 'delete', key: 'x' }] },
  set('say "ö"', '1e400'), set('c', '3'),
];

test('keys are read and listed token for token, through batches and a clear, with and without snapshots', async () => {
  for (const snapshots of [[], [4], [5], [6], [7], [9]]) {
    const { disk } = await soundFolder([]);
    for (const name of [SEGMENT_1, SEGMENT_5]) await disk.unlink(`${DATA}/${name}`);
    await putLog(disk, writeLog({ project: 'p', events: BATCHED, sealed: [3, 2] }));
    for (const seq of snapshots) await commitSnapshot(disk, seq);
    await assertReads(disk, BATCHED, snapshots[0] ?? 0);
  }
});

test('keys are listed by prefix, and without values if these are not asked for', async () => {
  const { disk } = await soundFolder();
  assert.deepEqual((await listed(disk, 'ä')).map(([key]) => key), ['ä']);
  assert.deepEqual(await listed(disk, 'nothing'), []);
  const found = (await listed(disk, '', false)).map(([key, value]) => [key, value]);
  assert.deepEqual(found, ['a', 'c', 'e', 'f', 'ä'].map((key) => [key, undefined]));
});

test('a damaged snapshot is skipped, and a damaged line after it is refused with its place', async () => {
  const { disk, log } = await soundFolder();
  flip(disk, snap(9, 'json'), 8);
  flip(disk, snap(6, 'index'), 8);
  // The index alone tells that a key does not exist.
  await assertReads(disk, EVENTS, 9);
  flip(disk, 'p.jsonl', (log.lines[9]?.offset ?? 0) + 150);
  await assert.rejects(readStoredKey({ disk, ...SOURCE }, 'a'), { name: 'LogCorruptError', message: /"p\.jsonl".*seq 10/ });
  await assert.rejects(listed(disk), { name: 'LogCorruptError', message: /"p\.jsonl".*seq 10/ });
});

test('lines that retention removed are not needed, and without a snapshot they are missed', async () => {
  const { disk } = await soundFolder();
  for (const name of [SEGMENT_1, SEGMENT_5]) await disk.unlink(`${DATA}/${name}`);
  await assertReads(disk, EVENTS, 9);
  for (const seq of [6, 9]) await disk.unlink(`${DATA}/${snap(seq, 'manifest')}`);
  await assert.rejects(readStoredKey({ disk, ...SOURCE }, 'a'), { name: 'OutOfReachError', message: /begins with seq 8, and no snapshot/ });
});

test.run();
