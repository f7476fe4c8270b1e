/**
 * The contract as an OpenAPI document, made from the routes. Pure; the server loads it at the first request for it.
 */
import type { JsonSchema } from '../base/setting.js';
import { needsOf } from './actions.js';
import { problemResponses } from './openapi-problems.js';
import { headersShown, shownSchema } from './openapi-schemas.js';
import type { AnswerSpec, ParameterSpec, RouteSpec } from './route-spec.js';
import { COMPONENT_SCHEMAS } from './schemas/components.js';
import { KEY_ID } from './schemas/access.js';
import { type HeaderName, HEADERS, RATE_HEADERS } from './schemas/headers.js';
import { KEY, VALUE } from './schemas/keys.js';
import { PROJECT_ID } from './schemas/projects.js';

/** An answer in the document. */
export interface OpenApiResponse {
  readonly description: string;
  readonly headers?: Readonly<Record<string, OpenApiReference>>;
  /** By media type, without parameters. */
  readonly content?: Readonly<Record<string, { readonly schema: JsonSchema; readonly example?: unknown }>>;
}

/** The place of something with a name, as a JSON pointer after `#`. */
export interface OpenApiReference {
  readonly $ref: string;
}

/** A header of an answer in the document. */
interface OpenApiHeader {
  readonly description: string;
  readonly required?: boolean;
  readonly schema: JsonSchema;
}

/** A parameter in the document. */
interface OpenApiParameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly description: string;
  readonly required?: boolean;
  readonly allowEmptyValue?: boolean;
  readonly schema: JsonSchema;
  readonly example?: unknown;
}

/** A method of a path in the document. */
export interface OpenApiOperation {
  readonly operationId: string;
  readonly parameters?: readonly OpenApiParameter[];
  readonly requestBody?: {
    readonly required: boolean;
    readonly content: Readonly<Record<string, { readonly schema: JsonSchema; readonly example?: unknown }>>;
  };
  readonly responses: Readonly<Record<string, OpenApiResponse | OpenApiReference>>;
  readonly [member: string]: unknown;
}

/** The document. */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
  readonly components: {
    readonly responses: Readonly<Record<string, OpenApiResponse>>;
    readonly schemas: Readonly<Record<string, JsonSchema>>;
    readonly headers: Readonly<Record<string, OpenApiHeader>>;
    readonly [member: string]: unknown;
  };
  readonly [member: string]: unknown;
}

const OPENAPI_VERSION = '3.1.1';
const JSON_MEDIA_TYPE = 'application/json';

const DESCRIPTION = `A key-value server whose append-only log is the database.

Send the API key as \`Authorization: Bearer …\` or as \`X-API-Key: …\`, never in the URL. A scope whose authentication is off needs none.

Errors are problem documents (RFC 9457). Match on \`code\`; its meaning never changes.

\`OPTIONS\` works on every path: 204, and \`Allow\` lists the methods. Any other method that a path does not list is answered 405
\`method_not_allowed\`, and a path that is not listed 404 \`not_found\`.

Pages of other sites can use the API if the server has their origin in its setting \`allowed_origins\`. A preflight (\`OPTIONS\` with
\`Access-Control-Request-Method\`) from such a page is answered 204 before any API key is asked for: \`Access-Control-Allow-Methods\` has
the methods of the path, \`Access-Control-Allow-Headers\` the headers, \`Access-Control-Max-Age\` the seconds for which that holds.

A request may bring its own \`X-Request-Id\`: up to 128 letters, digits and \`._:@/+=-\`.`;

const TAGS = [
  { name: 'keys', description: 'Keys and values of a project.' },
  { name: 'log', description: 'The history of a project.' },
  { name: 'projects', description: 'Projects: what data lives in, each with an API key of its own.' },
  { name: 'access', description: 'API keys beside the primary one of a project or of the server: what each may do, and for how long.' },
  { name: 'server', description: 'The server itself.' },
] as const;

const PATH_PARAMETERS: Readonly<Record<string, OpenApiParameter>> = {
  id: { name: 'id', in: 'path', description: 'The id of a project.', required: true, schema: PROJECT_ID, example: 'shop' },
  key_id: { name: 'key_id', in: 'path', description: 'The id of an API key.', required: true, schema: KEY_ID, example: '3f2a9c0d11e8b7a6' },
  file: {
    name: 'file', in: 'path', description: 'The name of a file.', required: true, schema: { type: 'string' }, example: 'docs.js',
  },
  place: {
    name: 'place', in: 'path', required: true, schema: { type: 'string' }, example: 'shop',
    description: 'The id of a project. It may be followed by `/` and more, which the page ignores.',
  },
  key: {
    name: 'key', in: 'path', required: true, schema: KEY, example: 'user',
    description: 'The key: 1 to 1,024 bytes of UTF-8 without control characters. It may contain `/`. OpenAPI has no parameter of several '
      + 'segments, so send `%2F` for it: the server takes both for the same key.',
  },
};

