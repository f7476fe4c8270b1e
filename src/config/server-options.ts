/**
 * Every setting that may be left out of config.json: its default, its unit, what it means. The one place where they are said;
 * the table in docs/configuration.md is checked against {@link OPTION_TABLE}.
 */
import path from 'node:path';
import type { LogLevel } from '../base/logger.js';
import { BUILT_IN_AUTHENTICATION, BUILT_IN_STORAGE } from '../events/project-settings.js';
import type { ConfigDocument, LimitsEntry, TimeoutsEntry } from './config-document.js';

const LIMITS: LimitsEntry = {
  max_value_bytes: 1_048_576,
  max_key_bytes: 1024,
  max_header_bytes: 16_384,
  max_headers: 100,
  max_connections: 4000,
  max_queue_commands: 10_000,
  max_queue_bytes: 67_108_864,
  max_answer_bytes: 67_108_864,
  max_failed_keys_per_minute: 100,
};

const TIMEOUTS: TimeoutsEntry = {
  headers_seconds: 10,
  request_seconds: 30,
  keep_alive_seconds: 5,
  idle_seconds: 120,
  shutdown_seconds: 10,
};

/** What the server does where the file says nothing; members are named as in the file. */
export const DEFAULT_OPTIONS = {
  server_port: 23_849,
  server_host: '127.0.0.1',
  tls: null,
  limits: LIMITS,
  timeouts: TIMEOUTS,
  log_level: 'info',
  allowed_hosts: [],
  trusted_proxies: [],
  print_api_keys: true,
  persistent_file_path: 'data/',
} as const;

/** Proxies keep connections for a minute; a server that closes earlier makes them fail a request now and then. */
export const KEEP_ALIVE_BEHIND_PROXY_SECONDS = 65;

const MS_PER_SECOND = 1000;

/** One row of the table of settings. */
export interface OptionRow {
  /** Where it stands in the file, as `limits.max_value_bytes`. */
  readonly path: string;
  /** What holds where it is left out. */
  readonly default: string | number | boolean | null | readonly string[];
  /** What the number counts, also where the default is none; null for everything else. */
  readonly unit: string | null;
  /** What it does, as a phrase. */
  readonly meaning: string;
}

