/** Every flipped bit and every cut of a small log is detected or harmless, and no line is ever changed. */
import assert from 'node:assert/strict';
import { silentLogger } from '../../../src/base/logger.js';
import { LogPaths } from '../../../src/log/file/log-paths.js';
import { recoverLog } from '../../../src/log/file/recovery/recovery.js';
import { LogCorruptError, LogVersionError } from '../../../src/log/log-errors.js';
import type { LogLine } from '../../../src/log/log.js';
import { suite } from '../../suite.js';
import { sampled, strideOf } from '../../test-form.js';
import type { FaultDisk } from '../../disk/fault-disk.js';
import { assertSameWithHelp } from './helped-scan.js';
import { ACTIVE, diskWith, HEAD, HOME, openLog, PROJECT, SMALL_SEGMENTS } from './log-fixture.js';

const TIMEOUT_MS = 120_000;
const BITS = 8;
/** The short form tests one byte in this many. */
const EVERY = 13;
/** Of the blanks that fill a head's slot, one byte in this many is tested. */
const PADDING_STRIDE = 97;

const test = suite('every bit and every byte');
const paths = new LogPaths(HOME, PROJECT);

/** A log of five lines in two sealed segments and the active one, and its lines. */
async function smallLog(): Promise<{ disk: FaultDisk; lines: readonly LogLine[] }> {
  const disk = await diskWith([1, 1, 1, 1, 1], SMALL_SEGMENTS);
  const { log, replayed } = await openLog(disk, SMALL_SEGMENTS);
  await log.close();
  return { disk: disk.crash(), lines: replayed };
}

interface Recovered {
  readonly lines: readonly LogLine[];
}

async function recover(disk: FaultDisk): Promise<Recovered | LogCorruptError | LogVersionError> {
  const lines: LogLine[] = [];
  await assertSameWithHelp(disk);
  try {
    await recoverLog(disk, paths, { replay: (line) => void lines.push(line) }, silentLogger);
    return { lines };
  } catch (error) {
    assert.ok(error instanceof LogCorruptError || error instanceof LogVersionError, String(error));
    return error;
  }
}

function files(disk: FaultDisk): [string, Buffer][] {
  return [...disk.contents()].filter(([name]) => name.endsWith('.jsonl'));
}

/** The offset of the record that holds a byte. */
function recordStart(bytes: Buffer, at: number): number {
  return at === 0 ? 0 : bytes.lastIndexOf(0x0a, at - 1) + 1;
}

test('with the head, each flipped bit of a segment is refused at its record', async () => {
  const { disk } = await smallLog();
  let flips = 0;
  for (const [name, bytes] of files(disk)) {
    for (const at of sampled(bytes.keys(), EVERY)) {
      for (let bit = 0; bit < BITS; bit += 1) {
        const changed = Buffer.from(bytes);
        changed.writeUInt8(changed.readUInt8(at) ^ (1 << bit), at);
        disk.put(name, changed);
        const outcome = await recover(disk);
        const label = `${name} byte ${at} bit ${bit}`;
        if (outcome instanceof LogVersionError) assert.ok(at < bytes.indexOf(0x0a), label);
        else {
          assert.ok(outcome instanceof LogCorruptError, label);
          assert.equal(`${HOME}/${outcome.finding.file}`, name, label);
          assert.equal(outcome.finding.offset, recordStart(bytes, at), label);
        }
        flips += 1;
      }
    }
    disk.put(name, bytes);
  }
  assert.ok(flips * strideOf(EVERY).step > 15_000, `${flips} flips`);
}, { timeoutMs: TIMEOUT_MS });

