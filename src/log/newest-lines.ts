/**
 * The newest lines of a log, in memory, up to a number of bytes. They are those that this process has encoded, so that nothing has to be
 * decoded or verified, and readers at the same place get the same block of them.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { invariant } from '../base/invariant.js';
import type { EncodedBatch } from './batch-encoder.js';
import { type Erasure, erasedPartB } from './erased-lines.js';
import { LinePage } from './line-page.js';
import { SALT_HEAD_BYTES } from './line-scan.js';
import { LinesDroppedError } from './log-errors.js';
import type { EventLine, ScannedLines, ScanRange } from './event-lines.js';

/** Memory of the pages of a busy log. Those of a log with few lines are smaller, since a server may have thousands of logs. */
const PAGE_BYTES = 65_536;
const SMALL_PAGE_BYTES = 4096;
/** Lines, and bytes of lines, that are yielded together. */
const BLOCK_LINES_MAX = 256;
const BLOCK_BYTES_MAX = 65_536;

/** Lines that follow on one another, up to the end of a log. */
export class NewestLines {
  readonly #bytesMax: number;
  /** Oldest first, none of them empty. */
  readonly #pages: LinePage[] = [];
  /** The memory of the last page of the usual size whose lines were all dropped, for the next one. */
  #spare: Buffer | undefined;
  #keptBytes = 0;
  /** Seq of the first kept line; one above the end if there is none. */
  #firstSeq: number;
  /** Lines that were erased. */
  readonly #erased = new Map<number, EventLine>();
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
  add(batch: EncodedBatch, bytes: Buffer, previousHash: string): void {
    this.#given = undefined;
    const { lines, extents } = batch;
    for (let [index, offset] = [0, 0]; index < lines.length;) {
      const [line, extent] = [lines[index], extents[index]];
      invariant(line !== undefined && extent !== undefined, 'each line has its extent');
      const page = this.#pageFor(extent.sizeBytes, line.seq, lines[index - 1]?.hash ?? previousHash);
      offset += page.take(batch, index, bytes, offset);
      index += page.lastSeq - line.seq + 1;
    }
    this.#keptBytes += bytes.length;
    while (this.#keptBytes > this.#bytesMax) this.#dropFirst();
  }

  #pageFor(sizeBytes: number, seq: number, previousHash: string): LinePage {
    const last = this.#pages.at(-1);
    if (last?.hasRoomFor(sizeBytes) === true) return last;
    const dueBytes = Math.max(sizeBytes, Math.min(PAGE_BYTES, Math.max(SMALL_PAGE_BYTES, this.#keptBytes)));
    const bytes = dueBytes === this.#spare?.length ? this.#spare : Buffer.allocUnsafeSlow(dueBytes);
    if (bytes === this.#spare) this.#spare = undefined;
    const page = new LinePage(bytes, seq, previousHash);
    this.#pages.push(page);
    return page;
  }

  /** Drops all lines, since some of them are to be erased. A scan in progress then finds its next one dropped. */
  dropAll(): void {
    while (this.#pages.length > 0) this.#dropFirst();
  }

  #dropFirst(): void {
    const [page] = this.#pages;
    invariant(page !== undefined, 'bytes are kept in lines');
    this.#keptBytes -= page.sizeOf(this.#firstSeq);
    if (this.#erased.size > 0) this.#erased.delete(this.#firstSeq);
    this.#firstSeq += 1;
    if (this.#firstSeq <= page.lastSeq) return;
    this.#pages.shift();
    if (page.bytes.length === PAGE_BYTES) this.#spare = page.bytes;
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
   * Gives the first block of a scan. Its lines stay as they are, whatever is added and dropped.
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
    const [from, to] = isNewestFirst ? [this.#farthest(toSeq, fromSeq), toSeq] : [fromSeq, this.#farthest(fromSeq, toSeq)];
    const lines: EventLine[] = [];
    for (let seq = from; seq <= to;) {
      const page = this.#pageOf(seq);
      const last = Math.min(to, page.lastSeq);
      lines.push(...wanted === undefined ? page.lines(seq, last) : page.linesWith(wanted, seq, last));
      seq = last + 1;
    }
    const found = this.#erased.size === 0 ? lines : lines.map((line) => this.#erased.get(line.seq) ?? line);
    return { lines: isNewestFirst ? found.reverse() : found, doneSeq: isNewestFirst ? from : to };
  }

  /** Returns the last line of a block that goes from one line to another or not as far. */
  #farthest(fromSeq: number, toSeq: number): number {
    const step = Math.sign(toSeq - fromSeq);
    let page = this.#pageOf(fromSeq);
    let [seq, bytes] = [fromSeq, page.sizeOf(fromSeq)];
    while (seq !== toSeq && Math.abs(seq - fromSeq) < BLOCK_LINES_MAX - 1 && bytes < BLOCK_BYTES_MAX) {
      seq += step;
      if (seq < page.firstSeq || seq > page.lastSeq) page = this.#pageOf(seq);
      bytes += page.sizeOf(seq);
    }
    return seq;
  }

  #pageOf(seq: number): LinePage {
    const page = this.has(seq) ? this.#pages.findLast(({ firstSeq }) => firstSeq <= seq) : undefined;
    if (page === undefined || seq > page.lastSeq) throw new LinesDroppedError(seq, this.#firstSeq);
    return page;
  }

  /**
   * Erases a line, in its bytes: readers get the erased line from now on.
   *
   * @returns false if it was dropped
   */
  erase({ seq, left, sizeBytes }: Erasure): boolean {
    if (!this.has(seq)) return false;
    this.#given = undefined;
    this.#pageOf(seq).replace(seq, this.get(seq).bodyStart - SALT_HEAD_BYTES, erasedPartB(sizeBytes));
    this.#erased.set(seq, { ...this.get(seq), left });
    return true;
  }

  /**
   * Returns a line.
   *
   * @throws {LinesDroppedError} if it was dropped
   */
  get(seq: number): EventLine {
    const line = this.#erased.get(seq) ?? this.#pageOf(seq).lines(seq, seq)[0];
    invariant(line !== undefined, 'a kept line can be read');
    return line;
  }
}
