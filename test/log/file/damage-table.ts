/** Rows of the recovery tables: logs to damage, ways to damage them, and how to judge the outcome. */
import assert from 'node:assert/strict';
import { encodeSealLine } from '../../../src/log/segment-format.js';
import { LogCorruptError, LogVersionError } from '../../../src/log/log-errors.js';
import type { TestSuite } from '../../suite.js';
import type { FaultDisk } from '../../disk/fault-disk.js';
import { assertSameWithHelp } from './helped-scan.js';
import {
  ACTIVE, createLog, diskWith, draft, drafts, emptyDisk, goOn, hashIn, HOME, homeOn, linesOf, openLog, OPTIONS, PROJECT, recordingLogger,
  sealByHand, SMALL_SEGMENTS,
} from './log-fixture.js';

export const SEALED_1 = `${HOME}/${PROJECT}/00000000000000000001.jsonl`;
export const SEALED_3 = `${HOME}/${PROJECT}/00000000000000000003.jsonl`;
export const SECTOR = 512;

/** Six lines in batches of 2, 1 and 3, the last three long; the process was killed before the head moved from 0. */
export async function killed(): Promise<FaultDisk> {
  const disk = emptyDisk();
  const log = await createLog(disk);
  await log.append(drafts(1, 2), 0);
  await log.append(drafts(3, 3), 2);
  await log.append([4, 5, 6].map((number) => draft(number, `"${String(number).repeat(1500)}"`)), 3);
  const survivor = disk.crash();
  await log.close();
  return survivor;
}

/** The same, closed cleanly: the head says 6. */
export async function closed(): Promise<FaultDisk> {
  const disk = await killed();
  await (await openLog(disk)).log.close();
  return disk;
}

/** Five lines in two sealed segments and the active one; the head says 5. */
export async function sealed(): Promise<FaultDisk> {
  return await diskWith([1, 1, 1, 1, 1], SMALL_SEGMENTS);
}

export function change(disk: FaultDisk, place: string, how: (bytes: Buffer) => Buffer): void {
  disk.put(place, how(disk.bytesOf(place)));
}

export function changeLines(disk: FaultDisk, place: string, how: (lines: string[]) => string[]): void {
  disk.put(place, how(linesOf(disk, place)).map((line) => `${line}\n`).join(''));
}

/** Where the line of a seq begins. */
export function offsetOf(disk: FaultDisk, seq: number, place = ACTIVE): number {
  const offset = disk.bytesOf(place).indexOf(`{"seq":${seq},`);
  assert.ok(offset > 0);
  return offset;
}

/** The first byte of a sector that lies wholly inside the line of a seq. */
export function sectorIn(disk: FaultDisk, seq: number): number {
  return Math.ceil(offsetOf(disk, seq) / SECTOR) * SECTOR;
}

export function zero(disk: FaultDisk, from: number, to: number): void {
  change(disk, ACTIVE, (bytes) => bytes.fill(0, from, to));
}

/** Changes one line and gives it the hash that makes it part of the chain. */
export function forge(lines: string[], index: number, [from, to]: readonly [from: string | RegExp, to: string]): string[] {
  const forged = [...lines];
  forged[index] = sealByHand((lines[index] ?? '').replace(from, to), hashIn(lines[index - 1] ?? ''));
  return forged;
}

/** The expected outcome. */
export type Outcome =
  /** The log opens with this many lines; with `torn`, a tail was cut. */
  | { readonly lines: number; readonly torn?: boolean; readonly warns?: RegExp }
  /** The log is refused, naming this file. */
  | { readonly refuses: string; readonly seq?: number; readonly says: RegExp; readonly newer?: boolean };

export interface Row {
  readonly name: string;
  readonly start: () => Promise<FaultDisk>;
  readonly damage: (disk: FaultDisk) => void | Promise<void>;
  readonly outcome: Outcome;
}

