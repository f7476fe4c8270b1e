/** Small logs in files for tests: drafts, homes on a disk in memory, and their results. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Logger } from '../../../src/base/logger.js';
import { createLogger } from '../../../src/base/server-log.js';
import type { Clock } from '../../../src/base/clock.js';
import { FileHome } from '../../../src/log/file/file-home.js';
import type { Disk } from '../../../src/disk/disk.js';
import type { IdleFiles } from '../../../src/disk/idle-files.js';
import type { LineDraft, Log, LogLine, LogOptions } from '../../../src/log/log.js';
import type { LogObserver } from '../../../src/log/log-observer.js';
import { FaultDisk } from '../../disk/fault-disk.js';

/** Folder of the logs on a disk in memory. */
export const HOME = '/logs';
/** The project that most tests write. */
export const PROJECT = 'p1';
/** Its log's id. */
export const LOG_ID = '00112233445566778899aabbccddeeff';
/** The active segment. */
export const ACTIVE = `${HOME}/${PROJECT}.jsonl`;
/** The head. */
export const HEAD = `${HOME}/${PROJECT}/head`;

/** Synced before the acknowledgement, never rotated. */
export const OPTIONS: LogOptions = { durability: 'fsync', syncIntervalMs: 20, segmentBytes: 1_000_000 };

/** Rotates after every second line. */
export const SMALL_SEGMENTS: LogOptions = { ...OPTIONS, segmentBytes: 700 };

/**
 * A draft like those of a store.
 *
 * @param number makes the draft unique
 * @param value the value's JSON text
 */
export function draft(number: number, value = `{"n":${number}}`): LineDraft {
  return { op: 'set', actor: 'global#0123456789abcdef', request: `r${number}`, body: `"key":"k${number}","value":${value}` };
}

/** Drafts `from` to `to`, both included. */
export function drafts(from: number, to: number): LineDraft[] {
  return Array.from({ length: to - from + 1 }, (_, index) => draft(from + index));
}

/** Everything that an iteration yields. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** A logger that keeps its lines. */
export interface RecordingLogger {
  readonly logger: Logger;
  readonly lines: { readonly level: string; readonly msg: string }[];
}

export function recordingLogger(): RecordingLogger {
  const lines: { level: string; msg: string }[] = [];
  const logger = createLogger(
    { level: 'trace', destination: { write: (text: string) => void lines.push(JSON.parse(text) as { level: string; msg: string }) } },
  );
  return { logger, lines };
}

/** Options of {@link homeOn}. */
export interface HomeOptions {
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly probeIntervalMs?: number;
  readonly folder?: string;
  readonly idleFiles?: IdleFiles;
  readonly observer?: LogObserver;
}

/** A home on a disk. */
export function homeOn(disk: Disk, options: HomeOptions = {}): FileHome {
  return new FileHome({ folder: HOME, disk, logger: recordingLogger().logger, probeIntervalMs: 5, ...options });
}

/** An empty disk in memory with the folder of the logs on it. */
export function emptyDisk(): FaultDisk {
  const disk = new FaultDisk();
  disk.tree.makeFolder(HOME);
  disk.tree.syncAll();
  return disk;
}

/** A new log on a disk. */
export async function createLog(disk: Disk, options: LogOptions = OPTIONS, home: HomeOptions = {}): Promise<Log> {
  return await homeOn(disk, home).create(PROJECT, { ...options, logId: LOG_ID });
}

/** An opened log, and the replayed lines. */
export interface OpenedLog {
  readonly log: Log;
  readonly replayed: LogLine[];
}

/** Opens the log on a disk; it must exist. */
export async function openLog(disk: Disk, options: LogOptions = OPTIONS, home: HomeOptions = {}): Promise<OpenedLog> {
  const replayed: LogLine[] = [];
  const log = await homeOn(disk, home).open(PROJECT, { ...options, replay: (line) => void replayed.push(line) });
  assert.ok(log, 'there is a log');
  return { log, replayed };
}

/** A disk with a cleanly closed log; each number in `batches` is the line count of a batch. Values are numbered from 1. */
export async function diskWith(batches: readonly number[], options: LogOptions = OPTIONS): Promise<FaultDisk> {
  const disk = emptyDisk();
  const log = await createLog(disk, options);
  await appendBatches(log, batches);
  await log.close();
  return disk;
}

/** Appends batches with the given line counts. */
export async function appendBatches(log: Log, batches: readonly number[]): Promise<void> {
  for (const size of batches) {
    const { seq } = log.position();
    await log.append(drafts(seq + 1, seq + size), seq);
  }
}

/** The lines of a file, without their line feeds. */
export function linesOf(disk: FaultDisk, place = ACTIVE): string[] {
  const text = disk.bytesOf(place).toString('utf8');
  return text.split('\n').slice(0, -1);
}

/** Checks that a log accepts lines and that reopening it finds everything. Closes it. */
export async function goOn(disk: FaultDisk, log: Log, options: LogOptions = OPTIONS): Promise<void> {
  const { seq } = log.position();
  await log.append(drafts(seq + 1, seq + 2), seq);
  const before = await collect(log.read({ fromSeq: 1 }));
  assert.equal(before.length, seq + 2);
  await log.close();
  const again = await openLog(disk, options);
  assert.deepEqual(again.replayed, before);
  await again.log.close();
  assert.deepEqual(disk.openPaths, [], 'nothing stays open');
}

/** SHA-256 in lower-case hexadecimal digits, independent of the code under test. */
export function sha256(text: string | Buffer): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The hash that an event line must have, computed by the specification. */
export function hashByHand(line: string, previousHash: string): string {
  const bytes = Buffer.from(line);
  const split = bytes.indexOf(',"salt":');
  const end = bytes.length - 75;
  const partA = split < 0 ? bytes.subarray(0, end) : bytes.subarray(0, split);
  const partB = split < 0 ? Buffer.alloc(0) : bytes.subarray(split, end);
  return sha256(previousHash + sha256(partA) + sha256(partB));
}

/** The hash that a line carries. */
export function hashIn(line: string): string {
  return line.slice(-66, -2);
}

/** Replaces the hash of a changed line with the one that makes it valid. */
export function sealByHand(line: string, previousHash: string): string {
  return `${line.slice(0, -66)}${hashByHand(line, previousHash)}"}`;
}

/** A promise that resolves on demand. */
export interface Gate {
  readonly promise: Promise<void>;
  open(): void;
}

/** A closed gate. */
export function closedGate(): Gate {
  let open: () => void = () => undefined;
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}
