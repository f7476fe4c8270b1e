/** docs/snapshot-format.md against the code: the example is a generation, the snippet checks it, the tables are those of the code. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { NodeDisk } from '../../src/disk/node-disk.js';
import { keyTerm } from '../../src/projections/key-sum.js';
import { checksumOfKeys } from '../../src/events/keys-checksum.js';
import type { RememberedRequest } from '../../src/projections/requests/request-records.js';
import { RequestWindow } from '../../src/projections/requests/request-window.js';
import { VALUE_BYTES_MAX } from '../../src/projections/snapshot/json-layout.js';
import { decodeIndexLines, encodeIndexLine } from '../../src/projections/snapshot/index-format.js';
import { encodeManifest } from '../../src/projections/snapshot/manifest-format.js';
import { SnapshotFolder } from '../../src/projections/snapshot/snapshot-folder.js';
import { parseSnapshotName } from '../../src/projections/snapshot/snapshot-names.js';
import type { SnapshotEntry } from '../../src/projections/snapshot/snapshot.js';
import { withFolder } from '../disk/temporary-folder.js';
import { flatten, manifestOf } from '../projections/snapshot/snapshot-fixture.js';
import { suite } from '../suite.js';
import { readDocument } from './documents.js';
import { hasCommands } from './shell-session.js';

const test = suite('docs/snapshot-format.md');
const document = readDocument('docs/snapshot-format.md');

const PROJECT = 'first_project';
const NAME = 'snap-00000000000000000005';
const PARTS = ['json', 'index', 'requests', 'manifest'] as const;
const INFO = { json: 'json example', index: 'json index', requests: 'json requests', manifest: 'json manifest' } as const;
const SHELL_TIMEOUT_MS = 60_000;
const hasShell = hasCommands(['sha256sum', 'sed', 'gzip', 'od', 'awk']);

/** The content of a fenced block by what follows its fence. */
function block(info: string): string {
  const start = document.indexOf(`\`\`\`${info}\n`);
  assert.ok(start >= 0, `there is a block ${info}`);
  const from = start + info.length + 4;
  return document.slice(from, document.indexOf('```', from));
}

/** The first cells of the table under a heading that begins so. */
function firstCells(heading: string): string[] {
  const lines = document.split('\n');
  const start = lines.findIndex((line) => line.startsWith(`| ${heading} |`));
  assert.ok(start >= 0, `there is a table ${heading}`);
  const rows = lines.slice(start + 2);
  return rows.slice(0, rows.findIndex((line) => !line.startsWith('|'))).map((row) => (row.split('|')[1] ?? '').trim());
}

function snapshotsIn(folder: string): SnapshotFolder {
  return new SnapshotFolder({ disk: new NodeDisk(), folder: path.join(folder, PROJECT), readable: path.join(folder, `${PROJECT}.json`) });
}

/** Writes the example's files and returns the path of the generation without its extension. */
async function writeExample(folder: string): Promise<string> {
  await new NodeDisk().makeFolder(path.join(folder, PROJECT));
  const generation = path.join(folder, PROJECT, NAME);
  for (const part of PARTS) await writeFile(`${generation}.${part}`, block(INFO[part]));
  return generation;
}

function runCheck(generation: string): { readonly status: number | null; readonly output: string } {
  const command = ['-c', block('sh check'), 'check', generation];
  const { status, stdout, stderr } = spawnSync('sh', command, { encoding: 'utf8', timeout: SHELL_TIMEOUT_MS });
  return { status, output: stdout + stderr };
}

