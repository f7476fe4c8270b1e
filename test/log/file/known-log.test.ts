/** Opening a log whose beginning is known from a snapshot: what is read, what is skipped, and what is refused. */
import assert from 'node:assert/strict';
import { encodeHeaderLine } from '../../../src/log/segment-format.js';
import { LogCorruptError } from '../../../src/log/log-errors.js';
import type { OpenOptions } from '../../../src/log/log-home.js';
import type { Log, LogLine } from '../../../src/log/log.js';
import type { FaultDisk } from '../../disk/fault-disk.js';
import { suite } from '../../suite.js';
import { change, changeLines, flip, offsetOf, SEALED_1, SEALED_3 } from './damage-table.js';
import {
  ACTIVE, collect, createLog, diskWith, drafts, emptyDisk, HEAD, homeOn, LOG_ID, OPTIONS, PROJECT, SMALL_SEGMENTS,
} from './log-fixture.js';

const test = suite('a log that is known in part');
const SEALED_5 = SEALED_3.replace('3.jsonl', '5.jsonl');

interface Opened {
  readonly log: Log;
  readonly replayed: readonly LogLine[];
}

/** Opens a log with a known position. */
async function openKnown(disk: FaultDisk, options: Partial<OpenOptions>): Promise<Opened> {
  const replayed: LogLine[] = [];
  const log = await homeOn(disk).open(PROJECT, { ...SMALL_SEGMENTS, replay: (line) => void replayed.push(line), ...options });
  assert.ok(log);
  return { log, replayed };
}

/** Seven lines: two each in three sealed segments, and one in the active one; with all of its lines. */
async function sevenLines(): Promise<{ readonly disk: FaultDisk; readonly lines: readonly LogLine[] }> {
  const disk = await diskWith([1, 1, 1, 1, 1, 1, 1], SMALL_SEGMENTS);
  const { log, replayed } = await openKnown(disk, {});
  await log.close();
  assert.equal([...disk.contents().keys()].filter((name) => name.endsWith('.jsonl')).length, 4);
  return { disk: disk.crash(), lines: replayed };
}

function knownAt(lines: readonly LogLine[], seq: number): { readonly seq: number; readonly hash: string; readonly timeMs: number } {
  const line = lines[seq - 1];
  assert.ok(line);
  return { seq, hash: line.hash, timeMs: line.timeMs };
}

async function assertRefused(disk: FaultDisk, options: Partial<OpenOptions>, says: RegExp): Promise<void> {
  const before = disk.contents();
  await assert.rejects(openKnown(disk, options), (error) => {
    assert.ok(error instanceof LogCorruptError, String(error));
    assert.match(error.message, says);
    return true;
  });
  assert.deepEqual(disk.contents(), before, 'nothing is changed');
  assert.deepEqual(disk.openPaths, []);
}

test('only lines after the known ones are replayed, wherever in a segment those end; all can be read', async () => {
  const { disk: start, lines } = await sevenLines();
  for (let seq = 1; seq <= 7; seq += 1) {
    const disk = start.crash();
    const { log, replayed } = await openKnown(disk, { known: knownAt(lines, seq) });
    assert.deepEqual(replayed, lines.slice(seq), `known up to ${seq}`);
    assert.deepEqual(log.position(), { seq: 7, hash: lines[6]?.hash });
    assert.deepEqual(await collect(log.read({ fromSeq: 1 })), lines);
    const bytes = (name: string): number => disk.bytesOf(name).length;
    assert.deepEqual(log.sealed?.list(), [[1, SEALED_1], [3, SEALED_3], [5, SEALED_5]].map(([firstSeq, name]) => ({
      firstSeq, lastSeq: Number(firstSeq) + 1, sizeBytes: bytes(String(name)), storedBytes: bytes(String(name)), isCompressed: false,
    })));
    await log.append(drafts(8, 8), 7);
    await log.close();
    assert.deepEqual(disk.openPaths, []);
  }
});

test('only the two ends of a known segment are read, however long it is', async () => {
  const disk = emptyDisk();
  const log = await createLog(disk);
  for (let seq = 0; seq < 4000; seq += 500) await log.append(drafts(seq + 1, seq + 500), seq);
  log.configure({ ...OPTIONS, segmentBytes: 1 });
  const [last] = await log.append(drafts(4001, 4001), 4000);
  await log.close();
  assert.ok(last);
  assert.ok(disk.bytesOf(SEALED_1).length > 1_000_000);
  // Damage in the middle goes unnoticed here, which proves that it was not read; a scrub finds it.
  change(disk, SEALED_1, (bytes) => flip(bytes, 500_000));
  const opened = await openKnown(disk, { known: last });
  assert.deepEqual(opened.replayed, []);
  assert.equal(opened.log.position().seq, 4001);
  const reads = disk.calls.filter((call) => call.method === 'read' && call.path === SEALED_1).length;
  assert.equal(reads, 2);
  await opened.log.close();
  await assertRefused(disk, {}, /expected hash/);
});

