/**
 * Follows the events of a project, whichever log holds them: existing ones and then new ones.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ChangeNotice } from '../base/change-notice.js';
import type { ScanRange } from '../log/event-lines.js';
import type { Log } from '../log/log.js';
import { type Blocks, type FeedBlock, matching, readLog } from './event-blocks.js';
import type { EventMatcher } from './event-filter.js';

/** What a cursor needs of its feed. */
interface FollowedFeed {
  readonly log: () => Log;
  readonly next: WeakMap<Log, Log>;
  readonly notice: ChangeNotice;
  readonly isEnded: () => boolean;
  readonly erasures: () => number;
}

/** Reads one event after another, existing ones and then new ones. */
export class EventCursor {
  /** The log that it reads. */
  log: Log;
  /** Called once, when it is closed. */
  onClose: () => void = () => undefined;
  readonly #feed: FollowedFeed;
  readonly #matcher: EventMatcher;
  #blocks: Blocks | undefined;
  #doneSeq: number;
  /** True if there is more in memory than the block that was read last: then others have their turn first. */
  #isBehind = false;

  constructor(feed: FollowedFeed, afterSeq: number, matcher: EventMatcher) {
    this.#feed = feed;
    this.#matcher = matcher;
    this.log = feed.log();
    this.#doneSeq = afterSeq;
  }

  /** Every event up to this one has been examined. */
  get doneSeq(): number {
    return this.#doneSeq;
  }

  /** True if every event of the log that it reads has been examined, although that may have been replaced. */
  get isAtEnd(): boolean {
    return this.#doneSeq >= this.log.position().seq;
  }

  /** True if every event that there is has been examined. */
  get isLive(): boolean {
    return this.#doneSeq >= this.#feed.log().position().seq;
  }

  /**
   * Reads on if the next lines are in memory. Cursors without a filter that are at the same place get the same events.
   *
   * @returns undefined if there is nothing new, or {@link EventCursor.next} has to read it
   */
  nextAtOnce(): FeedBlock | undefined {
    const { seq } = this.log.position();
    if (this.#blocks !== undefined || this.#isBehind || this.#doneSeq >= seq) return undefined;
    const found = this.log.newest({ fromSeq: this.#doneSeq + 1, toSeq: seq, wanted: this.#matcher.wanted });
    if (found === undefined) return undefined;
    this.#doneSeq = found.doneSeq;
    this.#isBehind = found.doneSeq < seq;
    return { ...matching(found, this.#matcher), erasures: this.#feed.erasures() };
  }

  /**
   * Reads on. One call at a time.
   *
   * @returns the next events, perhaps none that match; undefined if there is nothing new
   * @throws {LogCorruptError} if a line on disk is not the one that was written
   * @throws {LinesDroppedError} if the next line no longer exists
   */
  async next(admit?: ScanRange['admit']): Promise<FeedBlock | undefined> {
    for (;;) {
      const erasures = this.#feed.erasures();
      const block = await this.#blocks?.next();
      if (block?.done === false) {
        this.#doneSeq = block.value.doneSeq;
        return { ...block.value, erasures };
      }
      this.#blocks = undefined;
      if (this.#isBehind) await nextTurn();
      this.#isBehind = false;
      const { seq } = this.log.position();
      if (this.#doneSeq < seq) {
        this.#blocks = readLog(this.log, { afterSeq: this.#doneSeq, untilSeq: seq, admit }, this.#matcher);
      } else if (!this.#moveOn()) return undefined;
    }
  }

  /** Goes on in the log that replaced the one that was read to its end. */
  #moveOn(): boolean {
    const next = this.log === this.#feed.log() ? undefined : this.#feed.next.get(this.log);
    if (next === undefined) return false;
    this.log = next;
    // The old log may be closed now.
    this.#feed.notice.wake();
    return true;
  }

  /**
   * Calls back once, later, when there may be something new or nothing will come any more.
   *
   * @returns takes the wish back
   */
  onNews(resume: () => void): () => void {
    const isDue = !this.isLive || this.log !== this.#feed.log() || this.#feed.isEnded();
    if (isDue) queueMicrotask(resume);
    return isDue ? () => undefined : this.#feed.notice.once(resume);
  }

  /** Releases what it holds. */
  async close(): Promise<void> {
    this.onClose();
    await this.#blocks?.return(undefined);
  }
}
