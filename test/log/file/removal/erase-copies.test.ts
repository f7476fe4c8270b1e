import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { NodeDisk } from '../../../../src/disk/node-disk.js';
import { LogPaths } from '../../../../src/log/file/log-paths.js';
import { eraseCopies } from '../../../../src/log/file/removal/erase-copies.js';
import { suite } from '../../../suite.js';

const test = suite('erase-copies');

const ID = 'ab'.repeat(16);
const TIME = '20261122T100000Z';

async function withHome(body: (home: string) => Promise<void>): Promise<void> {
  const home = await mkdtemp(path.join(tmpdir(), 'simplekv-copies-'));
  try {
    await body(home);
  } finally {
    await rm(home, { recursive: true });
  }
}

/** Makes files, with the folders that they are in. */
async function make(home: string, ...names: readonly string[]): Promise<void> {
  for (const name of names) {
    await mkdir(path.dirname(path.join(home, name)), { recursive: true });
    await writeFile(path.join(home, name), 'secret');
  }
}

async function filesIn(home: string): Promise<readonly string[]> {
  const found = await readdir(home, { recursive: true, withFileTypes: true });
  return found.filter((entry) => entry.isFile()).map((entry) => path.relative(home, path.join(entry.parentPath, entry.name))).sort();
}

test('torn tails, earlier logs and what complete repairs moved away are erased, and nothing else', () => withHome(async (home) => {
  const others = [
    `_left/p-2-${ID}/p-2.jsonl`, `_left/pq-${ID}/pq.jsonl`, '_left/p-short/p.jsonl', `_repair/p2-${TIME}/old/p2.jsonl`, 'p.jsonl',
    'p/00000000000000000001.jsonl', `_repair/p-${TIME}/finished.json`, 'p2/torn-7-100-1',
  ];
  await make(home, ...others, 'p/torn-7-100-1', 'p/torn-9-20-1', `_left/p-${ID}/p.jsonl`, `_left/p-${ID}/p/head`);
  await make(home, `_repair/p-${TIME}/old/p/1.jsonl`);
  assert.deepEqual(await eraseCopies(new NodeDisk(), new LogPaths(home, 'p')), []);
  assert.deepEqual(await filesIn(home), [...others].sort());
}));

test('a repair that is not complete stays, and is named', () => withHome(async (home) => {
  await make(home, `_repair/p-${TIME}-2/old/p.jsonl`, 'p/head');
  assert.deepEqual(await eraseCopies(new NodeDisk(), new LogPaths(home, 'p')), [`_repair/p-${TIME}-2`]);
  assert.deepEqual(await filesIn(home), [`_repair/p-${TIME}-2/old/p.jsonl`, 'p/head']);
}));

test('without any copy there is nothing to do', () => withHome(async (home) => {
  await make(home, 'p/head');
  assert.deepEqual(await eraseCopies(new NodeDisk(), new LogPaths(home, 'p')), []);
}));

test.run();
