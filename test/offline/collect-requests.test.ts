/** What is remembered of requests, collected from files, is what the server that wrote them remembers. */
import assert from 'node:assert/strict';
import { collectRequests } from '../../src/offline/collect-requests.js';
import { linesAfter, openProjectLog } from '../../src/offline/project-files.js';
import { requestsIn } from '../../src/projections/requests/request-records.js';
import type { Command } from '../../src/store/command.js';
import { type CompactedProject, DATA, openCompacted, PROJECT } from '../projects/compacted-project.js';
import { fc } from '../properties.js';
import { remove, set } from '../store/created-store.js';
import { suite } from '../suite.js';
import { PROPERTY_RUNS } from '../test-form.js';

const test = suite('offline/collect-requests');

/** The keys are few, so that most are there and gone several times. */
const KEY = fc.constantFrom('a', 'b', 'ab', 'c');
const COMMAND: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: KEY.map((key) => set(key)) },
  { weight: 3, arbitrary: KEY.map((key) => remove(key)) },
  { weight: 1, arbitrary: fc.constant<Command>({ type: 'clear' }) },
  { weight: 1, arbitrary: KEY.map((prefix): Command => ({ type: 'clear.range', range: { prefix } })) },
  {
    weight: 2, arbitrary: fc.tuple(KEY, KEY).map(([one, other]): Command => (
      { type: 'batch', steps: [{ op: 'set', key: one, value: '1' }, { op: 'delete', key: other }] }
    )),
  },
);
const STEP = fc.oneof(
  { weight: 10, arbitrary: fc.tuple(COMMAND, fc.boolean()) },
  { weight: 1, arbitrary: fc.constant('compact' as const) },
);

async function take(project: CompactedProject, step: readonly [Command, boolean] | 'compact', number: number): Promise<void> {
  if (step === 'compact') {
    await project.compact();
    return;
  }
  const [command, isOnce] = step;
  const context = isOnce ? { requestId: `idem:r${number}`, fingerprint: '0'.repeat(16) } : { requestId: `r${number}` };
  await project.store.submit(command, { actor: `global#${'0'.repeat(16)}`, ...context }).catch(() => undefined);
}

test('from the whole log, and from any snapshot and the lines after it', async () => {
  await fc.assert(fc.asyncProperty(fc.array(STEP, { maxLength: 60, size: 'max' }), async (steps) => {
    const project = await openCompacted();
    for (const [index, step] of steps.entries()) await take(project, step, index);
    const { seq } = project.store;
    const wanted = [...requestsIn(project.store.snapshotPoint().requests)];
    const { committed } = await project.snapshots.list();
    const log = await openProjectLog(project.disk, { dataFolder: DATA, project: PROJECT });
    for (const previous of [undefined, ...committed]) {
      const collected = await collectRequests({
        snapshots: project.snapshots, previous, lines: () => linesAfter(log, previous, seq),
      });
      assert.deepEqual([...requestsIn(collected)], wanted);
    }
    await project.close();
  }), { numRuns: PROPERTY_RUNS / 4 });
});

test.run();
