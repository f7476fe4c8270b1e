import { LINE_BYTES_MAX } from '../../../../src/log/log.js';
import assert from 'node:assert/strict';
import { readRecords } from '../../../../src/log/file/segment/read-text.js';
import { suite } from '../../../suite.js';
import { emptyDisk, HOME } from '../log-fixture.js';

const test = suite('readRecords');

async function records(text: string | Buffer, from = 0, to?: number): Promise<{ offset: number; bytes: Buffer; terminated: boolean }[]> {
  const disk = emptyDisk();
  disk.put(`${HOME}/a`, text);
  const file = await disk.open(`${HOME}/a`, 'read');
  const found = [];
  for await (const group of readRecords(file, from, to ?? Buffer.byteLength(text))) {
    // The bytes are valid only until the next group.
    found.push(...group.map(({ bytes, ...record }) => ({ ...record, bytes: Buffer.from(bytes) })));
  }
  return found;
}

test('a file is split at its line feeds; the bytes after the last one are not terminated', async () => {
  const found = (await records('a\n\nbc\nd')).map(({ offset, bytes, terminated }) => [offset, bytes.toString(), terminated]);
  assert.deepEqual(found, [[0, 'a', true], [2, '', true], [3, 'bc', true], [6, 'd', false]]);
  assert.deepEqual(await records(''), []);
});

test('only the range is read, and a range beyond the file ends with it', async () => {
  assert.deepEqual((await records('a\nbc\nde\n', 2, 6)).map(({ offset, bytes }) => [offset, bytes.toString()]), [[2, 'bc'], [5, 'd']]);
  assert.equal((await records('a\nb\n', 0, 100)).length, 2);
  await assert.rejects(records('a\n', 2, 1), { name: 'InvariantError' });
});

test('records longer than one piece are returned whole', async () => {
  const lines = [3_000_000, 1, 1_048_576, 1_048_575, 0, 500].map((length, index) => String(index).repeat(length));
  const found = await records(lines.map((line) => `${line}\n`).join(''));
  assert.deepEqual(found.map(({ bytes }) => bytes.length), lines.map((line) => line.length));
  found.forEach(({ bytes }, index) => assert.ok(bytes.equals(Buffer.from(lines[index] ?? ''))));
});

test('a record longer than any line ends the reading unterminated', async () => {
  const found = await records(Buffer.concat([Buffer.from('a\n'), Buffer.alloc(LINE_BYTES_MAX + 3_000_000, 'x'), Buffer.from('\nb\n')]));
  assert.deepEqual(found.map(({ offset, terminated }) => [offset, terminated]), [[0, true], [2, false]]);
});

test.run();
