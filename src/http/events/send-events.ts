/**
 * Sends events as a stream: reads the next ones only when the client has taken those before. Checks the authorization before each portion,
 * which goes to the socket in the same turn, so that it cannot end in between.
 */
import type { FeedBlock } from '../../store/event-blocks.js';
import type { EventCursor } from '../../store/event-cursor.js';
import type { EventFeed } from '../../store/event-feed.js';
import {
  bookmarkFrame, byeFrame, FRAMES, heartbeatFrame, LINES, liveFrame, piecesOf, portionsOf, retryFrame, type StreamForm,
} from './event-frames.js';
import type { OpenStream } from './open-streams.js';

/** The client of a stream. */
type Client = Pick<OpenStream, 'reason' | 'isQuiet' | 'mayGoOn' | 'pause' | 'write' | 'finish'>;

/** What a stream is made from. */
export interface StreamParts {
  readonly stream: Client;
  readonly feed: EventFeed;
  readonly cursor: EventCursor;
  /** Reserves memory for a long line. */
  readonly admit: (sizeBytes: number) => Promise<void> | undefined;
  /** Releases it. */
  readonly release: () => void;
}

/** Bytes that are passed to the socket at once: more than a portion has, except for the text of a long event. */
const PART_BYTES = 131_072;
/** After so many events that do not match, a client learns how far the stream has come. */
const SKIPPED_EVENTS_MAX = 1000;

/**
 * Sends events as lines until the server has a reason to end. A client without a reason to go on waits for it: an end that says nothing
 * must not look like the end of the log, so the connection breaks unless the client may continue at once.
 *
 * @throws {Error} if the stream must not end normally
 */
export async function followLines(parts: StreamParts): Promise<void> {
  const { stream, feed, cursor, admit, release } = parts;
  const sender = new Sender(parts, LINES);
  while (stream.mayGoOn()) {
    const block = cursor.nextAtOnce() ?? await cursor.next(admit);
    if (block === undefined) {
      if (feed.isEnded && cursor.isLive) break;
      await stream.pause((resume) => cursor.onNews(resume));
      continue;
    }
    await sender.send(block);
    release();
  }
  const { reason } = stream;
  if (reason !== 'max_age' && reason !== 'shutting_down') throw new Error(`The stream ended: ${reason ?? 'its log was closed'}`);
  stream.finish();
}

/**
 * Sends events as lines, up to the end of a range.
 *
 * @param events read as they are sent
 * @throws {Error} if the stream ends before the range does
 */
export async function sendLines(
  parts: Omit<StreamParts, 'cursor'>, events: AsyncIterable<FeedBlock>, limit: number | undefined,
): Promise<void> {
  const { stream, release } = parts;
  const sender = new Sender(parts, LINES);
  let left = limit ?? Number.POSITIVE_INFINITY;
  for await (const block of events) {
    await sender.send({ ...block, events: block.events.slice(0, left) });
    release();
    left -= block.events.length;
    if (left <= 0 || !stream.mayGoOn()) break;
  }
  if (!stream.mayGoOn()) throw new Error(`The stream ended before the end of its range: ${stream.reason ?? 'the client left'}`);
  stream.finish();
}

/**
 * Sends server-sent events until the server has a reason to end, which it sends too.
 *
 * @param afterSeq where the stream begins
 * @throws {Error} if the log cannot be read
 */
export async function sendServerEvents(parts: StreamParts, afterSeq: number): Promise<void> {
  const { stream, feed, cursor, admit, release } = parts;
  const sender = new Sender(parts, FRAMES);
  await stream.write(retryFrame());
  let isLive = false;
  sender.shownSeq = afterSeq;
  while (stream.mayGoOn()) {
    const block = cursor.nextAtOnce() ?? await cursor.next(admit);
    if (block !== undefined) {
      await sender.send(block);
      release();
      if (cursor.doneSeq - sender.shownSeq >= SKIPPED_EVENTS_MAX) await sender.bookmark(feed, cursor.doneSeq);
      continue;
    }
    if (!isLive) await stream.write(liveFrame(cursor.doneSeq));
    isLive = true;
    if (feed.isEnded && cursor.isLive) break;
    await stream.pause((resume) => cursor.onNews(resume));
    if (stream.isQuiet && stream.mayGoOn()) await sender.giveSign(feed, cursor.doneSeq);
  }
  const { reason } = stream;
  if (reason === undefined) throw new Error('The stream ended: its log was closed');
  stream.finish(byeFrame(reason));
}

/** Passes events to a stream. */
class Sender {
  /** The last event that the client has an id of. */
  shownSeq = 0;
  readonly #stream: Client;
  readonly #feed: EventFeed;
  readonly #admit: StreamParts['admit'];
  readonly #form: StreamForm;

  constructor({ stream, feed, admit }: Omit<StreamParts, 'cursor'>, form: StreamForm) {
    this.#stream = stream;
    this.#feed = feed;
    this.#admit = admit;
    this.#form = form;
  }

  /** Sends events for as long as the stream may go on. A portion that was begun is completed, unless its reader is too slow. */
  async send({ events, erasures }: FeedBlock): Promise<void> {
    const stream = this.#stream;
    for (const portion of portionsOf(events)) {
      let sent = portion;
      // Its client may have taken its time with the portion before, and lines may have been erased meanwhile.
      for (let readAt = erasures; readAt !== this.#feed.erasures;) {
        readAt = this.#feed.erasures;
        sent = await this.#feed.readAgain(portion, this.#admit);
      }
      if (!stream.mayGoOn()) return;
      for (const piece of piecesOf(sent, this.#form)) {
        for (let offset = 0; offset < piece.length; offset += PART_BYTES) {
          const taken = stream.write(piece.subarray(offset, offset + PART_BYTES));
          if (taken !== undefined) await taken;
        }
      }
      this.shownSeq = portion.at(-1)?.seq ?? this.shownSeq;
    }
  }

  /** Names an event that did not match. */
  async bookmark(feed: EventFeed, seq: number): Promise<void> {
    const hash = await feed.hashAt(seq);
    this.shownSeq = seq;
    await this.#stream.write(bookmarkFrame({ seq, hash }));
  }

  /** Shows a client that the stream is alive, and how far it has come. */
  async giveSign(feed: EventFeed, seq: number): Promise<void> {
    if (seq > this.shownSeq) await this.bookmark(feed, seq);
    else await this.#stream.write(heartbeatFrame());
  }
}
