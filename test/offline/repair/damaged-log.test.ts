import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { DamagedLog } from '../../../src/offline/repair/damaged-log.js';
import type { LogLine, LogPosition } from '../../../src/log/log.js';
import { genesisHash } from '../../../src/log/line-format.js';
import type { FaultDisk } from '../../disk/fault-disk.js';
import { SEALED_1 } from '../../log/file/damage-table.js';
import { PACKED_1 } from '../../log/file/compressed-log.js';
import { collect, createLog, draft, emptyDisk, HOME, LOG_ID, openLog, OPTIONS, PROJECT } from '../../log/file/log-fixture.js';
import { suite } from '../../suite.js';

const test = suite('offline/repair/damaged-log');

const SCRATCH = '/scratch';
const LINES = 40;
/** Hexadecimal text compresses to half its size, so the compressed segment has many pieces too. */
const VALUE_BYTES = 100_000;
const ONE_SEGMENT = { ...OPTIONS, segmentBytes: LINES * VALUE_BYTES };
const START: LogPosition = { seq: 0, hash: genesisHash(PROJECT, LOG_ID) };

/** A log whose first segment, some megabytes of text, is compressed. */
async function longCompressedLog(): Promise<FaultDisk> {
  const disk = emptyDisk();
  disk.tree.makeFolder(SCRATCH);
  const log = await createLog(disk, ONE_SEGMENT);
  for (let number = 1; number <= LINES + 2; number += 1) {
    await log.append([draft(number, `"${randomBytes(VALUE_BYTES / 2).toString('hex')}"`)], number - 1);
  }
  await log.close();
  const { log: opened } = await openLog(disk, ONE_SEGMENT);
  await opened.sealed?.compress(1);
  await opened.close();
  assert.ok(disk.tree.find(PACKED_1) && !disk.tree.find(SEALED_1));
  return disk;
}

async function linesOf(log: DamagedLog): Promise<readonly LogLine[]> {
  return (await collect(log.linesAfter(START))).flat();
}

/** Reads the body of each line again, in the given order. */
async function readEach(disk: FaultDisk, log: DamagedLog, lines: readonly LogLine[]): Promise<void> {
  const texts = log.texts(SCRATCH);
  for (const { seq, body, place } of lines) {
    assert.ok(place);
    assert.equal((await texts.read(place)).toString('utf8'), body, `seq ${seq}`);
  }
  await texts.close();
  assert.deepEqual([disk.openPaths, await disk.list(SCRATCH)], [[], []], 'nothing stays');
}

test('reading backwards through a compressed segment inflates it once', async () => {
  const disk = await longCompressedLog();
  const log = await DamagedLog.open(disk, HOME, PROJECT);
  const lines = await linesOf(log);
  assert.equal(lines.length, LINES + 2);
  const from = disk.calls.length;
  await readEach(disk, log, lines.toReversed());
  const opened = disk.calls.slice(from).filter(({ method, path }) => method === 'open' && path === PACKED_1).length;
  const read = disk.calls.slice(from).filter(({ method, path }) => method === 'read' && path === PACKED_1).length;
  assert.equal(opened, 1);
  assert.ok(read <= disk.bytesOf(PACKED_1).length / 65_536 + 3, `${read} pieces of ${disk.bytesOf(PACKED_1).length} bytes`);
});

test('every line found before the damage in a compressed segment can be read again', async () => {
  const disk = await longCompressedLog();
  const bytes = Buffer.from(disk.bytesOf(PACKED_1));
  // A whole stretch: a single bit may leave bytes that inflate to others, which only the checksum at the end tells.
  bytes.fill(0xff, Math.floor(bytes.length * 0.7), Math.floor(bytes.length * 0.75));
  disk.put(PACKED_1, bytes);
  const log = await DamagedLog.open(disk, HOME, PROJECT);
  const lines = await linesOf(log);
  assert.ok(lines.length > 5 && lines.length < LINES, `${lines.length}`);
  await readEach(disk, log, lines.toReversed());
});

test('a place in no segment of the log is refused', async () => {
  const disk = await longCompressedLog();
  const log = await DamagedLog.open(disk, HOME, PROJECT);
  const texts = log.texts(SCRATCH);
  await assert.rejects(texts.read({ segment: 99, offset: 0, sizeBytes: 1 }), /in no segment of this log/);
  await texts.close();
});

test('a failure to write out the text rejects, and does not count as damage of the segment', async () => {
  const disk = await longCompressedLog();
  const log = await DamagedLog.open(disk, HOME, PROJECT);
  const [line] = await linesOf(log);
  disk.fail({ method: 'append', path: `${SCRATCH}/inflated-0`, action: { kind: 'errno', code: 'EIO' } });
  const texts = log.texts(SCRATCH);
  assert.ok(line?.place);
  await assert.rejects(texts.read(line.place), { code: 'EIO' });
  await texts.close();
  assert.deepEqual(disk.openPaths, []);
});

test.run();
