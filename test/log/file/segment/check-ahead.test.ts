import assert from 'node:assert/strict';
import { checkAhead } from '../../../../src/log/file/segment/check-ahead.js';
import { checkLines, type LineChecker } from '../../../../src/log/file/segment/checked-lines.js';
import { textOf } from '../../../../src/base/byte-scan.js';
import type { DueLine } from '../../../../src/log/line-format.js';
import { decodeHeaderLine } from '../../../../src/log/segment-format.js';
import type { FaultDisk } from '../../../disk/fault-disk.js';
import { suite } from '../../../suite.js';
import { assertSameWithHelp, fieldsOf, INLINE_CHECKER } from '../helped-scan.js';
import { ACTIVE, collect, diskWith, draft, linesOf, openLog, SMALL_SEGMENTS } from '../log-fixture.js';

const test = suite('log/file/segment/check-ahead');

/** The first line of the active segment. */
function firstDue(disk: FaultDisk): DueLine {
  const header = decodeHeaderLine(Buffer.from(linesOf(disk)[0] ?? ''));
  assert.ok(header.ok && 'previousHash' in header.value);
  const { firstSeq, previousHash } = header.value;
  return { segment: firstSeq, offset: disk.bytesOf(ACTIVE).indexOf('\n') + 1, seq: firstSeq, previousHash, durable: 0 };
}

async function ahead(disk: FaultDisk, checker: LineChecker): Promise<readonly { readonly seqs: number[]; readonly next: DueLine }[]> {
  const file = await disk.open(ACTIVE, 'read');
  const range = { from: firstDue(disk), endOffset: disk.bytesOf(ACTIVE).length };
  const groups = await collect(checkAhead(file, range, checker));
  await file.close();
  return groups.map(({ lines, next }) => ({ seqs: lines.map(({ seq }) => seq), next }));
}

async function seqsAhead(disk: FaultDisk, checker: LineChecker = INLINE_CHECKER): Promise<number[]> {
  return (await ahead(disk, checker)).flatMap(({ seqs }) => seqs);
}

test('lines come in order, whatever the size of a piece, and with the place after them', async () => {
  const disk = await diskWith([3, 1, 2]);
  for (const pieceBytes of [1, 300, 700, 1_000_000]) {
    const groups = await ahead(disk, { ...INLINE_CHECKER, pieceBytes });
    assert.deepEqual(groups.flatMap(({ seqs }) => seqs), [1, 2, 3, 4, 5, 6]);
    const last = groups.at(-1)?.next;
    assert.equal(last?.seq, 7);
    assert.equal(last?.offset, disk.bytesOf(ACTIVE).length);
  }
});

test('a line has the same fields as one that is read alone', async () => {
  const disk = await diskWith([2, 2]);
  const { log, replayed } = await openLog(disk);
  await log.append([draft(5, '"Zoë \u{1f600}"')], 4);
  await log.close();
  await assertSameWithHelp(disk);
  const file = await disk.open(ACTIVE, 'read');
  const fields: ReturnType<typeof fieldsOf>[] = [];
  for await (const { lines } of checkAhead(file, { from: firstDue(disk), endOffset: disk.bytesOf(ACTIVE).length }, INLINE_CHECKER)) {
    fields.push(...lines.map(fieldsOf));
    for (const { body, bodyRange } of lines) assert.equal(bodyRange && textOf(bodyRange), body);
  }
  await file.close();
  assert.deepEqual(fields.slice(0, 4), replayed.map(fieldsOf));
});

test('a line that is kept longer than its group gives nothing, rather than another line', async () => {
  const disk = await diskWith([8]);
  const file = await disk.open(ACTIVE, 'read');
  const range = { from: firstDue(disk), endOffset: disk.bytesOf(ACTIVE).length };
  const groups = await collect(checkAhead(file, range, { ...INLINE_CHECKER, pieceBytes: 600 }));
  await file.close();
  assert.ok(groups.length > 2);
  for (const line of groups.slice(0, -1).flatMap(({ lines }) => lines)) assert.equal(line.bodyRange?.bytes.length, 0);
});

test('no more pieces are handed over than the checker takes', async () => {
  const disk = await diskWith([9]);
  let [running, most] = [0, 0];
  const counting: LineChecker = {
    ...INLINE_CHECKER,
    checkLines: async (piece) => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return checkLines(piece);
    },
  };
  assert.equal((await seqsAhead(disk, counting)).length, 9);
  assert.equal(most, 3);
});

test('a checker that takes no pieces gives no lines', async () => {
  assert.deepEqual(await ahead(await diskWith([2]), { ...INLINE_CHECKER, piecesMax: 0 }), []);
});

test('reading ends before a line that is not sound, although later ones are', async () => {
  const disk = await diskWith([6]);
  const bytes = disk.bytesOf(ACTIVE);
  bytes.writeUInt8(bytes.readUInt8(bytes.indexOf('{"seq":4') + 150) ^ 1, bytes.indexOf('{"seq":4') + 150);
  disk.put(ACTIVE, bytes);
  for (const pieceBytes of [1, 800, 1_000_000]) assert.deepEqual(await seqsAhead(disk, { ...INLINE_CHECKER, pieceBytes }), [1, 2, 3]);
});

test('reading ends before a seal, although the lines after it would continue the chain', async () => {
  const disk = await diskWith([1, 1, 1, 1, 1], SMALL_SEGMENTS);
  const sealed = [...disk.contents().keys()].filter((name) => /\d\.jsonl$/.test(name) && name !== ACTIVE).sort();
  const lines = [...sealed, ACTIVE].flatMap((name) => linesOf(disk, name)).filter((line, at) => at === 0 || !line.startsWith('{"format"'));
  disk.put(ACTIVE, lines.map((line) => `${line}\n`).join(''));
  assert.deepEqual(await seqsAhead(disk), [1, 2]);
});

test('reading ends where a piece cannot be checked, or cannot be read', async () => {
  const disk = await diskWith([4]);
  let calls = 0;
  const failing: LineChecker = {
    ...INLINE_CHECKER,
    checkLines: async (piece) => {
      calls += 1;
      if (calls === 3) throw new Error('the thread has ended');
      return await INLINE_CHECKER.checkLines(piece);
    },
  };
  assert.deepEqual(await seqsAhead(disk, failing), [1, 2]);
  const file = await disk.open(ACTIVE, 'read');
  const range = { from: firstDue(disk), endOffset: disk.bytesOf(ACTIVE).length };
  const unreadable = { read: () => Promise.reject(new Error('EIO')) };
  assert.deepEqual(await collect(checkAhead(unreadable, range, INLINE_CHECKER)), []);
  assert.deepEqual(await collect(checkAhead({ read: () => Promise.resolve(0) }, range, INLINE_CHECKER)), []);
  await file.close();
});

test('a line that is longer than a piece is read whole', async () => {
  const disk = await diskWith([1]);
  const { log } = await openLog(disk);
  await log.append([draft(2, `"${'x'.repeat(100_000)}"`), draft(3)], 1);
  await log.close();
  assert.deepEqual(await seqsAhead(disk), [1, 2, 3]);
  await assertSameWithHelp(disk);
});

test.run();
