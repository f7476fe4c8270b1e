/**
 * The newest events of keys whose history was read lately. A history is read from the newest event backwards, and a log of a million events
 * takes a good part of a second to search; a second reading searches only what is new since the first. Everything here was verified when
 * it was read, and is dropped soon.
 */
import type { EventLine } from '../log/event-lines.js';
import type { Blocks, ReadBlock } from './event-blocks.js';

/** Part of a history: all events of a key among a range of events. */
interface History {
  /** The range that was searched. */
  readonly lowSeq: number;
  readonly highSeq: number;
  /** Newest first. */
  readonly events: readonly EventLine[];
}

/** Which events: those after the first seq, up to the second. */
interface Range {
  readonly afterSeq: number;
  readonly untilSeq: number;
}

/** Size of the events of one key, and of all keys together, in bytes. */
const HISTORY_BYTES_MAX = 262_144;
const BYTES_MAX = 1_048_576;
/** Keys, among them those without any event. */
const HISTORIES_MAX = 256;
/** How long histories are kept after the last reading, in milliseconds. */
const KEPT_MS = 60_000;

/** The histories of one log. */
export class KeyHistories {
  /** Least recently read first. */
  readonly #histories = new Map<string, History>();
  #bytes = 0;
  #clearings = 0;
  #timer: NodeJS.Timeout | undefined;

  /**
   * Reads the events of a key, newest first.
   *
   * @param search searches a range, newest first
   */
  async* read(key: string, { afterSeq, untilSeq }: Range, search: (range: Range) => Blocks): Blocks {
    const known = this.#histories.get(key);
    const isKnown = known !== undefined && untilSeq >= known.lowSeq - 1;
    const found = new FoundHistory(untilSeq);
    const clearings = this.#clearings;
    try {
      const restAfterSeq = isKnown ? Math.max(afterSeq, known.highSeq) : afterSeq;
      for await (const block of search({ afterSeq: Math.min(restAfterSeq, untilSeq), untilSeq })) {
        found.add(block);
        yield block;
      }
      if (!isKnown || known.highSeq <= afterSeq) return;
      if (clearings !== this.#clearings) {
        yield* search({ afterSeq, untilSeq: Math.min(untilSeq, known.highSeq) });
        return;
      }
      const events = known.events.filter(({ seq }) => seq <= untilSeq && seq > afterSeq);
      const block = { events, doneSeq: Math.max(known.lowSeq, afterSeq + 1) };
      found.join(known);
      if (block.doneSeq <= untilSeq) yield block;
      if (known.lowSeq <= afterSeq + 1) return;
      for await (const older of search({ afterSeq, untilSeq: Math.min(untilSeq, known.lowSeq - 1) })) {
        found.add(older);
        yield older;
      }
    } finally {
      // What was read before a clearing may have values that were erased meanwhile.
      if (clearings === this.#clearings) this.#keep(key, found.history);
    }
  }

  #keep(key: string, history: History | undefined): void {
    this.#drop(key);
    if (history !== undefined) {
      this.#histories.set(key, history);
      this.#bytes += sizeOf(history);
    }
    for (const oldest of this.#histories.keys()) {
      if (this.#bytes <= BYTES_MAX && this.#histories.size <= HISTORIES_MAX) break;
      this.#drop(oldest);
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.clear(), KEPT_MS).unref();
  }

  #drop(key: string): void {
    const history = this.#histories.get(key);
    if (history === undefined) return;
    this.#bytes -= sizeOf(history);
    this.#histories.delete(key);
  }

  /** Drops everything, also what readings in progress find: the log was replaced, lines were erased, or it was not read for a while. */
  clear(): void {
    this.#clearings += 1;
    this.#histories.clear();
    this.#bytes = 0;
    clearTimeout(this.#timer);
  }
}

/** What a reading has found so far. */
class FoundHistory {
  #lowSeq: number;
  #highSeq: number;
  readonly #events: EventLine[] = [];
  #bytes = 0;
  #isFull = false;

  constructor(untilSeq: number) {
    this.#highSeq = untilSeq;
    this.#lowSeq = untilSeq + 1;
  }

  /** Adds a block, which continues downwards. */
  add({ events, doneSeq }: ReadBlock): void {
    const bytes = events.reduce((sum, { text }) => sum + text.length, 0);
    this.#isFull ||= this.#bytes + bytes > HISTORY_BYTES_MAX;
    if (this.#isFull) return;
    this.#bytes += bytes;
    this.#events.push(...events);
    this.#lowSeq = doneSeq;
  }

  /** Adds a known history, which covers what is directly below. */
  join({ lowSeq, highSeq, events }: History): void {
    if (highSeq > this.#highSeq) {
      // A reading of older events only: what is newer is known too.
      this.#events.unshift(...events.filter(({ seq }) => seq > this.#highSeq));
      this.#highSeq = highSeq;
    }
    const below = this.#lowSeq;
    this.add({ events: events.filter(({ seq }) => seq < below), doneSeq: lowSeq });
  }

  /** Undefined if nothing was searched. */
  get history(): History | undefined {
    const [lowSeq, highSeq] = [this.#lowSeq, this.#highSeq];
    return lowSeq > highSeq ? undefined : { lowSeq, highSeq, events: this.#events };
  }
}

function sizeOf({ events }: History): number {
  return events.reduce((sum, { text }) => sum + text.length, 0);
}
