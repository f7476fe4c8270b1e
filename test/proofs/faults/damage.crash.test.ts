/**
 * Bytes that are not what was written, in any file of a project: never a changed value is served, nothing that was acknowledged is
 * lost without a word. These are samples, chosen by the seed of the run; `npm run prove -- damage` takes every byte and every bit.
 */
import assert from 'node:assert/strict';
import { seedOfRun } from '../../seed-of-run.js';
import { suite } from '../../suite.js';
import { inForm } from '../../test-form.js';
import { sweepDamages } from './damage-sweep.js';
import { countFindings, judgeDamaged, judgeServerLog, sampleProject } from './damaged-project.js';

const test = suite('damage');

const STRIDE = inForm({ short: 1009, long: 251 });
const SHOWN_MAX = 5;
const TIMEOUT_MS = 120_000;
const VALUES = '/data/p1/snap-00000000000000000011.json';
/** What a snapshot that was never committed has left. */
const UNFINISHED = '/data/p1/snap-00000000000000000012.json';

test('an untouched project is served, hot and cold, and the scrub finds nothing', async () => {
  const sample = await sampleProject();
  const segments = sample.files.filter((file) => /^p1\/\d{20}\.jsonl/.test(file));
  assert.ok(segments.length > 3 && segments.some((file) => file.endsWith('.gz')), segments.join());
  assert.equal(sample.files.filter((file) => file.endsWith('.manifest')).length, 2);
  const sound = { isRefused: false, isNoticed: false, faults: [] };
  assert.deepEqual(await judgeDamaged(sample, sample.disk.crash(), true), sound);
  assert.deepEqual(await judgeDamaged(sample, sample.disk.crash(), false), sound);
  assert.deepEqual(await judgeServerLog(sample, sample.disk.crash()), sound);
  assert.equal(await countFindings(sample, sample.disk.crash()), 0);
});

test('a changed value, a lost one and an older state are noticed', async () => {
  const sample = await sampleProject();
  const [[key = '', version] = []] = sample.versions;
  assert.ok(version !== undefined);
  const judge = async (change: Partial<typeof sample>): Promise<string> => (
    (await judgeDamaged({ ...sample, ...change }, sample.disk.crash(), true)).faults.join()
  );
  assert.match(await judge({ versions: new Map([...sample.versions, [key, { ...version, value: 'other' }]]) }), /and not .*other/);
  assert.match(await judge({ versions: new Map([...sample.versions, ['more', version]]) }), /"more" is undefined/);
  assert.match(await judge({ seq: sample.seq + 1 }), /the log ends with seq/);
});

test('a snapshot whose values are gone is not used by a project that keeps its values on disk', async () => {
  const sample = await sampleProject();
  const removed = sample.disk.crash();
  removed.tree.remove(VALUES);
  const shortened = sample.disk.crash();
  shortened.put(VALUES, shortened.bytesOf(VALUES).subarray(1));
  for (const disk of [removed, shortened]) {
    assert.deepEqual(await judgeDamaged(sample, disk, false), { isRefused: false, isNoticed: true, faults: [] });
  }
});

test('a project whose snapshots cannot be tidied up, since the disk is full, is served', async () => {
  const sample = await sampleProject();
  const disk = sample.disk.crash();
  disk.put(UNFINISHED, Buffer.from('{'));
  disk.fail({ method: 'unlink', path: UNFINISHED, times: Infinity, action: { kind: 'errno', code: 'ENOSPC' } });
  assert.deepEqual(await judgeDamaged(sample, disk, true), { isRefused: false, isNoticed: true, faults: [] });
});

test(
  'no damage to any byte, line or file changes a value or takes one away in silence, and the scrub names what a start does not read',
  async () => {
    const { counts, scrubbed, faults } = await sweepDamages({ stride: STRIDE, seed: seedOfRun() });
    assert.deepEqual(faults.slice(0, SHOWN_MAX), [], `${faults.length} faults`);
    assert.ok(Object.values(counts).every((count) => count > SHOWN_MAX), JSON.stringify(counts));
    assert.equal(scrubbed.found, scrubbed.total);
  },
  { timeoutMs: TIMEOUT_MS },
);

test.run();
