/** `export` and `import` through the real program: what one writes, the other reads, token for token. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import { type ServerUnderTest, withWorkbench, type Workbench } from '../e2e/server-under-test.js';
import { suite } from '../suite.js';
import { ended, type Ran, run, start, writeShop } from './program.js';

const test = suite('cli/entries');
const TIMEOUT_MS = 120_000;
const OPEN = { enabled: false };
const KEYS = 2500;
/** Values that parsing and printing would change, and characters that some take for the end of a line. */
const VALUES = ['1.0', '{"b":1,"a":1e400,"b":2}', '12345678901234567890', '"\u2028\u0085 \\u00e9 é"', 'null', '[ 1 ,  2 ]', '"\\ud83d"'];

function configure(bench: Workbench, limits: object = {}): void {
  bench.configure(['from', 'to'].map((id) => ({ id, authentication: OPEN })), { default: { authentication: OPEN }, limits });
}

/** The lines of an input of so many keys. */
function inputOf(count: number): string {
  return Array.from({ length: count }, (_, number) => (
    `{"key":"k${String(number).padStart(5, '0')}","value":${VALUES[number % VALUES.length] ?? '0'}}\n`
  )).join('');
}

async function listed(server: ServerUnderTest, project: string): Promise<string> {
  return (await server.send('GET', `/api/v1/projects/${project}/keys`)).text;
}

function numbersOf({ code, stdout, stderr }: Ran): Record<string, unknown> {
  assert.equal(code, EXIT_CODES.ok, stdout + stderr);
  return JSON.parse(stdout) as Record<string, unknown>;
}