/** Every optional setting. Those under `default.storage` but `persistent_file_path` may be repeated in a project's `storage`. */
export const OPTION_TABLE: readonly OptionRow[] = [
  { path: 'server_port', default: DEFAULT_OPTIONS.server_port, unit: null, meaning: 'port to listen on; 0 takes a free one' },
  {
    path: 'server_host',
    default: DEFAULT_OPTIONS.server_host,
    unit: null,
    meaning: 'name or address to listen on; "::" or "0.0.0.0" for all',
  },
  { path: 'tls.key_file', default: null, unit: null, meaning: 'private key as PEM; with cert_file it switches HTTPS on' },
  { path: 'tls.cert_file', default: null, unit: null, meaning: 'certificate chain as PEM' },
  { path: 'limits.max_value_bytes', default: LIMITS.max_value_bytes, unit: 'bytes', meaning: 'longest value; at most 8388608' },
  { path: 'limits.max_key_bytes', default: LIMITS.max_key_bytes, unit: 'bytes', meaning: 'longest key in UTF-8; at most 1024' },
  {
    path: 'limits.max_header_bytes',
    default: LIMITS.max_header_bytes,
    unit: 'bytes',
    meaning: 'longest request line and headers together',
  },
  { path: 'limits.max_headers', default: LIMITS.max_headers, unit: 'headers', meaning: 'headers of one request' },
  { path: 'limits.max_connections', default: LIMITS.max_connections, unit: 'connections', meaning: 'connections open at once' },
  {
    path: 'limits.max_queue_commands', default: LIMITS.max_queue_commands, unit: 'commands',
    meaning: 'writes that may be queued, per project',
  },
  {
    path: 'limits.max_queue_bytes',
    default: LIMITS.max_queue_bytes,
    unit: 'bytes',
    meaning: 'size of the queued writes, per project',
  },
  {
    path: 'limits.max_answer_bytes',
    default: LIMITS.max_answer_bytes,
    unit: 'bytes',
    meaning: 'memory for long answers in progress, all together; one caller gets at most half',
  },
  {
    path: 'limits.max_failed_keys_per_minute',
    default: LIMITS.max_failed_keys_per_minute,
    unit: 'failures',
    meaning: 'unknown keys that an address may present in a minute before it is answered 429',
  },
  { path: 'timeouts.headers_seconds', default: TIMEOUTS.headers_seconds, unit: 'seconds', meaning: 'time limit for the headers to arrive' },
  { path: 'timeouts.request_seconds', default: TIMEOUTS.request_seconds, unit: 'seconds', meaning: 'time limit for the body to arrive' },
  {
    path: 'timeouts.keep_alive_seconds',
    default: TIMEOUTS.keep_alive_seconds,
    unit: 'seconds',
    meaning: `how long a connection without a request stays open; ${KEEP_ALIVE_BEHIND_PROXY_SECONDS} where trusted_proxies has any`,
  },
  {
    path: 'timeouts.idle_seconds',
    default: TIMEOUTS.idle_seconds,
    unit: 'seconds',
    meaning: 'how long a connection without any traffic stays open',
  },
  {
    path: 'timeouts.shutdown_seconds',
    default: TIMEOUTS.shutdown_seconds,
    unit: 'seconds',
    meaning: 'how long a stop waits for running requests',
  },
  { path: 'log_level', default: DEFAULT_OPTIONS.log_level, unit: null, meaning: 'trace, debug, info, warn, error, fatal or silent' },
  { path: 'allowed_hosts', default: DEFAULT_OPTIONS.allowed_hosts, unit: null, meaning: 'names that Host may have while a scope is open' },
  { path: 'trusted_proxies', default: DEFAULT_OPTIONS.trusted_proxies, unit: null, meaning: 'addresses whose X-Forwarded-For is trusted' },
  { path: 'print_api_keys', default: DEFAULT_OPTIONS.print_api_keys, unit: null, meaning: 'print a new key once on the console' },
  {
    path: 'default.storage.persistent_file_path',
    default: DEFAULT_OPTIONS.persistent_file_path,
    unit: null,
    meaning: 'folder of all logs, relative to the folder of config.json',
  },
  {
    path: 'default.storage.on_disk',
    default: BUILT_IN_STORAGE.on_disk,
    unit: null,
    meaning: 'false: the data is gone when the server stops',
  },
  {
    path: 'default.storage.cache_in_memory',
    default: BUILT_IN_STORAGE.cache_in_memory,
    unit: null,
    meaning: 'false: values are read from disk, and memory holds only the keys',
  },
  {
    path: 'default.storage.durability',
    default: BUILT_IN_STORAGE.durability,
    unit: null,
    meaning: '"fsync": on disk before the answer; "interval": synced every sync_interval_ms; "os": synced when the system chooses',
  },
  {
    path: 'default.storage.sync_interval_ms',
    default: BUILT_IN_STORAGE.sync_interval_ms,
    unit: 'milliseconds',
    meaning: 'longest time between two syncs with durability "interval"',
  },
  {
    path: 'default.storage.segment_bytes',
    default: BUILT_IN_STORAGE.segment_bytes,
    unit: 'bytes',
    meaning: 'size at which a log begins a new file',
  },
  {
    path: 'default.storage.compaction.interval_seconds',
    default: BUILT_IN_STORAGE.compaction.interval_seconds,
    unit: 'seconds',
    meaning: 'interval between checks for a due snapshot; 0: only when asked for, and at a stop',
  },
  {
    path: 'default.storage.retention.max_age_seconds',
    default: BUILT_IN_STORAGE.retention.max_age_seconds,
    unit: 'seconds',
    meaning: 'age at which sealed log files that a snapshot covers are removed; null: no limit by age',
  },
  {
    path: 'default.storage.retention.max_bytes',
    default: BUILT_IN_STORAGE.retention.max_bytes,
    unit: 'bytes',
    meaning: 'total size above which the oldest of them are removed; null: no limit by size',
  },
  {
    path: 'default.storage.retention.compress',
    default: BUILT_IN_STORAGE.retention.compress,
    unit: null,
    meaning: '"gzip": sealed log files are kept compressed; "none": as they were written',
  },
  {
    path: 'default.storage.readable_snapshot',
    default: BUILT_IN_STORAGE.readable_snapshot,
    unit: null,
    meaning: 'keep <id>.json beside the log, a copy of the newest snapshot; false saves its disk space',
  },
  {
    path: 'default.authentication.enabled',
    default: BUILT_IN_AUTHENTICATION.enabled,
    unit: null,
    meaning: 'false: the global routes are open to everyone',
  },
  {
    path: 'default.authentication.save_api_key_to_file',
    default: BUILT_IN_AUTHENTICATION.save_api_key_to_file,
    unit: null,
    meaning: 'true: the file keeps the global key in plain text',
  },
  {
    path: 'projects[].authentication.enabled',
    default: BUILT_IN_AUTHENTICATION.enabled,
    unit: null,
    meaning: 'false: the project is open to everyone',
  },
  {
    path: 'projects[].authentication.save_api_key_to_file',
    default: BUILT_IN_AUTHENTICATION.save_api_key_to_file,
    unit: null,
    meaning: "true: the file keeps the project's key in plain text",
  },
];

