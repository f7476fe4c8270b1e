/**
 * What the requests report, to what measures them, and what the routes about measurements are answered with. Observers return at once and
 * throw nothing.
 */
import type { ErrorCode } from '../base/error-codes.js';
import type { Exchange } from './exchange.js';

/** Notified of requests. */
export interface HttpObserver {
  /** A request is over: its answer was sent, or its client has disconnected. */
  answered(exchange: Exchange): void;
  /** Input that is no request was answered. */
  refused(status: number, code: ErrorCode): void;
  /** A request had an API key that does not work. */
  failedKey(reason: 'unknown' | 'expired'): void;
  /** A request was refused because of unknown API keys: its address sent too many, or too many wait to be checked. */
  throttled(reason: 'failed_keys' | 'derivations'): void;
}

/** Some of the last steps of a history. */
interface HistoryDocument {
  readonly step_seconds: number;
  readonly start: string;
  readonly series: Readonly<Record<string, readonly (number | null)[]>>;
}

/** What was measured. */
export interface MeasuredServer {
  /**
   * Writes the metrics in the text format of Prometheus.
   *
   * @param nextTurn awaited before each piece of work
   * @returns pieces of about 64 kB
   */
  exposition(nextTurn: () => Promise<void>): AsyncIterable<Buffer>;
  /**
   * Reads the history.
   *
   * @param project one that exists; undefined: of the server
   * @param windowSeconds how far back, up to an hour
   */
  history(project: string | undefined, windowSeconds: number): HistoryDocument;
}
