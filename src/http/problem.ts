/**
 * Problem documents (RFC 9457): which parts of an error a client sees. `api/problems.ts` has the status and title of each code. The answer
 * to a server error never states the cause; the server log does.
 */
import { CHANGE_FACTS, PROBLEM_KINDS, PROBLEM_MEDIA_TYPE, type ProblemKind } from '../api/problems.js';
import { mayRead } from '../auth/authorize.js';
import { AppError, type ErrorFacts, isErrno } from '../base/app-error.js';
import type { ErrorCode } from '../base/error-codes.js';
import type { Logger } from '../base/logger.js';
import type { Answer, Exchange } from './exchange.js';

/** An encoded problem. */
export interface Problem {
  readonly code: ErrorCode;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text. */
  readonly body: string;
}

const SERVER_ERROR_FIRST = 500;

const CHALLENGE = 'Bearer realm="simplekv"';

/** Codes from 500 on that are no failure. */
const ORDINARY_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'http_version_not_supported',
  'queue_full',
  'quota_exceeded',
  'busy',
  'starting',
  'shutting_down',
]);

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
  const facts = isServerError ? pick(error.facts, Object.keys({ ...CHANGE_FACTS, ...kind.facts })) : error.facts;
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
    'Content-Type': PROBLEM_MEDIA_TYPE,
    'Cache-Control': 'no-store',
  };
  const retryAfter = error.facts['retry_after_seconds'] ?? kind.retryAfterSeconds;
  if (typeof retryAfter === 'number') headers['Retry-After'] = String(retryAfter);
  const challenge = challengeOf(error);
  if (challenge !== undefined) headers['WWW-Authenticate'] = challenge;
  return headers;
}

/** What an API key would have to be (RFC 6750). */
function challengeOf({ code, facts }: AppError): string | undefined {
  if (code === 'unauthorized') return facts['reason'] === 'expired' ? `${CHALLENGE}, error="invalid_token"` : CHALLENGE;
  if (code !== 'forbidden') return undefined;
  const { permissions } = facts;
  const scope = Array.isArray(permissions) ? `, scope="${permissions.join(' ')}"` : '';
  return `${CHALLENGE}, error="insufficient_scope"${scope}`;
}

/** A caller that may not read is not told which versions there are, by the `ETag`, the facts or the message. */
function withoutVersions(error: AppError): AppError {
  const { current_seq: _, ...facts } = error.facts;
  return new AppError('precondition_failed', 'Cannot change the key: its version is not the expected one', { facts });
}

/** Returns the problem document for what was thrown, and logs a failure of the server. */
export function problemAnswer(exchange: Exchange, thrown: unknown, logger: Logger): Answer {
  const { principal } = exchange;
  let error = toAppError(thrown);
  if (error.code === 'precondition_failed' && principal !== null && !mayRead(principal)) {
    error = withoutVersions(error);
    exchange.problemHeaders = [];
  }
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
