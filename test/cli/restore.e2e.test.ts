/** `restore` through the real program: what was acknowledged before a backup is served from it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import { type Answer, type ServerUnderTest, until, withWorkbench, type Workbench } from '../e2e/server-under-test.js';
import { MAIN } from '../program-file.js';
import { suite } from '../suite.js';
import { damage, ended, run, writeShop } from './program.js';

const test = suite('cli/restore');
const TIMEOUT_MS = 120_000;
const WRITERS = 4;

const STORAGE = {
  segment_bytes: 4096, compaction: { interval_seconds: 1 }, retention: { max_age_seconds: null, max_bytes: 20_000, compress: 'gzip' },
};

/** A configuration of another server on the same bench. */
function configureOther(bench: Workbench, projects: readonly object[] = []): string {
  mkdirSync(bench.path('other'), { recursive: true });
  const document = { version: 1, server_port: 0, default: { storage: { persistent_file_path: 'data/' } }, projects };
  writeFileSync(bench.path('other', 'config.json'), JSON.stringify(document), { mode: 0o600 });
  return bench.path('other', 'config.json');
}

interface Written {
  readonly value: string;
  readonly etag: string;
  readonly seq: number;
}

async function put(server: ServerUnderTest, project: string, key: string, body: string): Promise<Answer> {
  const answer = await server.send('PUT', `/api/v1/projects/${project}/keys/${key}`, { key: server.key(project), body });
  assert.ok(answer.status < 300, answer.text);
  return answer;
}

test('everything that was acknowledged before a backup of a busy server is served from it, and its log goes on', () => withWorkbench(
  async (bench) => {
    bench.configure([{ id: 'shop', storage: STORAGE }, { id: 'mail', storage: STORAGE }]);
    const server = await bench.start();
    const acknowledged = new Map<string, Written>();
    let isOver = false;
    const writers = Array.from({ length: WRITERS }, async (_, writer) => {
      for (let number = 0; !isOver; number += 1) {
        const project = number % 3 === 0 ? 'mail' : 'shop';
        const [key, value] = [`w${writer}-${number % 40}`, JSON.stringify({ number, text: 'x'.repeat(number % 200) })];
        const answer = await put(server, project, key, value);
        const { seq } = JSON.parse(answer.text) as { seq: number };
        acknowledged.set(`${project}/${key}`, { value, etag: String(answer.headers['etag']), seq });
      }
    });
    await until('enough writes', () => (acknowledged.size >= 200 ? true : undefined));
    writeFileSync(bench.path('key'), server.key('global'));
    const before = new Map(acknowledged);
    const made = await run(bench, 'backup', 'b.tar', '--url', server.url, '--key-file', 'key', '--json');
    assert.equal(made.code, EXIT_CODES.ok, made.stderr);
    isOver = true;
    await Promise.all(writers);
    const config = configureOther(bench);
    const restored = await run(bench, 'restore', 'b.tar', '--config', 'other/config.json', '--adopt', '--json');
    assert.equal(restored.code, EXIT_CODES.ok, restored.stderr);
    const { projects } = JSON.parse(restored.stdout) as { projects: { id: string; last_seq: number; log_id: string }[] };
    assert.deepEqual(projects.map(({ id }) => id), ['mail', 'shop']);
    const verified = await run(bench, 'verify', '--config', config);
    assert.equal(verified.code, EXIT_CODES.ok, verified.stdout);
    const other = await bench.start({ config });
    for (const { id, last_seq: lastSeq, log_id: logId } of projects) {
      const key = other.key(id);
      const listed = await other.send('GET', `/api/v1/projects/${id}/keys?values=entries`, { key });
      const entries = JSON.parse(listed.text) as { key: string; seq: number; value: unknown }[];
      const served = new Map(entries.map((entry) => [`${id}/${entry.key}`, entry]));
      for (const [name, { seq }] of before) {
        if (!name.startsWith(`${id}/`)) continue;
        const found = served.get(name)?.seq ?? 0;
        // A later write of the same key may have come before the backup.
        assert.ok(found >= seq && found <= lastSeq, `${name}: ${found} instead of ${seq}`);
        if (found > seq) continue;
        const answer = await other.send('GET', `/api/v1/projects/${name.replace('/', '/keys/')}`, { key });
        assert.deepEqual([answer.text, answer.headers['etag']], [before.get(name)?.value, before.get(name)?.etag], name);
      }
      const details = JSON.parse((await other.send('GET', `/api/v1/projects/${id}`, { key })).text) as { log_id: string; seq: number };
      assert.equal(details.log_id, logId);
      const next = JSON.parse((await put(other, id, 'next', '1')).text) as { seq: number };
      // The new API key is a line of its own.
      assert.ok(next.seq > lastSeq && next.seq <= lastSeq + 3, `${next.seq} after ${lastSeq}`);
    }
    await other.stop();
    assert.equal((await run(bench, 'verify', '--config', config)).code, EXIT_CODES.ok);
  }), { timeoutMs: TIMEOUT_MS });

