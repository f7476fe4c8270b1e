/**
 * Follows the events of a project over a stream of server-sent events, and goes on after each break where it stopped: every event once, in
 * order. Written over `fetch`, since the browsers' `EventSource` cannot send an API key.
 */
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { STREAM_MEDIA_TYPE } from '../api/media-types.js';
import { atText, queryOf } from './addresses.js';
import { type ChangeEvent, type EventOp, eventOfLine, hasOp } from './change-events.js';
import { SimpleKvError } from './error.js';
import { type HttpAnswer, type HttpRequest, unansweredError } from './http.js';
import type { ProjectAccess } from './key-reader.js';
import { linkedSignal } from './linked-signal.js';
import { jitterMs, wait } from './retry.js';

/** What is followed, and from where. */
export interface WatchOptions {
  /**
   * Only events after this: `'now'`, a seq, a time, or the `position` of an event, which notices if the log was replaced meanwhile.
   *
   * @default 'now'
   */
  readonly since?: 'now' | number | Date | string;
  /** Only changes of this key. */
  readonly key?: string;
  /** Only changes of keys with this prefix, and what may delete them. */
  readonly prefix?: string;
  /** Only these operations, alone or in a batch. `set.until` is one of its own. */
  readonly ops?: readonly EventOp[];
  /** Only changes whose actor contains this text. */
  readonly actor?: string;
  /** Ends it: the loop throws its reason. */
  readonly signal?: AbortSignal;
  /** Called when the stream begins, and when it is interrupted and tried again after a wait. */
  readonly onConnection?: (state: WatchConnection) => void;
}

/** How the stream is. */
export type WatchConnection = { readonly state: 'open' } | {
  readonly state: 'waiting';
  readonly waitMs: number;
  /** Why. If the server ended the stream, the fact `reason` is what it said. */
  readonly reason: SimpleKvError;
};

/** Comes once: everything that there was has been yielded, and what follows is new. */
export interface LiveEvent {
  readonly op: 'live';
  readonly seq: number;
}

/**
 * Events are missing: the position is not in this log, which was restored or replaced, or they are no longer kept. What follows are the
 * events after `lastSeq`, so list the keys before the next one is taken.
 */
export interface ResetEvent {
  readonly op: 'reset';
  readonly logId: string;
  readonly oldestSeq: number;
  readonly lastSeq: number;
}

/** What a watch yields. */
export type WatchEvent<T = unknown> = ChangeEvent<T> | LiveEvent | ResetEvent;

/** The server sends something every 15 s. */
const SILENCE_MS_MAX = 45_000;
/** Upper bound of the wait before another connection: others lost theirs at the same moment. */
const RECONNECT_MS_MAX = 30_000;
const MS_PER_SECOND = 1000;

/** One watch. */
class Watcher<T> {
  readonly #access: ProjectAccess;
  readonly #options: WatchOptions;
  /** The id of the last event, from which the next connection goes on. */
  #position: string | undefined;
  #wasLive = false;
  /** Connections that failed since one yielded something. */
  #failures = 0;

  constructor(access: ProjectAccess, options: WatchOptions) {
    this.#access = access;
    this.#options = options;
  }

  async *run(): AsyncGenerator<WatchEvent<T>, void, undefined> {
    const { signal, onConnection } = this.#options;
    for (;;) {
      try {
        yield* this.#connection();
      } catch (error) {
        signal?.throwIfAborted();
        const { retry } = this.#access.transport;
        if (!(error instanceof SimpleKvError && error.isRetryable && retry.attempts > 1)) throw error;
        this.#failures += 1;
        const waitMs = (error.retryAfterMs ?? 0) + jitterMs({ ...retry, maxMs: RECONNECT_MS_MAX }, this.#failures);
        onConnection?.({ state: 'waiting', waitMs, reason: error });
        await wait(waitMs, signal);
      }
    }
  }

  /** Yields the events of one connection, up to a reset, and throws when it ends otherwise. */
  async *#connection(): AsyncGenerator<WatchEvent<T>, void, undefined> {
    const { signal, onConnection } = this.#options;
    const own = linkedSignal(signal);
    const request = this.#request(own.signal);
    try {
      const answer = await this.#access.transport.open(request);
      onConnection?.({ state: 'open' });
      for await (const message of messagesOf(answer, request, own.abort)) {
        const event = this.#take(message);
        this.#failures = 0;
        if (event !== undefined) yield event;
        // The stream is over. Where it goes on is known, so there is nothing to wait for.
        if (event?.op === 'reset') return;
      }
    } finally {
      own.abort();
    }
  }

