/**
 * Which problems a route may answer with: those that follow from what it asks for, and those that its spec names.
 */
import { ERROR_CODES, type ErrorCode } from '../base/error-codes.js';
import { type Action, needsOf } from './actions.js';
import { LIVENESS_PATH, READINESS_PATH } from './paths.js';
import type { RouteSpec } from './route-spec.js';

/** Of every request: it is malformed, too slow or too large, or the server has a bug. */
const ANY_REQUEST: readonly ErrorCode[] = [
  'bad_request', 'invalid_target', 'key_in_url', 'ambiguous_host', 'too_many_headers', 'headers_too_large', 'http_version_not_supported',
  'misdirected_request', 'request_timeout', 'expectation_failed', 'invalid_query', 'internal_error',
];
/** Of a request that comes too late, or so early that the server decides not to start after all. */
const LATE: readonly ErrorCode[] = ['shutting_down'];
/** Of everything but the probes. */
const EARLY: readonly ErrorCode[] = ['starting'];
const API_KEY: readonly ErrorCode[] = ['ambiguous_credentials', 'unauthorized', 'forbidden', 'too_many_failed_keys'];
/** Of an id in the path. The project may also be deleted during the request. */
const PROJECT: readonly ErrorCode[] = ['invalid_project_id', 'project_not_found'];
const STORE: readonly ErrorCode[] = ['project_corrupt', 'project_missing', 'project_outdated', 'project_newer_format'];
/** Of a change of keys. */
const WRITE: readonly ErrorCode[] = ['queue_full', 'disk_full', 'disk_failed', 'log_failed', 'outcome_unknown'];
/** Of reads of a past state. */
const PAST: readonly ErrorCode[] = ['history_gone', 'value_redacted', 'busy', 'state_too_large', 'disk_full', 'disk_failed'];
/** Of what makes a project grow. */
const GROWTH: readonly ErrorCode[] = ['line_too_large', 'quota_exceeded'];
/** Of a request with an idempotency key. */
const IDEMPOTENCY: readonly ErrorCode[] = ['invalid_idempotency_key', 'idempotency_key_reused'];
const BODY: readonly ErrorCode[] = [
  'unsupported_media_type', 'unsupported_content_encoding', 'body_too_large', 'empty_body', 'invalid_utf8', 'invalid_json',
  'incomplete_body',
];

/** Whether some valid API keys are not enough. */
function isForSome(action: Action): boolean {
  const { scope, permissions } = needsOf(action);
  return scope !== 'any' || permissions.length > 0;
}

/** Returns the codes that a route may answer with, in the order of `ERROR_CODES`. */
export function problemsOf(spec: RouteSpec): readonly ErrorCode[] {
  const { action, body, idempotent, method, needs, path, preconditions, rate } = spec;
  const isProbe = path === LIVENESS_PATH || path === READINESS_PATH;
  const codes = new Set<ErrorCode>([
    ...ANY_REQUEST,
    ...LATE,
    ...(isProbe ? [] : EARLY),
    ...(action === null ? [] : API_KEY.filter((code) => code !== 'forbidden' || isForSome(action))),
    ...(action === null || method === 'GET' || action === 'keys.read' ? [] : ['cross_site_request' as const]),
    ...(needs === 'nothing' ? [] : PROJECT),
    ...(needs === 'store' ? STORE : []),
    ...(rate === null ? [] : ['rate_limited' as const]),
    ...(action === 'keys.write' || action === 'keys.revert' ? WRITE : []),
    ...(action === 'keys.diff' || action === 'keys.revert' || (spec.query !== undefined && 'at' in spec.query) ? PAST : []),
    ...(path.endsWith('/{key}') ? ['invalid_key' as const] : []),
    ...(preconditions === 'ignored' ? [] : ['invalid_precondition' as const]),
    ...(preconditions === 'write' ? ['precondition_failed' as const] : []),
    ...(idempotent === true ? IDEMPOTENCY : []),
    ...(body.kind === 'none' ? [] : BODY),
    ...(body.kind === 'value' || body.kind === 'batch' || body.kind === 'revert' ? GROWTH : []),
    ...(body.kind === 'batch' ? ['invalid_batch' as const, 'too_many_ops' as const, 'precondition_failed' as const] : []),
    ...(body.kind === 'read' || body.kind === 'revert' ? ['invalid_body' as const, 'too_many_keys' as const, 'invalid_key' as const] : []),
    ...(body.kind === 'revert' ? ['precondition_failed' as const] : []),
    ...(body.kind === 'json' ? [body.refusal ?? ('invalid_settings' as const)] : []),
    ...spec.problems,
  ]);
  return ERROR_CODES.filter((code) => codes.has(code));
}
