/** Erased lines: what makes one valid, what every reader makes of it, and that no forged one is believed. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { erasuresIn, goneErasuresIn } from '../../../src/log/erased-lines.js';
import { inspectLog } from '../../../src/log/file/recovery/inspect-log.js';
import { LogPaths } from '../../../src/log/file/log-paths.js';
import { LogErasures } from '../../../src/log/file/reading/log-erasures.js';
import { StoredLog } from '../../../src/log/file/reading/stored-log.js';
import { verifySegment } from '../../../src/log/file/segment/verify-segment.js';
import { checkLines } from '../../../src/log/file/segment/checked-lines.js';
import type { Log, LogLine } from '../../../src/log/log.js';
import { MemoryLog } from '../../../src/log/memory-log.js';
import type { FaultDisk } from '../../disk/fault-disk.js';
import { suite } from '../../suite.js';
import { SECTOR, sectorIn, zero } from './damage-table.js';
import {
  ACTIVE, appendBatches, collect, createLog, draft, emptyDisk, HEAD, HOME, linesOf, LOG_ID, openLog, OPTIONS, PROJECT,
} from './log-fixture.js';

const test = suite('erased lines');

const SEALED = `${HOME}/${PROJECT}/00000000000000000001.jsonl`;
const ERASED_SEQ = 2;
const LINES = 4;
const paths = new LogPaths(HOME, PROJECT);

function partBOf(line: string): string {
  return line.slice(line.indexOf(',"salt":'), -75);
}

/** The fields of a line that erases another one. */
function redactBody(line: string, change: Readonly<Record<string, unknown>> = {}): string {
  const partB = partBOf(line);
  const digest = createHash('sha256').update(partB).digest('hex');
  const entry = { seq: ERASED_SEQ, digest, bytes: Buffer.byteLength(partB), left: { key: `k${ERASED_SEQ}` }, ...change };
  return `"reason":"r","lines":[${JSON.stringify(entry)}]`;
}

async function record(log: Log, body: string): Promise<void> {
  const redact = { op: 'redact', actor: 'global#0123456789abcdef', request: 'r', body, format: 2 } as const;
  await log.append([redact], log.position().seq, { beginsSegment: true, isDurable: true });
}

/** A log of four lines of which the second one is recorded as erased, and perhaps is. */
async function redactedLog(options: { readonly erase: boolean; readonly change?: object } = { erase: true }): Promise<{
  readonly disk: FaultDisk; readonly log: Log; readonly before: readonly LogLine[];
}> {
  const disk = emptyDisk();
  const log = await createLog(disk);
  await appendBatches(log, [1, 2, 1]);
  const before = await collect(log.read({ fromSeq: 1 }));
  await record(log, redactBody(linesOf(disk)[ERASED_SEQ] ?? '', options.change as Record<string, unknown>));
  if (options.erase) await log.sealed?.erase(1, [ERASED_SEQ]);
  return { disk, log, before };
}

/** Erases the line in its file by hand. */
function forge(disk: FaultDisk, erased: (partB: string) => string = (partB) => ',"erased":true'.padEnd(partB.length)): void {
  const lines = linesOf(disk, SEALED);
  const line = lines[ERASED_SEQ] ?? '';
  lines[ERASED_SEQ] = line.replace(partBOf(line), erased(partBOf(line)));
  disk.put(SEALED, Buffer.from(`${lines.join('\n')}\n`));
}

async function findingsOf(disk: FaultDisk): Promise<readonly string[]> {
  return ((await inspectLog(disk, HOME, PROJECT))?.findings ?? []).map(({ file, seq, expected }) => `${file} ${seq}: ${expected}`);
}

test('an erased line keeps its hash, place and size, and has the fields that are left', async () => {
  const { disk, log, before } = await redactedLog();
  const after = await collect(log.read({ fromSeq: 1, toSeq: LINES }));
  for (const [index, line] of after.entries()) {
    const { body, erasedBy, ...rest } = line;
    const { body: oldBody, ...old } = before[index] as LogLine;
    assert.deepEqual(rest, old);
    assert.equal(body, line.seq === ERASED_SEQ ? '"key":"k2"' : oldBody);
    assert.deepEqual(erasedBy, line.seq === ERASED_SEQ ? log.position() : undefined);
  }
  assert.match(linesOf(disk, SEALED)[ERASED_SEQ] ?? '', /^\{"seq":2,.*,"durable":1,"erased":true +,"hash":"[0-9a-f]{64}"\}$/);
  assert.deepEqual(await findingsOf(disk), []);
  await log.close();
  const { log: again, replayed } = await openLog(disk);
  assert.deepEqual(replayed.slice(0, LINES), after);
  await again.close();
});

