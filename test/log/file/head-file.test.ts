import assert from 'node:assert/strict';
import { createHead, otherSlot, readHead, writeHeadSlot } from '../../../src/log/file/head-file.js';
import { suite } from '../../suite.js';
import { emptyDisk, HOME, LOG_ID } from './log-fixture.js';
import type { FaultDisk } from '../../disk/fault-disk.js';

const test = suite('head-file');
const PLACE = `${HOME}/head`;
const head = (seq: number): { logId: string; seq: number; hash: string } => ({ logId: LOG_ID, seq, hash: String(seq % 10).repeat(64) });

async function diskWithHead(...seqs: readonly number[]): Promise<FaultDisk> {
  const disk = emptyDisk();
  await createHead(disk, PLACE, head(seqs[0] ?? 0));
  for (const [index, seq] of seqs.entries()) if (index > 0) await writeHeadSlot(disk, PLACE, index % 2, head(seq));
  assert.deepEqual(disk.openPaths, [], 'nothing stays open between two writes');
  return disk;
}

test('the newest slot is read, whichever it is', async () => {
  for (const seqs of [[0], [0, 1], [0, 1, 2], [5, 9, 12, 13]]) {
    const reading = await readHead(await diskWithHead(...seqs), PLACE);
    assert.deepEqual(reading.head, head(seqs.at(-1) ?? 0));
    assert.equal(reading.damaged, false);
    assert.equal(reading.slot, (seqs.length - 1) % 2);
  }
});

test('a torn write at any byte leaves the older or the newer head, never another', async () => {
  for (let bytes = 0; bytes <= 200; bytes += 1) {
    const disk = await diskWithHead(7, 8);
    disk.fail({ method: 'overwrite', action: { kind: 'kill', when: { bytes } } });
    await assert.rejects(writeHeadSlot(disk, PLACE, otherSlot(1), head(9)));
    const { head: found } = await readHead(disk.crash(), PLACE);
    assert.ok(found?.seq === 8 || found?.seq === 9, `${bytes} bytes`);
    assert.deepEqual(found, head(found.seq));
  }
});

test('a missing head, a folder and an empty file count as damaged heads', async () => {
  const disk = emptyDisk();
  const none = { head: undefined, damaged: true };
  const read = async (): Promise<object> => {
    const { head: found, damaged } = await readHead(disk, PLACE);
    return { head: found, damaged };
  };
  assert.deepEqual(await read(), none);
  await disk.makeFolder(PLACE);
  assert.deepEqual(await read(), none);
  disk.tree.remove(PLACE);
  disk.put(PLACE, '');
  assert.deepEqual(await read(), none);
});

test('a head is durable after creation and after each write', async () => {
  const disk = emptyDisk();
  await createHead(disk, PLACE, head(1));
  const all = { content: 'synced', size: 'synced', names: 'cached' } as const;
  assert.deepEqual((await readHead(disk.crash(all), PLACE)).head, head(1));
  await writeHeadSlot(disk, PLACE, 1, head(2));
  assert.deepEqual((await readHead(disk.crash(all), PLACE)).head, head(2));
});

test('a short write fails and closes the file; the other slot is as it was', async () => {
  const disk = await diskWithHead(1);
  disk.fail({ method: 'overwrite', action: { kind: 'short', bytes: 10 } });
  await assert.rejects(writeHeadSlot(disk, PLACE, 1, head(2)), { name: 'ShortWriteError' });
  assert.deepEqual((await readHead(disk, PLACE)).head, head(1));
  assert.deepEqual(disk.openPaths, []);
  await writeHeadSlot(disk, PLACE, 1, head(3));
  const reading = await readHead(disk, PLACE);
  assert.deepEqual([reading.head, reading.slot], [head(3), 1]);
});

test('a head that is removed while it is opened counts as missing, and any other failure is passed on', async () => {
  const disk = await diskWithHead(3);
  disk.fail({ method: 'open', path: PLACE, action: { kind: 'errno', code: 'ENOENT' } });
  assert.equal((await readHead(disk, PLACE)).isAbsent, true);
  disk.fail({ method: 'open', path: PLACE, action: { kind: 'errno', code: 'EMFILE' } });
  await assert.rejects(readHead(disk, PLACE), { code: 'EMFILE' });
  assert.equal((await readHead(disk, PLACE)).head?.seq, 3);
});

test.run();
