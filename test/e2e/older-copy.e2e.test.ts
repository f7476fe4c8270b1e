/** An older copy of one project, put back whole beside the registry of later: found wherever a later snapshot was recorded. */
import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import { run } from '../cli/program.js';
import { suite } from '../suite.js';
import { sampled } from '../test-form.js';
import { type ServerUnderTest, withWorkbench, type Workbench } from './server-under-test.js';

const test = suite('older-copy');
const TIMEOUT = { timeoutMs: 120_000 };
const OPEN = { enabled: false };
const NAMES = ['shop.jsonl', 'shop.json', 'shop'] as const;
const TARGET = '/api/v1/projects/shop';

async function put(server: ServerUnderTest, key: string): Promise<void> {
  assert.equal((await server.send('PUT', `${TARGET}/keys/${key}`, { body: '1' })).status, 201);
}

/** Leaves a project of four keys in the data folder, and a copy from when it had two in `older`. */
async function liveTwice(bench: Workbench, end: (server: ServerUnderTest) => Promise<unknown>): Promise<void> {
  const storage = { persistent_file_path: 'data/' };
  const entry = { id: 'shop', storage: { compaction: { interval_seconds: 0 } }, authentication: OPEN };
  // With a project that can write, the server is ready whatever becomes of the other.
  bench.configure([entry, { id: 'other', authentication: OPEN }], { default: { storage, authentication: OPEN } });
  const first = await bench.start();
  for (const key of ['a', 'b']) await put(first, key);
  await first.stop();
  for (const name of NAMES) cpSync(bench.path('data', name), bench.path('older', name), { recursive: true });
  const second = await bench.start();
  for (const key of ['c', 'd']) await put(second, key);
  await end(second);
}

function putBack(bench: Workbench): void {
  for (const name of NAMES) {
    rmSync(bench.path('data', name), { recursive: true });
    cpSync(bench.path('older', name), bench.path('data', name), { recursive: true });
  }
}

const ENDS: Readonly<Record<string, (server: ServerUnderTest) => Promise<unknown>>> = {
  'a clean stop': (server) => server.stop(),
  'a compaction, and then a kill': async (server) => {
    assert.equal((await server.send('POST', `${TARGET}/compact`)).status, 200);
    await server.kill();
  },
};
for (const [name, end] of sampled(Object.entries(ENDS), 2)) {
  test(`a copy from before ${name} is refused as outdated, until a repair accepts what is lost`, () => withWorkbench(async (bench) => {
    await liveTwice(bench, end);
    putBack(bench);
    const before = readFileSync(bench.path('data', 'shop.jsonl'));
    const verified = await run(bench, 'verify', 'shop', '--config', 'config.json');
    assert.equal(verified.code, EXIT_CODES.failure, verified.stdout);
    assert.match(verified.stdout, /OUTDATED[^]*lines up to seq 5 as the registry has recorded/);

    const server = await bench.start();
    const { projects } = JSON.parse((await server.send('GET', '/api/v1/projects')).text) as { projects: { id: string; state: string }[] };
    assert.deepEqual(projects.map(({ id, state }) => [id, state]), [['other', 'serving'], ['shop', 'outdated']]);
    await server.stop();
    assert.deepEqual(readFileSync(bench.path('data', 'shop.jsonl')), before);

    const asked = await run(bench, 'repair', 'shop', '--config', 'config.json');
    assert.match(asked.stdout, /everything up to seq 3[^]*what is lost: seq 4 to 5/);
    assert.equal((await run(bench, 'repair', 'shop', '--config', 'config.json', '--accept-loss')).code, EXIT_CODES.ok);
    // Twice: what is recorded of the new log must not be held against it either.
    for (const key of ['e', 'f']) {
      const again = await bench.start();
      await put(again, key);
      assert.equal((await again.send('GET', `${TARGET}/keys/a`)).text, '1');
      assert.equal((await again.send('GET', `${TARGET}/keys/c`)).status, 404);
      await again.stop();
    }
  }), TIMEOUT);
}

test.run();
