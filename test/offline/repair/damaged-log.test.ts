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

const LINES = 40;
/** Hexadecimal text compresses to half its size, so the compressed segment has many pieces too. */
const VALUE_BYTES = 100_000;
const ONE_SEGMENT = { ...OPTIONS, segmentBytes: LINES * VALUE_BYTES };
const START: LogPosition = { seq: 0, hash: genesisHash(PROJECT, LOG_ID) };

/** A log whose first segment, some megabytes of text, is compressed. */
async function longCompressedLog(): Promise<FaultDisk> {
  const disk = emptyDisk();
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

async function linesOf(disk: FaultDisk): Promise<readonly LogLine[]> {
  return (await collect((await DamagedLog.open(disk, HOME, PROJECT)).linesAfter(START))).flat();
}

test('every line before the damage in a compressed segment is found as it was written', async () => {
  const disk = await longCompressedLog();
  const written = await linesOf(disk);
  assert.equal(written.length, LINES + 2);
  const bytes = Buffer.from(disk.bytesOf(PACKED_1));
  // A whole stretch: a single bit may leave bytes that inflate to others, which only the checksum at the end tells.
  bytes.fill(0xff, Math.floor(bytes.length * 0.7), Math.floor(bytes.length * 0.75));
  disk.put(PACKED_1, bytes);
  const lines = await linesOf(disk);
  assert.ok(lines.length > 5 && lines.length < LINES, `${lines.length}`);
  assert.deepEqual(lines, written.slice(0, lines.length));
  assert.deepEqual(disk.openPaths, []);
});

test.run();