  #request(signal: AbortSignal): HttpRequest {
    const { since = 'now', key, prefix, ops = [], actor } = this.#options;
    // The server takes one operation. Of several, all events come, and the others are left out here.
    const op = ops.length === 1 ? ops[0] : undefined;
    const from = typeof since === 'string' ? since : atText(since);
    const position = this.#position;
    return {
      target: `${this.#access.path}/events${queryOf({ since: position ? undefined : from, key, prefix, op, actor })}`,
      headers: { Accept: STREAM_MEDIA_TYPE, 'Last-Event-ID': position },
      signal,
    };
  }

  /** Takes one message in; returns what is to be yielded of it. */
  #take({ event = '', id, data }: EventSourceMessage): WatchEvent<T> | undefined {
    if (id !== undefined) this.#position = id;
    switch (event) {
      case 'bookmark':
        return undefined;
      case 'live':
        return this.#live(JSON.parse(data) as { readonly seq: number });
      case 'reset':
        return this.#reset(JSON.parse(data) as { readonly log_id: string; readonly oldest_seq: number; readonly last_seq: number });
      case 'bye': {
        const bye = JSON.parse(data) as { readonly reason: string; readonly retry_after_seconds?: number };
        const retryAfterMs = (bye.retry_after_seconds ?? 0) * MS_PER_SECOND;
        throw new SimpleKvError('network_error', `The server ended the stream: ${bye.reason}`, { facts: bye, retryAfterMs });
      }
      default: {
        const change = eventOfLine<T>(data, this.#access.format);
        const { ops = [] } = this.#options;
        return ops.length === 0 || hasOp(change, ops) ? change : undefined;
      }
    }
  }

  #live({ seq }: { readonly seq: number }): LiveEvent | undefined {
    // After `since=now` nothing else says where a connection that breaks now was.
    this.#position ??= String(seq);
    if (this.#wasLive) return undefined;
    this.#wasLive = true;
    return { op: 'live', seq };
  }

  #reset(data: { readonly log_id: string; readonly oldest_seq: number; readonly last_seq: number }): ResetEvent {
    this.#position = String(data.last_seq);
    return { op: 'reset', logId: data.log_id, oldestSeq: data.oldest_seq, lastSeq: data.last_seq };
  }
}

/**
 * Follows events until the loop is left, the signal is aborted, or the server refuses for good.
 *
 * @throws {SimpleKvError} When another connection would not help
 */
export function watchEvents<T>(access: ProjectAccess, options: WatchOptions): AsyncGenerator<WatchEvent<T>, void, undefined> {
  return new Watcher<T>(access, options).run();
}

/**
 * Parses a stream as fast as its messages are taken.
 *
 * @param onSilence called when the server is silent for so long that it must be gone, though the connection does not show it
 */
async function* messagesOf(
  { body }: HttpAnswer, request: HttpRequest, onSilence: () => void,
): AsyncGenerator<EventSourceMessage, void, undefined> {
  const messages: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (message) => messages.push(message) });
  const decoder = new TextDecoder();
  const reader = body?.getReader();
  for (;;) {
    const timer = setTimeout(onSilence, SILENCE_MS_MAX);
    try {
      const piece = await reader?.read();
      // Only a `bye` or a `reset` ends a stream.
      if (piece?.value === undefined) throw new Error('it ended early');
      parser.feed(decoder.decode(piece.value, { stream: true }));
    } catch (cause) {
      throw unansweredError(request, cause, false);
    } finally {
      clearTimeout(timer);
    }
    yield* messages.splice(0);
  }
}
