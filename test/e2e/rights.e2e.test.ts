/**
 * Rights hold at the moment of a change, and for as long as an answer lasts: a caller who loses them while a request is under way
 * is refused, and a project of the same id that was made meanwhile is another project.
 */
import assert from 'node:assert/strict';
import { suite } from '../suite.js';
import { problemOf, withWorkbench, type Answer, type ServerUnderTest } from './server-under-test.js';
import { SlowConnection, SlowRequest, type SlowStart } from './slow-request.js';

const test = suite('rights');

const PROJECTS = '/api/v1/projects';
const P = `${PROJECTS}/p`;
const KEY = `${P}/keys/k`;
const OPEN = { authentication: { enabled: false } };
const CLOSED = { authentication: { enabled: true } };
const VALUE_BYTES = 100_000;
const VALUES = 100;

/** Who may do what in these tests. */
interface Owners {
  readonly server: ServerUnderTest;
  readonly globalKey: string;
}

/** Sends a request under the global key, such as `GET /path`, and gives back what it was answered. */
async function ask({ server, globalKey }: Owners, request: string, document?: unknown): Promise<Answer> {
  const [method = '', target = ''] = request.split(' ');
  const body = document === undefined ? {} : { body: JSON.stringify(document) };
  const answer = await server.send(method, target, { key: globalKey, ...body });
  assert.ok(answer.status < 300, `${request}: ${answer.status} ${answer.text}`);
  return answer;
}

/** Makes a project and gives back its API key; null where it is open. */
async function createProject(owners: Owners, id: string, settings: object = {}): Promise<string | null> {
  return (JSON.parse((await ask(owners, `POST ${PROJECTS}`, { id, ...settings })).text) as { api_key: string | null }).api_key;
}

/** A server without projects. */
async function withOwners(body: (owners: Owners) => Promise<void>): Promise<void> {
  await withWorkbench(async (bench) => {
    bench.configure([]);
    const server = await bench.start();
    await body({ server, globalKey: server.key('global') });
  });
}

async function details(owners: Owners, id: string): Promise<Record<string, unknown>> {
  return JSON.parse((await ask(owners, `GET ${PROJECTS}/${id}`)).text) as Record<string, unknown>;
}

/** Makes a listed key that may do everything. */
async function makeListed(owners: Owners): Promise<{ readonly id: string; readonly api_key: string }> {
  const answer = await ask(owners, `POST ${P}/api-keys`, { name: 'listed', permissions: ['all'] });
  return JSON.parse(answer.text) as { id: string; api_key: string };
}

/** Begins a request, lets something happen, sends the rest. */
async function finishAfter(
  { server }: Owners, start: SlowStart, between: () => Promise<unknown>,
): Promise<{ readonly status: number; readonly text: string }> {
  const slow = await SlowRequest.begin(server.port, start);
  await between();
  return await slow.finish();
}

test('an update by an API key that is removed while it is coming in changes nothing', () => withOwners(async (owners) => {
  await createProject(owners, 'p');
  const { id, api_key: key } = await makeListed(owners);
  const start = { method: 'PUT', target: P, key, body: JSON.stringify(OPEN) };
  const answer = await finishAfter(owners, start, () => ask(owners, `DELETE ${P}/api-keys/${id}`));
  assert.equal(answer.status, 401, answer.text);
  assert.deepEqual((await details(owners, 'p'))['authentication'], { enabled: true, save_api_key_to_file: false });
}));

test('the key of a deleted project changes nothing of the project that has its id now', () => withOwners(async (owners) => {
  const key = await createProject(owners, 'p');
  const start = { method: 'PUT', target: P, key, body: JSON.stringify(OPEN) };
  const answer = await finishAfter(owners, start, async () => {
    await ask(owners, `DELETE ${P}`);
    await createProject(owners, 'p');
  });
  assert.equal(answer.status, 401, answer.text);
  const { authentication, seq } = await details(owners, 'p');
  assert.deepEqual([authentication, seq], [{ enabled: true, save_api_key_to_file: false }, 1]);
}));

