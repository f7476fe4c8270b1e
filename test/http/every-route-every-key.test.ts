import assert from 'node:assert/strict';
import type { Action } from '../../src/api/actions.js';
import { type Permission, PERMISSIONS } from '../../src/api/permissions.js';
import { generateApiKey } from '../../src/auth/api-key.js';
import { authorize } from '../../src/auth/authorize.js';
import { hashGenerated } from '../../src/auth/key-hash.js';
import type { KeyOfList } from '../../src/auth/keyring.js';
import type { Principal } from '../../src/auth/principal.js';
import { globalPrincipal, projectPrincipal } from '../auth/principals.js';
import { suite } from '../suite.js';
import { FAKE_KEY_ID } from './fake-api-keys.js';
import { problemOf, withServer, type TestServer } from './test-server.js';

const test = suite('every-route-every-key');

interface RouteCase {
  readonly method: string;
  /** `{id}` stands for the project, `{hash}` for the hash of its first line. */
  readonly path: string;
  readonly action: Action;
  readonly body?: string;
}

const HOUR_MS = 3_600_000;
/** Thousands of requests, each of them fast. */
const WALK_TIMEOUT_MS = 180_000;
const UPDATE = '{"storage":{"cache_in_memory":false}}';
const ROUTES: readonly RouteCase[] = [
  { method: 'GET', path: '/api/v1/projects', action: 'projects.list' },
  { method: 'HEAD', path: '/api/v1/projects', action: 'projects.list' },
  { method: 'POST', path: '/api/v1/projects', action: 'projects.create', body: '{"id":"made"}' },
  { method: 'GET', path: '/metrics', action: 'server.metrics' },
  { method: 'HEAD', path: '/metrics', action: 'server.metrics' },
  { method: 'GET', path: '/api/v1/stats', action: 'server.stats' },
  { method: 'GET', path: '/api/v1/stats?window=60&project={id}', action: 'project.stats' },
  { method: 'HEAD', path: '/api/v1/stats?project={id}', action: 'project.stats' },
  { method: 'GET', path: '/api/v1/projects/{id}', action: 'project.read' },
  { method: 'HEAD', path: '/api/v1/projects/{id}', action: 'project.read' },
  { method: 'GET', path: '/api/v1/projects/{id}/limits', action: 'project.limits' },
  { method: 'HEAD', path: '/api/v1/projects/{id}/limits', action: 'project.limits' },
  { method: 'PUT', path: '/api/v1/projects/{id}', action: 'project.update', body: UPDATE },
  { method: 'PUT', path: '/api/v1/projects/{id}', action: 'project.update_guarded', body: '{"quota":{"max_keys":9}}' },
  { method: 'PUT', path: '/api/v1/projects/{id}', action: 'project.update_guarded', body: '{"storage":{"durability":"os"}}' },
  { method: 'POST', path: '/api/v1/projects/{id}/api-key/regenerate', action: 'project.regenerate_key' },
  { method: 'PUT', path: '/api/v1/projects/{id}', action: 'project.update_guarded', body: '{"storage":{"retention":{"max_bytes":0}}}' },
  { method: 'POST', path: '/api/v1/projects/{id}/compact', action: 'project.compact' },
  { method: 'GET', path: '/api/v1/projects/{id}/backup', action: 'project.backup' },
  { method: 'HEAD', path: '/api/v1/projects/{id}/backup', action: 'project.backup' },
  { method: 'GET', path: '/api/v1/backup', action: 'server.backup' },
  { method: 'POST', path: '/api/v1/reload', action: 'server.reload' },
  { method: 'GET', path: '/api/v1/projects/{id}/keys', action: 'keys.read' },
  { method: 'HEAD', path: '/api/v1/projects/{id}/keys', action: 'keys.read' },
  { method: 'POST', path: '/api/v1/projects/{id}/read', action: 'keys.read', body: '{"keys":["k","none"]}' },
  { method: 'GET', path: '/api/v1/projects/{id}/keys?at=0', action: 'keys.read_past' },
  { method: 'POST', path: '/api/v1/projects/{id}/read?at=0', action: 'keys.read_past', body: '{"keys":["k"]}' },
  { method: 'GET', path: '/api/v1/projects/{id}/diff?from=0&to=0', action: 'keys.diff' },
  { method: 'HEAD', path: '/api/v1/projects/{id}/diff?from=0&to=0', action: 'keys.diff' },
  { method: 'POST', path: '/api/v1/projects/{id}/revert', action: 'keys.revert', body: '{"to":0,"if_seq":0}' },
  { method: 'GET', path: '/api/v1/projects/{id}/events', action: 'events.read' },
  { method: 'HEAD', path: '/api/v1/projects/{id}/events', action: 'events.read' },
  { method: 'GET', path: '/api/v1/projects/{id}/checkpoint', action: 'events.read' },
  { method: 'HEAD', path: '/api/v1/projects/{id}/checkpoint', action: 'events.read' },
  { method: 'GET', path: '/api/v1/projects/{id}/receipts?seq=1&hash={hash}', action: 'events.read' },
  { method: 'HEAD', path: '/api/v1/projects/{id}/receipts?seq=1&hash={hash}', action: 'events.read' },
  { method: 'GET', path: '/api/v1/projects/{id}/keys/k', action: 'keys.read' },
  { method: 'HEAD', path: '/api/v1/projects/{id}/keys/k', action: 'keys.read' },
  { method: 'PUT', path: '/api/v1/projects/{id}/keys/k', action: 'keys.write', body: '1' },
  { method: 'POST', path: '/api/v1/projects/{id}/keys/k', action: 'keys.write', body: '1' },
  { method: 'DELETE', path: '/api/v1/projects/{id}/keys/k', action: 'keys.write' },
  { method: 'DELETE', path: '/api/v1/projects/{id}/keys', action: 'keys.write' },
  { method: 'POST', path: '/api/v1/projects/{id}/batch', action: 'keys.write', body: '{"ops":[{"op":"set","key":"k","value":1}]}' },
  { method: 'POST', path: '/api/v1/projects/{id}/batch', action: 'keys.write_seen', body: '{"ops":[{"op":"check","key":"k","if_seq":2}]}' },
  { method: 'DELETE', path: '/api/v1/projects/{id}/keys?dry_run=true', action: 'keys.write_seen' },
  { method: 'DELETE', path: '/api/v1/projects/{id}/keys?expect_count=1', action: 'keys.write_seen' },
  ...['/api/v1/projects/{id}/api-keys', '/api/v1/api-keys'].flatMap((path): readonly RouteCase[] => {
    const kind = path.includes('{id}') ? 'access' : 'server_access';
    const key = `${path}/${FAKE_KEY_ID}`;
    return [
      { method: 'GET', path: `${path}/self`, action: `${kind}.self` },
      { method: 'HEAD', path: `${path}/self`, action: `${kind}.self` },
      { method: 'GET', path, action: `${kind}.manage` },
      { method: 'HEAD', path, action: `${kind}.manage` },
      { method: 'POST', path, action: `${kind}.manage`, body: '{"name":"a","permissions":["read"]}' },
      { method: 'GET', path: key, action: `${kind}.manage` },
      { method: 'PUT', path: key, action: `${kind}.manage`, body: '{"name":"b"}' },
      { method: 'POST', path: `${key}/rotate`, action: `${kind}.manage` },
      { method: 'DELETE', path: key, action: `${kind}.manage` },
    ];
  }),
  { method: 'PUT', path: '/api/v1/projects/{id}', action: 'project.open', body: '{"authentication":{"enabled":false}}' },
  { method: 'DELETE', path: '/api/v1/projects/{id}', action: 'project.delete' },
];