const IF_NONE_MATCH_READ: OpenApiParameter = {
  name: 'If-None-Match', in: 'header', schema: { type: 'string' },
  description: 'One entity tag, or `*`: 304 if this is the current version.',
};
const CONDITIONS: Readonly<Record<RouteSpec['preconditions'], readonly OpenApiParameter[]>> = {
  ignored: [],
  none: [],
  read: [IF_NONE_MATCH_READ],
  write: [
    {
      name: 'If-Match', in: 'header', schema: { type: 'string' },
      description: 'An entity tag: only if this is the current version. `*`: only if the key exists.',
    },
    { name: 'If-None-Match', in: 'header', schema: { const: '*' }, description: '`*`: only if the key does not exist.' },
  ],
};

const IDEMPOTENCY_KEY: OpenApiParameter = {
  name: 'Idempotency-Key', in: 'header', schema: { type: 'string', pattern: '^("[0-9A-Za-z._:@/+=-]{1,100}"|[0-9A-Za-z._:@/+=-]{1,100})$' },
  description: 'A name of your choice for this request, such as a UUID. Sent again with it, the request takes effect only once: it is '
    + 'answered with what it did, as long as it is remembered, by default 24 hours.',
};

/**
 * Makes the document.
 *
 * @param routes every route
 * @param version of the program
 */
export function makeOpenApi(routes: readonly RouteSpec[], version: string): OpenApiDocument {
  const paths: Record<string, Record<string, OpenApiOperation>> = {};
  for (const route of routes) paths[route.path] = { ...paths[route.path], ...operationsOf(route) };
  const problems = routes.flatMap((route) => Object.values(problemResponses(route)));
  const responses = Object.fromEntries(problems.flatMap(({ name, response }) => (name === null ? [] : [[name, response] as const])));
  return {
    openapi: OPENAPI_VERSION,
    info: { title: 'SimpleKV', version, description: DESCRIPTION, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: '/' }],
    tags: TAGS,
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'The API key.' },
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'The API key.' },
      },
      schemas: Object.fromEntries(Object.entries(COMPONENT_SCHEMAS).map(([name, schema]) => [name, shownSchema(schema, true)])),
      responses,
      headers: headersUsed(JSON.stringify([paths, responses])),
    },
  };
}

/** The headers to which a text refers. */
function headersUsed(text: string): Readonly<Record<string, OpenApiHeader>> {
  const all = Object.entries(HEADERS).flatMap(([name, { description, pattern }]): [string, OpenApiHeader][] => {
    const shown = { description, schema: { type: 'string', pattern } };
    return [[name, { ...shown, required: true }], [`${name}-optional`, shown]];
  });
  return Object.fromEntries(all.filter(([name]) => text.includes(`#/components/headers/${name}"`)));
}

function operationsOf(route: RouteSpec): Record<string, OpenApiOperation> {
  const { aliases = [], method } = route;
  const operation = operationOf(route);
  const operations: Record<string, OpenApiOperation> = { [method.toLowerCase()]: operation };
  if (method === 'GET') operations['head'] = headOf(operation);
  for (const alias of aliases) {
    operations[alias.toLowerCase()] = { ...operation, operationId: `${operation.operationId}By${alias}` };
  }
  return operations;
}

function operationOf(route: RouteSpec): OpenApiOperation {
  const { action, id, since, summary, tag } = route;
  const parameters = parametersOf(route);
  const body = requestBodyOf(route);
  return {
    operationId: id,
    'tags': [tag],
    summary,
    'description': [route.description, keyText(action)].filter((text) => text !== undefined).join(' '),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: body }),
    'responses': responsesOf(route),
    'security': action === null ? [] : [{ bearer: [] }, { apiKey: [] }],
    'x-since': since,
  };
}

/** The same answers without a body. */
function headOf(operation: OpenApiOperation): OpenApiOperation {
  const responses = Object.entries(operation.responses).map(([status, response]) => {
    if ('$ref' in response) return [status, response] as const;
    const { content: _content, ...rest } = response;
    return [status, rest] as const;
  });
  return {
    ...operation, operationId: `${operation.operationId}Head`, summary: `${String(operation['summary'])} (headers only)`,
    responses: Object.fromEntries(responses),
  };
}

