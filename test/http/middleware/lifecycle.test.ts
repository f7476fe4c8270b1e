import assert from 'node:assert/strict';
import { suite } from '../../suite.js';
import { problemOf, withServer } from '../test-server.js';

const test = suite('lifecycle');

test('everything but the probes is 503 while starting and stopping, before routes and credentials', () =>
  withServer(async (server) => {
    for (const [state, code] of [
      ['starting', 'starting'],
      ['stopping', 'shutting_down'],
    ] as const) {
      server.state = state;
      for (const [method, path] of [
        ['GET', '/api/v1/projects'],
        ['GET', '/nowhere'],
        ['PATCH', '/livez/'],
        ['OPTIONS', '/api/v1/projects'],
        ['PUT', '/api/v1/projects/alpha/keys/k'],
      ] as const) {
        const answer = await server.send(method, path, { key: null });
        assert.equal(answer.status, 503);
        assert.equal(problemOf(answer)['code'], code);
        assert.ok(Number(answer.headers['retry-after']) > 0);
      }
      assert.equal((await server.send('GET', '/livez?x=%')).status, 400);
    }
  }));

test('checks come in their order: a request with every fault gets the first, then the next', () =>
  withServer(async (server) => {
    const body = '{';
    const bad = { 'If-Match': 'x', 'Content-Type': 'text/plain' };
    const steps: readonly (readonly [string, string, Record<string, string>, string | null, string])[] = [
      ['PUT', '/api/v1/projects/UP/keys/%00?x=%', bad, null, 'invalid_query'],
      ['PUT', '/api/v1/projects/UP/keyz/%00?x=1', bad, null, 'not_found'],
      ['PATCH', '/api/v1/projects/UP/keys/%00?x=1', bad, null, 'method_not_allowed'],
      ['PUT', '/api/v1/projects/UP/keys/%00?x=1', bad, null, 'unauthorized'],
      ['PUT', '/api/v1/projects/UP/keys/%00?x=1', bad, server.alphaKey, 'forbidden'],
      ['PUT', '/api/v1/projects/UP/keys/%00?x=1', bad, server.globalKey, 'invalid_project_id'],
      ['PUT', '/api/v1/projects/none/keys/%00?x=1', bad, server.globalKey, 'invalid_key'],
      ['PUT', '/api/v1/projects/none/keys/k?x=1', bad, server.globalKey, 'invalid_query'],
      ['PUT', '/api/v1/projects/none/keys/k', bad, server.globalKey, 'project_not_found'],
      ['PUT', '/api/v1/projects/alpha/keys/k', bad, server.globalKey, 'invalid_precondition'],
      ['PUT', '/api/v1/projects/alpha/keys/k', { 'Content-Type': 'text/plain' }, server.globalKey, 'unsupported_media_type'],
      ['PUT', '/api/v1/projects/alpha/keys/k', { 'If-Match': '*' }, server.globalKey, 'invalid_json'],
    ];
    for (const [method, path, headers, key, code] of steps) {
      assert.equal(problemOf(await server.send(method, path, { headers, key, body }))['code'], code, `${method} ${path}`);
    }
  }));

test.run();
