/** A file of lines that others rotate, and that a crash may cut off. */
import assert from 'node:assert/strict';
import { ShortWriteError } from '../../src/disk/disk.js';
import { LineFile } from '../../src/disk/line-file.js';
import { suite } from '../suite.js';
import { FaultDisk } from './fault-disk.js';

const test = suite('line-file');
const PATH = '/audit/lines.jsonl';

function emptyDisk(): FaultDisk {
  const disk = new FaultDisk();
  disk.tree.makeFolder('/audit');
  disk.tree.syncAll();
  return disk;
}

const contentOf = (disk: FaultDisk): string => disk.bytesOf(PATH).toString();

async function fromEnd(disk: FaultDisk, bytesMax?: number): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of new LineFile(disk, PATH).linesFromEnd(bytesMax)) lines.push(line);
  return lines;
}

test('lines are appended with one write and one sync, to a file that is made if it is missing', async () => {
  const disk = emptyDisk();
  const file = new LineFile(disk, PATH);
  for (const lines of ['a\nb\n', 'c\n']) {
    const before = disk.calls.length;
    await file.append(lines);
    const made = disk.calls.slice(before).map(({ method }) => method);
    assert.deepEqual(made.filter((method) => method === 'append' || method === 'datasync'), ['append', 'datasync']);
  }
  assert.equal(contentOf(disk), 'a\nb\nc\n');
  assert.deepEqual(disk.openPaths, []);
  assert.equal(disk.crash({ content: 'synced', size: 'synced', names: 'synced' }).bytesOf(PATH).toString(), 'a\nb\nc\n');
});

test('a file that vanished is made anew', async () => {
  const disk = emptyDisk();
  const file = new LineFile(disk, PATH);
  await file.append('a\n');
  await disk.rename(PATH, '/audit/old');
  await file.append('b\n');
  assert.equal(contentOf(disk), 'b\n');
});

test('a line does not continue one that was cut off', async () => {
  for (const [before, after] of [['a\nb', 'a\nb\nc\n'], ['a\n', 'a\nc\n'], ['', 'c\n'], ['b', 'b\nc\n']] as const) {
    const disk = emptyDisk();
    disk.put(PATH, before);
    await new LineFile(disk, PATH).append('c\n');
    assert.equal(contentOf(disk), after);
  }
});

test('what cannot be written rejects, and leaves nothing open', async () => {
  for (const [fault, expected] of [
    [{ method: 'open', action: { kind: 'errno', code: 'EACCES' } }, /EACCES/],
    [{ method: 'append', action: { kind: 'short', bytes: 2 } }, ShortWriteError],
    [{ method: 'append', action: { kind: 'torn', bytes: 2, code: 'ENOSPC' } }, /ENOSPC/],
    [{ method: 'datasync', action: { kind: 'errno', code: 'EIO' } }, /EIO/],
  ] as const) {
    for (const content of [undefined, 'a\n']) {
      const disk = emptyDisk();
      if (content !== undefined) disk.put(PATH, content);
      disk.fail(fault);
      await assert.rejects(new LineFile(disk, PATH).append('bcd\n'), expected);
      assert.deepEqual(disk.openPaths, []);
    }
  }
  await assert.rejects(new LineFile(new FaultDisk(), PATH).append('a\n'), /ENOENT/);
});

test('lines are read from the last to the first, without one that was cut off', async () => {
  const disk = emptyDisk();
  assert.deepEqual(await fromEnd(disk), []);
  for (const [content, lines] of [
    ['', []], ['a', []], ['a\n', ['a']], ['a\nb\n', ['b', 'a']], ['a\nbc\nd', ['bc', 'a']], ['\na\n\n', ['', 'a', '']],
  ] as const) {
    disk.put(PATH, content);
    assert.deepEqual(await fromEnd(disk), lines, JSON.stringify(content));
  }
  assert.deepEqual(disk.openPaths, []);
});

test('lines are whole wherever a block begins, and a limit gives whole lines only', async () => {
  const disk = emptyDisk();
  const lines = Array.from({ length: 30_000 }, (_, index) => `${index} ${'é'.repeat(index % 90)}`);
  disk.put(PATH, `${lines.join('\n')}\n`);
  assert.ok(disk.bytesOf(PATH).length > 2_500_000, 'several blocks');
  const reversed = lines.toReversed();
  assert.deepEqual(await fromEnd(disk), reversed);
  const limited = await fromEnd(disk, 1_200_000);
  assert.ok(limited.length > 1000 && limited.length < lines.length);
  assert.deepEqual(limited, reversed.slice(0, limited.length));
});

test('a reader that stops early leaves nothing open', async () => {
  const disk = emptyDisk();
  disk.put(PATH, 'a\nb\n');
  for await (const line of new LineFile(disk, PATH).linesFromEnd()) {
    assert.equal(line, 'b');
    break;
  }
  assert.deepEqual(disk.openPaths, []);
});

test.run();
