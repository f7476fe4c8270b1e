import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { suite } from '../suite.js';
import { readLogFiles } from './log-files.js';
import { problemOf, runCommand, until, withWorkbench, type Answer, type ServerUnderTest, type Workbench } from './server-under-test.js';

const test = suite('disk-full');

const PROJECT = '/api/v1/projects/p';
const KEYS = `${PROJECT}/keys`;
const VALUE_CHARACTERS = 3000;
const WRITES_MAX = 2000;
/** Below what a log that found the disk full tries to write before it takes writes again. */
const FILE_BYTES_MAX = 60_000;
/** The mark below which nothing grows is 5 % of it. */
const SMALL_DISK_BYTES = 2_097_152;
const LOW_WATER_SHARE = 0.05;
/** What somebody else has on the disk, so that it is full before long. */
const BALLAST_BYTES = 1_600_000;
/** So few that a snapshot of them finds its place in what is kept free. */
const KEPT_KEYS = 8;
/** How often the disk is filled and emptied. */
const CYCLES = 2;

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

/** What fills a disk, how the project stands then, and what somebody does about it. */
interface Fullness {
  /** `read_only`: the disk itself has refused; `serving`: it was never asked. */
  readonly state: 'serving' | 'read_only';
  makeRoom(): Promise<void>;
}

/** From full to writing again, and to a restart. */
async function goThrough(bench: Workbench, server: ServerUnderTest, { state, makeRoom }: Fullness): Promise<void> {
  const acknowledged: Acknowledged = new Map();
  const key = server.key('p');
  await fill(server, acknowledged);
  assert.ok(acknowledged.size > 0);
  await assertReads(server, key, acknowledged);
  assert.equal(readFileSync(bench.path('data', 'p.jsonl')).at(-1), 0x0a, 'the file does not end within a line');
  assert.equal(readLogFiles(bench.path('data'), 'p').events.length, acknowledged.size + 1);
  const details = JSON.parse((await server.send('GET', PROJECT, { key })).text) as { state: string };
  assert.equal(details.state, state);

  await makeRoom();
  await until('writes to be taken again', async () => ((await put(server, 'again', acknowledged)).status === 201 ? true : undefined));
  assert.equal((await put(server, 'further', acknowledged)).status, 201);
  await assertReads(server, key, acknowledged);
  await server.kill();

  const restarted = await bench.start();
  await assertReads(restarted, key, acknowledged);
  const { events } = readLogFiles(bench.path('data'), 'p');
  for (const { seq, hash } of acknowledged.values()) assert.equal(events[seq - 1]?.hash, hash);
}

/** What makes room, and what is small, goes on while nothing may grow. */
async function assertShrinks(server: ServerUnderTest, acknowledged: Acknowledged): Promise<void> {
  for (const name of [...acknowledged.keys()].slice(KEPT_KEYS)) {
    assert.equal((await server.send('DELETE', `${KEYS}/${name}`, { key: server.key('p') })).status, 200);
    acknowledged.delete(name);
  }
  const global = { key: server.key('global') };
  assert.equal((await server.send('POST', `${PROJECT}/compact`, global)).status, 200, 'a snapshot finds the room that is kept free');
  assert.equal((await server.send('POST', '/api/v1/projects/other/api-key/regenerate', global)).status, 200);
  assert.equal((await server.send('POST', '/api/v1/projects', { ...global, body: '{"id":"new"}' })).status, 507);
}

test('a file that may not grow (prlimit): 507, reads go on, writes resume by themselves, nothing acknowledged is lost', () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'p' }]);
    const server = await bench.start({ front: ['prlimit', `--fsize=${FILE_BYTES_MAX}:unlimited`] });
    const makeRoom = async (): Promise<void> => {
      const { code, output } = await runCommand('prlimit', ['--pid', String(server.process.pid), '--fsize=unlimited:unlimited']);
      assert.equal(code, 0, output);
    };
    await goThrough(bench, server, { state: 'read_only', makeRoom });
  }));

