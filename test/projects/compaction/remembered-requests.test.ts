/** What is remembered of requests goes into snapshots, and comes back from them: whatever of the log is read at a start. */
import assert from 'node:assert/strict';
import { requestsIn } from '../../../src/projections/requests/request-records.js';
import type { CommandContext } from '../../../src/store/command.js';
import type { ProjectStore } from '../../../src/store/project-store.js';
import { suite } from '../../suite.js';
import { set } from '../../store/created-store.js';
import { type CompactedProject, DATA, namesIn, openCompacted, PROJECT, SMALL_SEGMENTS, spoil } from '../compacted-project.js';

const test = suite('remembered-requests');

function once(key: string): CommandContext {
  return { actor: 'anonymous', requestId: `idem:${key}`, fingerprint: '01'.repeat(8) };
}

function requestsPath(seq: number): string {
  return `${DATA}/${PROJECT}/snap-${String(seq).padStart(20, '0')}.requests`;
}

async function writeOnce(store: ProjectStore, from: number, to: number): Promise<void> {
  for (let number = from; number <= to; number += 1) await store.submit(set(`k${number}`), once(`r${number}`));
}

/** Whether each of some requests is known. */
async function areKnown({ store }: CompactedProject, numbers: readonly number[]): Promise<boolean[]> {
  const known: boolean[] = [];
  for (const number of numbers) {
    const { isRepeated, created } = await store.submit(set(`k${number}`), once(`r${number}`));
    known.push(isRepeated === true && created);
  }
  return known;
}

test('a snapshot without such requests has no file of them', async () => {
  const project = await openCompacted();
  await project.fill(1, 3);
  await project.compact();
  assert.deepEqual((await namesIn(project.disk)).filter((name) => name.endsWith('.requests')), []);
  const [manifest] = (await project.snapshots.list()).committed;
  assert.equal(manifest?.requests, null);
  await project.close();
});

test('requests of the snapshot, and of the lines after it, are known after a start', async () => {
  const project = await openCompacted();
  await writeOnce(project.store, 1, 5);
  await project.fill(100, 104);
  const { seq } = await project.compact();
  assert.ok(project.disk.tree.find(requestsPath(seq)));
  await writeOnce(project.store, 6, 8);
  const again = await project.reopen();
  assert.deepEqual(await areKnown(again, [1, 2, 3, 4, 5, 6, 7, 8]), Array.from({ length: 8 }, () => true));
  await again.close();
});

test('they outlive the lines that retention removes', async () => {
  const storage = { ...SMALL_SEGMENTS, retention: { max_bytes: 0 } };
  const project = await openCompacted({ storage });
  await writeOnce(project.store, 1, 3);
  await project.fill(1, 20);
  await project.compact();
  await project.fill(21, 30);
  await project.compact();
  assert.ok((project.log.sealed?.list()[0]?.firstSeq ?? 99) > 4);
  const again = await project.reopen();
  assert.deepEqual(await areKnown(again, [1, 2, 3]), [true, true, true]);
  await again.close();
});

for (const [what, storage] of [['in memory', SMALL_SEGMENTS], ['on disk', { ...SMALL_SEGMENTS, cache_in_memory: false }]] as const) {
  test(`where their file is damaged or missing, the snapshot before is used, values ${what}`, async () => {
    for (const isMissing of [false, true]) {
      const project = await openCompacted({ storage });
      await writeOnce(project.store, 1, 3);
      const { seq: firstSeq } = await project.compact();
      await writeOnce(project.store, 4, 6);
      const { seq } = await project.compact();
      await project.close();
      if (isMissing) project.disk.tree.remove(requestsPath(seq));
      else spoil(project.disk, requestsPath(seq));
      const again = await openCompacted({ storage, disk: project.disk });
      assert.equal(again.generations[0]?.seq, firstSeq);
      assert.ok(again.logged.some(({ level }) => level === 'error'));
      assert.deepEqual(await areKnown(again, [1, 4, 6]), [true, true, true]);
      // Its name is free for the next one.
      await again.compact();
      await again.close();
    }
  });
}

test('a check of a snapshot reads them too', async () => {
  const project = await openCompacted();
  await writeOnce(project.store, 1, 3);
  const { seq } = await project.compact();
  const [manifest] = (await project.snapshots.list()).committed;
  assert.ok(manifest);
  await project.snapshots.verify(manifest);
  const job = { dataFolder: DATA, ...manifest };
  assert.deepEqual(await project.tasks.verify(job), { isSound: true });
  spoil(project.disk, requestsPath(seq));
  await assert.rejects(project.snapshots.verify(manifest), /requests/);
  assert.equal((await project.tasks.verify(job)).isSound, false);
  await project.close();
});

test('an obsolete generation goes with its requests, and so does what an interrupted attempt left', async () => {
  const project = await openCompacted();
  for (let round = 1; round <= 4; round += 1) {
    await writeOnce(project.store, round, round);
    await project.compact();
  }
  const kept = (await namesIn(project.disk)).filter((name) => name.endsWith('.requests'));
  assert.deepEqual(kept, [requestsPath(4), requestsPath(5)].map((path) => path.slice(path.lastIndexOf('/') + 1)));
  await project.close();
  project.disk.put(requestsPath(77), Buffer.from('left'));
  const again = await openCompacted({ disk: project.disk });
  assert.equal(again.disk.tree.find(requestsPath(77)), undefined);
  await again.close();
});

test('requests that come while a snapshot is made are not in it', async () => {
  const project = await openCompacted({
    wrapTasks: (tasks) => ({
      check: (job, signal) => tasks.check(job, signal), verify: (job, signal) => tasks.verify(job, signal),
      scrub: (job, signal) => tasks.scrub(job, signal), buildPast: (job, signal) => tasks.buildPast(job, signal),
      close: () => tasks.close(),
      build: async (job, signal) => {
        await writeOnce(project.store, 50, 52);
        return await tasks.build(job, signal);
      },
    }),
  });
  await writeOnce(project.store, 1, 2);
  await project.compact();
  const [manifest] = (await project.snapshots.list()).committed;
  assert.deepEqual([manifest?.seq, manifest?.requests?.count], [3, 2]);
  assert.equal([...requestsIn(project.store.snapshotPoint().requests)].length, 5);
  await project.close();
});

test.run();
