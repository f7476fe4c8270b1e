import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { snapshotsOf } from '../../../src/offline/project-files.js';
import { checkRequests } from '../../../src/offline/verify/check-requests.js';
import { verifyFolder } from '../../../src/offline/verify/verify-folder.js';
import { encodeManifest } from '../../../src/projections/snapshot/manifest-format.js';
import type { FaultDisk } from '../../disk/fault-disk.js';
import { type CompactedProject, DATA, openCompacted, PROJECT, SMALL_SEGMENTS } from '../../projects/compacted-project.js';
import { set } from '../../store/created-store.js';
import { suite } from '../../suite.js';

const test = suite('offline/verify/check-requests');
const SCRATCH = '/scratch';

/** A project with a snapshot that remembers requests, and lines between them. */
async function remembered(storage = SMALL_SEGMENTS): Promise<CompactedProject> {
  const project = await openCompacted({ storage });
  for (let number = 1; number <= 5; number += 1) {
    const context = { actor: 'anonymous', requestId: `idem:r${number}`, fingerprint: '0'.repeat(16) };
    await project.store.submit(number === 4 ? { type: 'clear' } : set(`k${number}`), context);
    await project.fill(number, number);
  }
  await project.compact();
  project.disk.tree.makeFolder(SCRATCH);
  return project;
}

async function faultsOn(disk: FaultDisk): Promise<string[]> {
  const faults: string[] = [];
  for await (const { findings } of verifyFolder({ disk, dataFolder: DATA, scratchFolder: SCRATCH })) {
    faults.push(...findings.map(({ file, seq, expected, found }) => `${file} seq ${seq ?? 0}: ${expected}; ${found}`));
  }
  return faults;
}

/** Replaces a text in the requests of the snapshot, with digests that fit, as a program with a bug could write it. */
async function rewrite({ disk, snapshots }: CompactedProject, edit: (text: string) => string): Promise<void> {
  const [manifest] = (await snapshots.list()).committed;
  assert.ok(manifest);
  const path = `${DATA}/${PROJECT}/snap-${String(manifest.seq).padStart(20, '0')}`;
  const text = edit(disk.bytesOf(`${path}.requests`).toString());
  disk.put(`${path}.requests`, text);
  const requests = {
    sizeBytes: Buffer.byteLength(text), sha256: createHash('sha256').update(text).digest('hex'), count: text.split('\n').length - 1,
  };
  disk.put(`${path}.manifest`, encodeManifest({ ...manifest, requests }).text);
}

test('requests that agree with the log are no finding, and neither is one that is not there', async () => {
  const project = await remembered();
  await project.close();
  assert.deepEqual(await faultsOn(project.disk), []);
  await rewrite(project, (text) => text.slice(text.indexOf('\n') + 1));
  assert.deepEqual(await faultsOn(project.disk), []);
});

test('a request that the log has otherwise, or not at all, is found', async () => {
  const edits: readonly ((text: string) => string)[] = [
    (text) => text.replace('"r3"', '"r9"'), (text) => text.replace('"anonymous"', '"config"'), (text) => text.replace('"set"', '"delete"'),
    (text) => text.replace(/"([0-9a-f])([0-9a-f]{63})"/, (_, first: string, rest: string) => `"${first === '0' ? '1' : '0'}${rest}"`),
    (text) => text.replace('"clear",8,', '"clear",9,'),
    (text) => text.replace(/"[0-9a-f]{8}",/, '"00000000",'),
    (text) => text.replace(/("clear",.*,)\d+\]/, '$17]'),
  ];
  for (const edit of edits) {
    const project = await remembered();
    await project.close();
    await rewrite(project, edit);
    const faults = await faultsOn(project.disk);
    assert.equal(faults.length, 1, String(edit));
    assert.match(faults[0] ?? '', /\.requests seq \d+: /);
  }
});

test('what retention has removed from the log cannot be compared', async () => {
  const project = await remembered({ ...SMALL_SEGMENTS, retention: { max_bytes: 0 } } as typeof SMALL_SEGMENTS);
  await project.fill(20, 30);
  await project.compact();
  await rewrite(project, (text) => text.replace('"r1"', '"r9"'));
  const { log: { logId } } = project;
  const files = { dataFolder: DATA, project: PROJECT, logId };
  const sound = (await snapshotsOf(project.disk, files).list()).committed;
  assert.deepEqual(await checkRequests({ disk: project.disk, files, sound }), []);
  await project.close();
});

test.run();
