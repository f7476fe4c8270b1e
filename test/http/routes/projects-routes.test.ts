import assert from 'node:assert/strict';
import { AppError } from '../../../src/base/app-error.js';
import { suite } from '../../suite.js';
import { problemOf, withServer } from '../test-server.js';

const test = suite('projects-routes');
const PROJECTS = '/api/v1/projects';
const COMPACT = `${PROJECTS}/alpha/compact`;
const REGENERATE = `${PROJECTS}/alpha/api-key/regenerate`;

test('GET lists the details of every project', () =>
  withServer(async (server) => {
    const answer = await server.send('GET', PROJECTS);
    assert.equal(answer.status, 200);
    assert.deepEqual(JSON.parse(answer.text), { projects: server.projects.list() });
    assert.equal((await server.send('HEAD', PROJECTS)).headers['content-length'], String(answer.bytes.length));
  }));

test('POST creates a project and returns its API key once, uncached', () =>
  withServer(async (server) => {
    const answer = await server.send('POST', PROJECTS, { body: '{"id":"new","storage":{"cache_in_memory":false,"segment_bytes":4096}}' });
    assert.equal(answer.status, 201);
    assert.equal(answer.headers.location, '/api/v1/projects/new');
    assert.equal(answer.headers['cache-control'], 'no-store');
    assert.deepEqual(JSON.parse(answer.text), { ...server.projects.details('new'), api_key: 'skv_p_made' });
    const open = await server.send('POST', PROJECTS, { body: '{"id":"open-one","authentication":{"enabled":false}}' });
    assert.equal((JSON.parse(open.text) as Record<string, unknown>)['api_key'], null);
    assert.equal(problemOf(await server.send('POST', PROJECTS, { body: '{"id":"new"}' }))['code'], 'project_exists');
  }));

test('POST refuses invalid ids and unknown settings', () =>
  withServer(async (server) => {
    for (const id of ['', 'A', '..', 'a/b', '-a', 'a b', 'é', 'x'.repeat(64), 'a\n', 'config.json']) {
      assert.equal(problemOf(await server.send('POST', PROJECTS, { body: JSON.stringify({ id }) }))['code'], 'invalid_project_id', id);
    }
    for (const body of [
      '{}',
      '{"id":"a","role":"admin"}',
      '{"id":"a","log_id":"x"}',
      '{"id":"a","storage":{}}',
      '{"id":"a","storage":{"segment_bytes":1}}',
      '{"id":"a","storage":null}',
      '{"id":"a","storage":{"compaction":{}}}',
    ]) {
      assert.equal(problemOf(await server.send('POST', PROJECTS, { body }))['code'], 'invalid_settings', body);
    }
    assert.equal(server.projects.list().length, 2);
  }));

test('GET returns a project, also one that is not served', () =>
  withServer(async (server) => {
    server.projects.setState('alpha', 'corrupt');
    const answer = await server.send('GET', `${PROJECTS}/alpha`, { key: server.alphaKey });
    assert.equal((JSON.parse(answer.text) as Record<string, unknown>)['state'], 'corrupt');
  }));

