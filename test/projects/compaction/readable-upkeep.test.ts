/** The readable snapshot beside a project's log: whatever is wrong with the newest snapshot, it is reported, mended and never shown. */
import assert from 'node:assert/strict';
import { suite } from '../../suite.js';
import { type CompactedProject, DATA, openCompacted, PROJECT, SMALL_SEGMENTS, spoil } from '../compacted-project.js';

const test = suite('readable-upkeep');

const READABLE = `${DATA}/${PROJECT}.json`;
const NOW = new AbortController().signal;

const jsonPath = (seq: number): string => `${DATA}/${PROJECT}/snap-${String(seq).padStart(20, '0')}.json`;

/** A project with a snapshot whose readable copy a person has removed. */
async function unshown(isCaching: boolean): Promise<CompactedProject> {
  const project = await openCompacted({ storage: { ...SMALL_SEGMENTS, cache_in_memory: isCaching } });
  await project.fill(1, 8);
  await project.compact();
  project.disk.tree.remove(READABLE);
  return project;
}

for (const isCaching of [true, false]) {
  const where = isCaching ? 'in memory' : 'on disk';
  test(`a damaged snapshot is not copied, counts as damage and is made anew, with values ${where}`, async () => {
    const project = await unshown(isCaching);
    const path = jsonPath(project.store.seq);
    const text = project.disk.bytesOf(path).toString();
    spoil(project.disk, path);
    await project.compaction.refreshReadable(NOW);
    assert.equal(project.disk.tree.find(READABLE), undefined);
    assert.deepEqual([project.compaction.isReadableFailing, project.compaction.hasDamagedSnapshot], [true, true]);
    const told = project.logged.filter(({ level }) => level === 'error').map(({ msg }) => msg);
    assert.deepEqual(told, ['a snapshot is damaged; the readable snapshot beside the log stays as it was']);
    await project.compact();
    assert.equal(project.disk.bytesOf(READABLE).toString(), text);
    assert.deepEqual([project.compaction.isReadableFailing, project.compaction.hasDamagedSnapshot], [false, false]);
    await project.close();
  });
}

test('a read that failed once fails the copy and is not damage', async () => {
  const project = await unshown(true);
  project.disk.fail({ method: 'read', path: /\.json$/, action: { kind: 'errno', code: 'EIO' } });
  await project.compaction.refreshReadable(NOW);
  assert.equal(project.disk.tree.find(READABLE), undefined);
  assert.deepEqual([project.compaction.isReadableFailing, project.compaction.hasDamagedSnapshot], [true, false]);
  assert.deepEqual(project.logged.filter(({ level }) => level === 'error'), []);
  assert.equal(project.logged.filter(({ level, msg }) => level === 'warn' && msg.includes('no data is affected')).length, 1);
  await project.compaction.refreshReadable(NOW);
  assert.deepEqual(project.disk.bytesOf(READABLE), project.disk.bytesOf(jsonPath(project.store.seq)));
  assert.equal(project.compaction.isReadableFailing, false);
  await project.close();
});

test.run();
