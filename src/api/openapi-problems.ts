/**
 * The problems of a route in the document of the API: one answer per status, with the codes that the route can give.
 */
import type { ErrorCode } from '../base/error-codes.js';
import type { JsonSchema } from '../base/setting.js';
import type { OpenApiResponse } from './openapi.js';
import { headersShown, shownSchema } from './openapi-schemas.js';
import { CHANGE_FACTS, PROBLEM_KINDS, PROBLEM_MEDIA_TYPE } from './problems.js';
import { problemsOf } from './route-problems.js';
import type { RouteSpec } from './route-spec.js';
import { type HeaderName, RATE_HEADERS } from './schemas/headers.js';
import { PROBLEM } from './schemas/problem.js';

/** Codes of a change that may be in force although a later step failed. */
const APPLICABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'project_files_exist', 'queue_full', 'disk_full', 'disk_failed', 'log_failed', 'outcome_unknown', 'project_corrupt', 'server_log_corrupt',
  'config_changed', 'config_write_failed', 'compaction_failed', 'shutting_down', 'internal_error',
]);

/** Codes of requests that are refused before they draw on a rate. */
const BEFORE_RATE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'too_many_headers', 'headers_too_large', 'http_version_not_supported', 'misdirected_request', 'request_timeout', 'expectation_failed',
  'starting',
]);

/** Codes that an answer with a name of its own may have. */
const NAMED_CODES_MAX = 4;

/** An answer that is a problem. */
interface ProblemResponse {
  readonly response: OpenApiResponse;
  /** The name under which routes with the same codes share it; null for an answer of the route itself. */
  readonly name: string | null;
}

/** Returns the answers of a route that are problems, by status. */
export function problemResponses(route: RouteSpec): Readonly<Record<string, ProblemResponse>> {
  const codesOf = new Map<number, ErrorCode[]>();
  for (const code of problemsOf(route)) {
    const { status } = PROBLEM_KINDS[code];
    codesOf.set(status, [...codesOf.get(status) ?? [], code]);
  }
  const isChange = (route.tag === 'projects' || route.tag === 'access') && route.method !== 'GET';
  return Object.fromEntries([...codesOf].map(([status, codes]) => {
    const isApplicable = isChange && codes.some((code) => APPLICABLE.has(code));
    const isRated = route.rate !== null && !codes.every((code) => BEFORE_RATE.has(code));
    const kind = `${isApplicable ? '-after-a-change' : ''}${isRated ? '-at-a-rate' : ''}`;
    const name = codes.length > NAMED_CODES_MAX ? null : `${codes.join('-or-')}${kind}`;
    return [String(status), { name, response: responseOf(codes, isApplicable, isRated) }];
  }));
}

function responseOf(codes: readonly ErrorCode[], isChange: boolean, isRated: boolean): OpenApiResponse {
  const titles = codes.map((code) => PROBLEM_KINDS[code].title);
  return {
    description: `${titles.join('; ')}.`,
    headers: headersShown(...headersOf(codes, isRated)),
    content: { [PROBLEM_MEDIA_TYPE]: { schema: { allOf: [shownSchema(PROBLEM), memberSchema(codes, isChange)] } } },
  };
}

function headersOf(
  codes: readonly ErrorCode[], isRated: boolean,
): readonly [required: readonly HeaderName[], optional: readonly HeaderName[]] {
  const required: HeaderName[] = [];
  const retried = codes.filter((code) => PROBLEM_KINDS[code].retryAfterSeconds !== undefined);
  const optional: HeaderName[] = isRated ? [...RATE_HEADERS] : [];
  if (retried.length === codes.length) required.push('Retry-After');
  else if (retried.length > 0) optional.push('Retry-After');
  if (codes.includes('precondition_failed')) optional.push('ETag');
  if (codes.includes('not_acceptable')) required.push('Vary');
  if (codes.includes('unauthorized')) required.push('WWW-Authenticate');
  if (codes.includes('forbidden')) optional.push('WWW-Authenticate');
  return [required, optional];
}

/** The members that these problems may have beside those of every problem. */
function memberSchema(codes: readonly ErrorCode[], isChange: boolean): JsonSchema {
  return { properties: { code: { enum: codes }, ...Object.assign({}, ...codes.map((code) => factsOf(code, isChange))) } };
}

/** The facts of a problem. */
function factsOf(code: ErrorCode, isChange: boolean): Readonly<Record<string, JsonSchema>> {
  return { ...PROBLEM_KINDS[code].facts, ...(isChange && APPLICABLE.has(code) ? CHANGE_FACTS : {}) };
}
