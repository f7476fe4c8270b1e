/**
 * Turns the configuration into the options of the HTTP server, and its time limit of a shutdown into the shares of its parts.
 */
import type { ServerOptions } from '../config/server-options.js';
import type { StartSource } from '../config/start-source.js';
import type { HttpOptions } from '../http/http-options.js';

/** Share of the shutdown time for running requests; the rest is for due snapshots and for closing logs. */
const REQUESTS_SHARE_OF_STOP = 0.6;

const MS_PER_SECOND = 1000;

/** Returns the time limit of a shutdown, in milliseconds. */
export function shutdownMsOf({ timeouts }: ServerOptions): number {
  return timeouts.shutdown_seconds * MS_PER_SECOND;
}

/** Returns the options of the HTTP server. */
export function httpOptionsOf({ options, tls }: Pick<StartSource, 'options' | 'tls'>): HttpOptions {
  const { limits, timeouts } = options;
  return {
    host: options.server_host,
    port: options.server_port,
    tls: tls === null ? null : { key: tls.key, cert: tls.cert },
    valueBytesMax: limits.max_value_bytes,
    batchOpsMax: limits.max_batch_ops,
    // A larger one would never fit into the queue.
    batchBytesMax: Math.min(limits.max_batch_bytes, Math.floor(limits.max_queue_bytes / 2)),
    idempotencySeconds: limits.idempotency_seconds,
    idempotencyEntries: limits.idempotency_entries,
    keyBytesMax: limits.max_key_bytes,
    answerBytesMax: limits.max_answer_bytes,
    streamsMax: limits.max_streams,
    streamsPerCallerMax: limits.max_streams_per_key,
    headerBytesMax: limits.max_header_bytes,
    headersMax: limits.max_headers,
    connectionsMax: limits.max_connections,
    allowedHosts: options.allowed_hosts,
    allowedOrigins: options.allowed_origins,
    trustedProxies: options.trusted_proxies,
    docsEnabled: options.docs.enabled,
    metricsEnabled: options.metrics.enabled,
    uiEnabled: options.ui.enabled,
    timeouts: {
      headersMs: timeouts.headers_seconds * MS_PER_SECOND,
      requestMs: timeouts.request_seconds * MS_PER_SECOND,
      keepAliveMs: timeouts.keep_alive_seconds * MS_PER_SECOND,
      idleMs: timeouts.idle_seconds * MS_PER_SECOND,
      shutdownMs: shutdownMsOf(options) * REQUESTS_SHARE_OF_STOP,
    },
  };
}
