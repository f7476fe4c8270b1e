import assert from 'node:assert/strict';
import { constants, readFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import path from 'node:path';
import { BLOCKING, POOLED } from '../../src/disk/transfers.js';
import { suite } from '../suite.js';
import { withFolder } from './temporary-folder.js';

const test = suite('disk/transfers');
const ALL = [POOLED, BLOCKING] as const;

async function withHandle(place: string, flags: number, body: (handle: FileHandle) => Promise<void>): Promise<void> {
  const handle = await open(place, flags | constants.O_CREAT);
  try {
    await body(handle);
  } finally {
    await handle.close();
  }
}

for (const [index, transfers] of ALL.entries()) {
  const name = ['pooled', 'blocking'][index];

  test(`${name}: bytes are written at the end or at an offset, and read from an offset`, () => withFolder(async (folder) => {
    const place = path.join(folder, 'a');
    await withHandle(place, constants.O_WRONLY | constants.O_APPEND, async (handle) => {
      assert.equal(await transfers.write(handle, Buffer.from('abc')), 3);
      assert.equal(await transfers.write(handle, Buffer.from('def')), 3);
      await transfers.datasync(handle);
    });
    await withHandle(place, constants.O_RDWR, async (handle) => {
      assert.equal(await transfers.write(handle, Buffer.from('X'), 1), 1);
      const into = Buffer.alloc(8);
      assert.equal(await transfers.read(handle, into, 1), 5);
      assert.equal(into.toString('latin1', 0, 5), 'Xcdef');
    });
  }));

  test(`${name}: a call that the system refuses rejects with its errno`, () => withFolder(async (folder) => {
    const place = path.join(folder, 'a');
    await withHandle(place, constants.O_RDONLY, (handle) => assert.rejects(transfers.write(handle, Buffer.from('a')), { code: 'EBADF' }));
    await withHandle(place, constants.O_WRONLY, (handle) => assert.rejects(transfers.read(handle, Buffer.alloc(1), 0), { code: 'EBADF' }));
  }));
}

test('a blocking call has taken effect when it returns', () => withFolder(async (folder) => {
  const place = path.join(folder, 'a');
  await withHandle(place, constants.O_RDWR, async (handle) => {
    const into = Buffer.alloc(3);
    const calls = [BLOCKING.write(handle, Buffer.from('abc'), 0), BLOCKING.read(handle, into, 0)];
    assert.deepEqual([readFileSync(place, 'utf8'), into.toString()], ['abc', 'abc']);
    await Promise.all(calls);
  });
}));

test.run();
