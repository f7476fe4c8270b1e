/**
 * Reading one sealed segment through, and believing it only where it proves itself: its header, the hash of every line, its seal. Says
 * nothing of the segments around it.
 */
import type { Disk } from '../../disk/disk.js';
import { corrupt, checkBeginning, checkNextSeq, checkSealedEnd } from './segment-check.js';
import { digestText } from './gzip-copy.js';
import { GzipText } from './gzip-text.js';
import { checkHeader, readHeader, SegmentReader } from './segment-reader.js';
import { type SegmentFile, type SegmentText, withText } from './segment-text.js';

/** What a segment has to be. */
export interface DueSegment {
  readonly project: string;
  readonly logId: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/**
 * Computes the digest of a segment's text once all of it has been checked.
 *
 * @param disk the disk
 * @param segment where it lies, and what it has to be
 * @param signal stops the reading
 * @returns SHA-256 in hexadecimal digits
 * @throws {LogCorruptError} naming the first place that is not what was written
 */
export async function digestSound(
  disk: Disk, segment: { readonly file: SegmentFile; readonly due: DueSegment }, signal?: AbortSignal,
): Promise<string> {
  return await withText(disk, segment.file, async (text) => {
    await checkText(text, segment, signal);
    return await digestText(text, signal);
  });
}

async function checkText(
  text: SegmentText, { file: { shownName }, due }: { readonly file: SegmentFile; readonly due: DueSegment }, signal?: AbortSignal,
): Promise<void> {
  const { header, sizeBytes: offset } = await readHeader(text, shownName);
  const { project, logId, firstSeq, lastSeq } = due;
  checkHeader(header, { project, logId, firstSeq }, shownName);
  checkBeginning(header, shownName, true);
  const { sizeBytes } = await text.status();
  const reader = new SegmentReader(text, { segment: firstSeq, offset, seq: firstSeq, previousHash: header.previousHash, durable: 0 });
  for await (const _lines of reader.lines(sizeBytes)) signal?.throwIfAborted();
  checkSealedEnd(reader, { firstSeq, shownName }, sizeBytes);
  const { seq } = reader.place;
  if (text instanceof GzipText) checkNextSeq(text.nextSeq, { firstSeq, shownName }, seq);
  if (seq === lastSeq + 1) return;
  throw corrupt(shownName, reader.place.offset, { seq, expected: `a segment that ends with seq ${lastSeq}`, found: `seq ${seq - 1}` });
}
