/**
 * The problems that a request may be answered with: the status, the title and the facts of each code.
 */
import type { ErrorCode } from '../base/error-codes.js';
import type { JsonSchema } from '../base/setting.js';

/** Media type of a problem document (RFC 9457). */
export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** The answer to a code. */
export interface ProblemKind {
  readonly status: number;
  readonly title: string;
  /** The facts that the answer may have beside the members that every problem has, by name, with their schemas. */
  readonly facts?: Readonly<Record<string, JsonSchema>>;
  /** For server errors: the detail that the client sees instead of the message. */
  readonly publicText?: string;
  /** Default of `Retry-After`. */
  readonly retryAfterSeconds?: number;
}

const TEXT = { type: 'string' };
const COUNT = { type: 'integer', minimum: 0 };
const LIMIT = { limit: COUNT, actual: COUNT };
const MOVED_KEYS = { keys: { type: 'array', items: TEXT }, count: COUNT };
const FILES = { files: { type: 'array', items: TEXT } };

/** Facts about a change that failed: that it is in force anyway, and that a new API key could not be returned. */
export const CHANGE_FACTS = {
  applied: { const: true, description: 'The change is in force; only a later step failed. Repeat the request to finish it.' },
  key_lost: { const: true, description: 'The change created an API key, which this answer cannot contain: regenerate it.' },
} as const;

/** For refusals that only the operator can resolve. */
const ASK_OPERATOR = 'Nothing was changed. Ask the operator of the server; the server log says what to do';

const RETRY_SOON_SECONDS = 1;
/** For conditions that often pass within seconds: a full disk is probed as often, and a restart takes about as long. */
const RETRY_SECONDS = 5;
/** For failures that an operator has to fix first. */
const RETRY_LATE_SECONDS = 60;