test('time continues from the time of the known line', async () => {
  const { disk, lines } = await sevenLines();
  const timeMs = Date.now() + 30_000;
  changeLines(disk, ACTIVE, (active) => active.slice(0, 1));
  disk.tree.remove(HEAD);
  const { log } = await openKnown(disk, { known: { ...knownAt(lines, 6), timeMs } });
  const [line] = await log.append(drafts(7, 7), 6);
  assert.equal(line?.timeMs, timeMs);
  await log.close();
});

test('the oldest segments may be missing if they were removed on purpose, and only those', async () => {
  const { disk: start, lines } = await sevenLines();
  const known = knownAt(lines, 6);
  const without = start.crash();
  without.tree.remove(SEALED_1);
  await assertRefused(without, {}, /begins with seq 1, found no such file; .* seq 3/);
  await assertRefused(without, { known }, /a segment that holds seq 1, found none before first_seq 3/);
  await assertRefused(without, { known, firstKeptSeq: 2 }, /a segment that holds seq 2/);
  await assertRefused(without, { firstKeptSeq: 3 }, /begins with seq 1, found no such file; .* seq 3/);
  await assertRefused(without, { known: knownAt(lines, 1), firstKeptSeq: 3 }, /a segment that holds seq 2/);
  for (const firstKeptSeq of [3, 5]) {
    const { log, replayed } = await openKnown(without.crash(), { known, firstKeptSeq });
    assert.deepEqual(replayed, lines.slice(6));
    assert.deepEqual(await collect(log.read({ fromSeq: 1 })), lines.slice(2), 'reading starts with the first existing line');
    assert.deepEqual((await collect(log.read({ fromSeq: 4, toSeq: 5 }))).map(({ seq }) => seq), [4, 5]);
    await log.close();
  }
  const withAll = await openKnown(start.crash(), { known, firstKeptSeq: 5 });
  assert.equal(withAll.log.sealed?.list().length, 3, 'a removed segment that still exists is kept');
  await withAll.log.close();
});

test('a log other than the known one is refused, and nothing is changed', async () => {
  const { disk: start, lines } = await sevenLines();
  const known = knownAt(lines, 6);
  const hash = 'e'.repeat(64);
  const cases: readonly (readonly [string, (disk: FaultDisk) => void, Partial<OpenOptions>, RegExp])[] = [
    ['another hash at the end of a segment', () => undefined, { known: { ...known, hash } }, /prev e{64}/],
    ['another hash within a segment', () => undefined, { known: { ...knownAt(lines, 5), hash } }, /hash e{64} as the snapshot says/],
    ['another hash of the last line', () => undefined, { known: { ...knownAt(lines, 7), hash } }, /as the snapshot says/],
    ['an end below what is known', (disk) => {
      disk.tree.remove(HEAD);
      changeLines(disk, ACTIVE, (active) => active.slice(0, 1));
    }, { known: knownAt(lines, 7) }, /lines up to seq 7 as the snapshot says, found the end of the log after seq 6/],
    ['a torn line that is known', (disk) => {
      disk.tree.remove(HEAD);
      change(disk, ACTIVE, (bytes) => bytes.subarray(0, -10));
    }, { known: knownAt(lines, 7) }, /not a torn tail/],
    ['a missing segment in the middle', (disk) => disk.tree.remove(SEALED_3), { known }, /seq 3, found no such file; \D+ seq 5/],
    ['the last sealed segment missing', (disk) => disk.tree.remove(SEALED_5), { known }, /seq 5, found no such file; \D+ seq 7/],
    ['two segments swapped', (disk) => {
      const [one, three] = [disk.bytesOf(SEALED_1), disk.bytesOf(SEALED_3)];
      disk.put(SEALED_1, three);
      disk.put(SEALED_3, one);
    }, { known }, /first_seq/],
    ['a segment that lost its seal', (disk) => changeLines(disk, SEALED_1, (all) => all.slice(0, -1)), { known }, /a seal at the end/],
    ['a segment cut short', (disk) => change(disk, SEALED_1, (bytes) => bytes.subarray(0, -1)), { known }, /a seal at the end/],
    ['bytes after a seal', (disk) => change(disk, SEALED_3, (bytes) => Buffer.concat([bytes, Buffer.from('x\n')])), { known }, /a seal/],
    ['a damaged seal', (disk) => change(disk, SEALED_3, (bytes) => flip(bytes, bytes.length - 20)), { known }, /hash/],
    ['a damaged header', (disk) => change(disk, SEALED_3, (bytes) => flip(bytes, 60)), { known }, /expected/],
    ['a header of another log', (disk) => changeLines(disk, SEALED_3, (all) => [encodeHeaderLine(
      { format: 1, project: PROJECT, logId: 'f'.repeat(32), firstSeq: 3, previousHash: lines[1]?.hash ?? '' },
    ).trimEnd(), ...all.slice(1)]), { known }, /log_id/],
    ['another log than expected', () => undefined, { known, expectedLogId: 'f'.repeat(32) }, /log_id/],
  ];
  for (const [name, damage, options, says] of cases) {
    const disk = start.crash();
    damage(disk);
    await assertRefused(disk, options, says).catch((cause: unknown) => assert.fail(new Error(name, { cause })));
  }
});

