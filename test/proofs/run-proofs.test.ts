import assert from 'node:assert/strict';
import { suite } from '../suite.js';
import { DURABILITIES, type Proof, type ProofReport, type ProofRun } from './proof.js';
import { PROOFS } from './proofs.js';
import { parseProveArguments, prove } from './prove.js';
import { proofTable, runProofs } from './run-proofs.js';

const test = suite('prove');

const WHOLE = { cuts: 12_345, found: { found: 3, total: 3 } };

/** A proof that comes to what it is given. */
function planned(name: string, report: () => ProofReport): Proof {
  const nothing = { counts: {}, faults: [] };
  return {
    name, counts: ['cuts', 'found'], projects: 1, takesDurability: false,
    short: () => Promise.resolve(nothing), long: async () => await Promise.resolve(report()),
  };
}

const ONCE = { form: 'long', seed: 1, scale: 1, durabilities: ['fsync'], say: () => undefined } as const;

interface Ran {
  readonly said: readonly string[];
  readonly faults: readonly string[];
}

async function run(proof: Proof, form: 'short' | 'long' = 'long'): Promise<Ran> {
  const said: string[] = [];
  const [proven] = await runProofs([proof], { ...ONCE, form, say: (text) => void said.push(text) });
  return { said, faults: proven?.faults ?? ['nothing was run'] };
}

test('a proof that counts what it promises and finds all of it holds', async () => {
  assert.deepEqual(await run(planned('a', () => ({ counts: WHOLE, faults: [] }))), { said: [], faults: [] });
});

test('a proof that throws, names a fault, finds less than all, finds none of none or counts something else fails', async () => {
  const reports: readonly (readonly [() => ProofReport, RegExp])[] = [
    [() => { throw new Error('gone'); }, /gone/],
    [() => ({ counts: WHOLE, faults: ['a fault'] }), /a fault/],
    [() => ({ counts: { ...WHOLE, found: { found: 2, total: 3 } }, faults: [] }), /2 of 3 found/],
    [() => ({ counts: { ...WHOLE, found: { found: 0, total: 0 } }, faults: [] }), /there were no found/],
    [() => ({ counts: { found: WHOLE.found }, faults: [] }), /instead of cuts, found/],
  ];
  for (const [report, says] of reports) {
    const { said, faults } = await run(planned('a', report));
    assert.match(faults.join('\n'), says);
    assert.match(said.join('\n'), /^a FAILED: /);
  }
});

test('the form that is asked for is run', async () => {
  const { faults } = await run(planned('a', () => ({ counts: WHOLE, faults: [] })), 'short');
  assert.match(faults.join(), /it counts {2}instead of cuts, found/);
});

test('a proof that fails does not keep the next from being run, and the table has them all', async () => {
  const proofs = [planned('a', () => { throw new Error('gone'); }), planned('b', () => ({ counts: WHOLE, faults: [] }))];
  const proven = await runProofs(proofs, ONCE);
  const table = proofTable(proven.map((one) => ({ ...one, durationMs: 61_000 })));
  assert.equal(table, [
    '| proof | projects | counted | any | result | time |', '| --- | --- | --- | --- | --- | --- |',
    '| a | 1 | – | – | FAILED | 1 min 1 s |', '| b | 1 | cuts | 12,345 | holds | 1 min 1 s |', '|  |  | found | 3/3 |  |  |',
  ].join('\n'));
});

test('a proof that takes a durability is run once for each, with its share of the work and choices of its own', async () => {
  const runs: ProofRun[] = [];
  const long = (run: ProofRun): Promise<ProofReport> => {
    runs.push(run);
    return Promise.resolve({ counts: WHOLE, faults: run.durability === 'os' ? ['a fault'] : [] });
  };
  const proof: Proof = { ...planned('a', () => ({ counts: WHOLE, faults: [] })), projects: 4, takesDurability: true, long };
  const proven = await runProofs([proof], { ...ONCE, seed: 7, scale: 6, durabilities: DURABILITIES });
  const taken = runs.map(({ durability, seed, scale }) => [durability, seed, scale]);
  assert.deepEqual(taken, [['fsync', 7, 2], ['interval', 8, 2], ['os', 9, 2]]);
  const table = proofTable(proven.map((one) => ({ ...one, durationMs: 1000 })));
  assert.equal(table, [
    '| proof | projects | counted | fsync | interval | os | result | time |', '| --- | --- | --- | --- | --- | --- | --- | --- |',
    '| a | 4 | cuts | 12,345 | 12,345 | 12,345 | FAILED os | 3 s |', '|  |  | found | 3/3 | 3/3 | 3/3 |  |  |',
  ].join('\n'));
});

test('names, a seed and a scale are taken; all proofs are run where none is named', () => {
  const all = PROOFS.map(({ name }) => name);
  const { seed, ...rest } = parseProveArguments([]);
  assert.ok(Number.isInteger(seed));
  assert.deepEqual(rest, { names: all, scale: 1, durabilities: DURABILITIES, form: 'long' });
  assert.deepEqual(parseProveArguments(['saboteurs', 'kills', '--seed', '7', '--scale', '3', '--short']), {
    names: ['kills', 'saboteurs'], seed: 7, scale: 3, durabilities: DURABILITIES, form: 'short',
  });
});

test('one durability is taken, and leaves out the proofs that take none', () => {
  const { names, durabilities } = parseProveArguments(['--durability', 'interval']);
  assert.deepEqual(durabilities, ['interval']);
  assert.deepEqual(names, PROOFS.filter(({ takesDurability }) => takesDurability).map(({ name }) => name));
  assert.throws(() => parseProveArguments(['damage', '--durability', 'os']), /no proof that takes a durability named damage/);
});

test('arguments that make no sense are refused with exit code 64', async () => {
  for (const args of [['nothing'], ['--seed', '-1'], ['--seed', 'x'], ['--scale', '0'], ['--durability', 'none'], ['--unknown']]) {
    assert.throws(() => parseProveArguments(args), args.join(' '));
  }
  assert.equal(await prove(['nothing']), 64);
});

test('every proof has a name of its own and counts something', () => {
  const names = PROOFS.map(({ name }) => name);
  assert.deepEqual(names.filter((name, index) => names.indexOf(name) !== index || !/^[a-z]+(?:-[a-z]+)*$/.test(name)), []);
  for (const { name, counts, projects } of PROOFS) assert.ok(counts.length > 0 && projects > 0, name);
});

test.run();