function keyText(action: RouteSpec['action']): string {
  if (action === null) return 'Needs no API key.';
  const { scope, permissions } = needsOf(action);
  if (scope === 'any') return 'Needs any API key that is valid.';
  if (permissions.some((permission) => permission === 'all')) return 'Needs the global API key.';
  const names = permissions.map((permission) => `\`${permission}\``).join(' and ');
  const what = permissions.length === 0 ? '' : ` with the permission ${names}`;
  return scope === 'global' ? `Needs a global API key${what}.` : `Needs an API key of the project${what}, or such a global one.`;
}

function parametersOf({ idempotent, path, preconditions, query = {}, requestHeaders = {} }: RouteSpec): readonly OpenApiParameter[] {
  const names = [...path.matchAll(/\{(\w+)\}/g)].flatMap(([, name = '']) => PATH_PARAMETERS[name] ?? []);
  const all = [
    ...names,
    ...Object.entries(query).map(([name, spec]) => parameterOf('query', name, spec)),
    ...Object.entries(requestHeaders).map(([name, spec]) => parameterOf('header', name, spec)),
    ...CONDITIONS[preconditions],
    ...(idempotent === true ? [IDEMPOTENCY_KEY] : []),
  ];
  return all.map(shownParameter);
}

/** The page of the document fills in examples of parameters, but not those of schemas: what is tried there has no condition unasked. */
function shownParameter({ example, ...parameter }: OpenApiParameter): OpenApiParameter {
  const schema = shownSchema(parameter.schema);
  if (example === undefined) return { ...parameter, schema };
  return parameter.required === true ? { ...parameter, schema, example } : { ...parameter, schema: { ...schema, examples: [example] } };
}

function parameterOf(place: OpenApiParameter['in'], name: string, spec: ParameterSpec): OpenApiParameter {
  const { example, isRequired = false, isValueless = false, meaning, schema } = spec;
  return {
    name, in: place, description: meaning, ...(isRequired ? { required: true } : {}),
    ...(isValueless ? { allowEmptyValue: true } : {}), schema,
    ...(example === undefined ? {} : { example }),
  };
}

function requestBodyOf({ body }: RouteSpec): OpenApiOperation['requestBody'] {
  if (body.kind === 'none') return undefined;
  if (body.kind === 'value') {
    return { required: true, content: { [JSON_MEDIA_TYPE]: { schema: shownSchema(VALUE), example: { name: 'Ada', balance: 1 } } } };
  }
  const example = body.example === undefined ? {} : { example: body.example };
  const required = body.kind !== 'json' || body.isRequired;
  return { required, content: { [JSON_MEDIA_TYPE]: { schema: shownSchema(body.schema), ...example } } };
}

function responsesOf(route: RouteSpec): OpenApiOperation['responses'] {
  const responses: Record<string, OpenApiResponse> = {};
  for (const [status, answer] of Object.entries(route.answers)) {
    const content = contentOf(answer);
    const optional: readonly HeaderName[] = [
      ...(answer.optionalHeaders ?? []), ...(route.rate === null ? [] : RATE_HEADERS),
      ...(route.idempotent === true ? ['Idempotency-Replayed' as const] : []),
    ];
    responses[status] = {
      description: answer.description,
      headers: headersShown(answer.headers, optional),
      ...(content === undefined ? {} : { content }),
    };
  }
  const problems = Object.entries(problemResponses(route)).map(([status, { name, response }]) => {
    const own = responses[status];
    if (own !== undefined) return [status, { ...own, content: { ...own.content, ...response.content } }] as const;
    return [status, name === null ? response : { $ref: `#/components/responses/${name}` }] as const;
  });
  return { ...responses, ...Object.fromEntries(problems) };
}

/** The forms of a body; undefined if there is none. */
function contentOf({ alternatives = {}, example, mediaTypes, schema }: AnswerSpec): OpenApiResponse['content'] {
  if (mediaTypes !== undefined) return Object.fromEntries(mediaTypes.map((type) => [type, { schema: { type: 'string' } }]));
  if (schema === undefined) return undefined;
  const forms = Object.entries({ [JSON_MEDIA_TYPE]: { schema, example }, ...alternatives });
  return Object.fromEntries(forms.map(([type, form]) => [
    type, { schema: shownSchema(form.schema), ...(form.example === undefined ? {} : { example: form.example }) },
  ]));
}
