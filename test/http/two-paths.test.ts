/**
 * The routes of a single key, and batches, run straight through, or through Koa where that is switched off: every request gets the same
 * status, headers and body either way, and leaves the same line in the server log.
 */
import assert from 'node:assert/strict';
import { generateApiKey } from '../../src/auth/api-key.js';
import { hashGenerated } from '../../src/auth/key-hash.js';
import type { KeyOfList } from '../../src/auth/keyring.js';
import type { KeyWindow } from '../../src/auth/principal.js';
import type { QuotaSettings } from '../../src/events/project-settings.js';
import { ManualClock } from '../base/manual-clock.js';
import { suite } from '../suite.js';
import { exchange } from './raw-client.js';
import { type TestServer, withServer } from './test-server.js';

const test = suite('two-paths');

const METHODS = ['GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'OPTIONS', 'PATCH'] as const;
const KEY = '/api/v1/projects/alpha/keys/k';
const BATCH = '/api/v1/projects/alpha/batch';
const JSON_HEADER = 'Content-Type: application/json';
const VALUE_BYTES_MAX = 64;

/** Request targets, the key of data and the project varied. */
const TARGETS = [
  KEY, `${KEY}/x`, `${KEY}%2Fx`, '/api/v1/projects/alpha/keys/missing', '/api/v1/projects/alpha/keys/long', '/api/v1/projects/alpha/keys/',
  '/api/v1/projects/alpha/keys', '/api/v1/projects//keys/k', '/api/v1/projects/none/keys/k', '/api/v1/projects/UPPER/keys/k',
  '/api/v1/projects/%61lpha/keys/k', '/api/v1/projects/open/keys/k', '/api/v1/projects/alpha/keys/%', '/api/v1/projects/alpha/keys/%ff',
  '/api/v1/projects/alpha/keys/%00', `/api/v1/projects/alpha/keys/${'x'.repeat(1025)}`, `${KEY}?x=1`,
  `${KEY}?if_seq=2`, `${KEY}?if_seq=0`, `${KEY}?if_seq=9`, `${KEY}?if_seq=`,
  `${KEY}?if_seq=2&if_seq=2`, `${KEY}?`, `${KEY}?api_key=1`,
  `${KEY}#f`, 'http://127.0.0.1/api/v1/projects/alpha/keys/k', 'http://elsewhere/api/v1/projects/alpha/keys/k',
  '/API/v1/projects/alpha/keys/k',
  '/api/v1/projects/alpha/Keys/k', `${KEY}s/`, '*', '/', '/livez', '/nowhere',
] as const;

/** Headers of a request for one key; `Host` and the API key come before them unless they are among them. */
const HEADERS = [
  [], ['If-Match: *'], ['If-Match: "2-00000000"'], ['If-Match: "99-00000000"'], ['If-Match: nonsense'], ['If-None-Match: *'],
  ['If-None-Match: "1", "2"'], ['If-Unmodified-Since: Sun, 22 Nov 2026 10:00:00 GMT'], ['If-Match: *', 'If-None-Match: *'],
  ['Expect: 100-continue'], ['Expect: miracle'], ['Content-Encoding: gzip'], ['Transfer-Encoding: gzip, chunked'],
  ['Content-Type: text/plain'],
  ['Content-Type: application/json', 'Content-Type: application/json'], ['Content-Length: 999999'], ['X-Request-Id: bad id'],
  ['X-Request-Id: {global}'],
  ['Idempotency-Key: r1'], ['Idempotency-Key: "r2"', 'X-Request-Id: r3'],
  ['Idempotency-Key: not one'],
  ['Idempotency-Key: {global}'], ['X-Request-Id: idem:r1'],
  ['Authorization: Bearer {global}', 'X-API-Key: {global}'], ['Authorization: Bearer {alpha}'],
  ['Authorization: Bearer {beta}'], ['Authorization: Bearer {reader}'], ['X-API-Key: {writer}'], ['X-API-Key: {expired}'],
  ['X-API-Key: {writer}', 'If-Match: "99-00000000"'], ['X-API-Key: {replaced}'],
  ['Authorization: Basic eDp5'], ['X-API-Key: unknown'], ['X-API-Key:'],
  ['Host: a', 'Host: b'], ['Host: /'],
  ['Origin: http://evil.example', 'X-API-Key: {alpha}'], ['X-Forwarded-For: 10.0.0.1'],
  Array.from({ length: 101 }, (_, index) => `X-${index}: 1`),
] as const;

const BODIES = ['1', '', '{"a":1.0}', '{"a":', '\u00ff', `"${'x'.repeat(VALUE_BYTES_MAX)}"`, '{\n"a":\r\n1}', '"\ud83d\ude00"'] as const;

/** Targets that are a batch, or nearly. */
const BATCH_TARGETS = [
  BATCH, `${BATCH}/`, `${BATCH}?x=1`, `${BATCH}?`, '/api/v1/projects//batch', '/api/v1/projects/none/batch',
  '/api/v1/projects/%61lpha/batch',
  '/api/v1/projects/alpha/Batch', '/api/v1/projects/alpha%2Fbatch', '/api/v1/projects/alpha/x/batch', '/api/v1/projects/batch',
  '/api/v1/projects/open/batch', 'http://127.0.0.1/api/v1/projects/alpha/batch',
] as const;

const BATCHES = [
  '{"ops":[{"op":"set","key":"k","value":1.0},{"op":"delete","key":"k"}]}', '{"ops":[{"op":"check","key":"k","if_seq":99}]}',
  '{"ops":[]}', '{"ops":[{"op":"set"}]}', '{"ops":1}', '[]', '', '{',
  `{"ops":[{"op":"set","key":"k","value":"${'x'.repeat(VALUE_BYTES_MAX)}"}]}`,
] as const;

interface Sent {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly string[];
  readonly body: string;
}

/** Each target, each set of headers and each body, with every method. */
function requests(method: string): readonly Sent[] {
  return [
    ...TARGETS.map((target) => ({ method, target, headers: [], body: '1' })),
    ...HEADERS.map((headers) => ({ method, target: KEY, headers, body: '1' })),
    ...BODIES.map((body) => ({ method, target: KEY, headers: [], body })),
    ...BATCH_TARGETS.map((target) => ({ method, target, headers: [], body: BATCHES[0] })),
    // A body that is no chunk is met by Node at a moment of its own.
    ...HEADERS.filter(([first]) => first?.startsWith('Transfer-Encoding') !== true)
      .map((headers) => ({ method, target: BATCH, headers, body: BATCHES[0] })),
    ...BATCHES.map((body) => ({ method, target: BATCH, headers: [], body })),
    ...['/api/v1/projects/open/keys/k', '/api/v1/projects/none/keys/k'].flatMap((target) => (
      [['X-API-Key: none'], ['Origin: http://evil.example'], ['Sec-Fetch-Site: cross-site']].map((headers) => (
        { method, target, headers: ['anonymous', ...headers], body: '1' }
      ))
    )),
  ];
}

const DAY_MS = 86_400_000;
const NOW_MS = Date.now();
const window = (expiresAtMs: number, isReplaced = false): KeyWindow => ({ notBeforeMs: -Infinity, expiresAtMs, isReplaced });

/** Listed keys of `alpha`, the same on every server. */
const LISTED_KEYS: Readonly<Record<string, Omit<KeyOfList, 'hash'> & { readonly key: string }>> = {
  reader: { key: generateApiKey('listed'), permissions: ['read'], window: null },
  writer: { key: generateApiKey('listed'), permissions: ['write'], window: null },
  expired: { key: generateApiKey('listed'), permissions: ['all'], window: window(NOW_MS - DAY_MS) },
  replaced: { key: generateApiKey('listed'), permissions: ['all'], window: window(NOW_MS + DAY_MS, true) },
};

function withKeys(line: string, { globalKey, alphaKey, betaKey }: TestServer): string {
  const known = line.replaceAll('{global}', globalKey).replaceAll('{alpha}', alphaKey).replaceAll('{beta}', betaKey);
  return Object.entries(LISTED_KEYS).reduce((text, [name, { key }]) => text.replaceAll(`{${name}}`, key), known);
}

/** The ways of a request: straight through without Node's HTTP, straight through, and through Koa. */
const WAYS = {
  direct: { hotPath: true, isDirect: true },
  hot: { hotPath: true, isDirect: false },
  koa: { hotPath: false, isDirect: false },
} as const;
type Way = keyof typeof WAYS;

/** The bytes of a request; of the last one on its connection if that is to be closed. */
function bytesOf({ method, target, headers, body }: Sent, server: TestServer, { id, isLast }: { id: string; isLast: boolean }): Buffer {
  const has = (name: string): boolean => headers.some((header) => header.toLowerCase().startsWith(`${name}:`));
  const isAnonymous = headers[0] === 'anonymous';
  const hasBody = method !== 'GET' && method !== 'HEAD';
  const bytes = Buffer.from(body);
  const lines = [
    `${method} ${target} HTTP/1.1`,
    ...(has('host') ? [] : ['Host: 127.0.0.1']),
    ...(isAnonymous || has('authorization') || has('x-api-key') ? [] : [`X-API-Key: ${server.globalKey}`]),
    ...(has('x-request-id') ? [] : [`X-Request-Id: ${id}`]),
    ...(hasBody && !has('content-type') ? [JSON_HEADER] : []),
    ...(hasBody && !has('content-length') && !has('transfer-encoding') ? [`Content-Length: ${bytes.length}`] : []),
    ...(isLast ? ['Connection: close'] : []),
    ...headers.slice(isAnonymous ? 1 : 0),
  ].map((line) => withKeys(line, server));
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), hasBody ? bytes : Buffer.alloc(0)]);
}

