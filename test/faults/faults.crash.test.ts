/**
 * A server's life on a disk that fails at any of its calls, and what the next server makes of what is left. These are samples,
 * chosen by the seed of the run; `npm run prove -- faults power-loss` takes all.
 */
import assert from 'node:assert/strict';
import { seedOfRun } from '../e2e/seed-of-run.js';
import { suite } from '../suite.js';
import { allFaults, judgeRest, liveAnew } from './fault-sweep.js';
import { sweepFaults, sweepPowerLosses, sweepRecoveries } from './sweeps.js';

const test = suite('faults');

const LIVES = 40;
const RECOVERED_LIVES = 6;
const KILLS_PER_RECOVERY = 3;
const LIVES_WITHOUT_POWER = 25;
const STATES_PER_LIFE = 4;
const SHOWN_MAX = 5;
const TIMEOUT_MS = 240_000;

test('a life that nothing disturbs makes every kind of call, and all of it is there at the next start', async () => {
  const { disk, lived } = await liveAnew();
  assert.equal(lived.step, 'stop');
  assert.deepEqual(lived.told.faults, []);
  const paths = new Set(disk.calls.map((call) => `${call.method} ${call.path.replace(/\d{20}/, 'N').replace(/^.*\//, '')}`));
  const wanted = ['append compressing', 'rename compressing', 'unlink snap-N.manifest', 'unlink N.jsonl.gz', 'append next'];
  assert.deepEqual(wanted.filter((call) => !paths.has(call)), []);
  assert.ok(disk.calls.some(({ path }) => path.includes('/_trash/')) && disk.calls.some(({ path }) => path.includes('/_left/')));
  assert.deepEqual(await judgeRest(disk.crash(), lived.told), []);
});

test('an acknowledged write that is not there is noticed, and so is one that nobody asked for', async () => {
  const { disk, lived } = await liveAnew();
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

test('a file that is lost is noticed', async () => {
  const [fault] = (await allFaults(['kill after'])).slice(-1);
  const { disk, lived } = await liveAnew(fault);
  const left = disk.crash();
  left.tree.remove('/srv/data/p.jsonl');
  assert.match((await judgeRest(left, lived.told)).join(), /p: is/);
});

test(
  'whatever call of a life fails, is cut short or is the last one, everything acknowledged is there afterwards and nothing else',
  async () => {
    const { runs, states, faults } = await sweepFaults({ runs: LIVES, seed: seedOfRun() });
    assert.deepEqual(faults.slice(0, SHOWN_MAX), [], `${faults.length} faults`);
    assert.ok(runs >= LIVES && states > runs);
  },
  { timeoutMs: TIMEOUT_MS },
);

test(
  'a start that is killed as well loses nothing, whatever it had come to',
  async () => {
    const { states, faults } = await sweepRecoveries({ runs: RECOVERED_LIVES, killsPerRecovery: KILLS_PER_RECOVERY, seed: seedOfRun() });
    assert.deepEqual(faults.slice(0, SHOWN_MAX), [], `${faults.length} faults`);
    assert.ok(states >= RECOVERED_LIVES);
  },
  { timeoutMs: TIMEOUT_MS },
);

test(
  'a loss of power takes nothing that was acknowledged, whichever part of the rest it takes',
  async () => {
    const { states, faults } = await sweepPowerLosses({ runs: LIVES_WITHOUT_POWER, seed: seedOfRun() }, STATES_PER_LIFE);
    assert.deepEqual(faults.slice(0, SHOWN_MAX), [], `${faults.length} faults`);
    assert.equal(states, LIVES_WITHOUT_POWER * STATES_PER_LIFE);
  },
  { timeoutMs: TIMEOUT_MS },
);

test.run();
