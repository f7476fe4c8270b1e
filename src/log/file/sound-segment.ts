/**
 * Reading one sealed segment through once, and believing it only where it proves itself: its header, the hash of every line, its seal. Says
 * nothing of the segments around it.
 */
import { createHash } from 'node:crypto';
import { invariant } from '../../base/invariant.js';
import type { Disk } from '../../disk/disk.js';
import { isIllegible } from '../log-errors.js';
import type { LogPaths } from './log-paths.js';
import type { ReadableSegment } from './log-reader.js';
import { corrupt, checkBeginning, checkNextSeq, checkSealedEnd } from './segment-check.js';
import { GzipText } from './gzip-text.js';
import { checkHeader, readHeader, SegmentReader } from './segment-reader.js';
import { sealedFile, type SegmentFile, type SegmentText, withText } from './segment-text.js';

/** What a segment has to be. */
export interface DueSegment {
  readonly project: string;
  readonly logId: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/** A text that takes what is read of it into a digest: each byte once and in order, whichever readings give it. */
class DigestedText {
  readonly #text: SegmentText;
  readonly #digest = createHash('sha256');
  #digestedBytes = 0;

  constructor(text: SegmentText) {
    this.#text = text;
  }

  async read(into: Buffer, offset: number): Promise<number> {
    invariant(offset <= this.#digestedBytes, 'a text is read from front to back');
    const count = await this.#text.read(into, offset);
    this.#digest.update(into.subarray(Math.min(count, this.#digestedBytes - offset), count));
    this.#digestedBytes = Math.max(this.#digestedBytes, offset + count);
    return count;
  }

  /** The digest of all of it. */
  end(sizeBytes: number): string {
    invariant(this.#digestedBytes === sizeBytes, 'a text that was checked has been read to its end');
    return this.#digest.digest('hex');
  }
}

/**
 * Computes the digest of the very bytes of a segment's text that are checked on the way.
 *
 * @returns SHA-256 in hexadecimal digits
 * @throws {LogCorruptError} naming the first place that is not what was written
 */
export async function digestSound(
  disk: Disk, segment: { readonly file: SegmentFile; readonly due: DueSegment }, signal?: AbortSignal,
): Promise<string> {
  return await withText(disk, segment.file, async (text) => await checkText(text, segment, signal));
}

/**
 * Picks the file to read a sealed segment from: of two forms the one that reads through to its seal.
 *
 * @returns the form that was found by name where there is no other, or the other is no better
 */
export async function soundFile(disk: Disk, paths: LogPaths, { firstSeq, form, isDoubled }: ReadableSegment): Promise<SegmentFile> {
  const file = sealedFile(paths, { firstSeq, isCompressed: form === 'compressed' });
  if (!isDoubled || (await readsThrough(disk, file, firstSeq))) return file;
  const other = sealedFile(paths, { firstSeq, isCompressed: !file.isCompressed });
  return (await readsThrough(disk, other, firstSeq)) ? other : file;
}

async function readsThrough(disk: Disk, file: SegmentFile, firstSeq: number): Promise<boolean> {
  const { shownName } = file;
  try {
    await withText(disk, file, async (text) => {
      const { header, sizeBytes: offset } = await readHeader(text, shownName);
      const { sizeBytes } = await text.status();
      const due = { segment: firstSeq, offset, seq: firstSeq, previousHash: header.previousHash, durable: 0 };
      const reader = new SegmentReader(text, due);
      for await (const _lines of reader.lines(sizeBytes));
      checkSealedEnd(reader, { firstSeq, shownName }, sizeBytes);
    });
    return true;
  } catch (error) {
    if (isIllegible(error)) return false;
    throw error;
  }
}

async function checkText(
  text: SegmentText, { file: { shownName }, due }: { readonly file: SegmentFile; readonly due: DueSegment }, signal?: AbortSignal,
): Promise<string> {
  const digested = new DigestedText(text);
  const { header, sizeBytes: offset } = await readHeader(digested, shownName);
  const { project, logId, firstSeq, lastSeq } = due;
  checkHeader(header, { project, logId, firstSeq }, shownName);
  checkBeginning(header, shownName, true);
  const { sizeBytes } = await text.status();
  const reader = new SegmentReader(digested, { segment: firstSeq, offset, seq: firstSeq, previousHash: header.previousHash, durable: 0 });
  for await (const _lines of reader.lines(sizeBytes)) signal?.throwIfAborted();
  checkSealedEnd(reader, { firstSeq, shownName }, sizeBytes);
  const { seq } = reader.place;
  if (text instanceof GzipText) checkNextSeq(text.nextSeq, { firstSeq, shownName }, seq);
  if (seq === lastSeq + 1) return digested.end(sizeBytes);
  throw corrupt(shownName, reader.place.offset, { seq, expected: `a segment that ends with seq ${lastSeq}`, found: `seq ${seq - 1}` });
}
