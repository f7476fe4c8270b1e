import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readLimited } from '../../src/base/read-limited.js';
import { suite } from '../suite.js';

const test = suite('read-limited');

test('a file is read up to its limit, and not beyond', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'simplekv-read-'));
  try {
    const file = path.join(folder, 'file');
    writeFileSync(file, 'schlüssel');
    assert.equal((await readLimited(file, 10))?.toString(), 'schlüssel');
    assert.equal(await readLimited(file, 9), undefined);
    await assert.rejects(readLimited(path.join(folder, 'missing'), 10), { code: 'ENOENT' });
    await assert.rejects(readLimited(folder, 10), { code: 'EISDIR' });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a device without an end is not read to its end', async () => {
  assert.equal(await readLimited('/dev/zero', 1_000_000), undefined);
});

test.run();