/** The server's settings, with defaults filled in. */
export interface ServerOptions {
  readonly serverHost: string;
  /** 0: any free port. */
  readonly serverPort: number;
  /** Absolute path of the folder of all logs. */
  readonly dataFolder: string;
  /** Absolute paths; null: plain HTTP. */
  readonly tls: { readonly keyFile: string; readonly certFile: string } | null;
  readonly valueBytesMax: number;
  readonly keyBytesMax: number;
  readonly headerBytesMax: number;
  readonly headersMax: number;
  readonly connectionsMax: number;
  /** Per project. */
  readonly queueCommandsMax: number;
  /** Per project. */
  readonly queueBytesMax: number;
  readonly answerBytesMax: number;
  readonly failedKeysPerMinuteMax: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly shutdownTimeoutMs: number;
  readonly logLevel: LogLevel;
  readonly allowedHosts: readonly string[];
  readonly trustedProxies: readonly string[];
  readonly printApiKeys: boolean;
}

/**
 * Fills in what a document leaves out, and makes paths absolute.
 *
 * @param folder absolute path of the folder that relative paths start from: the file's own
 */
export function resolveServerOptions(document: ConfigDocument, folder: string): ServerOptions {
  const limits = { ...LIMITS, ...document.limits };
  const timeouts = { ...TIMEOUTS, ...document.timeouts };
  const tls = document.tls ?? null;
  const trustedProxies = document.trusted_proxies ?? DEFAULT_OPTIONS.trusted_proxies;
  const keepAliveSeconds = document.timeouts?.keep_alive_seconds
    ?? (trustedProxies.length > 0 ? KEEP_ALIVE_BEHIND_PROXY_SECONDS : TIMEOUTS.keep_alive_seconds);
  return {
    serverHost: document.server_host ?? DEFAULT_OPTIONS.server_host,
    serverPort: document.server_port ?? DEFAULT_OPTIONS.server_port,
    dataFolder: path.resolve(folder, document.default?.storage?.persistent_file_path ?? DEFAULT_OPTIONS.persistent_file_path),
    tls: tls === null ? null : { keyFile: path.resolve(folder, tls.key_file), certFile: path.resolve(folder, tls.cert_file) },
    valueBytesMax: limits.max_value_bytes,
    keyBytesMax: limits.max_key_bytes,
    headerBytesMax: limits.max_header_bytes,
    headersMax: limits.max_headers,
    connectionsMax: limits.max_connections,
    queueCommandsMax: limits.max_queue_commands,
    queueBytesMax: limits.max_queue_bytes,
    answerBytesMax: limits.max_answer_bytes,
    failedKeysPerMinuteMax: limits.max_failed_keys_per_minute,
    headersTimeoutMs: timeouts.headers_seconds * MS_PER_SECOND,
    requestTimeoutMs: timeouts.request_seconds * MS_PER_SECOND,
    keepAliveTimeoutMs: keepAliveSeconds * MS_PER_SECOND,
    idleTimeoutMs: timeouts.idle_seconds * MS_PER_SECOND,
    shutdownTimeoutMs: timeouts.shutdown_seconds * MS_PER_SECOND,
    logLevel: document.log_level ?? DEFAULT_OPTIONS.log_level,
    allowedHosts: document.allowed_hosts ?? DEFAULT_OPTIONS.allowed_hosts,
    trustedProxies,
    printApiKeys: document.print_api_keys ?? DEFAULT_OPTIONS.print_api_keys,
  };
}
