import assert from 'node:assert/strict';
import type { Action } from '../../src/api/actions.js';
import { authorize } from '../../src/auth/authorize.js';
import { generateApiKey } from '../../src/auth/api-key.js';
import type { Principal } from '../../src/auth/principal.js';
import { suite } from '../suite.js';
import { problemOf, withServer, type TestServer } from './test-server.js';

const test = suite('every-route-every-key');

interface RouteCase {
  readonly method: string;
  /** `{id}` stands for the project, `{hash}` for the hash of its first line. */
  readonly path: string;
  readonly action: Action;
  readonly body?: string;
}

const UPDATE = '{"storage":{"cache_in_memory":false}}';
const ROUTES: readonly RouteCase[] = [
  { method: 'GET', path: '/api/v1/projects', action: 'projects.list' },
  { method: 'HEAD', path: '/api/v1/projects', action: 'projects.list' },
  { method: 'POST', path: '/api/v1/projects', action: 'projects.create', body: '{"id":"made"}' },
  { method: 'GET', path: '/api/v1/projects/{id}', action: 'project.read' },
  { method: 'HEAD', path: '/api/v1/projects/{id}', action: 'project.read' },
  { method: 'PUT', path: '/api/v1/projects/{id}', action: 'project.update', body: UPDATE },
  { method: 'PUT', path: '/api/v1/projects/{id}', action: 'project.update_guarded', body: '{"storage":{"durability":"os"}}' },
  { method: 'POST', path: '/api/v1/projects/{id}/api-key/regenerate', action: 'project.regenerate_key' },
  { method: 'PUT', path: '/api/v1/projects/{id}', action: 'project.update_guarded', body: '{"storage":{"retention":{"max_bytes":0}}}' },
  { method: 'POST', path: '/api/v1/projects/{id}/compact', action: 'project.compact' },
  { method: 'GET', path: '/api/v1/projects/{id}/backup', action: 'project.backup' },
  { method: 'HEAD', path: '/api/v1/projects/{id}/backup', action: 'project.backup' },
  { method: 'GET', path: '/api/v1/backup', action: 'server.backup' },
  { method: 'GET', path: '/api/v1/projects/{id}/keys', action: 'keys.read' },
  { method: 'HEAD', path: '/api/v1/projects/{id}/keys', action: 'keys.read' },
  { method: 'POST', path: '/api/v1/projects/{id}/read', action: 'keys.read', body: '{"keys":["k","none"]}' },
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
  { method: 'DELETE', path: '/api/v1/projects/{id}', action: 'project.delete' },
];

interface Caller {
  readonly name: string;
  readonly key: string | null;
  /** Null: an unknown API key. */
  readonly principal: Principal | null;
}

function callersOf(server: TestServer): readonly Caller[] {
  const keyId = '0'.repeat(16);
  return [
    { name: 'anonymous', key: null, principal: { kind: 'anonymous' } },
    { name: 'global', key: server.globalKey, principal: { kind: 'global', keyId } },
    { name: 'alpha', key: server.alphaKey, principal: { kind: 'project', project: 'alpha', keyId } },
    { name: 'beta', key: server.betaKey, principal: { kind: 'project', project: 'beta', keyId } },
    { name: 'unknown', key: generateApiKey('project'), principal: null },
    { name: 'rubbish', key: 'rubbish', principal: null },
  ];
}

function prepare({ projects }: TestServer): void {
  projects.remove('made');
  for (const id of ['alpha', 'beta']) projects.add(id);
  projects.add('open', { authentication: { enabled: false } });
  for (const id of ['alpha', 'beta', 'open']) projects.fakeStore(id).values.entries.set('k', { value: '1', seq: 2, tag: 0, timeMs: 0 });
}

function targetOf({ projects }: TestServer, path: string, id: string): string {
  const hash = id === 'alpha' || id === 'open' ? projects.fakeStore(id).feed.end.hash : '0'.repeat(64);
  return path.replace('{id}', id).replace('{hash}', hash);
}

async function walk(globalOpen: boolean): Promise<void> {
  await withServer(
    async (server) => {
      for (const route of ROUTES) {
        for (const id of route.path.includes('{id}') ? ['alpha', 'open', 'none', 'UPPER'] : ['']) {
          for (const caller of callersOf(server)) {
            prepare(server);
            const project = id === '' ? null : id;
            const { action } = route;
            const scopes = { globalOpen, isProjectOpen: (name: string) => server.projects.isOpen(name) };
            const ask = (asked: Action): string =>
              caller.principal === null ? 'unauthorized' : authorize({ principal: caller.principal, action: asked, project }, scopes);
            // A guarded update is an update first: it is authorized itself only for an existing project.
            const first = action === 'project.update_guarded' ? ask('project.update') : ask(action);
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

test('every route with every kind of API key follows authorize()', () => walk(false));

test('every route with every kind of API key follows authorize() while the global scope is open', () => walk(true));

test('a refusal names the global API key only where that says nothing about another project', () =>
  withServer(async (server) => {
    prepare(server);
    const body = '{"storage":{"durability":"os"}}';
    const textOf = async (method: string, path: string): Promise<unknown> => (
      problemOf(await server.send(method, path, { key: server.alphaKey, body }))['detail']
    );
    const asked = [['PUT', '/projects/alpha'], ['DELETE', '/projects/alpha'], ['GET', '/projects'], ['GET', '/backup']] as const;
    for (const [method, path] of asked) {
      assert.match(String(await textOf(method, `/api/v1${path}`)), /needs the global API key$/, path);
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
        for (const { method, path, body, action } of ROUTES) {
          prepare(server);
          const name = `${method} ${path} with ${JSON.stringify(headers)}`;
          const sent = { headers, ...(body === undefined ? {} : { body }) };
          const target = targetOf(server, path, 'open');
          const isSafe = method === 'GET' || method === 'HEAD' || action === 'keys.read';
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
