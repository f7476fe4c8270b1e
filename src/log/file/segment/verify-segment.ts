/**
 * Reading one sealed segment through once, and believing it only where it proves itself: its header, the hash of every line, its seal. Says
 * nothing of the segments around it.
 */
import { createHash } from 'node:crypto';
import { invariant } from '../../../base/invariant.js';
import type { Disk } from '../../../disk/disk.js';
import type { SegmentHeader } from '../../line-format.js';
import { isIllegible, LogCorruptError } from '../../log-errors.js';
import type { LogPaths } from '../log-paths.js';
import { checkBeginning, checkNextSeq, checkSealedEnd } from './segment-check.js';
import { GzipReader } from './gzip-reader.js';
import { checkHeader, readHeader, SegmentReader } from './segment-reader.js';
import { fileOf, otherFileOf, type ReadableSegment, type SegmentFile, type SegmentText, withText } from './segment-files.js';

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

  async status(): ReturnType<SegmentText['status']> {
    return await this.#text.status();
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
export async function verifySegment(
  disk: Disk, segment: { readonly file: SegmentFile; readonly due: DueSegment }, signal?: AbortSignal,
): Promise<string> {
  return await withText(disk, segment.file, async (text) => await checkText(text, segment, signal));
}

/**
 * Picks the file to read a sealed segment from: of two forms the one that reads through to its seal.
 *
 * @returns the form that was found by name where there is no other, or the other is no better
 */
export async function findSoundFile(disk: Disk, paths: LogPaths, segment: ReadableSegment): Promise<SegmentFile> {
  const { firstSeq } = segment;
  const [file, other] = [fileOf(paths, segment), otherFileOf(paths, segment)];
  if (other === undefined || (await readsThrough(disk, file, firstSeq))) return file;
  return (await readsThrough(disk, other, firstSeq)) ? other : file;
}

async function readsThrough(disk: Disk, file: SegmentFile, firstSeq: number): Promise<boolean> {
  const { shownName } = file;
  try {
    await withText(disk, file, (text) => readThrough(text, { firstSeq, shownName }));
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
  const { project, logId, firstSeq, lastSeq } = due;
  const check = (header: SegmentHeader): void => {
    checkHeader(header, { project, logId, firstSeq }, shownName);
    checkBeginning(header, shownName, true);
  };
  const { seq, offset, sizeBytes } = await readThrough(digested, { firstSeq, shownName, check, signal });
  if (text instanceof GzipReader) checkNextSeq(text.nextSeq, { firstSeq, shownName }, seq);
  if (seq === lastSeq + 1) return digested.end(sizeBytes);
  throw new LogCorruptError({ file: shownName, offset, seq }, `a segment that ends with seq ${lastSeq}`, `seq ${seq - 1}`);
}

/** How a segment is read through. */
interface ReadingThrough {
  readonly firstSeq: number;
  readonly shownName: string;
  /** Throws for a header that does not belong there. */
  readonly check?: (header: SegmentHeader) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Reads a text from its header to its seal; the seq and the place behind the last line, and the size of the text. */
async function readThrough(
  text: Pick<SegmentText, 'read' | 'status'>, { firstSeq, shownName, check, signal }: ReadingThrough,
): Promise<{ readonly seq: number; readonly offset: number; readonly sizeBytes: number }> {
  const { header, sizeBytes: offset } = await readHeader(text, shownName);
  check?.(header);
  const { sizeBytes } = await text.status();
  const reader = new SegmentReader(text, { segment: firstSeq, offset, seq: firstSeq, previousHash: header.previousHash, durable: 0 });
  for await (const _lines of reader.lines(sizeBytes)) signal?.throwIfAborted();
  checkSealedEnd(reader, { firstSeq, shownName }, sizeBytes);
  return { seq: reader.place.seq, offset: reader.place.offset, sizeBytes };
}
