/** `simplekv log` as a process: what it prints, beside a running server and on damaged files. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import type { AnyEvent } from '../../src/events/event.js';
import { hasCommands } from '../docs/shell-session.js';
import { readLogFiles } from '../e2e/log-files.js';
import { type ServerUnderTest, until, withWorkbench, type Workbench } from '../e2e/server-under-test.js';
import { CREATE, set, writeLog, type WrittenLog } from '../offline/written-project.js';
import { MAIN } from '../program-file.js';
import { suite } from '../suite.js';
import { arrayOf, ended, registryOf, run, runUnread, start, writeLogs, writeShop } from './program.js';

const test = suite('cli/log');
const TIMEOUT = { timeoutMs: 120_000 };
const OPEN = { enabled: false };
const FOLDER = ['--data', 'data'] as const;
const NAME = 'say "ä", ok?';

const BATCHED: readonly AnyEvent[] = [
  CREATE, set(NAME, '{"n": 1.0}'), set('b', '2'),
  { op: 'batch', ops: [{ op: 'delete', key: NAME }, { op: 'set', key: 'c', value: '3' }] }, { op: 'clear', count: 2 }, set('b', '4'),
];

function writeBatched(bench: Workbench): WrittenLog {
  const log = writeLog({ project: 'shop', events: BATCHED, sealed: [2] });
  writeLogs(bench.path('data'), registryOf(), log);
  return log;
}

function textsOf({ lines }: WrittenLog, ...seqs: readonly number[]): string {
  return seqs.map((seq) => lines[seq - 1]?.text ?? '').join('');
}

test('without a terminal the lines are those of the files, in the range and with the filters', () => withWorkbench(async (bench) => {
  const log = writeBatched(bench);
  const cases: [string[], number[]][] = [
    [[], [1, 2, 3, 4, 5, 6]], [['--jsonl', '--from', '3', '--until', '4'], [3, 4]], [['--until', '2026-11-22T10:00:01Z'], [1, 2]],
    [['--key', NAME], [2, 4, 5]], [['--prefix', 'say'], [2, 4, 5]], [['--key', NAME, '--op', 'delete'], [4]], [['--op', 'batch'], [4]],
    [['--actor', 'global#'], [1, 2, 3, 4, 5, 6]], [['--actor', 'project:'], []], [['--request', 'r3'], [3]],
    [['--limit', '2'], [5, 6]], [['--limit', '2', '--until', '4'], [3, 4]], [['--limit', '2', '--key', 'b'], [5, 6]],
    [['--limit', '99'], [1, 2, 3, 4, 5, 6]],
    [['--from', '2026-11-22T10:00:03Z'], [4, 5, 6]], [['--from', '2026-11-22T10:00:02.001Z', '--key', NAME], [4, 5]],
    [['--from', '2026-11-22T10:00:01Z', '--until', '2026-11-22T10:00:02Z'], [2, 3]],
    [['--from', '2026-11-22T10:00:03Z', '--limit', '9'], [4, 5, 6]],
    [['--from', '2026-11-22T10:00:04Z', '--limit', '1'], [6]], [['--from', '2026-11-23T10:00:00Z'], []],
    [['--limit', '2', '--until', '2026-11-22T10:00:02Z'], [2, 3]], [['--limit', '3', '--from', '5'], [5, 6]],
  ];
  await Promise.all(cases.map(async ([options, seqs]) => {
    const { code, stdout, stderr } = await run(bench, 'log', 'shop', ...FOLDER, ...options);
    assert.deepEqual([code, stderr, stdout], [EXIT_CODES.ok, '', textsOf(log, ...seqs)], options.join(' '));
  }));
  for (const [options, seqs] of [[[], [1, 2, 3, 4, 5, 6]], [['--limit', '2'], [5, 6]], [['--request', 'none'], []]] as const) {
    const { code, stdout } = await run(bench, 'log', 'shop', ...FOLDER, ...options, '--json');
    assert.deepEqual([code, stdout], [EXIT_CODES.ok, arrayOf(textsOf(log, ...seqs))], options.join(' '));
  }
  const registry = await run(bench, 'log', '_server', ...FOLDER);
  assert.equal(registry.stdout, registryOf().lines.map(({ text }) => text).join(''));
}), TIMEOUT);

test('a wrong project, range, filter or option is a usage error that says what is expected', () => withWorkbench(async (bench) => {
  writeBatched(bench);
  const cases: [string[], RegExp][] = [
    [['shopp'], /^simplekv: Cannot read "shopp": no such project .* Known projects: shop, _server\n$/],
    [['shop', '--from', 'x'], /^simplekv: Cannot use "x" as a point in the log: expected a seq such as/],
    [['shop', '--from', '2099-01-01T00:00:00Z'], /is in the future; no line can be that late\n$/],
    [['shop', '--from', '2026-11-22T10:00:02Z', '--until', '2026-11-22T10:00:01Z'], /from 2026-\S+ until 2026-\S+: the range is empty/],
    [['shop', '--from', '5', '--until', '4'], /the range is empty/], [['shop', '--until', '7'], /ends with seq 6/],
    [['shop', '--limit', '1', '--until', '7'], /ends with seq 6/],
    [['shop', '--op', 'put'], /"put": lines of "shop" have one of .*set, set\.until, delete/],
    [['_server', '--key', 'a'], /it has no keys/], [['shop', '--follow', '--until', '4'], /Cannot use --until with --follow/],
    [['shop', '--limit', '0'], /expected a number from 1 to 100000/], [['shop', '--limit', 'all'], /expected a number/],
    [[], /Cannot tell which project of the files: name it/],
  ];
  await Promise.all(cases.map(async ([args, said]) => {
    const { code, stdout, stderr } = await run(bench, 'log', ...args, ...FOLDER);
    assert.deepEqual([code, stdout], [EXIT_CODES.usage, ''], args.join(' '));
    assert.match(stderr, said);
  }));
}), TIMEOUT);

test('a damaged line is refused with its place after the sound ones, and a torn tail is left out', () => withWorkbench(async (bench) => {
  const log = writeBatched(bench);
  const file = bench.path('data', 'shop.jsonl');
  const sound = readFileSync(file);
  appendFileSync(file, (log.lines[5]?.text ?? '').slice(0, 100));
  const torn = await run(bench, 'log', 'shop', ...FOLDER);
  assert.deepEqual([torn.code, torn.stdout], [EXIT_CODES.ok, textsOf(log, 1, 2, 3, 4, 5, 6)]);
  const { offset = 0 } = log.lines[4] ?? {};
  sound.writeUInt8(sound.readUInt8(offset + 120) ^ 1, offset + 120);
  writeFileSync(file, sound);
  const damaged = await run(bench, 'log', 'shop', ...FOLDER);
  assert.deepEqual([damaged.code, damaged.stdout], [EXIT_CODES.failure, textsOf(log, 1, 2, 3, 4)]);
  assert.match(damaged.stderr, new RegExp(`^simplekv: Cannot trust "shop\\.jsonl" at byte ${offset}, seq 5: expected `));
  const array = await run(bench, 'log', 'shop', ...FOLDER, '--json');
  assert.deepEqual([array.code, array.stdout], [EXIT_CODES.failure, arrayOf(textsOf(log, 1, 2, 3, 4)).slice(0, -'\n]\n'.length)]);
}), TIMEOUT);

test('compressed segments are read like plain ones', () => withWorkbench(async (bench) => {
  bench.configure([{ id: 'shop', authentication: OPEN, storage: { segment_bytes: 4096, retention: { compress: 'gzip' } } }]);
  const server = await bench.start();
  const receipts: string[] = [];
  for (let round = 0; round < 3; round += 1) {
    for (let count = 0; count < 10; count += 1) receipts.push(await put(server, `k${count}`));
    await server.send('POST', '/api/v1/projects/shop/compact', { key: server.key('global') });
  }
  await server.stop();
  assert.ok(readdirSync(bench.path('data', 'shop')).some((name) => name.endsWith('.jsonl.gz')));
  const { stdout } = await run(bench, 'log', 'shop', '--config', 'config.json', '--op', 'set');
  const lines = stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as { seq: number; hash: string });
  assert.deepEqual(lines.map(({ hash }) => hash), receipts);
  assert.deepEqual(lines.map(({ seq }) => seq), receipts.map((_, index) => index + 2));
}), TIMEOUT);

async function put(server: ServerUnderTest, key: string): Promise<string> {
  const answer = await server.send('PUT', `/api/v1/projects/shop/keys/${key}`, { body: JSON.stringify('x'.repeat(150)) });
  assert.ok(answer.status < 300, answer.text);
  return (JSON.parse(answer.text) as { hash: string }).hash;
}

/** Collects what a command prints. */
function collect(child: ChildProcess): { text: string } {
  const collected = { text: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => void (collected.text += text));
  return collected;
}

