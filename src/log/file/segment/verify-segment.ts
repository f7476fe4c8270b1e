/**
 * Reads one sealed segment completely and verifies it by itself: its header, the hash of every line, its seal. Does not look at the
 * segments around it.
 */
import { createHash } from 'node:crypto';
import { invariant } from '../../../base/invariant.js';
import type { Disk } from '../../../disk/disk.js';
import type { Erasures } from '../../erased-lines.js';
import type { LogLine } from '../../log.js';
import { isIllegible, LogCorruptError } from '../../log-errors.js';
import type { ListedSegment, LogPaths } from '../log-paths.js';
import { GzipReader } from './gzip-reader.js';
import { checkBeginning, checkNextSeq, checkSealedEnd } from './segment-check.js';
import { type HeaderCheck, otherFormFile, segmentFile, type SegmentFile, type SegmentText, withText } from './segment-files.js';
import { checkHeader, readHeader, SegmentReader } from './segment-reader.js';

/** What a segment must be. */
interface DueSegment {
  readonly project: string;
  readonly logId: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** The erasures of the log. */
  readonly erasures: Erasures;
}

/** A text that hashes everything read from it: each byte once and in order, even where reads overlap. */
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

  /** Returns the digest of the whole text. */
  end(sizeBytes: number): string {
    invariant(this.#digestedBytes === sizeBytes, 'a verified text has been read to its end');
    return this.#digest.digest('hex');
  }
}

/**
 * Verifies one file of a segment and computes the digest of exactly those bytes of its text that were verified.
 *
 * @returns SHA-256 in hexadecimal digits
 * @throws {LogCorruptError} naming the first place that differs from what was written
 */
export async function verifySegment(disk: Disk, file: SegmentFile, due: DueSegment, signal?: AbortSignal): Promise<string> {
  const { shownName } = file;
  const { project, logId, firstSeq, lastSeq, erasures } = due;
  const check: HeaderCheck = (header) => {
    checkHeader(header, { project, logId, firstSeq }, shownName);
    checkBeginning(header, shownName, true);
  };
  return await withText(disk, file, async (text) => {
    const digested = new DigestedText(text);
    const { seq, offset, sizeBytes } = await readThrough(digested, { firstSeq, shownName, check, signal, erasures });
    if (text instanceof GzipReader) checkNextSeq(text.nextSeq, { firstSeq, shownName }, seq);
    if (seq === lastSeq + 1) return digested.end(sizeBytes);
    throw new LogCorruptError({ file: shownName, offset, seq }, `a segment that ends with seq ${lastSeq}`, `seq ${seq - 1}`);
  });
}

/**
 * Picks the file from which to read a sealed segment: of two forms, the one that is sound up to its seal.
 *
 * @returns the listed form if it is the only one, or if the other one is no better
 */
export async function findSoundFile(disk: Disk, paths: LogPaths, segment: ListedSegment, erasures: Erasures): Promise<SegmentFile> {
  const { firstSeq } = segment;
  const [file, other] = [segmentFile(paths, segment), otherFormFile(paths, segment)];
  if (other === undefined || (await isSound(disk, file, firstSeq, erasures))) return file;
  return (await isSound(disk, other, firstSeq, erasures)) ? other : file;
}

async function isSound(disk: Disk, file: SegmentFile, firstSeq: number, erasures: Erasures): Promise<boolean> {
  const { shownName } = file;
  try {
    await withText(disk, file, (text) => readThrough(text, { firstSeq, shownName, erasures }));
    return true;
  } catch (error) {
    if (isIllegible(error)) return false;
    throw error;
  }
}

/** How to read a segment. */
interface SegmentReading {
  readonly firstSeq: number;
  readonly shownName: string;
  readonly erasures: Erasures;
  readonly check?: HeaderCheck;
  readonly signal?: AbortSignal | undefined;
  /** Receives every line, in groups. */
  readonly take?: (lines: readonly LogLine[]) => void | Promise<void>;
}

/**
 * Reads a text from its header to its seal.
 *
 * @returns the seq and the offset after the last line, and the size of the text
 * @throws {LogCorruptError} naming the first place that differs from what was written
 */
export async function readThrough(
  text: Pick<SegmentText, 'read' | 'status'>, { firstSeq, shownName, erasures, check, signal, take }: SegmentReading,
): Promise<{ readonly seq: number; readonly offset: number; readonly sizeBytes: number }> {
  const { header, sizeBytes: offset } = await readHeader(text, shownName);
  check?.(header, shownName);
  const { sizeBytes } = await text.status();
  const due = { segment: firstSeq, offset, seq: firstSeq, previousHash: header.previousHash, durable: 0 };
  const reader = new SegmentReader(text, due, { erasures });
  for await (const lines of reader.lines(sizeBytes)) {
    signal?.throwIfAborted();
    await take?.(lines);
  }
  checkSealedEnd(reader, { firstSeq, shownName }, sizeBytes);
  return { seq: reader.place.seq, offset: reader.place.offset, sizeBytes };
}