interface Caller {
  readonly name: string;
  readonly key: string | null;
  /** Null: an unknown API key. */
  readonly principal: Principal | null;
}

function callersOf(server: TestServer): readonly Caller[] {
  return [
    { name: 'anonymous', key: null, principal: { kind: 'anonymous' } },
    { name: 'global', key: server.globalKey, principal: globalPrincipal() },
    { name: 'alpha', key: server.alphaKey, principal: projectPrincipal('alpha') },
    { name: 'beta', key: server.betaKey, principal: projectPrincipal('beta') },
    { name: 'unknown', key: generateApiKey('project'), principal: null },
    { name: 'rubbish', key: 'rubbish', principal: null },
    ...listedCallersOf(server),
  ];
}

/** Holders of one permission each, for `alpha` and for all projects; and keys that are listed, but do not work. */
function listedCallersOf({ keyring }: TestServer): readonly Caller[] {
  const nowMs = Date.now();
  const make = (permissions: readonly Permission[], window: KeyOfList['window'] = null): [string, KeyOfList] => {
    const key = generateApiKey('listed');
    return [key, { hash: hashGenerated(key), permissions, window }];
  };
  const ofAlpha = PERMISSIONS.filter((permission) => permission !== 'metrics').map((permission) => make([permission]));
  const ofAll = PERMISSIONS.map((permission) => make([permission]));
  const notYet = make(['all'], { notBeforeMs: nowMs + HOUR_MS, expiresAtMs: Infinity, isReplaced: false });
  const expired = make(['all'], { notBeforeMs: -Infinity, expiresAtMs: nowMs - HOUR_MS, isReplaced: false });
  const removed = make(['all']);
  keyring.setListed({ kind: 'project', project: 'alpha' }, [...ofAlpha, notYet, expired].map(([, listed]) => listed));
  keyring.setListed({ kind: 'global' }, ofAll.map(([, listed]) => listed));
  return [
    ...ofAlpha.map(([key, { permissions }]) => (
      { name: `alpha ${permissions[0]}`, key, principal: projectPrincipal('alpha', permissions) }
    )),
    ...ofAll.map(([key, { permissions }]) => ({ name: `global ${permissions[0]}`, key, principal: globalPrincipal(permissions) })),
    { name: 'not yet', key: notYet[0], principal: null },
    { name: 'expired', key: expired[0], principal: null },
    { name: 'removed', key: removed[0], principal: null },
  ];
}

