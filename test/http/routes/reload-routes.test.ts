import assert from 'node:assert/strict';
import { AppError } from '../../../src/base/app-error.js';
import type { Reload } from '../../../src/http/http-parts.js';
import { suite } from '../../suite.js';
import { problemOf, withServer } from '../test-server.js';

const test = suite('reload-routes');

const PATH = '/api/v1/reload';

test('a body asks for a trial; without one, the configuration is reloaded by the caller', () => withServer(async (server) => {
  const asked: unknown[] = [];
  server.reload = (options, { actor }) => {
    asked.push([options.isTrial, actor.split('#')[0]]);
    return Promise.resolve({
      changed: ['log_level'], needsRestart: ['server_port'], projects: [{ id: 'shop', outcome: 'edited', changed: ['quota.max_keys'] }],
    });
  };
  for (const body of [undefined, '{}', '{"dry_run":true}']) {
    const { status, text } = await server.send('POST', PATH, { key: server.globalKey, ...(body !== undefined && { body }) });
    assert.equal(status, 200, text);
    assert.deepEqual(JSON.parse(text), {
      changed: ['log_level'], needs_restart: ['server_port'], projects: [{ id: 'shop', outcome: 'edited', changed: ['quota.max_keys'] }],
    });
  }
  assert.deepEqual(asked, [[false, 'global'], [false, 'global'], [true, 'global']]);
}));

test('a refusal says where the fault is, and what was expected', () => withServer(async (server) => {
  const facts = { pointer: '/log_level', found: '"loud"', expected: 'one of some' };
  const refusals: Readonly<Record<string, readonly [AppError, number]>> = {
    invalid_config: [new AppError('invalid_config', 'Cannot use it', { facts }), 422],
    config_changed: [new AppError('config_changed', 'It was edited'), 409],
    config_write_failed: [new AppError('config_write_failed', 'EROFS'), 500],
  };
  for (const [code, [error, status]] of Object.entries(refusals)) {
    server.reload = (() => Promise.reject(error)) satisfies Reload;
    const answer = await server.send('POST', PATH, { key: server.globalKey });
    const problem = problemOf(answer);
    assert.deepEqual([answer.status, problem['code'], problem['pointer']], [status, code, error.facts['pointer']]);
  }
}));

test('a body with anything else is refused before anything is reloaded', () => withServer(async (server) => {
  server.reload = () => assert.fail('nothing is to be reloaded');
  for (const body of ['{"dry_run":1}', '{"force":true}', '[]', '{"dry_run":true']) {
    const answer = await server.send('POST', PATH, { key: server.globalKey, body });
    assert.equal(answer.status, 400, answer.text);
  }
}));

test('a body of another kind, or that is too long, is not read', () => withServer(async (server) => {
  server.reload = () => assert.fail('nothing is to be reloaded');
  const send = async (type: string, body: string): Promise<unknown> => (
    problemOf(await server.send('POST', PATH, { key: server.globalKey, body, headers: { 'Content-Type': type } }))['code']
  );
  assert.equal(await send('text/plain', '{}'), 'unsupported_media_type');
  assert.equal(await send('application/json', JSON.stringify({ dry_run: 'x'.repeat(2000) })), 'body_too_large');
}));

test.run();
