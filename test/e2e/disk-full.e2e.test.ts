import assert from 'node:assert/strict';
import { readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { assertFull, FilledProject, mountSmall, runDiskFullCycles, SMALL_DISK_BYTES } from '../proofs/faults/disk-full-cycles.js';
import { DURABILITIES } from '../proofs/proof.js';
import { suite } from '../suite.js';
import { sampled } from '../test-form.js';
import { readLogFiles } from './log-files.js';
import { runCommand, until, withWorkbench, type ServerUnderTest, type Workbench } from './server-under-test.js';

const test = suite('disk-full');

/** Below what a log that found the disk full tries to write before it takes writes again. */
const FILE_BYTES_MAX = 60_000;
const LOW_WATER_SHARE = 0.05;
/** What other programs have on the disk, so that it is full before long. */
const BALLAST_BYTES = 1_600_000;
/** So few that a snapshot of them finds its place in what is kept free. */
const KEPT_KEYS = 8;
/** A value that fits on the small disk, and would leave less than is kept free. */
const LARGE_VALUE_CHARACTERS = 300_000;
/** How often the disk is filled and emptied. */
const CYCLES = 1;
/** Written to at once. */
const PROJECTS = 4;

/** What fills a disk, the state of the project then, and how room is made. */
interface Fullness {
  /** `read_only`: the disk itself has refused; `serving`: it was never asked. */
  readonly state: 'serving' | 'read_only';
  makeRoom(): Promise<void>;
}

/** From full to writing again, and to a restart. */
async function goThrough(bench: Workbench, server: ServerUnderTest, { state, makeRoom }: Fullness): Promise<void> {
  const project = new FilledProject('p', server);
  await project.fill(server);
  assert.ok(project.acknowledged.size > 0);
  await project.assertReads(server);
  assert.equal(readFileSync(bench.path('data', 'p.jsonl')).at(-1), 0x0a, 'the file does not end within a line');
  assert.equal(readLogFiles(bench.path('data'), 'p').events.length, project.acknowledged.size + 1);
  const details = JSON.parse((await server.send('GET', project.target, { key: server.key('p') })).text) as { state: string };
  assert.equal(details.state, state);

  await makeRoom();
  await project.untilWritable(server);
  assert.equal((await project.put(server, 'further')).status, 201);
  await project.assertReads(server);
  await server.kill();

  const restarted = await bench.start();
  await project.assertReads(restarted);
  project.assertFiles(bench);
}

/** What makes room, and what is small, goes on while nothing may grow. */
async function assertShrinks(server: ServerUnderTest, project: FilledProject): Promise<void> {
  const global = { key: server.key('global') };
  assert.equal((await server.send('POST', '/api/v1/projects', { ...global, body: '{"id":"new"}' })).status, 507);
  for (const name of [...project.acknowledged.keys()].slice(KEPT_KEYS)) {
    assert.equal((await project.send(server, 'DELETE', name)).status, 200);
    project.acknowledged.delete(name);
  }
  assert.equal((await server.send('POST', `${project.target}/compact`, global)).status, 200, 'a snapshot finds the room that is kept free');
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
    const project = new FilledProject('p', server);
    await project.fill(server);
    const { bavail, bsize } = statfsSync(bench.path('data'));
    assert.ok(bavail * bsize > (SMALL_DISK_BYTES * LOW_WATER_SHARE) / 2, `${bavail * bsize} bytes are kept free`);
    await assertShrinks(server, project);
    await project.assertReads(server);
    const { status, text } = await server.send('GET', '/readyz?verbose', { key: server.key('global') });
    assert.equal(status, 200, text);
    rmSync(ballast);
    await project.untilWritable(server);
    await server.kill();
    const restarted = await bench.start();
    await project.assertReads(restarted);
  }));

test('a write that alone would take the room that is kept free: 507 at each attempt, and the check disk_room says so', () =>
  withWorkbench(async (bench) => {
    if (!(await mountSmall(bench))) return;
    const { bavail, bsize } = statfsSync(bench.path('data'));
    writeFileSync(bench.path('data', 'ballast'), Buffer.alloc(bavail * bsize - LARGE_VALUE_CHARACTERS));
    bench.configure([{ id: 'p' }]);
    const server = await bench.start();
    const large = { key: server.key('p'), body: JSON.stringify('x'.repeat(LARGE_VALUE_CHARACTERS)) };
    for (let attempt = 0; attempt < 2; attempt += 1) {
      assertFull(await server.send('PUT', '/api/v1/projects/p/keys/large', large));
      assert.ok((await new FilledProject('p', server).put(server, 'small')).status < 300);
      const { checks } = JSON.parse((await server.send('GET', '/readyz?verbose')).text) as { checks: { name: string; ok: boolean }[] };
      assert.equal(checks.find(({ name }) => name === 'disk_room')?.ok, false, JSON.stringify(checks));
    }
    rmSync(bench.path('data', 'ballast'));
    await until('the write to be taken', async () => (
      (await server.send('PUT', '/api/v1/projects/p/keys/large', large)).status < 300 ? true : undefined
    ));
    assert.match((await server.send('GET', '/readyz?verbose')).text, /"disk_room","ok":true/);
  }));

for (const [index, durability] of sampled(DURABILITIES.entries(), DURABILITIES.length)) {
  const segmentBytes = index % 2 === 0 ? 4096 : 67_108_864;
  test(`${durability}: a file system that others fill to the last byte, the server log on it, segments of ${segmentBytes} bytes`, () =>
    withWorkbench(async (bench) => {
      if (!(await mountSmall(bench))) return;
      const plan = { durability, segmentBytes, projects: PROJECTS, cycles: CYCLES };
      assert.ok((await runDiskFullCycles(bench, plan)) > PROJECTS);
    }));
}

test.run();
