/**
 * One request and its answer, from the first check to the access log. Every field exists from the start, so that all exchanges have one
 * shape. The hot path and Koa pass the same exchange to the same functions.
 */
import { IncomingMessage, ServerResponse } from 'node:http';
import type { RouteSpec } from '../api/route-spec.js';
import type { Principal } from '../auth/principal.js';
import type { ErrorCode } from '../base/error-codes.js';
import { invariant } from '../base/invariant.js';
import type { Precondition } from '../store/command.js';
import type { ProjectStore } from '../store/project-store.js';
import type { Reservation } from './answer-budget.js';
import type { Authorization } from './authorization.js';
import { DirectResponse } from './direct/direct-message.js';
import type { Idempotency } from './idempotency.js';
import type { RequestHead, ResponseState } from './message.js';
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

/** Ends the direct way of a request, see {@link Exchange.needNode}. */
export class NotDirectError extends Error {
  override readonly name = 'NotDirectError';
}

/** A request, what is known of it so far, and its answer. */
export class Exchange {
  readonly request: RequestHead;
  readonly response: ResponseState;
  readonly startedMs = performance.now();
  /** How long it took, in milliseconds; 0 until it is over. */
  durationMs = 0;
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

  constructor(request: RequestHead, response: ResponseState, { requestId, remote }: { requestId: string; remote: string }) {
    this.request = request;
    this.response = response;
    this.requestId = requestId;
    this.remote = remote;
    if (response instanceof ServerResponse) (response as Carrier)[EXCHANGE] = this;
  }

  /** Returns the exchange of a response; undefined before it began. */
  static of(response: ServerResponse): Exchange | undefined {
    return (response as Carrier)[EXCHANGE];
  }

  /** The request as Node's stream, on routes that are never direct, or after {@link Exchange.needNode}. */
  get nodeRequest(): IncomingMessage {
    const { request } = this;
    invariant(request instanceof IncomingMessage, 'a direct request has no stream');
    return request;
  }

  /** The response as Node's stream, as {@link Exchange.nodeRequest}. */
  get nodeResponse(): ServerResponse {
    const { response } = this;
    invariant(response instanceof ServerResponse, 'a direct answer has no stream');
    return response;
  }

  /**
   * Says that the answer may need Node's streams. A direct request is then answered by Node, from the start: nothing may have been done
   * for it that cannot be done twice.
   *
   * @throws {NotDirectError} of a direct request
   */
  needNode(): void {
    if (this.response instanceof DirectResponse) throw new NotDirectError();
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
