import assert from 'node:assert/strict';
import { encodeBatch } from '../../src/log/batch-encoder.js';
import { decodeLines } from '../../src/log/decode-lines.js';
import type { EventLine, ScanRange } from '../../src/log/event-lines.js';
import { genesisHash } from '../../src/log/line-format.js';
import type { LogPosition } from '../../src/log/log.js';
import { NewestLines } from '../../src/log/newest-lines.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';
import { draft, LOG_ID, PROJECT } from './file/log-fixture.js';

const test = suite('NewestLines');
const TIME_MS = 1_795_341_600_000;

/** Kept lines, beside all lines that were ever added, as a reader of the file would decode them. */
class Subject {
  readonly kept: NewestLines;
  readonly all: EventLine[] = [];
  #end: LogPosition = { seq: 0, hash: genesisHash(PROJECT, LOG_ID) };

  constructor(bytesMax: number) {
    this.kept = new NewestLines(bytesMax, 0);
  }

  /** Adds a batch with values of these lengths. */
  add(lengths: readonly number[]): void {
    const from = this.#end.seq + 1;
    const drafts = lengths.map((length, index) => draft(from + index, `"${'x'.repeat(length)}"`));
    const batch = encodeBatch(drafts, { ...this.#end, durable: this.#end.seq }, TIME_MS + from, { segment: 1, offset: 0 });
    const bytes = Buffer.from(batch.text);
    this.kept.add(batch, bytes, this.#end.hash);
    const decoded = decodeLines({ bytes: Buffer.from(batch.text), previousHash: this.#end.hash }, from);
    assert.ok('lines' in decoded);
    this.all.push(...decoded.lines);
    // What is kept does not depend on the buffer of the batch.
    bytes.fill(0);
    this.#end = batch.end;
  }

  async scanned(range: ScanRange): Promise<readonly EventLine[]> {
    const found: EventLine[] = [];
    for await (const { lines } of this.kept.scan(range)) found.push(...lines);
    return found;
  }
}

test('whatever lengths the lines have, those within the limit are kept, each as it was written', async () => {
  const length = fc.oneof({ weight: 9, arbitrary: fc.nat(3000) }, { weight: 1, arbitrary: fc.nat(150_000) });
  const batches = fc.array(fc.array(length, { minLength: 1, maxLength: 30 }), { minLength: 1, maxLength: 12 });
  await fc.assert(fc.asyncProperty(batches, fc.integer({ min: 100, max: 400_000 }), fc.nat(), async (lengths, bytesMax, pick) => {
    const filled = new Subject(bytesMax);
    for (const batch of lengths) filled.add(batch);
    const size = (lines: readonly EventLine[]): number => lines.reduce((sum, { text }) => sum + text.length + 1, 0);
    const { firstSeq } = filled.kept;
    const expected = filled.all.slice(firstSeq - 1);
    assert.ok(size(expected) <= bytesMax);
    assert.ok(firstSeq === 1 || size(filled.all.slice(firstSeq - 2)) > bytesMax, 'none is dropped before its time');
    if (expected.length === 0) return;
    const toSeq = filled.all.length;
    const fromSeq = firstSeq + pick % expected.length;
    const range = { fromSeq, toSeq };
    assert.deepEqual(await filled.scanned(range), filled.all.slice(fromSeq - 1));
    assert.deepEqual(await filled.scanned({ ...range, isNewestFirst: true }), filled.all.slice(fromSeq - 1).reverse());
    const wanted = [Buffer.from('x'.repeat(1500)), Buffer.from(`"key":"k${toSeq}"`)];
    const matching = filled.all.slice(fromSeq - 1).filter(({ text }) => wanted.some((bytes) => text.includes(bytes)));
    assert.deepEqual(await filled.scanned({ ...range, wanted }), matching);
    assert.deepEqual(await filled.scanned({ ...range, wanted, isNewestFirst: true }), matching.reverse());
    assert.deepEqual(filled.kept.get(fromSeq), filled.all[fromSeq - 1]);
  }));
});

test('a reader keeps its lines although their memory is used for others', () => {
  const subject = new Subject(200_000);
  const batch = Array.from({ length: 40 }, () => 300);
  const add = (times: number): void => {
    for (let count = 0; count < times; count += 1) subject.add(batch);
  };
  add(20);
  const range = { fromSeq: 701, toSeq: 740 };
  const block = subject.kept.block(range);
  const filtered = subject.kept.block({ ...range, wanted: [Buffer.from('"key":"k707"')] });
  add(30);
  assert.ok(!subject.kept.has(740), 'they were dropped long ago');
  assert.deepEqual(block.lines, subject.all.slice(700, 740));
  assert.deepEqual(filtered.lines, subject.all.slice(706, 707));
});

test('an erased line stays among the others, and goes with them', async () => {
  const subject = new Subject(100_000);
  subject.add([300, 300, 300]);
  const { bodyStart, bodyEnd } = subject.kept.get(2);
  const [sizeBytes, left] = [bodyEnd - bodyStart + 33, '"key":"k2"'];
  assert.ok(subject.kept.erase({ seq: 2, by: { seq: 3, hash: 'a'.repeat(64) }, digest: 'b'.repeat(64), sizeBytes, left }));
  const [first, erased, last] = await subject.scanned({ fromSeq: 1, toSeq: 3 });
  assert.deepEqual([first, last], [subject.all[0], subject.all[2]]);
  assert.deepEqual({ ...erased, text: undefined }, { ...subject.all[1], text: undefined, left });
  assert.match(erased?.text.toString() ?? '', /"durable":0,"erased":true +,"hash":"[0-9a-f]{64}"\}$/);
  assert.deepEqual(subject.kept.get(2), erased);
  for (let count = 0; count < 30; count += 1) subject.add([3000, 3000]);
  assert.equal(subject.kept.erase({ seq: 2, by: { seq: 3, hash: '' }, digest: '', sizeBytes, left }), false);
  assert.throws(() => subject.kept.get(2), { name: 'LinesDroppedError' });
});

test.run();
