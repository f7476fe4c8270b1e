import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { writeFileSync } from 'node:fs';
import { suite } from '../suite.js';
import { sampled } from '../test-form.js';
import { buildFaultShim } from './fault-shim.js';
import { readLogFiles } from './log-files.js';
import { problemOf, withWorkbench, type Answer, type ServerUnderTest, type Workbench } from './server-under-test.js';

const test = suite('sync-failure');

const KEYS = '/api/v1/projects/p/keys';
const PARALLEL = 24;
/** The short form takes one sync in so many. */
const EVERY = 2;

interface Scene {
  readonly server: ServerUnderTest;
  readonly key: string;
  /** Lets the next syncs of the log fail. */
  arm(): void;
}

async function startWithFault(bench: Workbench, nth: number, path = '/data/p.jsonl'): Promise<Scene | undefined> {
  const arm = bench.path('armed');
  const env = await buildFaultShim(bench, { path, arm, nth, errno: constants.errno.EIO });
  if (env === undefined) return undefined;
  bench.configure([{ id: 'p', storage: { segment_bytes: 4096 } }, { id: 'q' }]);
  const server = await bench.start({ env });
  return { server, key: server.key('global'), arm: () => writeFileSync(arm, '') };
}

function receipt(answer: Answer): { seq: number; hash: string } {
  return JSON.parse(answer.text) as { seq: number; hash: string };
}

async function assertFailed(server: ServerUnderTest, key: string, reads: ReadonlyMap<string, string>): Promise<void> {
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const answer = await server.send('PUT', `${KEYS}/late${attempt}`, { key, body: '"late"' });
    assert.deepEqual([answer.status, problemOf(answer)['code']], [503, 'log_failed'], 'no later sync makes up for the one that failed');
    assert.ok(Number(answer.headers['retry-after']) > 0);
  }
  for (const [name, value] of reads) assert.equal((await server.send('GET', `${KEYS}/${name}`, { key })).text, value, 'reads go on');
  assert.equal((await server.send('GET', '/readyz')).status, 200, 'another project can still write');
  assert.equal((await server.send('PUT', '/api/v1/projects/q/keys/k', { key, body: '1' })).status < 300, true);
  const verbose = JSON.parse((await server.send('GET', '/readyz?verbose', { key })).text) as { degraded: unknown };
  assert.deepEqual(verbose.degraded, [{ id: 'p', state: 'log_failed' }]);
  const anonymous = JSON.parse((await server.send('GET', '/readyz?verbose')).text) as { degraded_count: unknown; degraded?: unknown };
  assert.deepEqual([anonymous.degraded_count, anonymous.degraded], [1, undefined]);
  const details = JSON.parse((await server.send('GET', '/api/v1/projects/p', { key })).text) as { state: string };
  assert.equal(details.state, 'log_failed');
}

for (const nth of sampled([1, 2, 5], EVERY)) {
  test(`after sync ${nth} fails nothing is acknowledged, reads go on, and a restart has all that was acknowledged`, () =>
    withWorkbench(async (bench) => {
      const scene = await startWithFault(bench, nth);
      if (scene === undefined) return;
      const { server, key, arm } = scene;
      const reads = new Map<string, string>();
      const receipts: { seq: number; hash: string }[] = [];
      for (let index = 0; index < 4; index += 1) {
        receipts.push(receipt(await server.send('PUT', `${KEYS}/before${index}`, { key, body: `"before ${index}"` })));
        reads.set(`before${index}`, `"before ${index}"`);
      }
      arm();
      const statuses: number[] = [];
      for (let index = 0; index < nth; index += 1) {
        const answer = await server.send('PUT', `${KEYS}/at${index}`, { key, body: `"at ${index}"` });
        statuses.push(answer.status);
        if (answer.status === 503) {
          assert.equal(problemOf(answer)['code'], 'outcome_unknown');
          assert.equal((await server.send('GET', `${KEYS}/at${index}`, { key })).status, 404, 'what is not durable is not shown');
          break;
        }
        receipts.push(receipt(answer));
        reads.set(`at${index}`, `"at ${index}"`);
      }
      assert.deepEqual(statuses, [...Array.from({ length: nth - 1 }, () => 201), 503]);
      await assertFailed(server, key, reads);
      assert.deepEqual(await server.stop(), { code: 0, signal: null });

      const again = await bench.start();
      const { events } = readLogFiles(bench.path('data'), 'p');
      for (const { seq, hash } of receipts) assert.equal(events[seq - 1]?.hash, hash);
      for (const [name, value] of reads) assert.equal((await again.send('GET', `${KEYS}/${name}`, { key })).text, value);
      assert.equal((await again.send('GET', `${KEYS}/late0`, { key })).status, 404);
      assert.equal((await again.send('PUT', `${KEYS}/after`, { key, body: '1' })).status, 201);
    }));
}