test('a project is restored beside others as a new one, with its keys and versions', () => withWorkbench(async (bench) => {
  bench.configure([{ id: 'shop', storage: STORAGE }]);
  const server = await bench.start();
  for (let number = 0; number < 30; number += 1) await put(server, 'shop', `k${number}`, `{"n":${number}.0}`);
  const before = await server.send('GET', '/api/v1/projects/shop/keys?values=entries', { key: server.key('shop') });
  await server.stop();
  assert.equal((await run(bench, 'backup', 'b.tar')).code, EXIT_CODES.ok);
  const restored = await run(bench, 'restore', 'b.tar', '--project', 'shop', '--as', 'copy');
  assert.equal(restored.code, EXIT_CODES.ok, restored.stderr);
  assert.match(restored.stdout, /^copy: restored up to seq 31, as of .* \(new log [0-9a-f]{32}, from the state of "shop"\)\nnext: /);
  const again = await bench.start({ args: ['--adopt'] });
  const served = await again.send('GET', '/api/v1/projects/copy/keys?values=entries', { key: again.key('copy') });
  assert.equal(served.text, before.text);
  assert.equal((JSON.parse((await put(again, 'copy', 'k1', '2')).text) as { seq: number }).seq, 33);
}), { timeoutMs: TIMEOUT_MS });

test('what cannot be restored is refused, with what to do', () => withWorkbench(async (bench) => {
  writeShop(bench);
  assert.equal((await run(bench, 'backup', 'b.tar', '--data', 'data')).code, EXIT_CODES.ok);
  const restored = await run(bench, 'restore', 'b.tar', '--data', 'new/er');
  assert.equal(restored.code, EXIT_CODES.ok, restored.stderr);
  const place = JSON.stringify(bench.path('new', 'er'));
  assert.match(restored.stdout, /\nnext: start a server with .* serve --config FILE --adopt, once: /);
  assert.ok(restored.stdout.endsWith(` FILE is a configuration with "persistent_file_path": ${place}\n`), restored.stdout);
  const refusals: [readonly string[], RegExp, number][] = [
    [['b.tar', '--data', 'data', '--project', 'shop', '--as', 'shop'], /has files of that name/, EXIT_CODES.failure],
    [['b.tar', '--data', 'x', '--as', 'copy'], /--as only with --project/, EXIT_CODES.usage],
    [['b.tar', '--data', 'x', '--project', '_server'], /not a project id/, EXIT_CODES.usage],
    [['b.tar', '--data', 'x', '--project', 'none'], /the backup has these projects: shop/, EXIT_CODES.usage],
    [['b.tar', '--data', 'x', '--adopt'], /Use --adopt with --config/, EXIT_CODES.usage],
    [['b.tar', '--data', 'x', '--config', 'y'], /not both/, EXIT_CODES.usage],
    [['b.tar'], /Cannot find the configuration/, EXIT_CODES.usage],
    [['data/shop.jsonl', '--data', 'x'], /Cannot restore from ".*shop\.jsonl": it is no backup, but something else\./, EXIT_CODES.noInput],
    [['b.tar', '--data', 'b.tar'], /Cannot use ".*b\.tar" as a data folder: it is a file/, EXIT_CODES.noInput],
    [['none.tar', '--data', 'x'], /there is no such file/, EXIT_CODES.noInput],
    [['data', '--data', 'x'], /there is no such file/, EXIT_CODES.noInput],
  ];
  for (const [args, said, code] of refusals) {
    const ran = await run(bench, 'restore', ...args);
    assert.match(ran.stderr, said, args.join(' '));
    assert.equal(ran.code, code, args.join(' '));
  }
  assert.equal(existsSync(bench.path('x')), false, 'a refusal makes no folder');
  const there = await run(bench, 'restore', 'b.tar', '--data', 'new/er');
  assert.match(there.stdout, /^shop: is there already, up to seq 9 /);
  damage(bench.path('b.tar'));
  const damaged = await run(bench, 'restore', 'b.tar', '--data', 'empty');
  assert.equal(damaged.code, EXIT_CODES.failure);
  assert.match(damaged.stderr, /Cannot trust "b\.tar" at byte/);
}), { timeoutMs: TIMEOUT_MS });

