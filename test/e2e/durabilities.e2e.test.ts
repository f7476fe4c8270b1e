/** Every durability under rotations, several projects and compactions at once: a healthy disk never ends a log. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from '../suite.js';
import { inForm } from '../test-form.js';
import { readLogFiles } from './log-files.js';
import { withWorkbench, type ServerUnderTest } from './server-under-test.js';

const test = suite('durabilities');

const DURABILITIES = ['fsync', 'interval', 'os'] as const;
const PROJECTS = ['p0', 'p1', 'p2', 'p3'] as const;
const CLIENTS = 8;
const WRITES_PER_CLIENT = inForm({ short: 40, long: 60 });
const VALUE_BYTES = 60_000;
/** Between two compactions of a project, in milliseconds. */
const COMPACTION_PAUSE_MS = 20;

interface Receipt {
  readonly project: string;
  readonly seq: number;
  readonly hash: string;
}

/** Writes one value after another, each client to every project in turn. Whatever is not acknowledged ends the test. */
async function write(server: ServerUnderTest, key: string, client: number): Promise<Receipt[]> {
  const receipts: Receipt[] = [];
  for (let index = 0; index < WRITES_PER_CLIENT; index += 1) {
    const project = PROJECTS[(client + index) % PROJECTS.length] ?? 'p0';
    const body = JSON.stringify('v'.repeat(VALUE_BYTES));
    const answer = await server.send('PUT', `/api/v1/projects/${project}/keys/c${client}`, { key, body });
    assert.ok(answer.status === 200 || answer.status === 201, `client ${client}, write ${index}: ${answer.status} ${answer.text}`);
    receipts.push({ project, ...(JSON.parse(answer.text) as { seq: number; hash: string }) });
  }
  return receipts;
}

/** Asks for snapshots until the writers are done; one that is asked for beside another is refused, which is not the matter here. */
async function compact(server: ServerUnderTest, key: string, isDone: () => boolean): Promise<number> {
  let count = 0;
  for (let index = 0; !isDone(); index += 1) {
    const answer = await server.send('POST', `/api/v1/projects/${PROJECTS[index % PROJECTS.length] ?? 'p0'}/compact`, { key });
    assert.equal(answer.status, 200, answer.text);
    count += 1;
    await sleep(COMPACTION_PAUSE_MS);
  }
  return count;
}

for (const durability of DURABILITIES) {
  test(`under ${durability}, four projects that rotate and are compacted while eight clients write stay writable`, () =>
    withWorkbench(async (bench) => {
      const storage = { durability, sync_interval_ms: 5, segment_bytes: 1_048_576 };
      bench.configure(PROJECTS.map((id) => ({ id, storage })));
      const server = await bench.start();
      const key = server.key('global');
      let isDone = false;
      const compacting = compact(server, key, () => isDone);
      const written = await Promise.allSettled(Array.from({ length: CLIENTS }, (_, client) => write(server, key, client)));
      isDone = true;
      assert.ok(await compacting > 0);
      const receipts = written.flatMap((result) => (result.status === 'fulfilled' ? result.value : assert.fail(result.reason as Error)));
      assert.deepEqual(server.lines.filter(({ level }) => level === 'error' || level === 'fatal'), []);
      assert.deepEqual(await server.stop(), { code: 0, signal: null });
      for (const project of PROJECTS) {
        const { events, segmentCount } = readLogFiles(bench.path('data'), project);
        assert.ok(segmentCount > 3, `${project} was rotated`);
        for (const { seq, hash } of receipts.filter((receipt) => receipt.project === project)) assert.equal(events[seq - 1]?.hash, hash);
      }
    }));
}

test.run();
