/**
 * The event streams that are open, and the waiting event requests: how many there may be, and when one ends. One timer looks after all of
 * them. Knows no log and no media type.
 */
import { AppError } from '../../base/app-error.js';
import { type Clock, systemClock } from '../../base/clock.js';
import { authorizationOf } from '../authorization.js';
import type { Exchange } from '../exchange.js';
import type { HttpOptions } from '../http-options.js';
import { callerOf } from '../long-answers.js';
import type { EndReason } from './event-frames.js';

/** Interval between two looks at all streams, in milliseconds: an ended API key ends its idle streams that soon. */
const CHECK_MS = 1000;
/** How old a stream may become, in milliseconds. */
const AGE_MS_MAX = 1_800_000;
/** How long a reader may take nothing, in milliseconds. */
const STALL_MS_MAX = 30_000;
/** After how long without a byte a stream gives a sign of life, in milliseconds. */
const QUIET_MS_MAX = 15_000;
/** How long an ended stream may take to reach its reader, in milliseconds. */
const FAREWELL_MS = 5000;

/** How long a stream may live, be stalled and be quiet, in milliseconds. */
export interface StreamTimes {
  readonly ageMs?: number;
  readonly stallMs?: number;
  readonly quietMs?: number;
  readonly checkMs?: number;
}

/** What is sent: server-sent events, lines, an answer that waits for events, or a backup. */
type StreamKind = 'sse' | 'ndjson' | 'longpoll' | 'backup';

/** Numbers of streams. */
export type StreamCounts = Record<StreamKind, number>;

type StreamLimits = Pick<HttpOptions, 'streamsMax' | 'streamsPerCallerMax'>;

