/** Finds lines by their receipts, wherever they are, and believes none that is not part of its log. */
import assert from 'node:assert/strict';
import { writeGzipCopy } from '../../../src/log/file/segment/gzip-writer.js';
import { findReceipt } from '../../../src/offline/receipt/find-receipt.js';
import type { AnyEvent } from '../../../src/events/event.js';
import type { FaultDisk } from '../../disk/fault-disk.js';
import { suite } from '../../suite.js';
import { flip, SEGMENT_1, SEGMENT_5, soundFolder } from '../sound-folder.js';
import { CREATE, DATA, emptyDataDisk, putLog, set, writeLog, type WrittenLog } from '../written-project.js';

const test = suite('offline/receipt/find-receipt');
/** Segments are read in pieces of this size. */
const PIECE_BYTES = 1_048_576;

async function find(disk: FaultDisk, hash: string, projects = ['p', '_server']): ReturnType<typeof findReceipt> {
  const result = await findReceipt(hash, { disk, dataFolder: DATA, projects, olderOf: undefined });
  assert.deepEqual(disk.openPaths, []);
  return result;
}

/** Checks that every line of a log is found in its place. */
async function assertAllFound(disk: FaultDisk, log: WrittenLog, fileOf = (file: string) => file): Promise<void> {
  for (const { seq, timeMs, hash, file, offset, text, event } of log.lines) {
    const { line, faults } = await find(disk, hash);
    assert.deepEqual([line?.seq, line?.timeMs, line?.op, line?.offset, faults], [seq, timeMs, event.op, offset, []]);
    assert.deepEqual([line?.file, line?.sizeBytes, line?.request], [fileOf(file), Buffer.byteLength(text), `r${seq}`]);
    assert.deepEqual([line?.project, line?.logId], [log.project, log.logId]);
  }
}

async function compress(disk: FaultDisk, name: string, nextSeq: number, isKept = false): Promise<void> {
  const text = await disk.open(`${DATA}/${name}`, 'read');
  await writeGzipCopy(disk, { text, nextSeq }, `${DATA}/${name}.gz`);
  await text.close();
  if (!isKept) await disk.unlink(`${DATA}/${name}`);
}

/** Replaces text of a file. */
function edit(disk: FaultDisk, name: string, from: string, to: string): void {
  const text = disk.bytesOf(`${DATA}/${name}`).toString('utf8');
  assert.ok(text.includes(from), from);
  disk.put(`${DATA}/${name}`, text.replace(from, () => to));
}

test('every line is found in its segment, compressed or not, and in the registry', async () => {
  const { disk, log } = await soundFolder();
  await assertAllFound(disk, log);
  await compress(disk, SEGMENT_1, 5);
  await compress(disk, SEGMENT_5, 8, true);
  await assertAllFound(disk, log, (file) => (file === SEGMENT_1 ? `${file}.gz` : file));
  const { line } = await find(disk, registryHash(disk));
  assert.deepEqual([line?.project, line?.op, line?.file], ['_server', 'project.created', '_server.jsonl']);
});

function registryHash(disk: FaultDisk): string {
  return /"op":"project\.created".*"hash":"([0-9a-f]{64})"\}\n$/.exec(disk.bytesOf(`${DATA}/_server.jsonl`).toString('utf8'))?.[1] ?? '';
}

test('a hash that no line has, and one of a header or a seal, is not found', async () => {
  const { disk } = await soundFolder();
  const frames = [...disk.bytesOf(`${DATA}/${SEGMENT_1}`).toString('utf8').matchAll(/^\{"(?:format|seal)".*"hash":"(.{64})"\}$/gm)];
  assert.equal(frames.length, 2);
  for (const hash of ['0'.repeat(64), ...frames.map(([, found = '']) => found)]) {
    assert.deepEqual(await find(disk, hash), { line: undefined, faults: [] });
  }
});

test('a value that contains a receipt is not taken for its line', async () => {
  const disk = emptyDataDisk();
  const fake = 'ab'.repeat(32);
  const values = [set('a', `{"x":1,"hash":"${fake}"}`), set('b', '2')];
  await putLog(disk, writeLog({ project: 'p', events: [CREATE, ...values] }));
  assert.deepEqual(await find(disk, fake, ['p']), { line: undefined, faults: [] });
});

test('a planted line is not believed: the chain does not have it, or does not continue after it', async () => {
  const { disk, log } = await soundFolder();
  const planted = 'cd'.repeat(32);
  const [second, third] = [log.lines[1]?.text ?? '', log.lines[2]?.text ?? ''];
  edit(disk, SEGMENT_1, third, `${third.replace(/"hash":"[0-9a-f]{64}"/, `"hash":"${planted}"`)}${third}`);
  const { line, faults } = await find(disk, planted);
  assert.equal(line, undefined);
  assert.match(faults.join(), /^Cannot trust "p\/0{19}1\.jsonl" at byte \d+, seq 3: expected hash /);
  // A genuine line before the planted one is in a segment that cannot be trusted.
  const genuine = await find(disk, /"hash":"(.{64})"/.exec(second)?.[1] ?? '');
  assert.deepEqual([genuine.line, genuine.faults], [undefined, faults]);
});

