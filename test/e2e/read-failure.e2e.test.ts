/** A disk that fails a read: once, it costs nothing; twice in a row, that one read. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { suite } from '../suite.js';
import { buildFaultShim } from './fault-shim.js';
import { type Answer, problemOf, type ServerUnderTest, withWorkbench, type Workbench } from './server-under-test.js';

const test = suite('read-failure');

const KEY = '/api/v1/projects/p/keys/k';

interface Scene {
  readonly server: ServerUnderTest;
  readonly key: string;
  /** Lets the next reads of the file fail. */
  arm(): void;
}

/** A project whose values are read from disk, and one value. */
async function startCold(bench: Workbench, fault: { readonly path: string; readonly times: number }): Promise<Scene | undefined> {
  const arm = bench.path('armed');
  const env = await buildFaultShim(bench, { ...fault, arm, isRead: true, errno: constants.errno.EIO });
  if (env === undefined) return undefined;
  bench.configure([]);
  const server = await bench.start({ env });
  const key = server.key('global');
  // Created once the server runs: the scrub reads what is there at a start, and would meet the failed reads.
  const body = '{"id":"p","storage":{"cache_in_memory":false}}';
  assert.equal((await server.send('POST', '/api/v1/projects', { key, body })).status, 201);
  assert.equal((await server.send('PUT', KEY, { key, body: '"the value"' })).status, 201);
  return { server, key, arm: () => writeFileSync(arm, '') };
}

async function readsCheck({ server, key }: Scene): Promise<unknown> {
  const { checks } = JSON.parse((await server.send('GET', '/readyz?verbose', { key })).text) as { checks: { name: string; ok: boolean }[] };
  return checks.find(({ name }) => name === 'reads')?.ok;
}

const FILES: Readonly<Record<string, string>> = { 'the log': '/data/p.jsonl', 'a snapshot': '.json' };
for (const [what, path] of Object.entries(FILES)) {
  for (const times of [1, 2, 3]) {
    test(`${times} failed in a row of ${what}: ${times === 1 ? 'the value is read' : 'a second reading of the value decides'}`, () =>
      withWorkbench(async (bench) => {
        const scene = await startCold(bench, { path, times });
        if (scene === undefined) return;
        const { server, key, arm } = scene;
        if (path === '.json') assert.equal((await server.send('POST', '/api/v1/projects/p/compact', { key })).status, 200);
        arm();
        const answer: Answer = await server.send('GET', KEY, { key });
        assert.deepEqual([answer.status, answer.text], [200, '"the value"'], 'two readings of two reads each');
        assert.equal(await readsCheck(scene), true);
        // All lines are there only at its end: an answer can arrive before a line that was written earlier.
        await server.stop();
        const repeated = server.lines.filter(({ msg }) => msg === 'a read failed and succeeded when it was repeated');
        assert.equal(repeated.length, times === 2 ? 0 : 1, 'one that was carried out when it was repeated');
      }));
  }

  test(`${what} that cannot be read at all is damage, and only then`, () => withWorkbench(async (bench) => {
    const scene = await startCold(bench, { path, times: 4 });
    if (scene === undefined) return;
    const { server, key, arm } = scene;
    if (path === '.json') assert.equal((await server.send('POST', '/api/v1/projects/p/compact', { key })).status, 200);
    arm();
    const refused = await server.send('GET', KEY, { key });
    assert.deepEqual([refused.status, problemOf(refused)['code']], [503, 'project_corrupt']);
    assert.equal(await readsCheck(scene), false);
    const { status, text } = await server.send('GET', KEY, { key });
    assert.deepEqual([status, text], [200, '"the value"'], 'the disk is well again');
    assert.equal((await server.send('POST', '/api/v1/projects/p/compact', { key })).status, 200);
  }));
}

test.run();
