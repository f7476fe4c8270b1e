/** A log whose appends wait until the test lets them through or fails them. */
import { invariant } from '../../src/base/invariant.js';
import type { TextPlace } from '../../src/base/text-place.js';
import type { ReadRange, ScannedLines, ScanRange } from '../../src/log/event-lines.js';
import type { LineClock } from '../../src/log/line-clock.js';
import type { AppendedLine, AppendOptions, LineDraft, Log, LogLine, LogOptions, LogPosition, LogState } from '../../src/log/log.js';
import { MemoryLog } from '../../src/log/memory-log.js';

/** Rounds of the event loop that a test waits for something that is due. */
const ROUNDS_MAX = 1000;
/** More than a store waits for commands that join its next batch. */
const SETTLING_ROUNDS = 8;

interface PendingAppend {
  readonly drafts: readonly LineDraft[];
  readonly expectedLastSeq: number;
  readonly options: AppendOptions | undefined;
  readonly resolve: (lines: Promise<readonly AppendedLine[]>) => void;
  readonly reject: (error: unknown) => void;
}

/** Lines are kept by a log in memory, once they are let through. */
export class ScriptedLog implements Log {
  readonly #inner: MemoryLog;
  #pending: PendingAppend[] = [];
  readonly base = undefined;
  readonly sealed = undefined;
  /** What `configure` was called with. */
  readonly configured: LogOptions[] = [];
  /** The operations of every append, those that failed included. */
  readonly batches: (readonly string[])[] = [];
  /** How many appends were in flight at once, at most. */
  inFlightMax = 0;

  constructor(project = 'alpha') {
    this.#inner = new MemoryLog({ project, logId: '0123456789abcdef0123456789abcdef' });
  }

  get clock(): LineClock {
    return this.#inner.clock;
  }

  get project(): string {
    return this.#inner.project;
  }

  get logId(): string {
    return this.#inner.logId;
  }

  /** How many appends are in flight. */
  get inFlight(): number {
    return this.#pending.length;
  }

  append(drafts: readonly LineDraft[], expectedLastSeq: number, options?: AppendOptions): Promise<readonly AppendedLine[]> {
    this.batches.push(drafts.map(({ op }) => op));
    return new Promise((resolve, reject) => {
      this.#pending.push({ drafts, expectedLastSeq, options, resolve, reject });
      this.inFlightMax = Math.max(this.inFlightMax, this.#pending.length);
    });
  }

  /** Waits for an append, and carries it out. */
  async letThrough(): Promise<void> {
    const { drafts, expectedLastSeq, options, resolve } = await this.#due();
    resolve(this.#inner.append(drafts, expectedLastSeq, options));
    await settled();
  }

  /** Waits for an append, and lets it fail with nothing appended. */
  async fail(error: unknown): Promise<void> {
    (await this.#due()).reject(error);
    await settled();
  }

  /** Lets every append through that is in flight or comes within the next rounds. */
  async letAllThrough(): Promise<void> {
    for (await settled(); this.#pending.length > 0; await settled()) await this.letThrough();
  }

  async #due(): Promise<PendingAppend> {
    for (let round = 0; round < ROUNDS_MAX && this.#pending.length === 0; round += 1) await settled();
    const due = this.#pending.shift();
    invariant(due !== undefined, 'an append that the test waits for comes');
    return due;
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

  read(range: ReadRange): AsyncIterable<LogLine> {
    return this.#inner.read(range);
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

  sync(): Promise<void> {
    return this.#inner.sync();
  }

  readText(place: TextPlace): Promise<Buffer> {
    return this.#inner.readText(place);
  }

  configure(options: LogOptions): void {
    this.configured.push(options);
  }

  async close(): Promise<void> {
    await this.#inner.close();
  }
}

/** Resolves when everything that could happen without further input has happened. */
export async function settled(): Promise<void> {
  for (let round = 0; round < SETTLING_ROUNDS; round += 1) await new Promise((resolve) => setImmediate(resolve));
}
