/**
 * Problem documents (RFC 9457): the status and title of each code, and which parts of an error a client sees. The answer to a server
 * error never states the cause; the server log does.
 */
import { AppError, type ErrorFacts, isErrno } from '../base/app-error.js';
import type { ErrorCode } from '../base/error-codes.js';
import type { Logger } from '../base/logger.js';
import type { Answer, Exchange } from './exchange.js';

/** The answer to a code. */
interface ProblemKind {
  readonly status: number;
  readonly title: string;
  /** For server errors: the detail that the client sees instead of the message. */
  readonly publicText?: string;
  /** Default of `Retry-After`. */
  readonly retryAfterSeconds?: number;
}

/** An encoded problem. */
export interface Problem {
  readonly code: ErrorCode;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text. */
  readonly body: string;
}

const PROBLEM_TYPE = 'application/problem+json';

/** For refusals that only the operator can resolve. */
const ASK_OPERATOR = 'Nothing was changed. Ask the operator of the server; the server log says what to do';

const RETRY_SOON_SECONDS = 1;
/** For conditions that often pass within seconds: a full disk is probed as often, and a restart takes about as long. */
const RETRY_SECONDS = 5;
/** For failures that an operator has to fix first. */
const RETRY_LATE_SECONDS = 60;
const SERVER_ERROR_FIRST = 500;

/** The answer to every code. */
export const PROBLEM_KINDS: Readonly<Record<ErrorCode, ProblemKind>> = {
  bad_request: { status: 400, title: 'Bad request' },
  invalid_target: { status: 400, title: 'Invalid request target' },
  key_in_url: { status: 400, title: 'Key in the URL' },
  ambiguous_credentials: { status: 400, title: 'Ambiguous credentials' },
  ambiguous_host: { status: 400, title: 'Ambiguous host' },
  too_many_headers: { status: 431, title: 'Too many headers' },
  headers_too_large: { status: 431, title: 'Headers too large' },
  http_version_not_supported: { status: 505, title: 'HTTP version not supported', publicText: 'Use HTTP/1.1' },
  misdirected_request: { status: 421, title: 'Misdirected request' },
  request_timeout: { status: 408, title: 'Request timeout' },
  expectation_failed: { status: 417, title: 'Expectation failed' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  unauthorized: { status: 401, title: 'Unauthorized' },
  forbidden: { status: 403, title: 'Forbidden' },
  cross_site_request: { status: 403, title: 'Cross-site request' },
  too_many_failed_keys: { status: 429, title: 'Too many failed keys', retryAfterSeconds: RETRY_SOON_SECONDS },
  invalid_project_id: { status: 400, title: 'Invalid project id' },
  invalid_key: { status: 400, title: 'Invalid key' },
  invalid_query: { status: 400, title: 'Invalid query' },
  invalid_settings: { status: 400, title: 'Invalid settings' },
  invalid_precondition: { status: 400, title: 'Invalid precondition' },
  project_not_found: { status: 404, title: 'Project not found' },
  key_not_found: { status: 404, title: 'Key not found' },
  project_exists: { status: 409, title: 'Project exists' },
  project_files_exist: { status: 409, title: 'Files of this project exist' },
  project_not_served: { status: 409, title: 'Project not served' },
  not_on_disk: { status: 409, title: 'Project not on disk' },
  precondition_failed: { status: 412, title: 'Precondition failed' },
  unsupported_media_type: { status: 415, title: 'Unsupported media type' },
  unsupported_content_encoding: { status: 415, title: 'Unsupported content encoding' },
  body_too_large: { status: 413, title: 'Body too large' },
  line_too_large: { status: 413, title: 'Change too large' },
  empty_body: { status: 400, title: 'Empty body' },
  invalid_utf8: { status: 400, title: 'Invalid UTF-8' },
  invalid_json: { status: 400, title: 'Invalid JSON' },
  incomplete_body: { status: 400, title: 'Incomplete body' },
  queue_full: {
    status: 503,
    title: 'Queue full',
    publicText: 'Too many changes to this project are waiting. Nothing was changed',
    retryAfterSeconds: RETRY_SOON_SECONDS,
  },
  busy: {
    status: 503,
    title: 'Busy',
    publicText: 'Too many large responses are in progress. Retry shortly',
    retryAfterSeconds: RETRY_SOON_SECONDS,
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

/** Codes from 500 on that are no failure. */
const ORDINARY_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'http_version_not_supported',
  'queue_full',
  'busy',
  'starting',
  'shutting_down',
]);

/** Facts that a client also sees for server errors: that the change is in force anyway, and that a new API key could not be returned. */
const PUBLIC_FACTS: readonly string[] = ['applied', 'key_lost'];

/** The detail if the change is in force. */
const APPLIED_TEXT = 'The change is in force, but a later step failed. Repeat the request to finish it';

/** Added if the change created an API key. */
const LOST_KEY_TEXT = 'The project has a new API key, which this answer cannot contain: ' +
  'POST /api/v1/projects/{id}/api-key/regenerate creates another one';

/** Codes of library errors, by their `type`. */
const LIBRARY_CODES: Readonly<Record<string, ErrorCode>> = {
  'entity.too.large': 'body_too_large',
  'request.aborted': 'incomplete_body',
  'request.size.invalid': 'incomplete_body',
};

/** Codes of library errors, by their `status`. */
const STATUS_CODES: Readonly<Record<number, ErrorCode>> = {
  400: 'bad_request',
  404: 'not_found',
  405: 'method_not_allowed',
  408: 'request_timeout',
  413: 'body_too_large',
  415: 'unsupported_media_type',
  417: 'expectation_failed',
};

const LIBRARY_TEXTS: Readonly<Partial<Record<ErrorCode, string>>> = {
  body_too_large: 'The body is too large',
  incomplete_body: 'The body ended before its announced length',
};

/** Converts any thrown value to an {@link AppError}: itself, or one with the closest code and the value as its cause. */
export function toAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  const code = codeOf(thrown);
  return new AppError(code, LIBRARY_TEXTS[code] ?? PROBLEM_KINDS[code].title, { cause: thrown });
}

