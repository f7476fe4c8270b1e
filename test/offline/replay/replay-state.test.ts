/** Replays a project to any point, with whichever snapshots exist, and never to a wrong state. */
import assert from 'node:assert/strict';
import { replayEvents } from '../../../src/offline/replay/replay-events.js';
import { replayState } from '../../../src/offline/replay/replay-state.js';
import type { Moment } from '../../../src/offline/replay/moment.js';
import type { AnyEvent } from '../../../src/events/event.js';
import type { FaultDisk } from '../../disk/fault-disk.js';
import { suite } from '../../suite.js';
import { commitSnapshot, EVENTS, flip, SCRATCH, SEGMENT_1, SEGMENT_5, snap, soundFolder } from '../sound-folder.js';
import { DATA, FIRST_TIME_MS, putLog, set, stateText, writeLog } from '../written-project.js';

const test = suite('offline/replay/replay-state');

async function replayed(disk: FaultDisk, until?: Moment): Promise<string> {
  const state = await replayState({ disk, dataFolder: DATA, project: 'p', until, scratchFolder: SCRATCH });
  const text = disk.bytesOf(state.path).toString('utf8');
  for (const name of await disk.list(SCRATCH)) await disk.unlink(`${SCRATCH}/${name}`);
  return text;
}

async function lines(disk: FaultDisk, filter: object = {}, fromSeq?: number): Promise<readonly string[]> {
  const found: string[] = [];
  const options = { disk, dataFolder: DATA, project: 'p', until: undefined, fromSeq, filter, scratchFolder: SCRATCH };
  for await (const line of replayEvents(options)) found.push(line.toString('utf8'));
  return found;
}

test('the state at every seq is that after the lines up to it, with and without snapshots', async () => {
  for (const snapshots of [[], [6], [6, 9], [11]]) {
    const { disk } = await soundFolder(snapshots);
    for (let seq = 1; seq <= EVENTS.length; seq += 1) {
      assert.equal(await replayed(disk, { seq }), stateText(EVENTS.slice(0, seq)), `seq ${seq}, snapshots ${snapshots.join()}`);
    }
    assert.equal(await replayed(disk), stateText(EVENTS));
  }
});

test('the state at a time includes everything up to that time', async () => {
  const { disk } = await soundFolder();
  for (let count = 1; count <= EVENTS.length; count += 1) {
    const timeMs = FIRST_TIME_MS + (count - 1) * 1000;
    assert.equal(await replayed(disk, { timeMs }), stateText(EVENTS.slice(0, count)));
    assert.equal(await replayed(disk, { timeMs: timeMs + 999 }), stateText(EVENTS.slice(0, count)));
  }
  assert.equal(await replayed(disk, { timeMs: FIRST_TIME_MS - 1 }), '{}\n');
});

test('if the clock jumped back, nothing after the first later line counts', async () => {
  const { disk } = await soundFolder([]);
  await putLog(disk, writeLog({ project: 'p', events: EVENTS, timesMs: new Map([[4, FIRST_TIME_MS + 99_000]]), sealed: [4, 3] }));
  assert.equal(await replayed(disk, { timeMs: FIRST_TIME_MS + 50_000 }), stateText(EVENTS.slice(0, 3)));
});

test('a damaged snapshot is skipped, and damaged lines that a snapshot covers do not matter', async () => {
  const { disk } = await soundFolder();
  flip(disk, snap(9, 'json'), 8);
  assert.equal(await replayed(disk), stateText(EVENTS));
  flip(disk, SEGMENT_1, 500);
  assert.equal(await replayed(disk), stateText(EVENTS));
  await assert.rejects(replayed(disk, { seq: 3 }), { name: 'LogCorruptError' });
});

test('a damaged line rejects the replay', async () => {
  const { disk, log } = await soundFolder();
  flip(disk, 'p.jsonl', (log.lines[9]?.offset ?? 0) + 150);
  await assert.rejects(replayed(disk), { name: 'LogCorruptError', message: /"p\.jsonl".*seq 10/ });
  assert.equal(await replayed(disk, { seq: 9 }), stateText(EVENTS.slice(0, 9)));
});

test('a point that the log does not reach is refused', async () => {
  const { disk } = await soundFolder();
  await assert.rejects(replayed(disk, { seq: 12 }), { name: 'OutOfReachError', message: /ends with seq 11/ });
  for (const name of [SEGMENT_1, SEGMENT_5]) await disk.unlink(`${DATA}/${name}`);
  await assert.rejects(replayed(disk, { seq: 3 }), { name: 'OutOfReachError', message: /begins with seq 8/ });
  assert.equal(await replayed(disk), stateText(EVENTS));
});

test('lines are printed byte for byte, filtered by key, operation, actor and seq', async () => {
  const { disk, log } = await soundFolder();
  const texts = log.lines.map(({ text }) => text);
  assert.deepEqual(await lines(disk), texts);
  assert.deepEqual(await lines(disk, {}, 9), texts.slice(8));
  assert.deepEqual(await lines(disk, { key: 'a' }), [texts[2], texts[5]]);
  assert.deepEqual(await lines(disk, { key: 'd', op: 'delete' }), [texts[8]]);
  assert.deepEqual(await lines(disk, { op: 'project.create' }), [texts[0]]);
  assert.deepEqual(await lines(disk, { actor: 'global#' }), texts);
  assert.deepEqual(await lines(disk, { actor: 'project:' }), []);
  assert.deepEqual(disk.openPaths, []);
});

const BATCHED: readonly AnyEvent[] = [
  ...EVENTS.slice(0, 3),
  { op: 'batch', ops: [{ op: 'delete', key: 'a' }, { op: 'set', key: 'ö', value: '{"n":1.0}' }, { op: 'set', key: 'b', value: '2' }] },
  { op: 'clear', count: 2 },
  { op: 'batch', ops: [{ op: 'set', key: 'b', value: '[ 1.0 ]' }, { op: 'set', key: 'a', value: '"a"' }] },
  set('b', '3'),
];

test('a batch is replayed as a whole, with and without a snapshot before it, and found by each of its keys and operations', async () => {
  for (const snapshots of [[], [3], [4], [6]]) {
    const { disk } = await soundFolder([]);
    for (const name of [SEGMENT_1, SEGMENT_5]) await disk.unlink(`${DATA}/${name}`);
    const log = writeLog({ project: 'p', events: BATCHED, sealed: [3] });
    await putLog(disk, log);
    for (const seq of snapshots) await commitSnapshot(disk, seq);
    for (let seq = 1; seq <= BATCHED.length; seq += 1) {
      assert.equal(await replayed(disk, { seq }), stateText(BATCHED.slice(0, seq)), `seq ${seq}`);
    }
    const texts = log.lines.map(({ text }) => text);
    assert.deepEqual(await lines(disk, { key: 'ö' }), [texts[3], texts[4]], 'a clear changes every key');
    assert.deepEqual(await lines(disk, { key: 'b', op: 'set' }), [texts[1], texts[3], texts[5], texts[6]]);
    assert.deepEqual(await lines(disk, { key: 'a', op: 'batch' }), [texts[3], texts[5]]);
    assert.deepEqual(await lines(disk, { op: 'delete' }), [texts[3]]);
  }
});

test.run();
