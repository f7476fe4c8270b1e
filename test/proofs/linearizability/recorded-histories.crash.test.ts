/** Histories of the real program, killed in between, put before both judges. The long form is the proof `linearizability`. */
import assert from 'node:assert/strict';
import { SAMPLED_DURABILITIES } from '../proof.js';
import { withWorkbench } from '../../e2e/server-under-test.js';
import { seedOfRun } from '../../seed-of-run.js';
import { suite } from '../../suite.js';
import type { History, Operation } from './history.js';
import { judgeByLog } from './log-witness.js';
import { judgeBySearch } from './order-search.js';
import { recordHistories } from './record-history.js';

const test = suite('linearizability/recorded-histories');

const TIMEOUT_MS = 150_000;
const OPERATIONS = 500;
const PROJECTS = 4;

/** A read that shows what had been overwritten before it was asked for. */
function staleRead(operations: readonly Operation[]): Operation | undefined {
  for (const read of operations) {
    if (read.outcome.kind !== 'found' || read.outcome.value === null) continue;
    const puts = operations.filter((other) => other.kind === 'put' && other.outcome.kind === 'written' && other.key === read.key);
    const newer = puts.filter((put) => put.end < read.begin);
    const older = puts.find((put) => newer.some((other) => put.end < other.begin));
    if (older?.outcome.kind !== 'written') continue;
    return { ...read, outcome: { kind: 'found', seq: older.outcome.seq, value: older.value } };
  }
  return undefined;
}

function kindsOf(histories: readonly History[]): ReadonlySet<string> {
  return new Set(histories.flatMap(({ operations }) => operations.map(({ kind, outcome }) => `${kind} ${outcome.kind}`)));
}

/** The same history with one answer of another moment in it does not pass. */
function assertForgeryIsSeen(history: History): void {
  const stale = staleRead(history.operations);
  assert.ok(stale !== undefined, 'something was overwritten and read');
  const forged = history.operations.map((operation) => (operation.id === stale.id ? stale : operation));
  assert.match(judgeByLog({ ...history, operations: forged }).join('\n'), /no place in the log/);
  assert.deepEqual(judgeBySearch(forged), { kind: 'impossible', key: stale.key });
}

for (const [index, durability] of SAMPLED_DURABILITIES.entries()) {
  test(
    `${durability}: what clients see of a server that is killed is what one thing after another would have shown them`,
    () =>
      withWorkbench(async (bench) => {
        const storage = { durability, segment_bytes: 4096, cache_in_memory: index % 2 === 0 };
        const options = { seed: seedOfRun(), operations: OPERATIONS, clients: 16, projects: PROJECTS, keys: 2, kills: 2, storage };
        const histories = await recordHistories(bench, options);
        assert.equal(histories.length, PROJECTS);
        for (const history of histories) {
          assert.deepEqual(judgeByLog(history), []);
          assert.deepEqual(judgeBySearch(history.operations), { kind: 'explained' });
        }
        // Histories in which next to nothing happened have shown nothing.
        const puts = ['put written', 'put refused', 'put rejected'];
        const needed = [...puts, 'delete written', 'delete absent', 'get found', 'get absent', 'head found'];
        assert.deepEqual(needed.filter((kind) => !kindsOf(histories).has(kind)), []);
        const several = histories.flatMap(({ operations }) => operations.filter(({ id }, at) => operations[at + 1]?.id === id));
        assert.ok(several.some(({ kind }) => kind === 'get') && several.some(({ outcome }) => outcome.kind === 'written'), 'keys together');
        const count = histories.reduce((total, { operations }) => total + operations.length, 0);
        assert.ok(count > OPERATIONS / 2, `${count} operations`);
        const forgeable = histories.find(({ operations }) => staleRead(operations) !== undefined);
        assertForgeryIsSeen(forgeable ?? assert.fail('something was overwritten and read'));
      }),
    { timeoutMs: TIMEOUT_MS },
  );
}

test.run();
