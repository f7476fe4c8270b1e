import assert from 'node:assert/strict';
import { generateApiKey } from '../../src/auth/api-key.js';
import { suite } from '../suite.js';
import { readLogFiles } from './log-files.js';
import { problemOf, withWorkbench, type Answer, type ServerUnderTest, type Workbench } from './server-under-test.js';

const test = suite('every-key');

const BASE = '/api/v1/projects';
/** The whole table is some six hundred requests, many of them with a sync behind them. */
const WALK_TIMEOUT_MS = 150_000;

/** `own` is the key of the project that is asked about, `other` that of another one. */
const CALLERS = ['none', 'malformed', 'unknown', 'wrong checksum', 'old', 'own', 'other', 'global'] as const;
type Caller = (typeof CALLERS)[number];

/** Statuses in the order of {@link CALLERS}. The missing project has no key of its own: an unknown one stands for it. */
type Row = readonly [number, number, number, number, number, number, number, number];

interface Route {
  readonly method: string;
  /** `{id}` stands for the project. */
  readonly path: string;
  readonly body?: string;
  /** Expected of a project that exists, of none, and of one that is open; a route without a project has the first only. */
  readonly existing: Row;
  readonly missing?: Row;
  readonly open?: Row;
}

const GUARDED = '{"storage":{"segment_bytes":8192}}';

/** A route for the project's key that succeeds with `ok`. */
function projectRoute(method: string, path: string, { ok, body }: { readonly ok: number; readonly body?: string }): Route {
  return {
    method,
    path,
    ...(body === undefined ? {} : { body }),
    existing: [401, 401, 401, 401, 401, ok, 403, ok],
    missing: [401, 401, 401, 401, 401, 401, 403, 404],
    open: [ok, 401, 401, 401, 401, ok, 403, ok],
  };
}

/** A route for the global key that succeeds with `ok`. */
function globalRoute(method: string, path: string, { ok, body }: { readonly ok: number; readonly body?: string }): Route {
  const existing: Row = [401, 401, 401, 401, 401, 403, 403, ok];
  const missing: Row = [401, 401, 401, 401, 401, 401, 403, 404];
  return {
    method,
    path,
    ...(body === undefined ? {} : { body }),
    existing,
    ...(path.includes('{id}') ? { missing, open: existing } : {}),
  };
}

/** What destroys comes last. */
const ROUTES: readonly Route[] = [
  globalRoute('GET', BASE, { ok: 200 }),
  globalRoute('HEAD', BASE, { ok: 200 }),
  globalRoute('POST', BASE, { ok: 201, body: '{"id":"made"}' }),
  projectRoute('GET', `${BASE}/{id}`, { ok: 200 }),
  projectRoute('HEAD', `${BASE}/{id}`, { ok: 200 }),
  projectRoute('PUT', `${BASE}/{id}`, { ok: 200, body: '{"storage":{"cache_in_memory":true}}' }),
  {
    ...projectRoute('PUT', `${BASE}/{id}`, { ok: 200, body: GUARDED }),
    existing: [401, 401, 401, 401, 401, 403, 403, 200],
    open: [401, 401, 401, 401, 401, 403, 403, 200],
  },
  {
    ...projectRoute('PUT', `${BASE}/{id}`, { ok: 200, body: '{"authentication":{"save_api_key_to_file":false}}' }),
    open: [401, 401, 401, 401, 401, 403, 403, 200],
  },
  projectRoute('GET', `${BASE}/{id}/keys`, { ok: 200 }),
  projectRoute('HEAD', `${BASE}/{id}/keys`, { ok: 200 }),
  projectRoute('POST', `${BASE}/{id}/read`, { ok: 200, body: '{"keys":["k","none"]}' }),
  projectRoute('PUT', `${BASE}/{id}/keys/k`, { ok: 200, body: '1' }),
  projectRoute('POST', `${BASE}/{id}/keys/k`, { ok: 200, body: '1' }),
  projectRoute('GET', `${BASE}/{id}/events`, { ok: 200 }),
  projectRoute('HEAD', `${BASE}/{id}/events`, { ok: 200 }),
  projectRoute('GET', `${BASE}/{id}/checkpoint`, { ok: 200 }),
  projectRoute('HEAD', `${BASE}/{id}/checkpoint`, { ok: 200 }),
  // No line has this hash.
  projectRoute('GET', `${BASE}/{id}/receipts?seq=1&hash=${'0'.repeat(64)}`, { ok: 404 }),
  projectRoute('HEAD', `${BASE}/{id}/receipts?seq=1&hash=${'0'.repeat(64)}`, { ok: 404 }),
  projectRoute('GET', `${BASE}/{id}/keys/k`, { ok: 200 }),
  projectRoute('HEAD', `${BASE}/{id}/keys/k`, { ok: 200 }),
  projectRoute('DELETE', `${BASE}/{id}/keys/k`, { ok: 200 }),
  projectRoute('DELETE', `${BASE}/{id}/keys`, { ok: 200 }),
  projectRoute('POST', `${BASE}/{id}/batch`, { ok: 200, body: '{"ops":[{"op":"set","key":"k","value":1}]}' }),
  globalRoute('POST', `${BASE}/{id}/api-key/regenerate`, { ok: 200 }),
  globalRoute('POST', `${BASE}/{id}/compact`, { ok: 200 }),
  globalRoute('GET', `${BASE}/{id}/backup`, { ok: 200 }),
  globalRoute('HEAD', `${BASE}/{id}/backup`, { ok: 200 }),
  globalRoute('GET', '/api/v1/backup', { ok: 200 }),
  globalRoute('DELETE', `${BASE}/{id}`, { ok: 204 }),
];

