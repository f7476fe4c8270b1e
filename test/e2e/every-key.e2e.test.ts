import assert from 'node:assert/strict';
import type { Permission } from '../../src/api/permissions.js';
import { generateApiKey } from '../../src/auth/api-key.js';
import { suite } from '../suite.js';
import { readLogFiles } from './log-files.js';
import { problemOf, until, withWorkbench, type Answer, type ServerUnderTest, type Workbench } from './server-under-test.js';

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
  /** The permissions that a listed key needs; `global` if no key of a project has them. */
  readonly needs: readonly Permission[] | 'global';
  /** Expected of a project that exists, of none, and of one that is open; a route without a project has the first only. */
  readonly existing: Row;
  readonly missing?: Row;
  readonly open?: Row;
}

const GUARDED = '{"storage":{"segment_bytes":8192}}';

interface Expected {
  readonly ok: number;
  readonly body?: string;
}

/** A route for the project's key that succeeds with `ok`. */
function projectRoute(method: string, path: string, { ok, body, needs }: Expected & { readonly needs: readonly Permission[] }): Route {
  return {
    method,
    path,
    needs,
    ...(body === undefined ? {} : { body }),
    existing: [401, 401, 401, 401, 401, ok, 403, ok],
    missing: [401, 401, 401, 401, 401, 401, 403, 404],
    open: [ok, 401, 401, 401, 401, ok, 403, ok],
  };
}

/** A route for the global key that succeeds with `ok`. */
function globalRoute(method: string, path: string, { ok, body }: Expected): Route {
  const existing: Row = [401, 401, 401, 401, 401, 403, 403, ok];
  const missing: Row = [401, 401, 401, 401, 401, 401, 403, 404];
  return {
    method,
    path,
    needs: 'global',
    ...(body === undefined ? {} : { body }),
    existing,
    ...(path.includes('{id}') ? { missing, open: existing } : {}),
  };
}

/** A route about the API keys of a project, or of all of them. On an open project only the global key will do. */
function accessRoutes(base: string): readonly Route[] {
  const key = `${base}/{key_id}`;
  const rows: readonly (readonly [method: string, path: string, ok: number, body?: string])[] = [
    ['GET', base, 200], ['HEAD', base, 200], ['POST', base, 201, '{"name":"made","permissions":["read"],"ttl_seconds":1}'],
    ['GET', key, 200], ['HEAD', key, 200], ['PUT', key, 200, '{"name":"victim"}'], ['POST', `${key}/rotate`, 200], ['DELETE', key, 204],
  ];
  return rows.map(([method, path, ok, body]) => {
    const expected = { ok, ...(body === undefined ? {} : { body }) };
    if (!base.includes('{id}')) return globalRoute(method, path, expected);
    // A change is of a key that may read, so that the caller has to have that permission itself.
    const needs = ['GET', 'HEAD'].includes(method) ? ['admin'] as const : ['admin', 'read'] as const;
    return { ...projectRoute(method, path, { ...expected, needs }), open: [401, 401, 401, 401, 401, 403, 403, ok] };
  });
}

/** The caller's own key: any that is valid. */
function selfRoutes(method: string): readonly Route[] {
  const ofProject = projectRoute(method, `${BASE}/{id}/api-keys/self`, { ok: 200, needs: [] });
  return [
    { ...ofProject, open: [401, 401, 401, 401, 401, 200, 403, 200] },
    { method, path: '/api/v1/api-keys/self', needs: [], existing: [401, 401, 401, 401, 401, 200, 200, 200] },
  ];
}

