/** Lines of bytes that come in pieces. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { linesOf } from '../../src/cli/lines-of.js';
import { suite } from '../suite.js';

const test = suite('cli/lines-of');

async function* bytesOf(pieces: readonly string[]): AsyncGenerator<Buffer> {
  for (const piece of pieces) yield Buffer.from(piece);
}

async function collect(pieces: readonly string[]): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const line of linesOf(bytesOf(pieces))) lines.push(line.toString());
  return lines;
}

test('lines do not depend on the pieces', async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.stringMatching(/^[a\u2028\r\n]{0,9}$/)), async (pieces) => {
    const whole = pieces.join('').split('\n');
    if (whole.at(-1) === '') whole.pop();
    assert.deepEqual(await collect(pieces), whole);
  }), { numRuns: 200 });
});

test('a line that is not complete is shown to the check, with its number', async () => {
  const seen: [number, number][] = [];
  const lines = linesOf(bytesOf(['a\nbc', 'de', '\nf\n']), (line, bytes) => void seen.push([line, bytes]));
  while ((await lines.next()).done !== true);
  assert.deepEqual(seen, [[2, 2], [2, 4], [4, 0]]);
});

test.run();
