/**
 * Problem documents (RFC 9457): which status and title each code has, and what of an error a client may see.
 * The answer to a failure of ours never says why; the server log does.
 */
import { AppError, type ErrorFacts, isErrno } from '../base/app-error.js';
import type { ErrorCode } from '../base/error-codes.js';

/** How a code is answered. */
export interface ProblemKind {
  readonly status: number;
  readonly title: string;
  /** For failures of ours: all that a client gets to see. */
  readonly publicText?: string;
  /** After how many seconds it makes sense to try again. */
  readonly retryAfterSeconds?: number;
}

/** A problem, ready to be sent. */
export interface Problem {
  readonly code: ErrorCode;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text. */
  readonly body: string;
}

/** Media type of problems. */
export const PROBLEM_TYPE = 'application/problem+json';

/** What a client can do about a refusal whose reason and remedy are the operator's. */
const ASK_OPERATOR = 'nothing was changed: ask the operator of the server, whose log says what to do';

const RETRY_SOON_SECONDS = 1;
/** How often a full disk is probed. */
const RETRY_DISK_SECONDS = 5;
/** What an operator has to mend first. */
const RETRY_LATE_SECONDS = 60;
const SERVER_ERROR_FIRST = 500;

/** Every code's answer. */
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
    publicText: 'Too many changes of this project are waiting; nothing was changed',
    retryAfterSeconds: RETRY_SOON_SECONDS,
  },
  busy: {
    status: 503,
    title: 'Busy',
    publicText: 'The server has no room for this answer at the moment: too many long ones are on their way',
    retryAfterSeconds: RETRY_SOON_SECONDS,
  },
  disk_full: {
    status: 507,
    title: 'Disk full',
    publicText: 'There is no room on the disk; nothing was changed, and reads go on. Retention and the deletion of projects make room; ' +
      'deleting keys frees nothing until retention removes their history',
    retryAfterSeconds: RETRY_DISK_SECONDS,
  },
  disk_failed: {
    status: 503,
    title: 'Disk failed',
    publicText: 'The disk or the system refused the operation, and nothing was changed; the server log says why',
    retryAfterSeconds: RETRY_DISK_SECONDS,
  },
  log_failed: {
    status: 503,
    title: 'Log failed',
    publicText: 'The log of this project failed and takes no changes until the server is started again; reads go on',
    retryAfterSeconds: RETRY_LATE_SECONDS,
  },
  outcome_unknown: {
    status: 503,
    title: 'Outcome unknown',
    publicText: 'The disk failed during this change: it may or may not be there after the server is started again',
    retryAfterSeconds: RETRY_LATE_SECONDS,
  },
  project_corrupt: {
    status: 503,
    title: 'Project corrupt',
    publicText: `Files of this project are damaged, and what was asked for cannot be served from them; ${ASK_OPERATOR}`,
    retryAfterSeconds: RETRY_LATE_SECONDS,
  },
  project_missing: {
    status: 503,
    title: 'Project missing',
    publicText: `This project is not served because its files are not where the server keeps them; ${ASK_OPERATOR}`,
    retryAfterSeconds: RETRY_LATE_SECONDS,
  },
  project_outdated: {
    status: 503,
    title: 'Project outdated',
    publicText: `This project is not served because its files are older than what it had acknowledged; ${ASK_OPERATOR}`,
    retryAfterSeconds: RETRY_LATE_SECONDS,
  },
  project_newer_format: {
    status: 503,
    title: 'Project of a newer version',
    publicText: `This project is not served because a newer version of the server wrote its files; ${ASK_OPERATOR}`,
    retryAfterSeconds: RETRY_LATE_SECONDS,
  },
  server_log_corrupt: {
    status: 503,
    title: 'Registry corrupt',
    publicText: 'The registry is damaged: projects are served, but none is created or deleted and no key is replaced',
    retryAfterSeconds: RETRY_LATE_SECONDS,
  },
  config_write_failed: {
    status: 500,
    title: 'Configuration not written',
    publicText: 'The server could not replace its configuration file',
  },
  compaction_failed: {
    status: 500,
    title: 'Compaction failed',
    publicText: 'The snapshot could not be made; the one before it and the log are as they were, reads and writes go on',
  },
  starting: { status: 503, title: 'Starting', publicText: 'The server is starting', retryAfterSeconds: RETRY_SOON_SECONDS },
  shutting_down: { status: 503, title: 'Shutting down', publicText: 'The server is shutting down', retryAfterSeconds: RETRY_DISK_SECONDS },
  internal_error: { status: 500, title: 'Internal error', publicText: 'The server failed to answer this request' },
};

