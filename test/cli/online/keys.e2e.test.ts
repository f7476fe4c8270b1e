/** `get`, `set`, `delete`, `list`, `edit` and `batch` against a live server. */
import assert from 'node:assert/strict';
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { EXIT_CODES } from '../../../src/cli/exit-codes.js';
import { suite } from '../../suite.js';
import { temporaryFolder } from '../program.js';
import { runFed, type ServedShop, withServedShop } from './served-shop.js';

const test = suite('cli/online/keys');
const TIMEOUT = { timeoutMs: 120_000 };
const HASH = '[0-9a-f]{64}';

test('set and get keep values token for token, and print receipts', () => withServedShop(async ({ bench, env, shop }) => {
  const set = await shop('set', 'user/1', '{"n": 1.0, "big": 9007199254740993}');
  assert.match(set.stdout, new RegExp(`^user/1: created, seq 2, receipt ${HASH}\n$`));
  assert.equal((await shop('get', 'user/1')).stdout, '{"n": 1.0, "big": 9007199254740993}\n');
  assert.equal((await shop('get', 'user/1', '--raw')).stdout, '{"n": 1.0, "big": 9007199254740993}');
  const json = JSON.parse((await shop('set', 'user/1', '[]', '--json')).stdout) as Record<string, unknown>;
  assert.deepEqual({ ...json, hash: '', etag: '' }, { key: 'user/1', seq: 3, hash: '', etag: '', created: false, durable: true });
  writeFileSync(bench.path('value'), '"from a file"\n');
  assert.equal((await shop('set', 'f', '--file', 'value')).code, EXIT_CODES.ok);
  assert.equal((await shop('get', 'f')).stdout, '"from a file"\n');
  assert.equal((await runFed(bench, ['set', 'text', '-', '--string'], 'two\nlines\n', { env })).code, EXIT_CODES.ok);
  assert.equal((await shop('get', 'text')).stdout, '"two\\nlines\\n"\n');
  for (const key of ['.', '..', 'a/../b?#%', 'ключ']) {
    assert.equal((await shop('set', key, '1')).code, EXIT_CODES.ok, key);
    assert.equal((await shop('get', key)).stdout, '1\n', key);
  }
  assert.equal((await shop('get', 'user/1', '--at', '2')).stdout, '{"n": 1.0, "big": 9007199254740993}\n');
}), TIMEOUT);

