/**
 * Checks answers against the document of the API: status, headers, media type, body. The clients of the HTTP and end-to-end tests call it
 * for every answer, so an answer that is not documented fails the test that got it.
 */
import { appendFileSync } from 'node:fs';
import type { OpenApiOperation, OpenApiResponse } from '../../src/api/openapi.js';
import { CHANGE_FACTS, PROBLEM_KINDS, PROBLEM_MEDIA_TYPE } from '../../src/api/problems.js';
import { problemsOf } from '../../src/api/route-problems.js';
import type { RouteSpec } from '../../src/api/route-spec.js';
import { ROUTES } from '../../src/api/routes.js';
import { PROBLEM } from '../../src/api/schemas/problem.js';
import type { ErrorCode } from '../../src/base/error-codes.js';
import type { JsonSchema } from '../../src/base/setting.js';
import { Schemas2020 } from '../base/schema-2020.js';
import { API_DOCUMENT, resolved, templateOf } from './api-document.js';
import { SEEN_VARIABLE } from './seen-variable.js';

/** An answer, as the clients of the tests have it. */
export interface CheckedAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
}

/** An answer that the document does not describe. */
export class UndocumentedAnswer extends Error {}

/** Headers of any answer, which mean nothing of their own to a client. */
const GENERAL_HEADERS: ReadonlySet<string> = new Set([
  'cache-control', 'connection', 'content-length', 'content-type', 'date', 'keep-alive', 'transfer-encoding', 'x-accel-buffering',
  'x-content-type-options',
]);

const SPECS: readonly RouteSpec[] = ROUTES;
/** What a request may be answered that no route takes: a malformed one, and one that comes too early or too late. */
const ANY_REQUEST: readonly ErrorCode[] = problemsOf(
  { ...SPECS[0], path: '/', action: null, needs: 'nothing', preconditions: 'ignored', problems: [] } as unknown as RouteSpec,
);
const NO_CONTENT = 204;
const LINES_MEDIA_TYPE = 'application/x-ndjson';
const SCHEMAS = new Schemas2020(Object.fromEntries(
  Object.entries(API_DOCUMENT.components.schemas).map(([name, schema]) => [name, name === 'Problem' ? schema : closed(schema)]),
));
const closedSchemas = new Map<JsonSchema, JsonSchema>();
const seen = new Set<string>();

/**
 * Checks an answer.
 *
 * @param method As sent; any text
 * @param target As sent, with the query; any text
 * @throws {UndocumentedAnswer} Saying what the document does not say
 */
export function checkAnswer(method: string, target: string, answer: CheckedAnswer): void {
  const faults = answerFaults(method, target, answer);
  if (faults.length === 0) return;
  const what = `${method} ${target.slice(0, 200)}: ${answer.status} ${answer.text.slice(0, 500)}`;
  throw new UndocumentedAnswer(`The document of the API does not describe this answer: ${faults.join('; ')}\n${what}`);
}

function answerFaults(method: string, target: string, answer: CheckedAnswer): readonly string[] {
  const path = target.replace(/^https?:\/\/[^/?]*/i, '').replace(/\?.*$/s, '');
  const template = templateOf(path === '' ? '/' : path);
  const operations = template === undefined ? undefined : API_DOCUMENT.paths[template];
  const operation = operations?.[method.toLowerCase()];
  if (template === undefined || operations === undefined || operation === undefined || method !== method.toUpperCase()) {
    return unroutedFaults(method, template, answer);
  }
  const response = operation.responses[String(answer.status)];
  if (response === undefined) return [`no status ${answer.status}`];
  note(template, method, answer.status);
  // The answers to HEAD have the headers of those to GET, and no body.
  const described = method === 'HEAD' ? operations['get']?.responses[String(answer.status)] ?? response : response;
  return [...headerFaults(resolved(described), answer), ...bodyFaults(resolved(described), answer, method === 'HEAD')];
}

/** An answer to a request that no route takes. */
function unroutedFaults(method: string, template: string | undefined, answer: CheckedAnswer): readonly string[] {
  const { status, headers, text } = answer;
  if (status === NO_CONTENT) {
    const isFine = method === 'OPTIONS' && template !== undefined && headers['allow'] !== undefined && text === '';
    return isFine ? [] : ['204 is only for OPTIONS on a path, with Allow'];
  }
  const codes = [...ANY_REQUEST, template === undefined ? 'not_found' : 'method_not_allowed'];
  // Neither a target without a path nor a method that the parser does not know is a matter of routes.
  if (template === undefined) codes.push('method_not_allowed', 'incomplete_body', 'body_too_large');
  if (method === 'HEAD') return headers['content-type'] === PROBLEM_MEDIA_TYPE && text === '' ? [] : ['not the headers of a problem'];
  const faults = problemFaults(answer);
  if (faults.length > 0) return faults;
  const { code } = JSON.parse(text) as { readonly code: string };
  if (status === 405 && headers['allow'] === undefined) return ['405 without Allow'];
  return codes.includes(code) ? [] : [`the code ${code} where no route takes the request`];
}

