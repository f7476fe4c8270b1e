/** What is erased of a deleted log, and what is left because this program did not write it. */
import assert from 'node:assert/strict';
import { LogPaths } from '../../../../src/log/file/log-paths.js';
import { moveToTrash } from '../../../../src/log/file/removal/move-away.js';
import { eraseTrashed, listTrash } from '../../../../src/log/file/removal/trash.js';
import { suite } from '../../../suite.js';
import { emptyDisk, HOME, LOG_ID, PROJECT } from '../log-fixture.js';

const test = suite('log/file/removal/trash');

test('a file in the place of a folder that is being erased is left, and named', async () => {
  const disk = emptyDisk();
  disk.tree.makeFolder(`${HOME}/_trash`);
  const name = `_trash/${LOG_ID}.erasing`;
  disk.put(`${HOME}/${name}`, 'notes');
  assert.deepEqual(await listTrash(disk, HOME), { logIds: [LOG_ID], foreignNames: [] });
  assert.deepEqual(await eraseTrashed(disk, HOME, LOG_ID), [name]);
  assert.equal(disk.bytesOf(`${HOME}/${name}`).toString(), 'notes');
});

test('a snapshot that is all that is left of a log under its name goes the way of the log', async () => {
  const disk = emptyDisk();
  const paths = new LogPaths(HOME, PROJECT);
  disk.put(paths.snapshot, '{}');
  await moveToTrash(disk, paths, LOG_ID, false);
  assert.ok(disk.tree.find(paths.snapshot), 'unless the name may belong to another log');
  await moveToTrash(disk, paths, LOG_ID, true);
  assert.equal(disk.tree.find(paths.snapshot), undefined);
  assert.deepEqual(await eraseTrashed(disk, HOME, LOG_ID), []);
  assert.deepEqual([...disk.contents().keys()], []);
});

test.run();
