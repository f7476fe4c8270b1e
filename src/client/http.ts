/**
 * Sends requests with `fetch`: one attempt with a time limit, and as many as the rules of `retry.ts` allow. Knows HTTP and the errors of
 * the server, not what is asked.
 */
import { API_PATH } from '../api/paths.js';
import { errorOfAnswer, SimpleKvError } from './error.js';
import { linkedSignal } from './linked-signal.js';
import type { CallOptions, ConnectionOptions } from './options.js';
import { type Repeatable, type RetryPolicy, retryPolicy, wait, waitBeforeRetry } from './retry.js';

/** What is sent. */
export interface HttpRequest extends CallOptions {
  /** @default 'GET' */
  readonly method?: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** The path, encoded, with its query. */
  readonly target: string;
  /** What is undefined is not sent. */
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined;
  readonly body?: string | undefined;
  /** What repeating it could do; absent: nothing. */
  readonly repeatable?: Repeatable;
  /** Asks whether the server recognizes a write that is repeated. Without it, that is taken for granted. */
  readonly recognizes?: (() => Promise<boolean>) | undefined;
  /** A status that is no error, beside those of success. */
  readonly accepts?: number;
}

/** What came back. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** The whole body. */
  readonly text: string;
  /** The body of an answer that is read while it comes. */
  readonly body: ReadableStream<Uint8Array> | null;
}

/** A scheme, a host and a path. */
const HTTP_URL = /^https?:\/\/[^/?#@]+\/[^?#]*$/;
/** What every path begins with, should the URL have it already. */
const PATH_END = new RegExp(`(?:${API_PATH})?/*$`);

/** Aborts an attempt when its time is over or the caller wants no answer. */
interface Limit {
  readonly signal: AbortSignal;
  /** Whether it was the time. */
  readonly isOver: () => boolean;
  /** Ends the limit of time. */
  readonly lift: () => void;
  /** Ends both. */
  readonly end: () => void;
}

const DEFAULT_TIMEOUT_MS = 10_000;
/** Nothing was sent: what Node says where no connection came about. Browsers do not tell. */
const UNSENT_CODE = /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|UND_ERR_CONNECT_TIMEOUT)$/;

/** Sends requests to one server. */
export class Transport {
  readonly retry: RetryPolicy;
  readonly #base: string;
  readonly #key: ConnectionOptions['key'];
  readonly #fetch: typeof fetch;
  readonly #timeoutMs: number;
  readonly #headers: Readonly<Record<string, string>>;

  /** @throws {TypeError} When the URL is none, or has more than a scheme, a host and a path */
  constructor({ url, key, fetch: send, timeoutMs = DEFAULT_TIMEOUT_MS, retry, headers = {} }: ConnectionOptions) {
    this.#base = baseOf(url);
    this.#key = key;
    // As a method of this object, the browsers' own function would refuse to be called.
    this.#fetch = send ?? ((...request) => fetch(...request));
    this.#timeoutMs = timeoutMs;
    this.retry = retryPolicy(retry);
    this.#headers = headers;
  }

  /**
   * Sends a request, again if need be, and reads its answer whole.
   *
   * @throws {SimpleKvError} When there is no answer, or it is not a success
   */
  async send(request: HttpRequest): Promise<HttpAnswer> {
    const startMs = performance.now();
    let unclear: SimpleKvError | undefined;
    for (let attempt = 1; ; attempt += 1) {
      try {
        if (unclear !== undefined && (await request.recognizes?.()) === false) throw unclear;
        return await this.#attempt(request);
      } catch (error) {
        if (!(error instanceof SimpleKvError) || error === unclear) throw error;
        const waitMs = waitBeforeRetry(this.retry, error, { attempt, elapsedMs: performance.now() - startMs });
        // That an attempt was refused for now says nothing about an earlier one, which may have been carried out.
        if (waitMs === undefined) throw error.isRetryable ? unclear ?? error : error;
        if (request.repeatable !== undefined && error.isUnanswered && !isUnsent(error)) {
          if (request.repeatable === 'unsafe') throw error;
          unclear ??= error;
        }
        await wait(waitMs, request.signal);
      }
    }
  }

  /**
   * Sends a request once and hands out the answer when it begins. Only the time until then is limited; the signal of the request also
   * ends the answer.
   *
   * @throws {SimpleKvError} When there is no answer, or it is not a success
   */
  async open(request: HttpRequest): Promise<HttpAnswer> {
    return await this.#attempt(request, true);
  }

