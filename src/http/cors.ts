/**
 * Cross-origin requests (CORS): lets pages of the allowed origins read answers, and answers the preflight that a browser sends before a
 * request with an API key. Without allowed origins there is no object of this class, and nothing of this is in any answer.
 *
 * A browser never adds an API key by itself, so `Access-Control-Allow-Credentials` is not needed and never sent.
 */
import { ANY_ORIGIN } from '../base/origin.js';
import type { Answer, Exchange } from './exchange.js';

const ALLOWED_HEADERS = [
  'authorization', 'x-api-key', 'content-type', 'if-match', 'if-none-match', 'idempotency-key', 'last-event-id', 'x-request-id',
].join(', ');
const EXPOSED_HEADERS = [
  'etag', 'link', 'location', 'retry-after', 'x-request-id', 'ratelimit', 'ratelimit-policy', 'idempotency-replayed',
  'simplekv-expires-at', 'simplekv-at', 'simplekv-from', 'simplekv-key-expires-at', 'simplekv-log-id', 'simplekv-prev',
].join(', ');
const MAX_AGE_SECONDS = '600';

/** Of every answer, since a cache must not give that for one origin to another. */
export const VARY_ORIGIN = ['Vary', 'Origin'] as const;

/** The allowed origins. */
export class Cors {
  readonly #origins: ReadonlySet<string>;

  /** @param origins exact, or {@link ANY_ORIGIN} */
  constructor(origins: readonly string[]) {
    this.#origins = new Set(origins);
  }

  /** Sets the headers that every answer to a request has. */
  mark(exchange: Exchange): void {
    const allowed = this.#allowedOrigin(exchange);
    exchange.addedHeaders = allowed === undefined
      ? VARY_ORIGIN
      : [...VARY_ORIGIN, 'Access-Control-Allow-Origin', allowed, 'Access-Control-Expose-Headers', EXPOSED_HEADERS];
  }

  /** Node joins repeated headers, so two origins are none. */
  #allowedOrigin({ request }: Exchange): string | undefined {
    const { origin } = request.headers;
    if (origin === undefined) return undefined;
    if (this.#origins.has(ANY_ORIGIN)) return ANY_ORIGIN;
    return this.#origins.has(origin) ? origin : undefined;
  }

  /** Tells whether a browser asks if a page of an allowed origin may send a request. */
  isPreflight(exchange: Exchange): boolean {
    const { method, headers } = exchange.request;
    return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined && this.#allowedOrigin(exchange) !== undefined;
  }
}

/**
 * Returns the answer to a preflight.
 *
 * @param options the answer to `OPTIONS`, with the methods of the path
 */
export function preflightAnswer({ status, headers }: Answer): Answer {
  const methods = headers[headers.indexOf('Allow') + 1] ?? '';
  return {
    status,
    headers: [
      ...headers, 'Access-Control-Allow-Methods', methods, 'Access-Control-Allow-Headers', ALLOWED_HEADERS,
      'Access-Control-Max-Age', MAX_AGE_SECONDS,
    ],
    body: null,
  };
}
