/**
 * The settings of config.json that may be left out, one row each. Everything else about a setting derives from its row: its type, the
 * JSON schema (`config-document.ts`), its default, and the tables in docs/configuration.md, which a test compares with the rows.
 *
 * To add a setting of the server, add a row to {@link SERVER_SETTINGS} and read it from `ServerOptions` where it is used. To add one
 * of a project, add a row to `STORAGE_SETTINGS` in `api/project-settings.ts`. Then run `npm test -- configuration-doc`, which
 * prints the table that the page must have. What two settings must be to each other is checked in `check-config.ts`.
 */
import { LOG_LEVELS } from '../base/logger.js';
import { ORIGIN_PATTERN } from '../base/origin.js';
import { choice, flag, integer, setting } from '../base/setting.js';
import { KEY_BYTES_LIMIT } from '../events/key-name.js';
import { AUTHENTICATION_SETTINGS, QUOTA_SETTINGS, STORAGE_SETTINGS } from '../api/project-settings.js';

/** Proxies keep idle connections for a minute; a server that closes them earlier makes the proxy fail requests now and then. */
export const KEEP_ALIVE_BEHIND_PROXY_SECONDS = 65;

const PORT_MAX = 65_535;
const PATH_CHARACTERS_MAX = 4096;
const NAMES_MAX = 1000;

const PATH_SCHEMA = {
  type: 'string', minLength: 1, maxLength: PATH_CHARACTERS_MAX, pattern: '^[^\\u0000]*$', description: 'the path of a file or folder',
};

/** Settings of the server, from which `ServerOptions` is made. */
export const SERVER_SETTINGS = {
  server_port: setting<number>(
    { type: 'integer', minimum: 0, maximum: PORT_MAX, description: `a port from 0 to ${PORT_MAX}; 0 takes a free one` },
    { default: 23_849, meaning: 'port to listen on; 0 takes a free one' },
  ),
  server_host: setting<string>(
    { type: 'string', pattern: '^[0-9A-Za-z.:_%-]{1,253}$', description: 'the name or the IP address to listen on' },
    { default: '127.0.0.1', meaning: 'name or address to listen on; "::" or "0.0.0.0" for all' },
  ),
  limits: {
    max_value_bytes: integer({ default: 1_048_576, unit: 'bytes', min: 1, max: 8_388_608, meaning: 'maximum size of a value' }),
    max_key_bytes: integer({ default: 1024, unit: 'bytes', min: 1, max: KEY_BYTES_LIMIT, meaning: 'maximum size of a key in UTF-8' }),
    max_header_bytes: integer({
      default: 16_384, unit: 'bytes', min: 1024, max: 1_048_576, meaning: 'maximum size of the request line and the headers together',
    }),
    max_headers: integer({ default: 100, unit: 'headers', min: 10, max: 2000, meaning: 'maximum number of headers in a request' }),
    max_connections: integer({ default: 4000, unit: 'connections', min: 1, max: 1_000_000, meaning: 'maximum number of open connections' }),
    max_queue_commands: integer({
      default: 10_000, unit: 'commands', min: 1, max: 1_000_000, meaning: 'maximum number of queued writes, per project',
    }),
    max_queue_bytes: integer({
      default: 67_108_864, unit: 'bytes', min: 1024, max: 4_294_967_296,
      meaning: 'maximum size of the queued writes, per project; at least twice max_value_bytes',
    }),
    max_answer_bytes: integer({
      default: 67_108_864, unit: 'bytes', min: 16_777_216, max: 68_719_476_736,
      meaning: 'memory for long answers in progress, all together; one caller gets at most half',
    }),
    max_batch_ops: integer({ default: 1000, unit: 'operations', min: 1, max: 10_000, meaning: 'maximum number of operations in a batch' }),
    max_batch_bytes: integer({
      default: 8_388_608, unit: 'bytes', min: 1024, max: 8_388_608,
      meaning: 'maximum size of the body of a batch; never more than half of max_queue_bytes',
    }),
    time_travel_bytes: integer({
      default: 268_435_456, unit: 'bytes', min: 1_048_576, max: 1_099_511_627_776,
      meaning: 'disk space for past states of projects, all together; a single one is never larger',
    }),
    max_streams: integer({
      default: 500, unit: 'streams', min: 1, max: 100_000, meaning: 'event streams and waiting event requests that may be open at once',
    }),
    max_streams_per_key: integer({
      default: 50, unit: 'streams', min: 1, max: 100_000, meaning: 'the same for one API key, or for one address without an API key',
    }),
    idempotency_seconds: integer({
      default: 86_400, unit: 'seconds', min: 1, max: 604_800, meaning: 'how long a request with an Idempotency-Key is remembered',
    }),
    idempotency_entries: integer({
      default: 100_000, unit: 'requests', min: 1, max: 1_000_000,
      meaning: 'how many such requests are remembered, per project; the oldest ones are forgotten first',
    }),
    idempotency_bytes: integer({
      default: 67_108_864, unit: 'bytes', min: 65_536, max: 4_294_967_296,
      meaning: 'memory for them, all projects together; then the project with the most forgets its oldest ones',
    }),
    max_failed_keys_per_minute: integer({
      default: 100, unit: 'failures', min: 1, max: 1_000_000,
      meaning: 'unknown keys that an address may present in a minute before it is answered 429',
    }),
  },
  timeouts: {
    headers_seconds: integer({
      default: 10, unit: 'seconds', min: 1, max: 3600, meaning: 'time limit for the headers to arrive; at most request_seconds',
    }),
    request_seconds: integer({ default: 30, unit: 'seconds', min: 1, max: 86_400, meaning: 'time limit for the body to arrive' }),
    keep_alive_seconds: integer({
      default: 5, unit: 'seconds', min: 1, max: 3600,
      meaning: `time after which an idle connection is closed; ${KEEP_ALIVE_BEHIND_PROXY_SECONDS} if trusted_proxies is not empty`,
    }),
    idle_seconds: integer({
      default: 120, unit: 'seconds', min: 1, max: 86_400, meaning: 'time after which a connection without any traffic is closed',
    }),
    shutdown_seconds: integer({
      default: 10, unit: 'seconds', min: 1, max: 3600, meaning: 'time limit for a shutdown, after which the process exits',
    }),
  },
  log_level: choice({ default: 'info', allowed: LOG_LEVELS, meaning: 'least severe level in the server log' }),
  allowed_hosts: setting<readonly string[]>(
    {
      type: 'array',
      maxItems: NAMES_MAX,
      items: { type: 'string', pattern: '^[0-9A-Za-z._-]{1,253}(:[0-9]{1,5})?$', description: 'the name of a host' },
      description: `a list of up to ${NAMES_MAX} names of hosts`,
    },
    { default: [], meaning: 'host names accepted in Host while a scope is open, besides IP addresses and localhost' },
  ),
  allowed_origins: setting<readonly string[]>(
    {
      type: 'array',
      maxItems: NAMES_MAX,
      items: { type: 'string', pattern: `^(\\*|${ORIGIN_PATTERN})$`, description: 'an origin such as "https://app.example.com", or "*"' },
      description: `a list of up to ${NAMES_MAX} origins`,
    },
    { default: [], meaning: 'origins of web pages that may read answers (CORS), or "*" for all; "*" needs authentication in every scope' },
  ),
  trusted_proxies: setting<readonly string[]>(
    {
      type: 'array',
      maxItems: NAMES_MAX,
      items: { type: 'string', description: 'an IP address, a network such as 10.0.0.0/8, or loopback, linklocal or uniquelocal' },
      description: `a list of up to ${NAMES_MAX} addresses and networks`,
    },
    { default: [], meaning: 'addresses and networks of proxies whose X-Forwarded-For is trusted' },
  ),
  docs: {
    enabled: flag({ default: true, meaning: 'false: the page /docs/, which shows the HTTP API, is not served' }),
  },
  metrics: {
    enabled: flag({ default: true, meaning: 'false: /metrics is answered 404' }),
    projects_max: integer({
      default: 200, unit: 'projects', min: 0, max: 2000,
      meaning: 'projects with series of their own in /metrics, and in the history; /metrics shows the rest as "_other"',
    }),
  },
  ui: {
    enabled: flag({ default: true, meaning: 'false: the web UI, /ui/, is not served' }),
  },
  print_api_keys: flag({ default: true, meaning: 'print a new API key once on the console' }),
};

