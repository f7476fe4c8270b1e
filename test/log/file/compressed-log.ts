/** Logs whose sealed segments are compressed, for tests, on disks in memory. */
import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import type { LogOptions } from '../../../src/log/log.js';
import type { FaultDisk } from '../../disk/fault-disk.js';
import { SEALED_1, SEALED_3 } from './damage-table.js';
import { diskWith, openLog, SMALL_SEGMENTS } from './log-fixture.js';

export const PACKED_1 = `${SEALED_1}.gz`;
export const PACKED_3 = `${SEALED_3}.gz`;

/** Five lines: two in a compressed segment, two in a plain one, and one in the active one. */
export async function compressedLog(options: LogOptions = SMALL_SEGMENTS): Promise<FaultDisk> {
  const disk = await diskWith([1, 1, 1, 1, 1], options);
  const { log } = await openLog(disk, options);
  await log.sealed?.compress(1);
  await log.close();
  assert.equal(disk.tree.find(SEALED_1), undefined);
  assert.ok(disk.tree.find(PACKED_1));
  return disk.crash();
}

/** A segment as another program would compress it. */
export function foreignGzip(disk: FaultDisk, place: string): Buffer {
  return gzipSync(disk.bytesOf(place));
}
