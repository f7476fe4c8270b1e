/** `simplekv get` and `simplekv list` as processes, beside a server and on files written by hand. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import type { AnyEvent } from '../../src/events/event.js';
import { withWorkbench, type Workbench } from '../e2e/server-under-test.js';
import { CREATE, set, writeLog } from '../offline/written-project.js';
import { suite } from '../suite.js';
import { contentsOf, registryOf, run, runUnread, writeLogs, writeShop } from './program.js';

const test = suite('cli/keys');
const TIMEOUT = { timeoutMs: 120_000 };
const FOLDER = ['--data', 'data'] as const;
const NAME = 'say "ä", ok?';

const EVENTS: readonly AnyEvent[] = [
  CREATE, set('user/2', '[ 1 ]'), set(NAME, '{"n": 1.0}'),
  { op: 'batch', ops: [{ op: 'delete', key: 'user/2' }, { op: 'set', key: 'user/1', value: '"Zoë"' }] },
  set('user/3', '12345678901234567890'),
];

function write(bench: Workbench): void {
  writeLogs(bench.path('data'), registryOf(), writeLog({ project: 'shop', events: EVENTS, sealed: [2] }));
}

test('get prints a value, or JSON; a missing key ends with 1 and says who deleted it', () => withWorkbench(async (bench) => {
  write(bench);
  const before = contentsOf(bench.folder);
  for (const [key, value] of [[NAME, '{"n": 1.0}'], ['user/1', '"Zoë"'], ['user/3', '12345678901234567890']] as const) {
    const { code, stdout, stderr } = await run(bench, 'get', 'shop', key, ...FOLDER);
    assert.deepEqual([code, stdout, stderr], [EXIT_CODES.ok, `${value}\n`, '']);
  }
  const { stdout: json } = await run(bench, 'get', 'shop', NAME, ...FOLDER, '--json');
  assert.equal(json, `{"key":${JSON.stringify(NAME)},"seq":3,"time":"2026-11-22T10:00:02.000Z","expires_at":null,"value":{"n": 1.0}}\n`);
  const deleted = await run(bench, 'get', 'shop', 'user/2', ...FOLDER);
  assert.deepEqual([deleted.code, deleted.stdout], [EXIT_CODES.failure, '']);
  const words = 'has no key "user/2"; seq 4 deleted it at 2026-11-22T10:00:03.000Z. Its history: node';
  assert.ok(deleted.stderr.startsWith(`simplekv: "shop" ${words} `), deleted.stderr);
  const [, command = ''] = / (log shop .*)\n$/.exec(deleted.stderr) ?? [];
  assert.equal((await run(bench, ...command.split(' '))).stdout.split('\n').length, 3);
  const never = await run(bench, 'get', 'shop', 'never', ...FOLDER, '--json');
  assert.deepEqual([never.code, never.stdout], [EXIT_CODES.failure, '']);
  assert.match(never.stderr, /^simplekv: "shop" has no key "never"\. Its history: /);
  assert.deepEqual(contentsOf(bench.folder), before);
}), TIMEOUT);

test('list prints keys in order, one a line, with values after a tab, and as JSON', () => withWorkbench(async (bench) => {
  write(bench);
  const listed = async (...options: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await run(bench, 'list', 'shop', ...FOLDER, ...options);
    assert.deepEqual([code, stderr], [EXIT_CODES.ok, '']);
    return stdout;
  };
  assert.equal(await listed(), `${NAME}\nuser/1\nuser/3\n`);
  assert.equal(await listed('--prefix', 'user/', '--values'), 'user/1\t"Zoë"\nuser/3\t12345678901234567890\n');
  const json = await listed('--json');
  assert.ok(json.includes('"value":{"n": 1.0}}') && json.includes('"value":12345678901234567890}'), json);
  assert.deepEqual((JSON.parse(json) as object[]).slice(0, 2), [
    { key: NAME, seq: 3, time: '2026-11-22T10:00:02.000Z', expires_at: null, value: { n: 1 } },
    { key: 'user/1', seq: 4, time: '2026-11-22T10:00:03.000Z', expires_at: null, value: 'Zoë' },
  ]);
  assert.equal(await listed('--json', '--prefix', 'x'), '[]\n');
  assert.equal(await listed('--prefix', 'x'), '');
}), TIMEOUT);

test('get and list print keys as they were at a seq or a time', () => withWorkbench(async (bench) => {
  write(bench);
  const at4 = ['--at', '2026-11-22T10:00:03Z'];
  assert.equal((await run(bench, 'get', 'shop', 'user/2', '--at', '3', ...FOLDER)).stdout, '[ 1 ]\n');
  assert.equal((await run(bench, 'list', 'shop', '--at', '3', '--values', ...FOLDER)).stdout, `${NAME}\t{"n": 1.0}\nuser/2\t[ 1 ]\n`);
  assert.equal((await run(bench, 'list', 'shop', ...at4, ...FOLDER)).stdout, `${NAME}\nuser/1\n`);
  const gone = await run(bench, 'get', 'shop', 'user/2', ...at4, ...FOLDER);
  assert.deepEqual([gone.code, gone.stdout], [EXIT_CODES.failure, '']);
  const words4 = 'has no key "user/2" at 2026-11-22T10:00:03.000Z; seq 4 deleted it at 2026-11-22T10:00:03.000Z. Its history: ';
  assert.ok(gone.stderr.includes(words4), gone.stderr);
  const refusals = { 6: 'its log ends with seq 5', 0: 'expected a seq', '2999-01-01T00:00:00Z': 'is in the future' };
  for (const [at, words] of Object.entries(refusals)) {
    for (const command of [['get', 'shop', 'user/1'], ['list', 'shop']]) {
      const refused = await run(bench, ...command, '--at', at, ...FOLDER);
      assert.deepEqual([refused.code, refused.stdout], [EXIT_CODES.usage, ''], refused.stderr);
      assert.ok(refused.stderr.includes(words), refused.stderr);
    }
  }
}), TIMEOUT);

test('bisect prints the first line after which a key has a value, exists, or does not', () => withWorkbench(async (bench) => {
  write(bench);
  const before = contentsOf(bench.folder);
  const found = async (...options: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await run(bench, 'bisect', 'shop', ...FOLDER, ...options);
    assert.deepEqual([code, stderr], [EXIT_CODES.ok, '']);
    return stdout;
  };
  assert.match(await found('--key', 'user/2', '--present'), /^ +2  2026-11-22T10:00:01\.000Z  set .*"user\/2" \[ 1 \]\n$/);
  assert.match(await found('--key', 'user/2', '--absent'), /^ +4 .* batch .*\n +delete +"user\/2"\n$/);
  assert.match(await found('--key', NAME, '--equals', '{ "n": 1 }'), /^ +3 /);
  const json = JSON.parse(await found('--key', 'user/3', '--equals', '12345678901234567890', '--json')) as Record<string, unknown>;
  assert.deepEqual([json['seq'], json['op']], [5, 'set']);
  for (const [options, words] of [
    [['--key', 'user/3', '--equals', '12345678901234567891'], 'from which on "user/3" has the value 12345678901234567891'],
    [['--key', 'user/3', '--absent'], 'there is no line in "shop" from which on "user/3" is absent'],
    [['--key', 'never', '--present'], 'there is no line in "shop" from which on "never" is present'],
  ] as const) {
    const none = await run(bench, 'bisect', 'shop', ...FOLDER, ...options);
    assert.deepEqual([none.code, none.stdout], [EXIT_CODES.failure, '']);
    assert.ok(none.stderr.includes(words), none.stderr);
  }
  for (const options of [['--key', 'a'], ['--key', 'a', '--absent', '--present'], ['--absent'], ['--key', 'a', '--equals', 'text']]) {
    assert.equal((await run(bench, 'bisect', 'shop', ...FOLDER, ...options)).code, EXIT_CODES.usage);
  }
  assert.equal((await run(bench, 'bisect', '_server', '--key', 'a', '--absent', ...FOLDER)).code, EXIT_CODES.usage);
  assert.deepEqual(contentsOf(bench.folder), before);
}), TIMEOUT);

test('beside a server both have what it has acknowledged, with snapshots and compressed segments', () => withWorkbench(async (bench) => {
  const storage = { segment_bytes: 4096, retention: { compress: 'gzip' } };
  bench.configure([{ id: 'shop', storage, authentication: { enabled: false } }]);
  const server = await bench.start();
  const keys = '/api/v1/projects/shop/keys';
  for (let count = 0; count < 40; count += 1) {
    await server.send('PUT', `${keys}/k${count % 13}`, { body: `{"count": ${count}, "pad": "${'x'.repeat(200)}"}` });
    if (count % 15 === 14) await server.send('POST', '/api/v1/projects/shop/compact', { key: server.key('global') });
  }
  await server.send('DELETE', `${keys}/k1`);
  const { stdout } = await run(bench, 'list', 'shop', '--json');
  const listed = JSON.parse(stdout) as { key: string; value: unknown }[];
  assert.deepEqual(Object.fromEntries(listed.map(({ key, value }) => [key, value])), JSON.parse((await server.send('GET', keys)).text));
  for (const key of ['k0', 'k5', 'k12']) {
    assert.equal((await run(bench, 'get', 'shop', key)).stdout, `${(await server.send('GET', `${keys}/${key}`)).text}\n`);
    const shown = JSON.parse((await run(bench, 'get', 'shop', key, '--json')).stdout) as object;
    assert.deepEqual(shown, listed.find((entry) => entry.key === key));
  }
  assert.equal((await run(bench, 'get', 'shop', 'k1')).code, EXIT_CODES.failure);
}), TIMEOUT);

test('a damaged line is refused with its place, and wrong targets are usage errors', () => withWorkbench(async (bench) => {
  write(bench);
  const cases: [string[], RegExp][] = [
    [['get', 'shopp', 'a'], /^simplekv: Cannot read "shopp": no such project .* Known projects: shop, _server\n$/],
    [['list', 'shopp'], /^simplekv: Cannot list "shopp": no such project /],
    [['get', 'shop'], /Cannot tell which project of the files: name it/],
    [['get', '_server', 'a'], /^simplekv: Cannot read a key of "_server": it has no keys\n$/],
    [['list', '_server'], /^simplekv: Cannot list keys of "_server": it has no keys\n$/],
  ];
  for (const [args, said] of cases) {
    const { code, stderr } = await run(bench, ...args, ...FOLDER);
    assert.equal(code, EXIT_CODES.usage);
    assert.match(stderr, said);
  }
  const file = bench.path('data', 'shop.jsonl');
  writeFileSync(file, readFileSync(file, 'utf8').replace('"Zoë"', '"Zoe"'));
  for (const args of [['get', 'shop', 'user/3'], ['list', 'shop']]) {
    const { code, stdout, stderr } = await run(bench, ...args, ...FOLDER);
    assert.deepEqual([code, stdout], [EXIT_CODES.failure, '']);
    assert.match(stderr, /^simplekv: Cannot trust "shop\.jsonl" at byte \d+, seq 4: /);
  }
}), TIMEOUT);

test('a reader that leaves early ends them quietly', () => withWorkbench(async (bench) => {
  writeShop(bench, 20, 20_000);
  for (const args of [['list', 'shop', '--values'], ['list', 'shop', '--json'], ['get', 'shop', 'k1']]) {
    const { code, stderr } = await runUnread(bench, ...args, ...FOLDER);
    assert.deepEqual([code, stderr], [EXIT_CODES.ok, ''], args.join(' '));
  }
}), TIMEOUT);

test.run();
