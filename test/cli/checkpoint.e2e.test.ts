/** `simplekv verify --checkpoint` as a process, on folders written by hand and on those of a real server. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import { runCommand, until, withWorkbench, type Workbench } from '../e2e/server-under-test.js';
import type { WrittenLog } from '../offline/written-project.js';
import { MAIN } from '../program-file.js';
import { suite } from '../suite.js';
import { ended, run, runUnread, shopLog, start, writeLogs, writeShop } from './program.js';

const test = suite('cli/checkpoint');
const TIMEOUT = { timeoutMs: 120_000 };
const FILE = 'checkpoints.jsonl';
const IGNORED = `simplekv: ignored in "${FILE}": 1 line, cut off by a crash or a full disk\n`;
const WITH_FILE = ['--data', 'data', '--checkpoint', FILE] as const;
const SHOP = '/api/v1/projects/shop';

/** The checkpoints of all lines of a log. */
function linesOf({ project, logId, lines }: WrittenLog): string[] {
  return lines.map(({ seq, hash, timeMs }) => JSON.stringify({ project, log_id: logId, seq, hash, time: new Date(timeMs).toISOString() }));
}

function write(bench: Workbench, lines: readonly string[], end = '\n'): void {
  writeFileSync(bench.path(FILE), lines.join('\n') + end);
}

test('each project shows how many checkpoints are proven, and the summary counts them', () => withWorkbench(async (bench) => {
  const lines = linesOf(writeShop(bench));
  write(bench, lines);
  const { code, stdout, stderr } = await run(bench, 'verify', ...WITH_FILE);
  assert.deepEqual([code, stderr], [EXIT_CODES.ok, '']);
  assert.match(stdout, /^shop: sound \(9 lines, seq 1 to 9, snapshots: none, checkpoints: 9 of 9 proven, up to seq 9\)$/m);
  assert.match(stdout, /^summary: .* faults=0 checkpoints=9 checkpoints_proven=9 checkpoints_not_provable=0$/m);
  const json = await run(bench, 'verify', 'shop', '--json', ...WITH_FILE);
  const { summary, projects } = JSON.parse(json.stdout) as { summary: Record<string, number>; projects: Record<string, unknown>[] };
  assert.deepEqual([json.code, summary['checkpoints'], summary['checkpoints_proven'], summary['checkpoints_not_provable']], [0, 9, 9, 0]);
  assert.deepEqual(projects[0]?.['checkpoints'], { count: 9, proven: 9, proven_seq: 9, not_provable: 0 });
  assert.doesNotMatch((await run(bench, 'verify', '--data', 'data')).stdout, /checkpoints/);
}), TIMEOUT);

test('a log of another history, and one that is shorter, end with 1 and name each checkpoint', () => withWorkbench(async (bench) => {
  const lines = linesOf(writeShop(bench, 8, 11));
  write(bench, lines);
  writeLogs(bench.path('data'), shopLog(8, 12));
  const altered = await run(bench, 'verify', 'shop', ...WITH_FILE);
  assert.equal(altered.code, EXIT_CODES.failure);
  assert.match(altered.stdout, /^shop: ALTERED \(9 sound lines within .*, checkpoints: 1 of 9 proven, up to seq 1\)$/m);
  const found = altered.stdout.match(/^ {2}shop\.jsonl, seq \d: expected hash \S+ and time \S+, as line \d of .* says; found hash/gm);
  assert.equal(found?.length, 8);
  assert.match(altered.stdout, /^ {2}next: keep a copy of these files and of the checkpoints as evidence/m);
  assert.equal((await runUnread(bench, 'verify', 'shop', ...WITH_FILE)).code, EXIT_CODES.failure);
  const json = await run(bench, 'verify', 'shop', '--json', ...WITH_FILE);
  const { sound, projects } = JSON.parse(json.stdout) as { sound: boolean; projects: { verdict: string; findings: { kind: string }[] }[] };
  const kinds = new Set(projects[0]?.findings.map(({ kind }) => kind));
  assert.deepEqual([json.code, sound, projects[0]?.verdict, kinds], [EXIT_CODES.failure, false, 'altered', new Set(['altered'])]);
  rmSync(bench.path('data', 'shop'), { recursive: true });
  writeLogs(bench.path('data'), shopLog(5, 11));
  const shorter = await run(bench, 'verify', 'shop', ...WITH_FILE);
  assert.equal(shorter.code, EXIT_CODES.failure);
  assert.equal(shorter.stdout.match(/found the end of the log after seq 6$/gm)?.length, 3);
}), TIMEOUT);