test('every reader of files accepts it', async () => {
  const { disk, log } = await redactedLog();
  const stored = await StoredLog.open(disk, HOME, PROJECT);
  assert.ok(stored);
  const lines = (await collect(stored.lines({ fromSeq: 1 }))).flat();
  assert.deepEqual(lines.filter(({ erasedBy }) => erasedBy !== undefined).map(({ seq }) => seq), [ERASED_SEQ]);
  const erasures = new LogErasures(disk, paths, LOG_ID);
  const file = { path: SEALED, shownName: 'x', isCompressed: false };
  const due = { project: PROJECT, logId: LOG_ID, firstSeq: 1, lastSeq: LINES, erasures };
  assert.match(await verifySegment(disk, file, due), /^[0-9a-f]{64}$/);
  await log.close();
});

test('the check of pieces in threads stops before it and leaves it to the reader', async () => {
  const { disk, log } = await redactedLog();
  const [header = '', ...lines] = linesOf(disk, SEALED);
  const bytes = new Uint8Array(Buffer.from(`${lines.slice(0, LINES).join('\n')}\n`));
  const previousHash = /"prev":"([0-9a-f]{64})"/.exec(header)?.[1] ?? '';
  assert.equal(checkLines({ bytes: bytes as Uint8Array<ArrayBuffer>, previousHash }).count, ERASED_SEQ - 1);
  await log.close();
});

test('a line that is recorded as erased and is not is valid as well', async () => {
  const { disk, log } = await redactedLog({ erase: false });
  assert.deepEqual(await findingsOf(disk), []);
  await log.sealed?.erase(1, [ERASED_SEQ]);
  const { length } = disk.calls.filter(({ method }) => method === 'rename');
  await log.sealed?.erase(1, [ERASED_SEQ]);
  assert.equal(disk.calls.filter(({ method }) => method === 'rename').length, length);
  await log.close();
});

test('a redaction begins a segment, although the one before is not full', async () => {
  const { log } = await redactedLog();
  assert.deepEqual(log.sealed?.list().map(({ firstSeq, lastSeq }) => [firstSeq, lastSeq]), [[1, LINES]]);
  await record(log, redactBody('x,"salt":'.padEnd(200), { seq: LINES }));
  assert.deepEqual(log.sealed?.list().map(({ firstSeq, lastSeq }) => [firstSeq, lastSeq]), [[1, LINES], [LINES + 1, LINES + 1]]);
  await log.close();
});

const FORGERIES: Readonly<Record<string, { readonly change?: object; readonly erased?: (partB: string) => string }>> = {
  'with another digest in the record': { change: { digest: 'a'.repeat(64) } },
  'with another length in the record': { change: { bytes: 99 } },
  'of which the record is about another line': { change: { seq: 3 } },
  'that is shorter than the record says': { erased: (partB) => ',"erased":true'.padEnd(partB.length - 1) },
  'that is longer than the record says': { erased: (partB) => ',"erased":true'.padEnd(partB.length + 1) },
  'with something else behind the mark': { erased: (partB) => ',"erased":true'.padEnd(partB.length - 1).concat('x') },
  'that says false': { erased: (partB) => ',"erased":null'.padEnd(partB.length) },
};

for (const [what, { change, erased }] of Object.entries(FORGERIES)) {
  test(`an erased line ${what} is damage`, async () => {
    const { disk, log } = await redactedLog({ erase: false, ...(change && { change }) });
    await log.close();
    forge(disk, erased);
    assert.equal((await findingsOf(disk)).length > 0, true);
    await assert.rejects(openLog(disk), { code: 'project_corrupt' });
  });
}

