/**
 * One request and its answer, from the first check to the access log. Every field exists from the start, so that all exchanges have one
 * shape. The hot path and Koa pass the same exchange to the same functions.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RouteSpec } from '../api/route-spec.js';
import type { Principal } from '../auth/principal.js';
import type { ErrorCode } from '../base/error-codes.js';
import { invariant } from '../base/invariant.js';
import type { Precondition } from '../store/command.js';
import type { ProjectStore } from '../store/project-store.js';
import type { Reservation } from './answer-budget.js';
import type { Authorization } from './authorization.js';
import type { Idempotency } from './idempotency.js';
import type { RateDraw } from './rate-limits.js';
import { NO_HEADERS, type RequestHeaders } from './request-headers.js';
import { NO_TARGET, type RequestTarget } from './target.js';

/** Text in UTF-8, one piece after another. The bytes of a piece are valid until the next one is asked for. */
export type Texts = AsyncIterable<Buffer> | Iterable<string | Buffer>;

/** The answer of a handler, before it is sent. */
export interface Answer {
  readonly status: number;
  /** Names and values alternate. */
  readonly headers: readonly string[];
  /** Null for none. Pieces are sent without a length; memory is reserved for each by the time it arrives. */
  readonly body: string | Buffer | Texts | null;
  /**
   * Sends the body in place of {@link Answer.body}, after the head: for streams, which end in more ways than an answer. If it rejects, the
   * connection breaks.
   */
  readonly stream?: () => Promise<void>;
  /** Bytes of a body that is not sent because the method is `HEAD`, where they are known; absent otherwise. */
  readonly headBytes?: number;
  /** The code of a problem. */
  readonly problemCode?: ErrorCode;
}

const EXCHANGE = Symbol('exchange');
const NO_ADDED_HEADERS: readonly string[] = [];

interface Carrier extends ServerResponse {
  [EXCHANGE]?: Exchange;
}

/** A request, what is known of it so far, and its answer. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly startedMs = performance.now();
  /** The client's address; behind trusted proxies, the forwarded one. */
  readonly remote: string;
  /** With an `Idempotency-Key`, made of that. */
  requestId: string;
  /** The id that the client gave the request beside an `Idempotency-Key`; null for none. */
  clientRequestId: string | null = null;
  idempotency: Idempotency = 'none';
  /** Headers that must not be repeated, as sent. */
  headers: RequestHeaders = NO_HEADERS;
  target: RequestTarget = NO_TARGET;
  /** Null until a route matches. */
  route: RouteSpec | null = null;
  /** Null until the credentials are checked. */
  principal: Principal | null = null;
  /** Null until granted, and on routes that require none. */
  authorization: Authorization | null = null;
  /** The project in the path if its id is valid, existing or not. Logged for refused requests too. */
  projectId: string | null = null;
  /** The project's store, on routes that need one. */
  store: ProjectStore | null = null;
  /** The rate that it draws on; null for none. */
  rate: RateDraw | null = null;
  /** The condition of a write; undefined for none. */
  precondition: Precondition | undefined = undefined;
  /** The parsed query, on routes that read one. */
  query: unknown = null;
  /** The parsed body, on routes with settings. */
  document: unknown = null;
  /** The body of a request with an `Idempotency-Key`; null without one, and where it is parsed. */
  requestBody: Buffer | null = null;
  /** The code of the problem that was sent; null for none. */
  problemCode: ErrorCode | null = null;
  /** Headers of the problem that is about to be thrown, beside its own. */
  problemHeaders: readonly string[] = [];
  /** Headers of whatever is answered: for web pages, see `cors.ts`, and about the API key, see `access.ts`. */
  addedHeaders: readonly string[] = NO_ADDED_HEADERS;
  /** True once the body is wanted; a client that waits for 100 Continue has been sent it. */
  bodyWanted = false;
  /** Bytes read of the request's body. */
  requestBytes = 0;
  /** The memory reserved for the answer; null for none. */
  reservation: Reservation | null = null;
  /** Bytes of the answer's body. */
  responseBytes = 0;

  constructor(request: IncomingMessage, response: ServerResponse, { requestId, remote }: { requestId: string; remote: string }) {
    this.request = request;
    this.response = response;
    this.requestId = requestId;
    this.remote = remote;
    (response as Carrier)[EXCHANGE] = this;
  }

  /** Returns the exchange of a response; undefined before it began. */
  static of(response: ServerResponse): Exchange | undefined {
    return (response as Carrier)[EXCHANGE];
  }

  /** True for GET and HEAD, and where a route reads with another method: nothing changes. */
  get isRead(): boolean {
    return this.request.method === 'GET' || this.request.method === 'HEAD' || this.route?.action === 'keys.read';
  }

  /** True while an answer can be sent: none was, and the client is there. */
  get isOpen(): boolean {
    const { response, request } = this;
    return !response.headersSent && !response.writableEnded && !request.socket.destroyed;
  }

  /** Calls `leave` when the exchange is over, answered or not. */
  onClose(leave: () => void): void {
    this.response.once('close', leave);
  }

  /** As {@link Exchange.onClose}, and at once if it is over. */
  onEnd(leave: () => void): void {
    if (this.response.closed || this.request.socket.destroyed) leave();
    else this.onClose(leave);
  }
}

/** Returns the id of the project in the path. */
export function projectIdOf({ projectId }: Exchange): string {
  invariant(projectId !== null, 'the route needs a project id');
  return projectId;
}

/** Returns the store of the project in the path. */
export function storeOf({ store }: Exchange): ProjectStore {
  invariant(store !== null, 'the route needs a store');
  return store;
}

/** Returns the key in the path. */
export function keyOf({ target }: Exchange): string {
  invariant(target.key !== null, 'the path of the route has a key');
  return target.key;
}