test('an export of a server or of its files is imported with the same values, token for token', () => withWorkbench(async (bench) => {
  configure(bench);
  const server = await bench.start();
  writeFileSync(bench.path('in.ndjson'), inputOf(KEYS));
  const imported = numbersOf(await run(bench, 'import', 'from', 'in.ndjson', '--url', server.url, '--json'));
  assert.deepEqual(imported, { project: 'from', imported: KEYS, existing: 0, expired: 0, batches: 3, next_line: KEYS + 1, dry_run: false });
  const exported = await run(bench, 'export', 'from', '--url', server.url);
  assert.equal(exported.code, EXIT_CODES.ok, exported.stderr);
  const lines = exported.stdout.split('\n');
  assert.equal(lines.length, KEYS + 1);
  assert.match(lines[0] ?? '', /^\{"key":"k00000","seq":2,"modified_at":"[^"]+","expires_at":null,"value":1\.0\}$/);

  const child = start(bench, ['import', 'to', '-', '--url', server.url], { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin?.end(exported.stdout);
  assert.match((await ended(child)).stdout, /^to: 2500 keys imported, batches: 3\n$/);
  assert.equal(await listed(server, 'to'), await listed(server, 'from'));
  const part = await run(bench, 'export', 'from', '--url', server.url, '--prefix', 'k01', '--start', 'k01998');
  assert.deepEqual(part.stdout, `${lines[1998] ?? ''}\n${lines[1999] ?? ''}\n`);
  await server.stop();
  assert.equal((await run(bench, 'export', 'from')).stdout, exported.stdout);
  assert.equal((await run(bench, 'export', 'from', '--prefix', 'k01', '--start', 'k01998')).stdout, part.stdout);
  const whole = numbersOf(await run(bench, 'export', 'from', '--out', 'out.ndjson', '--json'));
  assert.deepEqual(whole, { project: 'from', keys: KEYS, bytes: Buffer.byteLength(exported.stdout), file: bench.path('out.ndjson') });
  assert.equal(readFileSync(bench.path('out.ndjson'), 'utf8'), exported.stdout);
  const counted = await run(bench, 'export', 'from', '--dry-run');
  assert.match(counted.stdout, /^from: 2500 keys, \d+ bytes would be exported; nothing was written\n$/);
}), { timeoutMs: TIMEOUT_MS });

test('an import stops at the first bad line and says where to continue', () => withWorkbench(async (bench) => {
  configure(bench);
  const server = await bench.start();
  const lines = inputOf(1500).split('\n');
  writeFileSync(bench.path('in'), [...lines.slice(0, 1200), '{"key":"x"}', ...lines.slice(1200)].join('\n'));
  const failed = await run(bench, 'import', 'to', 'in', '--url', server.url);
  assert.equal(failed.code, EXIT_CODES.badInput);
  assert.match(failed.stderr, /Cannot import line 1201: it has no member "value"\. Every line up to 1200 is imported: /);
  assert.match(failed.stderr, /: continue with --from-line 1201\n$/);
  const counted = await server.send('GET', '/api/v1/projects/to/keys?count=true');
  assert.match(counted.text, /^\{"count":1200,/);
  const rest = numbersOf(await run(bench, 'import', 'to', 'in', '--url', server.url, '--from-line', '1202', '--json'));
  assert.deepEqual([rest['imported'], rest['next_line']], [300, 1502]);
  assert.match((await server.send('GET', '/api/v1/projects/to/keys?count=true')).text, /^\{"count":1500,/);
}), { timeoutMs: TIMEOUT_MS });

test('keys that exist are left with --if-absent, expired ones skipped; a dry run changes nothing', () => withWorkbench(async (bench) => {
  configure(bench);
  const server = await bench.start();
  await server.send('PUT', '/api/v1/projects/to/keys/k00001', { body: '"mine"' });
  const expired = '{"key":"old","expires_at":"2020-01-01T00:00:00.000Z","value":1}\n';
  const twice = '{"key":"twice","value":1}\n{"key":"twice","value":2}\n';
  writeFileSync(bench.path('in'), inputOf(3) + expired + twice);
  const dry = numbersOf(await run(bench, 'import', 'to', 'in', '--dry-run', '--json'));
  assert.deepEqual([dry['imported'], dry['expired'], dry['dry_run']], [5, 1, true]);
  // Also where it could send something.
  assert.deepEqual(numbersOf(await run(bench, 'import', 'to', 'in', '--url', server.url, '--dry-run', '--json')), dry);
  assert.equal(await listed(server, 'to'), '{"k00001":"mine"}');
  const made = await run(bench, 'import', 'to', 'in', '--url', server.url, '--if-absent');
  assert.equal(made.stdout, 'to: 3 keys imported, batches: 1; already there: 2; expired: 1\n');
  assert.equal(await listed(server, 'to'), '{"k00000":1.0,"k00001":"mine","k00002":12345678901234567890,"twice":1}');
  const none = await run(bench, 'import', 'to', 'in', '--url', server.url, '--if-absent');
  assert.equal(none.stdout, 'to: 0 keys imported, batches: 0; already there: 5; expired: 1\n');
}), { timeoutMs: TIMEOUT_MS });

test('batches become smaller where a server takes no larger ones', () => withWorkbench(async (bench) => {
  configure(bench, { max_batch_ops: 64 });
  const server = await bench.start();
  writeFileSync(bench.path('in'), inputOf(500));
  const { imported, batches } = numbersOf(await run(bench, 'import', 'to', 'in', '--url', server.url, '--json'));
  assert.equal(imported, 500);
  assert.ok(Number(batches) >= 8, String(batches));
  writeFileSync(bench.path('long'), `${inputOf(2)}{"key":"${'x'.repeat(1100)}","value":1}\n`);
  const refused = await run(bench, 'import', 'to', 'long', '--url', server.url);
  assert.equal(refused.code, EXIT_CODES.badInput);
  assert.match(refused.stderr, /Cannot import line 3: .* \(400 invalid_batch\)\. Every line up to 2 is imported/);
  assert.match(await listed(server, 'to'), /"k00001":/);
}), { timeoutMs: TIMEOUT_MS });

test('a value that is longer than a batch may be is imported by itself', () => withWorkbench(async (bench) => {
  configure(bench, { max_batch_bytes: 4096 });
  const server = await bench.start();
  const long = `{"key":"a/../b ?","value":"${'x'.repeat(10_000)}"}\n`;
  writeFileSync(bench.path('in'), long + inputOf(300));
  const { imported, batches } = numbersOf(await run(bench, 'import', 'from', 'in', '--url', server.url, '--json'));
  assert.equal(imported, 301);
  assert.ok(Number(batches) < 50, `${String(batches)} batches: the keys after it still go together`);
  assert.match(await listed(server, 'from'), /^\{"a\/\.\.\/b \?":"x{10000}","k00000":1\.0,"k00001":/);
  const again = numbersOf(await run(bench, 'import', 'from', 'in', '--url', server.url, '--if-absent', '--json'));
  assert.deepEqual([again['imported'], again['existing']], [0, 301]);
}), { timeoutMs: TIMEOUT_MS });

test('an import reads the answers, so connections are reused, and waits while the queue of the server is full', async () => {
  await withWorkbench(async (bench) => {
    let [connections, batches] = [0, 0];
    const server = createServer((request, response) => {
      request.resume().on('end', () => {
        batches += 1;
        const isFull = batches === 1;
        response.writeHead(isFull ? 503 : 200, { 'Content-Type': 'application/json' });
        response.end(JSON.stringify(isFull ? { code: 'queue_full', detail: 'full' } : { results: 'x'.repeat(200_000) }));
      });
    }).on('connection', () => { connections += 1; });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    try {
      writeFileSync(bench.path('in'), inputOf(8 * 1000));
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      assert.equal(numbersOf(await run(bench, 'import', 'to', 'in', '--url', url, '--json'))['imported'], 8000);
      assert.equal(batches, 9);
      assert.ok(connections <= 2, `${connections} connections`);
    } finally {
      server.close();
    }
  });
}, { timeoutMs: TIMEOUT_MS });

test('a file from Windows is imported: a byte order mark, and carriage returns alone', () => withWorkbench(async (bench) => {
  writeFileSync(bench.path('in'), '\uFEFF{"key":"a","value":1}\r\n\r\n{"key":"b","value":2}\r\n');
  assert.equal(numbersOf(await run(bench, 'import', 'to', 'in', '--dry-run', '--json'))['imported'], 2);
}), { timeoutMs: TIMEOUT_MS });

test('an export follows a link, and replaces no pipe and no file of the data', () => withWorkbench(async (bench) => {
  writeShop(bench);
  assert.equal(spawnSync('mkfifo', [bench.path('pipe')]).status, 0);
  writeFileSync(bench.path('real'), 'old');
  symlinkSync('real', bench.path('link'));
  const pipe = await run(bench, 'export', 'shop', '--data', 'data', '--out', 'pipe');
  assert.match(pipe.stderr, /Cannot write to ".*pipe": not a regular file/);
  const inside = await run(bench, 'export', 'shop', '--data', 'data', '--out', 'data/shop.jsonl');
  assert.match(inside.stderr, /Cannot write to ".*shop\.jsonl": it is in the data folder/);
  assert.deepEqual([pipe.code, inside.code], [EXIT_CODES.usage, EXIT_CODES.usage]);
  assert.equal(statSync(bench.path('pipe')).isFIFO(), true);
  numbersOf(await run(bench, 'export', 'shop', '--data', 'data', '--out', 'link', '--json'));
  assert.equal(lstatSync(bench.path('link')).isSymbolicLink(), true);
  assert.match(readFileSync(bench.path('real'), 'utf8'), /^\{"key":/);
}), { timeoutMs: TIMEOUT_MS });

test('what cannot be exported or imported is refused', () => withWorkbench(async (bench) => {
  writeShop(bench);
  writeFileSync(bench.path('in'), inputOf(1));
  const refusals: [readonly string[], RegExp, number][] = [
    [['export', '_server', '--data', 'data'], /it has no keys/, EXIT_CODES.usage],
    [['export', 'none', '--data', 'data'], /Cannot export "none"/, EXIT_CODES.usage],
    [['import', 'shop', 'in'], /Cannot import into files: name the running server with --url/, EXIT_CODES.usage],
    [['import', 'shop', 'none', '--dry-run'], /Cannot read "none": there is no such file\. Use - for/, EXIT_CODES.usage],
    [['import', 'shop', 'data', '--dry-run'], /Cannot read "data": it is a folder/, EXIT_CODES.usage],
    [['import', 'shop', 'in', '--dry-run', '--from-line', '0'], /Cannot begin with line "0"/, EXIT_CODES.usage],
    [['import', 'shop', 'in', '--url', 'http://127.0.0.1:9'], /Cannot reach .*No line is known to be/, EXIT_CODES.unavailable],
  ];
  for (const [args, said, code] of refusals) {
    const ran = await run(bench, ...args);
    assert.match(ran.stderr, said, args.join(' '));
    assert.equal(ran.code, code, args.join(' '));
  }
  assert.deepEqual(readdirSync(bench.folder).toSorted(), ['data', 'in']);
}), { timeoutMs: TIMEOUT_MS });

test.run();