test('PUT changes only the settings that it names', () =>
  withServer(async (server) => {
    const answer = await server.send('PUT', `${PROJECTS}/alpha`, { key: server.alphaKey, body: '{"storage":{"cache_in_memory":false}}' });
    assert.equal(answer.status, 200);
    assert.deepEqual(JSON.parse(answer.text), { ...server.projects.details('alpha') });
    const asked = server.projects.lastChange as { id: string; change: unknown; context: { actor: string } };
    assert.deepEqual(asked.change, { storage: { cache_in_memory: false } });
    assert.match(asked.context.actor, /^project:alpha#/);
  }));

test('PUT changes one member of a group and keeps the others', () =>
  withServer(async (server) => {
    server.projects.add('shop', { storage: { retention: { max_bytes: 7 } } });
    const answer = await server.send('PUT', `${PROJECTS}/shop`, { body: '{"storage":{"retention":{"compress":"gzip"}}}' });
    assert.equal(answer.status, 200);
    const { storage } = JSON.parse(answer.text) as { storage: Record<string, unknown> };
    assert.deepEqual(storage['retention'], { max_age_seconds: null, max_bytes: 7, compress: 'gzip' });
    assert.deepEqual((server.projects.lastChange as { change: unknown }).change, { storage: { retention: { compress: 'gzip' } } });
  }));

test('PUT returns the API key created by switching authentication on', () =>
  withServer(async (server) => {
    server.projects.add('open', { authentication: { enabled: false } });
    const answer = await server.send('PUT', `${PROJECTS}/open`, {
      body: '{"authentication":{"enabled":true}}',
      headers: { Host: 'localhost' },
    });
    assert.equal((JSON.parse(answer.text) as Record<string, unknown>)['api_key'], 'skv_p_made');
    assert.equal(answer.headers['cache-control'], 'no-store');
  }));

test('PUT refuses API keys and hashes with a pointer and does not echo them', () =>
  withServer(async (server) => {
    for (const [body, pointer] of [
      ['{"api_key":"secret"}', '/api_key'],
      ['{"authentication":{"api_key":"secret"}}', '/authentication/api_key'],
      ['{"authentication":{"enabled":true,"api_key_hash":"secret"}}', '/authentication/api_key_hash'],
      ['{"key":"secret"}', '/key'],
      ['{"storage":{"durability":"secret"}}', '/storage/durability'],
      ['{"storage":{"on_disk":"secret"}}', '/storage/on_disk'],
      ['{"storage":{"on_disc":true}}', '/storage/on_disc'],
      ['{"storage":{"compaction":60}}', '/storage/compaction'],
      ['{"storage":{"compaction":{"interval_seconds":1.5}}}', '/storage/compaction/interval_seconds'],
      ['{"storage":{"retention":{}}}', '/storage/retention'],
      ['{"storage":{"retention":{"max_bytes":"secret"}}}', '/storage/retention/max_bytes'],
      ['{"storage":{"retention":{"days":1}}}', '/storage/retention/days'],
      ['{"id":"beta"}', '/id'],
    ] as const) {
      const answer = await server.send('PUT', `${PROJECTS}/alpha`, { body });
      const problem = problemOf(answer);
      assert.equal(problem['code'], 'invalid_settings', body);
      assert.equal(problem['pointer'], pointer);
      assert.doesNotMatch(answer.text, /secret/);
    }
    assert.equal(server.projects.lastChange, undefined);
  }));

test('PUT refuses an empty change', () =>
  withServer(async (server) => {
    for (const body of ['{}', '{"storage":{}}', '[]', '"x"', 'null', '1'])
      assert.equal(problemOf(await server.send('PUT', `${PROJECTS}/alpha`, { body }))['code'], 'invalid_settings', body);
  }));

test('storage settings beyond on_disk and cache_in_memory need the global API key', () =>
  withServer(async (server) => {
    const body = '{"storage":{"durability":"os"}}';
    assert.equal(problemOf(await server.send('PUT', `${PROJECTS}/alpha`, { body, key: server.alphaKey }))['code'], 'forbidden');
    assert.equal(server.projects.lastChange, undefined);
    assert.equal((await server.send('PUT', `${PROJECTS}/alpha`, { body })).status, 200);
  }));

test('on an open project, any change of settings needs an API key; authentication and on_disk need the global one', () =>
  withServer(async (server) => {
    server.projects.add('open', { authentication: { enabled: false } });
    for (const body of ['{"authentication":{"enabled":true}}', '{"storage":{"on_disk":false}}', '{"storage":{"segment_bytes":4096}}']) {
      assert.equal((await server.send('PUT', `${PROJECTS}/open`, { body, key: null })).status, 401, body);
    }
    assert.equal((await server.send('PUT', `${PROJECTS}/open`, { body: '{"storage":{"cache_in_memory":false}}', key: null })).status, 401);
    assert.equal((await server.send('PUT', `${PROJECTS}/open`, { body: '{"authentication":{"enabled":true}}' })).status, 200);
  }));

test('POST …/api-key/regenerate returns a new API key and takes no settings', () =>
  withServer(async (server) => {
    for (const sent of [{}, { body: '{}' }]) {
      const answer = await server.send('POST', REGENERATE, sent);
      assert.equal(answer.status, 200);
      assert.deepEqual(JSON.parse(answer.text), { id: 'alpha', api_key: 'skv_p_another', other_keys: [] });
      assert.equal(answer.headers['cache-control'], 'no-store');
    }
    server.projects.lastChange = undefined;
    assert.equal(problemOf(await server.send('POST', REGENERATE, { body: '{"api_key":"x"}' }))['code'], 'invalid_settings');
    assert.equal((await server.send('POST', REGENERATE, { key: server.alphaKey })).status, 403);
    assert.equal(problemOf(await server.send('POST', `${PROJECTS}/none/api-key/regenerate`))['code'], 'project_not_found');
    assert.equal(server.projects.lastChange, undefined);
  }));

test('POST …/api-key/regenerate is refused while a project has as many API keys as it may have', () =>
  withServer(async (server) => {
    server.projects.beforeChange = () => {
      throw new AppError('too_many_api_keys', 'Cannot create the API key: there are 100', { facts: { limit: 100 } });
    };
    const answer = await server.send('POST', REGENERATE, { body: '{"overlap_seconds":60}' });
    const { code, limit } = problemOf(answer);
    assert.deepEqual([answer.status, code, limit], [409, 'too_many_api_keys', 100]);
    assert.equal(server.projects.lastChange, undefined);
  }));

test('POST …/compact returns the facts of the snapshot and takes no settings', () =>
  withServer(async (server) => {
    for (const sent of [{}, { body: '{}' }]) {
      const answer = await server.send('POST', COMPACT, sent);
      assert.equal(answer.status, 200);
      assert.deepEqual(Object.entries(JSON.parse(answer.text) as object), [['seq', 1], ['key_count', 0], ['bytes', 2], ['duration_ms', 3]]);
    }
    const { id, context } = server.projects.lastChange as { id: string; context: { actor: string } };
    assert.equal(id, 'alpha');
    assert.match(context.actor, /^global#/);
    server.projects.lastChange = undefined;
    assert.equal(problemOf(await server.send('POST', COMPACT, { body: '{"force":true}' }))['code'], 'invalid_settings');
    assert.equal(problemOf(await server.send('POST', COMPACT, { body: '{' }))['code'], 'invalid_json');
    assert.equal(problemOf(await server.send('POST', `${COMPACT}?force=1`))['code'], 'invalid_query');
    assert.equal(problemOf(await server.send('POST', COMPACT, { headers: { 'If-Match': '*' } }))['code'], 'invalid_precondition');
    assert.equal((await server.send('POST', COMPACT, { key: server.alphaKey })).status, 403);
    assert.equal((await server.send('POST', COMPACT, { key: null })).status, 401);
    assert.equal(problemOf(await server.send('POST', `${PROJECTS}/none/compact`))['code'], 'project_not_found');
    assert.equal(problemOf(await server.send('POST', `${PROJECTS}/NONE/compact`))['code'], 'invalid_project_id');
    assert.equal(server.projects.lastChange, undefined);
  }));

test('POST …/compact refuses a project in memory and a damaged one, and hides the cause of a failure', () =>
  withServer(async (server) => {
    server.projects.add('fleeting', { storage: { on_disk: false } });
    const inMemory = await server.send('POST', `${PROJECTS}/fleeting/compact`);
    assert.deepEqual([inMemory.status, problemOf(inMemory)['code']], [409, 'not_on_disk']);
    server.projects.setState('beta', 'corrupt');
    const damaged = await server.send('POST', `${PROJECTS}/beta/compact`);
    assert.deepEqual([damaged.status, problemOf(damaged)['code'], damaged.headers['retry-after']], [503, 'project_corrupt', '60']);
    for (const [code, status] of [['compaction_failed', 500], ['disk_full', 507], ['starting', 503], ['shutting_down', 503]] as const) {
      server.projects.beforeChange = () => {
        throw new AppError(code, 'Cannot write "/secret/snap"', { cause: new Error('ENOSPC') });
      };
      const answer = await server.send('POST', COMPACT);
      assert.deepEqual([answer.status, problemOf(answer)['code']], [status, code]);
      assert.equal(answer.headers['retry-after'] !== undefined, status !== 500, code);
      assert.doesNotMatch(answer.text, /secret|ENOSPC/);
    }
  }));

test('DELETE answers 204, then 404', () =>
  withServer(async (server) => {
    const answer = await server.send('DELETE', `${PROJECTS}/alpha`);
    assert.equal(answer.status, 204);
    assert.equal(answer.bytes.length, 0);
    assert.equal(problemOf(await server.send('DELETE', `${PROJECTS}/alpha`))['code'], 'project_not_found');
  }));

test('a configuration that cannot be written is an error without its cause, which the server log has', () =>
  withServer(async (server) => {
    server.projects.beforeChange = () => {
      throw new AppError('config_write_failed', 'Cannot replace "/secret/config.json"', { cause: new Error('EBUSY') });
    };
    const answer = await server.send('POST', PROJECTS, { body: '{"id":"new"}' });
    assert.equal(answer.status, 500);
    assert.doesNotMatch(answer.text, /secret|EBUSY/);
    assert.ok(server.lines.some((line) => line['level'] === 'warn' && JSON.stringify(line).includes('EBUSY')));
  }));

test('a change that finds no disk space, or cannot be recorded, is refused and says when to try again', () =>
  withServer(async (server) => {
    const changes = [
      ['POST', PROJECTS, '{"id":"new"}'], ['PUT', `${PROJECTS}/alpha`, '{"quota":{"max_keys":9}}'], ['POST', REGENERATE, '{}'],
    ] as const;
    for (const [method, path, body] of changes) {
      for (const [code, status] of [['disk_full', 507], ['config_write_failed', 500]] as const) {
        server.projects.beforeChange = () => {
          throw new AppError(code, 'Cannot write "/secret"', { cause: new Error('ENOSPC') });
        };
        const answer = await server.send(method, path, { body });
        assert.deepEqual([answer.status, problemOf(answer)['code']], [status, code], `${method} ${path}`);
        assert.equal(answer.headers['retry-after'] !== undefined, status === 507);
        assert.doesNotMatch(answer.text, /secret|ENOSPC/);
      }
    }
    const other = await server.send('PUT', `${PROJECTS}/alpha`, { body: 'max_keys=9', headers: { 'Content-Type': 'text/plain' } });
    assert.deepEqual([other.status, problemOf(other)['code']], [415, 'unsupported_media_type']);
    assert.equal(server.projects.lastChange, undefined);
  }));

test('ids are checked after decoding and after the credentials', () =>
  withServer(async (server) => {
    for (const id of ['%2e%2e', '..', 'a%2Fb', 'a%5Cb', '%00', 'ALPHA', 'x'.repeat(64), 'alpha%20', '%C3%A9', 'alpha%0A']) {
      assert.equal(problemOf(await server.send('GET', `${PROJECTS}/${id}`))['code'], 'invalid_project_id', id);
      assert.equal((await server.send('GET', `${PROJECTS}/${id}`, { key: null })).status, 401, id);
      assert.equal((await server.send('GET', `${PROJECTS}/${id}`, { key: server.alphaKey })).status, 403, id);
    }
    assert.equal((await server.send('GET', `${PROJECTS}/al%70ha`)).status, 200);
    assert.equal((await server.send('GET', `${PROJECTS}/al%70ha`, { key: server.alphaKey })).status, 200);
  }));

test.run();