test('--follow shows every line once through rotations, and ends by the signal that interrupts it', () => withWorkbench(async (bench) => {
  bench.configure([{ id: 'shop', authentication: OPEN, storage: { segment_bytes: 4096 } }]);
  const server = await bench.start();
  await put(server, 'before');
  const all = start(bench, ['log', 'shop', '-f']);
  const newest = start(bench, ['log', 'shop', '--follow', '--jsonl', '--limit', '1', '--key', 'k3']);
  const [allLines, newestLines] = [collect(all), collect(newest)];
  let hash = '';
  for (let count = 0; count < 60; count += 1) hash = await put(server, `k${count % 10}`);
  // The last line becomes final with the head, within a second, although nothing is written after it.
  await until('the last line', () => (allLines.text.includes(hash) ? true : undefined));
  const { events, segmentCount } = readLogFiles(bench.path('data'), 'shop');
  assert.ok(segmentCount > 3, `${segmentCount} segments`);
  assert.equal(allLines.text, events.map(({ line }) => `${line}\n`).join(''));
  const ofKey = events.map(({ line }) => line).filter((line) => line.includes('"key":"k3"'));
  await until('the last line of the key', () => (newestLines.text.includes(ofKey.at(-1) ?? '') ? true : undefined));
  // How many of them were there when it started is a matter of time.
  assert.ok(ofKey.map((line) => `${line}\n`).join('').endsWith(newestLines.text), newestLines.text);
  const endings = [all, newest].map((child) => ended(child));
  all.kill('SIGINT');
  newest.kill('SIGTERM');
  assert.deepEqual((await Promise.all(endings)).map(({ signal }) => signal), ['SIGINT', 'SIGTERM']);
}), TIMEOUT);

