/**
 * A server's life on a disk that fails at any of its calls, and what the next server makes of what is left, under each durability.
 * These are samples, chosen by the seed of the run; `npm run prove -- faults power-loss` takes all.
 */
import assert from 'node:assert/strict';
import { seedOfRun } from '../../seed-of-run.js';
import { SAMPLED_DURABILITIES } from '../proof.js';
import { suite } from '../../suite.js';
import { inForm } from '../../test-form.js';
import { allFaults, judgeRest, liveAnew } from './fault-sweep.js';
import { Ledger } from './ledger.js';
import { sweepFaults, sweepPowerLosses, sweepRecoveries } from './sweeps.js';

const test = suite('faults');

const LIVES = inForm({ short: 4, long: 14 });
const RECOVERED_LIVES = inForm({ short: 1, long: 2 });
const KILLS_PER_RECOVERY = inForm({ short: 2, long: 3 });
const LIVES_WITHOUT_POWER = inForm({ short: 3, long: 9 });
const STATES_PER_LIFE = inForm({ short: 2, long: 4 });
const SHOWN_MAX = 5;
const TIMEOUT_MS = 240_000;
const LOST = { content: 'synced', size: 'synced', names: 'synced' } as const;

for (const durability of SAMPLED_DURABILITIES) {
  test(`${durability}: a life that nothing disturbs makes every kind of call, and leaves all of it durable when it stops`, async () => {
    const { disk, lived } = await liveAnew(durability);
    assert.equal(lived.step, 'stop');
    assert.deepEqual(lived.told.faults, []);
    assert.deepEqual(lived.refused, []);
    const paths = new Set(disk.calls.map((call) => `${call.method} ${call.path.replace(/\d{20}/, 'N').replace(/^.*\//, '')}`));
    const wanted = ['append compressing', 'rename compressing', 'unlink snap-N.manifest', 'unlink N.jsonl.gz', 'append next'];
    assert.deepEqual(wanted.filter((call) => !paths.has(call)), []);
    assert.ok(disk.calls.some(({ path }) => path.includes('/_trash/')) && disk.calls.some(({ path }) => path.includes('/_left/')));
    assert.deepEqual(await judgeRest(disk.crash(LOST), lived.told), []);
  });

  test(
    `${durability}: whatever call of a life fails, is cut short or is the last one, what was promised is there, and nothing else`,
    async () => {
      const { runs, states, faults } = await sweepFaults({ durability, runs: LIVES, seed: seedOfRun() });
      assert.deepEqual(faults.slice(0, SHOWN_MAX), [], `${faults.length} faults`);
      assert.ok(runs >= LIVES / 2 && states > runs);
    },
    { timeoutMs: TIMEOUT_MS },
  );

  test(
    `${durability}: a start that is killed as well loses nothing, whatever it had come to`,
    async () => {
      const size = { durability, runs: RECOVERED_LIVES, killsPerRecovery: KILLS_PER_RECOVERY, seed: seedOfRun() };
      const { states, faults } = await sweepRecoveries(size);
      assert.deepEqual(faults.slice(0, SHOWN_MAX), [], `${faults.length} faults`);
      assert.ok(states >= RECOVERED_LIVES);
    },
    { timeoutMs: TIMEOUT_MS },
  );

  test(
    `${durability}: a loss of power takes nothing that was said to be durable, and of the rest the end, whichever part of it is lost`,
    async () => {
      const size = { durability, runs: LIVES_WITHOUT_POWER, seed: seedOfRun() };
      const { runs, states, faults } = await sweepPowerLosses(size, STATES_PER_LIFE);
      assert.deepEqual(faults.slice(0, SHOWN_MAX), [], `${faults.length} faults`);
      assert.ok(runs >= LIVES_WITHOUT_POWER / 2 && states === runs * STATES_PER_LIFE);
    },
    { timeoutMs: TIMEOUT_MS },
  );
}

test('an acknowledged write that is not there is noticed, and so is one that was not asked for', async () => {
  const { disk, lived } = await liveAnew('fsync');
  const lost = lived.told.copy();
  lost.of('p').ledger.note({ kind: 'set', key: 'lost', value: '1' }, { kind: 'acknowledged', seq: 999, hash: '', timeMs: 0 });
  assert.match((await judgeRest(disk.crash(), lost)).join(), /"lost" is absent/);
  const unknown = lived.told.copy();
  unknown.of('p').ledger.note({ kind: 'delete', key: 'a', value: '' }, { kind: 'acknowledged', seq: 999, hash: '', timeMs: 0 });
  assert.match((await judgeRest(disk.crash(), unknown)).join(), /"a" is .*, not "absent"/);
  const gone = lived.told.copy();
  gone.of('q').presence = 'there';
  assert.match((await judgeRest(disk.crash(), gone)).join(), /q: is not there/);
});

