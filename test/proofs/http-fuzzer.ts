/**
 * Sends requests that are made from the document of the API, sound and unsound ones, to the real program. Every answer is checked against
 * the document by the client of the tests.
 */
import { OPERATIONS, type FoundOperation } from '../api/api-document.js';
import type { Answer, ServerUnderTest, Workbench } from '../e2e/server-under-test.js';
import { fc } from '../properties.js';

/** How much is sent. */
export interface FuzzOptions {
  readonly seed: number;
  readonly requests: number;
  /** Called now and then with the number of requests so far. */
  onProgress?(requests: number): void;
}

/** What became of it. */
export interface FuzzReport {
  readonly requests: number;
  /** Ids of the operations that were answered with success at least once. */
  readonly succeeded: ReadonlySet<string>;
  /** Requests with a method that their path does not have. */
  readonly methods: number;
  readonly faults: readonly string[];
}

interface FuzzedRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly operation: FoundOperation;
}

const CLIENTS = 8;
const FAULTS_MAX = 20;
const PROGRESS_EVERY = 1000;
const SERVER_ERROR = 500;
const METHOD_NOT_ALLOWED = 405;
/** What the client of the tests says of an answer without its end. */
const CUT_OFF = 'The answer was cut off';
/** Projects that are fuzzed. */
const FUZZED = ['fuzz_a', 'fuzz_b'] as const;
/** A project that no request may change, and its value. */
const BYSTANDER = { id: 'bystander', key: 'kept', value: '{"kept":1.0}' } as const;
const METHODS = ['GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'PATCH'] as const;

const keys = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('a', 'b', 'user/1', 'é', '.') },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }) },
  { weight: 1, arbitrary: fc.constantFrom('\u0000', 'x'.repeat(1025), ' ', '%', '\u007f') },
);
const projects = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom<string>(...FUZZED) },
  { weight: 1, arbitrary: fc.constantFrom('none', 'UPPER', '_server', 'x'.repeat(64)) },
);
const bodies = fc.oneof(
  { weight: 4, arbitrary: fc.json({ maxDepth: 3 }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '{"storage":{"durability":"os"}}', '{"id":"fuzz_c","storage":{}}', '{"storage":{"segment_bytes":1}}',
      '{"authentication":{"save_api_key_to_file":false}}', '{}',
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom('', '{', '[1,', '"\\ud800"', '\ufeff1', '{"a":1,"a":2}', '[]', '1e400', '"'.repeat(9)) },
);
const parameters = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('true', 'false', '1', '10000', 'a', 'user/') },
  { weight: 1, arbitrary: fc.constantFrom('', '0', '-1', '10001', '%', 'YQ', '\u0000') },
  { weight: 1, arbitrary: fc.string({ maxLength: 12 }) },
);
const conditions = fc.constantFrom('*', '"1-00000000"', 'W/"1"', '"a", "b"', 'x', '');
/** One time in six. */
const rarely = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.oneof(
  { weight: 5, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary },
);

/** Bodies that some operations need to succeed. */
const SOUND_BODIES: Readonly<Record<string, readonly string[]>> = {
  createProject: FUZZED.map((id) => JSON.stringify({ id })),
  updateProject: [
    '{"storage":{"cache_in_memory":false}}', '{"storage":{"cache_in_memory":true}}', '{"storage":{"on_disk":false}}',
    '{"storage":{"on_disk":true}}', '{"storage":{"retention":{"max_bytes":1}}}',
  ],
  readKeys: ['{"keys":["a","user/1"]}', '{"keys":["none"],"values":false}'],
  applyBatch: [
    '{"ops":[{"op":"set","key":"a","value":1.0},{"op":"delete","key":"b"}]}',
    '{"ops":[{"op":"check","key":"none","if_seq":0}]}',
  ],
  regenerateKey: ['', '{}'],
  compactProject: ['', '{}'],
};

/** Deletes projects seldom, so that requests find some. */
function weightOf({ operation: { operationId } }: FoundOperation): number {
  return operationId === 'deleteProject' ? 1 : 10;
}

function bodiesFor({ operation: { operationId } }: FoundOperation): fc.Arbitrary<string> {
  const sound = SOUND_BODIES[operationId];
  return sound === undefined ? bodies : fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...sound) }, { weight: 1, arbitrary: bodies });
}