function headerFaults({ headers: documented = {} }: OpenApiResponse, { headers }: CheckedAnswer): readonly string[] {
  const faults: string[] = [];
  const names = new Set(Object.keys(documented).map((name) => name.toLowerCase()));
  for (const [name, { $ref }] of Object.entries(documented)) {
    const header = API_DOCUMENT.components.headers[$ref.slice('#/components/headers/'.length)];
    const value = headers[name.toLowerCase()];
    if (header === undefined) faults.push(`the document has no ${$ref}`);
    else if (value === undefined && header.required === true) faults.push(`no header ${name}`);
    else if (value !== undefined) faults.push(...SCHEMAS.faults(header.schema, value).map((fault) => `header ${name}: ${fault}`));
  }
  const unknown = Object.keys(headers).filter((name) => headers[name] !== undefined && !names.has(name) && !GENERAL_HEADERS.has(name));
  return [...faults, ...unknown.map((name) => `the header ${name}`)];
}

function bodyFaults({ content }: OpenApiResponse, answer: CheckedAnswer, isHead: boolean): readonly string[] {
  const { headers, text } = answer;
  const type = String(headers['content-type'] ?? '');
  const [mediaType = ''] = type.split(';');
  const media = content?.[mediaType];
  if (isHead && text !== '') return ['a body in the answer to HEAD'];
  if (content === undefined) return type === '' && text === '' ? [] : ['a body where there is none'];
  if (media === undefined) return [`the media type "${type}"`];
  if (isHead) return [];
  if (mediaType === LINES_MEDIA_TYPE) {
    return text.split('\n').every((line) => line === '' || isJson(line)) ? [] : ['a line that is not JSON'];
  }
  if (!/json$/.test(mediaType)) return [];
  if (!isJson(text)) return ['a body that is not JSON'];
  const faults = SCHEMAS.faults(closedOnce(media.schema), JSON.parse(text));
  return mediaType === PROBLEM_MEDIA_TYPE && faults.length === 0 ? problemFaults(answer) : faults;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** What is said by the code alone. */
function problemFaults({ status, headers, text }: CheckedAnswer): readonly string[] {
  if (headers['content-type'] !== PROBLEM_MEDIA_TYPE) return [`the media type "${String(headers['content-type'])}"`];
  const problem = JSON.parse(text) as Readonly<Record<string, unknown>>;
  const faults = SCHEMAS.faults(PROBLEM, problem);
  if (faults.length > 0) return faults;
  const code = problem['code'] as ErrorCode;
  const kind = Object.hasOwn(PROBLEM_KINDS, code) ? PROBLEM_KINDS[code] : undefined;
  if (kind === undefined) return [`no code ${code}`];
  const facts = { ...kind.facts, ...CHANGE_FACTS };
  const unknown = Object.keys(problem).filter((name) => !(name in PROBLEM.properties) && !(name in facts));
  const expected = { type: `urn:simplekv:problem:${code}`, title: kind.title, status, request_id: headers['x-request-id'] };
  return [
    ...(kind.status === status ? [] : [`${code} with status ${status}`]),
    ...unknown.map((name) => `the fact ${name} of ${code}`),
    ...Object.entries(expected).filter(([name, value]) => problem[name] !== value).map(([name]) => `another ${name} in the problem`),
  ];
}

function closedOnce(schema: JsonSchema): JsonSchema {
  const known = closedSchemas.get(schema);
  if (known !== undefined) return known;
  const made = 'allOf' in schema ? { ...schema, unevaluatedProperties: false } : closed(schema);
  closedSchemas.set(schema, made);
  return made;
}

/** A schema that allows only the members that it names. Clients must accept others, which later versions may add. */
function closed(schema: JsonSchema): JsonSchema {
  const closedPart = (part: unknown): unknown => {
    if (Array.isArray(part)) return part.map(closedPart);
    if (typeof part !== 'object' || part === null) return part;
    const inside = Object.fromEntries(Object.entries(part).map(([name, value]) => [name, closedPart(value)]));
    return typeof inside['properties'] === 'object' && inside['type'] === 'object' ? { additionalProperties: false, ...inside } : inside;
  };
  return closedPart(schema) as JsonSchema;
}

/** Adds a route and a status to the file of the run, once per process. */
function note(template: string, method: string, status: number): void {
  const pair = `${routeOf(template, method)} ${status}`;
  if (seen.has(pair)) return;
  seen.add(pair);
  const file = process.env[SEEN_VARIABLE] ?? '';
  if (file !== '') appendFileSync(file, `${pair}\n`);
}

function routeOf(template: string, method: string): string {
  const name = method === 'HEAD' ? 'GET' : method;
  return SPECS.find(({ aliases = [], path, method: own }) => path === template && [own, ...aliases].includes(name as 'POST'))?.id ?? '';
}

/** Every documented pair of a route and a status, as {@link checkAnswer} notes them. */
export function documentedPairs(): readonly string[] {
  return SPECS.flatMap(({ id, method, path }) => {
    const operation: OpenApiOperation | undefined = API_DOCUMENT.paths[path]?.[method.toLowerCase()];
    return Object.keys(operation?.responses ?? {}).map((status) => `${id} ${status}`);
  });
}