test('after a loss of power the end of what was not said to be durable may be missing, and nothing in between', () => {
  const ledger = new Ledger();
  const version = (value: string, seq: number): { value: string; seq: number; timeMs: number } => ({ value, seq, timeMs: 0 });
  const set = (key: string, seq: number, isVolatile: boolean): void => {
    ledger.note({ kind: 'set', key, value: String(seq) }, { kind: 'acknowledged', seq, hash: '', timeMs: 0, isVolatile });
  };
  set('a', 2, false);
  set('b', 3, true);
  set('a', 4, true);
  set('c', 5, true);
  const isAllowed = (...found: readonly (readonly [string, number])[]): boolean => (
    ledger.faultsAfterLoss(new Map(found.map(([key, seq]) => [key, version(String(seq), seq)]))).length === 0
  );
  assert.deepEqual([isAllowed(['a', 2]), isAllowed(['a', 2], ['b', 3]), isAllowed(['a', 4], ['b', 3])], [true, true, true]);
  assert.equal(isAllowed(['a', 4], ['b', 3], ['c', 5]), true);
  assert.deepEqual([isAllowed(), isAllowed(['a', 4]), isAllowed(['a', 2], ['c', 5]), isAllowed(['b', 3])], [false, false, false, false]);
  ledger.promise(4);
  assert.deepEqual([isAllowed(['a', 2], ['b', 3]), isAllowed(['a', 4], ['b', 3])], [false, true]);
});

test('of a batch without an answer all is there or nothing, however each of its keys could be explained alone', () => {
  const ledger = new Ledger();
  const at = (value: string, seq: number): { value: string; seq: number; timeMs: number } => ({ value, seq, timeMs: 0 });
  const set = (key: string, value: string) => ({ kind: 'set', key, value }) as const;
  ledger.note(set('a', 'old'), { kind: 'acknowledged', seq: 2, hash: '', timeMs: 0 });
  ledger.note(set('c', 'old'), { kind: 'acknowledged', seq: 3, hash: '', timeMs: 0 });
  const parts = [set('a', 'new'), set('b', 'new'), { kind: 'delete', key: 'c', value: '' } as const];
  ledger.note({ kind: 'batch', key: 'a b c', value: '', parts }, { kind: 'unknown' });
  const before = [['a', at('old', 2)], ['c', at('old', 3)]] as const;
  const after = [['a', at('new', 4)], ['b', at('new', 4)]] as const;
  const faults = (...found: readonly (readonly [string, ReturnType<typeof at>])[]): readonly string[] => ledger.faults(new Map(found));
  assert.deepEqual([faults(...before), faults(...after)], [[], []]);
  const torn = ['a change of "a", "b", "c" is there in part'];
  assert.deepEqual([faults(...before, after[1]), faults(after[0], before[1]), faults(...after, before[1]), faults(before[0])], [
    torn, torn, torn, torn,
  ]);
  // Another batch that came later explains the one key, and not the other.
  ledger.note({ kind: 'batch', key: 'a', value: '', parts: [set('a', 'newest')] }, { kind: 'unknown' });
  assert.deepEqual(faults(['a', at('newest', 5)], after[1]), []);
  assert.deepEqual(faults(['a', at('newest', 5)], ...before.slice(1)), []);
  assert.deepEqual(faults(['a', at('newest', 5)], after[1], before[1]), torn);
  ledger.note(set('b', 'known'), { kind: 'acknowledged', seq: 6, hash: '', timeMs: 0 });
  assert.deepEqual(ledger.copy().faults(new Map([['a', at('newest', 5)], ['b', at('known', 6)], before[1]])), []);
});

test('a file that is lost is noticed', async () => {
  const [fault] = (await allFaults('fsync', ['kill after'])).slice(-1);
  const { disk, lived } = await liveAnew('fsync', fault);
  const left = disk.crash();
  left.tree.remove('/srv/data/p.jsonl');
  assert.match((await judgeRest(left, lived.told)).join(), /p: is/);
});

test.run();
