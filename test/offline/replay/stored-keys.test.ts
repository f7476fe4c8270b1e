/** Reads single keys and lists from files, with whichever snapshots exist: as the plainest computation has them. */
import assert from 'node:assert/strict';
import { compareUtf8 } from '../../../src/base/compare-utf8.js';
import { type AnyEvent, expiryAfter, keyChangesOf, setsValue } from '../../../src/events/event.js';
import { readStoredKey } from '../../../src/offline/replay/read-stored-key.js';
import { listStoredKeys } from '../../../src/offline/replay/list-stored-keys.js';
import type { FaultDisk } from '../../disk/fault-disk.js';
import { suite } from '../../suite.js';
import { commitSnapshot, EVENTS, flip, SCRATCH, SEGMENT_1, SEGMENT_5, snap, soundFolder } from '../sound-folder.js';
import { DATA, FIRST_TIME_MS, putLog, set, writeLog } from '../written-project.js';

const test = suite('offline/replay/stored-keys');
const SOURCE = { dataFolder: DATA, project: 'p' } as const;

type Found = readonly [value: string | undefined, seq: number, expiresAtMs: number | null];

/** What each key was last, deleted ones included. */
function expectedOf(events: readonly AnyEvent[]): ReadonlyMap<string, Found> {
  const found = new Map<string, Found>();
  for (const [index, event] of events.entries()) {
    const seq = index + 1;
    if (event.op === 'clear') for (const [key, [value]] of found) if (value !== undefined) found.set(key, [undefined, seq, null]);
    for (const change of keyChangesOf(event)) {
      const value = change.op === 'touch' ? found.get(change.key)?.[0] : undefined;
      found.set(change.key, [setsValue(change) ? change.value : value, seq, expiryAfter(change)]);
    }
  }
  return found;
}

async function listed(disk: FaultDisk, prefix = '', hasValues = true): Promise<readonly (readonly [string, ...Found])[]> {
  const entries: [string, ...Found][] = [];
  for await (const group of listStoredKeys({ disk, ...SOURCE, prefix, hasValues, scratchFolder: SCRATCH })) {
    for (const { key, seq, timeMs, expiresAtMs, value } of group) {
      assert.equal(timeMs, FIRST_TIME_MS + (seq - 1) * 1000);
      entries.push([key, value, seq, expiresAtMs]);
    }
  }
  for (const name of await disk.list(SCRATCH)) await disk.unlink(`${SCRATCH}/${name}`);
  return entries;
}

async function assertReads(disk: FaultDisk, events: readonly AnyEvent[], snapshotSeq: number): Promise<void> {
  const expected = expectedOf(events);
  for (const [key, [value, seq, expiresAtMs]] of expected) {
    const reading = await readStoredKey({ disk, ...SOURCE }, key);
    // A snapshot does not have the keys that were deleted before it.
    if (value === undefined && seq <= snapshotSeq) assert.equal(reading, undefined, key);
    else assert.deepEqual(reading, { value, seq, timeMs: FIRST_TIME_MS + (seq - 1) * 1000, expiresAtMs }, key);
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

const EXPIRY = new Date(FIRST_TIME_MS + 7000).toISOString();
const EXPIRING: readonly AnyEvent[] = [
  ...EVENTS.slice(0, 3), { op: 'touch', expires_at: EXPIRY, key: 'b' }, { op: 'set.until', expires_at: EXPIRY, key: 'c', value: '[ 1.0 ]' },
  { op: 'batch', ops: [{ op: 'touch', expires_at: null, key: 'a' }, { op: 'set.until', expires_at: EXPIRY, key: 'd', value: '2' }] },
  { op: 'touch', expires_at: null, key: 'c' }, { op: 'expire', keys: ['d'] }, { op: 'touch', expires_at: EXPIRY, key: 'a' },
  set('c', '3'),
];

test('keys that expire are read and listed as the log has them, however their values are spread over snapshots and lines', async () => {
  for (const snapshots of [[], [3], [4], [5], [6], [7], [8], [9], [3, 4], [4, 6], [5, 9]]) {
    const { disk } = await soundFolder([]);
    for (const name of [SEGMENT_1, SEGMENT_5]) await disk.unlink(`${DATA}/${name}`);
    await putLog(disk, writeLog({ project: 'p', events: EXPIRING, sealed: [3, 2] }));
    let previous: number | undefined;
    for (const seq of snapshots) {
      await commitSnapshot(disk, seq, previous);
      previous = seq;
    }
    await assertReads(disk, EXPIRING, snapshots.at(-1) ?? 0);
  }
});

test('at each seq and time, keys are read and listed as they were, without those that had expired by then', async () => {
  for (const snapshots of [[], [4], [4, 6], [9]]) {
    const { disk } = await soundFolder([]);
    for (const name of [SEGMENT_1, SEGMENT_5]) await disk.unlink(`${DATA}/${name}`);
    await putLog(disk, writeLog({ project: 'p', events: EXPIRING, sealed: [3, 2] }));
    for (const [index, seq] of snapshots.entries()) await commitSnapshot(disk, seq, snapshots[index - 1]);
    for (let seq = 1; seq <= EXPIRING.length; seq += 1) {
      const timeMs = FIRST_TIME_MS + (seq - 1) * 1000;
      const visible = [...expectedOf(EXPIRING.slice(0, seq))].filter(([, [value, , expiresAtMs]]) => (
        value !== undefined && (expiresAtMs === null || expiresAtMs > timeMs)
      ));
      visible.sort(([a], [b]) => compareUtf8(a, b));
      for (const at of [{ seq }, { timeMs }, { timeMs: timeMs + 999 }]) {
        const groups = listStoredKeys({ disk, ...SOURCE, prefix: '', hasValues: true, at, scratchFolder: SCRATCH });
        const found: unknown[] = [];
        for await (const group of groups) found.push(...group.map((entry) => [entry.key, entry.value, entry.seq, entry.expiresAtMs]));
        for (const name of await disk.list(SCRATCH)) await disk.unlink(`${SCRATCH}/${name}`);
        assert.deepEqual(found, visible.map(([key, rest]) => [key, ...rest]), JSON.stringify(at));
        for (const key of ['a', 'b', 'c', 'd', 'e', 'never']) {
          const value = visible.find(([name]) => name === key)?.[1][0];
          assert.equal((await readStoredKey({ disk, ...SOURCE }, key, at))?.value, value, `${key} ${JSON.stringify(at)}`);
        }
      }
    }
    await assert.rejects(readStoredKey({ disk, ...SOURCE }, 'a', { seq: 11 }), { name: 'OutOfReachError', message: /ends with seq 10/ });
    assert.deepEqual(disk.openPaths, []);
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
