/** Idle projects hold no descriptors: not after a start, not after writes, and many of them need no more than a few. */
import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCommands } from '../docs/shell-session.js';
import { suite } from '../suite.js';
import { type StartOptions, until, withWorkbench, type ServerUnderTest, type Workbench } from './server-under-test.js';

const test = suite('descriptors');

const PROJECTS = 300;
/** Descriptors that the process may have at all: less than half of one for each project. */
const DESCRIPTORS_MAX = 120;
/** Making 300 projects takes a few thousand syncs, in milliseconds on a busy machine. */
const TIMEOUT_MS = 240_000;
const POLL_MS = 100;
/** Projects that are written to at once. */
const WRITES_AT_ONCE = 8;
/** Files that a start may still be closing when it is over. */
const CLOSING_MAX = 8;

/** Files of the data folder that the process has open; the lock of the folder is none. */
function openFiles(bench: Workbench, server: ServerUnderTest): string[] {
  const folder = `/proc/${server.process.pid ?? 0}/fd`;
  const targets = readdirSync(folder).flatMap((name) => {
    try {
      return [readlinkSync(`${folder}/${name}`)];
    } catch {
      // It was closed meanwhile.
      return [];
    }
  });
  return targets.filter((target) => target.startsWith(`${bench.path('data')}/`));
}

/** Making so many projects may take longer than a start is given elsewhere. */
async function startSlowly(bench: Workbench, options: StartOptions): Promise<ServerUnderTest> {
  const server = bench.spawn(options);
  for (let waitedMs = 0; waitedMs < TIMEOUT_MS / 2 && !server.lines.some(({ msg }) => msg === 'serving'); waitedMs += POLL_MS) {
    await sleep(POLL_MS);
  }
  return await server.ready();
}

async function writeToAll(server: ServerUnderTest, key: string, body: string): Promise<void> {
  const ids = Array.from({ length: PROJECTS }, (_, index) => `p${index}`);
  await Promise.all(Array.from({ length: WRITES_AT_ONCE }, async () => {
    for (let id = ids.shift(); id !== undefined; id = ids.shift()) {
      const answer = await server.send('PUT', `/api/v1/projects/${id}/keys/k`, { key, body });
      assert.ok(answer.status === 200 || answer.status === 201, `${id}: ${answer.status} ${answer.text}`);
    }
  }));
}

test('300 projects need no descriptors while they are idle, and can all be written to with 120', () => withWorkbench(async (bench) => {
  if (process.platform !== 'linux' || !hasCommands(['prlimit'])) return;
  const limit = { front: ['prlimit', `--nofile=${DESCRIPTORS_MAX}:${DESCRIPTORS_MAX}`] };
  bench.configure(Array.from({ length: PROJECTS }, (_, index) => ({ id: `p${index}` })), { print_api_keys: false });
  const first = await startSlowly(bench, limit);
  const key = first.key('global');
  await writeToAll(first, key, '"first"');
  await until('idle projects without descriptors', () => (openFiles(bench, first).length === 0 ? true : undefined));
  await writeToAll(first, key, '"second"');
  assert.deepEqual(await first.stop(), { code: 0, signal: null });

  const second = await startSlowly(bench, limit);
  // The registry is written to at a start, and the last files that were read may be on their way to be closed.
  const open = openFiles(bench, second);
  assert.ok(open.length <= CLOSING_MAX, open.join());
  await until('projects without descriptors after a start', () => (openFiles(bench, second).length === 0 ? true : undefined));
  assert.equal((await second.send('GET', '/api/v1/projects/p299/keys/k', { key })).text, '"second"');
  assert.deepEqual(second.lines.filter(({ level }) => level === 'error' || level === 'fatal'), []);
}), { timeoutMs: TIMEOUT_MS });

test.run();