/** Key and certificate for HTTPS; given together or not at all. */
export const TLS_SETTINGS = {
  key_file: setting<string | null>(PATH_SCHEMA, {
    default: null, meaning: 'private key as PEM; with cert_file it switches HTTPS on', isPath: true,
  }),
  cert_file: setting<string | null>(PATH_SCHEMA, { default: null, meaning: 'certificate chain as PEM', isPath: true }),
};

/** Where the data is, and the storage settings of projects that do not name them. */
export const DEFAULT_STORAGE_SETTINGS = {
  persistent_file_path: setting<string>(PATH_SCHEMA, {
    default: 'data/', meaning: 'folder of all logs, relative to the folder of config.json', isPath: true,
  }),
  ...STORAGE_SETTINGS,
};

/** The file of checkpoints of the logs; without it there is none. */
export const CHECKPOINT_SETTINGS = {
  file: setting<string | null>({ ...PATH_SCHEMA, type: ['string', 'null'], description: 'null, or the path of a file' }, {
    default: null, isPath: true,
    meaning: 'file to append checkpoints of the logs to, outside the data folder; relative to the folder of config.json',
  }),
  interval_seconds: integer({
    default: 3600, unit: 'seconds', min: 1, max: 604_800,
    meaning: 'interval between two rounds, which append those of the logs that have grown',
  }),
};

/** The whole table, grouped as in the file. A project's entry has `storage`, `authentication` and `quota` as `default` has them. */
export const SETTINGS = {
  ...SERVER_SETTINGS,
  tls: TLS_SETTINGS,
  default: {
    storage: DEFAULT_STORAGE_SETTINGS, authentication: AUTHENTICATION_SETTINGS, quota: QUOTA_SETTINGS, checkpoints: CHECKPOINT_SETTINGS,
  },
};

/** The part of the table that is not about projects: the rows that the environment and the command line can set. */
export const OUTSIDE_TABLE = {
  ...SERVER_SETTINGS,
  tls: TLS_SETTINGS,
  default: {
    storage: { persistent_file_path: DEFAULT_STORAGE_SETTINGS.persistent_file_path },
    authentication: AUTHENTICATION_SETTINGS,
    checkpoints: CHECKPOINT_SETTINGS,
  },
};
