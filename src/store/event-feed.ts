/**
 * The events of a project for readers outside: each durable line once, in order and without a gap, whichever log holds it at the time.
 * Nothing is pushed: a reader asks for the next lines when it has taken those before, so it costs no queue, and no write waits for it.
 *
 * A log may be replaced while it is read (a project moves between memory and disk). A cursor then reads the old log to its end and goes
 * on in the new one, which continues there. The old log stays open until {@link EventFeed.settle} resolves.
 */
import { AppError } from '../base/app-error.js';
import { ChangeNotice } from '../base/change-notice.js';
import type { EventLine, ScanRange } from '../log/event-lines.js';
import type { Log, LogPosition } from '../log/log.js';
import { type Blocks, type FeedBlock, type FeedRange, readLog } from './event-blocks.js';
import { EventCursor } from './event-cursor.js';
import { type EventFilter, type EventMatcher, matcherOf } from './event-filter.js';
import { KeyHistories } from './key-histories.js';

/** How long a log that was replaced stays open for cursors that have not reached its end, in milliseconds. */
const SETTLE_MS = 5000;

/** How long cursors that have been served are not woken again, in milliseconds. */
const REST_MS = 10;

/** Options of an {@link EventFeed}. */
interface FeedOptions {
  /** How long {@link EventFeed.settle} waits, in milliseconds. @default 5_000 */
  readonly settleMs?: number;
  /** Returns the seq of the newest event that names a key among those up to a seq; undefined if that is unknown. @default unknown */
  readonly newestOf?: (key: string, untilSeq: number) => number | undefined;
  /** Whether there are erased lines. @default there may be */
  readonly hasErased?: () => boolean;
}

/** The events of one project. */
export class EventFeed {
  readonly #log: () => Log;
  readonly #settleMs: number;
  readonly #newestOf: NonNullable<FeedOptions['newestOf']>;
  readonly #hasErased: () => boolean;
  readonly #histories = new KeyHistories();
  readonly #notice = new ChangeNotice();
  readonly #cursors = new Set<EventCursor>();
  /** Readings in progress that are no cursors. */
  readonly #readings = new Set<{ readonly log: Log }>();
  /** The log that replaced each one. */
  readonly #next = new WeakMap<Log, Log>();
  #endedBy: AppError | undefined;
  #erasures = 0;
  /** Whether lines were applied since the last waking. */
  #isDue = false;
  /** Whether a waking is about to come, or was a moment ago. */
  #isResting = false;

  /** @param log returns the current log */
  constructor(log: () => Log, { settleMs = SETTLE_MS, newestOf = () => undefined, hasErased = () => true }: FeedOptions = {}) {
    this.#log = log;
    this.#settleMs = settleMs;
    this.#newestOf = newestOf;
    this.#hasErased = hasErased;
  }

  /** The id of the log. */
  get logId(): string {
    return this.#log().logId;
  }

  /** The first seq that can be read; one above the last if there is none. */
  get oldestSeq(): number {
    return this.#log().firstSeq();
  }

  /** The last durable line. */
  get end(): LogPosition {
    return this.#log().position();
  }

  /** True once the project is deleted or the server has closed it: no more events come. */
  get isEnded(): boolean {
    return this.#endedBy !== undefined;
  }

