/**
 * Reads the lines of one segment from any line on, forwards or backwards, in blocks. A line is found by bisection, because each line
 * begins with its seq, and is verified against the hash that the line before it ends with, so that nothing before it has to be read.
 */
import { countText } from '../../../base/count-text.js';
import { decodeLines, decodeWanted, type LineBytes } from '../../decode-lines.js';
import type { Erasures } from '../../erased-lines.js';
import { claimedHash, claimedSeq } from '../../line-format.js';
import { LINE_BYTES_MAX } from '../../log.js';
import { HASH_TAIL_BYTES } from '../../line-scan.js';
import { LogCorruptError } from '../../log-errors.js';
import type { EventLine, ScannedLines, ScanRange } from '../../event-lines.js';
import { readHeader } from '../segment/segment-reader.js';

/** The accepted text of a segment. */
export interface PlacedText {
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Up to the end of its last line, or of its seal. */
  readonly sizeBytes: number;
  /** Its file relative to the data folder, for messages. */
  readonly shownName: string;
  /** The erasures of its log. */
  readonly erasures: Erasures;
  /**
   * Reads bytes.
   *
   * @param isAgain true after a read that returned something other than what was written
   * @returns how many bytes were read
   */
  read(into: Buffer, offset: number, isAgain: boolean): Promise<number>;
}

/** Whole lines at a place of the segment. */
interface Block extends LineBytes {
  readonly offset: number;
}

/** The line with which a block must begin, or end. */
interface DueEnd {
  readonly seq: number;
  readonly isLast: boolean;
}

/** Verified lines of a block. */
interface DecodedBlock {
  readonly lines: EventLine[];
  readonly block: Block;
  /** Of all its lines. */
  readonly firstSeq: number;
}

/** Bytes that are read at once where each line is sent on: a reader that does not continue holds one block. */
const BLOCK_BYTES = 65_536;
/** Bytes that are read at once where lines are searched. */
const SEARCH_BLOCK_BYTES = 1_048_576;
/** By how much a block grows that does not hold one whole line. */
const GROWTH = 4;
/** Bytes that are read to find the next line and its seq. */
const PROBE_BYTES = 8192;
/** Enough for `{"seq":` and 16 digits. */
const SEQ_BYTES = 32;
/** Below this distance in bytes, the next lines are looked at one after another. */
const NEAR_BYTES = 16_384;
const LINE_FEED = 0x0a;

/** Reads one segment; for one scan. */
export class SegmentLines {
  readonly #text: PlacedText;
  readonly #range: ScanRange;
  #readHeader: ReturnType<typeof readHeader> | undefined;
  #probe: { readonly offset: number; readonly bytes: Buffer } = { offset: 0, bytes: Buffer.alloc(0) };

  constructor(text: PlacedText, range: ScanRange) {
    this.#text = text;
    this.#range = range;
  }

  /**
   * Reads lines forwards.
   *
   * @throws {LogCorruptError} if a line is not the one that was written
   */
  async* forwards(fromSeq: number, toSeq: number): AsyncGenerator<ScannedLines, void, undefined> {
    let offset = await this.#offsetOf(fromSeq);
    const end = toSeq >= this.#text.lastSeq ? this.#text.sizeBytes : await this.#offsetOf(toSeq + 1);
    for (let seq = fromSeq; seq <= toSeq;) {
      const { lines, block } = await this.#decoded((isAgain) => this.#blockFrom(offset, end, isAgain), { seq, isLast: false });
      offset = block.offset + block.bytes.length;
      seq = this.#lastSeqOf(block, seq) + 1;
      yield { lines, doneSeq: seq - 1 };
    }
  }

  /**
   * Reads lines backwards.
   *
   * @throws {LogCorruptError} if a line is not the one that was written
   */
  async* backwards(fromSeq: number, toSeq: number): AsyncGenerator<ScannedLines, void, undefined> {
    const start = await this.#offsetOf(fromSeq);
    let end = await this.#offsetOf(toSeq + 1);
    for (let seq = toSeq; seq >= fromSeq;) {
      const { lines, block, firstSeq } = await this.#decoded((isAgain) => this.#blockUpTo(start, end, isAgain), { seq, isLast: true });
      end = block.offset;
      seq = firstSeq - 1;
      yield { lines: lines.reverse(), doneSeq: firstSeq };
    }
  }

