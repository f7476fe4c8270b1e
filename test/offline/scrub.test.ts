/** A scrub reads everything, finds what is damaged, holds itself back, and can be ended. */
import assert from 'node:assert/strict';
import { scrub } from '../../src/offline/scrub.js';
import { suite } from '../suite.js';
import { flip, SEGMENT_5, snap, soundFolder } from './sound-folder.js';
import { DATA, LOG_ID } from './written-project.js';

const test = suite('offline/scrub');
const JOB = { dataFolder: DATA, project: 'p', logId: LOG_ID, bytesPerSecond: 0 };

test('a sound project has no findings, and every byte of it is read', async () => {
  const { disk } = await soundFolder();
  const { findings, bytes } = await scrub(JOB, { disk });
  assert.deepEqual(findings, []);
  const names = /\/p\.jsonl$|\/p\/.*\.(?:jsonl|index|json)$/;
  const total = [...disk.contents()].filter(([name]) => names.test(name)).reduce((sum, [, content]) => sum + content.length, 0);
  assert.equal(bytes, total);
  assert.deepEqual(disk.openPaths, []);
});

test('damage in the log and in a snapshot is found', async () => {
  const { disk } = await soundFolder();
  flip(disk, SEGMENT_5, 500);
  flip(disk, snap(9, 'index'), 4);
  const { findings } = await scrub(JOB, { disk });
  assert.deepEqual(findings.map(({ file }) => file), [SEGMENT_5, snap(9, 'index')]);
});

test('a log that is not there is a finding', async () => {
  const { disk } = await soundFolder([]);
  await disk.unlink(`${DATA}/p.jsonl`);
  disk.tree.remove(`${DATA}/p`);
  assert.deepEqual((await scrub(JOB, { disk })).findings.map(({ found }) => found), ['no such file']);
});

test('it holds itself back, and a signal ends a pause', async () => {
  const { disk } = await soundFolder();
  const abort = new AbortController();
  const work = scrub({ ...JOB, bytesPerSecond: 1 }, { disk, signal: abort.signal });
  setTimeout(() => abort.abort(new Error('enough')), 20);
  await assert.rejects(work, /enough/);
});

test.run();
