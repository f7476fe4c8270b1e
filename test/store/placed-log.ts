/** A log in memory whose lines can be read again by their place, as those of a log in files can. */
import { invariant } from '../../src/base/invariant.js';
import type { TextPlace } from '../../src/base/text-place.js';
import type { ReadRange, ScannedLines, ScanRange } from '../../src/log/event-lines.js';
import type {
  AppendedLine, AppendOptions, LineDraft, Log, LogBase, LogLine, LogOptions, LogPosition, LogState, SealedSegments,
} from '../../src/log/log.js';
import type { LineClock } from '../../src/log/line-clock.js';
import { MemoryLog } from '../../src/log/memory-log.js';

/** Bodies begin somewhere in a line, not at its start. */
const BODY_OFFSET = 7;

/** What a log of this kind is made with. */
export interface PlacedLogOptions {
  readonly logId?: string;
  readonly base?: LogBase;
  /** @default 5 */
  readonly linesPerSegment?: number;
}

/** No test looks into sealed segments; that there are any is what tells a log in files from one in memory. */
const SEALED: SealedSegments = {
  list: () => [],
  sealedAtMs: () => Promise.resolve(undefined),
  compress: () => Promise.resolve(),
  keepForm: () => Promise.resolve(),
  erase: () => Promise.resolve(),
  remove: () => Promise.resolve(),
};

/** Segments are texts in memory. */
export class PlacedLog implements Log {
  readonly project = 'alpha';
  readonly sealed = SEALED;
  readonly configured: LogOptions[] = [];
  /** Bytes by first seq. A test may change, cut or remove them. */
  readonly segments = new Map<number, Buffer>();
  /** Places that were read, in order. */
  readonly reads: TextPlace[] = [];
  /** Called before each read gives its bytes; may wait, or throw what a disk throws. */
  beforeRead: (place: TextPlace) => Promise<void> | void = () => undefined;
  /** Called by each sync, and by each append that is to be durable. */
  onSync: () => Promise<void> = () => Promise.resolve();
  readonly #inner: MemoryLog;
  readonly #linesPerSegment: number;
  readonly #places = new Map<number, TextPlace>();
  #segment = 0;
  #linesInSegment = 0;

  constructor({ logId = '0123456789abcdef0123456789abcdef', base, linesPerSegment = 5 }: PlacedLogOptions = {}) {
    this.#inner = new MemoryLog({ project: this.project, logId, ...(base === undefined ? {} : { base }) });
    this.#linesPerSegment = linesPerSegment;
    this.#linesInSegment = linesPerSegment;
  }

  get logId(): string {
    return this.#inner.logId;
  }

  get clock(): LineClock {
    return this.#inner.clock;
  }

  get base(): LogBase | undefined {
    return this.#inner.base;
  }

  async append(
    drafts: readonly LineDraft[], expectedLastSeq: number, { isDurable = false, ...options }: AppendOptions = {},
  ): Promise<readonly AppendedLine[]> {
    const lines = await this.#inner.append(drafts, expectedLastSeq, options);
    if (isDurable) await this.onSync();
    return lines.map((line, index) => ({ ...line, place: this.#store(line.seq, drafts[index]?.body ?? '') }));
  }

  #store(seq: number, body: string): TextPlace {
    if (this.#linesInSegment === this.#linesPerSegment) {
      this.#segment = seq;
      this.#linesInSegment = 0;
      this.segments.set(seq, Buffer.alloc(0));
    }
    this.#linesInSegment += 1;
    const before = this.segments.get(this.#segment) ?? Buffer.alloc(0);
    const bytes = Buffer.from(body);
    this.segments.set(this.#segment, Buffer.concat([before, Buffer.alloc(BODY_OFFSET, '#'), bytes]));
    const place = { segment: this.#segment, offset: before.length + BODY_OFFSET, sizeBytes: bytes.length };
    this.#places.set(seq, place);
    return place;
  }

  async readText(place: TextPlace): Promise<Buffer> {
    this.reads.push(place);
    await this.beforeRead(place);
    const bytes = this.segments.get(place.segment)?.subarray(place.offset, place.offset + place.sizeBytes);
    if (bytes === undefined) throw new Error(`There is no segment ${place.segment}`);
    return Buffer.from(bytes);
  }

  /** Removes every segment whose last line is at or below a seq. */
  dropSegments(throughSeq: number): void {
    const firstSeqs = [...this.segments.keys()];
    for (const [index, firstSeq] of firstSeqs.entries()) {
      const next = firstSeqs[index + 1];
      if (next !== undefined && next <= throughSeq + 1) this.segments.delete(firstSeq);
    }
  }

  /** Changes one byte of a stored value's text. */
  damage(place: TextPlace): void {
    const segment = this.segments.get(place.segment);
    invariant(segment !== undefined, 'what is damaged is there');
    const at = place.offset + place.sizeBytes - 1;
    segment[at] = (segment[at] ?? 0) ^ 1;
  }

  async *read(range: ReadRange): AsyncGenerator<LogLine> {
    for await (const line of this.#inner.read(range)) {
      const place = this.#places.get(line.seq);
      yield place === undefined ? line : { ...line, place };
    }
  }

  firstSeq(): number {
    return this.#inner.firstSeq();
  }

  scan(range: ScanRange): AsyncGenerator<ScannedLines, void, undefined> {
    return this.#inner.scan(range);
  }

  newest(range: ScanRange): ScannedLines | undefined {
    return this.#inner.newest(range);
  }

  keepNewest(isWanted: boolean): void {
    this.#inner.keepNewest(isWanted);
  }

  position(): LogPosition {
    return this.#inner.position();
  }

  state(): LogState {
    return this.#inner.state();
  }

  onStateChange(listener: () => void): void {
    this.#inner.onStateChange(listener);
  }

  configure(options: LogOptions): void {
    this.configured.push(options);
  }

  async sync(): Promise<void> {
    await this.onSync();
    await this.#inner.sync();
  }

  async close(): Promise<void> {
    await this.#inner.close();
  }
}