/** What destroys comes last. */
const ROUTES: readonly Route[] = [
  { ...globalRoute('GET', BASE, { ok: 200 }), needs: ['read'] },
  { ...globalRoute('HEAD', BASE, { ok: 200 }), needs: ['read'] },
  globalRoute('POST', BASE, { ok: 201, body: '{"id":"made"}' }),
  ...['/metrics', '/api/v1/stats'].flatMap((path) => ['GET', 'HEAD'].map((method): Route => (
    { ...globalRoute(method, path, { ok: 200 }), needs: ['metrics'] }
  ))),
  projectRoute('GET', '/api/v1/stats?project={id}', { ok: 200, needs: ['read'] }),
  projectRoute('HEAD', '/api/v1/stats?project={id}', { ok: 200, needs: ['read'] }),
  projectRoute('GET', `${BASE}/{id}`, { ok: 200, needs: ['read'] }),
  projectRoute('HEAD', `${BASE}/{id}`, { ok: 200, needs: ['read'] }),
  {
    ...projectRoute('PUT', `${BASE}/{id}`, { ok: 200, body: '{"storage":{"cache_in_memory":true}}', needs: ['admin'] }),
    open: [401, 401, 401, 401, 401, 200, 403, 200],
  },
  {
    ...projectRoute('PUT', `${BASE}/{id}`, { ok: 200, body: GUARDED, needs: ['admin'] }),
    needs: 'global',
    existing: [401, 401, 401, 401, 401, 403, 403, 200],
    open: [401, 401, 401, 401, 401, 403, 403, 200],
  },
  {
    ...projectRoute('PUT', `${BASE}/{id}`, { ok: 200, body: '{"authentication":{"save_api_key_to_file":false}}', needs: ['admin'] }),
    open: [401, 401, 401, 401, 401, 403, 403, 200],
  },
  projectRoute('GET', `${BASE}/{id}/keys`, { ok: 200, needs: ['read'] }),
  projectRoute('HEAD', `${BASE}/{id}/keys`, { ok: 200, needs: ['read'] }),
  projectRoute('GET', `${BASE}/{id}/keys?count=true`, { ok: 200, needs: ['read'] }),
  projectRoute('POST', `${BASE}/{id}/read`, { ok: 200, body: '{"keys":["k","none"]}', needs: ['read'] }),
  projectRoute('PUT', `${BASE}/{id}/keys/k`, { ok: 200, body: '1', needs: ['write'] }),
  projectRoute('POST', `${BASE}/{id}/keys/k`, { ok: 200, body: '1', needs: ['write'] }),
  projectRoute('GET', `${BASE}/{id}/events`, { ok: 200, needs: ['history'] }),
  projectRoute('HEAD', `${BASE}/{id}/events`, { ok: 200, needs: ['history'] }),
  projectRoute('GET', `${BASE}/{id}/checkpoint`, { ok: 200, needs: ['history'] }),
  projectRoute('HEAD', `${BASE}/{id}/checkpoint`, { ok: 200, needs: ['history'] }),
  // No line has this hash.
  projectRoute('GET', `${BASE}/{id}/receipts?seq=1&hash=${'0'.repeat(64)}`, { ok: 404, needs: ['history'] }),
  projectRoute('HEAD', `${BASE}/{id}/receipts?seq=1&hash=${'0'.repeat(64)}`, { ok: 404, needs: ['history'] }),
  projectRoute('GET', `${BASE}/{id}/keys/k`, { ok: 200, needs: ['read'] }),
  projectRoute('HEAD', `${BASE}/{id}/keys/k`, { ok: 200, needs: ['read'] }),
  projectRoute('DELETE', `${BASE}/{id}/keys?dry_run=true`, { ok: 200, needs: ['read', 'write'] }),
  projectRoute('DELETE', `${BASE}/{id}/keys/k`, { ok: 200, needs: ['write'] }),
  projectRoute('DELETE', `${BASE}/{id}/keys`, { ok: 200, needs: ['write'] }),
  projectRoute('POST', `${BASE}/{id}/batch`, { ok: 200, body: '{"ops":[{"op":"set","key":"k","value":1}]}', needs: ['write'] }),
  projectRoute('POST', `${BASE}/{id}/batch`, {
    ok: 200, body: '{"ops":[{"op":"check","key":"none","if_seq":0}]}', needs: ['read', 'write'],
  }),
  projectRoute('GET', `${BASE}/{id}/limits`, { ok: 200, needs: [] }),
  projectRoute('GET', `${BASE}/{id}/keys?at=1`, { ok: 200, needs: ['history', 'read'] }),
  // There was none.
  projectRoute('GET', `${BASE}/{id}/keys/k?at=1`, { ok: 404, needs: ['history', 'read'] }),
  projectRoute('POST', `${BASE}/{id}/read?at=1`, { ok: 200, body: '{"keys":["k"]}', needs: ['history', 'read'] }),
  projectRoute('GET', `${BASE}/{id}/diff?from=1`, { ok: 200, needs: ['history', 'read'] }),
  projectRoute('POST', `${BASE}/{id}/revert`, { ok: 200, body: '{"to":1,"dry_run":true}', needs: ['history', 'read', 'write'] }),
  ...selfRoutes('GET'),
  ...selfRoutes('HEAD'),
  ...accessRoutes(`${BASE}/{id}/api-keys`),
  ...accessRoutes('/api/v1/api-keys'),
  globalRoute('POST', `${BASE}/{id}/api-key/regenerate`, { ok: 200 }),
  globalRoute('POST', `${BASE}/{id}/compact`, { ok: 200 }),
  // The first line has no value.
  globalRoute('POST', `${BASE}/{id}/redact`, { ok: 200, body: '{"seqs":[1],"reason":"r"}' }),
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

  /** A listed key that a request may change, rotate or remove; the id of none in a project that does not exist. */
  async victim(path: string): Promise<string> {
    if (path.includes('/nothing/') || path.includes('/omega/')) return '0'.repeat(16);
    const list = path.slice(0, path.indexOf('/{key_id}'));
    const { api_keys: keys } = (await this.ask('GET', list)) as { api_keys: { id: string; name: string; state: string }[] };
    const found = keys.find(({ name, state }) => name === 'victim' && state === 'active');
    return found?.id ?? String((await this.ask('POST', list, '{"name":"victim","permissions":["read"]}'))['id']);
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

  async send(route: Route, id: string, headers: Readonly<Record<string, string>>): Promise<Answer> {
    const sent = route.body === undefined ? { headers } : { headers, body: route.body };
    const path = route.path.replace('{id}', id);
    const target = path.includes('{key_id}') ? path.replace('{key_id}', await this.victim(path)) : path;
    return await this.server.send(route.method, target, sent);
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

/** A listed key, and what it is good for. */
interface ListedCaller {
  readonly name: string;
  readonly key: string;
  /** Null: it is refused wherever an API key is needed. */
  readonly permissions: readonly Permission[] | null;
  readonly isGlobal: boolean;
}

/** Makes a listed key of each kind. */
async function listedCallers(world: World): Promise<readonly ListedCaller[]> {
  const of = `${BASE}/alpha/api-keys`;
  const make = async (list: string, permissions: readonly Permission[], more: object = {}): Promise<Record<string, unknown>> => (
    world.ask('POST', list, JSON.stringify({ name: 'caller', permissions, ...more }))
  );
  const callers: ListedCaller[] = [];
  const add = (name: string, key: unknown, permissions: ListedCaller['permissions'], isGlobal = false): void => {
    callers.push({ name, key: String(key), permissions, isGlobal });
  };
  for (const permission of ['read', 'write', 'history', 'admin', 'all'] as const) {
    add(permission, (await make(of, [permission]))['api_key'], [permission]);
  }
  add('read and write', (await make(of, ['read', 'write']))['api_key'], ['read', 'write']);
  add('auditor of all', (await make('/api/v1/api-keys', ['read', 'history']))['api_key'], ['read', 'history'], true);
  add('metrics of all', (await make('/api/v1/api-keys', ['metrics']))['api_key'], ['metrics'], true);
  add('all of all', (await make('/api/v1/api-keys', ['all']))['api_key'], ['all'], true);
  add('not yet', (await make(of, ['all'], { not_before: '2999-01-01T00:00:00Z' }))['api_key'], null);
  const [expiring, removed, rotated, overlapping] = [
    await make(of, ['all'], { ttl_seconds: 1 }), await make(of, ['all']), await make(of, ['all']), await make(of, ['read', 'admin']),
  ];
  await world.ask('DELETE', `${of}/${String(removed['id'])}`);
  await world.ask('POST', `${of}/${String(rotated['id'])}/rotate`);
  await world.ask('POST', `${of}/${String(overlapping['id'])}/rotate`, '{"overlap_seconds":3600}');
  await until('the key to expire', async () => (
    ((await world.ask('GET', `${of}/${String(expiring['id'])}`))['state'] === 'expired' ? true : undefined)
  ));
  add('expired', expiring['api_key'], null);
  add('removed', removed['api_key'], null);
  add('rotated', rotated['api_key'], null);
  add('rotated with an overlap', overlapping['api_key'], ['read', 'admin']);
  return callers;
}

function expectedOf({ needs, path, existing }: Route, { permissions, isGlobal }: ListedCaller): number {
  const ok = existing[CALLERS.indexOf('global')] ?? 0;
  if (permissions === null) return 401;
  const has = permissions.includes('all') || (needs !== 'global' && needs.every((permission) => permissions.includes(permission)));
  if (isGlobal) return has ? ok : 403;
  const isForProjects = path.includes('{id}') || path.endsWith('/self');
  return has && needs !== 'global' && isForProjects ? ok : 403;
}

test(
  'every route answers a listed key by its permissions, and not before, after and without its time',
  () =>
    withWorkbench(async (bench) => {
      const world = await startWorld(bench);
      // The others destroy the project or its key.
      const routes = ROUTES.filter(({ method, path }) => !(method === 'DELETE' && path === `${BASE}/{id}`));
      const callers = await listedCallers(world);
      for (const route of routes) {
        for (const caller of callers) {
          if (route.method === 'DELETE' || route.path === BASE) await world.prepare();
          const answer = await world.send(route, 'alpha', { Authorization: `Bearer ${caller.key}` });
          const expected = expectedOf(route, caller);
          assert.equal(answer.status, expected, `${route.method} ${route.path} ${route.body ?? ''} by ${caller.name}: ${answer.text}`);
          const isExpired = caller.name === 'expired' || caller.name === 'rotated';
          if (route.method !== 'HEAD' && isExpired) assert.equal(problemOf(answer)['reason'], 'expired');
          const isEnding = caller.name === 'rotated with an overlap';
          assert.equal(answer.headers['simplekv-key-expires-at'] !== undefined, isEnding, `${route.path} by ${caller.name}`);
          const other = await world.send(route, 'beta', { Authorization: `Bearer ${caller.key}` });
          const onOther = caller.permissions === null ? 401 : 403;
          if (route.path.includes('{id}') && !caller.isGlobal) assert.equal(other.status, onOther, caller.name);
        }
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
    await world.victim(`${BASE}/alpha/api-keys/{key_id}`);
    await world.victim('/api/v1/api-keys/{key_id}');
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