test('without the head, each flipped bit is refused, or the last line is cut with a warning and copied', async () => {
  const { disk, lines } = await smallLog();
  disk.tree.remove(HEAD);
  const bytes = disk.bytesOf(ACTIVE);
  const healed: string[] = [];
  const last = bytes.length - 1;
  for (const at of new Set([...sampled(bytes.keys(), EVERY), last])) {
    for (const bit of [0, 3, 7]) {
      const fresh = disk.crash();
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(at) ^ (1 << bit), at);
      fresh.put(ACTIVE, changed);
      const outcome = await recover(fresh);
      if (!('lines' in outcome)) continue;
      assert.deepEqual(outcome.lines, lines.slice(0, -1), `byte ${at} bit ${bit}`);
      assert.ok(fresh.bytesOf(ACTIVE).length < changed.length);
      healed.push(`${at}`);
    }
  }
  assert.deepEqual([...new Set(healed)], [`${last}`], 'only the last line feed is such a byte');
}, { timeoutMs: TIMEOUT_MS });

test('a flipped bit in the head changes nothing in the log', async () => {
  const { disk, lines } = await smallLog();
  const bytes = disk.bytesOf(HEAD);
  const tried: number[] = [];
  for (let at = 0; at < bytes.length; at += bytes[at] === 0x20 ? PADDING_STRIDE : 1) tried.push(at);
  for (const at of sampled(tried, EVERY)) {
    for (let bit = 0; bit < BITS; bit += 1) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(at) ^ (1 << bit), at);
      disk.put(HEAD, changed);
      const outcome = await recover(disk);
      assert.ok('lines' in outcome, `byte ${at} bit ${bit}`);
      assert.deepEqual(outcome.lines, lines);
    }
  }
}, { timeoutMs: TIMEOUT_MS });

test('a file cut at any byte is refused if the head proves what is missing', async () => {
  const { disk, lines } = await smallLog();
  for (const [name, bytes] of files(disk)) {
    for (const size of sampled(bytes.keys(), EVERY)) {
      const fresh = disk.crash();
      fresh.put(name, bytes.subarray(0, size));
      const outcome = await recover(fresh);
      if (name === ACTIVE && size === bytes.length - 1) assert.deepEqual('lines' in outcome && outcome.lines, lines);
      else assert.ok(outcome instanceof LogCorruptError, `${name} cut to ${size}`);
    }
  }
}, { timeoutMs: TIMEOUT_MS });

test('without the head, a file cut at any byte yields the exact prefix or is refused', async () => {
  const { disk, lines } = await smallLog();
  disk.tree.remove(HEAD);
  const headerBytes = disk.bytesOf(ACTIVE).indexOf(0x0a) + 1;
  for (const [name, bytes] of files(disk)) {
    for (const size of sampled(bytes.keys(), EVERY)) {
      const fresh = disk.crash();
      fresh.put(name, bytes.subarray(0, size));
      const outcome = await recover(fresh);
      const isRefused = name !== ACTIVE || size < headerBytes;
      assert.equal(outcome instanceof LogCorruptError, isRefused, `${name} cut to ${size}`);
      if ('lines' in outcome) assert.deepEqual(outcome.lines, size >= bytes.length - 1 ? lines : lines.slice(0, -1));
    }
  }
}, { timeoutMs: TIMEOUT_MS });

test('each line of the log deleted, doubled or swapped with its neighbour is refused', async () => {
  const { disk } = await smallLog();
  for (const [name, bytes] of files(disk)) {
    const records = bytes.toString('latin1').split(/(?<=\n)/);
    for (const [at, record] of records.entries()) {
      const isLast = at === records.length - 1;
      const next = records[at + 1] ?? '';
      const without = [...records.slice(0, at), ...records.slice(at + 1)];
      const doubled = [...records.slice(0, at), record, ...records.slice(at)];
      const swapped = [...records.slice(0, at), next, record, ...records.slice(at + 2)];
      for (const changed of isLast ? [without, doubled] : [without, doubled, swapped]) {
        disk.put(name, Buffer.from(changed.join(''), 'latin1'));
        assert.ok(await recover(disk) instanceof LogCorruptError, `${name} record ${at}`);
      }
    }
    disk.put(name, bytes);
  }
});

test.run();
