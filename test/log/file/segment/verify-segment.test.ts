import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import { LogPaths } from '../../../../src/log/file/log-paths.js';
import { LogErasures } from '../../../../src/log/file/reading/log-erasures.js';
import { writeGzipCopy } from '../../../../src/log/file/segment/gzip-writer.js';
import { withText } from '../../../../src/log/file/segment/segment-files.js';
import { verifySegment } from '../../../../src/log/file/segment/verify-segment.js';
import type { FaultDisk } from '../../../disk/fault-disk.js';
import { suite } from '../../../suite.js';
import { compressedLog, PACKED_1 } from '../compressed-log.js';
import { HOME, LOG_ID, PROJECT, sha256 } from '../log-fixture.js';

const test = suite('log/file/segment/verify-segment');

const FILE = { path: PACKED_1, shownName: 'p1/1.jsonl.gz', isCompressed: true };

async function verify(disk: FaultDisk, lastSeq: number, signal?: AbortSignal): Promise<string> {
  const erasures = new LogErasures(disk, new LogPaths(HOME, PROJECT), LOG_ID);
  return await verifySegment(disk, FILE, { project: PROJECT, logId: LOG_ID, firstSeq: 1, lastSeq, erasures }, signal);
}

test('the digest of a sound compressed segment is that of its text', async () => {
  const disk = await compressedLog();
  assert.equal(await verify(disk, 2), sha256(gunzipSync(disk.bytesOf(PACKED_1))));
  assert.deepEqual(disk.openPaths, []);
});

test('a segment that ends with another line than it must is refused, although every line of it is sound', async () => {
  await assert.rejects(verify(await compressedLog(), 3), /"p1\/1\.jsonl\.gz" .*: expected a segment that ends with seq 3, found seq 2/);
});

test('a compressed segment whose frame names another successor than its seal is refused', async () => {
  const disk = await compressedLog();
  const plain = { path: `${HOME}/plain`, shownName: 'plain', isCompressed: false };
  disk.put(plain.path, gunzipSync(disk.bytesOf(PACKED_1)));
  await disk.unlink(PACKED_1);
  await withText(disk, plain, (text) => writeGzipCopy(disk, { text, nextSeq: 9 }, PACKED_1));
  await assert.rejects(verify(disk, 2), /a segment that begins with seq 9 after it, found a segment that begins with seq 3/);
});

test('a verification that is aborted ends with the reason', async () => {
  const disk = await compressedLog();
  await assert.rejects(verify(disk, 2, AbortSignal.abort(new Error('enough'))), /enough/);
  assert.deepEqual(disk.openPaths, []);
});

test.run();
