import assert from 'node:assert/strict';
import { readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import {
  type Acknowledged, assertFiles, assertReads, fill, KEYS, mountSmall, PROJECT, put, runDiskFullCycles, SMALL_DISK_BYTES, untilWritable,
} from '../faults/disk-full-cycles.js';
import { suite } from '../suite.js';
import { readLogFiles } from './log-files.js';
import { runCommand, withWorkbench, type ServerUnderTest, type Workbench } from './server-under-test.js';

const test = suite('disk-full');

/** Below what a log that found the disk full tries to write before it takes writes again. */
const FILE_BYTES_MAX = 60_000;
const LOW_WATER_SHARE = 0.05;
/** What somebody else has on the disk, so that it is full before long. */
const BALLAST_BYTES = 1_600_000;
/** So few that a snapshot of them finds its place in what is kept free. */
const KEPT_KEYS = 8;
/** How often the disk is filled and emptied. */
const CYCLES = 2;

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
  await untilWritable(server, acknowledged);
  assert.equal((await put(server, 'further', acknowledged)).status, 201);
  await assertReads(server, key, acknowledged);
  await server.kill();

  const restarted = await bench.start();
  await assertReads(restarted, key, acknowledged);
  assertFiles(bench, acknowledged);
}

/** What makes room, and what is small, goes on while nothing may grow. */
async function assertShrinks(server: ServerUnderTest, acknowledged: Acknowledged): Promise<void> {
  const global = { key: server.key('global') };
  assert.equal((await server.send('POST', '/api/v1/projects', { ...global, body: '{"id":"new"}' })).status, 507);
  for (const name of [...acknowledged.keys()].slice(KEPT_KEYS)) {
    assert.equal((await server.send('DELETE', `${KEYS}/${name}`, { key: server.key('p') })).status, 200);
    acknowledged.delete(name);
  }
  assert.equal((await server.send('POST', `${PROJECT}/compact`, global)).status, 200, 'a snapshot finds the room that is kept free');
  assert.equal((await server.send('POST', '/api/v1/projects/other/api-key/regenerate', global)).status, 200);
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
    await untilWritable(server, acknowledged);
    await server.kill();
    const restarted = await bench.start();
    await assertReads(restarted, server.key('p'), acknowledged);
  }));

for (const segmentBytes of [4096, 67_108_864]) {
  test(`a file system that others fill to the last byte, segments of ${segmentBytes} bytes: nothing acknowledged is lost`, () =>
    withWorkbench(async (bench) => {
      if (!(await mountSmall(bench))) return;
      assert.ok((await runDiskFullCycles(bench, { segmentBytes, cycles: CYCLES })) > 0);
    }));
}

test.run();
