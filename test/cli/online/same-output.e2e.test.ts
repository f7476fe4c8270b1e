/** Commands that read files or ask a server print the same of both. */
import assert from 'node:assert/strict';
import { EXIT_CODES } from '../../../src/cli/exit-codes.js';
import { suite } from '../../suite.js';
import { run } from '../program.js';
import { withServedShop } from './served-shop.js';

const test = suite('cli/online/same-output');
const TIMEOUT = { timeoutMs: 120_000 };

/** Commands without what names the place. */
const COMMANDS: readonly (readonly string[])[] = [
  ['get', 'shop', 'b/1'], ['get', 'shop', 'b/1', '--json'], ['get', 'shop', 'b/1', '--jsonl'], ['get', 'shop', 'b/1', '--raw'],
  ['get', 'shop', 'a', '--at', '3'], ['list', 'shop'], ['list', 'shop', '--values'], ['list', 'shop', '--json'],
  ['list', 'shop', '--jsonl'],
  ['list', 'shop', '--prefix', 'b/', '--at', '5', '--values'], ['list', 'shop', '--start', 'b/1', '--end', 'b/2'],
  ['list', 'shop', '--limit', '2'], ['list', 'shop', '--count', '--json'], ['list', 'shop', '--count', '--prefix', 'b'],
  ['log', 'shop'], ['log', 'shop', '--json'], ['log', 'shop', '--jsonl'], ['log', 'shop', '--json', '--limit', '2'],
  ['log', 'shop', '--limit', '2'], ['log', 'shop', '--from', '3', '--until', '5'],
  ['log', 'shop', '--key', 'a'], ['log', 'shop', '--prefix', 'b/', '--limit', '1'], ['log', 'shop', '--op', 'delete'],
  ['log', 'shop', '--request', 'wanted'], ['log', 'shop', '--request', 'wanted', '--limit', '5'],
  ['log', 'shop', '--actor', 'project:shop'],
  ['log', 'shop', '--from', '2020-01-01T00:00:00Z'], ['diff', 'shop', '--from', '0'], ['diff', 'shop', '--from', '3', '--values'],
  ['diff', 'shop', '--from', '3', '--to', '5', '--json'], ['diff', 'shop', '--from', '2', '--jsonl', '--values'],
  ['export', 'shop'], ['export', 'shop', '--json'], ['export', 'shop', '--jsonl'], ['export', 'shop', '--prefix', 'b/', '--start', 'b/1'],
];

test('a server and its files are printed alike', () => withServedShop(async ({ bench, server, shop }) => {
  const base = '/api/v1/projects/shop';
  const send = async (method: string, target: string, body?: string, headers = {}): Promise<void> => {
    const answer = await server.send(method, `${base}${target}`, { key: server.key('shop'), headers, ...(body !== undefined && { body }) });
    assert.ok(answer.status < 300, answer.text);
  };
  await send('PUT', '/keys/a', '{"n": 1.0}');
  await send('PUT', '/keys/b%2F1', '"\u2028 é"', { 'X-Request-Id': 'wanted' });
  await send('POST', '/batch', '{"ops":[{"op":"set","key":"b/2","value":9007199254740993},{"op":"delete","key":"a"}]}');
  await send('PUT', '/keys/c?ttl_seconds=3600', 'null');
  await send('PUT', '/keys/b%2F1', '[ 1,2 ]');
  for (const command of COMMANDS) {
    const [online, offline] = await Promise.all([shop(...command), run(bench, ...command, '--data', 'data')]);
    assert.deepEqual(online, offline, command.join(' '));
    assert.deepEqual([online.code, online.stderr], [EXIT_CODES.ok, ''], command.join(' '));
    assert.notEqual(online.stdout, '', command.join(' '));
  }
}), TIMEOUT);

test('what only one of them has is refused by the other', () => withServedShop(async ({ bench, shop }) => {
  const cases: [Promise<{ readonly code: number | null; readonly stderr: string }>, RegExp][] = [
    [shop('log', '_server'), /Cannot read "_server" from a server/],
    [shop('list', 'shop', '--data', 'data', '--url', 'http://h'), /--url with --data/],
    [shop('list', 'shop', '--data', 'data', '--profile', 'p'), /--profile with --data/],
    [run(bench, 'list', 'shop', '--data', 'data', '--reverse'), /Cannot list files in reverse/],
    [run(bench, 'get', 'shop', 'a', '--data', 'data', '--meta'), /Cannot use --meta on files/],
    [run(bench, 'set', 'a', '1'), /Cannot set a key without a server: name one with --url, SIMPLEKV_URL or --profile/],
  ];
  for (const [running, said] of cases) {
    const { code, stderr } = await running;
    assert.equal(code, EXIT_CODES.usage);
    assert.match(stderr, said);
  }
}), TIMEOUT);

test('files that are named win over a server in the environment, and a server in the environment over config.json', () => (
  withServedShop(async ({ shop, server }) => {
    await server.send('PUT', '/api/v1/projects/shop/keys/a', { key: server.key('shop'), body: '1' });
    await server.stop();
    assert.equal((await shop('list', '--data', 'data')).stdout, 'a\n');
    const gone = await shop('list');
    assert.equal(gone.code, EXIT_CODES.unavailable);
    assert.match(gone.stderr, /Cannot reach the server at http:\/\/127\.0\.0\.1:\d+, or its answer broke off: connect ECONNREFUSED/);
  })
), TIMEOUT);

test.run();
