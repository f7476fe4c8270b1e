/**
 * The newest lines of a log, in memory, up to a number of bytes. They are those that this process has encoded, so that nothing has to be
 * decoded or verified, and readers at the same place get the same block of them.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { invariant } from '../base/invariant.js';
import type { EncodedBatch } from './batch-encoder.js';
import { type Erasure, erasedPartB } from './erased-lines.js';
import { SALT_HEAD_BYTES } from './line-scan.js';
import { LinesDroppedError } from './log-errors.js';
import type { EventLine, ScannedLines, ScanRange } from './event-lines.js';

/** How many entries at the start of the list may be empty before it is copied without them. */
const DROPPED_LINES_SLACK = 1024;
/** Lines, and bytes of lines, that are yielded together. */
const BLOCK_LINES_MAX = 256;
const BLOCK_BYTES_MAX = 65_536;

/** Lines that follow on one another, up to the end of a log. */
export class NewestLines {
  readonly #bytesMax: number;
  #lines: (EventLine | undefined)[] = [];
  /** Number of dropped entries at the start of `#lines`. They are empty, so they hold no memory. */
  #dropped = 0;
  #keptBytes = 0;
  /** Seq of the first kept line; one above the end if there is none. */
  #firstSeq: number;
  /** The block that was given last. Readers that follow the end all ask for the same one. */
  #given: { readonly fromSeq: number; readonly toSeq: number; readonly block: ScannedLines } | undefined;

  /** @param endSeq last seq of the log */
  constructor(bytesMax: number, endSeq: number) {
    this.#bytesMax = bytesMax;
    this.#firstSeq = endSeq + 1;
  }

  /** Seq of the first kept line; one above the end of the log if there is none. */
  get firstSeq(): number {
    return this.#firstSeq;
  }

  /** Whether a line, or the one after the last, is kept. */
  has(seq: number): boolean {
    return seq >= this.#firstSeq;
  }

  /**
   * Adds the lines of a batch, and drops the oldest lines beyond the limit.
   *
   * @param bytes the text of the batch
   * @param previousHash hash of the line before it
   */
  add({ lines, extents }: EncodedBatch, bytes: Buffer, previousHash: string): void {
    let [offset, before] = [0, previousHash];
    this.#given = undefined;
    extents.forEach(({ sizeBytes, bodyOffset, bodyBytes }, index) => {
      const line = lines[index];
      invariant(line !== undefined, 'each line has its extent');
      const { seq, timeMs, op, actor, hash } = line;
      const text = bytes.subarray(offset, offset + sizeBytes - 1);
      const bodyEnd = bodyOffset + bodyBytes;
      this.#lines.push({ seq, timeMs, op, actor, hash, previousHash: before, text, bodyStart: bodyOffset, bodyEnd });
      this.#keptBytes += sizeBytes;
      offset += sizeBytes;
      before = hash;
    });
    while (this.#keptBytes > this.#bytesMax) this.#dropFirst();
    if (this.#dropped < DROPPED_LINES_SLACK && this.#dropped < this.#lines.length) return;
    this.#lines = this.#lines.slice(this.#dropped);
    this.#dropped = 0;
  }

  #dropFirst(): void {
    const oldest = this.#lines[this.#dropped];
    invariant(oldest !== undefined, 'bytes are kept in lines');
    this.#keptBytes -= oldest.text.length + 1;
    this.#lines[this.#dropped] = undefined;
    this.#dropped += 1;
    this.#firstSeq += 1;
  }

  /**
   * Scans kept lines; see `Log.scan`.
   *
   * @throws {LinesDroppedError} if a line of the range was dropped
   */
  async* scan(range: ScanRange): AsyncGenerator<ScannedLines, void, undefined> {
    for (let { fromSeq, toSeq } = range; fromSeq <= toSeq;) {
      const block = this.block({ ...range, fromSeq, toSeq });
      if (range.isNewestFirst === true) toSeq = block.doneSeq - 1;
      else fromSeq = block.doneSeq + 1;
      yield block;
      // Readers of a long range let others have their turn.
      if (fromSeq <= toSeq) await nextTurn();
    }
  }

  /**
   * Gives the first block of a scan.
   *
   * @throws {LinesDroppedError} if a line of it was dropped
   */
  block(range: ScanRange): ScannedLines {
    const { fromSeq, toSeq, wanted, isNewestFirst = false } = range;
    if (wanted !== undefined || isNewestFirst) return this.#collect(range);
    const given = this.#given;
    if (given?.fromSeq === fromSeq && given.toSeq === toSeq && this.has(fromSeq)) return given.block;
    const block = this.#collect(range);
    this.#given = { fromSeq, toSeq, block };
    return block;
  }

  #collect({ fromSeq, toSeq, isNewestFirst = false, wanted }: ScanRange): ScannedLines {
    const step = isNewestFirst ? -1 : 1;
    const lines: EventLine[] = [];
    let seq = isNewestFirst ? toSeq : fromSeq;
    const isWithin = (): boolean => seq >= fromSeq && seq <= toSeq;
    for (let [count, bytes] = [0, 0]; isWithin() && count < BLOCK_LINES_MAX && bytes < BLOCK_BYTES_MAX; seq += step) {
      const line = this.get(seq);
      count += 1;
      bytes += line.text.length;
      if (wanted === undefined || wanted.some((bytes) => line.text.includes(bytes))) lines.push(line);
    }
    return { lines, doneSeq: seq - step };
  }

  /**
   * Erases a line, in its bytes: readers that have them see the erased line.
   *
   * @returns false if it was dropped
   */
  erase({ seq, left, sizeBytes }: Erasure): boolean {
    if (!this.has(seq)) return false;
    const line = this.get(seq);
    this.#given = undefined;
    erasedPartB(sizeBytes).copy(line.text, line.bodyStart - SALT_HEAD_BYTES);
    this.#lines[this.#dropped + seq - this.#firstSeq] = { ...line, left };
    return true;
  }

  /**
   * Returns a line.
   *
   * @throws {LinesDroppedError} if it was dropped
   */
  get(seq: number): EventLine {
    const line = seq < this.#firstSeq ? undefined : this.#lines[this.#dropped + seq - this.#firstSeq];
    if (line === undefined) throw new LinesDroppedError(seq, this.#firstSeq);
    return line;
  }
}