test('a line that is no checkpoint is a usage error that names it', () => withWorkbench(async (bench) => {
  const [first = '', second = ''] = linesOf(writeShop(bench));
  for (const [wrong, message] of [
    ['nonsense', 'it must be a JSON object'], ['[]', 'it must be a JSON object'], ['{"project":"shop"}', 'it has no "log_id"'],
    [first.replace('"seq":1', '"seq":0'), '"seq" must be a seq, at least 1'],
    [first.replace('"seq":1', '"seq":"1"'), '"seq" must be a seq'],
    [first.replace(/"hash":"./, '"hash":"x'), '"hash" must be 64 hexadecimal digits in lower case'],
    [first.replace('T', ' '), '"time" must be a time such as'], [first.replace('shop', '_server'), '"project" must be'],
    [first.slice(1), 'it must be a JSON object'], [`${first}}`, 'it must be a JSON object'],
    [`${first}${second}`, 'it must be a JSON object'],
  ] as const) {
    write(bench, [first, wrong, second]);
    const { code, stdout, stderr } = await run(bench, 'verify', ...WITH_FILE);
    assert.deepEqual([code, stdout], [EXIT_CODES.usage, ''], wrong);
    assert.ok(stderr.startsWith(`simplekv: Cannot verify with "${FILE}": line 2 is not a checkpoint: ${message}`), stderr);
  }
  write(bench, ['x'.repeat(5_000_000)]);
  assert.match((await run(bench, 'verify', ...WITH_FILE)).stderr, /line 1 is not a checkpoint/);
}), TIMEOUT);

test('a line that begins as a checkpoint and does not end is no reason to leave out those after it', () => withWorkbench(async (bench) => {
  const [first = '', second = ''] = linesOf(writeShop(bench));
  for (const length of [5000, 500_000]) {
    write(bench, [first, second.slice(0, 20) + 'x'.repeat(length), second]);
    const { code, stderr } = await run(bench, 'verify', 'shop', ...WITH_FILE);
    assert.equal(code, EXIT_CODES.usage);
    assert.match(stderr, /line 2 is not a checkpoint/);
  }
}), TIMEOUT);

test('zeros in place of the last line, as a power loss can leave them, are no fault', () => withWorkbench(async (bench) => {
  const [first = '', second = ''] = linesOf(writeShop(bench));
  for (const begun of ['', second.slice(0, 5), second.slice(0, 100)]) {
    write(bench, [first, begun + '\0'.repeat(100), second]);
    const { code, stdout, stderr } = await run(bench, 'verify', 'shop', ...WITH_FILE);
    assert.deepEqual([code, stderr], [EXIT_CODES.ok, IGNORED]);
    assert.match(stdout, /checkpoints: 2 of 2 proven/);
  }
}), TIMEOUT);

test('blank lines, line ends of other systems and lines that a crash cut off are no fault', () => withWorkbench(async (bench) => {
  const lines = linesOf(writeShop(bench));
  const [first = '', second = ''] = lines;
  for (let length = 1; length < second.length; length += 13) {
    write(bench, [first, second.slice(0, length), '', `${second}\r`], '');
    const { code, stdout, stderr } = await run(bench, 'verify', 'shop', ...WITH_FILE);
    assert.deepEqual([code, stderr], [EXIT_CODES.ok, IGNORED], String(length));
    assert.match(stdout, /checkpoints: 2 of 2 proven/);
  }
}), TIMEOUT);

test('a file that is missing or has no checkpoint proves nothing', () => withWorkbench(async (bench) => {
  writeShop(bench);
  const missing = await run(bench, 'verify', ...WITH_FILE);
  assert.deepEqual([missing.code, missing.stdout], [EXIT_CODES.noInput, '']);
  assert.match(missing.stderr, /^simplekv: Cannot find the checkpoints "checkpoints\.jsonl": there is no such file/);
  const folder = await run(bench, 'verify', '--data', 'data', '--checkpoint', 'data');
  assert.deepEqual([folder.code, folder.stdout], [EXIT_CODES.usage, '']);
  assert.match(folder.stderr, /^simplekv: Cannot verify with "data": it is a folder\. Name the file/);
  for (const content of ['', '\n\n', '{"project":"sh']) {
    writeFileSync(bench.path(FILE), content);
    const { code, stderr } = await run(bench, 'verify', ...WITH_FILE);
    assert.equal(code, EXIT_CODES.usage);
    assert.match(stderr, /it has no checkpoint/);
  }
}), TIMEOUT);

test('checkpoints can come through a pipe, as from a repository, and be many', () => withWorkbench(async (bench) => {
  const text = `${linesOf(writeShop(bench)).join('\n')}\n`;
  writeFileSync(bench.path(FILE), text.repeat(20_000));
  const piped = 'cat "$1/checkpoints.jsonl" | "$2" "$3" verify --data "$1/data" --checkpoint /dev/stdin';
  const { code, output } = await runCommand('sh', ['-c', piped, 'sh', bench.folder, process.execPath, MAIN]);
  assert.equal(code, EXIT_CODES.ok, output);
  assert.match(output, /checkpoints: 180000 of 180000 proven, up to seq 9/);
}), TIMEOUT);

/** A server of the project `shop` that appends checkpoints every second. */
function configure(bench: Workbench): void {
  const storage = { persistent_file_path: 'data/', segment_bytes: 4096 };
  const authentication = { enabled: false };
  mkdirSync(bench.path('audit'));
  const checkpoints = { file: 'audit/checkpoints.jsonl', interval_seconds: 1 };
  bench.configure([{ id: 'shop', authentication }], { default: { storage, authentication, checkpoints } });
}

/** The seqs in the file. */
function seqsIn(bench: Workbench): readonly number[] {
  if (!existsSync(bench.path('audit', FILE))) return [];
  const lines = readFileSync(bench.path('audit', FILE), 'utf8').split('\n').filter((line) => line.endsWith('}'));
  return lines.map((line) => (JSON.parse(line) as { seq: number }).seq);
}

const WITH_AUDIT = ['--config', 'config.json', '--checkpoint', 'audit/checkpoints.jsonl'] as const;

test('a server appends checkpoints, and an older copy of its folder is found by them', () => withWorkbench(async (bench) => {
  configure(bench);
  const server = await bench.start();
  const seqIs = async (seq: number): Promise<unknown> => (
    await until(`the checkpoint of seq ${seq}`, () => (seqsIn(bench).includes(seq) ? true : undefined))
  );
  await seqIs(1);
  for (let count = 0; count < 40; count += 1) assert.equal((await server.send('PUT', `${SHOP}/keys/k${count}`, { body: '1' })).status, 201);
  await seqIs(41);
  cpSync(bench.path('data'), bench.path('older'), { recursive: true, filter: (source) => !source.endsWith('lock') });
  assert.equal((await server.send('PUT', `${SHOP}/keys/last`, { body: '1' })).status, 201);
  await server.stop();
  assert.equal(seqsIn(bench).at(-1), 42, 'a stop makes a last round');
  const sound = await run(bench, 'verify', ...WITH_AUDIT);
  assert.equal(sound.code, EXIT_CODES.ok, sound.stdout);
  const older = await run(bench, 'verify', '--data', 'older', '--checkpoint', 'audit/checkpoints.jsonl');
  assert.equal(older.code, EXIT_CODES.failure, older.stdout);
  assert.match(older.stdout, /^shop: ALTERED .*checkpoints: \d+ of \d+ proven, up to seq 41\)$/m);
}), TIMEOUT);

test('after a crash and a line that was cut off, the file goes on, repeats nothing and verifies', () => withWorkbench(async (bench) => {
  configure(bench);
  const first = await bench.start();
  assert.equal((await first.send('PUT', `${SHOP}/keys/a`, { body: '1' })).status, 201);
  await until('the checkpoint', () => (seqsIn(bench).includes(2) ? true : undefined));
  await first.kill();
  const before = readFileSync(bench.path('audit', FILE), 'utf8');
  const again = await bench.start();
  await again.stop();
  assert.equal(readFileSync(bench.path('audit', FILE), 'utf8'), before);
  writeFileSync(bench.path('audit', FILE), `${before}{"project":"shop","log_`);
  const third = await bench.start();
  assert.equal((await third.send('PUT', `${SHOP}/keys/b`, { body: '1' })).status, 201);
  await third.stop();
  assert.deepEqual(seqsIn(bench).at(-1), 3);
  const { code, stdout } = await run(bench, 'verify', ...WITH_AUDIT);
  assert.equal(code, EXIT_CODES.ok, stdout);
}), TIMEOUT);

test('checkpoints of a project that was deleted, moved or made again are not provable', () => withWorkbench(async (bench) => {
  configure(bench);
  const server = await bench.start();
  await until('the checkpoint', () => (seqsIn(bench).includes(1) ? true : undefined));
  const change = async (onDisk: boolean): Promise<void> => {
    const body = JSON.stringify({ storage: { on_disk: onDisk } });
    const answer = await server.send('PUT', SHOP, { body });
    assert.equal(answer.status, 200, answer.text);
  };
  const { default: settings } = bench.document();
  await change(false);
  assert.deepEqual(bench.document()['default'], settings, 'the server keeps the setting');
  const inMemory = await run(bench, 'verify', ...WITH_AUDIT);
  assert.equal(inMemory.code, EXIT_CODES.ok, inMemory.stdout);
  assert.match(inMemory.stdout, /^shop: absent \(the log does not exist, checkpoints: 0 of 1 proven\)$/m);
  const [, folder = ''] = /--data and the folder "([^"]+)"$/m.exec(inMemory.stdout) ?? [];
  const left = await run(bench, 'verify', 'shop', '--data', `data/${folder}`, '--checkpoint', 'audit/checkpoints.jsonl');
  assert.match(left.stdout, /checkpoints: 1 of 1 proven, up to seq 1\)/);
  await change(true);
  await until('the checkpoint of the new log', () => (seqsIn(bench).includes(3) ? true : undefined));
  const moved = await run(bench, 'verify', ...WITH_AUDIT);
  assert.match(moved.stdout, /^ {2}note: not provable: 1 checkpoint of the log [0-9a-f]{32}, which was put aside/m);
  assert.equal((await server.send('DELETE', SHOP)).status, 204);
  const deleted = await run(bench, 'verify', ...WITH_AUDIT);
  assert.equal(deleted.code, EXIT_CODES.ok, deleted.stdout);
  assert.match(deleted.stdout, /^ {2}note: not provable: 1 checkpoint of the log [0-9a-f]{32}, which was deleted with its project at /m);
  assert.match(deleted.stdout, /^summary: projects=0 /m);
  const json = await run(bench, 'verify', '--json', ...WITH_AUDIT);
  const { projects } = JSON.parse(json.stdout) as { projects: { project: string; verdict: string }[] };
  assert.equal(projects.find(({ project }) => project === 'shop')?.verdict, 'absent');
  await server.stop();
}), TIMEOUT);

test('a file in the data folder is refused at the start', () => withWorkbench(async (bench) => {
  bench.configure([], { default: { checkpoints: { file: 'data/checkpoints.jsonl' } } });
  const { code, stderr } = await ended(start(bench, ['serve', '--config', 'config.json']));
  assert.equal(code, EXIT_CODES.configuration);
  assert.match(stderr, /\/default\/checkpoints\/file.*a file outside the data folder/);
}), TIMEOUT);

test.run();
