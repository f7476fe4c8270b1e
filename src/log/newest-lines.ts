/**
 * The newest lines of a log, in memory, up to a number of bytes. A line is decoded when a reader asks for it first, once for all
 * readers: appending costs only a view of its bytes.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { invariant } from '../base/invariant.js';
import { readOwnLine } from './decode-lines.js';
import type { EncodedBatch } from './batch-encoder.js';
import { LinesDroppedError } from './log-errors.js';
import type { EventLine, ScannedLines, ScanRange } from './event-lines.js';

/** How many entries at the start of the list may be empty before it is copied without them. */
const DROPPED_LINES_SLACK = 1024;
/** Lines, and bytes of lines, that are yielded together. */
const BLOCK_LINES_MAX = 256;
const BLOCK_BYTES_MAX = 65_536;

interface KeptLine {
  /** Without its line feed. */
  readonly text: Buffer;
  readonly previousHash: string;
  decoded: EventLine | undefined;
}

/** Lines that follow on one another, up to the end of a log. */
export class NewestLines {
  readonly #bytesMax: number;
  #lines: (KeptLine | undefined)[] = [];
  /** Number of dropped entries at the start of `#lines`. They are empty, so they hold no memory. */
  #dropped = 0;
  #keptBytes = 0;
  /** Seq of the first kept line; one above the end if there is none. */
  #firstSeq: number;

  /** @param endSeq last seq of the log */
  constructor(bytesMax: number, endSeq: number) {
    this.#bytesMax = bytesMax;
    this.#firstSeq = endSeq + 1;
  }

  /** Seq of the first kept line; one above the end of the log if there is none. */
  get firstSeq(): number {
    return this.#firstSeq;
  }

  /**
   * Adds the lines of a batch, and drops the oldest lines beyond the limit.
   *
   * @param bytes the text of the batch
   * @param previousHash hash of the line before it
   */
  add({ lines, lineBytes }: EncodedBatch, bytes: Buffer, previousHash: string): void {
    let [offset, hash] = [0, previousHash];
    lines.forEach((line, index) => {
      const sizeBytes = lineBytes[index] ?? 0;
      this.#lines.push({ text: bytes.subarray(offset, offset + sizeBytes - 1), previousHash: hash, decoded: undefined });
      this.#keptBytes += sizeBytes;
      offset += sizeBytes;
      hash = line.hash;
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
  async* scan({ fromSeq, toSeq, isNewestFirst = false, wanted }: ScanRange): AsyncGenerator<ScannedLines, void, undefined> {
    const step = isNewestFirst ? -1 : 1;
    const isWithin = (seq: number): boolean => seq >= fromSeq && seq <= toSeq;
    let seq = isNewestFirst ? toSeq : fromSeq;
    while (isWithin(seq)) {
      const lines: EventLine[] = [];
      for (let [count, bytes] = [0, 0]; isWithin(seq) && count < BLOCK_LINES_MAX && bytes < BLOCK_BYTES_MAX; seq += step) {
        const kept = this.#get(seq);
        count += 1;
        bytes += kept.text.length;
        if (wanted === undefined || kept.text.includes(wanted)) lines.push(decodedOf(kept, seq));
      }
      yield { lines, doneSeq: seq - step };
      // Readers of a long range let others have their turn.
      if (isWithin(seq)) await nextTurn();
    }
  }

  /**
   * Returns a line.
   *
   * @throws {LinesDroppedError} if it was dropped
   */
  get(seq: number): EventLine {
    return decodedOf(this.#get(seq), seq);
  }

  #get(seq: number): KeptLine {
    const kept = seq < this.#firstSeq ? undefined : this.#lines[this.#dropped + seq - this.#firstSeq];
    if (kept === undefined) throw new LinesDroppedError(seq, this.#firstSeq);
    return kept;
  }
}

function decodedOf(kept: KeptLine, seq: number): EventLine {
  return (kept.decoded ??= readOwnLine(kept.text, { seq, previousHash: kept.previousHash }));
}