/** Codes from 500 on behind which nothing has failed. */
const ORDINARY_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'http_version_not_supported',
  'queue_full',
  'busy',
  'starting',
  'shutting_down',
]);

/** Facts that a client gets of failures of ours as well: whether the change is in force all the same, and a key that it cannot be given. */
const PUBLIC_FACTS: readonly string[] = ['applied', 'key_lost'];

/** Added to an answer where the change is in force. */
const APPLIED_TEXT = 'The change is in force, but what had to follow it failed; ask again to have it finished';

/** Added where the change made a key. */
const LOST_KEY_TEXT = 'It gave the project a new API key, which this answer cannot have in it: ' +
  'POST /api/v1/projects/{id}/api-key/regenerate gives another one';

/** Codes of errors that libraries throw, by their `type`. */
const LIBRARY_CODES: Readonly<Record<string, ErrorCode>> = {
  'entity.too.large': 'body_too_large',
  'request.aborted': 'incomplete_body',
  'request.size.invalid': 'incomplete_body',
};

/** Codes of errors that libraries throw, by their `status`. */
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

/**
 * Turns anything thrown into an error of ours.
 *
 * @param thrown an {@link AppError}, an error of Koa, Node or a library, or anything else
 * @returns the error itself, or one with the nearest code that keeps it as its cause
 */
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
  // The connection broke while the body was read. The answer reaches no client; the log shows why there was none.
  if (isErrno(thrown, 'ECONNRESET')) return 'incomplete_body';
  return (typeof status === 'number' ? STATUS_CODES[status] : undefined) ?? 'internal_error';
}

/**
 * Says how loudly an error is to be logged beside the request's own line, which has its code.
 *
 * @param error what {@link toAppError} gave
 * @returns `error` for a defect and for damaged files, `warn` where something else failed and the client is not told why, otherwise
 *   undefined
 */
export function logLevelOf(error: AppError): 'error' | 'warn' | undefined {
  if (error.code === 'internal_error' || error.code === 'project_corrupt') return 'error';
  return PROBLEM_KINDS[error.code].status >= SERVER_ERROR_FIRST && !ORDINARY_CODES.has(error.code) ? 'warn' : undefined;
}

/**
 * Writes the document.
 *
 * @param error what {@link toAppError} gave
 */
export function makeProblem(error: AppError, requestId: string): Problem {
  const kind = PROBLEM_KINDS[error.code];
  const isOurs = kind.status >= SERVER_ERROR_FIRST;
  const document = {
    type: `urn:simplekv:problem:${error.code}`,
    title: kind.title,
    status: kind.status,
    detail: isOurs ? publicTextOf(error, kind) : error.message,
    code: error.code,
    request_id: requestId,
  };
  // The document's members twice: once for their place in front, once so that no fact can stand for one of them.
  const facts = isOurs ? pick(error.facts, PUBLIC_FACTS) : error.facts;
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
    'X-Content-Type-Options': 'nosniff',
  };
  const retryAfter = error.facts['retry_after_seconds'] ?? kind.retryAfterSeconds;
  if (typeof retryAfter === 'number') headers['Retry-After'] = String(retryAfter);
  if (error.code === 'unauthorized') headers['WWW-Authenticate'] = 'Bearer realm="simplekv"';
  return headers;
}
