/** `verify`, `replay` and `repair` through the real program, beside a real server. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import { type ServerUnderTest, withWorkbench, type Workbench } from '../e2e/server-under-test.js';
import { suite } from '../suite.js';
import { contentsOf, run, writeShop } from './program.js';

const test = suite('cli/file-commands');
const OPEN = { enabled: false };
const TIMEOUT_MS = 120_000;
/** Damage that a snapshot covers; how much of it is counted in bytes depends on which snapshot. */
const LOST_HISTORY = /^what is lost: history, but no value\n(?: {2}\d+ bytes of [^\n]*\n)? {2}the lines of seq 4 to \d+;/m;

function configure(bench: Workbench): void {
  const storage = { persistent_file_path: 'data/', segment_bytes: 4096, compaction: { interval_seconds: 1 } };
  bench.configure([{ id: 'shop', authentication: OPEN }], { default: { storage, authentication: OPEN } });
}

async function put(server: ServerUnderTest, key: string, value: string): Promise<void> {
  const answer = await server.send('PUT', `/api/v1/projects/shop/keys/${key}`, { body: value });
  assert.ok(answer.status === 200 || answer.status === 201, answer.text);
}

async function listing(server: ServerUnderTest): Promise<unknown> {
  return JSON.parse((await server.send('GET', '/api/v1/projects/shop/keys')).text);
}

/** Names, sizes and times of everything in a folder. */
function treeOf(folder: string): readonly string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted();
  return names.map((name) => {
    const { size, mtimeMs } = statSync(path.join(folder, name));
    return `${name} ${size} ${mtimeMs}`;
  });
}

test('verify beside a server under load finds no false damage', () => withWorkbench(async (bench) => {
  configure(bench);
  const server = await bench.start();
  // What the replays show is there before the first of them, however slow the machine is.
  for (const count of [0, 1]) await put(server, `k${count}`, `{"n":${count}}`);
  let isOver = false;
  const load = (async () => {
    for (let count = 2; !isOver; count += 1) {
      await put(server, `k${count % 9}`, `{"n":${count}}`);
      if (count % 40 === 0) await server.send('POST', '/api/v1/projects/shop/compact');
    }
  })();
  for (let look = 0; look < 2; look += 1) {
    const { code, stdout, stderr } = await run(bench, 'verify', '--config', 'config.json');
    assert.equal(code, EXIT_CODES.ok, stdout + stderr);
    assert.equal(stderr, '', 'no progress is shown without a terminal');
    const replayed = await run(bench, 'replay', 'shop', '--until', '3');
    assert.equal(replayed.code, EXIT_CODES.ok, replayed.stderr);
    assert.deepEqual(JSON.parse(replayed.stdout), { k0: { n: 0 }, k1: { n: 1 } });
  }
  isOver = true;
  await load;
  assert.equal((await run(bench, 'repair', 'shop', '--accept-loss')).code, EXIT_CODES.temporaryFailure);
}), { timeoutMs: TIMEOUT_MS });