/** Requests for one operation; some have what the operation does not take. */
function requestsFor(operation: FoundOperation): fc.Arbitrary<FuzzedRequest> {
  const names = (operation.operation.parameters ?? []).filter((one) => one.in === 'query').map(({ name }) => name);
  const query = fc.array(fc.tuple(fc.constantFrom(...names, 'unknown'), parameters), { maxLength: 2 });
  const own = operation.method.toUpperCase();
  return fc.record({
    id: projects, key: keys, file: fc.constantFrom('docs.js', 'swagger-ui.css', 'none'), body: bodiesFor(operation), query: rarely(query),
    method: fc.oneof({ weight: 9, arbitrary: fc.constant(own) }, { weight: 1, arbitrary: fc.constantFrom(...METHODS) }),
    match: rarely(conditions), noneMatch: rarely(conditions),
    type: rarely(fc.constantFrom('text/plain', 'application/json; charset=utf-8')),
  }).map(({ id, key, file, body, query: given = [], method, match, noneMatch, type }) => {
    const names = { '{id}': encodeURIComponent(id), '{file}': file, '{key}': encodeURIComponent(key) };
    const path = Object.entries(names).reduce((filled, [name, value]) => filled.replace(name, () => value), operation.path);
    const search = given.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
    const hasBody = method === 'PUT' || method === 'POST' || method === 'PATCH';
    return {
      method, operation, target: search === '' ? path : `${path}?${search}`, body: hasBody ? body : undefined,
      headers: {
        ...(match === undefined ? {} : { 'If-Match': match }), ...(noneMatch === undefined ? {} : { 'If-None-Match': noneMatch }),
        ...(type === undefined || !hasBody ? {} : { 'Content-Type': type }),
      },
    };
  });
}

/**
 * Fuzzes a server in a folder.
 *
 * @returns what was done, and what was wrong
 */
export async function fuzzHttp(bench: Workbench, { seed, requests, onProgress }: FuzzOptions): Promise<FuzzReport> {
  bench.configure([...FUZZED, BYSTANDER.id].map((id) => ({ id })));
  const server = await bench.start();
  const globalKey = server.key('global');
  const kept = `/api/v1/projects/${BYSTANDER.id}/keys/${BYSTANDER.key}`;
  await server.send('PUT', kept, { key: globalKey, body: BYSTANDER.value });
  const before = await stateOf(server, globalKey);
  const faults: string[] = [];
  const succeeded = new Set<string>();
  let methods = 0;
  let sent = 0;
  const arbitrary = fc.oneof(...OPERATIONS.map((operation) => ({ weight: weightOf(operation), arbitrary: requestsFor(operation) })));
  const all = fc.sample(fc.tuple(arbitrary, fc.integer({ min: 0, max: 9 })), { numRuns: requests, seed }).values();
  await Promise.all(Array.from({ length: CLIENTS }, async () => {
    for (const [request, caller] of all) {
      if (faults.length >= FAULTS_MAX) return;
      // Mostly with the global API key: a project's own is replaced on the way.
      const key = caller === 0 ? null : caller === 1 ? 'skv_p_wrong' : globalKey;
      const { method, target, headers, body } = request;
      try {
        const answer = await server.send(method, target, { key, headers, ...(body === undefined ? {} : { body }) });
        faults.push(...judge(request, answer));
        if (answer.status < SERVER_ERROR && answer.status < 400) succeeded.add(request.operation.operation.operationId);
        methods += Number(answer.status === METHOD_NOT_ALLOWED);
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        // A backup ends with the project that another client deletes or moves meanwhile.
        const mayBeCut = request.operation.path.endsWith('/backup') && message === CUT_OFF;
        if (!mayBeCut) faults.push(`${method} ${target}: ${message}`);
      }
      sent += 1;
      if (sent % PROGRESS_EVERY === 0) onProgress?.(sent);
    }
  }));
  const after = await stateOf(server, globalKey);
  if (after !== before) faults.push(`the project "${BYSTANDER.id}" was ${before} and is ${after}`);
  await server.stop();
  return { requests: sent, succeeded, methods, faults };
}

function judge({ method, target, operation }: FuzzedRequest, { status, text }: Answer): readonly string[] {
  const isOther = !OPERATIONS.some((one) => one.path === operation.path && one.method === method.toLowerCase());
  // Outside the documented answers anyway, or documented for a bug of the server only.
  if (status === SERVER_ERROR) return [`${method} ${target}: 500 ${text}`];
  const isRefused = status === METHOD_NOT_ALLOWED || status === 404 || status === 400;
  return isOther && !isRefused ? [`${method} ${target}: ${status} for a method that is not documented`] : [];
}

async function stateOf(server: ServerUnderTest, key: string): Promise<string> {
  const path = `/api/v1/projects/${BYSTANDER.id}`;
  const parts = [await server.send('GET', path, { key }), await server.send('GET', `${path}/keys`, { key })];
  return parts.map(({ text }) => text).join(' ');
}