/** The answer to every code. */
export const PROBLEM_KINDS: Readonly<Record<ErrorCode, ProblemKind>> = {
  bad_request: { status: 400, title: 'Bad request' },
  invalid_target: { status: 400, title: 'Invalid request target' },
  key_in_url: { status: 400, title: 'Key in the URL' },
  ambiguous_credentials: { status: 400, title: 'Ambiguous credentials' },
  ambiguous_host: { status: 400, title: 'Ambiguous host' },
  too_many_headers: { status: 431, title: 'Too many headers', facts: LIMIT },
  headers_too_large: { status: 431, title: 'Headers too large' },
  http_version_not_supported: { status: 505, title: 'HTTP version not supported', publicText: 'Use HTTP/1.1' },
  misdirected_request: { status: 421, title: 'Misdirected request' },
  request_timeout: { status: 408, title: 'Request timeout' },
  expectation_failed: { status: 417, title: 'Expectation failed' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  unauthorized: { status: 401, title: 'Unauthorized', facts: { reason: { const: 'expired' } } },
  forbidden: { status: 403, title: 'Forbidden', facts: { permissions: { type: 'array', items: TEXT } } },
  cross_site_request: { status: 403, title: 'Cross-site request' },
  too_many_failed_keys: {
    status: 429, title: 'Too many failed keys', facts: { retry_after_seconds: COUNT }, retryAfterSeconds: RETRY_SOON_SECONDS,
  },
  invalid_project_id: { status: 400, title: 'Invalid project id', facts: { pointer: TEXT, expected: TEXT } },
  invalid_key: { status: 400, title: 'Invalid key', facts: { reason: TEXT, ...LIMIT, pointer: TEXT } },
  invalid_query: { status: 400, title: 'Invalid query', facts: { parameter: TEXT } },
  invalid_body: { status: 400, title: 'Invalid body', facts: { pointer: TEXT, expected: TEXT } },
  too_many_keys: { status: 400, title: 'Too many keys', facts: LIMIT },
  invalid_settings: { status: 400, title: 'Invalid settings', facts: { pointer: TEXT, expected: TEXT } },
  invalid_batch: { status: 400, title: 'Invalid batch', facts: { op_index: COUNT, pointer: TEXT, expected: TEXT } },
  too_many_ops: { status: 400, title: 'Too many operations', facts: LIMIT },
  invalid_precondition: { status: 400, title: 'Invalid precondition' },
  invalid_idempotency_key: { status: 400, title: 'Invalid idempotency key' },
  project_not_found: { status: 404, title: 'Project not found' },
  key_not_found: { status: 404, title: 'Key not found' },
  api_key_not_found: { status: 404, title: 'API key not found' },
  receipt_not_found: { status: 404, title: 'Receipt not found', facts: { last_seq: COUNT } },
  too_many_api_keys: { status: 409, title: 'Too many API keys', facts: { limit: COUNT } },
  project_exists: { status: 409, title: 'Project exists' },
  project_files_exist: { status: 409, title: 'Files of this project exist', facts: FILES },
  project_not_served: { status: 409, title: 'Project not served', facts: FILES },
  not_on_disk: { status: 409, title: 'Project not on disk' },
  ahead_of_log: { status: 409, title: 'Ahead of the log', facts: { log_id: TEXT, oldest_seq: COUNT, last_seq: COUNT } },
  value_in_use: { status: 409, title: 'Value in use', facts: { keys: { type: 'array', items: TEXT } } },
  history_gone: {
    status: 410, title: 'History gone', facts: { oldest_seq: COUNT, snapshot_seq: { type: ['integer', 'null'], minimum: 0 } },
  },
  value_redacted: { status: 410, title: 'Value redacted', facts: { seq: COUNT } },
  precondition_failed: {
    status: 412, title: 'Precondition failed',
    facts: { current_seq: COUNT, op_index: COUNT, key: TEXT, expected: COUNT, actual: COUNT, ...MOVED_KEYS },
  },
  idempotency_key_reused: { status: 422, title: 'Idempotency key reused' },
  not_acceptable: { status: 406, title: 'Not acceptable' },
  unsupported_media_type: { status: 415, title: 'Unsupported media type' },
  unsupported_content_encoding: { status: 415, title: 'Unsupported content encoding' },
  body_too_large: { status: 413, title: 'Body too large', facts: { ...LIMIT, op_index: COUNT } },
  line_too_large: { status: 413, title: 'Change too large', facts: LIMIT },
  empty_body: { status: 400, title: 'Empty body' },
  invalid_utf8: { status: 400, title: 'Invalid UTF-8', facts: { offset: COUNT } },
  invalid_json: { status: 400, title: 'Invalid JSON', facts: { offset: COUNT, line: COUNT, column: COUNT, expected: TEXT } },
  incomplete_body: { status: 400, title: 'Incomplete body' },
  too_many_streams: { status: 429, title: 'Too many streams', facts: { limit: COUNT }, retryAfterSeconds: RETRY_SECONDS },
  rate_limited: {
    status: 429, title: 'Rate limited',
    facts: { quota: { enum: ['reads_per_second', 'writes_per_second'] }, limit: COUNT, retry_after_seconds: COUNT },
    retryAfterSeconds: RETRY_SOON_SECONDS,
  },
  queue_full: {
    status: 503,
    title: 'Queue full',
    publicText: 'Too many changes to this project are waiting. Nothing was changed',
    retryAfterSeconds: RETRY_SOON_SECONDS,
  },
  busy: {
    status: 503,
    title: 'Busy',
    publicText: 'Other long work, such as large responses, past states or a backup, is in progress. Retry shortly',
    retryAfterSeconds: RETRY_SOON_SECONDS,
  },
  quota_exceeded: {
    status: 507,
    title: 'Quota exceeded',
    facts: { quota: { enum: ['max_keys', 'max_bytes'] }, ...LIMIT },
    publicText: 'The change would make the project larger than its quota allows. Nothing was changed. Deletes and smaller values are ' +
      'accepted; the holder of the global API key can raise the quota',
  },
  state_too_large: {
    status: 507,
    title: 'State too large',
    facts: { limit: COUNT },
    publicText: 'The state of the project at this point needs more space than the server has for past states. Nothing was changed. A ' +
      'single key can still be read at this point; for the rest, ask the operator of the server to raise limits.time_travel_bytes',
  },
  disk_full: {
    status: 507,
    title: 'Disk full',
    publicText: 'There is not enough disk space for this request. Nothing was changed, and reads continue. To free space, lower the ' +
      'retention or delete projects; deleting keys frees nothing until retention removes their history',
    retryAfterSeconds: RETRY_SECONDS,
  },
  disk_failed: {
    status: 503,
    title: 'Disk failed',
    publicText: 'The disk or the operating system refused the operation. Nothing was changed; the server log has the cause',
    retryAfterSeconds: RETRY_SECONDS,
  },
  log_failed: {
    status: 503,
    title: 'Log failed',
    publicText: 'The log that records this change has failed and accepts no lines until the server is restarted. Reads continue',
    retryAfterSeconds: RETRY_LATE_SECONDS,
  },
  outcome_unknown: {
    status: 503,
    title: 'Outcome unknown',
    publicText: 'The change failed while it was being written to disk. Only after a restart of the server is it known whether it was made',
    retryAfterSeconds: RETRY_LATE_SECONDS,
  },
  project_corrupt: {
    status: 503,
    title: 'Project corrupt',
    publicText: 'This request cannot be served: files of the project are damaged or could not be opened, or it is unknown whether the ' +
      `project was deleted. ${ASK_OPERATOR}`,
    retryAfterSeconds: RETRY_LATE_SECONDS,
  },
  project_missing: {
    status: 503,
    title: 'Project missing',
    publicText: `This project is not served because its files are missing from the data folder. ${ASK_OPERATOR}`,
    retryAfterSeconds: RETRY_LATE_SECONDS,
  },
  project_outdated: {
    status: 503,
    title: 'Project outdated',
    publicText: 'This project is not served because its files are older than changes that it has acknowledged, or because its entry in ' +
      `the configuration is too old to be compared with its log. ${ASK_OPERATOR}`,
    retryAfterSeconds: RETRY_LATE_SECONDS,
  },
  project_newer_format: {
    status: 503,
    title: 'Project of a newer version',
    publicText: `This project is not served because a newer version of the server wrote its files. ${ASK_OPERATOR}`,
    retryAfterSeconds: RETRY_LATE_SECONDS,
  },
  server_log_corrupt: {
    status: 503,
    title: 'Registry corrupt',
    publicText: 'The registry is damaged. Projects are served, but cannot be created or deleted, and API keys cannot be replaced',
    retryAfterSeconds: RETRY_LATE_SECONDS,
  },
  config_changed: { status: 409, title: 'Configuration edited' },
  invalid_config: { status: 422, title: 'Invalid configuration', facts: { pointer: TEXT, found: TEXT, expected: TEXT } },
  config_write_failed: {
    status: 500,
    title: 'Configuration not written',
    publicText: 'The server could not write its configuration file',
  },
  compaction_failed: {
    status: 500,
    title: 'Compaction failed',
    publicText: 'The snapshot failed. The previous snapshot and the log are unchanged; reads and writes continue',
  },
  starting: { status: 503, title: 'Starting', publicText: 'The server is starting', retryAfterSeconds: RETRY_SOON_SECONDS },
  shutting_down: { status: 503, title: 'Shutting down', publicText: 'The server is shutting down', retryAfterSeconds: RETRY_SECONDS },
  internal_error: { status: 500, title: 'Internal error', publicText: 'The server failed to answer this request' },
};
