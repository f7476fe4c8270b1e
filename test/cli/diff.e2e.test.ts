/** `simplekv diff` as a process, on files written by hand, and on a backup. */
import assert from 'node:assert/strict';
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import type { AnyEvent } from '../../src/events/event.js';
import { withWorkbench, type Workbench } from '../e2e/server-under-test.js';
import { CREATE, set, writeLog } from '../offline/written-project.js';
import { suite } from '../suite.js';
import { contentsOf, registryOf, run, writeLogs } from './program.js';

const test = suite('cli/diff');
const TIMEOUT = { timeoutMs: 120_000 };
const FOLDER = ['--data', 'data'] as const;

/** The time of each line is that of its seq: 10:00:00 for the first. */
const EVENTS: readonly AnyEvent[] = [
  CREATE, set('user/1', '1.0'), set('user/2', '[ 1 ]'), set('z', '1'),
  { op: 'batch', ops: [{ op: 'delete', key: 'user/2' }, { op: 'set', key: 'user/1', value: '2' }] },
  { op: 'set.until', expires_at: '2026-11-22T10:00:07.000Z', key: 'short', value: '0' },
  set('user/3', '3'), set('z', '1'),
  { op: 'clear.range', prefix: 'user/3', start: null, end: null, count: 1 },
];

function write(bench: Workbench): void {
  writeLogs(bench.path('data'), registryOf(), writeLog({ project: 'shop', events: EVENTS, sealed: [4] }));
}

function timeOf(seq: number): string {
  return `2026-11-22T10:00:0${seq - 1}.000Z`;
}

test('diff prints what became of each key, with the line of its last change', () => withWorkbench(async (bench) => {
  write(bench);
  const before = contentsOf(bench.folder);
  const diff = async (...options: readonly string[]): Promise<readonly string[][]> => {
    const { code, stdout, stderr } = await run(bench, 'diff', 'shop', ...FOLDER, ...options);
    assert.deepEqual([code, stderr], [EXIT_CODES.ok, '']);
    return stdout.split('\n').slice(0, -1).map((line) => line.split('\t'));
  };
  const who = ['anonymous', '-'];
  const first = await diff('--from', '4', '--to', '6');
  assert.deepEqual(first.map(([sign, key, seq, time, op]) => [sign, key, seq, time, op]), [
    ['+', 'short', '6', timeOf(6), 'set.until'], ['~', 'user/1', '5', timeOf(5), 'batch'], ['-', 'user/2', '5', timeOf(5), 'batch'],
  ]);
  assert.equal(first[0]?.length, who.length + 5);
  assert.deepEqual((await diff('--from', '4', '--to', '6', '--values', '--prefix', 'user/')).map((fields) => fields.slice(-2)), [
    ['1.0', '2'], ['[ 1 ]', ''],
  ]);
  // It has expired by the time of the last line, and no line has removed it.
  const [short, third] = await diff('--from', '7');
  assert.deepEqual(short, ['-', 'short', '-', '2026-11-22T10:00:07.000Z', 'expire', 'server', '-']);
  assert.deepEqual([third?.[0], third?.[1], third?.[4]], ['-', 'user/3', 'clear.range']);
  assert.deepEqual(await diff('--from', '3', '--to', '3'), []);
  const all = await diff('--from', '0', '--to', '4');
  assert.deepEqual(all.map(([sign, key]) => [sign, key]), [['+', 'user/1'], ['+', 'user/2'], ['+', 'z']]);
  assert.deepEqual((await diff('--from', timeOf(4), '--to', timeOf(6))).length, 3);
  assert.deepEqual(contentsOf(bench.folder), before);
}), TIMEOUT);

test('diff prints JSON as the server does, also of a backup', () => withWorkbench(async (bench) => {
  write(bench);
  bench.configure([]);
  assert.equal((await run(bench, 'backup', 'nightly.tar', ...FOLDER)).code, EXIT_CODES.ok);
  for (const data of ['data', 'nightly.tar']) {
    const { code, stdout, stderr } = await run(bench, 'diff', 'shop', '--data', data, '--from', '4', '--to', '5', '--json', '--values');
    assert.deepEqual([code, stderr], [EXIT_CODES.ok, '']);
    assert.ok(stdout.includes('"value":1.0}') && stdout.includes('"value":[ 1 ]}'), stdout);
    const [changed, removed] = JSON.parse(stdout) as Record<string, unknown>[];
    assert.deepEqual([changed?.['key'], changed?.['change'], changed?.['seq'], changed?.['time']], ['user/1', 'changed', 5, timeOf(5)]);
    assert.deepEqual([removed?.['key'], removed?.['change'], removed?.['after']], ['user/2', 'removed', null]);
  }
  assert.equal((await run(bench, 'diff', 'shop', ...FOLDER, '--from', '5', '--to', '5', '--json')).stdout, '[]\n');
}), TIMEOUT);

test('diff refuses points that the log does not have, or the wrong way round', () => withWorkbench(async (bench) => {
  write(bench);
  for (const [options, words] of [
    [[], /required option '--from <seq-or-time>'/], [['--from', 'x'], /^simplekv: Cannot use "x"/],
    [['--from', '99'], /its log ends with seq 9/], [['--from', '2', '--to', '99'], /its log ends with seq 9/],
    [['--from', '5', '--to', '4'], /^simplekv: Cannot compare: seq 4 is before seq 5\n$/],
    [['--from', '5', '--to', '0'], /^simplekv: Cannot use "0"/],
  ] as const) {
    const { code, stdout, stderr } = await run(bench, 'diff', 'shop', ...FOLDER, ...options);
    assert.deepEqual([code, stdout], [EXIT_CODES.usage, ''], stderr);
    assert.match(stderr, words);
  }
  assert.equal((await run(bench, 'diff', '_server', ...FOLDER, '--from', '1')).code, EXIT_CODES.usage);
}), TIMEOUT);

test.run();
