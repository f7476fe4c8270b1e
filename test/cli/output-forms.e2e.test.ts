/** `--json` and `--jsonl` of the commands that have one result, or print entries. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import { withWorkbench, type Workbench } from '../e2e/server-under-test.js';
import { suite } from '../suite.js';
import { arrayOf, damage, type Ran, run, writeShop } from './program.js';

const test = suite('cli/output-forms');
const TIMEOUT = { timeoutMs: 120_000 };
const FOLDER = ['--data', 'data'] as const;

type Json = Readonly<Record<string, unknown>>;

/** The one object that a command printed, on one line. */
function objectOf({ stdout, stderr }: Ran): Json {
  assert.match(stdout, /^\{[^\n]*\}\n$/, stderr);
  return JSON.parse(stdout) as Json;
}

/** The object that a command prints in both forms. */
async function shown(bench: Workbench, ...args: readonly string[]): Promise<Json> {
  const json = objectOf(await run(bench, ...args, '--json'));
  assert.deepEqual(objectOf(await run(bench, ...args, '--jsonl')), json, args.join(' '));
  return json;
}

test('a command with one result prints it as one object on one line in both forms', () => withWorkbench(async (bench) => {
  const { lines } = writeShop(bench);
  bench.configure([]);
  writeFileSync(bench.path('in'), '{"key":"a","value":1}\n');
  const hash = /"hash":"([0-9a-f]{64})"/.exec(lines[2]?.text ?? '')?.[1] ?? '';
  assert.equal((await shown(bench, 'receipt', hash, ...FOLDER))['seq'], 3);
  assert.deepEqual(await shown(bench, 'receipt', '0'.repeat(64), ...FOLDER), { found: false });
  assert.equal((await shown(bench, 'bisect', 'shop', '--key', 'k1', '--present', ...FOLDER))['seq'], 3);
  assert.equal((await shown(bench, 'import', 'shop', 'in', '--dry-run'))['imported'], 1);
  assert.equal((await shown(bench, 'export', 'shop', '--dry-run', ...FOLDER))['keys'], 8);
  assert.deepEqual(await shown(bench, 'repair', 'shop', ...FOLDER), { project: 'shop', state: 'sound' });
  for (const [index, form] of ['--json', '--jsonl'].entries()) {
    assert.equal(objectOf(await run(bench, 'backup', `b${index}.tar`, ...FOLDER, form))['verified'], true);
    assert.equal(objectOf(await run(bench, 'restore', `b${index}.tar`, '--data', `r${index}`, form))['data'], bench.path(`r${index}`));
  }
}), TIMEOUT);

test('verify and config show print one object, or a line for each project or setting', () => withWorkbench(async (bench) => {
  writeShop(bench);
  bench.configure([]);
  const verdict = objectOf(await run(bench, 'verify', ...FOLDER, '--json'));
  const lines = (await run(bench, 'verify', ...FOLDER, '--jsonl')).stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as Json);
  assert.deepEqual(lines, verdict['projects']);
  assert.equal(lines.length, 2);
  const settings = JSON.parse((await run(bench, 'config', 'show', '--json')).stdout) as Json;
  const rows = (await run(bench, 'config', 'show', '--jsonl')).stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as Json);
  assert.deepEqual(rows, settings['settings']);
}), TIMEOUT);