test('an erased line without a record is damage, wherever it is read', async () => {
  const disk = emptyDisk();
  const log = await createLog(disk, { ...OPTIONS, segmentBytes: 4096 });
  await appendBatches(log, [1, 2, 1, 20]);
  await appendBatches(log, [1]);
  const { seq } = log.position();
  forge(disk);
  assert.match((await findingsOf(disk))[0] ?? '', /a later line that records that this one was erased/);
  await assert.rejects(collect(log.read({ fromSeq: 1 })), { code: 'project_corrupt' });
  await assert.rejects(collect(log.scan({ fromSeq: 1, toSeq: seq })), { code: 'project_corrupt' });
  await log.close();
  await assert.rejects(openLog(disk), { code: 'project_corrupt' });
});

test('a record that is not in the chain records nothing', async () => {
  const { disk, log } = await redactedLog({ erase: false });
  await log.close();
  forge(disk);
  // The record becomes the torn tail of a crash, so that the log ends before it.
  const [header = '', redact = ''] = linesOf(disk);
  await disk.unlink(`${HOME}/${PROJECT}/head`);
  disk.put(`${HOME}/${PROJECT}.jsonl`, Buffer.from(`${header}\n${redact.slice(0, -1)}`));
  assert.ok((await findingsOf(disk)).length > 0);
  await assert.rejects(openLog(disk), { code: 'project_corrupt' });
});

test('a record that another line of the chain has replaced records nothing', async () => {
  const { disk, log } = await redactedLog({ erase: false });
  await log.close();
  forge(disk);
  const erasures = new LogErasures(disk, paths, LOG_ID);
  await erasures.load();
  assert.equal(erasures.find(ERASED_SEQ)?.by.seq, LINES + 1);
  const [header = '', redact = ''] = linesOf(disk);
  disk.put(`${HOME}/${PROJECT}.jsonl`, Buffer.from(`${header}\n${redact.replace('"reason":"r"', '"reason":"x"')}\n`));
  assert.ok((await findingsOf(disk)).length > 0);
  await assert.rejects(openLog(disk), { code: 'project_corrupt' });
});

test('an erased line is damage if the line that records it belongs to a torn tail', async () => {
  const disk = emptyDisk();
  const log = await createLog(disk);
  await appendBatches(log, [1, 2, 1]);
  const redact = { op: 'redact', actor: 'anonymous', request: 'r', body: redactBody(linesOf(disk)[ERASED_SEQ] ?? ''), format: 2 } as const;
  await log.append([draft(LINES + 1, `"${'x'.repeat(1500)}"`), redact], LINES, { beginsSegment: true });
  await log.close();
  forge(disk);
  disk.tree.remove(HEAD);
  // The line before the record has lost a sector, and the record is chained to the hash that is left of it.
  const lost = sectorIn(disk, LINES + 1);
  zero(disk, lost, lost + SECTOR);
  assert.deepEqual(await findingsOf(disk), [`p1.jsonl ${LINES + 2}: the line that records that the line of seq ${ERASED_SEQ} was erased`]);
  const before = disk.contents();
  await assert.rejects(openLog(disk), { code: 'project_corrupt', message: /records that the line of seq 2 was erased, found none/ });
  assert.deepEqual(disk.contents(), before, 'nothing is cut');
});

test('a line is not erased if it is not the one that the record names', async () => {
  const { disk, log, before } = await redactedLog({ erase: false, change: { digest: 'a'.repeat(64) } });
  const bytes = disk.bytesOf(SEALED);
  const message = /expected \d+ bytes with the SHA-256 a{64}, as the line of seq 5 says, found \d+ with [0-9a-f]{64}/;
  await assert.rejects(log.sealed?.erase(1, [ERASED_SEQ]) ?? Promise.resolve(), { code: 'project_corrupt', message });
  assert.ok(disk.bytesOf(SEALED).equals(bytes));
  assert.deepEqual(await collect(log.read({ fromSeq: 1, toSeq: LINES })), before);
  await log.close();
});

test('a line of a compressed segment is erased, and the segment stays compressed', async () => {
  const { disk, log, before } = await redactedLog({ erase: false });
  await log.sealed?.compress(1);
  await log.sealed?.erase(1, [ERASED_SEQ]);
  assert.deepEqual(log.sealed?.list().map(({ isCompressed, storedBytes }) => [isCompressed, storedBytes]), [
    [true, disk.bytesOf(`${SEALED}.gz`).length],
  ]);
  const after = await collect(log.read({ fromSeq: 1, toSeq: LINES }));
  assert.deepEqual(after.map(({ hash, body }) => [hash, body]), before.map(({ seq, hash, body }) => (
    [hash, seq === ERASED_SEQ ? '"key":"k2"' : body]
  )));
  assert.deepEqual(await findingsOf(disk), []);
  await log.close();
});