/** The action that a request is authorized for before what it asks for is known. */
const FIRST_ACTIONS: Readonly<Partial<Record<Action, Action>>> = {
  'project.update_guarded': 'project.update', 'project.open': 'project.update', 'keys.write_seen': 'keys.write',
};
/** On the open project, any change of authentication needs the global key. */
function actionOn(action: Action, isOpen: boolean): Action {
  return action === 'project.open' && isOpen ? 'project.update_guarded' : action;
}

function prepare({ projects }: TestServer): void {
  projects.remove('made');
  projects.apiKeys.reset();
  for (const id of ['alpha', 'beta']) projects.add(id);
  projects.add('open', { authentication: { enabled: false } });
  const entry = { value: '1', seq: 2, tag: 0, timeMs: 0, expiresAtMs: null };
  for (const id of ['alpha', 'beta', 'open']) projects.fakeStore(id).values.entries.set('k', entry);
}

function targetOf({ projects }: TestServer, path: string, id: string): string {
  const hash = id === 'alpha' || id === 'open' ? projects.fakeStore(id).feed.end.hash : '0'.repeat(64);
  return path.replace('{id}', id).replace('{hash}', hash);
}

async function walk(globalOpen: boolean): Promise<void> {
  await withServer(
    async (server) => {
      const callers = callersOf(server);
      for (const route of ROUTES) {
        for (const id of route.path.includes('{id}') ? ['alpha', 'open', 'none', 'UPPER'] : ['']) {
          for (const caller of callers) {
            prepare(server);
            const project = id === '' ? null : id;
            const action = actionOn(route.action, server.projects.isOpen(id));
            const scopes = { globalOpen, isProjectOpen: (name: string) => server.projects.isOpen(name) };
            const ask = (asked: Action): string =>
              caller.principal === null ? 'unauthorized' : authorize({ principal: caller.principal, action: asked, project }, scopes);
            // It is authorized itself only for an existing project.
            const first = ask(FIRST_ACTIONS[action] ?? action);
            const exists = id === '' || id === 'alpha' || id === 'open';
            const decision = first === 'allow' && exists ? ask(action) : first;
            const name = `${route.method} ${route.path} of "${id}" by ${caller.name}, ${globalOpen ? 'open' : 'closed'}`;
            const answer = await server.send(route.method, targetOf(server, route.path, id), {
              key: caller.key,
              ...(route.body === undefined ? {} : { body: route.body }),
            });
            assert.ok(answer.status < 500, `${name}: ${answer.status}`);
            const expected = decision === 'allow' ? 'allow' : decision === 'forbidden' ? 403 : 401;
            const actual = answer.status === 401 || answer.status === 403 ? answer.status : 'allow';
            assert.equal(actual, expected, name);
            if (decision === 'allow') assert.equal(answer.status < 300, exists, `${name}: ${answer.status}`);
          }
        }
      }
    },
    { globalOpen, failuresPerMinute: 100_000 },
  );
}

