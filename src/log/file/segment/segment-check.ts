/**
 * The checks of a segment beyond those of its single lines: how a log may begin, how a sealed segment ends, and how two segments connect.
 * All of them are pure except {@link readSeal}, which reads the end of a text.
 */
import { genesisHash } from '../../line-format.js';
import { claimedNextSeq, decodeSealLine, looksLikeSeal, type SegmentHeader } from '../../segment-format.js';
import { LogCorruptError } from '../../log-errors.js';
import type { LogBase } from '../../log.js';
import { segmentName } from '../log-paths.js';
import { checkHeader, type SegmentReader } from './segment-reader.js';
import type { SegmentText } from './segment-files.js';

/** Longest seal looked for, in bytes, including its line feed and the one before it. */
const SEAL_BYTES_MAX = 1024;
const LINE_FEED = 0x0a;

/** A segment as errors name it. */
export interface NamedSegment {
  readonly firstSeq: number;
  /** File name relative to the data folder. */
  readonly shownName: string;
}

/**
 * Refuses a gap between two segments and names the missing file.
 *
 * @param dueSeq the seq that the next segment must begin with
 * @throws {LogCorruptError} if the next segment begins later
 */
export function refuseGap(project: string, dueSeq: number, foundSeq: number): void {
  if (foundSeq <= dueSeq) return;
  const place = { file: `${project}/${segmentName(dueSeq)}`, offset: 0, seq: dueSeq };
  throw new LogCorruptError(
    place, `a segment that begins with seq ${dueSeq}`, `no such file; the next segment begins with seq ${foundSeq}`,
  );
}

/**
 * Reads from the oldest segment's header where the log begins.
 *
 * @returns undefined for a log without a base
 */
export function baseIn(header: SegmentHeader): LogBase | undefined {
  const { base, firstSeq, previousHash } = header;
  return base === undefined ? undefined : { seq: firstSeq - 1, hash: previousHash, digest: base };
}

/**
 * Checks the rules for the beginning of a log: seq 1 follows the genesis hash, and only the oldest segment of a log that does not begin
 * with seq 1 may have a base.
 *
 * @param isOldest whether the header is that of the oldest existing segment
 * @throws {LogCorruptError} if a rule is broken
 */
export function checkBeginning(header: SegmentHeader, shownName: string, isOldest: boolean): void {
  const { project, logId, firstSeq, base } = header;
  if (firstSeq === 1) checkHeader(header, { project, logId, firstSeq, previousHash: genesisHash(project, logId) }, shownName);
  if (base === undefined || (isOldest && firstSeq > 1)) return;
  throw new LogCorruptError({ file: shownName, offset: 0, seq: firstSeq }, 'a header without a base', `base ${base}`);
}

/**
 * Checks that a sealed segment ends with the seal for its own name and nothing after it.
 *
 * @param reader has read the segment to its end
 * @param sizeBytes length of its text in bytes
 * @throws {LogCorruptError} if it ends in any other way
 */
export function checkSealedEnd(reader: SegmentReader, segment: NamedSegment, sizeBytes: number): void {
  const { end, place } = reader;
  const { shownName } = segment;
  const at = { file: shownName, offset: place.offset, seq: place.seq };
  if (end.kind === 'faulty') {
    throw new LogCorruptError({ ...at, offset: end.record.offset }, end.record.fault.expected, end.record.fault.found);
  }
  if (end.kind !== 'sealed') throw new LogCorruptError(at, 'a line or a seal', 'the end of the file');
  const name = segmentName(segment.firstSeq);
  if (end.seal.sealedName !== name) throw new LogCorruptError(at, `a seal for ${name}`, end.seal.sealedName);
  refuseBytesAfterSeal(shownName, place, sizeBytes);
}

/**
 * Refuses bytes after a seal.
 *
 * @param place where the seal ends, and the next seq
 * @param sizeBytes length of the text in bytes
 * @throws {LogCorruptError} if the text continues
 */
export function refuseBytesAfterSeal(
  shownName: string, place: { readonly offset: number; readonly seq: number }, sizeBytes: number,
): void {
  const { offset, seq } = place;
  if (offset === sizeBytes) return;
  throw new LogCorruptError({ file: shownName, offset, seq }, 'nothing after the seal', `${sizeBytes - offset} more bytes`);
}

/** The seal of a segment whose lines were skipped: only the header of the next segment allows checking it. */
export interface UncheckedSeal extends NamedSegment {
  readonly offset: number;
  readonly bytes: Buffer;
}

/**
 * Reads only the last line of a sealed segment.
 *
 * @throws {LogCorruptError} if the last line is not a seal
 */
export async function readSeal(text: SegmentText, segment: NamedSegment): Promise<UncheckedSeal> {
  const { sizeBytes } = await text.status();
  const start = Math.max(0, sizeBytes - SEAL_BYTES_MAX);
  const bytes = Buffer.alloc(sizeBytes - start);
  const count = await text.read(bytes, start);
  const lineStart = bytes.lastIndexOf(LINE_FEED, -2) + 1;
  const line = bytes.subarray(lineStart, -1);
  const isWhole = count === bytes.length && bytes.at(-1) === LINE_FEED && lineStart > 0;
  if (isWhole && looksLikeSeal(line)) return { ...segment, offset: start + lineStart, bytes: line };
  const place = { file: segment.shownName, offset: start + lineStart, seq: segment.firstSeq };
  throw new LogCorruptError(place, 'a seal at the end of the file', isWhole ? 'another line' : 'no whole line');
}

/**
 * Checks a seal against the header of the next segment. Together they prove that no line between them is missing.
 *
 * @throws {LogCorruptError} if the seal belongs to another segment or names another successor
 */
export function checkSeal(seal: UncheckedSeal, next: SegmentHeader): void {
  const { shownName, offset, firstSeq } = seal;
  const claim = claimedNextSeq(seal.bytes);
  // Checked before the hash: a missing segment after this one must not be reported as a damaged seal.
  if (claim !== undefined) {
    refuseGap(next.project, claim, next.firstSeq);
    checkNextSeq(claim, seal, next.firstSeq);
  }
  const place = { file: shownName, offset, seq: next.firstSeq };
  const due = { seq: next.firstSeq, previousHash: next.previousHash, durable: 0, segment: firstSeq, offset };
  const decoded = decodeSealLine(seal.bytes, due);
  if (!decoded.ok) throw new LogCorruptError(place, decoded.fault.expected, decoded.fault.found);
  const name = segmentName(firstSeq);
  if (decoded.value.sealedName !== name) throw new LogCorruptError(place, `a seal for ${name}`, decoded.value.sealedName);
}

/**
 * Checks which successor a compressed segment names in its frame.
 *
 * @throws {LogCorruptError} if it names another one
 */
export function checkNextSeq(nextSeq: number, segment: NamedSegment, nextFirstSeq: number): void {
  if (nextSeq === nextFirstSeq) return;
  const place = { file: segment.shownName, offset: 0, seq: nextFirstSeq };
  const expected = `a segment that begins with seq ${nextSeq} after it`;
  throw new LogCorruptError(place, expected, `a segment that begins with seq ${nextFirstSeq}`);
}
