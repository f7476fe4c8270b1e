/** Damage that is met where lines are read from the middle of a segment: where it is, and what is missing there. */
import assert from 'node:assert/strict';
import { type PlacedText, SegmentLines } from '../../../../src/log/file/reading/segment-lines.js';
import { LogCorruptError } from '../../../../src/log/log-errors.js';
import { suite } from '../../../suite.js';
import { sealActive } from '../damage-table.js';
import { ACTIVE, diskWith, linesOf } from '../log-fixture.js';

const test = suite('log/file/reading/segment-lines');

const LINES = 5;

interface Met {
  /** Seqs of the lines before the damage, in the order in which they came. */
  readonly seqs: readonly number[];
  readonly error: LogCorruptError;
}

/** The header and the lines of a segment, each with its line feed. */
async function segment(): Promise<string[]> {
  return linesOf(await diskWith([LINES])).map((line) => `${line}\n`);
}

/** A segment that is to have five lines, whatever its file holds. */
function placed(file: string, sizeBytes = Buffer.byteLength(file)): PlacedText {
  const bytes = Buffer.from(file);
  const erasures = { find: () => undefined, load: () => Promise.resolve() };
  const read = (into: Buffer, offset: number): Promise<number> => Promise.resolve(bytes.copy(into, 0, Math.min(offset, bytes.length)));
  return { firstSeq: 1, lastSeq: LINES, sizeBytes, shownName: 'p1.jsonl', erasures, read };
}

async function meet(
  text: PlacedText, fromSeq: number, { wanted, isNewestFirst }: { readonly wanted?: string; readonly isNewestFirst?: boolean } = {},
): Promise<Met> {
  const lines = new SegmentLines(text, { fromSeq, toSeq: LINES, ...(wanted !== undefined && { wanted: [Buffer.from(wanted)] }) });
  const seqs: number[] = [];
  try {
    for await (const block of isNewestFirst ? lines.backwards(fromSeq, LINES) : lines.forwards(fromSeq, LINES)) {
      seqs.push(...block.lines.map(({ seq }) => seq));
    }
  } catch (error) {
    assert.ok(error instanceof LogCorruptError, String(error));
    return { seqs, error };
  }
  return assert.fail('no damage was found');
}

function assertDamage({ error }: Met, offset: number, says: RegExp): void {
  assert.deepEqual([error.finding.file, error.finding.offset], ['p1.jsonl', offset]);
  assert.match(error.message, says);
}

test('lines that are missing at the end are missed where the file ends, after those that are there', async () => {
  const file = (await segment()).slice(0, 4).join('');
  const met = await meet(placed(file), 1);
  assert.deepEqual(met.seqs, [1, 2, 3]);
  assertDamage(met, file.length, /expected a line, found 0 bytes/);
});

test('a line that is missing at the beginning is missed there by a search that comes from the end', async () => {
  const [header = '', , ...others] = await segment();
  const met = await meet(placed([header, ...others].join('')), 1, { wanted: '"k3"', isNewestFirst: true });
  assert.deepEqual(met.seqs, [3]);
  assertDamage(met, header.length, /expected a line, found 0 bytes/);
});

test('a line that is sought beyond the last one is missed, whether that one has its line feed or not', async () => {
  const lines = await segment();
  const whole = lines.slice(0, 4).join('');
  assertDamage(await meet(placed(whole), 5), whole.length, /expected the line of seq 4, found other bytes or the end of the file/);
  const torn = whole + (lines[4] ?? '').slice(0, -40);
  assertDamage(await meet(placed(torn), 5), torn.length, /expected the line of seq 5, found other bytes or the end of the file/);
});

test('a file that is shorter than its segment is damaged where it ends', async () => {
  const file = (await segment()).join('');
  assertDamage(await meet(placed(file.slice(0, -100), file.length), 1), file.length - 100, /expected \d+ bytes, found \d+ bytes/);
});

test('bytes that are no line are found before a seal, although no wanted line is among them', async () => {
  const disk = await diskWith([LINES]);
  sealActive(disk);
  const file = disk.bytesOf(ACTIVE).toString();
  const first = file.indexOf('{"seq":2,');
  const text = `${file.slice(0, first)}no line\n${file.slice(file.indexOf('{"seal"'))}`;
  const met = await meet(placed(text), 1, { wanted: '"k1"' });
  assert.deepEqual(met.seqs, [1]);
  assert.match(met.error.message, /expected a line that ends with its hash, found other bytes/);
});

test.run();
