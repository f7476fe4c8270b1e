/**
 * The end of a log after a crash: distinguishes a tail that was torn before it was acknowledged from damage to acknowledged lines, and
 * keeps a copy of the former. In doubt it is damage: refusing a log loses nothing.
 */
import { countText } from '../../../base/count-text.js';
import { invariant } from '../../../base/invariant.js';
import { changeFolder, type Disk, type ReadableFile, writeNewFile } from '../../../disk/disk.js';
import { claimedDurable } from '../../line-format.js';
import type { LogPaths } from '../log-paths.js';
import type { FaultyRecord } from '../segment/segment-reader.js';

/** The unit in which a disk writes, in bytes. A lost sector is a run of zeros that ends at a multiple of this. */
export const SECTOR_BYTES = 512;

/**
 * Fewest zeros at the start of a record that count as the rest of a lost sector, in bytes. A record may begin close to the end of a
 * sector, but a single zero could be a damaged byte of an acknowledged line.
 */
export const PARTIAL_SECTOR_BYTES_MIN = 2;

/** Largest torn tail, in bytes. No batch is larger, so more bytes in doubt are damage. */
export const TORN_BYTES_MAX = 134_217_728;

const LINE_FEED = 0x0a;

/** What is known about the end of a log. */
interface TailEvidence {
  /** The first record that is not the expected line. */
  readonly record: FaultyRecord;
  /** Everything from that record to the end of the file. */
  readonly bytes: Buffer;
  /** The expected seq. */
  readonly dueSeq: number;
  /** The last seq that the head proves, 0 without a head. */
  readonly headSeq: number;
}

/** Torn, or why not. */
export type TailVerdict = { readonly torn: true } | { readonly torn: false; readonly reason: string };

/**
 * Decides whether the bytes at the end of a log are a torn tail.
 *
 * They are if and only if the first bad record lacks its line feed or holds a lost sector, no later line claims that a seq at or above
 * the expected one was synced, and the head does not prove it either.
 */
export function judgeTail(evidence: TailEvidence): TailVerdict {
  const { record, bytes, dueSeq, headSeq } = evidence;
  if (headSeq >= dueSeq) return { torn: false, reason: `the head proves that seq ${headSeq} was acknowledged` };
  if (bytes.length > TORN_BYTES_MAX) {
    return { torn: false, reason: `${countText(bytes.length, 'byte')} is more than one batch can contain` };
  }
  if (record.terminated && !holdsLostSector(bytes, record.offset)) {
    return { torn: false, reason: 'the line is complete, so it was not torn' };
  }
  const claim = highestClaim(bytes);
  if (claim >= dueSeq) return { torn: false, reason: `a later line proves that seq ${claim} was acknowledged` };
  return { torn: true };
}

/** Searches the first record of `bytes`, which is at `offset` in the file, for a lost sector. */
function holdsLostSector(bytes: Buffer, offset: number): boolean {
  const feed = bytes.indexOf(LINE_FEED);
  const end = feed < 0 ? bytes.length : feed;
  const headBytes = Math.min((SECTOR_BYTES - (offset % SECTOR_BYTES)) % SECTOR_BYTES, end);
  if (headBytes >= PARTIAL_SECTOR_BYTES_MIN && isZero(bytes, 0, headBytes)) return true;
  for (let start = headBytes; start + SECTOR_BYTES <= end; start += SECTOR_BYTES) {
    if (isZero(bytes, start, start + SECTOR_BYTES)) return true;
  }
  return false;
}

function isZero(bytes: Buffer, start: number, end: number): boolean {
  for (let index = start; index < end; index += 1) if (bytes[index] !== 0) return false;
  return true;
}

/** The highest seq that any line after the first record claims was synced. Damaged lines count, since they were written too. */
function highestClaim(bytes: Buffer): number {
  let highest = 0;
  for (let feed = bytes.indexOf(LINE_FEED); feed >= 0; feed = bytes.indexOf(LINE_FEED, feed + 1)) {
    highest = Math.max(highest, claimedDurable(bytes.subarray(feed + 1)));
  }
  return highest;
}

/**
 * Reads from an offset to the end of a file, up to the size of the largest torn tail.
 *
 * @param offset in bytes
 * @param endOffset the size of the file in bytes
 * @returns at most one byte more than {@link TORN_BYTES_MAX}
 */
export async function readTail(file: Pick<ReadableFile, 'read'>, offset: number, endOffset: number): Promise<Buffer> {
  invariant(offset <= endOffset, 'a tail lies within its file');
  const bytes = Buffer.alloc(Math.min(endOffset - offset, TORN_BYTES_MAX + 1));
  const count = await file.read(bytes, offset);
  return bytes.subarray(0, count);
}

/**
 * Writes a copy of a torn tail to the project's folder. The copy is durable before the caller cuts the tail.
 *
 * @param tail its bytes and offset, and the expected seq
 * @returns the name of the copy relative to the data folder
 */
export async function keepTornTail(
  disk: Disk, paths: LogPaths, tail: { readonly bytes: Buffer; readonly offset: number; readonly dueSeq: number },
): Promise<string> {
  const taken = await disk.list(paths.folder);
  // A crash between the copy and the cut leads to a second copy.
  let copy = 1;
  const nameOf = (number: number): string => `torn-${tail.dueSeq}-${tail.offset}-${number}`;
  while (taken.includes(nameOf(copy))) copy += 1;
  await changeFolder(disk, paths.folder, () => writeNewFile(disk, paths.inFolder(nameOf(copy)), tail.bytes));
  return paths.shown(nameOf(copy));
}
