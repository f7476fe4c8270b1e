import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { suite } from '../suite.js';
import { readLogFiles } from './log-files.js';
import { problemOf, runCommand, until, withWorkbench, type Answer, type ServerUnderTest, type Workbench } from './server-under-test.js';

const test = suite('disk-full');

const KEYS = '/api/v1/projects/p/keys';
const VALUE_CHARACTERS = 3000;
const WRITES_MAX = 2000;
/** Below what a log that found the disk full tries to write before it takes writes again. */
const FILE_BYTES_MAX = 60_000;

/** What was acknowledged, by key. */
type Acknowledged = Map<string, { readonly seq: number; readonly hash: string; readonly value: string }>;

async function put(server: ServerUnderTest, name: string, acknowledged: Acknowledged): Promise<Answer> {
  const value = JSON.stringify(`${name} ${'x'.repeat(VALUE_CHARACTERS)}`);
  const answer = await server.send('PUT', `${KEYS}/${name}`, { key: server.key('p'), body: value });
  if (answer.status < 300) acknowledged.set(name, { ...(JSON.parse(answer.text) as { seq: number; hash: string }), value });
  return answer;
}

/** Writes until there is no room. */
async function fill(server: ServerUnderTest, acknowledged: Acknowledged): Promise<void> {
  for (let index = 0; index < WRITES_MAX; index += 4) {
    const names = Array.from({ length: 4 }, (_, writer) => `fill${index + writer}`);
    const answers = await Promise.all(names.map((name) => put(server, name, acknowledged)));
    const refused = answers.filter(({ status }) => status >= 300);
    for (const answer of refused) assertFull(answer);
    if (refused.length > 0) return;
  }
  assert.fail('the disk never was full');
}

function assertFull(answer: Answer): void {
  assert.equal(answer.status, 507, answer.text);
  assert.equal(problemOf(answer)['code'], 'disk_full');
  assert.ok(Number(answer.headers['retry-after']) > 0);
}

async function assertReads(server: ServerUnderTest, key: string, acknowledged: Acknowledged): Promise<void> {
  for (const [name, { value }] of acknowledged) assert.equal((await server.send('GET', `${KEYS}/${name}`, { key })).text, value, name);
}

/** From full to writing again, and to a restart. `makeRoom` is what somebody does about it. */
async function goThrough(bench: Workbench, server: ServerUnderTest, makeRoom: () => Promise<void>): Promise<void> {
  const acknowledged: Acknowledged = new Map();
  const key = server.key('p');
  await fill(server, acknowledged);
  assert.ok(acknowledged.size > 0);
  assertFull(await put(server, 'more', acknowledged));
  await assertReads(server, key, acknowledged);
  assert.equal(readFileSync(bench.path('data', 'p.jsonl')).at(-1), 0x0a, 'the file does not end within a line');
  assert.equal(readLogFiles(bench.path('data'), 'p').events.length, acknowledged.size + 1);
  const details = JSON.parse((await server.send('GET', '/api/v1/projects/p', { key })).text) as { state: string };
  assert.equal(details.state, 'read_only');

  await makeRoom();
  await until('writes to be taken again', async () => ((await put(server, 'again', acknowledged)).status === 201 ? true : undefined));
  assert.equal((await put(server, 'further', acknowledged)).status, 201);
  await assertReads(server, key, acknowledged);
  await server.kill();

  const restarted = await bench.start();
  await assertReads(restarted, key, acknowledged);
  assert.equal((await restarted.send('GET', `${KEYS}/more`, { key })).status, 404);
  const { events } = readLogFiles(bench.path('data'), 'p');
  for (const { seq, hash } of acknowledged.values()) assert.equal(events[seq - 1]?.hash, hash);
}

test('a file that may not grow (prlimit): 507, reads go on, writes resume by themselves, nothing acknowledged is lost', () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'p' }]);
    const server = await bench.start({ front: ['prlimit', `--fsize=${FILE_BYTES_MAX}:unlimited`] });
    await goThrough(bench, server, async () => {
      const { code, output } = await runCommand('prlimit', ['--pid', String(server.process.pid), '--fsize=unlimited:unlimited']);
      assert.equal(code, 0, output);
    });
  }));

test('a file system that is full (tmpfs): 507, reads go on, writes resume by themselves, nothing acknowledged is lost', () =>
  withWorkbench(async (bench) => {
    const mounted = await mountSmall(bench);
    if (!mounted) return;
    writeFileSync(bench.path('data', 'ballast'), Buffer.alloc(600_000));
    bench.configure([{ id: 'p' }]);
    const server = await bench.start();
    await goThrough(bench, server, () => {
      rmSync(bench.path('data', 'ballast'));
      return Promise.resolve();
    });
  }));

test('a file system that is full while small segments are rotated: nothing acknowledged is lost', () =>
  withWorkbench(async (bench) => {
    const mounted = await mountSmall(bench);
    if (!mounted) return;
    writeFileSync(bench.path('data', 'ballast'), Buffer.alloc(600_000));
    bench.configure([{ id: 'p', storage: { segment_bytes: 4096 } }]);
    const server = await bench.start();
    await goThrough(bench, server, () => {
      rmSync(bench.path('data', 'ballast'));
      return Promise.resolve();
    });
  }));

/** Puts a file system of 1 MiB under the data folder. Where that is not allowed, the console says what is left out. */
async function mountSmall(bench: Workbench): Promise<boolean> {
  mkdirSync(bench.path('data'));
  const { code, output } = await runCommand('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'simplekv-test', bench.path('data')]);
  if (code !== 0) {
    console.log(`no file system can be mounted here (${output.trim()}): a full disk is tested with prlimit only`);
    return false;
  }
  console.log('a full disk is tested on a tmpfs of 1 MiB');
  bench.defer(() => runCommand('umount', ['--lazy', bench.path('data')]));
  return true;
}

test.run();