test('a disk that is too small for a backup is named, and with space the same command goes on', () => withWorkbench(async (bench) => {
  writeShop(bench, 8, 5000);
  assert.equal((await run(bench, 'backup', 'b.tar', '--data', 'data')).code, EXIT_CODES.ok);
  // In blocks of 512 or 1,024 bytes, either of which is too little.
  const args = ['-c', 'ulimit -f 30; exec "$0" "$@"', process.execPath, MAIN, 'restore', 'b.tar', '--data', 'new'];
  const child = spawn('sh', args, { cwd: bench.folder, env: { ...process.env, NODE_V8_COVERAGE: '' }, stdio: ['ignore', 'pipe', 'pipe'] });
  const { code, stderr } = await ended(child);
  assert.equal(code, EXIT_CODES.outputFailed, stderr);
  assert.match(stderr, /^simplekv: Cannot .*: the disk is full\. Free disk space for ".*new", then run the same command again\n$/);
  assert.match((await run(bench, 'restore', 'b.tar', '--data', 'new')).stdout, /^shop: restored up to seq 9/);
  assert.equal((await run(bench, 'verify', '--data', 'new')).code, EXIT_CODES.ok);
}), { timeoutMs: TIMEOUT_MS });

test('a folder that a server uses is not restored into, and an entry that is ahead is named', () => withWorkbench(async (bench) => {
  bench.configure([{ id: 'shop', storage: STORAGE }]);
  const server = await bench.start();
  await put(server, 'shop', 'a', '1');
  writeFileSync(bench.path('key'), server.key('global'));
  assert.equal((await run(bench, 'backup', 'b.tar', '--url', server.url, '--key-file', 'key')).code, EXIT_CODES.ok);
  const busy = await run(bench, 'restore', 'b.tar');
  assert.equal(busy.code, EXIT_CODES.temporaryFailure);
  assert.match(busy.stderr, /Cannot restore into .* while a server runs/);
  const change = { key: server.key('global'), body: '{"storage":{"durability":"os"}}' };
  assert.equal((await server.send('PUT', '/api/v1/projects/shop', change)).status, 200);
  await server.stop();
  const config = bench.document();
  writeFileSync(bench.configPath, JSON.stringify({ ...config, default: { storage: { persistent_file_path: 'moved/' } } }));
  const ahead = await run(bench, 'restore', 'b.tar');
  assert.match(ahead.stdout, /next: set "revision" of the entry of "shop" in ".*config\.json" to 1\n$/);
  const again = await run(bench, 'restore', 'b.tar', '--adopt');
  assert.match(again.stdout, /is there already.*\nnext: start the server\./);
  const served = await bench.start();
  const key = server.key('shop');
  assert.equal((await served.send('GET', '/api/v1/projects/shop/keys/a', { key })).text, '1', 'its API key is that of the entry');
}), { timeoutMs: TIMEOUT_MS });

test.run();
