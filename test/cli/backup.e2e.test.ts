/** `backup` through the real program: of a folder, of a server under load, and where it cannot be written. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import { withWorkbench, type ServerUnderTest, type Workbench } from '../e2e/server-under-test.js';
import { MAIN } from '../program-file.js';
import { suite } from '../suite.js';
import { damage, ended, type Ran, run, start, writeShop } from './program.js';

const test = suite('cli/backup');
const TIMEOUT_MS = 120_000;

interface Shown {
  readonly file: string;
  readonly bytes: number;
  readonly projects: readonly { readonly id: string; readonly last_seq: number }[];
  readonly skipped: readonly unknown[];
}

/** What `backup --json` printed. */
function shown({ code, stdout, stderr }: Ran): Shown {
  assert.equal(code, EXIT_CODES.ok, stdout + stderr);
  return JSON.parse(stdout) as Shown;
}

test('a folder without a server is backed up to a new file, or into a folder', () => withWorkbench(async (bench) => {
  writeShop(bench);
  mkdirSync(bench.path('backups'));
  const { file, bytes, projects } = shown(await run(bench, 'backup', 'shop.tar', '--data', 'data', '--json'));
  assert.deepEqual([file, bytes], [bench.path('shop.tar'), readFileSync(file).length]);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(projects.map(({ id, last_seq: seq }) => [id, seq]), [['shop', 9]]);
  const { code, stdout } = await run(bench, 'backup', 'backups', '--data', 'data');
  assert.equal(code, EXIT_CODES.ok);
  const [name = ''] = readdirSync(bench.path('backups'));
  assert.match(name, /^simplekv-all-\d{8}T\d{6}Z\.tar$/);
  assert.match(stdout, /: 1 project as of [^ ]+, \d+ bytes, verified\n {2}shop: up to seq 9\n$/);
  const verified = await run(bench, 'verify', `backups/${name}`);
  assert.equal(verified.code, EXIT_CODES.ok, verified.stdout);
  assert.equal((await run(bench, 'get', 'shop', 'k1', '--data', 'shop.tar')).stdout, '"xxxxxxxxxx"\n');
  assert.equal((await run(bench, 'list', 'shop', '--data', 'shop.tar')).stdout.split('\n').length, 9);
  assert.match((await run(bench, 'log', 'shop', '--data', 'shop.tar', '--limit', '1')).stdout, /^\{"seq":9,/);
  assert.match((await run(bench, 'repair', 'shop', '--data', 'shop.tar')).stderr, /it is a backup/);
  assert.match((await run(bench, 'backup', 'b.tar', '--data', 'shop.tar')).stderr, /it is a backup; copy the file instead\n$/);
}));

test('a file that exists, a place in the data folder and contradictory options are refused', () => withWorkbench(async (bench) => {
  writeShop(bench);
  writeFileSync(bench.path('there'), 'mine');
  const refusals: [readonly string[], RegExp, number][] = [
    [['there', '--data', 'data'], /"there": it exists/, EXIT_CODES.usage],
    [['none/', '--data', 'data'], /no such folder/, EXIT_CODES.usage],
    [['none/b.tar', '--data', 'data'], /there is no folder ".*none"\. Create it first\n$/, EXIT_CODES.usage],
    [['b.tar', '--data', 'data', '--project', '_server'], /Cannot back up "_server" alone/, EXIT_CODES.usage],
    [['data/b.tar', '--data', 'data'], /it is in the data folder/, EXIT_CODES.usage],
    [['b.tar', '--data', 'data', '--project', 'none'], /Cannot back up "none"/, EXIT_CODES.usage],
    [['b.tar', '--data', 'data', '--url', 'http://127.0.0.1:1'], /Cannot use --url with --data: one asks a server/, EXIT_CODES.usage],
    [['b.tar', '--data', 'data', '--key-file', 'key'], /Cannot use --key-file with --data/, EXIT_CODES.usage],
    [['b.tar', '--url', 'ftp://host'], /Cannot use "ftp:\/\/host" as the URL/, EXIT_CODES.usage],
    [['b.tar', '--url', 'http://a:b@host'], /a name or a password/, EXIT_CODES.usage],
    [['b.tar', '--url', 'http://127.0.0.1:9', '--key-file', 'none'], /Cannot read the API key from "none"/, EXIT_CODES.usage],
    [['b.tar', '--url', 'http://127.0.0.1:9', '--key-file', 'blank'], /it has spaces/, EXIT_CODES.usage],
    [['b.tar', '--url', 'http://127.0.0.1:9', '--key-file', '/dev/zero'], /"\/dev\/zero": it is longer than any API key/, EXIT_CODES.usage],
    [['b.tar', '--url', 'http://127.0.0.1:9'], /Cannot reach the server at http:\/\/127\.0\.0\.1:9/, EXIT_CODES.unavailable],
    [['b.tar', '--data', 'none'], /there is no such folder/, EXIT_CODES.noInput],
  ];
  writeFileSync(bench.path('blank'), 'a b\n');
  for (const [args, said, code] of refusals) {
    const ran = await run(bench, 'backup', ...args);
    assert.match(ran.stderr, said, args.join(' '));
    assert.equal(ran.code, code, args.join(' '));
  }
  assert.equal(readFileSync(bench.path('there'), 'utf8'), 'mine');
  assert.deepEqual(readdirSync(bench.folder).toSorted(), ['blank', 'data', 'there']);
}), { timeoutMs: TIMEOUT_MS });

test('damaged data is not accepted as a backup', () => withWorkbench(async (bench) => {
  writeShop(bench);
  damage(bench.path('data', 'shop', '00000000000000000001.jsonl'));
  const alone = await run(bench, 'backup', 'b.tar', '--data', 'data', '--project', 'shop');
  assert.equal(alone.code, EXIT_CODES.failure);
  assert.match(alone.stderr, /Cannot trust "shop\/00000000000000000001\.jsonl"/);
  const { skipped, projects } = shown(await run(bench, 'backup', 'b.tar', '--data', 'data', '--json'));
  assert.deepEqual([skipped, projects], [[{ id: 'shop', reason: 'project_corrupt' }], []]);
}));

test('a full disk leaves no file', () => withWorkbench(async (bench) => {
  writeShop(bench, 8, 5000);
  // In blocks of 512 or 1,024 bytes, either of which is too little.
  const args = ['-c', 'ulimit -f 30; exec "$0" "$@"', process.execPath, MAIN, 'backup', 'b.tar', '--data', 'data'];
  const child = spawn('sh', args, { cwd: bench.folder, env: { ...process.env, NODE_V8_COVERAGE: '' }, stdio: ['ignore', 'pipe', 'pipe'] });
  const { code, stderr } = await ended(child);
  assert.equal(code, EXIT_CODES.outputFailed, stderr);
  assert.match(stderr, /Cannot write to ".*b\.tar"/);
  assert.deepEqual(readdirSync(bench.folder), ['data']);
}));

test('an interrupted backup leaves no file', () => withWorkbench(async (bench) => {
  writeShop(bench);
  const child = start(bench, ['backup', 'b.tar', '--url', 'http://127.0.0.1:9', '--key-file', '-'], { stdio: ['pipe', 'pipe', 'pipe'] });
  child.kill('SIGTERM');
  const { signal } = await ended(child);
  assert.equal(signal, 'SIGTERM');
  assert.deepEqual(readdirSync(bench.folder), ['data']);
}));

test('an answer that breaks off, or is no backup, leaves no file', () => withWorkbench(async (bench) => {
  let isCut = true;
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'Content-Type': 'application/x-tar', 'Content-Length': '100000' });
    response.write(Buffer.alloc(50_000));
    if (isCut) setTimeout(() => response.destroy(), 50);
    else response.end(Buffer.alloc(50_000));
  }).listen(0, '127.0.0.1');
  bench.defer(() => server.close());
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const cut = await run(bench, 'backup', 'b.tar', '--url', url);
  assert.deepEqual([cut.code, /its answer broke off/.test(cut.stderr)], [EXIT_CODES.unavailable, true], cut.stderr);
  isCut = false;
  const other = await run(bench, 'backup', 'b.tar', '--url', url);
  assert.deepEqual([other.code, /expected "_backup\.json" as the last file/.test(other.stderr)], [EXIT_CODES.failure, true], other.stderr);
  assert.deepEqual(readdirSync(bench.folder), []);
}));