test('a segment whose header does not continue the one before it is not believed', async () => {
  const { disk, log } = await soundFolder();
  const events = [CREATE, set('z', '9'), ...log.lines.slice(2).map(({ event }) => event)];
  const other = writeLog({ project: 'p', events, sealed: [4, 3] });
  disk.put(`${DATA}/${SEGMENT_5}`, other.files.get(SEGMENT_5) ?? '');
  const { line, faults } = await find(disk, other.lines[5]?.hash ?? '');
  assert.equal(line, undefined);
  assert.match(faults.join(), /^Cannot trust "p\/0{19}5\.jsonl" at byte 0, seq 5: expected prev /);
});

test('damage elsewhere does not hide a line; where the search cannot read, it says so', async () => {
  const { disk, log } = await soundFolder();
  await compress(disk, SEGMENT_1, 5);
  flip(disk, `${SEGMENT_1}.gz`, 60);
  assert.equal((await find(disk, log.lines[10]?.hash ?? '')).line?.seq, 11);
  const { line, faults } = await find(disk, log.lines[1]?.hash ?? '');
  assert.equal(line, undefined);
  assert.match(faults.join(), /^Cannot trust "p\/0{19}1\.jsonl\.gz"/);
});

test('the sound form of a doubled segment is enough', async () => {
  for (const damaged of [SEGMENT_5, `${SEGMENT_5}.gz`]) {
    const { disk, log } = await soundFolder();
    await compress(disk, SEGMENT_5, 8, true);
    flip(disk, damaged, damaged.endsWith('.gz') ? 60 : (log.lines[5]?.offset ?? 0) + 100);
    assert.equal((await find(disk, log.lines[6]?.hash ?? '')).line?.seq, 7, damaged);
  }
});

test('a last line without its line feed is found, and half of one is not', async () => {
  const { disk, log } = await soundFolder();
  const bytes = disk.bytesOf(`${DATA}/p.jsonl`);
  disk.put(`${DATA}/p.jsonl`, bytes.subarray(0, bytes.length - 1));
  assert.equal((await find(disk, log.lines[10]?.hash ?? '')).line?.seq, 11);
  disk.put(`${DATA}/p.jsonl`, bytes.subarray(0, bytes.length - 3));
  assert.deepEqual(await find(disk, log.lines[10]?.hash ?? ''), { line: undefined, faults: [] });
});

test('older logs of the data folder are searched too, of the given project only', async () => {
  const { disk } = await soundFolder();
  const events: AnyEvent[] = [CREATE, set('old', '1')];
  const old = writeLog({ project: 'gone', logId: 'f'.repeat(32), events });
  const folder = `_left/gone-${'f'.repeat(32)}`;
  for (const path of ['_left', folder, `${folder}/gone`]) disk.tree.makeFolder(`${DATA}/${path}`);
  for (const [name, text] of old.files) disk.put(`${DATA}/${folder}/${name}`, text);
  const hash = old.lines[1]?.hash ?? '';
  const { line } = await find(disk, hash);
  assert.deepEqual([line?.project, line?.seq, line?.file], ['gone', 2, `${folder}/gone.jsonl`]);
  const other = await findReceipt(hash, { disk, dataFolder: DATA, projects: ['p'], olderOf: 'p' });
  assert.deepEqual(other, { line: undefined, faults: [] });
});

test('a receipt across the seam of two pieces is found', async () => {
  const sizeOf = (log: WrittenLog): number => Buffer.byteLength(log.files.get('p.jsonl') ?? '');
  const logOf = (valueBytes: number): WrittenLog => writeLog({ project: 'p', events: [CREATE, set('k', 'x'.padStart(valueBytes, 'x'))] });
  const oneByte = sizeOf(logOf(1));
  // How far the line with its line feed reaches into the second piece: its tail has 75 bytes.
  for (const beyond of [0, 1, 2, 40, 75, 76, 77]) {
    const disk = emptyDataDisk();
    const log = logOf(1 + PIECE_BYTES + beyond - oneByte);
    assert.equal(sizeOf(log), PIECE_BYTES + beyond);
    await putLog(disk, log);
    for (const { hash, seq } of log.lines) assert.equal((await find(disk, hash, ['p'])).line?.seq, seq, `${beyond} bytes`);
    const text = disk.bytesOf(`${DATA}/p.jsonl`);
    disk.put(`${DATA}/p.jsonl`, text.subarray(0, text.length - 1));
    assert.equal((await find(disk, log.lines[1]?.hash ?? '', ['p'])).line?.seq, 2, `${beyond} bytes, without the line feed`);
  }
});

test.run();