test('a key that was replaced while its write was coming in writes nothing', () => withOwners(async (owners) => {
  const key = await createProject(owners, 'p');
  const start = { method: 'PUT', target: KEY, key, body: '"late"' };
  const answer = await finishAfter(owners, start, () => ask(owners, `POST ${P}/api-key/regenerate`));
  assert.equal(answer.status, 401, answer.text);
  assert.equal((await details(owners, 'p'))['key_count'], 0);
}));

test('a project that was closed while an anonymous write was coming in takes it no more', () => withOwners(async (owners) => {
  await createProject(owners, 'p', OPEN);
  const start = { method: 'PUT', target: KEY, key: null, body: '"late"' };
  const answer = await finishAfter(owners, start, () => ask(owners, `PUT ${P}`, CLOSED));
  assert.equal(answer.status, 401, answer.text);
  assert.equal((await details(owners, 'p'))['key_count'], 0);
}));

test('a listing ends in the middle once the key of its reader was replaced', () => withOwners(async (owners) => {
  const { server } = owners;
  const key = await createProject(owners, 'p');
  const value = JSON.stringify('x'.repeat(VALUE_BYTES));
  for (let index = 0; index < VALUES; index += 1) {
    await server.send('PUT', `${P}/keys/${String(index).padStart(3, '0')}`, { key, body: value });
  }
  const reader = new SlowConnection(server.port);
  reader.setReading(false);
  reader.write(`GET ${P}/keys HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${key ?? ''}\r\n\r\n`);
  // A listing that was asked for on another connection later and is there whole: the stalled one has begun as well.
  assert.equal((await server.send('GET', `${P}/keys`, { key })).bytes.length, VALUES * (VALUE_BYTES + 9) + 1);
  await ask(owners, `POST ${P}/api-key/regenerate`);
  await ask(owners, `PUT ${P}/keys/zzz`, 'written after the key was replaced');
  reader.setReading(true);
  await reader.closed();
  assert.match(reader.text, /^HTTP\/1\.1 200 /);
  assert.ok(reader.bytes < VALUES * VALUE_BYTES, `${reader.bytes} bytes came`);
  assert.ok(!reader.text.includes('written after'));
  assert.ok(!reader.text.endsWith('0\r\n\r\n'), 'the answer must not look whole');
}));

const GONE = 'gone';

/** Everything that is said of the project now. */
async function look({ server, globalKey }: Owners): Promise<string> {
  const answer = await server.send('GET', P, { key: globalKey });
  return answer.status === 200 ? answer.text : GONE;
}

/** Every route that takes a body on a project, and what it would change. */
const ROUTES: readonly (Omit<SlowStart, 'key'> & { readonly needsGlobal?: boolean; readonly needsKey?: boolean })[] = [
  { method: 'PUT', target: P, body: '{"storage":{"cache_in_memory":false}}', needsKey: true },
  { method: 'PUT', target: P, body: JSON.stringify(OPEN), needsKey: true },
  { method: 'POST', target: `${P}/api-keys`, body: '{"name":"late","permissions":["all"]}', needsKey: true },
  { method: 'POST', target: `${P}/read`, body: '{"keys":["k"]}' },
  { method: 'PUT', target: KEY, body: '"late"' },
  { method: 'POST', target: KEY, body: '"late"' },
  { method: 'PUT', target: P, body: '{"storage":{"segment_bytes":8192}}', needsGlobal: true },
  { method: 'POST', target: `${P}/api-key/regenerate`, body: '{ }', needsGlobal: true },
  { method: 'POST', target: `${P}/compact`, body: '{ }', needsGlobal: true },
];

