/**
 * The past state of a project in memory, computed from the lines that its log keeps. Nothing of such a project goes to disk, and its log
 * keeps 16 MiB of lines, which bounds a state as well.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { AppError } from '../../base/app-error.js';
import { invariant } from '../../base/invariant.js';
import { isProjectEvent } from '../../events/event.js';
import { hasExpired } from '../../events/expiry.js';
import type { DirectedRange, KeyRange } from '../../events/key-range.js';
import { type KeyEntry, sizeOfValue } from '../../projections/key-entry.js';
import { KeyValues } from '../../projections/key-values.js';
import { eventOf } from '../../store/event-of-line.js';
import type { FeedBlock } from '../../store/event-blocks.js';
import type { EventFeed } from '../../store/event-feed.js';
import type { PastEntry, PastSlice, PastState } from '../../store/past-state.js';

/** Lines that are applied before the event loop gets a turn. */
const SLICE_LINES_MAX = 1000;

/** An entry of such a state, with its value. */
interface LoadedPastEntry extends PastEntry {
  readonly value: string;
}

/** A past state in memory. */
export class MemoryState implements PastState {
  readonly seq: number;
  readonly timeMs: number;
  readonly #values: KeyValues;
  #endedBy: AppError | undefined;

  private constructor(seq: number, timeMs: number, values: KeyValues) {
    this.seq = seq;
    this.timeMs = timeMs;
    this.#values = values;
  }

  /**
   * Computes a state.
   *
   * @param feed of a log that has all of its lines
   * @param signal aborts
   * @returns the state, and the size of its lines in bytes
   * @throws {LinesDroppedError} if the log no longer has all of its lines
   */
  static async build(feed: EventFeed, seq: number, signal: AbortSignal): Promise<{ readonly state: MemoryState; readonly bytes: number }> {
    const values = new KeyValues();
    let timeMs = 0;
    let bytes = 0;
    let appliedCount = 0;
    for await (const { events } of feed.read({ afterSeq: 0, untilSeq: seq })) {
      for (const line of events) {
        apply(values, line);
        timeMs = line.timeMs;
        bytes += line.text.length;
        appliedCount += 1;
        if (appliedCount % SLICE_LINES_MAX > 0) continue;
        await nextTurn();
        signal.throwIfAborted();
      }
    }
    while (!values.isSorted) {
      values.sortSome();
      await nextTurn();
    }
    return { state: new MemoryState(seq, timeMs, values), bytes };
  }

  get count(): number {
    return this.#values.count - this.#values.expiredCount(this.timeMs);
  }

  get(key: string): Promise<PastEntry | undefined> {
    return this.#reading((values) => {
      const entry = values.get(key);
      return entry === undefined || hasExpired(entry.expiresAtMs, this.timeMs) ? undefined : pastEntry(key, entry);
    });
  }

  countIn(range: KeyRange): Promise<number> {
    return this.#reading((values) => values.countIn(range, this.timeMs));
  }

  slice(range: DirectedRange, limit: number): Promise<PastSlice> {
    return this.#reading((values) => {
      const { entries, isLast } = values.slice(range, limit, undefined, this.timeMs);
      return { entries: entries.map(([key, entry]) => pastEntry(key, entry)), isLast };
    });
  }

  load(entries: readonly PastEntry[]): Promise<readonly string[]> {
    // Every entry of this state came from it, with its value.
    return this.#reading(() => (entries as readonly LoadedPastEntry[]).map(({ value }) => value));
  }

  /** Ends it: readings reject from now on. */
  end(reason: AppError): void {
    this.#endedBy ??= reason;
  }

  #reading<T>(read: (values: KeyValues) => T): Promise<T> {
    if (this.#endedBy !== undefined) return Promise.reject(this.#endedBy);
    return Promise.resolve(read(this.#values));
  }
}

function apply(values: KeyValues, line: FeedBlock['events'][number]): void {
  const { op, seq, timeMs, actor, hash } = line;
  const event = eventOf(line);
  invariant(isProjectEvent(event), () => `"${op}" at seq ${seq} is an event of a project`);
  values.apply({ event, seq, timeMs, actor, hash, place: undefined });
}

function pastEntry(key: string, entry: KeyEntry): LoadedPastEntry {
  const { seq, tag, timeMs, expiresAtMs, value } = entry;
  invariant(typeof value === 'string', 'a state in memory has its values');
  return { key, seq, tag, timeMs, expiresAtMs, sizeBytes: sizeOfValue(entry), value };
}
