/** Commands on files with a wrong target, without permission or with senseless options: a clear line, the right exit code, no change. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import type { AnyEvent } from '../../src/events/event.js';
import { withWorkbench } from '../e2e/server-under-test.js';
import { LOG_ID } from '../offline/written-project.js';
import { suite } from '../suite.js';
import { contentsOf, ended, registryOf, run, shopLog, start, writeLogs, writeShop } from './program.js';

const test = suite('cli/wrong-targets');
const TIMEOUT = { timeoutMs: 120_000 };
const COMMANDS = [['verify'], ['replay'], ['repair', '--accept-loss']] as const;
const OTHER_UID = 65_534;

test('an unknown project is a usage error that lists the known ones', () => withWorkbench(async (bench) => {
  writeShop(bench);
  const before = contentsOf(bench.folder);
  await Promise.all(COMMANDS.map(async ([command, ...options]) => {
    const { code, stdout, stderr } = await run(bench, command, 'shopp', '--data', 'data', ...options);
    assert.deepEqual([code, stdout], [EXIT_CODES.usage, ''], stderr);
    assert.match(stderr, new RegExp(`^simplekv: Cannot ${command} "shopp": no such project [^\\n]* Known projects: shop, _server\\n$`));
  }));
  assert.deepEqual(contentsOf(bench.folder), before);
}), TIMEOUT);

test('a folder or a backup whose name could be that of a project is verified by the command that the error names', () =>
  withWorkbench(async (bench) => {
    writeShop(bench);
    bench.configure([]);
    assert.equal((await run(bench, 'backup', 'nightly', '--data', 'data')).code, EXIT_CODES.ok);
    for (const name of ['data', 'nightly']) {
      const { code, stdout, stderr } = await run(bench, 'verify', name);
      assert.deepEqual([code, stdout], [EXIT_CODES.usage, ''], stderr);
      const [, command = ''] = /\. The folder or file of that name: .*(verify \S+)\n$/.exec(stderr) ?? [];
      const verified = await run(bench, ...command.split(' '));
      assert.match(verified.stdout, /^shop: sound /m);
      assert.equal(verified.code, EXIT_CODES.ok);
    }
  }), TIMEOUT);

test('the error for a missing project says what the registry and the configuration have about it', () => withWorkbench(async (bench) => {
  const deleted: AnyEvent = { op: 'project.deleted', id: 'shop', log_id: LOG_ID, last_seq: 9, last_hash: '' };
  writeLogs(bench.path('data'), registryOf(deleted));
  bench.configure([{ id: 'cache', storage: { on_disk: false } }]);
  const gone = await run(bench, 'verify', 'shop');
  const isNamed = /says that it was deleted\. Known projects: _server\n/.test(gone.stderr);
  assert.deepEqual([gone.code, isNamed], [EXIT_CODES.usage, true], gone.stderr);
  const inMemory = await run(bench, 'replay', 'cache');
  assert.match(inMemory.stderr, /keeps it in memory, so it has no files/);
}), TIMEOUT);

test('a project without its active segment is damaged, not missing', () => withWorkbench(async (bench) => {
  const log = shopLog(8);
  const sealed = [...log.files].filter(([name]) => name.startsWith('shop/'));
  writeLogs(bench.path('data'), { ...log, files: new Map(sealed) });
  for (const args of [['verify', 'shop'], ['verify']]) {
    const { code, stdout } = await run(bench, ...args, '--data', 'data');
    assert.equal(code, EXIT_CODES.failure, args.join(' '));
    assert.match(stdout, /^shop: DAMAGED/m);
  }
}), TIMEOUT);

test('a pipe where a backup or a log belongs is refused at once, without waiting for a writer', () => withWorkbench(async (bench) => {
  writeShop(bench);
  for (const name of ['pipe', 'data/piped.jsonl']) assert.equal(spawnSync('mkfifo', [bench.path(name)]).status, 0);
  const read = await run(bench, 'list', 'shop', '--data', 'pipe');
  assert.equal(read.code, EXIT_CODES.noInput, read.stderr);
  assert.match(read.stderr, /it is a file, and no backup, but the end of the file after 0 bytes: the backup is incomplete\n$/);
  const restored = await run(bench, 'restore', 'pipe', '--data', 'new');
  assert.deepEqual([restored.code, existsSync(bench.path('new'))], [EXIT_CODES.noInput, false], restored.stderr);
  const verified = await run(bench, 'verify', '--data', 'data');
  assert.equal(verified.code, EXIT_CODES.outputFailed, verified.stderr);
}), TIMEOUT);

test('a folder without data is refused, and nothing is created in it', () => withWorkbench(async (bench) => {
  mkdirSync(bench.path('empty'));
  mkdirSync(bench.path('other'));
  writeFileSync(bench.path('other', 'notes.txt'), 'x');
  const before = contentsOf(bench.folder);
  const cases = COMMANDS.flatMap(([command, ...options]) => ['empty', 'other'].map((folder) => [command, folder, ...options]));
  await Promise.all(cases.map(async ([command = '', folder = '', ...options]) => {
    const { code, stderr } = await run(bench, command, 'shop', '--data', folder, ...options);
    assert.equal(code, EXIT_CODES.noInput, stderr);
    assert.match(stderr, /^simplekv: Cannot find data in [^\n]* is its volume mounted\?\n$/);
  }));
  const { code, stderr } = await run(bench, 'repair', '_server', '--accept-loss', '--data', 'empty');
  assert.equal(code, EXIT_CODES.noInput, stderr);
  assert.equal((await run(bench, 'verify', '--data', 'other/notes.txt')).code, EXIT_CODES.noInput);
  assert.equal((await run(bench, 'verify', '--data', 'nowhere')).code, EXIT_CODES.noInput);
  assert.deepEqual(contentsOf(bench.folder), before);
}), TIMEOUT);

test('a missing configuration is reported with the options to name another', () => withWorkbench(async (bench) => {
  writeShop(bench);
  await Promise.all([['verify'], ['verify', '--config', 'config.json'], ['replay', 'shop'], ['repair', 'shop']].map(async (args) => {
    const { code, stderr } = await run(bench, ...args);
    assert.equal(code, EXIT_CODES.configuration);
    const advice = 'Name another one with --config, or the data folder itself with --data';
    assert.equal(stderr, `simplekv: Cannot use the configuration "${bench.path('config.json')}": there is no such file. ${advice}\n`);
  }));
}), TIMEOUT);

test('a data folder that cannot be listed is not reported as damage', () => withWorkbench(async (bench) => {
  if (process.getuid?.() !== 0) return;
  writeShop(bench);
  chmodSync(bench.folder, 0o755);
  chmodSync(bench.path('data'), 0o711);
  const as = { uid: OTHER_UID, env: { TMPDIR: '/tmp' } };
  if ((await ended(start(bench, ['--version'], as))).code !== 0) return;
  const { code, stderr } = await ended(start(bench, ['verify', '--data', 'data'], as));
  assert.equal(code, EXIT_CODES.noPermission, stderr);
  assert.match(stderr, /^simplekv: Cannot list "[^"]+data": permission denied \(EACCES\)\. Run it as [^\n]*\n$/);
}), TIMEOUT);

test('missing permissions are not reported as damage', () => withWorkbench(async (bench) => {
  // Only root can become another user, and only for another user do modes count.
  if (process.getuid?.() !== 0) return;
  writeShop(bench);
  chmodSync(bench.folder, 0o755);
  chmodSync(bench.path('data', 'shop.jsonl'), 0o600);
  const as = { uid: OTHER_UID, env: { TMPDIR: '/tmp' } };
  // A checkout below a private folder cannot be run by anyone else.
  if ((await ended(start(bench, ['--version'], as))).code !== 0) return;
  for (const [command, ...options] of [['verify'], ['replay']] as const) {
    const { code, stderr } = await ended(start(bench, [command, 'shop', '--data', 'data', ...options], as));
    assert.equal(code, EXIT_CODES.noPermission, stderr);
    assert.match(stderr, /^simplekv: Cannot open "[^"]+shop\.jsonl": permission denied \(EACCES\)\. Run it as [^\n]*\n$/);
  }
  chmodSync(bench.path('data', 'shop.jsonl'), 0o644);
  const { code, stderr } = await ended(start(bench, ['repair', 'shop', '--data', 'data'], as));
  assert.equal(code, EXIT_CODES.noPermission, stderr);
  assert.match(stderr, /^simplekv: Cannot repair "shop": no permission to write to "[^"]+" \(EACCES\)\. Run [^\n]*\n$/);
}), TIMEOUT);

test('an unknown operation is refused with a list of the known ones', () => withWorkbench(async (bench) => {
  writeShop(bench);
  const shop = await run(bench, 'replay', 'shop', '--events', '--op', 'put', '--data', 'data');
  assert.deepEqual([shop.code, shop.stdout], [EXIT_CODES.usage, '']);
  assert.match(shop.stderr, /"put": lines of "shop" have one of project\.create, .*, set, .*, clear\.range, .*\n$/);
  const server = await run(bench, 'replay', '_server', '--events', '--op', 'set', '--data', 'data');
  assert.match(server.stderr, /lines of "_server" have one of access\.add, .*project\.created, .*segment\.removed\n$/);
}), TIMEOUT);

test('a point outside of the log is refused, and a time is shown as it was understood', () => withWorkbench(async (bench) => {
  writeShop(bench);
  const cases = [
    [['--until', '10'], EXIT_CODES.usage, /ends with seq 9/], [['--events', '--until', '10'], EXIT_CODES.usage, /ends with seq 9/],
    [['--events', '--from', '10'], EXIT_CODES.usage, /ends with seq 9/],
    [['--events', '--from', '5', '--until', '4'], EXIT_CODES.usage, /the range is empty/],
    [['--until', '2099-01-01'], EXIT_CODES.usage, /is in the future/],
    [['--until', '-1w'], EXIT_CODES.ok, /^simplekv: "-1w" means \d{4}-/],
    [['--until', '2026-11-22T10:00:00Z'], EXIT_CODES.ok, /^$/],
  ] as const;
  await Promise.all(cases.map(async ([options, expected, said]) => {
    const { code, stderr } = await run(bench, 'replay', 'shop', '--data', 'data', ...options);
    assert.equal(code, expected, `${options.join(' ')}: ${stderr}`);
    assert.match(stderr, said, options.join(' '));
  }));
}), TIMEOUT);

test('a repair beside a running server names the process to stop', () => withWorkbench(async (bench) => {
  bench.configure([{ id: 'shop' }]);
  const server = await bench.start();
  const { code, stderr } = await run(bench, 'repair', 'shop');
  assert.equal(code, EXIT_CODES.temporaryFailure);
  const holder = `pid ${server.process.pid}, configuration "${bench.configPath}"`;
  const beside = 'Cannot repair "shop" while a server runs on its data folder';
  assert.equal(stderr, `simplekv: ${beside}: stop it first (${holder}), then repeat this command\n`);
  for (const command of ['verify', 'replay']) assert.equal((await run(bench, command, 'shop')).code, EXIT_CODES.ok, command);
}), TIMEOUT);

test('verify ends with one line of totals, also as JSON', () => withWorkbench(async (bench) => {
  writeShop(bench);
  const text = await run(bench, 'verify', '--data', 'data');
  assert.match(text.stdout, /\nsummary: projects=1 segments=4 lines=10 snapshots=0 bytes=\d+ duration_ms=\d+ faults=0\n$/);
  const bytes = [...registryOf().files, ...shopLog(8).files].reduce((sum, [, content]) => sum + Buffer.byteLength(content), 0);
  const { summary } = JSON.parse((await run(bench, 'verify', '--json', '--data', 'data')).stdout) as { summary: Record<string, number> };
  const { duration_ms: durationMs, ...counts } = summary;
  assert.deepEqual(counts, { projects: 1, segments: 4, lines: 10, snapshots: 0, bytes, faults: 0 });
  assert.ok(Number.isInteger(durationMs));
}), TIMEOUT);

test.run();
