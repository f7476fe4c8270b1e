/**
 * Counts requests: by route, method and status, by the code of a problem, and how long they took. Called once for each request.
 */
import { ROUTES } from '../api/routes.js';
import type { ErrorCode } from '../base/error-codes.js';
import type { Activity } from './activity.js';
import { PlainHistogram } from './plain-histogram.js';

/** The route of a request that none matches. */
const NO_ROUTE = '_none';
const OTHER_METHOD = 'other';
/** Names of the classes of a status, by its first digit; 0 for a request without an answer. */
const STATUS_CLASSES = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'] as const;
const STATUSES_PER_CLASS = 100;
const MS_PER_SECOND = 1000;
/** Upper bounds of the durations, in seconds. */
const DURATION_BOUNDS: readonly number[] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const METHODS: ReadonlySet<string> = new Set(['HEAD', 'OPTIONS', ...ROUTES.map(({ method }) => method)]);

/** What is counted of a request that is over. */
interface CountedRequest {
  /** Null if no route matched. */
  readonly route: { readonly path: string } | null;
  /** The store of its project, if it reached one. */
  readonly store: { readonly id: string } | null;
  readonly request: { readonly method?: string | undefined };
  readonly response: { readonly headersSent: boolean; readonly statusCode: number };
  /** In milliseconds. */
  readonly durationMs: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly problemCode: ErrorCode | null;
}

/** Counts of one route and method. */
interface RouteCounts {
  readonly route: string;
  readonly method: string;
  /** By the first digit of the status. */
  readonly statuses: Float64Array;
  readonly duration: PlainHistogram;
}

/** Why an API key did not work. */
type FailedKeyReason = 'unknown' | 'expired';
/** Which limit a request met. */
type ThrottleReason = 'failed_keys' | 'rate' | 'derivations';

/** Counts requests. */
export class HttpCounters {
  readonly failedKeys: Record<FailedKeyReason, number> = { unknown: 0, expired: 0 };
  readonly throttles: Record<ThrottleReason, number> = { failed_keys: 0, rate: 0, derivations: 0 };
  readonly problems = new Map<ErrorCode, number>();
  /** Bytes of bodies. */
  requestBytes = 0;
  responseBytes = 0;
  readonly #activity: Activity;
  /** By path, then by method. */
  readonly #routes = new Map<string, Map<string, RouteCounts>>();

  /** @param activity counts the same requests for the history */
  constructor(activity: Activity) {
    this.#activity = activity;
  }

  /** Counts a request whose answer was sent or whose client has disconnected. */
  answered(exchange: CountedRequest): void {
    const { response, route, store, problemCode } = exchange;
    const statusClass = response.headersSent ? Math.floor(response.statusCode / STATUSES_PER_CLASS) : 0;
    const counts = this.#countsOf(route === null ? NO_ROUTE : route.path, exchange.request.method ?? OTHER_METHOD);
    counts.statuses[statusClass] = (counts.statuses[statusClass] ?? 0) + 1;
    counts.duration.add(exchange.durationMs / MS_PER_SECOND);
    this.requestBytes += exchange.requestBytes;
    this.responseBytes += exchange.responseBytes;
    if (problemCode !== null) this.#problem(problemCode);
    this.#activity.answered(store === null ? undefined : store.id, statusClass);
  }

  /** Counts input that was no request and was answered. */
  refused(status: number, code: ErrorCode): void {
    const { statuses } = this.#countsOf(NO_ROUTE, OTHER_METHOD);
    const statusClass = Math.floor(status / STATUSES_PER_CLASS);
    statuses[statusClass] = (statuses[statusClass] ?? 0) + 1;
    this.#problem(code);
    this.#activity.answered(undefined, statusClass);
  }

  #problem(code: ErrorCode): void {
    this.problems.set(code, (this.problems.get(code) ?? 0) + 1);
    if (code === 'rate_limited') this.throttles.rate += 1;
  }

  /** Counts a request with an API key that does not work. */
  failedKey(reason: FailedKeyReason): void {
    this.failedKeys[reason] += 1;
  }

  /** Counts a request that was refused because of others with unknown API keys. */
  throttled(reason: Exclude<ThrottleReason, 'rate'>): void {
    this.throttles[reason] += 1;
  }

  /** The counts of every route and method that was asked for. */
  *routes(): Generator<Omit<RouteCounts, 'statuses'> & { readonly statuses: readonly (readonly [status: string, count: number])[] }> {
    for (const counts of [...this.#routes.values()].flatMap((methods) => [...methods.values()])) {
      const statuses = STATUS_CLASSES.map((status, digit) => [status, counts.statuses[digit] ?? 0] as const);
      yield { ...counts, statuses: statuses.filter(([, count]) => count > 0) };
    }
  }

  #countsOf(route: string, sent: string): RouteCounts {
    let methods = this.#routes.get(route);
    if (methods === undefined) {
      methods = new Map();
      this.#routes.set(route, methods);
    }
    const known = methods.get(sent);
    if (known !== undefined) return known;
    const method = METHODS.has(sent) ? sent : OTHER_METHOD;
    const made = methods.get(method) ?? {
      route, method, statuses: new Float64Array(STATUS_CLASSES.length), duration: new PlainHistogram(DURATION_BOUNDS),
    };
    methods.set(method, made);
    return made;
  }
}