function codeOf(thrown: unknown): ErrorCode {
  if (!(thrown instanceof Error)) return 'internal_error';
  const { type, status } = thrown as { readonly type?: unknown; readonly status?: unknown };
  const byType = typeof type === 'string' && Object.hasOwn(LIBRARY_CODES, type) ? LIBRARY_CODES[type] : undefined;
  if (byType !== undefined) return byType;
  // The connection broke while the body was read. No client gets the answer; the log has the reason.
  if (isErrno(thrown, 'ECONNRESET')) return 'incomplete_body';
  return (typeof status === 'number' ? STATUS_CODES[status] : undefined) ?? 'internal_error';
}

/**
 * Returns the level at which an error is logged in addition to the access log: `error` for a defect and for `project_corrupt`, `warn`
 * for any other failure whose cause is hidden from the client, otherwise undefined.
 */
export function logLevelOf(error: AppError): 'error' | 'warn' | undefined {
  if (error.code === 'internal_error' || error.code === 'project_corrupt') return 'error';
  return PROBLEM_KINDS[error.code].status >= SERVER_ERROR_FIRST && !ORDINARY_CODES.has(error.code) ? 'warn' : undefined;
}

/** Encodes an error as a problem document. */
export function makeProblem(error: AppError, requestId: string): Problem {
  const kind = PROBLEM_KINDS[error.code];
  const isServerError = kind.status >= SERVER_ERROR_FIRST;
  const document = {
    type: `urn:simplekv:problem:${error.code}`,
    title: kind.title,
    status: kind.status,
    detail: isServerError ? publicTextOf(error, kind) : error.message,
    code: error.code,
    request_id: requestId,
  };
  // The members of the document come first, and a second time so that no fact can replace one of them.
  const facts = isServerError ? pick(error.facts, PUBLIC_FACTS) : error.facts;
  const body = JSON.stringify({ ...document, ...facts, ...document });
  return { code: error.code, status: kind.status, headers: headersOf(error, kind), body };
}

function publicTextOf(error: AppError, kind: ProblemKind): string {
  if (error.facts['applied'] !== true) return kind.publicText ?? kind.title;
  return error.facts['key_lost'] === true ? `${APPLIED_TEXT}. ${LOST_KEY_TEXT}` : APPLIED_TEXT;
}

function pick(facts: ErrorFacts, names: readonly string[]): ErrorFacts {
  return Object.fromEntries(Object.entries(facts).filter(([name]) => names.includes(name)));
}

function headersOf(error: AppError, kind: ProblemKind): Record<string, string> {
  const headers: Record<string, string> = {
    'Content-Type': PROBLEM_TYPE,
    'Cache-Control': 'no-store',
  };
  const retryAfter = error.facts['retry_after_seconds'] ?? kind.retryAfterSeconds;
  if (typeof retryAfter === 'number') headers['Retry-After'] = String(retryAfter);
  if (error.code === 'unauthorized') headers['WWW-Authenticate'] = 'Bearer realm="simplekv"';
  return headers;
}

/** Returns the problem document for what was thrown, and logs a failure of the server. */
export function problemAnswer(exchange: Exchange, thrown: unknown, logger: Logger): Answer {
  const error = toAppError(thrown);
  const level = logLevelOf(error);
  const { requestId, projectId: project, problemHeaders } = exchange;
  if (level !== undefined) {
    const facts = { ...(project === null ? {} : { project }), err: error.cause ?? error, request_id: requestId, reason: error.message };
    logger[level](facts, 'Cannot answer a request');
  }
  const problem = makeProblem(error, requestId);
  const { code: problemCode, status, body } = problem;
  return { status, headers: [...Object.entries(problem.headers).flat(), ...problemHeaders], body, problemCode };
}