  /** Reads and verifies a block; once more if it is damaged, since the segment may have another form. */
  async #decoded(read: (isAgain: boolean) => Promise<Block>, due: DueEnd): Promise<DecodedBlock> {
    for (let isAgain = false; ; isAgain = true) {
      try {
        return await this.#linesOf(await read(isAgain), due);
      } catch (error) {
        if (isAgain || !(error instanceof LogCorruptError)) throw error;
      }
    }
  }

  async #linesOf(block: Block, { seq, isLast }: DueEnd): Promise<DecodedBlock> {
    const first = claimedSeq(block.bytes);
    if (first === undefined || (isLast ? this.#lastSeqOf(block, -1) : first) !== seq) {
      throw this.#corrupt(block.offset, `lines up to or from seq ${seq}`, `seq ${first ?? 'of no line'}`);
    }
    const { wanted } = this.#range;
    const { erasures } = this.#text;
    const pick = (): ReturnType<typeof decodeLines> => (
      wanted === undefined ? decodeLines(block, first, erasures) : decodeWanted(block, wanted, erasures)
    );
    let picked = pick();
    if ('fault' in picked && picked.fault.isUnrecorded) {
      await erasures.load();
      picked = pick();
    }
    if ('fault' in picked) throw this.#corrupt(block.offset + picked.offset, picked.fault.expected, picked.fault.found);
    return { lines: picked.lines, block, firstSeq: first };
  }

  /** Seq of the last line of a block. */
  #lastSeqOf({ bytes }: Block, otherwise: number): number {
    return claimedSeq(bytes.subarray(bytes.lastIndexOf(LINE_FEED, -2) + 1)) ?? otherwise;
  }

  /** Reads whole lines from an offset on: as many as a block holds, at least one. */
  async #blockFrom(offset: number, end: number, isAgain: boolean): Promise<Block> {
    const previousHash = await this.#hashBefore(offset, isAgain);
    for (let sizeBytes = this.#blockBytes; ; sizeBytes *= GROWTH) {
      const bytes = await this.#read(offset, Math.min(end, offset + sizeBytes), isAgain);
      const wholeBytes = this.#withoutSeal(bytes.subarray(0, bytes.lastIndexOf(LINE_FEED) + 1));
      if (wholeBytes.length > 0) return { offset, bytes: wholeBytes, previousHash };
      const isAll = offset + bytes.length >= end;
      if (isAll || sizeBytes > LINE_BYTES_MAX) throw this.#corrupt(offset, 'a line', countText(bytes.length, 'byte'));
    }
  }

  /** Reads whole lines up to an offset: as many as a block holds, at least one. */
  async #blockUpTo(start: number, end: number, isAgain: boolean): Promise<Block> {
    for (let sizeBytes = this.#blockBytes; ; sizeBytes *= GROWTH) {
      const from = Math.max(start, end - sizeBytes);
      const bytes = await this.#read(from, end, isAgain);
      // A block that does not begin with the first line begins within a line.
      const skipped = from === start ? 0 : bytes.indexOf(LINE_FEED) + 1;
      const offset = from + skipped;
      if (offset < end && (skipped > 0 || from === start)) {
        return { offset, bytes: bytes.subarray(skipped), previousHash: await this.#hashBefore(offset, isAgain) };
      }
      if (from === start || sizeBytes > LINE_BYTES_MAX) throw this.#corrupt(from, 'a line', countText(bytes.length, 'byte'));
    }
  }

  get #blockBytes(): number {
    return this.#range.wanted === undefined ? BLOCK_BYTES : SEARCH_BLOCK_BYTES;
  }

  #withoutSeal(bytes: Buffer): Buffer {
    const last = bytes.subarray(bytes.lastIndexOf(LINE_FEED, -2) + 1);
    return bytes.length > 0 && claimedSeq(last) === undefined ? bytes.subarray(0, bytes.length - last.length) : bytes;
  }

  #header(isAgain = false): ReturnType<typeof readHeader> {
    if (isAgain) this.#readHeader = undefined;
    return (this.#readHeader ??= readHeader({ read: (into, at) => this.#text.read(into, at, isAgain) }, this.#text.shownName));
  }

  /** Reads the hash that the line at an offset is chained to. */
  async #hashBefore(offset: number, isAgain: boolean): Promise<string> {
    const { header, sizeBytes } = await this.#header(isAgain);
    if (offset === sizeBytes) return header.previousHash;
    const start = offset - HASH_TAIL_BYTES - 1;
    const hash = claimedHash(await this.#read(start, offset - 1, isAgain));
    if (hash === undefined) throw this.#corrupt(start, 'a line that ends with its hash', 'other bytes');
    return hash;
  }

  /** Finds where a line begins; of the line after the last one, the end of the lines. */
  async #offsetOf(seq: number): Promise<number> {
    const { firstSeq, lastSeq, sizeBytes } = this.#text;
    let found = { offset: (await this.#header()).sizeBytes, seq: firstSeq };
    let end = sizeBytes;
    while (found.seq < seq) {
      const isNear = end - found.offset <= NEAR_BYTES;
      const from = isNear ? found.offset : Math.floor((found.offset + end) / 2);
      const next = await this.#nextLine(from);
      const isLower = next?.seq !== undefined && next.seq <= seq;
      if (isLower) found = { offset: next.offset, seq: next.seq };
      else if (!isNear) end = from;
      // After the last line there is a seal, or nothing.
      else if (seq === lastSeq + 1 && found.seq === lastSeq) return next?.offset ?? sizeBytes;
      else throw this.#corrupt(next?.offset ?? sizeBytes, `the line of seq ${found.seq + 1}`, 'other bytes or the end of the file');
    }
    return found.offset;
  }

  /** Finds the first line that begins after an offset, and its seq, unless it is no event; undefined at the end of the text. */
  async #nextLine(after: number): Promise<{ readonly offset: number; readonly seq: number | undefined } | undefined> {
    const { sizeBytes } = this.#text;
    let at = after;
    for (let probeBytes = PROBE_BYTES; at < sizeBytes; probeBytes = Math.min(2 * probeBytes, SEARCH_BLOCK_BYTES)) {
      const bytes = await this.#probeAt(at, probeBytes);
      const lineEnd = bytes.indexOf(LINE_FEED);
      const offset = at + lineEnd + 1;
      if (lineEnd < 0) {
        at += bytes.length;
        continue;
      }
      return offset < sizeBytes ? { offset, seq: claimedSeq((await this.#probeAt(offset, SEQ_BYTES)).subarray(0, SEQ_BYTES)) } : undefined;
    }
    return undefined;
  }

  /** Returns at least so many bytes from an offset on, unless the text ends. */
  async #probeAt(offset: number, bytesMin: number): Promise<Buffer> {
    const end = Math.min(offset + bytesMin, this.#text.sizeBytes);
    const { offset: start, bytes } = this.#probe;
    if (offset < start || end > start + bytes.length) {
      const readEnd = Math.min(offset + Math.max(bytesMin, 2 * PROBE_BYTES), this.#text.sizeBytes);
      this.#probe = { offset, bytes: await this.#read(offset, readEnd, false) };
    }
    return this.#probe.bytes.subarray(offset - this.#probe.offset);
  }

  async #read(offset: number, end: number, isAgain: boolean): Promise<Buffer> {
    const sizeBytes = Math.max(0, end - offset);
    const { admit } = this.#range;
    if (sizeBytes > this.#blockBytes) for (let wait = admit?.(sizeBytes); wait !== undefined; wait = admit?.(sizeBytes)) await wait;
    const bytes = Buffer.allocUnsafe(sizeBytes);
    const count = await this.#text.read(bytes, offset, isAgain);
    if (count < sizeBytes) throw this.#corrupt(offset + count, countText(sizeBytes, 'byte'), countText(count, 'byte'));
    return bytes;
  }

  #corrupt(offset: number, expected: string, found: string): LogCorruptError {
    return new LogCorruptError({ file: this.#text.shownName, offset }, expected, found);
  }
}