test('get prints the version and the times in place of the value, or all of it as one object', () => withServedShop(async ({ shop }) => {
  await shop('set', 'a', '1.50', '--ttl', '1h');
  const meta = /^key {7}a\nseq {7}2\netag {6}"2-[0-9a-f]{8}"\nmodified {2}\S+Z\nexpires {3}\S+Z\nbytes {5}4\n$/;
  assert.match((await shop('get', 'a', '--meta')).stdout, meta);
  const document = /^\{"key":"a","seq":2,"time":"[^"]+\.\d{3}Z","expires_at":"[^"]+Z","value":1\.50\}\n$/;
  assert.match((await shop('get', 'a', '--json')).stdout, document);
  assert.match((await shop('get', 'a', '--jsonl')).stdout, document);
  assert.match((await shop('get', 'a', '--json', '--meta')).stdout, /^\{"key":"a","seq":2,"time":"[^"]+","expires_at":"[^"]+"\}\n$/);
  await shop('set', 'a', '2', '--keep-ttl');
  assert.match((await shop('get', 'a', '--json')).stdout, /"expires_at":"/);
}), TIMEOUT);

test('a key that does not exist and a condition that does not hold exit with 1', () => withServedShop(async ({ server, shop }) => {
  await shop('set', 'a', '1');
  const cases: [string[], RegExp][] = [
    [['get', 'none'], /^simplekv: "shop" has no key "none"\. Its history: .* history none --project shop\n$/],
    [['get', 'none', '--url', server.url], /Its history: .* history none --project shop --url http:\S+\n$/],
    [['get', 'none', '--json'], /has no key "none"/], [['get', 'a', '--at', '1'], /has no key "a" at seq 1/],
    [['delete', 'none'], /"shop" has no key "none"/], [['set', 'a', '2', '--create'], /\(412 precondition_failed\)/],
    [['set', 'a', '2', '--if-seq', '1'], /its version is 2 \(412 precondition_failed\)/],
    [['delete', 'a', '--if-seq', '7'], /\(412 precondition_failed\)/],
    [['history', 'none'], /no event of "shop" that is kept changed "none"/],
  ];
  await Promise.all(cases.map(async ([args, said]) => {
    const { code, stdout, stderr } = await shop(...args);
    assert.deepEqual([code, stdout], [EXIT_CODES.failure, ''], `${args.join(' ')}: ${stderr}`);
    assert.match(stderr, said);
  }));
  assert.equal((await shop('set', 'a', '2', '--if-seq', '2')).code, EXIT_CODES.ok);
}), TIMEOUT);

test('what is no JSON is refused before it is sent, with its place', () => withServedShop(async ({ bench, env, shop, server }) => {
  const word = await shop('set', 'a', 'hello');
  assert.equal(word.code, EXIT_CODES.badInput);
  assert.match(word.stderr, /not JSON: line 1, column 1: expected a value\. For a text, add --string, or write '"hello"'\n$/);
  const input = await runFed(bench, ['set', 'a', '-'], '{"a": 1,\n  b: 2}', { env });
  assert.equal(input.code, EXIT_CODES.badInput);
  assert.match(input.stderr, /line 2, column 3: expected a name in double quotes\n$/);
  const batch = await runFed(bench, ['batch', '-'], '{"ops":[}', { env });
  assert.deepEqual([batch.code, batch.stdout], [EXIT_CODES.badInput, '']);
  assert.equal(server.lines.some(({ msg, method }) => msg === 'request' && method !== 'GET'), false);
}), TIMEOUT);

test('contradictory and missing words are usage errors', () => withServedShop(async ({ shop }) => {
  const cases: [string[], RegExp][] = [
    [['set', 'a'], /without a value/], [['set', 'a', '1', '--file', 'x'], /either a value on the command line, or --file/],
    [['set', 'a', '1', '--create', '--if-seq', '1'], /either --create or --if-seq/],
    [['set', 'a', '1', '--ttl', '1'], /expected a duration/],
    [['set', 'a', '1', '--ttl', '1h', '--keep-ttl'], /either --ttl or --keep-ttl/], [['delete'], /Cannot tell what to delete/],
    [['delete', 'a', '--all'], /Cannot tell what to delete/], [['delete', 'a', 'b', '--if-seq', '1'], /exactly one key/],
    [['delete', '--prefix', 'a'], /Delete 0 keys beginning with "a" of "shop" on http\S+ Repeat the command with --yes/],
    [['get'], /Cannot do without the key/], [['get', 'a', 'b', 'c'], /Cannot use 3 words: expected the project, if need be, and the key/],
    [['list', '--count', '--values'], /Cannot use --count with --values/], [['list', '--limit', '0'], /expected a whole number from 1 on/],
    [['list', '--json', '--jsonl'], /'--json' cannot be used with option '--jsonl'/],
    [['get', 'shop', 'a', '--project', 'other'], /Cannot use two projects/],
    [['get', 'a', '--at', '99'], /\(400 invalid_query\)/], [['set', 'a', '--file', 'none'], /Cannot read "none"/],
    [['list', 'none'], /\(40[13] /],
  ];
  await Promise.all(cases.map(async ([args, said]) => {
    const { code, stderr } = await shop(...args);
    assert.match(stderr, said, args.join(' '));
    assert.equal(code, /\(40[13] /.test(stderr) ? EXIT_CODES.noPermission : EXIT_CODES.usage, args.join(' '));
  }));
}), TIMEOUT);

test('list has the options of the server, and every form', () => withServedShop(async ({ shop }) => {
  for (const key of ['b', 'a', '10', '9']) await shop('set', key, `"${key}"`);
  const listed = async (...args: readonly string[]): Promise<string> => (await shop('list', ...args)).stdout;
  assert.equal(await listed(), '10\n9\na\nb\n');
  assert.equal(await listed('shop', '--reverse', '--limit', '2'), 'b\na\n');
  assert.equal(await listed('--start', '9', '--end', 'b', '--values'), '9\t"9"\na\t"a"\n');
  assert.equal(await listed('--prefix', 'x'), '');
  assert.equal(await listed('--count'), '4\n');
  assert.equal(await listed('--count', '--start', 'a', '--json'), '{"count":2}\n');
  assert.match(await listed('--jsonl', '--limit', '1'), /^\{"key":"10","seq":4,"time":"[^"]+","expires_at":null,"value":"10"\}\n$/);
  assert.equal((JSON.parse(await listed('--json')) as object[]).length, 4);
  assert.equal(await listed('--json', '--prefix', 'x'), '[]\n');
  assert.equal(await listed('--at', '2'), 'b\n');
}), TIMEOUT);

test('delete takes keys, a range and all keys, with one line each', () => withServedShop(async ({ shop, bench }) => {
  const fill = async (): Promise<void> => {
    for (const key of ['a', 'b/1', 'b/2', 'c']) await shop('set', key, '1');
  };
  await fill();
  assert.match((await shop('delete', 'a')).stdout, new RegExp(`^a: deleted, seq 6, receipt ${HASH}\n$`));
  const several = await shop('delete', 'b/1', 'none', 'b/1', 'c');
  assert.deepEqual([several.code, several.stderr], [EXIT_CODES.failure, 'simplekv: "shop" has no key "none"\n']);
  assert.match(several.stdout, new RegExp(`^2 keys deleted, seq 7, receipt ${HASH}\n$`));
  await fill();
  assert.equal((await shop('delete', '--prefix', 'b/', '--dry-run')).stdout, '2 keys would be deleted; nothing was changed\n');
  assert.equal((await shop('delete', '--prefix', 'b/', '--dry-run', '--json')).stdout, '{"deleted":2,"dry_run":true}\n');
  assert.match((await shop('delete', '--prefix', 'b/', '--yes')).stdout, /^2 keys deleted, seq 12, receipt /);
  assert.equal((await shop('delete', '--prefix', 'b/', '--yes')).stdout, 'no key matched; nothing was deleted\n');
  const all = JSON.parse((await shop('delete', '--all', '--yes', '--json')).stdout) as Record<string, unknown>;
  assert.deepEqual([all['deleted'], all['seq'], all['durable']], [2, 13, true]);
  assert.match(readFileSync(bench.path('data', 'shop.jsonl'), 'utf8'), /"seq":12,.*"op":"clear\.range".*\n.*"op":"clear"/);
}), TIMEOUT);

test('a batch takes effect as a whole, with values token for token', () => withServedShop(async ({ bench, env, shop }) => {
  const ops = '[{"op":"set","key":"a","value":1.00},{"op":"delete","key":"none"}]';
  const made = await runFed(bench, ['batch', '-'], ops, { env });
  assert.match(made.stdout, new RegExp(`^2 operations took effect, seq 2, receipt ${HASH}\n$`));
  assert.equal((await shop('get', 'a')).stdout, '1.00\n');
  writeFileSync(bench.path('ops'), `{"ops":[{"op":"check","key":"a","if_seq":9},${ops.slice(1)}}`);
  const refused = await shop('batch', 'ops');
  assert.deepEqual([refused.code, refused.stdout], [EXIT_CODES.failure, '']);
  writeFileSync(bench.path('ops'), '{"ops":[{"op":"delete","key":"none"}]}');
  assert.equal((await shop('batch', 'ops')).stdout, 'nothing was changed; the newest change is seq 2\n');
  assert.deepEqual(JSON.parse((await shop('batch', 'ops', '--json')).stdout), { seq: 2, results: [{ key: 'none', existed: false }] });
  writeFileSync(bench.path('ops'), '{"ops":[{"op":"jump"}]}');
  const odd = await shop('batch', 'ops');
  assert.equal(odd.code, EXIT_CODES.badInput);
  assert.match(odd.stderr, /\(400 invalid_batch\)\n$/);
}), TIMEOUT);

/** Writes an editor: a shell script that gets the file as `$1`. */
function editor({ bench }: ServedShop, script: string): string {
  const file = bench.path('editor.sh');
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o700);
  return file;
}

test('edit stores what the editor makes of a value, and leaves no file', () => withServedShop(async (served) => {
  const { bench, env, shop } = served;
  const temporary = temporaryFolder(bench);
  const edit = async (script: string, ...args: readonly string[]): ReturnType<typeof runFed> => await runFed(
    bench, ['edit', 'a', ...args], '', { env: { ...env, ...temporary.env, VISUAL: `${editor(served, script)} --wait`, EDITOR: 'false' } },
  );
  // The file is the last word, after the argument of the editor's own.
  const created = await edit('stat -c %a "$2" > mode; echo "[1.0]" > "$2"');
  assert.match(created.stdout, new RegExp(`^a: created, seq 2, receipt ${HASH}\n$`), created.stderr);
  assert.equal(readFileSync(bench.path('mode'), 'utf8'), '600\n');
  await shop('set', 'a', '[1.0]', '--ttl', '1h');
  const changed = await edit('sed -i s/1/2/ "$2"', '--json');
  assert.equal((JSON.parse(changed.stdout) as Record<string, unknown>)['seq'], 4);
  assert.match((await shop('get', 'a', '--json')).stdout, /"expires_at":"[^"]+","value":\[2\.0\]\}\n$/);
  assert.match((await edit('true')).stderr, /nothing was changed: the value is the same\n$/);
  assert.match((await edit(': > "$2"')).stderr, /nothing was changed: the file is empty\n$/);
  const failed = await edit('exit 3');
  assert.deepEqual([failed.code, failed.stdout], [EXIT_CODES.failure, '']);
  assert.match(failed.stderr, /^simplekv: Cannot store what the editor ".*" left: it ended with exit code 3\n$/);
  const absent = await runFed(bench, ['edit', 'a'], '', { env: { ...env, ...temporary.env, VISUAL: 'no-such-editor' } });
  assert.equal(absent.code, EXIT_CODES.usage);
  assert.match(absent.stderr, /it ended with exit code 127\. Set VISUAL or EDITOR to an editor\n$/);
  assert.deepEqual(readdirSync(temporary.folder), []);
}), TIMEOUT);

test('edit keeps what was written when it cannot be stored', () => withServedShop(async (served) => {
  const { bench, env, server } = served;
  const temporary = temporaryFolder(bench);
  const written = 'echo "\\"an hour\\"" > "$1"';
  const edit = async (script: string): ReturnType<typeof runFed> => await runFed(
    bench, ['edit', 'a'], '', { env: { ...env, ...temporary.env, VISUAL: editor(served, script), SERVER: String(server.process.pid) } },
  );
  const rows: readonly (readonly [script: string, code: number, said: RegExp, kept: string])[] = [
    ['echo "[1," > "$1"', EXIT_CODES.badInput, /Cannot store the value: it is not JSON: line 1, column 4: expected a value\n$/, '[1,\n'],
    [`${written}; exit 1`, EXIT_CODES.failure, /left: it ended with exit code 1\n$/, '"an hour"\n'],
    [`${written}; kill -9 "$SERVER"`, EXIT_CODES.unavailable, /Cannot reach the server/, '"an hour"\n'],
  ];
  for (const [script, code, said, kept] of rows) {
    const { code: ended, stdout, stderr } = await edit(script);
    assert.deepEqual([ended, stdout], [code, ''], stderr);
    assert.match(stderr, said);
    const [, file = ''] = /^simplekv: nothing was stored\. What you wrote is in (\S+)\n/.exec(stderr) ?? [];
    assert.equal(readFileSync(file, 'utf8'), kept);
    assert.equal(statSync(file).mode & 0o777, 0o600);
  }
}), TIMEOUT);

test('edit overwrites no change that was made meanwhile, and prints what was written', () => withServedShop(async (served) => {
  const { bench, server, env, shop } = served;
  await shop('set', 'a', '"first"');
  const curl = `${process.execPath} "$NODE_MAIN" set a '"theirs"' > /dev/null`;
  const script = editor(served, `${curl}; echo '"mine"' > "$1"`);
  const { MAIN } = await import('../../program-file.js');
  const conflict = await runFed(bench, ['edit', 'a'], '', { env: { ...env, VISUAL: script, NODE_MAIN: MAIN } });
  assert.deepEqual([conflict.code, conflict.stdout], [EXIT_CODES.failure, '']);
  assert.match(conflict.stderr, /"a" was changed meanwhile: it has the version of seq 3 now\. Nothing was stored\./);
  assert.match(conflict.stderr, / What you wrote:\n"mine"\n$/);
  assert.equal((await server.send('GET', '/api/v1/projects/shop/keys/a', { key: server.key('shop') })).text, '"theirs"');
}), TIMEOUT);

test.run();
