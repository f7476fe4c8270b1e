/** Options of a server under test, with the default limits. */
import type { HttpOptions } from '../../src/http/http-options.js';

/** Every option; a test overrides the ones it is about. */
export const DEFAULT_HTTP_OPTIONS: HttpOptions = {
  host: '127.0.0.1',
  port: 23_849,
  tls: null,
  valueBytesMax: 1_048_576,
  batchOpsMax: 1000,
  idempotencySeconds: 86_400,
  idempotencyEntries: 100_000,
  batchBytesMax: 8_388_608,
  keyBytesMax: 1024,
  answerBytesMax: 67_108_864,
  streamsMax: 500,
  streamsPerCallerMax: 50,
  headerBytesMax: 16_384,
  headersMax: 100,
  connectionsMax: 4000,
  allowedHosts: [],
  allowedOrigins: [],
  trustedProxies: [],
  timeouts: { headersMs: 10_000, requestMs: 30_000, keepAliveMs: 5000, idleMs: 120_000, shutdownMs: 10_000 },
  docsEnabled: true,
  metricsEnabled: true,
  uiEnabled: true,
};
