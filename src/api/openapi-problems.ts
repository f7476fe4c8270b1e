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
import type { HeaderName } from './schemas/headers.js';
import { PROBLEM } from './schemas/problem.js';

/** Codes of a change that may be in force although a later step failed. */
const APPLICABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'project_files_exist', 'queue_full', 'disk_full', 'disk_failed', 'log_failed', 'outcome_unknown', 'project_corrupt', 'server_log_corrupt',
  'config_write_failed', 'compaction_failed', 'shutting_down', 'internal_error',
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
  const isChange = route.tag === 'projects' && route.method !== 'GET';
  return Object.fromEntries([...codesOf].map(([status, codes]) => {
    const isApplicable = isChange && codes.some((code) => APPLICABLE.has(code));
    const name = codes.length > NAMED_CODES_MAX ? null : `${codes.join('-or-')}${isApplicable ? '-after-a-change' : ''}`;
    return [String(status), { name, response: responseOf(codes, isApplicable) }];
  }));
}

function responseOf(codes: readonly ErrorCode[], isChange: boolean): OpenApiResponse {
  const titles = codes.map((code) => PROBLEM_KINDS[code].title);
  return {
    description: `${titles.join('; ')}.`,
    headers: headersShown(...headersOf(codes)),
    content: { [PROBLEM_MEDIA_TYPE]: { schema: { allOf: [shownSchema(PROBLEM), memberSchema(codes, isChange)] } } },
  };
}

function headersOf(codes: readonly ErrorCode[]): readonly [required: readonly HeaderName[], optional: readonly HeaderName[]] {
  const required: HeaderName[] = [];
  const retried = codes.filter((code) => PROBLEM_KINDS[code].retryAfterSeconds !== undefined);
  if (retried.length === codes.length) required.push('Retry-After');
  if (codes.includes('not_acceptable')) required.push('Vary');
  if (codes.includes('unauthorized')) required.push('WWW-Authenticate');
  return [required, codes.includes('precondition_failed') ? ['ETag'] : []];
}

/** The members that these problems may have beside those of every problem. */
function memberSchema(codes: readonly ErrorCode[], isChange: boolean): JsonSchema {
  return { properties: { code: { enum: codes }, ...Object.assign({}, ...codes.map((code) => factsOf(code, isChange))) } };
}

/** The facts of a problem. */
function factsOf(code: ErrorCode, isChange: boolean): Readonly<Record<string, JsonSchema>> {
  return { ...PROBLEM_KINDS[code].facts, ...(isChange && APPLICABLE.has(code) ? CHANGE_FACTS : {}) };
}
