/** Flips every bit of a small generation and cuts its files at every byte: each change is refused, and no changed value is returned. */
import assert from 'node:assert/strict';
import { SnapshotCorruptError } from '../../../src/projections/snapshot/snapshot-errors.js';
import type { FaultDisk } from '../../disk/fault-disk.js';
import { suite } from '../../suite.js';
import { commitEntries, emptyDisk, entriesOf, flatten, FOLDER, folderOn, isRefusal, type PlainEntry } from './snapshot-fixture.js';

const TIMEOUT_MS = 120_000;
const BITS = 8;
const ENTRIES: readonly PlainEntry[] = [['a', '1.0', 3], ['b', '{"t":"Zoë"}', 7], ['é"', 'null', 9]];
const NAMES = ['json', 'index', 'manifest'].map((part) => `snap-00000000000000000009.${part}`);

const test = suite('every bit and every byte of a snapshot');

/** The entries of a generation, or the errors of the two ways to read it. */
interface Reading {
  readonly given: readonly PlainEntry[];
  readonly fault?: unknown;
  readonly keysFault?: unknown;
}

async function readAll(disk: FaultDisk): Promise<Reading> {
  const { committed, unreadable } = await folderOn(disk).list();
  const [manifest] = committed;
  if (manifest === undefined) return { given: [], fault: unreadable[0]?.error, keysFault: unreadable[0]?.error };
  const given: PlainEntry[] = [];
  let keysFault: unknown;
  try {
    await flatten(folderOn(disk).readIndex(manifest));
  } catch (error) {
    keysFault = error;
  }
  try {
    const groups = folderOn(disk).readEntries(manifest);
    for await (const group of groups) given.push(...group.map(({ key, value, seq }) => [key, value, seq] as const));
    return { given, keysFault };
  } catch (fault) {
    return { given, fault, keysFault };
  }
}

async function refuses(disk: FaultDisk, name: string, label: string): Promise<SnapshotCorruptError | undefined> {
  const { given, fault, keysFault } = await readAll(disk);
  assert.ok(isRefusal(fault), `${label}: ${String(fault)}`);
  assert.equal(fault.file, name, label);
  if (name.endsWith('.index')) assert.ok(isRefusal(keysFault), label);
  // Versions have nothing but the digest at the end to vouch for them; keys and values are compared as they come.
  const pairs = (entries: readonly PlainEntry[]): unknown => entries.map(([key, value]) => [key, value]);
  assert.deepEqual(pairs(given), pairs(ENTRIES.slice(0, given.length)), `${label}: no value that was given is changed`);
  assert.deepEqual(disk.openPaths, [], label);
  return fault instanceof SnapshotCorruptError ? fault : undefined;
}

test('the unchanged generation is sound', async () => {
  const disk = emptyDisk();
  assert.deepEqual(await entriesOf(disk, await commitEntries(disk, ENTRIES, 9)), ENTRIES);
  assert.deepEqual(await readAll(disk), { given: ENTRIES, keysFault: undefined });
});

test('each flipped bit is refused at the piece that contains it', async () => {
  const disk = emptyDisk();
  await commitEntries(disk, ENTRIES, 9);
  let flips = 0;
  for (const name of NAMES) {
    const bytes = disk.bytesOf(`${FOLDER}/${name}`);
    for (let at = 0; at < bytes.length; at += 1) {
      for (let bit = 0; bit < BITS; bit += 1) {
        const changed = Buffer.from(bytes);
        changed.writeUInt8(changed.readUInt8(at) ^ (1 << bit), at);
        disk.put(`${FOLDER}/${name}`, changed);
        const label = `${name} byte ${at} bit ${bit}`;
        const fault = await refuses(disk, name, label);
        // What a line claims may show only at the line after it, or at the end.
        const isLater = /keys|the sum|above the previous one|expected offset|a JSON of/.test(fault?.message ?? '');
        assert.ok((fault?.offset ?? 0) <= at || isLater, label);
        flips += 1;
      }
    }
    disk.put(`${FOLDER}/${name}`, bytes);
  }
  assert.ok(flips > 6_000, `${flips} flips`);
}, { timeoutMs: TIMEOUT_MS });

test('a flipped bit in a value is refused at the offset of the value', async () => {
  const disk = emptyDisk();
  const manifest = await commitEntries(disk, ENTRIES, 9);
  const name = NAMES[0] ?? '';
  const bytes = disk.bytesOf(`${FOLDER}/${name}`);
  for (const { offset, sizeBytes } of await flatten(folderOn(disk).readIndex(manifest))) {
    for (let at = offset; at < offset + sizeBytes; at += 1) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
      disk.put(`${FOLDER}/${name}`, changed);
      assert.equal((await refuses(disk, name, `byte ${at}`))?.offset, offset);
    }
  }
});

test('a file that is cut anywhere, or too long, is refused', async () => {
  const disk = emptyDisk();
  await commitEntries(disk, ENTRIES, 9);
  for (const name of NAMES) {
    const bytes = disk.bytesOf(`${FOLDER}/${name}`);
    for (let size = 0; size < bytes.length; size += 1) {
      disk.put(`${FOLDER}/${name}`, bytes.subarray(0, size));
      await refuses(disk, name, `${name} cut to ${size}`);
    }
    for (const more of ['\n', ' ', '\0', bytes.toString('latin1')]) {
      disk.put(`${FOLDER}/${name}`, Buffer.concat([bytes, Buffer.from(more, 'latin1')]));
      await refuses(disk, name, `${name} goes on`);
    }
    disk.put(`${FOLDER}/${name}`, bytes);
  }
}, { timeoutMs: TIMEOUT_MS });

test('bytes of each file overwritten by zeros, by a line feed or by a quotation mark are refused', async () => {
  const disk = emptyDisk();
  await commitEntries(disk, ENTRIES, 9);
  for (const name of NAMES) {
    const bytes = disk.bytesOf(`${FOLDER}/${name}`);
    for (let at = 0; at < bytes.length; at += 1) {
      for (const [byte, length] of [[0x00, 1], [0x00, 16], [0x0a, 1], [0x22, 1], [0xff, 1], [0x2c, 1]] as const) {
        const changed = Buffer.from(bytes).fill(byte, at, Math.min(at + length, bytes.length));
        if (changed.equals(bytes)) continue;
        disk.put(`${FOLDER}/${name}`, changed);
        await refuses(disk, name, `${name} byte ${at} to ${byte} × ${length}`);
      }
    }
    disk.put(`${FOLDER}/${name}`, bytes);
  }
}, { timeoutMs: TIMEOUT_MS });

test.run();