/** What two servers cannot agree on: times, and ids that the server made. */
function comparable(text: string): string {
  return text
    .replaceAll(/^Date: .*$/gm, 'Date').replaceAll(/^X-Request-Id: [0-9a-f]{32}\r$/gm, 'X-Request-Id')
    .replaceAll(/"request_id":"[0-9a-f]{32}"/g, '"request_id"');
}

function fill(server: TestServer): void {
  const listed = Object.values(LISTED_KEYS).map(({ key, ...facts }) => ({ ...facts, hash: hashGenerated(key) }));
  server.keyring.setListed({ kind: 'project', project: 'alpha' }, listed);
  server.projects.add('open', { authentication: { enabled: false } });
  const { entries } = server.projects.fakeStore('alpha').values;
  entries.set('k', { value: '{"a":1.0}', seq: 2, tag: 0, timeMs: 0, expiresAtMs: null });
  entries.set('long', { value: `"${'x'.repeat(100_000)}"`, seq: 3, tag: 0, timeMs: 0, expiresAtMs: null });
}

/** How the requests are sent. */
interface Sending {
  /** Each has a connection of its own; it asks for that to be closed, or leaves once it has its answer. */
  readonly isLast: boolean;
  readonly quota?: Partial<QuotaSettings>;
}

async function answersOf(
  all: readonly Sent[], way: Way, { isLast, quota = {} }: Sending,
): Promise<readonly { readonly answer: string; readonly line: unknown }[]> {
  const found: { answer: string; line: unknown }[] = [];
  await withServer(async (server) => {
    fill(server);
    await server.projects.update('alpha', { quota }, { actor: 'anonymous', requestId: 'r' });
    for (const [index, sent] of all.entries()) {
      const before = server.lines.length;
      const { text } = await exchange(server.port, bytesOf(sent, server, { id: `id${index}`, isLast }), { untilAnswer: !isLast });
      for (let wait = 0; wait < 100 && !server.lines.slice(before).some(({ msg }) => msg === 'request'); wait += 1) {
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      const { time: _time, duration_ms: _duration, ...line } = server.lines.slice(before).find(({ msg }) => msg === 'request') ?? {};
      if (/^[0-9a-f]{32}$/.test(String(line['request_id']))) line['request_id'] = 'made';
      line['actor'] = String(line['actor']).replace(/#[0-9a-f]{16}$/, '');
      found.push({ answer: comparable(text), line });
    }
  }, { ...WAYS[way], http: { valueBytesMax: VALUE_BYTES_MAX }, clock: new ManualClock() });
  return found;
}

for (const [way, isLast] of [['hot', true], ['direct', false]] as const) {
  test(`every request gets the same answer and the same line on the way "${way}" as through Koa`, async () => {
    const statuses = new Set<string>();
    await Promise.all(METHODS.map(async (method) => {
      const all = requests(method);
      const [found, koa] = await Promise.all([answersOf(all, way, { isLast }), answersOf(all, 'koa', { isLast })]);
      for (const [index, sent] of all.entries()) assert.deepEqual(found[index], koa[index], JSON.stringify(sent));
      for (const { answer } of found) statuses.add(answer.slice(9, 12));
    }));
    // Otherwise the requests do not reach what they are for.
    const wanted = ['200', '201', '204', '304', '400', '401', '403', '404', '405', '412', '413', '415', '417', '431'];
    assert.deepEqual(wanted.filter((status) => !statuses.has(status)), []);
  });
}

test('a rate and a quota hold on all ways', async () => {
  const methods = ['GET', 'PUT', 'DELETE', 'HEAD'] as const;
  const all = [...methods, ...methods].flatMap((method) => requests(method).slice(0, TARGETS.length));
  const quota = { max_keys: 2, reads_per_second: 30, writes_per_second: 25 };
  const sending = { isLast: false, quota };
  const [direct, hot, koa] = await Promise.all((['direct', 'hot', 'koa'] as const).map((way) => answersOf(all, way, sending)));
  for (const [index, sent] of all.entries()) {
    assert.deepEqual(hot?.[index], koa?.[index], JSON.stringify(sent));
    assert.deepEqual(direct?.[index], koa?.[index], JSON.stringify(sent));
  }
  const statuses = new Set(hot?.map(({ answer }) => answer.slice(9, 12)));
  for (const status of ['200', '404', '429', '507']) assert.ok(statuses.has(status), status);
  assert.ok(hot?.some(({ answer }) => answer.includes('RateLimit: "writes_per_second";r=3;t=1')));
});

test.run();