/** How a right ends, who had it, and what is answered. */
const ENDS: readonly {
  readonly name: string; readonly settings: object; readonly caller: 'project' | 'listed' | 'anonymous' | 'global';
  readonly status: number;
  readonly end: (owners: Owners) => Promise<unknown>;
}[] = [
  {
    name: 'the key was replaced', settings: {}, caller: 'project', status: 401,
    end: (owners) => ask(owners, `POST ${P}/api-key/regenerate`),
  },
  {
    name: 'the listed key was removed', settings: {}, caller: 'listed', status: 401,
    end: async (owners) => {
      const { api_keys: keys } = JSON.parse((await ask(owners, `GET ${P}/api-keys`)).text) as { api_keys: { id: string }[] };
      await ask(owners, `DELETE ${P}/api-keys/${keys[1]?.id ?? ''}`);
    },
  },
  { name: 'the project was closed', settings: OPEN, caller: 'anonymous', status: 401, end: (owners) => ask(owners, `PUT ${P}`, CLOSED) },
  { name: 'the project was deleted', settings: {}, caller: 'project', status: 401, end: (owners) => ask(owners, `DELETE ${P}`) },
  { name: 'an open project was deleted', settings: OPEN, caller: 'anonymous', status: 401, end: (owners) => ask(owners, `DELETE ${P}`) },
  {
    name: 'an open project was made anew', settings: OPEN, caller: 'anonymous', status: 404,
    end: async (owners) => {
      await ask(owners, `DELETE ${P}`);
      await createProject(owners, 'p', OPEN);
    },
  },
  {
    name: 'the project was deleted under the global key', settings: {}, caller: 'global', status: 404,
    end: (owners) => ask(owners, `DELETE ${P}`),
  },
  {
    name: 'the project was made anew under the global key', settings: {}, caller: 'global', status: 404,
    end: async (owners) => {
      await ask(owners, `DELETE ${P}`);
      await createProject(owners, 'p');
    },
  },
];

test('no route with a body changes anything after a right has ended, however it ended', () => withOwners(async (owners) => {
  for (const { name, settings, caller, status, end } of ENDS) {
    for (const { needsGlobal = false, needsKey = false, ...route } of ROUTES) {
      if ((needsGlobal && caller !== 'global') || (needsKey && caller === 'anonymous')) continue;
      const what = `${route.method} ${route.target} ${route.body} after ${name}`;
      const primary = await createProject(owners, 'p', settings);
      const key = caller === 'listed' ? (await makeListed(owners)).api_key : primary;
      const slow = await SlowRequest.begin(owners.server.port, { ...route, key: caller === 'global' ? owners.globalKey : key });
      await end(owners);
      const before = await look(owners);
      const answer = await slow.finish();
      assert.equal(answer.status, status, `${what}: ${answer.text}`);
      assert.equal(await look(owners), before, `${what} changed something`);
      if (before !== GONE) await ask(owners, `DELETE ${P}`);
    }
  }
}), { timeoutMs: 180_000 });

test('a move between memory and disk refuses no write that was coming in', () => withOwners(async (owners) => {
  const key = await createProject(owners, 'p');
  for (const onDisk of [false, true]) {
    const start = { method: 'PUT', target: KEY, key, body: JSON.stringify(`${onDisk}`) };
    const answer = await finishAfter(owners, start, () => ask(owners, `PUT ${P}`, { storage: { on_disk: onDisk } }));
    assert.ok(answer.status < 300, answer.text);
    assert.equal((await ask(owners, `GET ${KEY}`)).text, `"${onDisk}"`);
  }
  const start = { method: 'PUT', target: P, key, body: '{"storage":{"cache_in_memory":false}}' };
  assert.equal((await finishAfter(owners, start, () => ask(owners, `PUT ${P}`, { storage: { on_disk: false } }))).status, 200);
}));

test('a refusal for a right that ended says what the request would be answered now', () => withOwners(async (owners) => {
  const key = await createProject(owners, 'p');
  const start = { method: 'PUT', target: KEY, key, body: 'no JSON' };
  const late = await finishAfter(owners, start, () => ask(owners, `POST ${P}/api-key/regenerate`));
  const now = problemOf(await owners.server.send('PUT', KEY, { key, body: '1' }));
  const { request_id: _late, ...lateProblem } = JSON.parse(late.text) as Record<string, unknown>;
  const { request_id: _now, ...nowProblem } = now;
  assert.deepEqual(lateProblem, nowProblem);
}));

test.run();