test('a log that a record elsewhere proves to have been longer is refused as an older copy, even if its end looks torn', async () => {
  const { disk: start, lines } = await sevenLines();
  start.tree.remove(HEAD);
  const shorter = start.crash();
  changeLines(shorter, ACTIVE, (active) => active.slice(0, 1));
  const torn = start.crash();
  change(torn, ACTIVE, (bytes) => bytes.subarray(0, -10));
  const cases: readonly (readonly [FaultDisk, OpenOptions['proven'], 'project_outdated' | 'project_corrupt', RegExp])[] = [
    [shorter, { seq: 7, by: 'registry' }, 'project_outdated', /lines up to seq 7 as the registry has recorded, found .* after seq 6/],
    [torn, { seq: 7, by: 'configuration' }, 'project_outdated', /up to seq 7 as the configuration has recorded, found .* after seq 6/],
    [torn, { seq: 7, by: 'registry' }, 'project_corrupt', /not a torn tail: the head proves that seq 7 was acknowledged/],
  ];
  for (const [disk, proven, code, says] of cases) {
    await assertRefused(disk, { proven }, says);
    await assert.rejects(openKnown(disk, { proven }), { code });
  }
  const { log, replayed } = await openKnown(torn, { proven: { seq: 6, by: 'configuration' } });
  assert.deepEqual(replayed, lines.slice(0, 6), 'what is proven is there, so the tail is cut');
  await log.close();
});

test('the known position is compared with a head at the end of a known segment', async () => {
  const { disk, lines } = await sevenLines();
  changeLines(disk, ACTIVE, (active) => active.slice(0, 1));
  const other = emptyDisk();
  const log = await createLog(other);
  for (let seq = 0; seq < 6; seq += 1) await log.append(drafts(seq + 1, seq + 1), seq);
  await log.close();
  disk.put(HEAD, other.bytesOf(HEAD));
  await assertRefused(disk, { known: knownAt(lines, 6) }, /as the head says/);
});

test('appending, replaying, reading and following give the same places of bodies', async () => {
  const disk = emptyDisk();
  const created = await createLog(disk, SMALL_SEGMENTS);
  const appended = [];
  for (let seq = 0; seq < 9; seq += 3) {
    const odd = drafts(seq + 1, seq + 3).map((one) => (
      { ...one, actor: 'project:p#ü€😀', body: `"key":"é","value":"€${one.request}"` }
    ));
    appended.push(...(await created.append(odd, seq)));
  }
  await created.close();
  const { log, replayed } = await openKnown(disk, {});
  const read = await collect(log.read({ fromSeq: 1 }));
  assert.deepEqual(read.map(({ place }) => place), appended.map(({ place }) => place));
  assert.deepEqual(replayed, read);
  for (const line of read) {
    assert.ok(line.place);
    assert.equal((await log.readText(line.place)).toString('utf8'), line.body);
    const name = line.place.segment === 7 ? ACTIVE : SEALED_1.replace('1.jsonl', `${line.place.segment}.jsonl`);
    assert.equal(offsetOf(disk, line.seq, name) < line.place.offset, true);
  }
  await log.close();
  assert.equal(LOG_ID, log.logId);
  assert.deepEqual(disk.openPaths, []);
});

test.run();
