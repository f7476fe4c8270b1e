/**
 * What the checks and handlers use of a request and of its answer, whichever way they came: through Node's HTTP, or directly, see
 * `direct/`. What only Node's objects have, streams above all, {@link Exchange} gives.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import type { RequestHeaders } from './request-headers.js';

/** The head of a request, and how much of it has arrived. */
export interface RequestHead {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  /** Such as `1.1`. */
  readonly httpVersion: string;
  /** Names and values alternate. */
  readonly rawHeaders: string[];
  /** Of the headers, those that must not be repeated, if they were looked for already; undefined otherwise. */
  readonly picked?: RequestHeaders;
  /** By name in lower case. */
  readonly headers: IncomingHttpHeaders;
  readonly socket: Socket;
  /** True once the whole body has arrived. */
  readonly complete: boolean;
  /** The body, if it arrived with the head; undefined otherwise. */
  readonly arrivedBody?: Buffer;
}

/** How far an answer is. */
export interface ResponseState {
  readonly statusCode: number;
  /** True once an answer was begun. */
  readonly headersSent: boolean;
  /** True once its last part was given. */
  readonly writableEnded: boolean;
  /** True once the system has all of it. */
  readonly writableFinished: boolean;
  /** True once it was sent, or its connection is gone. */
  readonly closed: boolean;
  /** Calls a listener when it is {@link ResponseState.closed}. */
  once(event: 'close', listener: () => void): unknown;
  /** Breaks the connection. */
  destroy(): unknown;
}
