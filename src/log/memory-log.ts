/**
 * A log in memory: the same chain and the same contract, without a disk. It keeps only its newest lines, so that its memory use is
 * bounded.
 */
import { AppError } from '../base/app-error.js';
import { type Clock, systemClock } from '../base/clock.js';
import { invariant } from '../base/invariant.js';
import { type Logger, silentLogger } from '../base/logger.js';
import type { TextPlace } from '../base/text-place.js';
import { encodeBatch } from './batch-encoder.js';
import { type Erasure, erasuresIn, REDACT } from './erased-lines.js';
import { LineClock } from './line-clock.js';
import { decodeEventLine, genesisHash } from './line-format.js';
import { LinesDroppedError, WrongLastSeqError } from './log-errors.js';
import type { LogObserver } from './log-observer.js';
import type { EventLine, ReadRange, ScannedLines, ScanRange } from './event-lines.js';
import type { AppendedLine, AppendOptions, LineDraft, Log, LogBase, LogLine, LogOptions, LogPosition, LogState } from './log.js';
import { NewestLines } from './newest-lines.js';

/** How many bytes of lines to keep for readers. */
const KEPT_BYTES_MAX = 16_777_216;

/** What a log in memory needs. */
interface MemoryLogOptions {
  readonly project: string;
  /** 32 hexadecimal digits. */
  readonly logId: string;
  /** What it continues from. @default nothing: it begins with seq 1 */
  readonly base?: LogBase;
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly observer?: LogObserver;
  /** @default {@link KEPT_BYTES_MAX} */
  readonly keptBytesMax?: number;
}

/** A log that does not survive the process. */
export class MemoryLog implements Log {
  readonly project: string;
  readonly logId: string;
  readonly base: LogBase | undefined;
  readonly sealed = undefined;
  readonly clock: LineClock;
  readonly #lines: NewestLines;
  readonly #observer: LogObserver | undefined;
  /** Of lines that are kept. */
  readonly #erasures = new Map<number, Erasure>();
  #end: LogPosition;
  #closed = false;
  #reportState: () => void = () => undefined;

  /** @param options identity, clock, how much is kept */
  constructor(options: MemoryLogOptions) {
    const logger = options.logger ?? silentLogger;
    this.project = options.project;
    this.logId = options.logId;
    const { base } = options;
    this.base = base;
    this.#observer = options.observer;
    this.#end = base ? { seq: base.seq, hash: base.hash } : { seq: 0, hash: genesisHash(options.project, options.logId) };
    this.#lines = new NewestLines(options.keptBytesMax ?? KEPT_BYTES_MAX, this.#end.seq);
    this.clock = new LineClock(options.clock ?? systemClock, (fromMs, toMs) => {
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

  append(drafts: readonly LineDraft[], expectedLastSeq: number, { timeMs }: AppendOptions = {}): Promise<readonly AppendedLine[]> {
    // Runs synchronously, so that a second append never starts before the first is done.
    return new Promise((resolve) => {
      resolve(this.#append(drafts, expectedLastSeq, timeMs ?? this.clock.now()));
    });
  }

  #append(drafts: readonly LineDraft[], expectedLastSeq: number, timeMs: number): readonly AppendedLine[] {
    invariant(drafts.length > 0, 'a batch has a line');
    if (this.#closed) throw new AppError('shutting_down', 'Cannot append to the log: it is closed');
    if (expectedLastSeq !== this.#end.seq) throw new WrongLastSeqError(expectedLastSeq, this.#end.seq);
    const batch = encodeBatch(drafts, { ...this.#end, durable: this.#end.seq }, timeMs);
    const bytes = Buffer.from(batch.text);
    this.#lines.add(batch, bytes, this.#end.hash);
    this.#end = batch.end;
    this.#observer?.appended(this.project, batch.lines, bytes.length);
    for (const line of batch.lines) if (line.op === REDACT) this.#erase(line);
    return batch.lines;
  }

  /** Erases what a line records, so that lines are the same wherever a log is kept. */
  #erase(by: LogLine): void {
    for (const seq of this.#erasures.keys()) if (!this.#lines.has(seq)) this.#erasures.delete(seq);
    for (const erasure of erasuresIn(by, by.body)) if (this.#lines.erase(erasure)) this.#erasures.set(erasure.seq, erasure);
  }

  firstSeq(): number {
    return this.#lines.firstSeq;
  }

  scan(range: ScanRange): AsyncGenerator<ScannedLines, void, undefined> {
    return this.#lines.scan(range);
  }

  newest(range: ScanRange): ScannedLines | undefined {
    return this.#lines.has(range.fromSeq) ? this.#lines.block(range) : undefined;
  }

  keepNewest(_isWanted: boolean): void {
    // All of its lines are in memory.
  }

  read(range: ReadRange): AsyncGenerator<LogLine> {
    const toSeq = Math.min(range.toSeq ?? this.#end.seq, this.#end.seq);
    return this.#read(Math.max(range.fromSeq, this.#lines.firstSeq), toSeq, range.signal);
  }

  async *#read(fromSeq: number, toSeq: number, signal?: AbortSignal): AsyncGenerator<LogLine> {
    for (let seq = fromSeq; seq <= toSeq; seq += 1) {
      signal?.throwIfAborted();
      yield this.#logLineOf(this.#lines.get(seq));
    }
  }

  async readText(place: TextPlace): Promise<Buffer> {
    // Lines of this log have no place, so this one belongs to another log.
    return await Promise.reject(new LinesDroppedError(place.segment, this.#lines.firstSeq));
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
    await Promise.resolve();
  }

  #logLineOf({ text, seq, previousHash }: EventLine): LogLine {
    const erasures = { find: (erased: number) => this.#erasures.get(erased), load: () => Promise.resolve() };
    const decoded = decodeEventLine(text, { seq, previousHash, durable: 0, segment: 0, offset: 0 }, erasures);
    invariant(decoded.ok, 'a line in memory is the one that was encoded');
    const { place: _, ...line } = decoded.value;
    return line;
  }
}