/** Another project's log with lines of the same seqs. */
export async function foreign(project = 'p2'): Promise<FaultDisk> {
  const disk = emptyDisk();
  const log = await homeOn(disk).create(project, { ...OPTIONS, logId: 'f'.repeat(32) });
  for (let seq = 0; seq < 6; seq += 1) await log.append([draft(seq + 1)], seq);
  await log.close();
  const found = disk.crash();
  if (project !== PROJECT) {
    found.tree.rename(`${HOME}/${project}.jsonl`, ACTIVE);
    found.tree.rename(`${HOME}/${project}`, `${HOME}/${PROJECT}`);
  }
  return found;
}

export function flip(bytes: Buffer, at: number): Buffer {
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  return bytes;
}

/** Ends the active segment of {@link sealed} like a rotation that stopped right after the seal. */
export function sealActive(disk: FaultDisk): void {
  const seal = encodeSealLine(
    { sealedName: '00000000000000000005.jsonl', nextSeq: 6, nextName: 'p1.jsonl' }, hashIn(linesOf(disk).at(-1) ?? ''),
  );
  change(disk, ACTIVE, (bytes) => Buffer.concat([bytes, Buffer.from(seal)]));
}

/** Registers a test for a row. */
export function testRow(test: TestSuite, row: Row): void {
  const { outcome } = row;
  const cut = 'torn' in outcome && outcome.torn === true ? ' and keeps what it cuts' : '';
  const what = 'lines' in outcome ? `gives ${outcome.lines} lines${cut}` : 'is refused, and nothing is changed';
  test(`${row.name}: ${what}`, async () => {
    const disk = await row.start();
    await row.damage(disk);
    await assertSameWithHelp(disk);
    if ('lines' in outcome) await assertHeals(disk, outcome);
    else await assertRefuses(disk, outcome);
  });
}

async function assertHeals(disk: FaultDisk, outcome: Extract<Outcome, { lines: number }>): Promise<void> {
  const before = disk.bytesOf(ACTIVE);
  const { logger, lines } = recordingLogger();
  const { log, replayed } = await openLog(disk, OPTIONS, { logger });
  assert.deepEqual(replayed.map((line) => line.seq), Array.from({ length: outcome.lines }, (_, index) => index + 1));
  const kept = [...disk.contents()].filter(([name]) => name.includes('/torn-'));
  assert.equal(kept.length, outcome.torn === true ? 1 : 0);
  for (const [, bytes] of kept) assert.ok(before.subarray(before.length - bytes.length).equals(bytes), 'the copy is what was cut');
  if (outcome.torn === true) assert.ok(lines.some(({ level, msg }) => level === 'warn' && msg.startsWith('cut a torn tail')));
  if (outcome.warns !== undefined) assert.ok(lines.some(({ msg }) => outcome.warns?.test(msg)), JSON.stringify(lines));
  await goOn(disk, log);
}

async function assertRefuses(disk: FaultDisk, outcome: Extract<Outcome, { refuses: string }>): Promise<void> {
  const before = disk.contents();
  await assert.rejects(openLog(disk), (error) => {
    assert.ok(error instanceof LogCorruptError || error instanceof LogVersionError, String(error));
    assert.equal(error instanceof LogVersionError, outcome.newer === true);
    const isOutdated = /lines up to seq \d+ as the (head proves|snapshot says)/.test(error.message);
    const expected = isOutdated ? 'project_outdated' : 'project_corrupt';
    assert.equal(error.code, outcome.newer === true ? 'project_newer_format' : expected);
    assert.match(error.message, outcome.says);
    assert.ok(error.message.includes(`"${outcome.refuses}"`), error.message);
    if (error instanceof LogCorruptError) {
      assert.equal(error.finding.file, outcome.refuses);
      if (outcome.seq !== undefined) assert.equal(error.finding.seq, outcome.seq);
      if (outcome.seq !== undefined && /hash |not torn|durable|the fields/.test(error.message)) assertAtALine(disk, error);
    }
    return true;
  });
  assert.deepEqual(disk.contents(), before, 'nothing is changed');
  assert.deepEqual(disk.openPaths, []);
}

/** Checks that a record begins at the named offset. */
function assertAtALine(disk: FaultDisk, error: LogCorruptError): void {
  const { file, offset } = error.finding;
  assert.ok(offset === 0 || disk.bytesOf(`${HOME}/${file}`)[offset - 1] === 0x0a, `${file} at ${offset}`);
}