test('a file system that is nearly full (tmpfs): what grows gets 507 before anything fails, all else goes on, writes resume', () =>
  withWorkbench(async (bench) => {
    if (!(await mountSmall(bench))) return;
    const ballast = bench.path('data', 'ballast');
    writeFileSync(ballast, Buffer.alloc(BALLAST_BYTES));
    bench.configure([{ id: 'p', storage: { segment_bytes: 4096, retention: { compress: 'gzip' } } }, { id: 'other' }]);
    const server = await bench.start();
    const acknowledged: Acknowledged = new Map();
    await fill(server, acknowledged);
    const { bavail, bsize } = statfsSync(bench.path('data'));
    assert.ok(bavail * bsize > (SMALL_DISK_BYTES * LOW_WATER_SHARE) / 2, `${bavail * bsize} bytes are kept free`);
    await assertShrinks(server, acknowledged);
    await assertReads(server, server.key('p'), acknowledged);
    const { status, text } = await server.send('GET', '/readyz?verbose', { key: server.key('global') });
    assert.equal(status, 200, text);
    rmSync(ballast);
    await until('writes to be taken again', async () => ((await put(server, 'again', acknowledged)).status === 201 ? true : undefined));
    await server.kill();
    const restarted = await bench.start();
    for (const [name, { value }] of acknowledged) {
      assert.equal((await restarted.send('GET', `${KEYS}/${name}`, { key: server.key('p') })).text, value, name);
    }
  }));

for (const segmentBytes of [4096, 67_108_864]) {
  test(`a file system that others fill to the last byte, segments of ${segmentBytes} bytes: nothing acknowledged is lost, nothing is half there`, () =>
    withWorkbench(async (bench) => {
      if (!(await mountSmall(bench))) return;
      bench.configure([{ id: 'p', storage: { segment_bytes: segmentBytes, compaction: { interval_seconds: 0 } } }]);
      const server = await bench.start();
      const acknowledged: Acknowledged = new Map();
      const key = server.key('p');
      for (let cycle = 0; cycle < CYCLES; cycle += 1) {
        assert.equal((await put(server, `before${cycle}`, acknowledged)).status, 201);
        const ballasts = fillToTheLast(bench, cycle);
        // Whatever is tried now finds no room in the middle of it: a batch, a rotation, a snapshot, the configuration.
        await fill(server, acknowledged);
        const compaction = await server.send('POST', `${PROJECT}/compact`, { key: server.key('global') });
        assert.ok(compaction.status === 507 || compaction.status === 200, compaction.text);
        const settings = await server.send('PUT', PROJECT, { key: server.key('global'), body: `{"authentication":{"save_api_key_to_file":${cycle % 2 === 0}}}` });
        assert.ok(settings.status === 507 || settings.status === 503 || settings.status === 500 || settings.status === 200, settings.text);
        await assertReads(server, key, acknowledged);
        for (const file of ballasts) rmSync(file);
        await until('writes to be taken again', async () => ((await put(server, `again${cycle}`, acknowledged)).status < 300 ? true : undefined));
      }
      await server.kill();
      const restarted = await bench.start();
      await assertReads(restarted, key, acknowledged);
      const { events } = readLogFiles(bench.path('data'), 'p');
      for (const { seq, hash } of acknowledged.values()) assert.equal(events[seq - 1]?.hash, hash);
    }));
}

/** Leaves no room at all. @returns the files that take it */
function fillToTheLast(bench: Workbench, cycle: number): readonly string[] {
  const files: string[] = [];
  for (let size = SMALL_DISK_BYTES; size >= 1; size = Math.floor(size / 2)) {
    const file = bench.path('data', `ballast-${cycle}-${size}`);
    try {
      writeFileSync(file, Buffer.alloc(size));
      files.push(file);
    } catch {
      rmSync(file, { force: true });
    }
  }
  return files;
}

/** Puts a small file system under the data folder. Where that is not allowed, the console says what is left out. */
async function mountSmall(bench: Workbench): Promise<boolean> {
  mkdirSync(bench.path('data'));
  const options = ['-t', 'tmpfs', '-o', `size=${SMALL_DISK_BYTES}`, 'simplekv-test', bench.path('data')];
  const { code, output } = await runCommand('mount', options);
  if (code !== 0) {
    console.log(`no file system can be mounted here (${output.trim()}): a full disk is tested with prlimit only`);
    return false;
  }
  bench.defer(() => runCommand('umount', ['--lazy', bench.path('data')]));
  return true;
}

test.run();