  /**
   * Reads events.
   *
   * @throws {LogCorruptError} if a line on disk is not the one that was written
   * @throws {LinesDroppedError} if a line of the range no longer exists
   * @throws {AppError} the reason of {@link EventFeed.close} if the log was closed meanwhile
   */
  read(range: FeedRange): AsyncGenerator<FeedBlock, void, undefined> {
    const log = this.#log();
    const { key, prefix, op, actor, isNewestFirst = false, admit } = range;
    const matcher = matcherOf(range, this.#hasErased());
    const isHistory = isNewestFirst && prefix === undefined && op === undefined && actor === undefined;
    if (!isHistory || key === undefined) return this.#keeping(log, readLog(log, range, matcher));
    const rest = { key, isNewestFirst, admit };
    return this.#keeping(log, this.#histories.read(key, range, (part) => this.#search(log, { ...part, ...rest }, matcher)));
  }

  /** Reads a log that stays open meanwhile, should it be replaced; see {@link EventFeed.settle}. */
  async* #keeping(log: Log, blocks: Blocks): AsyncGenerator<FeedBlock, void, undefined> {
    const reading = { log };
    this.#readings.add(reading);
    try {
      // A block is read when it is asked for.
      let erasures = this.#erasures;
      for await (const block of blocks) {
        yield { ...block, erasures };
        erasures = this.#erasures;
      }
    } catch (error) {
      // The log was closed because of this, while it was read.
      throw error instanceof AppError && error.code === 'shutting_down' ? this.#endedBy ?? error : error;
    } finally {
      this.#readings.delete(reading);
      if (log !== this.#log()) this.#notice.wake();
    }
  }

  /** Searches for the events of a key. A key that exists has none after that of its version, so the search begins there. */
  async* #search(log: Log, range: FeedRange & { readonly key: string }, matcher: EventMatcher): Blocks {
    const { key, afterSeq, untilSeq } = range;
    const fromSeq = Math.min(untilSeq, this.#newestOf(key, untilSeq) ?? untilSeq);
    if (fromSeq > afterSeq) yield* readLog(log, { ...range, untilSeq: fromSeq }, matcher);
    else if (untilSeq > afterSeq) yield { events: [], doneSeq: afterSeq + 1 };
  }

  /**
   * Reads the hash of the chain up to a line.
   *
   * @param seq from one below {@link EventFeed.oldestSeq} to the end
   * @throws {LogCorruptError} if the line after it is not the one that was written
   * @throws {LinesDroppedError} if the line after it no longer exists
   */
  async hashAt(seq: number): Promise<string> {
    const { end } = this;
    return seq === end.seq ? end.hash : (await this.lineAt(seq + 1)).previousHash;
  }

  /**
   * Finds the last line that is not later than a moment. If the clock was set back far, there may be several such lines before one that
   * is later; this finds one of them.
   *
   * @param timeMs milliseconds since 1970
   * @returns its seq; one below {@link EventFeed.oldestSeq} if every line is later
   * @throws {LogCorruptError} if a line on disk is not the one that was written
   */
  async seqAt(timeMs: number): Promise<number> {
    let [below, above] = [this.oldestSeq - 1, this.end.seq + 1];
    while (above - below > 1) {
      const seq = Math.floor((below + above) / 2);
      if ((await this.lineAt(seq)).timeMs <= timeMs) below = seq;
      else above = seq;
    }
    return below;
  }

  /**
   * Reads one line, and nothing but the segment that holds it.
   *
   * @param seq from {@link EventFeed.oldestSeq} to the end
   * @throws {LogCorruptError} if the line on disk is not the one that was written
   * @throws {LinesDroppedError} if it no longer exists
   */
  async lineAt(seq: number, admit?: ScanRange['admit']): Promise<EventLine> {
    const log = this.#log();
    const blocks = readLog(log, { afterSeq: seq - 1, untilSeq: seq, admit }, matcherOf({}));
    for await (const { events: [line] } of this.#keeping(log, blocks)) if (line !== undefined) return line;
    throw new TypeError(`Cannot read the line of seq ${seq}: a scan examines each line of its range`);
  }

  /**
   * Opens a cursor that follows the log. The caller closes it.
   *
   * @param afterSeq the seq before its first event, not above the end
   */
  follow(afterSeq: number, filter: EventFilter): EventCursor {
    const feed = {
      log: this.#log, next: this.#next, notice: this.#notice, isEnded: () => this.isEnded, erasures: () => this.#erasures,
    };
    const cursor = new EventCursor(feed, afterSeq, matcherOf(filter));
    this.#cursors.add(cursor);
    this.#log().keepNewest(true);
    cursor.onClose = () => {
      this.#cursors.delete(cursor);
      if (this.#cursors.size === 0) this.#log().keepNewest(false);
    };
    return cursor;
  }

  /**
   * Wakes cursors because lines were applied: after their writers have their answers, and with a rest of {@link REST_MS} between two
   * times. Each waking is a write to each socket, so beside many writers, few of them leave more time for both.
   */
  wake(): void {
    this.#isDue = this.#cursors.size > 0;
    if (!this.#isDue || this.#isResting) return;
    this.#isResting = true;
    setImmediate(() => this.#wakeNow());
  }

  #wakeNow(): void {
    this.#isDue = false;
    this.#notice.wake();
    const rise = (): void => {
      if (this.#isDue) this.#wakeNow();
      else this.#isResting = false;
    };
    // The rest begins when all of them have been served.
    setImmediate(() => setTimeout(rise, REST_MS));
  }

  /** Notes that a log was replaced by the current one. */
  noteReplaced(replaced: Log): void {
    this.#next.set(replaced, this.#log());
    this.#histories.clear();
    if (this.#cursors.size > 0) this.#log().keepNewest(true);
    this.#notice.wake();
  }

  /** Changes when lines were erased: what was read before must not be sent any more, see {@link EventFeed.readAgain}. */
  get erasures(): number {
    return this.#erasures;
  }

  /** Forgets lines that were read before some of them were erased. */
  forgetErased(): void {
    this.#erasures += 1;
    this.#histories.clear();
  }

  /**
   * Reads events again that were read before lines were erased.
   *
   * @throws as {@link EventFeed.lineAt}
   */
  async readAgain(events: readonly EventLine[], admit?: ScanRange['admit']): Promise<readonly EventLine[]> {
    const lines: EventLine[] = [];
    for (const { seq } of events) lines.push(await this.lineAt(seq, admit));
    return lines;
  }

  /**
   * Ends all cursors after the lines that exist.
   *
   * @param reason why nothing can be read any more
   */
  close(reason: AppError): void {
    this.#endedBy = reason;
    this.#histories.clear();
    this.#notice.wake();
  }

  /** Waits until nothing reads a log that was replaced, but not for long: a slow reader does not hold up a move. */
  async settle(): Promise<void> {
    const signal = AbortSignal.timeout(this.#settleMs);
    const isBehind = (): boolean => (
      [...this.#cursors].some((cursor) => cursor.log !== this.#log() && !cursor.isAtEnd)
      || [...this.#readings].some(({ log }) => log !== this.#log())
    );
    while (isBehind() && !signal.aborted) await this.#notice.wait(signal).catch(() => undefined);
  }
}