test('every route with every kind of API key follows authorize()', () => walk(false), { timeoutMs: WALK_TIMEOUT_MS });

test('every route with every kind of API key follows authorize() while the global scope is open', () => walk(true), {
  timeoutMs: WALK_TIMEOUT_MS,
});

test('a refusal names the global API key only where that says nothing about another project', () =>
  withServer(async (server) => {
    prepare(server);
    const body = '{"storage":{"durability":"os"}}';
    const textOf = async (method: string, path: string): Promise<unknown> => (
      problemOf(await server.send(method, path, { key: server.alphaKey, body }))['detail']
    );
    const asked = [
      ['PUT', '/projects/alpha', 'key'], ['DELETE', '/projects/alpha', 'key'], ['GET', '/backup', 'key'],
      ['GET', '/projects', 'key, or one for all projects with the permission "read"'],
      ['GET', '/stats', 'key, or one for all projects with the permission "metrics"'],
    ] as const;
    for (const [method, path, needed] of asked) {
      const text = `Cannot do this with the API key of a project: it needs the global API ${needed}`;
      assert.equal(await textOf(method, `/api/v1${path}`), text, path);
    }
    const others = ['beta', 'open', 'none'].flatMap((id) => ['PUT', 'DELETE'].map((method) => textOf(method, `/api/v1/projects/${id}`)));
    assert.deepEqual([...new Set(await Promise.all(others))], ['This API key does not grant access to this resource']);
  }));

test('a refused caller changes nothing', () =>
  withServer(async (server) => {
    prepare(server);
    for (const route of ROUTES) {
      for (const key of [null, server.betaKey, 'wrong']) {
        await server.send(route.method, targetOf(server, route.path, 'alpha'), {
          key,
          ...(route.body === undefined ? {} : { body: route.body }),
        });
      }
    }
    assert.equal(server.projects.lastChange, undefined);
    assert.deepEqual(server.projects.fakeStore('alpha').submitted, []);
  }));

test('no route on an open scope accepts a change from a page of another site without an API key', () =>
  withServer(
    async (server) => {
      for (const headers of [{ Origin: 'http://evil.example' }, { Origin: 'null' }, { 'Sec-Fetch-Site': 'cross-site' }]) {
        // What is about an API key needs one.
        for (const { method, path, body, action } of ROUTES.filter((route) => !route.action.endsWith('.self'))) {
          prepare(server);
          const name = `${method} ${path} with ${JSON.stringify(headers)}`;
          const sent = { headers, ...(body === undefined ? {} : { body }) };
          const target = targetOf(server, path, 'open');
          const isSafe = method === 'GET' || method === 'HEAD' || action.startsWith('keys.read');
          const answer = await server.send(method, target, { ...sent, key: null });
          assert.equal(answer.status, isSafe ? 200 : 403, name);
          if (!isSafe) assert.equal(problemOf(answer)['code'], 'cross_site_request', name);
        }
      }
      assert.equal(server.projects.lastChange, undefined);
      assert.deepEqual(server.projects.fakeStore('open').submitted, []);
    },
    { globalOpen: true },
  ));

test.run();