/** A server with `alpha`, `beta` and `open`, whose keys were both given and replaced before authentication was switched off. */
class World {
  readonly server: ServerUnderTest;
  readonly current = new Map<string, string>();
  readonly old = new Map<string, string>();
  readonly unknown = generateApiKey('project');

  constructor(server: ServerUnderTest) {
    this.server = server;
  }

  get global(): string {
    return this.server.key('global');
  }

  async ask(method: string, path: string, body?: string): Promise<Record<string, unknown>> {
    const answer = await this.server.send(method, path, { key: this.global, ...(body === undefined ? {} : { body }) });
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.text}`);
    return answer.text === '' ? {} : (JSON.parse(answer.text) as Record<string, unknown>);
  }

  /** Makes what is missing, so that every row of the table begins alike. */
  async prepare(): Promise<void> {
    const { projects } = (await this.ask('GET', BASE)) as { projects: { id: string }[] };
    const ids = new Set(projects.map(({ id }) => id));
    if (ids.has('made')) await this.ask('DELETE', `${BASE}/made`);
    for (const id of ['alpha', 'beta', 'open'].filter((name) => !ids.has(name))) {
      this.old.set(id, String((await this.ask('POST', BASE, JSON.stringify({ id })))['api_key']));
      await this.regenerate(id);
      if (id === 'open') await this.ask('PUT', `${BASE}/open`, '{"authentication":{"enabled":false}}');
    }
    for (const id of ['alpha', 'open']) await this.ask('PUT', `${BASE}/${id}/keys/k`, '1');
  }

  async regenerate(id: string): Promise<void> {
    this.current.set(id, String((await this.ask('POST', `${BASE}/${id}/api-key/regenerate`))['api_key']));
  }

  headers(caller: Caller, id: string): Readonly<Record<string, string>> {
    const own = this.current.get(id) ?? this.unknown;
    const keys: Readonly<Record<Exclude<Caller, 'none' | 'malformed'>, string>> = {
      unknown: generateApiKey('project'),
      'wrong checksum': `${own.slice(0, -1)}${own.endsWith('0') ? '1' : '0'}`,
      old: this.old.get(id) ?? this.old.get('alpha') ?? '',
      own,
      other: this.current.get('beta') ?? '',
      global: this.global,
    };
    if (caller === 'none') return {};
    return { Authorization: caller === 'malformed' ? 'Basic YTpi' : `Bearer ${keys[caller]}` };
  }

  send(route: Route, id: string, headers: Readonly<Record<string, string>>): Promise<Answer> {
    const sent = route.body === undefined ? { headers } : { headers, body: route.body };
    return this.server.send(route.method, route.path.replace('{id}', id), sent);
  }
}

async function startWorld(bench: Workbench): Promise<World> {
  bench.configure([], { limits: { max_failed_keys_per_minute: 1_000_000 } });
  const world = new World(await bench.start());
  await world.prepare();
  return world;
}

async function walkRow(world: World, route: Route, { id, row }: { readonly id: string; readonly row: Row }): Promise<void> {
  await world.prepare();
  for (const [index, caller] of CALLERS.entries()) {
    // Only what deletes or creates can change what the next caller finds.
    if (route.method === 'DELETE' || route.path === BASE) await world.prepare();
    const answer = await world.send(route, id, world.headers(caller, id));
    assert.equal(answer.status, row[index], `${route.method} ${route.path} ${route.body ?? ''} of "${id}" by ${caller}: ${answer.text}`);
    if (answer.status === 401) assert.match(String(answer.headers['www-authenticate']), /^Bearer /);
    if (answer.status !== 200 || !route.path.endsWith('/regenerate')) continue;
    // The key before this one is the old one now.
    world.old.set(id, world.current.get(id) ?? '');
    world.current.set(id, (JSON.parse(answer.text) as { api_key: string }).api_key);
  }
}

test(
  'every route answers every kind of key as the table says',
  () =>
    withWorkbench(async (bench) => {
      const world = await startWorld(bench);
      for (const route of ROUTES) {
        await walkRow(world, route, { id: 'alpha', row: route.existing });
        if (route.missing !== undefined) await walkRow(world, route, { id: 'nothing', row: route.missing });
        if (route.open !== undefined) await walkRow(world, route, { id: 'open', row: route.open });
      }
    }),
  { timeoutMs: WALK_TIMEOUT_MS },
);

test('who is refused cannot tell whether a project exists', () =>
  withWorkbench(async (bench) => {
    const world = await startWorld(bench);
    const told = ({ status, headers, text }: Answer): object => {
      const { date: _date, 'x-request-id': requestId, ...rest } = headers;
      return { status, rest, text: text.replace(String(requestId), '') };
    };
    for (const route of ROUTES.filter(({ path }) => path.includes('{id}'))) {
      for (const caller of ['none', 'malformed', 'unknown', 'wrong checksum', 'old', 'other'] as const) {
        const headers = world.headers(caller, 'alpha');
        const existing = await world.send(route, 'alpha', headers);
        const missing = await world.send(route, 'omega', headers);
        assert.deepEqual(told(missing), told(existing), `${route.method} ${route.path} by ${caller}`);
        if (route.method !== 'HEAD') problemOf(existing);
      }
    }
  }));

test('a refused caller adds no line to any log', () =>
  withWorkbench(async (bench) => {
    const world = await startWorld(bench);
    const logs = (): readonly number[] =>
      ['alpha', 'beta', 'open', '_server'].map((id) => readLogFiles(bench.path('data'), id).events.length);
    const before = logs();
    for (const route of ROUTES) {
      for (const caller of ['none', 'malformed', 'unknown', 'wrong checksum', 'old', 'other'] as const) {
        await world.send(route, 'alpha', world.headers(caller, 'alpha'));
      }
    }
    assert.deepEqual(logs(), before);
  }));

test('X-API-Key opens the same as Authorization, and both together are refused', () =>
  withWorkbench(async (bench) => {
    const { server, global } = await startWorld(bench);
    assert.equal((await server.send('GET', BASE, { headers: { 'X-API-Key': global } })).status, 200);
    const both = await server.send('GET', BASE, { key: global, headers: { 'X-API-Key': global } });
    assert.equal(problemOf(both)['code'], 'ambiguous_credentials');
    assert.equal(both.status, 400);
    const inUrl = await server.send('GET', `${BASE}?api_key=${global}`);
    assert.equal(problemOf(inUrl)['code'], 'key_in_url');
    assert.ok(!inUrl.text.includes(global));
  }));

test('while a scope is open, a foreign Host is refused whatever key it brings', () =>
  withWorkbench(async (bench) => {
    const { server, global } = await startWorld(bench);
    assert.equal((await server.send('GET', BASE, { key: global, headers: { Host: 'evil.example' } })).status, 421);
    assert.equal((await server.send('GET', BASE, { key: global, headers: { Host: 'localhost' } })).status, 200);
    const closed = await server.send('PUT', `${BASE}/open`, { key: global, body: '{"authentication":{"enabled":true}}' });
    assert.equal(closed.status, 200);
    assert.equal((await server.send('GET', BASE, { key: global, headers: { Host: 'evil.example' } })).status, 200);
  }));

test.run();
