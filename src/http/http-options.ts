/**
 * The options of the HTTP server. `server.ts` fills them from the configuration, whose names and defaults are not known here. They are
 * looked up at each use, because a reload puts other values into the same object; what is derived from them is derived again by
 * `takeOptions` of its owner.
 */

/** Private key and certificate, as PEM. */
interface TlsOptions {
  readonly key: string | Buffer;
  readonly cert: string | Buffer;
}

/** Timeouts. */
interface HttpTimeouts {
  /** Until the last header has arrived, in milliseconds. */
  readonly headersMs: number;
  /** Until the last byte of the body has arrived, in milliseconds. */
  readonly requestMs: number;
  /** How long a connection stays open between requests, in milliseconds. */
  readonly keepAliveMs: number;
  /** How long a connection without any traffic stays open, in milliseconds; ends readers that stopped reading. */
  readonly idleMs: number;
  /** How long `close` waits for requests in progress, in milliseconds. */
  readonly shutdownMs: number;
}

/** All options. */
export interface HttpOptions {
  /** Name or address to listen on. */
  readonly host: string;
  /** Port to listen on; 0 takes a free one. */
  readonly port: number;
  /** Null: plain HTTP. */
  readonly tls: TlsOptions | null;
  /** Longest value, in bytes. */
  readonly valueBytesMax: number;
  /** Most operations in a batch. */
  readonly batchOpsMax: number;
  /** Longest body of a batch, in bytes. */
  readonly batchBytesMax: number;
  /** How long requests with an idempotency key are remembered, and how many of a project: shown to clients. */
  readonly idempotencySeconds: number;
  readonly idempotencyEntries: number;
  /** Longest key, in bytes of UTF-8 after decoding. */
  readonly keyBytesMax: number;
  /** Memory for the long answers in progress, in bytes. */
  readonly answerBytesMax: number;
  /** Most event streams that are open at once. */
  readonly streamsMax: number;
  /** Most of them for one caller. */
  readonly streamsPerCallerMax: number;
  /** Longest request line and headers, together, in bytes. */
  readonly headerBytesMax: number;
  /** Most headers in a request. */
  readonly headersMax: number;
  /** Most open connections. */
  readonly connectionsMax: number;
  /** Names accepted in `Host` while a scope is open, besides IP addresses and `localhost`; with or without a port. */
  readonly allowedHosts: readonly string[];
  /** Origins of web pages that may read answers, or `*` for all. */
  readonly allowedOrigins: readonly string[];
  /** Addresses and networks whose `X-Forwarded-For` is trusted. */
  readonly trustedProxies: readonly string[];
  readonly timeouts: HttpTimeouts;
  /** Serves the page that shows the document of the API. */
  readonly docsEnabled: boolean;
  /** Shows metrics. */
  readonly metricsEnabled: boolean;
  /** Serves the web UI. */
  readonly uiEnabled: boolean;
}
