/**
 * A request that came directly, and its answer: as much of Node's objects as a request for a single key uses.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import type { RequestHead, ResponseState } from '../message.js';
import type { RequestHeaders } from '../request-headers.js';
import type { PlainRequest } from './plain-request.js';

/** A whole request. */
export class DirectRequest implements RequestHead {
  readonly method: string;
  readonly url: string;
  readonly httpVersion = '1.1';
  readonly rawHeaders: string[];
  readonly picked: RequestHeaders;
  readonly headers: IncomingHttpHeaders;
  readonly socket: Socket;
  readonly complete = true;
  readonly arrivedBody: Buffer;

  constructor({ method, target, headers, body }: PlainRequest, socket: Socket) {
    this.method = method;
    this.url = target;
    this.rawHeaders = headers.raw;
    this.picked = headers.picked;
    this.headers = headers.byName;
    this.socket = socket;
    this.arrivedBody = body;
  }
}

/** What a {@link DirectResponse} reports to its connection. */
interface DirectEnds {
  /** The system has the whole answer. */
  sent(): void;
  /** Node is to answer the request instead; nothing was done yet. */
  leave(): void;
}

/** The answer to a {@link DirectRequest}: one text. */
export class DirectResponse implements ResponseState {
  statusCode = 200;
  headersSent = false;
  writableEnded = false;
  writableFinished = false;
  closed = false;
  readonly #socket: Socket;
  readonly #ends: DirectEnds;
  readonly #listeners: (() => void)[] = [];

  constructor(socket: Socket, ends: DirectEnds) {
    this.#socket = socket;
    this.#ends = ends;
  }

  /** @param listener called once, in the order of the calls */
  once(_event: 'close', listener: () => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Sends the answer.
   *
   * @param text head and body, a character for each byte
   */
  send(status: number, text: string): void {
    this.statusCode = status;
    this.headersSent = true;
    this.writableEnded = true;
    this.#socket.write(text, 'latin1', this.#written);
  }

  readonly #written = (error?: Error | null): void => {
    // The connection is broken, and closes the answer.
    if (error) return;
    this.writableFinished = true;
    this.#ends.sent();
  };

  destroy(): void {
    this.#socket.destroy();
  }

  /** Has Node answer the request instead: nothing was done for it, and none of the listeners will be called. */
  leave(): void {
    this.#ends.leave();
  }

  /** Ends it, once: it was sent, or the connection is gone. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    for (const listener of this.#listeners) listener();
  }
}
