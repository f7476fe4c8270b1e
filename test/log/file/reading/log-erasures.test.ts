/** What a log records to be erased, found in segments of which some cannot be read. */
import assert from 'node:assert/strict';
import { LogPaths } from '../../../../src/log/file/log-paths.js';
import { LogErasures } from '../../../../src/log/file/reading/log-erasures.js';
import type { FaultDisk } from '../../../disk/fault-disk.js';
import { suite } from '../../../suite.js';
import { change, changeLines, flip, SEALED_1 } from '../damage-table.js';
import { ACTIVE, appendBatches, createLog, emptyDisk, HOME, LOG_ID, PROJECT } from '../log-fixture.js';

const test = suite('log/file/reading/log-erasures');

const ERASED_SEQ = 2;
const GONE_SEQ = 1;
const left = { key: 'k' };
/** One line that the log had, and one that it did not have any more. */
const ENTRIES = [
  { seq: ERASED_SEQ, digest: 'd'.repeat(64), bytes: 200, left }, { seq: GONE_SEQ, digest: null, bytes: null, left },
];

/** Four lines in a sealed segment, and in the active one a fifth that records erasures. */
async function recordedLog(): Promise<FaultDisk> {
  const disk = emptyDisk();
  const log = await createLog(disk);
  await appendBatches(log, [4]);
  const body = `"reason":"r","lines":${JSON.stringify(ENTRIES)}`;
  await log.append([{ op: 'redact', actor: 'anonymous', request: 'r', body, format: 2 }], 4, { beginsSegment: true });
  await log.close();
  return disk;
}

function erasuresOn(disk: FaultDisk): LogErasures {
  return new LogErasures(disk, new LogPaths(HOME, PROJECT), LOG_ID);
}

test('a record names lines that it erased, and lines that the log did not have any more', async () => {
  const erasures = erasuresOn(await recordedLog());
  await erasures.load();
  assert.deepEqual([erasures.find(ERASED_SEQ)?.sizeBytes, erasures.find(ERASED_SEQ)?.by.seq], [200, 5]);
  assert.deepEqual([erasures.find(GONE_SEQ), erasures.isGone(GONE_SEQ), erasures.isGone(ERASED_SEQ)], [undefined, true, false]);
});

test('a segment that cannot be read hides no records of others, and is what is wrong only if one is missing', async () => {
  const disk = await recordedLog();
  change(disk, SEALED_1, (bytes) => flip(bytes, 70));
  const erasures = erasuresOn(disk);
  await erasures.require([ERASED_SEQ]);
  await assert.rejects(erasures.require([ERASED_SEQ, 3]), { name: 'LogCorruptError', message: /"p1\/00000000000000000001\.jsonl"/ });
  assert.deepEqual(disk.openPaths, []);
});

test('a segment that is removed while it is searched is skipped, and any other failure ends the search', async () => {
  const disk = await recordedLog();
  disk.fail({ method: 'open', path: SEALED_1, action: { kind: 'errno', code: 'ENOENT' } });
  const erasures = erasuresOn(disk);
  await erasures.require([ERASED_SEQ]);
  await assert.rejects(erasures.require([3]), /a line that records that the line of seq 3 was erased/);
  disk.fail({ method: 'open', path: SEALED_1, action: { kind: 'errno', code: 'EMFILE' } });
  await assert.rejects(erasures.load(), { code: 'EMFILE' });
  await erasures.load();
  assert.deepEqual(disk.openPaths, []);
});

test('a record in a segment that has two names, because its rotation was interrupted, is found', async () => {
  const disk = await recordedLog();
  disk.tree.link(ACTIVE, SEALED_1.replace('1.jsonl', '5.jsonl'));
  const erasures = erasuresOn(disk);
  await erasures.require([ERASED_SEQ]);
});

test('a record whose line has no valid seq records nothing', async () => {
  const disk = await recordedLog();
  changeLines(disk, ACTIVE, (lines) => lines.map((line) => line.replace('{"seq":5,', '{"seq":0,')));
  const erasures = erasuresOn(disk);
  await erasures.load();
  assert.deepEqual([erasures.find(ERASED_SEQ), erasures.isGone(GONE_SEQ)], [undefined, false]);
});

test.run();