test('every write of the batch whose sync fails gets outcome_unknown, and each is there wholly or not at all', () =>
  withWorkbench(async (bench) => {
    const scene = await startWithFault(bench, 1);
    if (scene === undefined) return;
    const { server, key, arm } = scene;
    arm();
    const answers = await Promise.all(
      Array.from({ length: PARALLEL }, (_, index) => server.send('PUT', `${KEYS}/k${index}`, { key, body: `"${'v'.repeat(index)}"` })),
    );
    const codes = answers.map((answer) => `${answer.status} ${String(problemOf(answer)['code'])}`);
    assert.ok(
      codes.every((code) => code === '503 outcome_unknown' || code === '503 log_failed'),
      codes.join(),
    );
    assert.ok(codes.includes('503 outcome_unknown'));
    assert.equal((await server.send('GET', KEYS, { key })).text, '{}');
    assert.equal((await server.send('DELETE', '/api/v1/projects/q', { key })).status, 204);
    const unready = await server.send('GET', '/readyz');
    assert.deepEqual([unready.status, JSON.parse(unready.text)], [503, { status: 'not_ready' }], 'no project can write');
    assert.equal((await server.send('GET', '/livez')).status, 200);
    await server.kill();
    const again = await bench.start();
    const listing = JSON.parse((await again.send('GET', KEYS, { key })).text) as Record<string, string>;
    for (const [name, value] of Object.entries(listing)) assert.equal(value, 'v'.repeat(Number(name.slice(1))));
    for (const [index, code] of codes.entries()) if (code === '503 log_failed') assert.equal(listing[`k${index}`], undefined);
  }));

/** Which sync of a folder fails while the first segment is sealed, and whether the log can go on without it. */
const ROTATION_STEPS = [
  { step: 'the next segment is made', path: '/data/p', nth: 1, goesOn: true },
  { step: 'the sealed segment has got its name', path: '/data/p', nth: 2, goesOn: false },
  { step: 'the next segment has left its folder', path: '/data/p', nth: 3, goesOn: false },
  { step: 'the next segment has become the active one', path: '/data', nth: 1, goesOn: false },
] as const;

for (const { step, path, nth, goesOn } of sampled(ROTATION_STEPS, EVERY)) {
  test(`a folder whose sync fails when ${step}: ${goesOn ? 'the old segment is used on' : 'the log has failed'}`, () =>
    withWorkbench(async (bench) => {
      const scene = await startWithFault(bench, nth, path);
      if (scene === undefined) return;
      const { server, key, arm } = scene;
      arm();
      const receipts: { seq: number; hash: string }[] = [];
      let failed: Answer | undefined;
      for (let index = 0; index < 40 && failed === undefined; index += 1) {
        const answer = await server.send('PUT', `${KEYS}/k${index}`, { key, body: `"${'x'.repeat(200)}"` });
        if (answer.status < 300) receipts.push(receipt(answer));
        else failed = answer;
      }
      assert.equal(failed?.status, goesOn ? undefined : 503);
      if (goesOn) await server.line('could not be sealed', ({ msg }) => /could not be sealed/.test(String(msg)));
      else await assertFailed(server, key, new Map([['k0', `"${'x'.repeat(200)}"`]]));
      await server.kill();
      const again = await bench.start();
      const { events } = readLogFiles(bench.path('data'), 'p');
      for (const { seq, hash } of receipts) assert.equal(events[seq - 1]?.hash, hash);
      assert.equal((await again.send('PUT', `${KEYS}/after`, { key, body: '1' })).status, 201);
    }));
}

test.run();
