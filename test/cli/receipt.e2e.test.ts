/** `simplekv receipt` as a process. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import { withWorkbench } from '../e2e/server-under-test.js';
import { LOG_ID } from '../offline/written-project.js';
import { suite } from '../suite.js';
import { run, runUnread, writeShop } from './program.js';

const test = suite('cli/receipt');
const TIMEOUT = { timeoutMs: 120_000 };
const FOLDER = ['--data', 'data'] as const;

test('a receipt is found in its file, in text and as JSON, in all projects or the given one', () => withWorkbench(async (bench) => {
  const line = writeShop(bench).lines[4];
  assert.ok(line);
  const { hash, seq, file, offset, text } = line;
  const time = '2026-11-22T10:00:04.000Z';
  const shown = await run(bench, 'receipt', hash, ...FOLDER);
  assert.deepEqual([shown.code, shown.stderr], [EXIT_CODES.ok, '']);
  const facts = { project: 'shop', seq, time, op: 'set', actor: `global#${'0'.repeat(16)}`, request: 'r5', file, offset };
  assert.equal(shown.stdout, Object.entries(facts).map(([name, fact]) => `${name.padEnd(7)}  ${fact}\n`).join(''));
  const { code, stdout } = await run(bench, 'receipt', hash.toUpperCase(), 'shop', '--json', ...FOLDER);
  const { project, ...rest } = facts;
  const document = { found: true, project, log_id: LOG_ID, ...rest, bytes: Buffer.byteLength(text) };
  assert.deepEqual([code, JSON.parse(stdout)], [EXIT_CODES.ok, document]);
  // What it says is enough to cut the line out of the file.
  assert.equal(readFileSync(bench.path('data', file)).subarray(offset, offset + Buffer.byteLength(text)).toString(), text);
  assert.equal((await runUnread(bench, 'receipt', hash, ...FOLDER)).code, EXIT_CODES.ok);
}), TIMEOUT);

test('a receipt that no log has ends with 1 and says so', () => withWorkbench(async (bench) => {
  writeShop(bench);
  const hash = '0'.repeat(64);
  const { code, stdout, stderr } = await run(bench, 'receipt', hash, ...FOLDER);
  assert.deepEqual([code, stdout], [EXIT_CODES.failure, '']);
  assert.match(stderr, /^simplekv: No log in "[^"]+" has a line with this receipt\. Retention may have removed it, or [^\n]+\n$/);
  const document = await run(bench, 'receipt', hash, '_server', '--json', ...FOLDER);
  assert.deepEqual([document.code, document.stdout], [EXIT_CODES.failure, '{"found":false}\n']);
  assert.match(document.stderr, /^simplekv: No log of "_server" in /);
}), TIMEOUT);

test('a line that the chain does not have is refused with its place', () => withWorkbench(async (bench) => {
  const log = writeShop(bench);
  const planted = 'ab'.repeat(32);
  const text = log.lines[7]?.text ?? '';
  const file = bench.path('data', 'shop.jsonl');
  writeFileSync(file, readFileSync(file, 'utf8') + text.replace(/[0-9a-f]{64}"\}\n$/, `${planted}"}\n`));
  const { code, stdout, stderr } = await run(bench, 'receipt', planted, ...FOLDER);
  assert.deepEqual([code, stdout], [EXIT_CODES.failure, '']);
  assert.match(stderr, /^simplekv: Cannot trust "shop\.jsonl" at byte \d+, seq 10: [^\n]+\nsimplekv: No log in "[^"]+" has [^\n]+verify/);
}), TIMEOUT);

test('what is no receipt, and an unknown project, is a usage error', () => withWorkbench(async (bench) => {
  writeShop(bench);
  const wrong: [string[], RegExp][] = [
    [['abc'], /^simplekv: Cannot search for "abc": a receipt has 64 hexadecimal digits\n$/],
    [['0'.repeat(64), 'shopp'], /^simplekv: Cannot search "shopp": no such project .* Known projects: shop, _server\n$/],
    [[], /missing required argument 'hash'/],
  ];
  for (const [args, said] of wrong) {
    const { code, stdout, stderr } = await run(bench, 'receipt', ...args, ...FOLDER);
    assert.deepEqual([code, stdout], [EXIT_CODES.usage, '']);
    assert.match(stderr, said);
  }
}), TIMEOUT);

test.run();
