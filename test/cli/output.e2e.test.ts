/** Commands on files whose output is cut off or full: the exit code stays right, and nothing is left behind. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import { hasCommands } from '../docs/shell-session.js';
import { withWorkbench } from '../e2e/server-under-test.js';
import { MAIN } from '../program-file.js';
import { suite } from '../suite.js';
import { contentsOf, damage, ended, run, runUnread, start, temporaryFolder, writeShop } from './program.js';

const test = suite('cli/output');
const TIMEOUT = { timeoutMs: 120_000 };
const SEGMENT = ['data', 'shop', '00000000000000000001.jsonl'] as const;
/** More than a pipe holds. */
const LARGE = { count: 20, valueBytes: 20_000 };

test('verify ends with 1 on damage and with 0 without, even if its reader leaves', () => withWorkbench(async (bench) => {
  writeShop(bench);
  const sound = await runUnread(bench, 'verify', '--data', 'data');
  assert.deepEqual([sound.code, sound.stderr], [EXIT_CODES.ok, '']);
  damage(bench.path(...SEGMENT));
  for (const args of [['verify'], ['verify', 'shop', '--json']]) {
    const { code, stderr } = await runUnread(bench, ...args, '--data', 'data');
    assert.deepEqual([code, stderr], [EXIT_CODES.failure, ''], args.join(' '));
  }
}), TIMEOUT);

test('a repair whose reader leaves is completed, and its dry run still ends with 1', () => withWorkbench(async (bench) => {
  writeShop(bench);
  damage(bench.path('data', 'shop.jsonl'));
  assert.equal((await runUnread(bench, 'repair', 'shop', '--data', 'data')).code, EXIT_CODES.failure);
  assert.equal((await runUnread(bench, 'repair', 'shop', '--data', 'data', '--accept-loss')).code, EXIT_CODES.ok);
  assert.equal((await run(bench, 'verify', '--data', 'data')).code, EXIT_CODES.ok);
}), TIMEOUT);

test('a reader that leaves during a replay or the help is not a failure', () => withWorkbench(async (bench) => {
  writeShop(bench, LARGE.count, LARGE.valueBytes);
  for (const args of [['replay', 'shop', '--data', 'data'], ['replay', 'shop', '--events', '--data', 'data'], ['--help'], ['--version']]) {
    const { code, stderr } = await runUnread(bench, ...args);
    assert.deepEqual([code, stderr], [EXIT_CODES.ok, ''], args.join(' '));
  }
}), TIMEOUT);

test('output that cannot be written is 74, and a repair that cannot print its plan does nothing', () => withWorkbench(async (bench) => {
  if (!existsSync('/dev/full')) return;
  writeShop(bench);
  damage(bench.path('data', 'shop.jsonl'));
  const before = contentsOf(bench.path('data'));
  const full = openSync('/dev/full', 'w');
  const folder = ['--data', 'data'];
  const commands = [
    ['verify', ...folder], ['replay', 'shop', '--until', '3', ...folder], ['replay', 'shop', '--until', '3', '--events', ...folder],
    ['repair', 'shop', ...folder, '--accept-loss'], ['--help'],
  ];
  await Promise.all(commands.map(async (args) => {
    const { code, stderr } = await ended(start(bench, args, { stdio: ['ignore', full, 'pipe'] }));
    assert.equal(code, EXIT_CODES.outputFailed, `${args.join(' ')}: ${stderr}`);
    assert.match(stderr, /^simplekv: Cannot write to standard output: ENOSPC[^\n]*\n$/, args.join(' '));
  }));
  closeSync(full);
  assert.deepEqual(contentsOf(bench.path('data')), before);
}), TIMEOUT);

test('a disk that takes only the first part of the output is noticed', () => withWorkbench(async (bench) => {
  if (!hasCommands([])) return;
  writeShop(bench, LARGE.count, LARGE.valueBytes);
  const command = `ulimit -f 100; exec ${JSON.stringify(process.execPath)} ${JSON.stringify(MAIN)} replay shop --events --data data > out`;
  const { code, stderr } = await ended(spawn('bash', ['-c', command], { cwd: bench.folder, stdio: ['ignore', 'pipe', 'pipe'] }));
  assert.equal(code, EXIT_CODES.outputFailed, stderr);
  assert.match(stderr, /^simplekv: Cannot write to standard output: EFBIG[^\n]*\n$/);
}), TIMEOUT);

test('a full disk for temporary files is reported with their folder and how to choose another', () => withWorkbench(async (bench) => {
  if (!hasCommands([])) return;
  writeShop(bench, LARGE.count, LARGE.valueBytes);
  const { env, folder } = temporaryFolder(bench);
  const command = `ulimit -f 100; exec ${JSON.stringify(process.execPath)} ${JSON.stringify(MAIN)} replay shop --data data`;
  const child = spawn('bash', ['-c', command], { cwd: bench.folder, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  const { code, stderr } = await ended(child);
  assert.equal(code, EXIT_CODES.outputFailed, stderr);
  assert.match(stderr, /^simplekv: Cannot write to the folder for temporary files "[^"]+\/tmp":[^\n]*TMPDIR[^\n]*\n$/);
  assert.deepEqual(readdirSync(folder), []);
}), TIMEOUT);

test('standard error that cannot be written changes no exit code', () => withWorkbench(async (bench) => {
  if (!existsSync('/dev/full')) return;
  writeShop(bench);
  const full = openSync('/dev/full', 'w');
  for (const args of [['verify', 'nosuch', '--data', 'data'], ['verify', '--what']]) {
    assert.equal((await ended(start(bench, args, { stdio: ['ignore', 'pipe', full] }))).code, EXIT_CODES.usage, args.join(' '));
  }
  closeSync(full);
}), TIMEOUT);

test('--out replaces a file, follows a link, and never touches the data folder or a device', () => withWorkbench(async (bench) => {
  writeShop(bench);
  const before = contentsOf(bench.path('data'));
  writeFileSync(bench.path('real.json'), 'old');
  symlinkSync(bench.path('real.json'), bench.path('link.json'));
  assert.equal((await run(bench, 'replay', 'shop', '--data', 'data', '--out', 'link.json')).code, EXIT_CODES.ok);
  assert.equal(Object.keys(JSON.parse(readFileSync(bench.path('real.json'), 'utf8')) as object).length, 8);
  symlinkSync(bench.path('data'), bench.path('alias'));
  const refused = [['data/shop.jsonl', 64], ['alias/shop/new.json', 64], ['/dev/null', 64], ['data', 64], ['none/x.json', 74]] as const;
  for (const [out, code] of refused) {
    const ran = await run(bench, 'replay', 'shop', '--data', 'data', '--out', out);
    assert.equal(ran.code, code, `${out}: ${ran.stderr}`);
    assert.match(ran.stderr, /^simplekv: Cannot write to [^\n]*\n$/);
  }
  assert.ok(statSync('/dev/null').isCharacterDevice());
  assert.deepEqual(contentsOf(bench.path('data')), before);
}), TIMEOUT);

test.run();
