/** Scans a log alone and with help, in the smallest possible pieces, and compares: help must never change what a start finds. */
import assert from 'node:assert/strict';
import { LogPaths } from '../../../src/log/file/log-paths.js';
import { type ScanOptions, scanLog } from '../../../src/log/file/recovery/recovery-scan.js';
import { checkLines, type LineChecker } from '../../../src/log/file/segment/checked-lines.js';
import type { LogLine } from '../../../src/log/log.js';
import type { Disk } from '../../../src/disk/disk.js';
import { HOME, PROJECT } from './log-fixture.js';

/** Checks in this thread, but takes the memory of each piece away as another thread would. */
export const INLINE_CHECKER: LineChecker = {
  piecesMax: 3,
  pieceBytes: 1,
  textBytesMin: 1,
  checkLines: async ({ bytes, previousHash }) => {
    await Promise.resolve();
    return checkLines({ bytes: structuredClone(bytes, { transfer: [bytes.buffer] }), previousHash });
  },
};

/** All fields of a line, also of one that makes them when they are asked for. */
export function fieldsOf({ seq, timeMs, op, actor, request, durable, body, hash, place }: LogLine): object {
  return { seq, timeMs, op, actor, request, durable, body, hash, place };
}

async function scan(disk: Disk, options: Omit<ScanOptions, 'replay'>): Promise<object> {
  const lines: object[] = [];
  try {
    const found = await scanLog(disk, new LogPaths(HOME, PROJECT), { ...options, replay: (line) => void lines.push(fieldsOf(line)) });
    return { lines, found };
  } catch (error) {
    assert.ok(error instanceof Error);
    return { lines, name: error.name, message: error.message };
  }
}

/**
 * Checks that a log, whole or damaged, is found to be the same with help.
 *
 * @param checker helps
 */
export async function assertSameWithHelp(
  disk: Disk, options: Omit<ScanOptions, 'replay'> = {}, checker: LineChecker = INLINE_CHECKER,
): Promise<void> {
  assert.deepEqual(await scan(disk, { ...options, checker }), await scan(disk, options));
}