test('config check, ready and profile say in both forms what they found or did', () => withWorkbench(async (bench) => {
  mkdirSync(bench.path('data'));
  bench.configure([]);
  const checked = await shown(bench, 'config', 'check', '--data', 'data');
  assert.deepEqual([checked['config'], checked['usable'], checked['projects'], checked['data']], [
    bench.configPath, true, 0, bench.path('data'),
  ]);
  const server = await bench.start();
  assert.deepEqual(await shown(bench, 'ready', '--url', server.url), { url: server.url, ready: true, status: 200, reason: null });
  await server.stop();
  const gone = await run(bench, 'ready', '--url', server.url, '--json');
  assert.deepEqual([gone.code, objectOf(gone)], [
    EXIT_CODES.failure, { url: server.url, ready: false, status: null, reason: 'ECONNREFUSED' },
  ]);
  for (const name of ['p', 'q', 'r']) await run(bench, 'profile', 'add', name, '--url', 'http://127.0.0.1:2');
  assert.deepEqual(await shown(bench, 'profile', 'use', 'q'), { default: 'q' });
  assert.deepEqual(objectOf(await run(bench, 'profile', 'remove', 'p', '--json')), { name: 'p', removed: true, default: 'q' });
  assert.deepEqual(objectOf(await run(bench, 'profile', 'remove', 'q', '--jsonl')), { name: 'q', removed: true, default: null });
  assert.deepEqual(await shown(bench, 'profile', 'use', '--none'), { default: null });
}), TIMEOUT);

test('entries, a state and lines are one document with --json, and lines with --jsonl', () => withWorkbench(async (bench) => {
  const { lines } = writeShop(bench, 2);
  const printed = async (...args: readonly string[]): Promise<string> => (await run(bench, ...args, ...FOLDER)).stdout;
  const entries = await printed('export', 'shop');
  assert.equal(await printed('export', 'shop', '--jsonl'), entries);
  assert.equal(await printed('export', 'shop', '--json'), arrayOf(entries));
  assert.equal(await printed('export', 'shop', '--prefix', 'x', '--json'), '[]\n');
  const state = await printed('replay', 'shop');
  assert.equal(await printed('replay', 'shop', '--json'), state);
  const keys = (await printed('replay', 'shop', '--jsonl')).trimEnd().split('\n').map((line) => JSON.parse(line) as Json);
  assert.deepEqual(Object.fromEntries(keys.map(({ key, value }) => [key, value])), JSON.parse(state));
  assert.deepEqual(keys.map(({ seq }) => seq), [2, 3]);
  const events = lines.map(({ text }) => text).join('');
  assert.equal(await printed('replay', 'shop', '--events', '--jsonl'), events);
  assert.equal(await printed('replay', 'shop', '--events', '--json'), arrayOf(events));
}), TIMEOUT);

test('a repair prints one object: what it would keep and lose, or what it did', () => withWorkbench(async (bench) => {
  writeShop(bench);
  damage(bench.path('data', 'shop.jsonl'));
  const planned = await run(bench, 'repair', 'shop', ...FOLDER, '--json');
  assert.equal(planned.code, EXIT_CODES.failure);
  const { state, kept, lost } = objectOf(planned) as { state: string; kept: Json; lost: Json };
  assert.equal(state, 'planned');
  assert.deepEqual(lost['seqs'], { from: Number(kept['seq']) + 1, to: 9 });
  assert.equal(kept['snapshot_seq'], null);
  const repaired = objectOf(await run(bench, 'repair', 'shop', ...FOLDER, '--accept-loss', '--jsonl'));
  assert.deepEqual([repaired['state'], repaired['last_seq'], repaired['entry_revised']], ['repaired', kept['seq'], false]);
  assert.deepEqual(repaired['lost'], lost);
  assert.match(String(repaired['old_files']), /\/data\/_repair\/[^/]+\/old$/);
  damage(bench.path('data', '_server.jsonl'));
  const registry = await run(bench, 'repair', '_server', ...FOLDER, '--json');
  const { projects } = objectOf(registry) as { projects: readonly Json[] };
  assert.deepEqual([registry.code, projects.map(({ id }) => id)], [EXIT_CODES.failure, ['shop']]);
  assert.equal((await shown(bench, 'repair', '_server', ...FOLDER))['state'], 'planned');
  const rebuilt = objectOf(await run(bench, 'repair', '_server', ...FOLDER, '--accept-loss', '--json'));
  assert.deepEqual([rebuilt['project'], rebuilt['state']], ['_server', 'repaired']);
}), TIMEOUT);

test.run();