test('the program reads the example, and writes the same bytes', async () => {
  await withFolder(async (folder) => {
    const generation = await writeExample(folder);
    const snapshots = snapshotsIn(folder);
    const [manifest] = (await snapshots.list()).committed;
    assert.ok(manifest);
    const entries = await flatten<SnapshotEntry>(snapshots.readEntries(manifest));
    const read = entries.map(({ key, value, seq, tag }) => [key, value, seq, tag]);
    assert.deepEqual(read, [['user/1', '{"name":"Zoë","n":1.0}', 2, 0xb2203b83], ['visits', '41', 5, 0x7d3c1f0a]]);
    const requests = await flatten<RememberedRequest>(snapshots.readRequests(manifest));
    assert.deepEqual(requests.map(({ key, seq, checksum }) => [key, seq, checksum]), [['order-4711', 2, checksumOfKeys(['user/1'])]]);
    const window = new RequestWindow();
    for (const request of requests) window.add(request);
    await snapshots.remove(5);
    const writer = await snapshots.begin(5);
    await writer.addAll(entries);
    const { digest: _, ...said } = manifest;
    const data = await writer.finish();
    await snapshots.commit({ ...said, ...data, requests: await snapshots.writeRequests(5, window.save(manifest.timeMs)) });
    await snapshots.readable.write(manifest);
    for (const part of PARTS) assert.equal(await readFile(`${generation}.${part}`, 'utf8'), block(INFO[part]), part);
    assert.equal(await readFile(path.join(folder, `${PROJECT}.json`), 'utf8'), block(INFO.json));
  });
});

/** Writes the example as a generation of format 1. */
async function writeOldExample(folder: string): Promise<string> {
  const generation = await writeExample(folder);
  const { createHash } = await import('node:crypto');
  const sha256 = createHash('sha256').update(block('json index-1')).digest('hex');
  const [manifest] = (await snapshotsIn(folder).list()).committed;
  assert.ok(manifest);
  const index = { sizeBytes: block('json index-1').length, sha256 };
  await writeFile(`${generation}.index`, block('json index-1'));
  await writeFile(`${generation}.manifest`, encodeManifest({ ...manifest, format: 1, index }).text);
  return generation;
}

test('the program and the snippet read the example in format 1, with the digits of the log id for the tags', async () => {
  await withFolder(async (folder) => {
    const generation = await writeOldExample(folder);
    const snapshots = snapshotsIn(folder);
    const [manifest] = (await snapshots.list()).committed;
    assert.ok(manifest?.format === 1);
    const entries = await flatten<SnapshotEntry>(snapshots.readEntries(manifest));
    assert.deepEqual(entries.map(({ key, tag }) => [key, tag]), [['user/1', 0x00112233], ['visits', 0x00112233]]);
    if (hasShell) assert.deepEqual(runCheck(generation), { status: 0, output: 'ok\n' });
  });
});

test('the line with an expiry is what the program writes, and adds to the sum what the text says', () => {
  const line = block('json expiring');
  const [key, seq, , , , , , expiresAtMs] = JSON.parse(line) as [string, number, ...unknown[]];
  const expiry = Buffer.alloc(8);
  expiry.writeBigInt64BE(BigInt(expiresAtMs as number));
  const term = (BigInt(crc32(expiry, crc32(key, seq % 2 ** 32))) * BigInt((seq % 1_048_575) + 1)) % 2n ** 52n;
  assert.ok(document.includes(`adds ${term.toLocaleString('en-US')}`));
  assert.equal(term, BigInt(keyTerm(key, seq, expiresAtMs as number)));
  const decoded = decodeIndexLines(Buffer.from(line), { format: 2, commonTag: 0 });
  assert.ok(!('faultOffset' in decoded));
  assert.deepEqual(decoded.map(({ entry }) => [entry.expiresAtMs, encodeIndexLine(entry)]), [[expiresAtMs, line]]);
});