test('--follow ends when its project is deleted, and says so', () => withWorkbench(async (bench) => {
  bench.configure([{ id: 'shop', authentication: OPEN }]);
  const server = await bench.start();
  const child = start(bench, ['log', 'shop', '--follow']);
  const ending = ended(child);
  const shown = collect(child);
  await until('the first line', () => (shown.text.includes('\n') ? true : undefined));
  await server.send('DELETE', '/api/v1/projects/shop', { key: server.key('global') });
  const { code, stderr } = await ending;
  assert.equal(code, EXIT_CODES.failure);
  assert.match(stderr, /^simplekv: Cannot continue to follow "shop": its log is gone\./);
}), TIMEOUT);

test('a reader that leaves early ends it quietly', () => withWorkbench(async (bench) => {
  writeShop(bench, 20, 20_000);
  for (const options of [[], ['--follow']]) {
    const { code, stderr } = await runUnread(bench, 'log', 'shop', ...FOLDER, ...options);
    assert.deepEqual([code, stderr], [EXIT_CODES.ok, ''], options.join(' '));
  }
}), TIMEOUT);

test('on a terminal the lines are for people, in colour unless NO_COLOR is set, with --jsonl raw', () => withWorkbench(async (bench) => {
  if (!hasCommands(['script'])) return;
  const log = writeBatched(bench);
  const onTerminal = async (options: string, env: Record<string, string>): Promise<string> => {
    const command = `"${process.execPath}" "${MAIN}" log shop --data data ${options}`;
    const child = spawn('script', ['-qfec', command, '/dev/null'], {
      cwd: bench.folder, stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'], TERM: 'xterm', ...env },
    });
    return (await ended(child)).stdout.replaceAll('\r', '');
  };
  const plain = await onTerminal('', { NO_COLOR: '1' });
  assert.match(plain, /^ {5}2 {2}2026-11-22T10:00:01\.000Z {2}set {5}global#0{16} {2}"say \\"ä\\", ok\?" \{"n": 1\.0\}$/m);
  assert.match(plain, /^ {5}4 {2}\S+ {2}batch {3}global#0{16} {2}2 changes\n {8}delete {2}"say [^\n]+\n {8}set {5}"c" 3$/m);
  assert.ok(!plain.includes('\u001b'));
  const coloured = await onTerminal('', {});
  assert.equal(coloured.replace(/\u001b\[\d+m/g, ''), plain);
  assert.notEqual(coloured, plain);
  assert.equal(await onTerminal('--jsonl --from 3', {}), textsOf(log, 3, 4, 5, 6));
}), TIMEOUT);

test.run();
