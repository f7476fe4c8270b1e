/** A read that the device refuses once is repeated; one that it refuses twice fails. */
import assert from 'node:assert/strict';
import { readTwice } from '../../src/disk/node-disk.js';
import { suite } from '../suite.js';
import { errnoError } from './disk-tree.js';
import { FaultDisk } from './fault-disk.js';

const test = suite('disk/read-twice');

/** The result of a read. */
interface Outcome {
  /** The bytes, or the errno. */
  readonly text: string;
  readonly reads: number;
  readonly told: readonly string[];
}

/** Reads a file whose first reads fail. */
async function readAfter(failures: number, code: string): Promise<Outcome> {
  const disk = new FaultDisk();
  disk.put('/a', 'abc');
  if (failures > 0) disk.fail({ method: 'read', times: failures, action: { kind: 'errno', code } });
  const file = await disk.open('/a', 'read');
  const bytes = Buffer.alloc(3);
  const told: string[] = [];
  const outcome = await readTwice(() => file.read(bytes, 0), (error) => told.push(error.code ?? ''))
    .then(() => bytes.toString(), (error: NodeJS.ErrnoException) => error.code ?? '');
  await file.close();
  return { text: outcome, reads: disk.calls.filter(({ method }) => method === 'read').length, told };
}

test('a read that succeeds is made once', async () => {
  assert.deepEqual(await readAfter(0, ''), { text: 'abc', reads: 1, told: [] });
});

test('a read that the device refuses once is repeated and reported', async () => {
  assert.deepEqual(await readAfter(1, 'EIO'), { text: 'abc', reads: 2, told: ['EIO'] });
});

test('a read that the device refuses twice fails', async () => {
  assert.deepEqual(await readAfter(2, 'EIO'), { text: 'EIO', reads: 2, told: [] });
});

test('an error other than EIO is not retried', async () => {
  assert.deepEqual(await readAfter(1, 'EBADF'), { text: 'EBADF', reads: 1, told: [] });
  let reads = 0;
  const read = (): Promise<never> => {
    reads += 1;
    return Promise.reject(errnoError('EACCES', 'read'));
  };
  await assert.rejects(readTwice(read), { code: 'EACCES' });
  assert.equal(reads, 1);
});

test.run();
