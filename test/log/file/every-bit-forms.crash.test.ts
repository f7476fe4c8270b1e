/** Every bit and every cut of a log with a base and a compressed segment is detected, and no line is ever changed. */
import assert from 'node:assert/strict';
import { silentLogger } from '../../../src/base/logger.js';
import { LogPaths } from '../../../src/log/file/log-paths.js';
import { recoverLog } from '../../../src/log/file/recovery/recovery.js';
import { LogCorruptError, LogVersionError } from '../../../src/log/log-errors.js';
import type { KnownPosition, LogLine } from '../../../src/log/log.js';
import { suite } from '../../suite.js';
import { strideOf } from '../../test-form.js';
import type { FaultDisk } from '../../disk/fault-disk.js';
import { assertSameWithHelp } from './helped-scan.js';
import { appendBatches, emptyDisk, HOME, homeOn, LOG_ID, PROJECT, SMALL_SEGMENTS } from './log-fixture.js';

const TIMEOUT_MS = 120_000;
const BITS = [0, 1, 2, 3, 4, 5, 6, 7];
/** The short form tests one byte in this many. */
const EVERY = 13;
const { offset: OFFSET, step: STEP } = strideOf(EVERY);
const test = suite('every bit and every byte of a log with a base and a compressed segment');
const paths = new LogPaths(HOME, PROJECT);
const KNOWN: KnownPosition = { seq: 9, hash: 'a'.repeat(64), timeMs: 0 };

/** Five lines after seq 9: two in a plain segment whose header names the base, two in a compressed one, one in the active one. */
async function mixedLog(compressed: number): Promise<FaultDisk> {
  const disk = emptyDisk();
  const base = { seq: KNOWN.seq, hash: KNOWN.hash, digest: 'd'.repeat(64) };
  const log = await homeOn(disk).create(PROJECT, { ...SMALL_SEGMENTS, logId: LOG_ID, base });
  await appendBatches(log, [1, 1, 1, 1, 1]);
  await log.sealed?.compress(compressed);
  await log.close();
  return disk.crash();
}

/** The result of a startup: the lines, or the error. */
async function recover(disk: FaultDisk): Promise<readonly LogLine[] | LogCorruptError | LogVersionError> {
  const lines: LogLine[] = [];
  await assertSameWithHelp(disk, { known: KNOWN });
  try {
    await recoverLog(disk, paths, { known: KNOWN, replay: (line) => void lines.push(line) }, silentLogger);
    return lines;
  } catch (error) {
    assert.ok(error instanceof LogCorruptError || error instanceof LogVersionError, String(error));
    return error;
  }
}

function segmentsOf(disk: FaultDisk): [string, Buffer][] {
  return [...disk.contents()].filter(([name]) => /\.jsonl(?:\.gz)?$/.test(name));
}

test('each flipped bit is refused, and its file is named', async () => {
  let flips = 0;
  for (const compressed of [10, 12]) {
    const disk = await mixedLog(compressed);
    assert.equal((await recover(disk.crash()) as readonly LogLine[]).length, 5);
    for (const [name, bytes] of segmentsOf(disk)) {
      for (let at = OFFSET; at < bytes.length; at += STEP) {
        // Another test covers every bit of plain lines.
        for (const bit of name.endsWith('.gz') ? BITS : [at % BITS.length]) {
          const changed = Buffer.from(bytes);
          changed.writeUInt8(changed.readUInt8(at) ^ (1 << bit), at);
          disk.put(name, changed);
          const outcome = await recover(disk);
          const label = `${name} byte ${at} bit ${bit}`;
          assert.ok(outcome instanceof Error, label);
          if (outcome instanceof LogCorruptError) assert.equal(`${HOME}/${outcome.finding.file}`, name, label);
          flips += 1;
        }
      }
      disk.put(name, bytes);
    }
  }
  assert.ok(flips * STEP > 10_000, `${flips} flips`);
}, { timeoutMs: TIMEOUT_MS });

test('a sealed segment cut at any byte is refused, compressed or not', async () => {
  for (const compressed of [10, 12]) {
    const disk = await mixedLog(compressed);
    for (const [name, bytes] of segmentsOf(disk).filter(([file]) => file.includes(`${PROJECT}/`))) {
      for (let size = OFFSET; size < bytes.length; size += STEP) {
        disk.put(name, bytes.subarray(0, size));
        assert.ok(await recover(disk) instanceof LogCorruptError, `${name} cut to ${size}`);
      }
      disk.put(name, bytes);
    }
  }
}, { timeoutMs: TIMEOUT_MS });

test.run();
