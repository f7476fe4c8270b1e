/**
 * The options of the HTTP room. The composition root fills it from the configuration, whose names and defaults it does not know.
 */

/** Key and certificate, as PEM. */
export interface TlsOptions {
  readonly key: string | Buffer;
  readonly cert: string | Buffer;
}

/** How long things may take. */
export interface HttpTimeouts {
  /** Until the last header has arrived, in milliseconds. */
  readonly headersMs: number;
  /** Until the last byte of the body has arrived, in milliseconds. */
  readonly requestMs: number;
  /** How long a connection without a request is kept, in milliseconds. */
  readonly keepAliveMs: number;
  /** How long a connection on which nothing moves is kept, in milliseconds; ends readers that stopped reading. */
  readonly idleMs: number;
  /** How long `close` waits for requests under way, in milliseconds. */
  readonly shutdownMs: number;
}

/** Everything about the HTTP side that can be set. */
export interface HttpOptions {
  /** Name or address to listen on. */
  readonly host: string;
  /** Port to listen on; 0 takes a free one. */
  readonly port: number;
  /** Null: plain HTTP. */
  readonly tls: TlsOptions | null;
  /** Longest value, in bytes. */
  readonly valueBytesMax: number;
  /** Longest key, in bytes of UTF-8 after decoding. */
  readonly keyBytesMax: number;
  /** What the answers under way may take of the memory, all together, in bytes. */
  readonly answerBytesMax: number;
  /** Longest request line and headers together, in bytes. */
  readonly headerBytesMax: number;
  /** How many headers a request may have. */
  readonly headersMax: number;
  /** How many connections may be open. */
  readonly connectionsMax: number;
  /** Names that `Host` may have while any scope is open, besides IP addresses and `localhost`; with or without a port. */
  readonly allowedHosts: readonly string[];
  /** Addresses and networks whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  readonly timeouts: HttpTimeouts;
}