test('the snippet accepts the example, and keys and values that could confuse it', async () => {
  if (!hasShell) return;
  await withFolder(async (folder) => {
    assert.deepEqual(runCheck(await writeExample(folder)), { status: 0, output: 'ok\n' });
    const snapshots = snapshotsIn(folder);
    const writer = await snapshots.begin(7);
    const keys = ['', ' * ', '"],1,2,3,"', '$(x)\\', '{"n":1}', 'é\u2028', '\u{10000}'];
    for (const [index, key] of keys.entries()) {
      const version = { seq: index + 1, tag: index, timeMs: -5, expiresAtMs: index % 2 === 0 ? null : 1_795_345_200_000 + index };
      await writer.add({ key, value: `["${'x'.repeat(index * 900)}",1,2]`, ...version });
    }
    await snapshots.commit(manifestOf(await writer.finish(), 7));
    assert.deepEqual(runCheck(path.join(folder, PROJECT, 'snap-00000000000000000007')), { status: 0, output: 'ok\n' });
  });
});

test('the snippet finds a change in each file', async () => {
  if (!hasShell) return;
  await withFolder(async (folder) => {
    const changes: readonly (readonly [(typeof PARTS)[number], string, string])[] = [
      ['json', 'Zoë', 'Zoe'], ['json', '41', '42'], ['json', 'user', 'usar'], ['index', '",2,', '",3,'], ['index', '9227', '9228'],
      ['requests', 'order-4711', 'order-4712'],
      ['manifest', '"seq":5', '"seq":6'], ['manifest', '"key_count":2', '"key_count":3'], ['json', '}\n', '}'],
    ];
    for (const [part, from, to] of changes) {
      const generation = await writeExample(folder);
      assert.ok(block(INFO[part]).includes(from), from);
      await writeFile(`${generation}.${part}`, block(INFO[part]).replace(from, to));
      const { status, output } = runCheck(generation);
      assert.deepEqual([status, output], [1, `wrong: ${part}\n`], `${from} → ${to}`);
    }
  });
});

test('the snippet checks each value at its offset, even if the digests match', async () => {
  if (!hasShell) return;
  await withFolder(async (folder) => {
    const generation = await writeExample(folder);
    const index = block(INFO.index).replace('ab2de132', 'ab2de133');
    const { createHash } = await import('node:crypto');
    const sha256 = createHash('sha256').update(index).digest('hex');
    const [manifest] = (await snapshotsIn(folder).list()).committed;
    assert.ok(manifest);
    await writeFile(`${generation}.index`, index);
    await writeFile(`${generation}.manifest`, encodeManifest({ ...manifest, index: { ...manifest.index, sha256 } }).text);
    const { status, output } = runCheck(generation);
    assert.equal(status, 1);
    assert.match(output, /^wrong: \["visits",5,/);
  });
});

test('the table of members has those of a manifest, in their order', () => {
  const members = Object.keys(JSON.parse(block(INFO.manifest)) as object);
  assert.deepEqual(firstCells('member').map((cell) => cell.replaceAll('`', '')), members);
});

test('the table of the index has a row for each element of a line', () => {
  const [line = ''] = block(INFO.index).split('\n');
  assert.deepEqual(firstCells('index').map(Number), (JSON.parse(line) as unknown[]).map((_, index) => index));
});

test('the table of the requests has a row for each element of a line', () => {
  const [line = ''] = block(INFO.requests).split('\n');
  assert.deepEqual(firstCells('place').map(Number), (JSON.parse(line) as unknown[]).map((_, index) => index));
});

test('the program uses the names in the table', () => {
  const names = firstCells('name').flatMap((cell) => [...cell.matchAll(/`<project>\/([^`]+)`/g)].map(([, name = '']) => name));
  const parts = names.map((name) => parseSnapshotName(name.replace('<S>', '5'.padStart(20, '0')).replace('<n>', '3'))?.part);
  assert.deepEqual(parts, [
    'json', 'index', 'requests', 'manifest', 'manifest-new', 'copy-new', 'json-erased', 'index-erased', 'manifest-erased', 'run-3',
  ]);
});

test('limits are those of the program', () => {
  assert.ok(document.includes(VALUE_BYTES_MAX.toLocaleString('en-US')));
});

test.run();
