/**
 * The end of a log after a crash: telling a tail that was torn before it was acknowledged from damage to what was, and
 * healing the former. When in doubt it is damage: a refusal loses nothing.
 */
import { countText } from '../../../base/count-text.js';
import { invariant } from '../../../base/invariant.js';
import { readDurableClaim } from '../../line-format.js';
import { changeFolder, type Disk, type DiskFile, writeNewFile } from '../../../disk/disk.js';
import type { LogPaths } from '../log-paths.js';
import type { FaultyRecord } from '../segment/segment-reader.js';

/** What a disk writes in one piece, in bytes: a lost piece is a run of zeros that ends where such a sector ends. */
export const SECTOR_BYTES = 512;

/**
 * Fewest zeros at the start of a record that count as the rest of a lost sector, in bytes. A record may begin close to
 * the end of a sector; a single zero could be a damaged byte of an acknowledged line.
 */
export const PARTIAL_SECTOR_BYTES_MIN = 2;

/** Largest tail that is taken for torn, in bytes. One batch is never larger; more than that in doubt is damage. */
export const TORN_BYTES_MAX = 134_217_728;

const LINE_FEED = 0x0a;

/** What is known about the end of a log. */
export interface TailEvidence {
  /** The first record that is not the line that was due. */
  readonly record: FaultyRecord;
  /** Everything from that record to the end of the file. */
  readonly bytes: Buffer;
  /** The seq that was due. */
  readonly dueSeq: number;
  /** The last seq that the head proves, 0 without a head. */
  readonly headSeq: number;
}

/** A verdict: torn, or why not. */
export type TailVerdict = { readonly torn: true } | { readonly torn: false; readonly reason: string };

/**
 * Decides whether the bytes at the end of a log are a torn tail.
 *
 * They are if and only if the first bad record lacks its line feed or holds a lost sector, no later line claims that a seq
 * at or above it was synced, and the head does not prove it either.
 */
export function judgeTail(evidence: TailEvidence): TailVerdict {
  const { record, bytes, dueSeq, headSeq } = evidence;
  if (headSeq >= dueSeq) return { torn: false, reason: `the head proves that seq ${headSeq} was acknowledged` };
  if (bytes.length > TORN_BYTES_MAX) return { torn: false, reason: `${countText(bytes.length, 'byte')} are more than one batch` };
  if (record.terminated && !holdsLostSector(bytes, record.offset)) {
    return { torn: false, reason: 'the line is complete, so it was not torn' };
  }
  const claim = highestClaim(bytes);
  if (claim >= dueSeq) return { torn: false, reason: `a later line proves that seq ${claim} was acknowledged` };
  return { torn: true };
}

/** Looks for a lost sector within the first record of `bytes`, which stands at `offset` in the file. */
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

/** The highest seq that any line after the first record claims to have been synced. Damaged lines count: they were written too. */
function highestClaim(bytes: Buffer): number {
  let highest = 0;
  for (let feed = bytes.indexOf(LINE_FEED); feed >= 0; feed = bytes.indexOf(LINE_FEED, feed + 1)) {
    highest = Math.max(highest, readDurableClaim(bytes.subarray(feed + 1)));
  }
  return highest;
}

/**
 * Reads everything from an offset to the end, up to the longest that a torn tail can be.
 *
 * @param offset where the tail begins, in bytes
 * @param endOffset the size of the file in bytes
 * @returns the bytes, at most one more than {@link TORN_BYTES_MAX}
 */
export async function readTail(file: Pick<DiskFile, 'read'>, offset: number, endOffset: number): Promise<Buffer> {
  invariant(offset <= endOffset, 'a tail lies within its file');
  const bytes = Buffer.alloc(Math.min(endOffset - offset, TORN_BYTES_MAX + 1));
  const count = await file.read(bytes, offset);
  return bytes.subarray(0, count);
}

/**
 * Keeps a copy of a torn tail beside the segments, durable before the tail is cut.
 *
 * @param tail its bytes, its place, and the seq that was due
 */
export async function keepTornTail(
  disk: Disk,
  paths: LogPaths,
  tail: { readonly bytes: Buffer; readonly offset: number; readonly dueSeq: number },
): Promise<string> {
  const taken = await disk.list(paths.folder);
  // A crash between the copy and the cut makes a second copy: better twice than never.
  let copy = 1;
  const nameOf = (number: number): string => `torn-${tail.dueSeq}-${tail.offset}-${number}`;
  while (taken.includes(nameOf(copy))) copy += 1;
  await changeFolder(disk, paths.folder, () => writeNewFile(disk, paths.inFolder(nameOf(copy)), tail.bytes));
  return paths.shown(nameOf(copy));
}
