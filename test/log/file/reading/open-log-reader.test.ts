/** Reading pieces of lines again: which file they are read from, how many files stay open, and what is refused. */
import assert from 'node:assert/strict';
import { POOLED_FILES_MAX } from '../../../../src/log/file/reading/place-reader.js';
import { LinesDroppedError, LogCorruptError } from '../../../../src/log/log-errors.js';
import { MemoryLog } from '../../../../src/log/memory-log.js';
import type { Log, LogLine } from '../../../../src/log/log.js';
import type { FaultDisk } from '../../../disk/fault-disk.js';
import { suite } from '../../../suite.js';
import { change, SEALED_1 } from '../damage-table.js';
import {
  ACTIVE, appendBatches, closedGate, collect, createLog, drafts, emptyDisk, LOG_ID, openLog, OPTIONS, PROJECT, SMALL_SEGMENTS,
} from '../log-fixture.js';

const test = suite('reading pieces of lines again');

async function bodyOf(log: Log, line: LogLine | undefined): Promise<string> {
  assert.ok(line?.place);
  return (await log.readText(line.place)).toString('utf8');
}

async function logOf(lineCount: number): Promise<{ readonly disk: FaultDisk; readonly log: Log; readonly lines: readonly LogLine[] }> {
  const disk = emptyDisk();
  const log = await createLog(disk, SMALL_SEGMENTS);
  await appendBatches(log, Array.from({ length: lineCount }, () => 1));
  return { disk, log, lines: await collect(log.read({ fromSeq: 1 })) };
}

test('a piece can be read as soon as its line is appended, and still after its segment has been sealed', async () => {
  const disk = emptyDisk();
  const log = await createLog(disk, SMALL_SEGMENTS);
  const bodies: string[] = [];
  for (let seq = 0; seq < 6; seq += 1) {
    const [line] = await log.append(drafts(seq + 1, seq + 1), seq);
    assert.ok(line?.place);
    bodies.push((await log.readText(line.place)).toString());
  }
  assert.deepEqual(bodies, drafts(1, 6).map(({ body }) => body));
  const opens = disk.calls.filter(({ method, path }) => method === 'open' && path.endsWith('.jsonl')).length;
  const lines = await collect(log.read({ fromSeq: 1 }));
  const before = disk.calls.length;
  for (const line of lines) assert.equal(await bodyOf(log, line), line.body);
  assert.deepEqual(disk.calls.slice(before).filter(({ method }) => method === 'open'), [], 'the descriptors were kept');
  assert.ok(opens > 0);
  await log.close();
  assert.deepEqual(disk.openPaths, []);
});

test('no more than a few descriptors stay open, however many segments are read at once', async () => {
  const { disk, log, lines } = await logOf(40);
  const own = disk.openPaths.length;
  let most = 0;
  await Promise.all([...lines, ...lines].map(async (line) => {
    assert.equal(await bodyOf(log, line), line.body);
    most = Math.max(most, disk.openPaths.length - own);
  }));
  assert.equal(most, POOLED_FILES_MAX);
  await log.close();
  assert.deepEqual(disk.openPaths, []);
});

test('a segment that is sealed while it is being opened is found under its new name', async () => {
  const { disk, log } = await logOf(1);
  const [line] = await collect(log.read({ fromSeq: 1 }));
  const gate = closedGate();
  disk.fail({ method: 'open', path: ACTIVE, action: { kind: 'hold', until: gate.promise } });
  const reading = bodyOf(log, line);
  await appendBatches(log, [1]);
  const rotating = appendBatches(log, [1]);
  gate.open();
  await rotating;
  assert.equal(await reading, line?.body);
  assert.equal(await bodyOf(log, line), line?.body);
  await log.close();
});

test('a piece beyond the end, a missing or replaced segment, and a closed log are refused', async () => {
  const { disk, log, lines } = await logOf(3);
  const [first] = lines;
  assert.ok(first?.place);
  await assert.rejects(log.readText({ ...first.place, offset: 100_000 }), LogCorruptError);
  await assert.rejects(log.readText({ ...first.place, segment: 2 }), LogCorruptError);
  await log.close();
  await assert.rejects(log.readText(first.place), { code: 'shutting_down' });
  const damaged = disk.crash();
  const opened = await openLog(damaged, SMALL_SEGMENTS);
  change(damaged, SEALED_1, (bytes) => Buffer.from(bytes.toString('latin1').replace(LOG_ID, 'e'.repeat(32)), 'latin1'));
  await assert.rejects(opened.log.readText(first.place), LogCorruptError);
  damaged.fail({ method: 'open', path: SEALED_1, action: { kind: 'errno', code: 'EMFILE' } });
  await assert.rejects(opened.log.readText(first.place), { code: 'EMFILE' });
  await opened.log.close();
  assert.deepEqual(damaged.openPaths, []);
});

test('bytes are returned as they are on disk now: the caller checks them', async () => {
  const { disk, log, lines } = await logOf(1);
  const [line] = lines;
  change(disk, ACTIVE, (bytes) => Buffer.from(bytes.toString('latin1').replace('"k1"', '"kX"'), 'latin1'));
  assert.equal(await bodyOf(log, line), line?.body.replace('"k1"', '"kX"'));
  await log.close();
});

test('a log in memory has no places and reads none', async () => {
  const log = new MemoryLog({ project: PROJECT, logId: LOG_ID });
  const [line] = await log.append(drafts(1, 1), 0);
  assert.equal(line?.place, undefined);
  assert.equal(log.sealed, undefined);
  await assert.rejects(log.readText({ segment: 1, offset: 0, sizeBytes: 1 }), LinesDroppedError);
  await log.sync();
});

test('sync() makes acknowledged lines durable once, and fails like an append', async () => {
  for (const durability of ['interval', 'os'] as const) {
    const disk = emptyDisk();
    const log = await createLog(disk, { ...OPTIONS, durability, syncIntervalMs: 60_000 });
    await log.append(drafts(1, 2), 0);
    const syncs = (): number => disk.calls.filter(({ method, path }) => method === 'datasync' && path === ACTIVE).length;
    const before = syncs();
    await log.sync();
    await log.sync();
    assert.equal(syncs(), before + 1);
    const survivor = disk.crash({ content: 'synced', size: 'synced', names: 'synced' });
    assert.equal((await openLog(survivor)).replayed.length, 2);
    await log.append(drafts(3, 3), 2);
    disk.fail({ method: 'datasync', path: ACTIVE, action: { kind: 'errno', code: 'EIO' } });
    await assert.rejects(log.sync(), { code: 'outcome_unknown' });
    await assert.rejects(log.sync(), { code: 'log_failed' });
    await log.close();
  }
});

test.run();
