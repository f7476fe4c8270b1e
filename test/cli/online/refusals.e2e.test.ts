/** Commands against a server that is starting, failed, full, refuses the API key, is none, or is gone. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { EXIT_CODES } from '../../../src/cli/exit-codes.js';
import { withWorkbench } from '../../e2e/server-under-test.js';
import { suite } from '../../suite.js';
import { ended, type Ran, start } from '../program.js';
import { refusingServer, withServedShop } from './served-shop.js';

const test = suite('cli/online/refusals');
const TIMEOUT = { timeoutMs: 120_000 };
const COMMANDS = [['get', 'a'], ['set', 'a', '1'], ['list'], ['log'], ['watch'], ['export'], ['checkpoint'], ['projects', 'show']];

async function all(commands: readonly (readonly string[])[], ran: (...args: readonly string[]) => Promise<Ran>): Promise<readonly Ran[]> {
  return await Promise.all(commands.map((command) => ran(...command)));
}

test('a server that is gone ends every command with 69, and says where it was', () => withWorkbench(async (bench) => {
  const env = { SIMPLEKV_URL: 'http://127.0.0.1:2', SIMPLEKV_PROJECT: 'shop', SIMPLEKV_KEY: 'k' };
  for (const { code, stdout, stderr } of await all(COMMANDS, (...args) => ended(start(bench, args, { env })))) {
    assert.deepEqual([code, stdout], [EXIT_CODES.unavailable, ''], stderr);
    assert.match(stderr, /^simplekv: Cannot reach the server at http:\/\/127\.0\.0\.1:2, or its answer broke off: connect ECONNREFUSED/);
  }
}), TIMEOUT);

test('a server that is starting is asked again, and then ends a command with 75', () => withWorkbench(async (bench) => {
  const { url, requests } = await refusingServer(bench, 503, 'starting');
  const env = { SIMPLEKV_URL: url, SIMPLEKV_PROJECT: 'shop', SIMPLEKV_KEY: 'k' };
  const { code, stdout, stderr } = await ended(start(bench, ['set', 'a', '1'], { env }));
  assert.deepEqual([code, stdout], [EXIT_CODES.temporaryFailure, '']);
  assert.match(stderr, /refused: This is starting \(503 starting\)\n$/);
  assert.equal(requests.length, 4);
}), TIMEOUT);

test('a write whose outcome is unknown, and one that a log refuses, are not sent again', () => withWorkbench(async (bench) => {
  for (const code of ['outcome_unknown', 'log_failed']) {
    const { url, requests } = await refusingServer(bench, 503, code);
    const env = { SIMPLEKV_URL: url, SIMPLEKV_PROJECT: 'shop', SIMPLEKV_KEY: 'k' };
    for (const command of [['set', 'a', '1'], ['delete', 'a'], ['batch', '-']]) {
      const child = start(bench, command, { env, stdio: ['pipe', 'pipe', 'pipe'] });
      child.stdin?.on('error', () => undefined);
      child.stdin?.end('{"ops":[]}');
      assert.equal((await ended(child)).code, EXIT_CODES.temporaryFailure);
    }
    assert.equal(requests.length, 3, requests.join('\n'));
  }
}), TIMEOUT);

test('a wrong API key, none, and one that may not do it end with 77', () => withServedShop(async ({ bench, env, shop }) => {
  const { stdout: made } = await shop('keys', 'create', 'reader', '--permissions', 'read', '--json');
  const reader = { ...env, SIMPLEKV_KEY: (JSON.parse(made) as { readonly api_key: string }).api_key };
  for (const ran of await all(COMMANDS, (...args) => ended(start(bench, args, { env: { ...env, SIMPLEKV_KEY: 'wrong' } })))) {
    assert.deepEqual([ran.code, ran.stdout], [EXIT_CODES.noPermission, ''], ran.stderr);
  }
  const keyless = await ended(start(bench, ['get', 'a'], { env: { ...env, SIMPLEKV_KEY: '' } }));
  assert.equal(keyless.code, EXIT_CODES.noPermission);
  assert.match(keyless.stderr, /Give the API key with --key-file FILE, SIMPLEKV_KEY_FILE, or SIMPLEKV_KEY\n$/);
  const refused = [['set', 'a', '1'], ['log'], ['watch'], ['list', '--at', '1']];
  const forbidden = await all(refused, (...args) => ended(start(bench, args, { env: reader })));
  for (const { code, stderr } of forbidden) {
    assert.equal(code, EXIT_CODES.noPermission);
    assert.match(stderr, /\(403 forbidden\)/);
  }
  assert.equal((await ended(start(bench, ['list'], { env: reader }))).code, EXIT_CODES.ok);
}), TIMEOUT);

test('a full project ends a write with 1 and takes deletes', () => withServedShop(async ({ shop }) => {
  await shop('set', 'a', '1');
  const full = await shop('set', 'b', '1');
  assert.deepEqual([full.code, full.stdout], [EXIT_CODES.failure, '']);
  assert.match(full.stderr, /\(507 quota_exceeded\)\n$/);
  assert.equal((await shop('delete', 'a')).code, EXIT_CODES.ok);
}, { quota: { max_keys: 1 } }), TIMEOUT);

test('what is no SimpleKV server, and an answer that breaks off, have messages of their own', () => withWorkbench(async (bench) => {
  const server = createServer((request, response) => {
    if (request.url?.startsWith('/api/v1/projects/shop/diff') === true) {
      response.writeHead(200, { 'Content-Type': 'application/x-ndjson' });
      response.write('{"key":"a","change":"added","seq":1,"time":null,"op":null,"actor":null,"request":null,"before":null,"after":null}\n');
      return void setImmediate(() => response.destroy());
    }
    response.writeHead(404).end('<html>\u001b[31mnot here</html>');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  bench.defer(() => void server.close());
  const env = { SIMPLEKV_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, SIMPLEKV_PROJECT: 'shop', SIMPLEKV_KEY: 'k' };
  const other = await ended(start(bench, ['get', 'a'], { env }));
  assert.deepEqual([other.code, other.stdout], [EXIT_CODES.failure, '']);
  assert.match(other.stderr, /it answered 404 without a problem document; is it a SimpleKV server\?\n$/);
  const broken = await ended(start(bench, ['diff', '--from', '0'], { env }));
  assert.deepEqual([broken.code, broken.stdout], [EXIT_CODES.unavailable, '+\ta\t1\t-\t-\t-\t-\n']);
}), TIMEOUT);

test.run();
