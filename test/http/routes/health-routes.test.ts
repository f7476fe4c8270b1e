import assert from 'node:assert/strict';
import { suite } from '../../suite.js';
import { problemOf, withServer } from '../test-server.js';

const test = suite('health-routes');

function parse(text: string): Record<string, unknown> {
  return JSON.parse(text) as Record<string, unknown>;
}

test('/livez answers in every phase, with GET and HEAD, without an API key', () =>
  withServer(async (server) => {
    for (const state of ['starting', 'serving', 'stopping'] as const) {
      server.state = state;
      assert.deepEqual(parse((await server.send('GET', '/livez', { key: null })).text), { status: 'live' });
      assert.equal((await server.send('HEAD', '/livez', { key: null })).status, 200);
    }
  }));

test('/readyz returns the phase of the server and when to retry', () =>
  withServer(async (server) => {
    assert.deepEqual(parse((await server.send('GET', '/readyz', { key: null })).text), { status: 'ready' });
    server.projects.startFacts = { started: 3, refused: 1, total: 40 };
    for (const state of ['starting', 'stopping'] as const) {
      server.state = state;
      const answer = await server.send('GET', '/readyz', { key: null });
      assert.equal(answer.status, 503);
      assert.equal(answer.headers['retry-after'], '1');
      const progress = state === 'starting' ? { code: 'starting', projects_started: 3, projects_refused: 1, projects_total: 40 } : {};
      assert.deepEqual(parse(answer.text), { status: state, ...progress });
    }
    server.state = 'serving';
    server.projects.ready = false;
    assert.equal((await server.send('HEAD', '/readyz', { key: null })).status, 503);
    assert.deepEqual(parse((await server.send('GET', '/readyz', { key: null })).text), { status: 'not_ready' });
  }));

test('/readyz?verbose names projects only to the global API key', () =>
  withServer(async (server) => {
    server.projects.setState('beta', 'log_failed');
    const report = { status: 'ready', checks: server.projects.readiness().checks, degraded_count: 1 };
    assert.deepEqual(parse((await server.send('GET', '/readyz?verbose')).text), {
      ...report,
      degraded: [{ id: 'beta', state: 'log_failed' }],
    });
    for (const key of [null, server.alphaKey, server.betaKey]) {
      for (const target of ['/readyz?verbose', '/readyz?verbose=']) {
        assert.deepEqual(parse((await server.send('GET', target, { key })).text), report);
      }
    }
    assert.equal((await server.send('GET', '/readyz?verbose', { key: 'wrong' })).status, 401);
  }));

test('the probes refuse every other parameter', () =>
  withServer(async (server) => {
    for (const path of [
      '/livez?verbose',
      '/livez?x=1',
      '/readyz?verbose=1',
      '/readyz?verbose&verbose',
      '/readyz?Verbose',
      '/readyz?verbose&x=1',
    ]) {
      assert.equal(problemOf(await server.send('GET', path, { key: null }))['code'], 'invalid_query', path);
    }
  }));

test.run();
