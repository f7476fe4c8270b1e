import assert from 'node:assert/strict';
import { parseExposition } from '../../metrics/prometheus-text.js';
import { suite } from '../../suite.js';
import { problemOf, withServer } from '../test-server.js';

const test = suite('stats-routes');

test('metrics are plain text that nothing caches, and HEAD has no body', () =>
  withServer(async (server) => {
    await server.send('GET', '/api/v1/projects/alpha/keys/none', { key: server.alphaKey });
    const { status, headers, text } = await server.send('GET', '/metrics');
    assert.equal(status, 200);
    assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    assert.equal(headers['cache-control'], 'no-store');
    const { samples = [] } = parseExposition(text).get('simplekv_http_requests_total') ?? {};
    assert.deepEqual(samples.map(({ labels, value }) => [labels, value]), [
      [{ route: '/api/v1/projects/{id}/keys/{key}', method: 'GET', status: '4xx' }, 1],
    ]);
    const head = await server.send('HEAD', '/metrics');
    assert.deepEqual([head.status, head.text, head.headers['content-type']], [200, '', headers['content-type']]);
  }));

test('no metric has a key, an API key, an address or what a client made up', () =>
  withServer(async (server) => {
    const secrets = ['secret-key', 'secret-query', 'secret-project', 'secret-id', 'skv_p_secret', 'SECRETMETHOD'];
    await server.send('PUT', '/api/v1/projects/alpha/keys/secret-key', { body: '1' });
    await server.send('GET', '/api/v1/projects/alpha/keys?secret-query=1');
    await server.send('GET', '/api/v1/projects/secret-project/keys');
    await server.send('GET', '/secret-id/metrics', { headers: { 'X-Request-Id': 'secret-id' } });
    await server.send('GET', '/api/v1/projects', { key: 'skv_p_secret' });
    await server.send('SEARCH', '/api/v1/projects');
    const { text } = await server.send('GET', '/metrics');
    for (const secret of [...secrets, server.globalKey, '127.0.0.1', 'SEARCH']) assert.ok(!text.includes(secret), secret);
    assert.match(text, /simplekv_failed_keys_total\{reason="unknown"\} 1\n/);
    assert.match(text, /simplekv_http_requests_total\{route="_none",method="other",status="4xx"\} 1\n/);
  }));

test('with metrics switched off, the path is that of no route; a caller without an API key learns nothing of it', () =>
  withServer(async (server) => {
    const answer = await server.send('GET', '/metrics');
    assert.deepEqual([answer.status, problemOf(answer)['code']], [404, 'not_found']);
    assert.equal((await server.send('GET', '/metrics', { key: null })).status, 401);
    assert.equal((await server.send('GET', '/api/v1/stats')).status, 200);
  }, { http: { metricsEnabled: false } }));

test('the history has a value for each step of its window, an hour by default', () =>
  withServer(async (server) => {
    for (const [query, steps] of [['', 720], ['?window=3600', 720], ['?window=60', 12], ['?window=1', 1], ['?window=6', 2]] as const) {
      const { step_seconds, series } = JSON.parse((await server.send('GET', `/api/v1/stats${query}`)).text) as {
        step_seconds: number; series: Record<string, unknown[]>;
      };
      assert.equal(step_seconds, 5);
      for (const [name, values] of Object.entries(series)) assert.equal(values.length, steps, `${query} ${name}`);
      assert.ok('sync_p99_seconds' in series && 'requests' in series);
    }
  }));

test('the history of a project needs no more than to read it, and has nothing of the server', () =>
  withServer(async (server) => {
    const { text } = await server.send('GET', '/api/v1/stats?project=alpha&window=5', { key: server.alphaKey });
    assert.deepEqual(Object.keys((JSON.parse(text) as { series: object }).series), [
      'requests', 'writes', 'problems_4xx', 'problems_5xx', 'keys', 'value_bytes', 'queue_commands',
    ]);
    assert.equal((await server.send('GET', '/api/v1/stats', { key: server.alphaKey })).status, 403);
    assert.equal((await server.send('GET', '/api/v1/stats?project=beta', { key: server.alphaKey })).status, 403);
    assert.equal((await server.send('GET', '/api/v1/stats?project=none', { key: server.alphaKey })).status, 403);
    const missing = await server.send('GET', '/api/v1/stats?project=none');
    assert.deepEqual([missing.status, problemOf(missing)['code']], [404, 'project_not_found']);
    const line = await server.lineOf(String((await server.send('GET', '/api/v1/stats?project=alpha')).headers['x-request-id']));
    assert.equal(line['project'], 'alpha');
  }));

test('a bug in the measuring is answered 500, and one in the middle of the metrics cuts them off', () =>
  withServer(async (server) => {
    const planted = new Error('planted');
    Object.assign(server.metrics, {
      history: () => {
        throw planted;
      },
      exposition: () => failing([]),
    });
    for (const path of ['/metrics', '/api/v1/stats']) {
      const answer = await server.send('GET', path);
      assert.deepEqual([answer.status, problemOf(answer)['code']], [500, 'internal_error'], path);
    }
    Object.assign(server.metrics, { exposition: () => failing([Buffer.from('# HELP a A\n')]) });
    await assert.rejects(server.send('GET', '/metrics'));
    assert.equal((await server.send('GET', '/livez')).status, 200);

    async function* failing(pieces: readonly Buffer[]): AsyncGenerator<Buffer> {
      for (const piece of pieces) yield await Promise.resolve(piece);
      throw planted;
    }
  }));

test('hostile queries are refused with 400', () =>
  withServer(async (server) => {
    const queries = [
      'window=0', 'window=3601', 'window=-1', 'window=1.5', 'window=1e3', 'window=', 'window', 'window=060', 'window=%31%30x', 'window=NaN',
      'window=99999999999999999999', 'window=5&window=5', 'project=', 'project', 'project=A', 'project=..', 'project=__proto__',
      'project=_server', 'project=_other', 'project=a%2Fb', `project=${'a'.repeat(64)}`, 'project=a&project=b', 'project=%ff',
      'project=a%00', 'projects=a', '__proto__=1', 'constructor=1', 'step=1', '=1', '&',
    ];
    for (const query of queries) {
      const answer = await server.send('GET', `/api/v1/stats?${query}`);
      assert.equal(answer.status, 400, `${query}: ${answer.text}`);
      assert.equal(problemOf(answer)['code'], 'invalid_query', query);
    }
    assert.equal((await server.send('GET', '/metrics?name=a')).status, 400);
    assert.equal((await server.send('GET', '/api/v1/stats', { headers: { 'If-None-Match': '*' } })).status, 400);
    assert.equal((await server.send('POST', '/metrics', { body: '{}' })).status, 405);
  }));

test.run();
