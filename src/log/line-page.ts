/**
 * Lines that follow on one another, in one piece of memory. A busy log keeps thousands of its newest lines for a moment. As objects they
 * would live just long enough to be copied by the garbage collector again and again, so here a line is bytes and a few numbers.
 */
import { invariant } from '../base/invariant.js';
import type { EncodedBatch } from './batch-encoder.js';
import type { EventLine } from './event-lines.js';
import { HASH_CHARACTERS, HASH_MARK } from './line-format.js';
import { HASH_TAIL_BYTES } from './line-scan.js';

/** Whole lines with their line feeds, as many as fit. */
export class LinePage {
  /** Seq of its first line. */
  readonly firstSeq: number;
  /** Its memory, used up to a place. */
  readonly bytes: Buffer;
  readonly #previousHash: string;
  /** Where each line ends, in bytes. */
  readonly #ends: number[] = [];
  /** Where the fields of each line begin, in bytes from its start. */
  readonly #bodyStarts: number[] = [];
  readonly #timesMs: number[] = [];
  readonly #ops: string[] = [];
  readonly #actors: string[] = [];

  /**
   * @param bytes its memory; what is in it does not matter
   * @param previousHash hash of the line before the first one
   */
  constructor(bytes: Buffer, firstSeq: number, previousHash: string) {
    this.bytes = bytes;
    this.firstSeq = firstSeq;
    this.#previousHash = previousHash;
  }

  /** Seq of its last line; one below the first if it is empty. */
  get lastSeq(): number {
    return this.firstSeq + this.#ends.length - 1;
  }

  /** Whether there is room for a line. */
  hasRoomFor(sizeBytes: number): boolean {
    return this.#endOf(this.lastSeq) + sizeBytes <= this.bytes.length;
  }

  /**
   * Copies lines of a batch, from one on, as many as there is room for.
   *
   * @param bytes all lines of the batch
   * @param offset where the first of them begins
   * @returns how many bytes were copied
   */
  take({ lines, extents }: EncodedBatch, from: number, bytes: Buffer, offset: number): number {
    const start = this.#endOf(this.lastSeq);
    let end = start;
    for (let index = from; index < extents.length; index += 1) {
      const [line, extent] = [lines[index], extents[index]];
      invariant(line !== undefined && extent !== undefined, 'each line has its extent');
      if (end + extent.sizeBytes > this.bytes.length) break;
      end += extent.sizeBytes;
      this.#ends.push(end);
      this.#bodyStarts.push(extent.bodyOffset);
      this.#timesMs.push(line.timeMs);
      this.#ops.push(line.op);
      // Equal actors share one text, since each request makes its own.
      const before = this.#actors.at(-1);
      this.#actors.push(before === line.actor ? before : line.actor);
    }
    bytes.copy(this.bytes, start, offset, offset + end - start);
    return end - start;
  }

  /** Returns the length of a line with its line feed, in bytes. */
  sizeOf(seq: number): number {
    return this.#endOf(seq) - this.#endOf(seq - 1);
  }

  #endOf(seq: number): number {
    return this.#ends[seq - this.firstSeq] ?? 0;
  }

  /** The digits of the hash of a line, or of the line before the first one. */
  #hashOf(seq: number): string {
    if (seq < this.firstSeq) return this.#previousHash;
    const start = this.#endOf(seq) - 1 - HASH_TAIL_BYTES + HASH_MARK.length;
    return this.bytes.toString('latin1', start, start + HASH_CHARACTERS);
  }

  /** Copies lines, the last one included, in order. */
  lines(fromSeq: number, toSeq: number): EventLine[] {
    const start = this.#endOf(fromSeq - 1);
    const copy = Buffer.from(this.bytes.subarray(start, this.#endOf(toSeq)));
    const lines: EventLine[] = [];
    let previousHash = this.#hashOf(fromSeq - 1);
    for (let [seq, offset] = [fromSeq, 0]; seq <= toSeq; seq += 1) {
      const index = seq - this.firstSeq;
      const text = copy.subarray(offset, offset + this.sizeOf(seq) - 1);
      const [timeMs, op, actor] = [this.#timesMs[index], this.#ops[index], this.#actors[index]];
      const [bodyStart, hash] = [this.#bodyStarts[index], this.#hashOf(seq)];
      invariant(timeMs !== undefined && op !== undefined && actor !== undefined && bodyStart !== undefined, 'a line is of its page');
      lines.push({ seq, timeMs, op, actor, hash, previousHash, text, bodyStart, bodyEnd: text.length - HASH_TAIL_BYTES });
      previousHash = hash;
      offset += text.length + 1;
    }
    return lines;
  }

  /** Copies those of some lines that contain one of some bytes, in order. */
  linesWith(wanted: readonly Buffer[], fromSeq: number, toSeq: number): EventLine[] {
    const searched = this.bytes.subarray(0, this.#endOf(toSeq));
    const found = new Set<number>();
    for (const one of wanted) {
      let seq = fromSeq;
      for (let at = searched.indexOf(one, this.#endOf(seq - 1)); at >= 0; at = searched.indexOf(one, this.#endOf(seq - 1))) {
        while (this.#endOf(seq) <= at) seq += 1;
        found.add(seq);
        seq += 1;
        if (seq > toSeq) break;
      }
    }
    return [...found].sort((one, other) => one - other).flatMap((seq) => this.lines(seq, seq));
  }

  /** Replaces a part of a line. */
  replace(seq: number, offset: number, bytes: Buffer): void {
    bytes.copy(this.bytes, this.#endOf(seq - 1) + offset);
  }
}