test('damage is named, repaired, and the project served again', () => withWorkbench(async (bench) => {
  configure(bench);
  const server = await bench.start();
  for (let count = 0; count < 30; count += 1) await put(server, `k${count}`, String(count));
  const values = await listing(server);
  await server.stop();
  const segment = path.join('shop', readdirSync(bench.path('data', 'shop')).find((name) => name.endsWith('.jsonl')) ?? '');
  const bytes = readFileSync(bench.path('data', segment));
  bytes.writeUInt8(bytes.readUInt8(1500) ^ 1, 1500);
  writeFileSync(bench.path('data', segment), bytes);

  const before = treeOf(bench.path('data'));
  const found = await run(bench, 'verify', 'shop', '--json');
  assert.equal(found.code, EXIT_CODES.failure);
  const verdict = JSON.parse(found.stdout) as { projects: { findings: { file: string; line: number; seq: number }[] }[] };
  assert.equal(verdict.projects[0]?.findings[0]?.file, segment);
  const { stdout } = await run(bench, 'verify');
  assert.match(stdout, /^shop: DAMAGED \(\d+ sound lines within seq 1 to 31, snapshots: [\d, ]+\)$/m);
  const [, next = ''] = /^ {2}next: stop the server, then: node \S+\/simplekv\.js (.*) \(changes nothing yet;/m.exec(stdout) ?? [];
  const planned = await run(bench, ...next.split(' '));
  assert.equal(planned.code, EXIT_CODES.failure);
  assert.match(planned.stdout, LOST_HISTORY);
  const [, command = ''] = /^Nothing was changed\. To apply the repair: node \S+\/simplekv\.js (.*)$/m.exec(planned.stdout) ?? [];
  const withoutLock = (names: readonly string[]): readonly string[] => names.filter((name) => !name.startsWith('_lock'));
  assert.deepEqual(withoutLock(treeOf(bench.path('data'))), withoutLock(before));

  const repaired = await run(bench, ...command.split(' '));
  assert.equal(repaired.code, EXIT_CODES.ok, repaired.stdout + repaired.stderr);
  const [, old = ''] = /^the damaged files are in (\/\S+)$/m.exec(repaired.stdout) ?? [];
  assert.ok(readdirSync(old).includes('shop.jsonl'), repaired.stdout);
  assert.match(repaired.stdout, /^next: node \S+\/simplekv\.js verify shop, then start the server\n$/m);
  const sound = await run(bench, 'verify');
  assert.equal(sound.code, EXIT_CODES.ok, sound.stdout);
  const again = await bench.start();
  assert.deepEqual(await listing(again), values);
  await put(again, 'new', '1');
  await again.stop();
  assert.equal((await run(bench, 'verify')).code, EXIT_CODES.ok);
}), { timeoutMs: TIMEOUT_MS });

test('a repair names the key of the damaged line, and says if there may be others', () => withWorkbench(async (bench) => {
  writeShop(bench);
  const file = bench.path('data', 'shop.jsonl');
  const text = readFileSync(file, 'latin1');
  const at = text.indexOf('"key":"k6"');
  assert.ok(at > 0);
  const salt = text.lastIndexOf(',"salt"', at);
  writeFileSync(file, `${text.slice(0, salt)},xsalt"${text.slice(salt + ',"salt"'.length)}`, 'latin1');
  const legible = await run(bench, 'repair', 'shop', '--data', 'data');
  assert.equal(legible.code, EXIT_CODES.failure, legible.stderr);
  const lost = /^ {2}lost changes affect these keys:\n {4}"k7"\n {2}possibly also these keys \(read from damaged .*\):\n {4}"k6"\n/m;
  assert.match(legible.stdout, lost);
  assert.ok(!legible.stdout.includes('other keys may be lost'), legible.stdout);
  writeFileSync(file, `${text.slice(0, at)}"key":xk6"${text.slice(at + '"key":"k6"'.length)}`, 'latin1');
  const illegible = await run(bench, 'repair', 'shop', '--data', 'data');
  assert.match(illegible.stdout, /^ {4}"k7"\n {2}other keys may be lost as well: not every lost line is present and readable$/m);
}), { timeoutMs: 120_000 });

test('damage of a snapshot alone needs no repair, and the next startup serves everything', () => withWorkbench(async (bench) => {
  configure(bench);
  const server = await bench.start();
  for (let count = 0; count < 5; count += 1) await put(server, `k${count}`, String(count));
  const values = await listing(server);
  await server.stop();
  for (const name of readdirSync(bench.path('data', 'shop')).filter((file) => /^snap-.*\.json$/.test(file))) {
    writeFileSync(bench.path('data', 'shop', name), '{}');
  }
  assert.equal((await run(bench, 'verify')).code, EXIT_CODES.failure);
  for (const accepted of [[], ['--accept-loss']]) {
    const { code, stdout } = await run(bench, 'repair', 'shop', ...accepted);
    assert.equal(code, EXIT_CODES.ok, stdout);
    assert.match(stdout, /^shop: no repair is needed: only snapshots are damaged; the log is sound, and no value is lost\./);
    assert.doesNotMatch(stdout, /what is lost|accept-loss/);
    assert.ok(!readdirSync(bench.path('data')).includes('_repair'));
  }
  const again = await bench.start();
  assert.deepEqual(await listing(again), values);
  await again.stop();
}), { timeoutMs: TIMEOUT_MS });

test('a missing log and a missing segment are named without a line', () => withWorkbench(async (bench) => {
  configure(bench);
  const server = await bench.start();
  for (let count = 0; count < 40; count += 1) await put(server, `k${count}`, String(count));
  await server.stop();
  const [, second = ''] = readdirSync(bench.path('data', 'shop')).filter((name) => name.endsWith('.jsonl')).toSorted();
  rmSync(bench.path('data', 'shop', second));
  const gap = new RegExp(`^  shop/${second}, seq \\d+: expected a segment that begins with seq \\d+; found no such file;`, 'm');
  assert.match((await run(bench, 'verify')).stdout, gap);
  rmSync(bench.path('data', 'shop.jsonl'));
  rmSync(bench.path('data', 'shop'), { recursive: true });
  const missing = /^shop: MISSING \(the log does not exist\)\n {2}shop\.jsonl: expected the active segment; found no such file$/m;
  assert.match((await run(bench, 'verify')).stdout, missing);
}), { timeoutMs: TIMEOUT_MS });

test('replay writes a complete file, prints lines, and lets its reader stop', () => withWorkbench(async (bench) => {
  configure(bench);
  const server = await bench.start();
  for (let count = 0; count < 30; count += 1) await put(server, `k${count}`, JSON.stringify('x'.repeat(300)));
  await server.send('POST', '/api/v1/projects/shop/compact');
  await server.stop();
  assert.equal((await run(bench, 'replay', 'shop', '--out', 'state.json')).code, EXIT_CODES.ok);
  const link = readFileSync(bench.path('data', 'shop.json'), 'utf8');
  assert.equal(readFileSync(bench.path('state.json'), 'utf8'), link);
  assert.equal(statSync(bench.path('state.json')).mode & 0o777, 0o640);
  const events = await run(bench, 'replay', 'shop', '--events', '--key', 'k7');
  assert.equal(events.stdout.trim().split('\n').length, 1);
  const failed = await run(bench, 'replay', 'shop', '--until', '999', '--out', 'other.json');
  assert.equal(failed.code, EXIT_CODES.usage);
  assert.deepEqual(readdirSync(bench.folder).filter((name) => name.startsWith('other')), []);
}), { timeoutMs: TIMEOUT_MS });

test('a repair that needs the registry first prints the command for it, with the same folder', () => withWorkbench(async (bench) => {
  writeShop(bench);
  rmSync(bench.path('data', '_server.jsonl'));
  const { code, stderr } = await run(bench, 'repair', 'shop', '--data', 'data');
  assert.equal(code, EXIT_CODES.failure);
  assert.match(stderr, /^simplekv: .*"_server\.jsonl", is damaged or missing\. Repair it first: node \S+ repair _server --data data\n$/);
}), { timeoutMs: TIMEOUT_MS });

test('data of a newer version is not repaired, even with --accept-loss', () => withWorkbench(async (bench) => {
  writeShop(bench);
  for (const [file, target] of [['shop.jsonl', 'shop'], ['_server.jsonl', 'shop'], ['_server.jsonl', '_server']] as const) {
    const place = bench.path('data', file);
    const text = readFileSync(place, 'utf8');
    writeFileSync(place, text.replace('"simplekv/1"', '"simplekv/9"'));
    const { code, stderr } = await run(bench, 'repair', target, '--data', 'data', '--accept-loss');
    assert.equal(code, EXIT_CODES.failure);
    const named = file === 'shop.jsonl' ? 'shop' : '_server';
    assert.equal(stderr, `simplekv: Cannot repair "${named}": a newer version wrote it, and no damage was found; run that version\n`);
    writeFileSync(place, text);
  }
}), { timeoutMs: TIMEOUT_MS });

test('the registry is not repaired beside a project of a newer version, and nothing changes', () => withWorkbench(async (bench) => {
  writeShop(bench);
  const registry = bench.path('data', '_server.jsonl');
  const sound = readFileSync(registry, 'utf8');
  writeFileSync(registry, sound.replace('"op":"project.created"', '"op":"project.crXated"'));
  const place = bench.path('data', 'shop.jsonl');
  const oldest = bench.path('data', 'shop', '00000000000000000001.jsonl');
  const sealed = readFileSync(oldest, 'utf8');
  for (const file of [place, oldest]) writeFileSync(file, readFileSync(file, 'utf8').replace('"simplekv/1"', '"simplekv/9"'));
  const before = contentsOf(bench.path('data'));
  for (const words of [[], ['--accept-loss']]) {
    const { code, stdout, stderr } = await run(bench, 'repair', '_server', '--data', 'data', ...words);
    assert.deepEqual([code, stdout], [EXIT_CODES.failure, '']);
    assert.match(stderr, /^simplekv: Cannot repair "_server": a newer version wrote "shop\.jsonl".*Nothing was changed\. Run this/);
    assert.deepEqual(contentsOf(bench.path('data')), before);
  }
  writeFileSync(oldest, sealed);
  const registered = await run(bench, 'repair', '_server', '--data', 'data');
  assert.match(registered.stdout, /would register 1 project:\n {2}shop /, 'the older segments say which log it is');
  writeFileSync(registry, sound);
  assert.match((await run(bench, 'repair', '_server', '--data', 'data')).stdout, /nothing to repair/);
}), { timeoutMs: TIMEOUT_MS });

test('a senseless command line ends with 64', () => withWorkbench(async (bench) => {
  configure(bench);
  const wrong = [
    ['verify', '--data', '.', '--config', 'config.json'], ['replay', 'shop', '--until', 'yesterday', '--data', '.'],
    ['replay', 'shop', '--key', 'a', '--data', '.'], ['verify', '--what'],
  ];
  const codes = await Promise.all(wrong.map(async (args) => (await run(bench, ...args)).code));
  assert.deepEqual(codes, wrong.map(() => EXIT_CODES.usage));
  assert.equal((await run(bench, 'verify', '--config', 'nowhere.json')).code, EXIT_CODES.configuration);
  assert.equal((await run(bench, 'verify', '--data', 'nowhere')).code, EXIT_CODES.noInput);
}), { timeoutMs: TIMEOUT_MS });

test.run();
