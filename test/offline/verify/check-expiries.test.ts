/** Verification finds lines that remove keys as expired which had not expired by then. */
import assert from 'node:assert/strict';
import type { AnyEvent } from '../../../src/events/event.js';
import { verifyFolder } from '../../../src/offline/verify/verify-folder.js';
import type { FaultDisk } from '../../disk/fault-disk.js';
import { suite } from '../../suite.js';
import { commitSnapshot, flip, SCRATCH, SEGMENT_1, SEGMENT_5, snap, soundFolder } from '../sound-folder.js';
import { CREATE, DATA, FIRST_TIME_MS, LOG_ID, putLog, set, writeLog } from '../written-project.js';

const test = suite('offline/verify/check-expiries');

function timeOf(seq: number): string {
  return new Date(FIRST_TIME_MS + (seq - 1) * 1000).toISOString();
}

function until(key: string, seq: number): AnyEvent & { readonly op: 'set.until' } {
  return { op: 'set.until', expires_at: timeOf(seq), key, value: '1' };
}

function touch(key: string, seq: number | null): AnyEvent & { readonly op: 'touch' } {
  return { op: 'touch', expires_at: seq === null ? null : timeOf(seq), key };
}

function expire(...keys: readonly string[]): AnyEvent {
  return { op: 'expire', keys };
}

async function folderOf(events: readonly AnyEvent[]): Promise<FaultDisk> {
  const { disk } = await soundFolder([]);
  for (const name of [SEGMENT_1, SEGMENT_5]) await disk.unlink(`${DATA}/${name}`);
  await putLog(disk, writeLog({ project: 'p', events: [CREATE, ...events], sealed: [2, 2] }));
  return disk;
}

async function findings(disk: FaultDisk): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const verdict of verifyFolder({ disk, dataFolder: DATA, scratchFolder: SCRATCH }, 'p')) {
    found.push(...verdict.findings.map(({ seq, found: text }) => `seq ${seq}: ${text}`));
  }
  return found;
}

/** Found where there is no expiry. */
const NONE = 'seq 4: "a", which has no expiry or does not exist';
/** Logs, and what is found in them. The first event has seq 2. */
const LOGS: Readonly<Record<string, readonly [events: readonly AnyEvent[], found: readonly string[]]>> = {
  'a key that expired by the very time of the line': [[until('a', 4), set('b', '1'), expire('a')], []],
  'a key that expires later': [[until('a', 5), set('b', '1'), expire('a')], [`seq 4: "a", which expires at ${timeOf(5)}`]],
  'a key without an expiry': [[set('a', '1'), set('b', '1'), expire('a')], [NONE]],
  'a key whose expiry a set removed': [[until('a', 2), set('a', '1'), expire('a')], [NONE]],
  'a key whose expiry a touch removed': [[until('a', 2), touch('a', null), expire('a')], [NONE]],
  'a key that a touch let expire later': [[until('a', 2), touch('a', 9), expire('a')], [`seq 4: "a", which expires at ${timeOf(9)}`]],
  'a key that expired before': [[until('a', 2), expire('a'), expire('a')], [NONE]],
  'keys that a batch set and touched': [
    [set('b', '1'), { op: 'batch', ops: [until('a', 3), touch('b', 3)] }, expire('a', 'b')], [],
  ],
  'one of several keys': [[until('a', 2), until('b', 9), expire('a', 'b')], [`seq 4: "b", which expires at ${timeOf(9)}`]],
  'a key that was cleared': [[until('a', 2), { op: 'clear', count: 1 }, expire('a')], [NONE]],
  'a key that was cleared with its range': [
    [until('a', 2), { op: 'clear.range', prefix: 'a', start: null, end: null, count: 1 }, expire('a')],
    [NONE],
  ],
};

for (const [name, [events, expected]] of Object.entries(LOGS)) {
  test(`a line that removes ${name} ${expected.length === 0 ? 'is sound' : 'is a finding'}`, async () => {
    assert.deepEqual(await findings(await folderOf(events)), expected);
  });
}

test('a log without its beginning is checked from the oldest snapshot on, and not at all if that is damaged', async () => {
  for (const [due, wrong] of [[4, []], [9, [`seq 5: "a", which expires at ${timeOf(9)}`]]] as const) {
    const disk = await folderOf([until('a', due), set('b', '1'), set('c', '1'), expire('a')]);
    await commitSnapshot(disk, 3);
    const segment = { first_seq: 1, last_seq: 2, bytes: 1, sha256: 'a'.repeat(64) };
    const removed: AnyEvent = { op: 'segment.removed', id: 'p', log_id: LOG_ID, ...segment };
    const registered: AnyEvent = { op: 'project.created', id: 'p', log_id: LOG_ID };
    await putLog(disk, writeLog({ project: '_server', logId: 'e'.repeat(32), events: [registered, removed] }));
    await disk.unlink(`${DATA}/${SEGMENT_1}`);
    assert.deepEqual(await findings(disk), wrong);
    flip(disk, snap(3, 'index'), 8);
    assert.ok((await findings(disk)).every((text) => !text.includes('expires at')));
  }
});

test('after lines that are damaged nothing is said of expiries', async () => {
  const disk = await folderOf([set('x', '1'), until('a', 3), set('b', '1'), expire('a')]);
  flip(disk, 'p/00000000000000000003.jsonl', 400);
  assert.ok((await findings(disk)).every((text) => !text.includes('no expiry')));
});

test.run();