test('a log that keeps its newest lines in memory for its followers forgets them when one is to be erased', async () => {
  const disk = emptyDisk();
  const log = await createLog(disk);
  log.keepNewest(true);
  await appendBatches(log, [1, 2, 1]);
  assert.equal(log.newest({ fromSeq: 1, toSeq: LINES })?.doneSeq, LINES);
  await record(log, redactBody(linesOf(disk)[ERASED_SEQ] ?? ''));
  assert.equal(log.newest({ fromSeq: ERASED_SEQ, toSeq: LINES }), undefined);
  const scanned = (await collect(log.scan({ fromSeq: 1, toSeq: LINES }))).flatMap(({ lines }) => lines.map(({ seq }) => seq));
  assert.deepEqual(scanned, [1, 2, 3, 4]);
  await log.close();
});

test('nothing is erased of a segment that is damaged elsewhere', async () => {
  const { disk, log } = await redactedLog({ erase: false });
  const bytes = disk.bytesOf(SEALED);
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 400) ^ 1, bytes.length - 400);
  disk.put(SEALED, bytes);
  await assert.rejects(log.sealed?.erase(1, [ERASED_SEQ]) ?? Promise.resolve(), { code: 'project_corrupt' });
  assert.ok(disk.bytesOf(SEALED).equals(bytes));
  assert.equal(await disk.status(paths.erasing), undefined);
  await log.close();
});

test('a log in memory makes the same of it', async () => {
  const log = new MemoryLog({ project: PROJECT, logId: LOG_ID });
  await appendBatches(log, [1, 2, 1]);
  const [, second] = (await collect(log.scan({ fromSeq: 1, toSeq: LINES }))).flatMap(({ lines }) => lines);
  await record(log, redactBody(second?.text.toString() ?? ''));
  const lines = await collect(log.read({ fromSeq: 1 }));
  assert.deepEqual(lines.map(({ erasedBy }) => erasedBy?.seq), [undefined, LINES + 1, undefined, undefined, undefined]);
  assert.equal(lines[1]?.body, '"key":"k2"');
});

test('what erases a line is found in this log only, again in what was written since, and missed where none does', async () => {
  const { disk, log } = await redactedLog();
  const erasures = new LogErasures(disk, paths, LOG_ID);
  await erasures.require([ERASED_SEQ]);
  await appendBatches(log, [1]);
  await Promise.all([erasures.load(), erasures.load()]);
  assert.equal(erasures.find(ERASED_SEQ)?.seq, ERASED_SEQ);
  assert.equal(erasures.isGone(ERASED_SEQ), false);
  await assert.rejects(erasures.require([ERASED_SEQ, 3]), /the line of seq 3 was erased/);
  const other = new LogErasures(disk, paths, 'f'.repeat(32));
  await other.load();
  assert.equal(other.find(ERASED_SEQ), undefined);
  await log.close();
  const none = new LogErasures(emptyDisk(), paths);
  await assert.rejects(none.require([ERASED_SEQ]));
});

test('where what erases a line may be in a segment that cannot be read, that segment is what is wrong', async () => {
  const { disk, log } = await redactedLog();
  await log.close();
  const active = await disk.open(ACTIVE, 'overwrite');
  await active.overwrite(Buffer.from('not a header'), 0);
  await active.close();
  await assert.rejects(new LogErasures(disk, paths).require([ERASED_SEQ]), { name: 'LogCorruptError' });
});

test('a line that names no erased lines records none', () => {
  assert.deepEqual(erasuresIn({ seq: 3, hash: '0'.repeat(64) }, '"reason":"r"'), []);
  assert.deepEqual(goneErasuresIn('"reason":"r"'), []);
  const left = { key: 'a' };
  const lines = [
    { seq: 1, digest: null, bytes: null, left }, { seq: 2, digest: 'd', bytes: null, left }, { seq: 3, digest: 'd', bytes: 9, left },
  ];
  const body = `"reason":"r","lines":${JSON.stringify(lines)}`;
  assert.deepEqual(erasuresIn({ seq: 3, hash: '0'.repeat(64) }, body), []);
  assert.deepEqual(goneErasuresIn(body), [1]);
});

test.run();
