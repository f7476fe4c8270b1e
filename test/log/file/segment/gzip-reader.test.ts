/** The text of a compressed segment, read in any order, and what is refused. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { GzipReader } from '../../../../src/log/file/segment/gzip-reader.js';
import { writeGzipCopy } from '../../../../src/log/file/segment/gzip-writer.js';
import { LogCorruptError } from '../../../../src/log/log-errors.js';
import type { FaultDisk } from '../../../disk/fault-disk.js';
import { suite } from '../../../suite.js';
import { emptyDisk, HOME } from '../log-fixture.js';

const test = suite('log/file/segment/gzip-reader');

const PLAIN = `${HOME}/plain`;
const PACKED = `${HOME}/packed`;
/** More than a few inflated pieces. */
const TEXT_BYTES = 900_000;

async function packed(): Promise<{ readonly disk: FaultDisk; readonly text: Buffer; readonly reader: GzipReader }> {
  const disk = emptyDisk();
  const text = randomBytes(TEXT_BYTES);
  disk.put(PLAIN, text);
  const plain = await disk.open(PLAIN, 'read');
  await writeGzipCopy(disk, { text: plain, nextSeq: 9 }, PACKED);
  await plain.close();
  return { disk, text, reader: await GzipReader.open(disk, PACKED, 'packed') };
}

async function read(reader: GzipReader, offset: number, sizeBytes: number): Promise<Buffer> {
  const into = Buffer.alloc(sizeBytes);
  return into.subarray(0, await reader.read(into, offset));
}

test('text is read at any offset, also before what was read last, and nothing is read behind its end', async () => {
  const { disk, text, reader } = await packed();
  assert.equal(reader.nextSeq, 9);
  for (const offset of [0, 700_000, 5, 899_990, TEXT_BYTES, 0, 300_000, 299_999]) {
    assert.deepEqual(await read(reader, offset, 1000), text.subarray(offset, offset + 1000), `at ${offset}`);
  }
  await reader.close();
  assert.deepEqual(disk.openPaths, []);
});

test('a read that the disk fails is passed on, and says nothing of damage', async () => {
  const { disk, reader } = await packed();
  disk.fail({ method: 'read', path: PACKED, action: { kind: 'errno', code: 'EMFILE' } });
  await assert.rejects(read(reader, 0, 1000), { code: 'EMFILE' });
  await reader.close();
});

test('damage that a read met is met again by the next one, whatever part of the text that asks for', async () => {
  const { disk, reader } = await packed();
  const bytes = disk.bytesOf(PACKED);
  // Of the checksum in the header.
  bytes.writeUInt8(bytes.readUInt8(24) ^ 8, 24);
  disk.put(PACKED, bytes);
  const damaged = await GzipReader.open(disk, PACKED, 'packed');
  for (const offset of [800_000, 899_000, 0]) {
    await assert.rejects(read(damaged, offset, TEXT_BYTES), { name: 'LogCorruptError' }, `from ${offset}`);
  }
  await damaged.close();
  await reader.close();
});

test('a file that is cut while it is read is damage', async () => {
  const { disk, reader } = await packed();
  disk.put(PACKED, disk.bytesOf(PACKED).subarray(0, 100_000));
  await assert.rejects(read(reader, 0, TEXT_BYTES), (error) => {
    assert.ok(error instanceof LogCorruptError);
    assert.match(error.message, /^Cannot trust "packed" at byte 0: expected a valid deflate stream/);
    return true;
  });
  await reader.close();
  assert.deepEqual(disk.openPaths, []);
});

test.run();
