/** `projects`, `keys`, `status`, `limits` and `reload` against a live server. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EXIT_CODES } from '../../../src/cli/exit-codes.js';
import { until, withWorkbench } from '../../e2e/server-under-test.js';
import { suite } from '../../suite.js';
import { ended, type Ran, start } from '../program.js';
import { refusingServer, withServedShop } from './served-shop.js';

const test = suite('cli/online/admin');
const TIMEOUT = { timeoutMs: 120_000 };

function jsonOf({ stdout, stderr }: Ran): Record<string, unknown> {
  assert.equal(stderr, '');
  return JSON.parse(stdout) as Record<string, unknown>;
}

test('projects are created, listed, shown, changed, compacted and deleted', () => withServedShop(async ({ bench, global, shop }) => {
  writeFileSync(bench.path('settings'), '{"quota":{"max_keys":5},"storage":{"durability":"os"}}');
  const created = jsonOf(await global('projects', 'create', 'new', '--settings', 'settings', '--set', 'quota.max_keys=7', '--json'));
  assert.match(String(created['api_key']), /^skv_p_/);
  const shown = await global('projects', 'show', 'new');
  assert.match(shown.stdout, /^id +new\nstate +serving\n[^]*\nstorage\.durability +"os"\n[^]*\nquota\.max_keys +7\n/);
  const listed = await global('projects', 'list');
  assert.match(listed.stdout, /^new\tserving\t0\t0\t1\t\S+Z\nshop\tserving\t0\t0\t1\t\S+Z\n$/);
  assert.equal((await global('projects', 'list', '--jsonl')).stdout.split('\n').length, 3);
  assert.deepEqual((jsonOf(await global('projects', 'list', '--json'))['projects'] as object[]).length, 2);
  const change = ['--set', 'quota.max_keys=null', '--set', 'storage.durability=fsync'];
  const changed = jsonOf(await global('projects', 'update', 'new', ...change, '--json'));
  assert.equal((changed['quota'] as Record<string, unknown>)['max_keys'], null);
  assert.equal((changed['storage'] as Record<string, unknown>)['durability'], 'fsync');
  assert.match((await global('projects', 'compact', 'shop')).stdout, /^shop: snapshot of seq 1, 0 keys, \d+ bytes, \d+ ms\n$/);
  const unasked = await global('projects', 'delete', 'new');
  assert.equal(unasked.code, EXIT_CODES.usage);
  assert.match(unasked.stderr, /Delete the project "new" with 0 keys and its whole log from http\S+, permanently\? Repeat .* --yes/);
  assert.equal((await global('projects', 'delete', 'new', '--yes')).stdout, 'new: deleted\n');
  const refusals: [string[], RegExp, number][] = [
    [['projects', 'show', 'new'], /\(404 project_not_found\)/, EXIT_CODES.usage],
    [['projects', 'create', 'shop'], /\(409 project_exists\)/, EXIT_CODES.failure],
    [['projects', 'create', 'x', '--set', 'quota.max_keys=-1'], /\(400 invalid_settings\)/, EXIT_CODES.badInput],
    [['projects', 'create', 'x', '--set', 'quota'], /expected PATH=VALUE/, EXIT_CODES.usage],
    [['projects', 'update', 'shop'], /Cannot change a project without settings/, EXIT_CODES.usage],
    [['projects', 'nonsense'], /unknown command/, EXIT_CODES.usage], [['projects'], /Usage: simplekv projects/, EXIT_CODES.usage],
  ];
  await Promise.all(refusals.map(async ([args, said, code]) => {
    const ran = await global(...args);
    assert.match(ran.stderr, said);
    assert.equal(ran.code, code, args.join(' '));
  }));
  assert.equal((await shop('projects', 'list')).code, EXIT_CODES.noPermission);
}), TIMEOUT);

test('API keys are made, listed, replaced and revoked, for a project and for all', () => withServedShop(async ({ global, shop }) => {
  const made = jsonOf(await shop('keys', 'create', 'dash', '--permissions', 'read,history', '--ttl', '90d', '--json'));
  assert.deepEqual([made['name'], made['permissions'], made['state']], ['dash', ['history', 'read'], 'active']);
  const text = await shop('keys', 'create', 'text', '--permissions', 'read', '--expires-at', '2099-01-01T00:00:00Z');
  assert.match(text.stdout, /^id +[0-9a-f]{16}\nname +text\npermissions +read\nexpires +2099-\S+\n/);
  assert.match(text.stdout, /\napi key +skv_k_\S+ \(shown only here\)\n$/);
  const listed = (await shop('keys', 'list')).stdout;
  assert.match(listed, /^[0-9a-f]{16}\tprimary\tall\tactive\tnever\t\S+\n[0-9a-f]{16}\tdash\thistory,read\tactive\t\S+\t-\n/);
  assert.ok(!listed.includes('skv_'));
  const id = String(made['id']);
  const rotated = await shop('keys', 'rotate', id, '--overlap', '1h');
  assert.match(rotated.stdout, new RegExp(`\nthe previous key ${id} works until \\S+Z\n$`));
  assert.match((await shop('keys', 'revoke', id)).stderr, /Revoke the API key [0-9a-f]{16} of "shop" on http\S+\? .* --yes/);
  assert.equal((await shop('keys', 'revoke', id, '--yes')).stdout, `${id}: revoked\n`);
  const again = await shop('keys', 'revoke', id, '--yes');
  assert.deepEqual([again.code, again.stdout], [EXIT_CODES.failure, '']);
  // The environment names a project, the option all of them.
  const auditor = jsonOf(await global('keys', 'create', 'auditor', '--permissions', 'read', '--global', '--json'));
  assert.match((await global('keys', 'list', '--global')).stdout, new RegExp(`\n${String(auditor['id'])}\tauditor\tread\t`));
  assert.equal((await shop('keys', 'list', '--global')).code, EXIT_CODES.noPermission);
  assert.equal((await shop('keys', 'create', 'x', '--permissions', 'rule')).code, EXIT_CODES.badInput);
  assert.match((await shop('keys', 'create', 'x')).stderr, /required option '--permissions <list>' not specified/);
}), TIMEOUT);

test('status and limits show the server, the API key, the project and its quotas', () => withServedShop(async ({ shop, server, bench }) => {
  await shop('set', 'a', '12');
  const text = (await shop('status')).stdout;
  assert.match(text, new RegExp(`^server +${server.url} \\(named by SIMPLEKV_URL\\)\nversion +\\S+\nstatus +ready\n`));
  assert.doesNotMatch(text, /degraded/);
  assert.match(text, /\napi key +primary of shop: all\nproject +shop: serving\nkeys +1\nvalue bytes +\d+\nseq +2\n/);
  const status = jsonOf(await shop('status', '--json'));
  assert.deepEqual([status['url'], (status['project'] as Record<string, unknown>)['seq']], [server.url, 2]);
  const keyless = await ended(start(bench, ['status', '--url', server.url]));
  assert.match(keyless.stdout, /\napi key +none, or refused\n/);
  const limits = (await shop('limits')).stdout;
  assert.match(limits, /^project +shop\nvalue_bytes +1048576\n/);
  assert.match(limits, /\nmax_keys +1 of 9\nmax_bytes +\d+ of any number\nreads_per_second +any number\n/);
  assert.deepEqual((jsonOf(await shop('limits', '--json'))['quota'] as Record<string, unknown>)['max_keys'], { limit: 9, used: 1 });
}, { quota: { max_keys: 9 } }), TIMEOUT);

test('status draws what a server counts, and says what is wrong with it', () => withWorkbench(async (bench) => {
  const series = { writes: [0, 4, null, 8], problems_5xx: [751], sync_p99_seconds: [] };
  const answers: Readonly<Record<string, object>> = {
    '/readyz': { status: 'not_ready', checks: [{ name: 'disk', ok: false, detail: 'nearly \u001b[2J full' }], degraded_count: 1 },
    '/api/v1': { name: 'SimpleKV', version: '9.9.9' },
    '/api/v1/stats': { step_seconds: 5, start: '2026-11-28T15:00:00Z', series },
  };
  const server = createServer((request, response) => {
    const answer = answers[request.url ?? ''];
    request.resume().on('end', () => {
      response.writeHead(answer === undefined ? 404 : request.url?.startsWith('/readyz') === true ? 503 : 200);
      response.end(JSON.stringify(answer ?? { code: 'not_found', detail: 'none' }));
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  bench.defer(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const status = await ended(start(bench, ['status', '--url', url]));
  assert.equal(status.code, EXIT_CODES.failure, status.stderr);
  assert.match(status.stdout, /\nversion +9\.9\.9\nstatus +not_ready\ndegraded count +1\ncheck disk +nearly \\u001b\[2J full\n/);
  assert.match(status.stdout, /\nwrites per second +▁▅ █ 1\.6\nproblems 5xx per second +█ 150\nsync p99 seconds + -\n$/);
}), TIMEOUT);

test('status shows the last hour of a server, and of a project', () => withServedShop(async ({ bench, server, shop }) => {
  await shop('set', 'a', '12');
  const drawn = await until('a sample', async () => {
    const { stdout } = await shop('status');
    return /\nwrites per second .* 0(?:\.2)?\n/.test(stdout) ? stdout : undefined;
  });
  assert.match(drawn, /\nkeys .*█ 1\nvalue bytes .*█ 2\n/);
  const ofServer = await ended(start(bench, ['status', '--url', server.url], { env: { SIMPLEKV_KEY: server.key('global') } }));
  assert.match(ofServer.stdout, /\nresident bytes +\S+ [1-9]\d+\n/);
}), TIMEOUT);

test('reload says what it would change, changes it, and refuses a faulty file', () => withServedShop(async ({ bench, shop, global }) => {
  const text = readFileSync(bench.configPath, 'utf8');
  const limited = (limit: number): string => text.replace('"projects"', `"limits":{"max_value_bytes":${limit}},"projects"`);
  const edited = limited(5).replace('"shop",', '"shop","quota":{"max_keys":1},');
  writeFileSync(bench.configPath, edited);
  const told = 'changed          limits.max_value_bytes\nneeds a restart  nothing\nproject shop     edited\n';
  assert.equal((await global('reload', '--dry-run')).stdout, told);
  assert.equal((await shop('set', 'a', '123456')).code, EXIT_CODES.ok);
  assert.equal((await global('reload')).stdout, told);
  assert.match((await shop('set', 'a', '123456')).stderr, /\(413 body_too_large\)/);
  assert.deepEqual(jsonOf(await global('reload', '--json')), { changed: [], needs_restart: [], projects: [] });
  writeFileSync(bench.configPath, limited(-1));
  const refused = await global('reload');
  assert.match(refused.stderr, /: \/limits\/max_value_bytes is -1, expected .* \(422 invalid_config\)\n$/);
  assert.deepEqual([refused.code, refused.stdout], [EXIT_CODES.configuration, '']);
  assert.match((await shop('set', 'b', '12')).stderr, /\(507 quota_exceeded\)/);
  assert.equal((await shop('reload')).code, EXIT_CODES.noPermission);
}), TIMEOUT);

test('a server that cannot reload says so', () => withWorkbench(async (bench) => {
  const { url } = await refusingServer(bench, 404, 'not_found');
  const { code, stderr } = await ended(start(bench, ['reload', '--url', url]));
  assert.match(stderr, /cannot reload its configuration: restart it instead\n$/);
  assert.equal(code, EXIT_CODES.failure);
}), TIMEOUT);

test.run();