  async #attempt(request: HttpRequest, isStream = false): Promise<HttpAnswer> {
    const limit = limitOf(request.signal, request.timeoutMs ?? this.#timeoutMs);
    try {
      const response = await this.#fetchOnce(request, limit.signal);
      const { ok, status, headers, body } = response;
      if (ok && isStream) {
        limit.lift();
        return { status, headers, body, text: '' };
      }
      const text = await received(response.text());
      limit.end();
      if (ok || status === request.accepts) return { status, headers, body: null, text };
      throw errorOfAnswer(nameOf(request), response, text);
    } catch (error) {
      limit.end();
      if (request.signal?.aborted === true) throw request.signal.reason;
      throw error instanceof NotReceived ? unansweredError(request, error.cause, limit.isOver()) : error;
    }
  }

  async #fetchOnce({ method = 'GET', target, headers, body }: HttpRequest, signal: AbortSignal): Promise<Response> {
    const key = typeof this.#key === 'function' ? await this.#key() : this.#key;
    signal.throwIfAborted();
    const sent = new Headers(this.#headers);
    const own = {
      'Authorization': key === undefined ? key : `Bearer ${sendableKey(key)}`,
      'Content-Type': body === undefined ? body : 'application/json',
      ...headers,
    };
    for (const [name, value] of Object.entries(own)) if (value !== undefined) sent.set(name, value);
    // A redirect would turn a write into a read, and what is read must be what the server has now.
    const init = { method, headers: sent, body, redirect: 'manual', cache: 'no-store', signal };
    // Node's types lack `cache`.
    return await received(this.#fetch(`${this.#base}${target}`, init as RequestInit));
  }
}

/**
 * Reads the JSON of an answer.
 *
 * @throws {SimpleKvError} `bad_answer` when it is none
 */
export function jsonOf<T>({ text }: Pick<HttpAnswer, 'text'>): T {
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new SimpleKvError('bad_answer', 'Cannot use an answer: it is not JSON', { cause });
  }
}

/**
 * The error of a request whose answer did not come, or not to its end.
 *
 * @param cause what the platform failed with
 * @param isTimeout whether it was ended since its time was over
 */
export function unansweredError(request: Pick<HttpRequest, 'method' | 'target'>, cause: unknown, isTimeout: boolean): SimpleKvError {
  const reason = isTimeout ? 'time is over' : textOfError(cause);
  return new SimpleKvError(isTimeout ? 'timeout' : 'network_error', `No complete answer to ${nameOf(request)}: ${reason}`, { cause });
}

/** Marks a failure of the platform, in distinction to those of functions of the program. */
class NotReceived extends Error {}

async function received<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (cause) {
    throw new NotReceived('', { cause });
  }
}

/** Whether the server could not be reached at all. */
function isUnsent({ cause }: SimpleKvError): boolean {
  return UNSENT_CODE.test(String((cause as { readonly cause?: { readonly code?: unknown } } | undefined)?.cause?.code));
}

function limitOf(caller: AbortSignal | undefined, timeoutMs: number): Limit {
  const { signal, abort } = linkedSignal(caller);
  let isOver = false;
  const timer = setTimeout(() => {
    isOver = true;
    abort();
  }, timeoutMs);
  const lift = (): void => clearTimeout(timer);
  const end = (): void => {
    lift();
    // Nothing is left to be aborted; the signal of the caller is let go.
    abort();
  };
  return { signal, isOver: () => isOver, lift, end };
}

/** Without the names of keys and the query, which do not belong into every log. */
function nameOf({ method = 'GET', target }: Pick<HttpRequest, 'method' | 'target'>): string {
  return `${method} ${target.replace(/\?.*/, '').replace(/(\/keys\/).*/, '$1…')}`;
}

/** The reason why a connection failed stands in the cause, if anywhere. */
function textOfError(error: unknown): string {
  return String((error as { readonly cause?: unknown } | undefined)?.cause ?? error);
}

/** Checked here: the platform would quote the key in its error. */
function sendableKey(key: string): string {
  if (/^[\x21-\x7e]+$/.test(key)) return key;
  throw new TypeError('Cannot send the API key: it must be visible ASCII');
}

/** What is wrong is not quoted: it may be a password. */
function baseOf(url: string): string {
  if (!HTTP_URL.test(new URL(url).href)) {
    throw new TypeError('Cannot use the URL of the server: it must be http or https, without credentials, query and fragment');
  }
  return url.replace(PATH_END, '');
}
