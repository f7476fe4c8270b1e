/**
 * Events as one JSON document: a page of them, perhaps after waiting for one.
 */
import type { FeedBlock } from '../../store/event-blocks.js';
import type { ProjectStore } from '../../store/project-store.js';
import type { QueryEntry } from '../query.js';
import { eventId, type FeedEvent } from './event-frames.js';
import type { EventsQuery } from './events-query.js';
import type { OpenStream } from './open-streams.js';
import type { EventsRange } from './positions.js';

/** Events on a page, unless the client asks for another number. */
const EVENTS_DEFAULT = 100;
/** A page ends when its events have this size, in bytes, with one event at least. */
const PAGE_BYTES_MAX = 4_194_304;
/** Memory that a search takes besides the events that it has found, in bytes. */
const SEARCH_BYTES = 1_048_576;
/** How long events are searched for one page, in milliseconds; the next page continues. */
const SEARCH_MS_MAX = 5000;

/** Events, and where they end. */
interface EventsPage {
  readonly events: readonly FeedEvent[];
  /**
   * Oldest first: every event up to this one has been examined. Newest first: the newest one that the pages show.
   */
  readonly lastSeq: number;
  /** The position from which the next page continues; undefined if this is the last one. */
  readonly next: string | undefined;
}

/** How a page is made. */
interface PageParts {
  readonly store: ProjectStore;
  readonly query: EventsQuery;
  readonly range: EventsRange;
  /** Reserves memory. */
  readonly admit: (sizeBytes: number) => Promise<void> | undefined;
}

/** Reads a page. */
export async function readPage({ store, query, range, admit }: PageParts): Promise<EventsPage> {
  const { isNewestFirst, limit = EVENTS_DEFAULT } = query;
  const page = new Collected(limit, admit);
  const deadlineMs = performance.now() + SEARCH_MS_MAX;
  await page.reserve();
  let doneSeq = isNewestFirst ? range.untilSeq + 1 : range.afterSeq;
  for await (const block of store.feed.read({ ...range, ...query.filter, isNewestFirst, admit: (bytes) => page.admit(bytes) })) {
    doneSeq = page.add(block);
    await page.reserve();
    if (page.isFull || performance.now() > deadlineMs) break;
  }
  const { events } = page;
  if (isNewestFirst) return { events, lastSeq: range.untilSeq, next: doneSeq > range.afterSeq + 1 ? String(doneSeq - 1) : undefined };
  const last = events.at(-1);
  const next = last?.seq === doneSeq ? eventId(last) : String(doneSeq);
  return { events, lastSeq: doneSeq, next: doneSeq < range.untilSeq ? next : undefined };
}

/**
 * Waits for an event.
 *
 * @param stream ends the waiting early
 * @returns the events that came, perhaps none
 */
export async function awaitPage({ store, query, range, admit }: PageParts, stream: OpenStream, waitMs: number): Promise<EventsPage> {
  const page = new Collected(query.limit ?? EVENTS_DEFAULT, admit);
  const cursor = store.feed.follow(range.untilSeq, query.filter);
  const deadlineMs = performance.now() + waitMs;
  let lastSeq = range.untilSeq;
  try {
    while (stream.mayGoOn()) {
      const block = await cursor.next((bytes) => page.admit(bytes));
      if (block !== undefined) lastSeq = page.add(block);
      if (page.events.length > 0) break;
      const leftMs = deadlineMs - performance.now();
      if (block !== undefined) continue;
      if (leftMs <= 0 || store.feed.isEnded) break;
      await stream.pause((resume) => {
        const timer = setTimeout(resume, leftMs);
        const forget = cursor.onNews(resume);
        return () => {
          clearTimeout(timer);
          forget();
        };
      });
    }
  } finally {
    await cursor.close();
  }
  return { events: page.events, lastSeq, next: undefined };
}

/** The events of a page so far. */
class Collected {
  readonly events: FeedEvent[] = [];
  readonly #limit: number;
  readonly #admit: PageParts['admit'];
  #bytes = 0;

  constructor(limit: number, admit: PageParts['admit']) {
    this.#limit = limit;
    this.#admit = admit;
  }

  get isFull(): boolean {
    return this.events.length >= this.#limit || this.#bytes >= PAGE_BYTES_MAX;
  }

  /** Adds events until the page is full, and returns the last one that was examined. */
  add({ events, doneSeq }: FeedBlock): number {
    for (const event of events) {
      const isOver = this.events.length > 0 && this.#bytes + event.text.length > PAGE_BYTES_MAX;
      if (isOver) this.#bytes = PAGE_BYTES_MAX;
      if (this.isFull) return this.events.at(-1)?.seq ?? doneSeq;
      this.events.push(event);
      this.#bytes += event.text.length;
    }
    return doneSeq;
  }

  /** Reserves memory for a block beside what was found. */
  admit(sizeBytes: number): Promise<void> | undefined {
    return this.#admit(this.#bytes + sizeBytes);
  }

  /** Reserves memory for what was found, and for the next block. */
  async reserve(): Promise<void> {
    for (let wait = this.admit(SEARCH_BYTES); wait !== undefined; wait = this.admit(SEARCH_BYTES)) await wait;
  }
}

/** Writes a page as JSON: each event token for token as the log has it. */
export function pageText({ events, lastSeq }: EventsPage): Buffer {
  const pieces: Buffer[] = [Buffer.from('{"events":[')];
  events.forEach(({ text }, index) => pieces.push(...(index === 0 ? [text] : [Buffer.from(','), text])));
  pieces.push(Buffer.from(`],"last_seq":${lastSeq}}`));
  return Buffer.concat(pieces);
}

/** Returns the `Link` header of the next page: the same query from another position. */
export function nextPageLink(path: string, entries: readonly QueryEntry[], { isNewestFirst }: EventsQuery, position: string): string {
  const name = isNewestFirst ? 'until' : 'since';
  const kept = entries.filter((entry) => entry.name !== name).map((entry) => `${entry.name}=${encodeURIComponent(entry.value ?? '')}`);
  return `<${path}?${[...kept, `${name}=${position}`].join('&')}>; rel="next"`;
}
