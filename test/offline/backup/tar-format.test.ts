/** The headers of a tar archive: sizes of any length, and no bit that may differ. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { decodeTarHeader, encodeTarHeader, paddingAfter, TAR_BLOCK_BYTES } from '../../../src/offline/backup/tar-format.js';
import { hasCommands } from '../../docs/shell-session.js';
import { suite } from '../../suite.js';

const test = suite('tar-format');
const GIBIBYTE = 1_073_741_824;
const TIME_MS = Date.UTC(2026, 10, 22, 10);
const NAME = `${'p'.repeat(63)}/snap-00000000000000000001.manifest`;

test('a header has any name of a project and any size, and is decoded to the same', () => {
  for (const sizeBytes of [0, TAR_BLOCK_BYTES, 8 * GIBIBYTE - 1, 8 * GIBIBYTE, 20 * GIBIBYTE + 7, 2 ** 40 + 1, Number.MAX_SAFE_INTEGER]) {
    const file = { name: NAME, sizeBytes, timeMs: TIME_MS };
    const header = encodeTarHeader(file);
    assert.equal(header.length, TAR_BLOCK_BYTES);
    assert.deepEqual(decodeTarHeader(header), file);
  }
  assert.throws(() => encodeTarHeader({ name: `${NAME}${NAME}`, sizeBytes: 1, timeMs: TIME_MS }), { name: 'InvariantError' });
});

test('no bit of a header may differ', () => {
  for (const sizeBytes of [5, 9 * GIBIBYTE]) {
    const header = encodeTarHeader({ name: 'shop.jsonl', sizeBytes, timeMs: TIME_MS });
    for (let bit = 0; bit < header.length * 8; bit += 1) {
      const changed = Buffer.from(header);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      const decoded = decodeTarHeader(changed);
      assert.ok(decoded === undefined, `bit ${bit}: ${JSON.stringify(decoded)}`);
    }
  }
});

test('a content is filled up to a whole block', () => {
  assert.deepEqual([0, 1, 511, 512, 513, 9 * GIBIBYTE].map(paddingAfter), [0, 511, 1, 0, 511, 0]);
});

if (hasCommands(['tar'])) {
  test('tar lists a file of more than 8 GiB, and the file after it', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'simplekv-tar-'));
    try {
      const archive = path.join(folder, 'a.tar');
      const sizeBytes = 9 * GIBIBYTE + 5;
      const header = encodeTarHeader({ name: 'big', sizeBytes, timeMs: TIME_MS });
      writeFileSync(archive, header);
      // A hole takes no space.
      truncateSync(archive, header.length + sizeBytes + paddingAfter(sizeBytes));
      writeFileSync(archive, encodeTarHeader({ name: 'small', sizeBytes: 0, timeMs: TIME_MS }), { flag: 'a' });
      const { stdout, stderr, status } = spawnSync('tar', ['-tvf', archive], { encoding: 'utf8' });
      assert.equal(status, 0, stderr);
      assert.match(stdout, new RegExp(`0/0 +${sizeBytes} .* big\n.* 0 .* small\n`));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

test.run();
