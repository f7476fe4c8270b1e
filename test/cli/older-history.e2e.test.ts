/** Lines from before a repair or a move are found, and the printed command reads them. */
import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import { type ServerUnderTest, withWorkbench, type Workbench } from '../e2e/server-under-test.js';
import { MAIN } from '../program-file.js';
import { suite } from '../suite.js';
import { damage, type Ran, run, writeShop } from './program.js';

const test = suite('cli/older-history');
const TIMEOUT = { timeoutMs: 120_000 };
const OPEN = { enabled: false };

/** Runs the commands that a message shows, as a person would paste them. */
async function paste(bench: Workbench, { stderr }: Ran): Promise<readonly Ran[]> {
  const lines = [...stderr.matchAll(/^ {2}node (.*)$/gm)].map(([, rest = '']) => rest);
  const results: Ran[] = [];
  for (const line of lines) {
    const [program, ...args] = line.split(' ');
    assert.equal(program, MAIN);
    results.push(await run(bench, ...args));
  }
  return results;
}

async function put(server: ServerUnderTest, target: string, body: unknown): Promise<void> {
  const { status, text } = await server.send('PUT', `/api/v1/projects/shop${target}`, { body: JSON.stringify(body) });
  assert.ok(status === 200 || status === 201, text);
}

test('after a move to memory and back, the earlier lines are found and read', () => withWorkbench(async (bench) => {
  const storage = { persistent_file_path: 'data/' };
  bench.configure([{ id: 'shop', authentication: OPEN }], { default: { storage, authentication: OPEN } });
  const server = await bench.start();
  await put(server, '/keys/early', 1);
  await put(server, '/keys/early', 2);
  await put(server, '', { storage: { on_disk: false } });
  const left = readdirSync(bench.path('data', '_left'));
  const away = await run(bench, 'replay', 'shop', '--until', '2');
  assert.equal(away.code, EXIT_CODES.usage);
  const command = `node ${MAIN} replay shop --data \\S+/_left/${left[0]}\\.`;
  assert.match(away.stderr, new RegExp(`was moved to memory; its older files can be read with: ${command}`));

  await put(server, '', { storage: { on_disk: true } });
  await put(server, '/keys/late', 3);
  const state = await run(bench, 'replay', 'shop', '--until', '2');
  assert.deepEqual([state.code, state.stdout], [EXIT_CODES.usage, '']);
  const [shown, ...others] = await paste(bench, state);
  assert.deepEqual(others, []);
  assert.deepEqual(JSON.parse(shown?.stdout ?? ''), { early: 1 });

  const events = await run(bench, 'replay', 'shop', '--events', '--key', 'early', '--from', '1');
  assert.equal(events.code, EXIT_CODES.usage);
  const lines = (await paste(bench, events))[0]?.stdout ?? '';
  assert.deepEqual(lines.trim().split('\n').map((line) => (JSON.parse(line) as { seq: number }).seq), [2, 3]);

  const unasked = await run(bench, 'replay', 'shop', '--events', '--key', 'late');
  assert.equal(unasked.code, EXIT_CODES.ok);
  assert.match(unasked.stderr, /^simplekv: the log begins with seq \d+\. Older logs of the project:\n {2}# seq 1 to \d+, from /);
  await server.stop();
}), TIMEOUT);

test('after a repair, the earlier lines are found and read, by seq and by time', () => withWorkbench(async (bench) => {
  const log = writeShop(bench);
  damage(bench.path('data', 'shop.jsonl'));
  assert.equal((await run(bench, 'repair', 'shop', '--data', 'data', '--accept-loss')).code, EXIT_CODES.ok);
  const time = new Date(log.lines[2]?.timeMs ?? 0).toISOString();
  for (const moment of ['3', time]) {
    const { code, stderr } = await run(bench, 'replay', 'shop', '--data', 'data', '--until', moment);
    assert.equal(code, EXIT_CODES.usage);
    assert.match(stderr, /An older log of the project has it\. Run:\n {2}# seq 1 to \d+, from 2026-11-22T10:00:00\.000Z/);
    const [shown] = await paste(bench, { code, stderr, signal: null, stdout: '' });
    assert.deepEqual(Object.keys(JSON.parse(shown?.stdout ?? '{}') as object), ['k0', 'k1'], moment);
  }
  rmSync(bench.path('data', '_repair'), { recursive: true });
  const gone = await run(bench, 'replay', 'shop', '--data', 'data', '--until', '3');
  assert.match(gone.stderr, /the data folder has no older log; look in a backup\n/);
  const [retention] = await paste(bench, { ...gone, stderr: gone.stderr.replace(/.*: (node \S+ replay _server)/, '  $1') });
  assert.equal(retention?.code, EXIT_CODES.ok, retention?.stderr);
}), TIMEOUT);

test.run();