test('a file that gets the name of a backup while that is made is kept', () => withWorkbench(async (bench) => {
  writeShop(bench);
  assert.equal((await run(bench, 'backup', 'good.tar', '--data', 'data')).code, EXIT_CODES.ok);
  const server = createServer((_request, response) => {
    writeFileSync(bench.path('b.tar'), 'mine');
    response.end(readFileSync(bench.path('good.tar')));
  }).listen(0, '127.0.0.1');
  bench.defer(() => server.close());
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { code, stderr } = await run(bench, 'backup', 'b.tar', '--url', url);
  assert.equal(code, EXIT_CODES.outputFailed, stderr);
  assert.match(stderr, /Cannot write to ".*b\.tar": EEXIST/);
  assert.equal(readFileSync(bench.path('b.tar'), 'utf8'), 'mine');
  assert.deepEqual(readdirSync(bench.folder).toSorted(), ['b.tar', 'data', 'good.tar']);
}));

function configure(bench: Workbench): void {
  const storage = {
    persistent_file_path: 'data/', segment_bytes: 4096, compaction: { interval_seconds: 1 },
    retention: { max_age_seconds: null, max_bytes: 30_000, compress: 'gzip' },
  };
  bench.configure([{ id: 'shop' }, { id: 'cache', storage: { on_disk: false } }], { default: { storage } });
}

