/**
 * What a segment must be besides its lines: how a log may begin, and how a sealed segment ends. Reads what it is handed, decides,
 * and changes nothing.
 */
import { decodeSealLine, genesisHash, looksLikeSeal, type SegmentHeader } from '../line-format.js';
import { LogCorruptError } from '../log-errors.js';
import type { LogBase } from '../log.js';
import { segmentName } from './log-paths.js';
import { checkHeader, type SegmentReader } from './segment-reader.js';
import type { SegmentText } from './segment-text.js';

/**
 * Refuses a gap between two segments, by the name of the file that is not there.
 *
 * @param dueSeq the seq that the next segment has to begin with
 * @throws {LogCorruptError} when segments are missing in between
 */
export function refuseGap(project: string, dueSeq: number, foundSeq: number): void {
  if (foundSeq <= dueSeq) return;
  const found = `no such file; the next segment begins with seq ${foundSeq}`;
  throw new LogCorruptError({ file: `${project}/${segmentName(dueSeq)}`, offset: 0, seq: dueSeq }, `a segment that begins with seq ${dueSeq}`, found);
}

/** Longest seal that is looked for, in bytes with its line feed and the one before it. */
const SEAL_BYTES_MAX = 1024;
const LINE_FEED = 0x0a;
const NEXT_SEQ = /^\{"seal":"[^"]*","next_seq":(\d{1,16}),/;

/** A segment by the names that an error needs. */
export interface NamedSegment {
  readonly firstSeq: number;
  /** Its path relative to the home. */
  readonly shownName: string;
}

/**
 * Tells what a log goes on from, by the header of its first segment.
 *
 * @param header of the oldest segment that is there
 * @returns the base; undefined when there is none
 */
export function baseIn(header: SegmentHeader): LogBase | undefined {
  const { base, firstSeq, previousHash } = header;
  return base === undefined ? undefined : { seq: firstSeq - 1, hash: previousHash, digest: base };
}

/**
 * Checks what stands where a log may begin, and only there: seq 1 follows the genesis hash and nothing else, and a base stands
 * in the header of an oldest segment that does not begin with seq 1.
 *
 * @param isOldest whether it is that of the oldest segment that is there
 * @throws {LogCorruptError} when it is not so
 */
export function checkBeginning(header: SegmentHeader, shownName: string, isOldest: boolean): void {
  const { project, logId, firstSeq, base } = header;
  if (firstSeq === 1) checkHeader(header, { project, logId, firstSeq, previousHash: genesisHash(project, logId) }, shownName);
  if (base === undefined || (isOldest && firstSeq > 1)) return;
  throw new LogCorruptError({ file: shownName, offset: 0, seq: firstSeq }, 'a header without a base', `base ${base}`);
}

/**
 * Refuses a sealed segment that does not end with a seal for its own name, and nothing after it.
 *
 * @param sizeBytes length of its text in bytes
 * @throws {LogCorruptError} when it ends otherwise
 */
export function checkSealedEnd(reader: SegmentReader, segment: NamedSegment, sizeBytes: number): void {
  const { end, place } = reader;
  const { shownName } = segment;
  if (end.kind === 'faulty') throw new LogCorruptError({ file: shownName, offset: end.record.offset, seq: place.seq }, end.record.fault.expected, end.record.fault.found);
  if (end.kind !== 'sealed') {
    throw new LogCorruptError({ file: shownName, offset: place.offset, seq: place.seq }, 'a line or a seal', 'the end of the file');
  }
  const name = segmentName(segment.firstSeq);
  if (end.seal.sealedName !== name) {
    throw new LogCorruptError({ file: shownName, offset: place.offset, seq: place.seq }, `a seal for ${name}`, end.seal.sealedName);
  }
  refuseBytesAfterSeal(shownName, place, sizeBytes);
}

/**
 * Refuses anything behind a seal.
 *
 * @param place where the seal ends, and the seq that is due
 * @param sizeBytes length of the text in bytes
 * @throws {LogCorruptError} when there is more
 */
export function refuseBytesAfterSeal(
  shownName: string, place: { readonly offset: number; readonly seq: number }, sizeBytes: number,
): void {
  if (place.offset === sizeBytes) return;
  const { offset, seq } = place;
  throw new LogCorruptError({ file: shownName, offset, seq }, 'nothing after the seal', `${sizeBytes - offset} more bytes`);
}

/** The seal of a segment whose lines were not read: it can be checked once the header after it is known. */
export interface UncheckedSeal extends NamedSegment {
  readonly offset: number;
  readonly bytes: Buffer;
}

/**
 * Reads nothing of a sealed segment but its last line.
 *
 * @throws {LogCorruptError} when the last line is none
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
  const found = isWhole ? 'another line' : 'no whole line';
  throw new LogCorruptError({ file: segment.shownName, offset: start + lineStart, seq: segment.firstSeq }, 'a seal at the end of the file', found);
}

/**
 * Checks a seal by the header of the segment that follows: together they prove that nothing lies between.
 *
 * @param next the header after it
 * @throws {LogCorruptError} when the seal is not for its segment, or names another successor
 */
export function checkSeal(seal: UncheckedSeal, next: SegmentHeader): void {
  const { shownName, offset, firstSeq } = seal;
  const claim = NEXT_SEQ.exec(seal.bytes.toString('latin1'))?.[1];
  // Asked before the hash: a segment that is missing after it must not read as a damaged seal.
  if (claim !== undefined) {
    refuseGap(next.project, Number(claim), next.firstSeq);
    checkNextSeq(Number(claim), seal, next.firstSeq);
  }
  const due = { seq: next.firstSeq, previousHash: next.previousHash, durable: 0, segment: firstSeq, offset };
  const decoded = decodeSealLine(seal.bytes, due);
  if (!decoded.ok) throw new LogCorruptError({ file: shownName, offset: offset, seq: next.firstSeq }, decoded.fault.expected, decoded.fault.found);
  const name = segmentName(firstSeq);
  if (decoded.value.sealedName === name) return;
  throw new LogCorruptError({ file: shownName, offset: offset, seq: next.firstSeq }, `a seal for ${name}`, decoded.value.sealedName);
}

/**
 * Checks what a compressed segment says of its successor.
 *
 * @throws {LogCorruptError} when it is another one
 */
export function checkNextSeq(nextSeq: number, segment: NamedSegment, nextFirstSeq: number): void {
  if (nextSeq === nextFirstSeq) return;
  const found = `a segment that begins with seq ${nextFirstSeq}`;
  throw new LogCorruptError({ file: segment.shownName, offset: 0, seq: nextFirstSeq }, `a segment that begins with seq ${nextSeq} after it`, found);
}
