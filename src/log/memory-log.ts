/**
 * A log in memory: the same chain and the same contract, without a disk. It keeps only its newest lines, so that its memory use is
 * bounded.
 */
import { AppError } from '../base/app-error.js';
import { type Clock, systemClock } from '../base/clock.js';
import { invariant } from '../base/invariant.js';
import { type Logger, silentLogger } from '../base/logger.js';
import type { TextPlace } from '../base/text-place.js';
import { AppendNotice } from './append-notice.js';
import { encodeBatch } from './batch-encoder.js';
import { LineClock } from './line-clock.js';
import { genesisHash } from './line-format.js';
import { LinesDroppedError, WrongLastSeqError } from './log-errors.js';
import type { AppendedLine, LineDraft, Log, LogBase, LogLine, LogOptions, LogPosition, LogState, ReadRange } from './log.js';

/** How many bytes of lines to keep for readers. */
const KEPT_BYTES_MAX = 16_777_216;

/** How many entries at the start of the list may be empty before it is copied without them. */
const DROPPED_LINES_SLACK = 1024;

/** What a log in memory needs. */
interface MemoryLogOptions {
  readonly project: string;
  /** 32 hexadecimal digits. */
  readonly logId: string;
  /** What it continues from. @default nothing: it begins with seq 1 */
  readonly base?: LogBase;
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** @default {@link KEPT_BYTES_MAX} */
  readonly keptBytesMax?: number;
}

interface KeptLine {
  readonly line: LogLine;
  readonly sizeBytes: number;
}

/** A log that does not survive the process. */
export class MemoryLog implements Log {
  readonly project: string;
  readonly logId: string;
  readonly base: LogBase | undefined;
  readonly sealed = undefined;
  readonly #clock: LineClock;
  readonly #keptBytesMax: number;
  readonly #notice = new AppendNotice();
  #lines: (KeptLine | undefined)[] = [];
  /** Number of dropped entries at the start of `#lines`. They are empty, so they hold no memory. */
  #dropped = 0;
  #keptBytes = 0;
  #end: LogPosition;
  #closed = false;
  #reportState: () => void = () => undefined;

  /** @param options identity, clock, how much is kept */
  constructor(options: MemoryLogOptions) {
    const logger = options.logger ?? silentLogger;
    this.project = options.project;
    this.logId = options.logId;
    this.#keptBytesMax = options.keptBytesMax ?? KEPT_BYTES_MAX;
    const { base } = options;
    this.base = base;
    this.#end = base ? { seq: base.seq, hash: base.hash } : { seq: 0, hash: genesisHash(options.project, options.logId) };
    this.#clock = new LineClock(options.clock ?? systemClock, (fromMs, toMs) => {
      logger.warn({ project: options.project, from_ms: fromMs, to_ms: toMs }, 'the clock went back');
    });
  }

  position(): LogPosition {
    return this.#end;
  }

  state(): LogState {
    return this.#closed ? 'closed' : 'writable';
  }

  onStateChange(listener: () => void): void {
    this.#reportState = listener;
  }

  append(drafts: readonly LineDraft[], expectedLastSeq: number): Promise<readonly AppendedLine[]> {
    // Runs synchronously, so that a second append never starts before the first is done.
    return new Promise((resolve) => {
      resolve(this.#append(drafts, expectedLastSeq));
    });
  }

  #append(drafts: readonly LineDraft[], expectedLastSeq: number): readonly AppendedLine[] {
    invariant(drafts.length > 0, 'a batch has a line');
    if (this.#closed) throw new AppError('shutting_down', 'Cannot append to the log: it is closed');
    if (expectedLastSeq !== this.#end.seq) throw new WrongLastSeqError(expectedLastSeq, this.#end.seq);
    const batch = encodeBatch(drafts, { ...this.#end, durable: this.#end.seq }, this.#clock);
    batch.lines.forEach((line, index) => {
      const sizeBytes = batch.lineBytes[index] ?? 0;
      this.#lines.push({ line, sizeBytes });
      this.#keptBytes += sizeBytes;
    });
    this.#end = batch.end;
    this.#drop();
    this.#notice.wake();
    return batch.lines;
  }

  #drop(): void {
    while (this.#keptBytes > this.#keptBytesMax) {
      const oldest = this.#lines[this.#dropped];
      if (oldest === undefined) break;
      this.#keptBytes -= oldest.sizeBytes;
      this.#lines[this.#dropped] = undefined;
      this.#dropped += 1;
    }
    if (this.#dropped < DROPPED_LINES_SLACK && this.#dropped < this.#lines.length) return;
    this.#lines = this.#lines.slice(this.#dropped);
    this.#dropped = 0;
  }

  /** The first kept seq; one above the end if there is none. */
  #firstKeptSeq(): number {
    return this.#lines[this.#dropped]?.line.seq ?? this.#end.seq + 1;
  }

  read(range: ReadRange): AsyncGenerator<LogLine> {
    const toSeq = Math.min(range.toSeq ?? this.#end.seq, this.#end.seq);
    return this.#read(Math.max(range.fromSeq, this.#firstKeptSeq()), toSeq, range.signal);
  }

  async *#read(fromSeq: number, toSeq: number, signal?: AbortSignal): AsyncGenerator<LogLine> {
    for (let seq = fromSeq; seq <= toSeq; seq += 1) {
      signal?.throwIfAborted();
      const firstKeptSeq = this.#firstKeptSeq();
      const line = this.#lines[this.#dropped + seq - firstKeptSeq]?.line;
      if (line === undefined) throw new LinesDroppedError(seq, firstKeptSeq);
      yield line;
    }
  }

  async *follow(range: ReadRange): AsyncGenerator<LogLine> {
    let fromSeq = Math.max(range.fromSeq, this.#firstKeptSeq());
    for (;;) {
      range.signal?.throwIfAborted();
      for await (const line of this.#read(fromSeq, this.#end.seq, range.signal)) {
        fromSeq = line.seq + 1;
        yield line;
      }
      if (fromSeq <= this.#end.seq) continue;
      if (this.#closed) return;
      await this.#notice.wait(range.signal);
    }
  }

  async readText(place: TextPlace): Promise<Buffer> {
    // Lines of this log have no place, so this one belongs to another log.
    return await Promise.reject(new LinesDroppedError(place.segment, this.#firstKeptSeq()));
  }

  async sync(): Promise<void> {
    // Memory is as durable as it gets.
    await Promise.resolve();
  }

  configure(_options: LogOptions): void {
    // No option concerns a log without a disk.
  }

  async close(): Promise<void> {
    const isChange = !this.#closed;
    this.#closed = true;
    if (isChange) this.#reportState();
    this.#notice.wake();
    await Promise.resolve();
  }
}
