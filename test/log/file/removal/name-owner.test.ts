import assert from 'node:assert/strict';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { NodeDisk } from '../../../../src/disk/node-disk.js';
import { LogPaths } from '../../../../src/log/file/log-paths.js';
import { findForeignNames, findLogId, findOwner } from '../../../../src/log/file/removal/name-owner.js';
import { withFolder } from '../../../disk/temporary-folder.js';
import { suite } from '../../../suite.js';
import { ACTIVE, createLog, emptyDisk, HOME, LOG_ID, PROJECT } from '../log-fixture.js';

const test = suite('name-owner');

test('a name belongs to the log of its header, or to none that is known', async () => {
  const disk = emptyDisk();
  await (await createLog(disk)).close();
  const paths = new LogPaths(HOME, PROJECT);
  assert.deepEqual(await findOwner(disk, paths), { kind: 'log', logId: LOG_ID });
  assert.equal(await findLogId(disk, paths), LOG_ID);
  const other = new LogPaths(HOME, 'other');
  assert.deepEqual([await findOwner(disk, other), await findLogId(disk, other)], [{ kind: 'unknown' }, 'absent']);
  const copy = await disk.open(other.active, 'create');
  await copy.append(disk.bytesOf(ACTIVE));
  await copy.close();
  assert.deepEqual(await findOwner(disk, other), { kind: 'another project' });
});

test('a folder in the place of a segment belongs to no log, and is foreign', async () => {
  const disk = emptyDisk();
  disk.tree.makeFolder(`${HOME}/made.jsonl`);
  disk.tree.makeFolder(`${HOME}/made`);
  disk.tree.makeFolder(`${HOME}/made/notes`);
  const paths = new LogPaths(HOME, 'made');
  assert.deepEqual([await findOwner(disk, paths), await findLogId(disk, paths)], [{ kind: 'unknown' }, 'unreadable']);
  assert.deepEqual(await findForeignNames(disk, paths), ['made.jsonl', 'made/notes']);
});

test('folders and links in the places of files are foreign, also under names that this program uses', () => withFolder(async (home) => {
  const disk = new NodeDisk();
  const paths = new LogPaths(home, 'made');
  await mkdir(paths.snapshot);
  assert.deepEqual(await findForeignNames(disk, paths), ['made.json']);
  await mkdir(paths.folder);
  await writeFile(paths.head, '');
  await symlink(paths.head, paths.inFolder('00000000000000000001.jsonl'));
  await mkdir(paths.inFolder('00000000000000000003.jsonl'));
  const foreign = ['made.json', 'made/00000000000000000001.jsonl', 'made/00000000000000000003.jsonl'];
  assert.deepEqual([...await findForeignNames(disk, paths)].sort(), foreign);
}));

test('a link or a file in the place of a folder is foreign as a whole, and not looked into', () => withFolder(async (home) => {
  const disk = new NodeDisk();
  await mkdir(`${home}/elsewhere`);
  await writeFile(`${home}/elsewhere/notes`, '');
  await symlink(`${home}/elsewhere`, `${home}/linked`);
  await writeFile(`${home}/plain`, '');
  for (const name of ['linked', 'plain']) assert.deepEqual(await findForeignNames(disk, new LogPaths(home, name)), [name]);
}));

test.run();