async function put(server: ServerUnderTest, number: number): Promise<void> {
  const body = JSON.stringify({ number, text: 'x'.repeat(number % 300) });
  const answer = await server.send('PUT', `/api/v1/projects/shop/keys/k${number % 50}`, { key: server.key('shop'), body });
  assert.ok(answer.status < 300, answer.text);
}

test('a server under load, which seals, compacts and removes, is backed up again and again', () => withWorkbench(async (bench) => {
  configure(bench);
  const server = await bench.start();
  let isOver = false;
  let written = 0;
  const load = (async () => {
    for (; !isOver; written += 1) {
      await put(server, written);
      if (written % 60 === 0) await server.send('POST', '/api/v1/projects/shop/compact', { key: server.key('global') });
    }
  })();
  writeFileSync(bench.path('key'), `${server.key('global')}\n`);
  for (let round = 0; round < 4; round += 1) {
    const before = written;
    const options = round % 2 === 0 ? [] : ['--project', 'shop'];
    const file = `b${round}.tar`;
    const { projects, skipped } = shown(await run(bench, 'backup', file, '--url', server.url, '--key-file', 'key', '--json', ...options));
    assert.ok((projects[0]?.last_seq ?? 0) > before, 'everything that was answered before is in it');
    assert.deepEqual(skipped, round % 2 === 0 ? [{ id: 'cache', reason: 'not_on_disk' }] : []);
    const verified = await run(bench, 'verify', file, '--json');
    assert.equal(verified.code, EXIT_CODES.ok, verified.stdout);
  }
  isOver = true;
  await load;
  const plain = Object.values(Object.fromEntries(server.keys));
  for (const name of readdirSync(bench.folder).filter((each) => each.endsWith('.tar'))) {
    const text = readFileSync(bench.path(name), 'latin1');
    for (const secret of [...plain, 'sha256:', 'scrypt:', 'api_key_hash']) assert.ok(!text.includes(secret), `${name}: ${secret}`);
  }
  const byEnvironment = { SIMPLEKV_URL: server.url, SIMPLEKV_KEY: server.key('global') };
  shown(await ended(start(bench, ['backup', 'env.tar', '--json'], { env: byEnvironment })));
  const refused = await ended(start(bench, ['backup', 'no.tar', '--url', server.url], { env: { SIMPLEKV_KEY: server.key('shop') } }));
  assert.deepEqual([refused.code, /403 forbidden/.test(refused.stderr)], [EXIT_CODES.noPermission, true], refused.stderr);
  const anonymous = await run(bench, 'backup', 'no.tar', '--url', server.url);
  assert.match(anonymous.stderr, /401 unauthorized\)\. Give the API key with --key-file/);
  // The server was given any port, which is not in its configuration.
  const config = readFileSync(bench.path('config.json'), 'utf8');
  writeFileSync(bench.path('config.json'), config.replace(/"server_port": *0/, `"server_port": ${new URL(server.url).port}`));
  const locked = await run(bench, 'backup', 'last.tar', '--project', 'shop');
  const [, advised = ''] = /stop it first .*let the server make the backup while it runs: .*?(backup .*)\n$/.exec(locked.stderr) ?? [];
  assert.equal(locked.code, EXIT_CODES.temporaryFailure, locked.stderr);
  const advisedRun = await ended(start(bench, advised.split(' '), { env: { SIMPLEKV_KEY: server.key('global') } }));
  assert.equal(advisedRun.code, EXIT_CODES.ok, `${advised}: ${advisedRun.stderr}`);
  assert.match((await run(bench, 'verify', 'last.tar')).stdout, /^shop: sound /m);
}), { timeoutMs: TIMEOUT_MS });

test.run();