/** All open streams. */
export class OpenStreams {
  readonly #limits: StreamLimits;
  readonly #times: Required<StreamTimes>;
  readonly #clock: Clock;
  readonly #streams = new Map<OpenStream, string>();
  readonly #byCaller = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(limits: StreamLimits, times: StreamTimes = {}, clock: Clock = systemClock) {
    this.#limits = limits;
    this.#times = { ageMs: AGE_MS_MAX, stallMs: STALL_MS_MAX, quietMs: QUIET_MS_MAX, checkMs: CHECK_MS, ...times };
    this.#clock = clock;
  }

  /** Number of open streams. */
  get count(): number {
    return this.#streams.size;
  }

  /** Number of open streams, by kind. */
  counts(): StreamCounts {
    const counts = { sse: 0, ndjson: 0, longpoll: 0, backup: 0 };
    for (const { kind } of this.#streams.keys()) counts[kind] += 1;
    return counts;
  }

  /**
   * Opens a stream, which closes with its exchange.
   *
   * @param ageMs how old it may become, in milliseconds. @default that of event streams
   * @throws {AppError} `too_many_streams`; `shutting_down`
   */
  open(exchange: Exchange, kind: StreamKind, ageMs = this.#times.ageMs): OpenStream {
    const caller = callerOf(exchange);
    const ofCaller = this.#byCaller.get(caller) ?? 0;
    if (this.#isClosed) throw new AppError('shutting_down', 'Cannot open a stream: the server is shutting down');
    const limit = ofCaller >= this.#limits.streamsPerCallerMax ? this.#limits.streamsPerCallerMax : this.#limits.streamsMax;
    if (this.#streams.size >= this.#limits.streamsMax || ofCaller >= this.#limits.streamsPerCallerMax) {
      throw new AppError('too_many_streams', `Cannot open another stream: ${limit} are open`, { facts: { limit } });
    }
    const stream = new OpenStream(exchange, kind, { ...this.#times, ageMs }, this.#clock);
    this.#streams.set(stream, caller);
    this.#byCaller.set(caller, ofCaller + 1);
    if (exchange.response.closed || exchange.request.socket.destroyed) this.#remove(stream);
    else exchange.onClose(() => this.#remove(stream));
    this.#timer ??= setInterval(() => this.#check(), this.#times.checkMs).unref();
    return stream;
  }

  #remove(stream: OpenStream): void {
    const caller = this.#streams.get(stream);
    stream.leave();
    if (caller === undefined) return;
    this.#streams.delete(stream);
    const left = (this.#byCaller.get(caller) ?? 0) - 1;
    if (left > 0) this.#byCaller.set(caller, left);
    else this.#byCaller.delete(caller);
    if (this.#streams.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #check(): void {
    for (const stream of this.#streams.keys()) stream.check();
  }

  /** Ends all streams, and opens no other. */
  close(): void {
    this.#isClosed = true;
    for (const stream of this.#streams.keys()) stream.end('shutting_down');
  }
}

/** One open stream. */
export class OpenStream {
  readonly exchange: Exchange;
  readonly kind: StreamKind;
  readonly #times: Required<StreamTimes>;
  readonly #clock: Clock;
  readonly #openedMs: number;
  #reason: EndReason | undefined;
  #isLeft = false;
  #wroteMs: number;
  /** Since when the reader has taken nothing; undefined while nothing waits for it. */
  #stalledMs: number | undefined;
  /** Ends what the stream waits for. */
  #interrupt: (() => void) | undefined;

  constructor(exchange: Exchange, kind: StreamKind, times: Required<StreamTimes>, clock: Clock) {
    this.exchange = exchange;
    this.kind = kind;
    this.#times = times;
    this.#clock = clock;
    this.#openedMs = clock.monotonicMs();
    this.#wroteMs = this.#openedMs;
    // A stream may be quiet for longer than a connection may be idle.
    exchange.request.socket.setTimeout(0);
  }

  /** Why the server ends the stream; undefined while it does not. */
  get reason(): EndReason | undefined {
    return this.#reason;
  }

  /** True once the client has disconnected. */
  get isLeft(): boolean {
    return this.#isLeft;
  }

  /** True if the stream should give a sign of life. */
  get isQuiet(): boolean {
    return this.#clock.monotonicMs() - this.#wroteMs >= this.#times.quietMs;
  }

  /** Ends the stream: what it waits for is interrupted, and it then says why. The first reason counts. */
  end(reason: EndReason): void {
    this.#reason ??= reason;
    this.#interrupt?.();
  }

  /** Notes that the client has disconnected. */
  leave(): void {
    this.#isLeft = true;
    this.#interrupt?.();
  }

  /** Ends the stream if it is due, or interrupts its waiting for a sign of life. */
  check(): void {
    const nowMs = this.#clock.monotonicMs();
    if (!this.mayGoOn()) return;
    if (nowMs - this.#openedMs >= this.#times.ageMs) this.end('max_age');
    else if (this.#stalledMs !== undefined && nowMs - this.#stalledMs >= this.#times.stallMs) this.end('too_slow');
    else if (this.#stalledMs === undefined && this.isQuiet) this.#interrupt?.();
  }

  /** Checks the authorization: true while the stream may send an event; otherwise it has a reason to end. */
  mayGoOn(): boolean {
    if (this.#reason !== undefined || this.#isLeft) return false;
    const authorization = authorizationOf(this.exchange);
    try {
      authorization.assertHolds();
      return true;
    } catch {
      this.end(authorization.isProjectGone ? 'project_deleted' : 'key_ended');
      return false;
    }
  }

  /**
   * Waits for something, until the stream ends, its client leaves or it is quiet for too long.
   *
   * @param start begins to wait and calls back later; returns how to stop
   */
  pause(start: (resume: () => void) => () => void): Promise<void> {
    if (this.#reason !== undefined || this.#isLeft) return Promise.resolve();
    return new Promise((resolve) => {
      const resume = (): void => {
        if (this.#interrupt === resume) this.#interrupt = undefined;
        stop();
        resolve();
      };
      this.#interrupt = resume;
      const stop = start(resume);
    });
  }

  /**
   * Passes bytes to the client.
   *
   * @returns undefined if it may have more at once; otherwise a promise, until it has taken them, the stream ends, or the client leaves
   */
  write(bytes: Buffer): Promise<void> | undefined {
    if (this.#isLeft) return undefined;
    this.exchange.responseBytes += bytes.length;
    this.#wroteMs = this.#clock.monotonicMs();
    return this.exchange.nodeResponse.write(bytes) ? undefined : this.#drained();
  }

  async #drained(): Promise<void> {
    const { nodeResponse: response } = this.exchange;
    this.#stalledMs = this.#wroteMs;
    await this.pause((resume) => {
      response.on('drain', resume);
      return () => response.off('drain', resume);
    });
    this.#stalledMs = undefined;
    this.#wroteMs = this.#clock.monotonicMs();
  }

  /** Ends the answer. A reader that does not take the rest is cut off. */
  finish(last?: Buffer): void {
    const { nodeResponse: response, request } = this.exchange;
    if (this.#isLeft) return;
    this.exchange.responseBytes += last?.length ?? 0;
    if (last === undefined) response.end();
    else response.end(last);
    if (this.#reason === 'too_slow') request.socket.destroy();
    else request.socket.setTimeout(FAREWELL_MS);
  }
}
