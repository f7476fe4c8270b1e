/** Cold projects with compressed segments, started without the snapshot that covered them: every value is read, soon from a new one. */
import assert from 'node:assert/strict';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from '../suite.js';
import { type ServedFolder, withServedFolder } from './served-folder.js';

const test = suite('cold-fallback.e2e');

const KEYS = 40;
const WAIT_MS = 50;
const WAITS_MAX = 400;
const STORAGE = {
  cache_in_memory: false, segment_bytes: 4096, retention: { compress: 'gzip' }, compaction: { interval_seconds: 0 },
};
const valueOf = (number: number): string => `value ${number} ${'x'.repeat(400)}`;

async function setAll(served: ServedFolder, from: number, to: number): Promise<void> {
  for (let number = from; number < to; number += 1) await served.set('cold', [`k${number}`, valueOf(number)], served.key('cold'));
}

async function compact(served: ServedFolder): Promise<void> {
  const { status, text } = await served.ask('POST', '/projects/cold/compact', { key: served.key('global') });
  assert.equal(status, 200, text);
}

/** One by one, in an order that jumps between the segments, and then all of them as a listing. */
async function assertAllRead(served: ServedFolder): Promise<void> {
  for (let step = 0; step < KEYS; step += 1) {
    const number = (step * 17) % KEYS;
    const { status, text } = await served.ask('GET', `/projects/cold/keys/k${number}`, { key: served.key('cold') });
    assert.deepEqual([status, text], [200, JSON.stringify(valueOf(number))], `k${number}`);
  }
  const { body } = await served.ask('GET', '/projects/cold/keys', { key: served.key('cold') });
  assert.deepEqual(Object.keys(body).length, KEYS);
  for (let number = 0; number < KEYS; number += 1) assert.equal(body[`k${number}`], valueOf(number));
}

async function filesOf(served: ServedFolder, form: RegExp): Promise<readonly string[]> {
  const folder = path.join(served.dataFolder, 'cold');
  return (await readdir(folder)).filter((name) => form.test(name)).sort().map((name) => path.join(folder, name));
}

/** Two snapshots, and every sealed segment compressed. */
async function served(body: (folder: ServedFolder) => Promise<void>): Promise<void> {
  await withServedFolder(async (folder) => {
    await folder.write({ projects: [{ id: 'cold', storage: STORAGE }] });
    await folder.start();
    await setAll(folder, 0, KEYS / 2);
    await compact(folder);
    await setAll(folder, KEYS / 2, KEYS);
    await compact(folder);
    assert.ok((await filesOf(folder, /\.jsonl\.gz$/)).length > 3);
    assert.deepEqual(await filesOf(folder, /\d\.jsonl$/), []);
    await body(folder);
  });
}

async function spoil(file: string | undefined): Promise<void> {
  assert.ok(file);
  const bytes = await readFile(file);
  bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 1, bytes.length >> 1);
  await writeFile(file, bytes);
}

async function waitForSnapshot(folder: ServedFolder, count: number): Promise<void> {
  for (let wait = 0; wait < WAITS_MAX; wait += 1) {
    if ((await folder.lines('_server')).filter(({ op }) => op === 'snapshot.committed').length >= count) return;
    await sleep(WAIT_MS);
  }
  assert.fail('no snapshot was made');
}

/** What is wrong with the snapshots when the server starts. */
const LOST: Readonly<Record<string, (folder: ServedFolder) => Promise<void>>> = {
  'the index of the newest snapshot is damaged': async (folder) => await spoil((await filesOf(folder, /\.index$/)).at(-1)),
  'the manifest of the newest snapshot is damaged': async (folder) => await spoil((await filesOf(folder, /\.manifest$/)).at(-1)),
  'all snapshots are gone': async (folder) => {
    for (const file of await filesOf(folder, /^snap-/)) await rm(file);
  },
};
for (const [name, lose] of Object.entries(LOST)) {
  test(`where ${name}, every read is answered with the right bytes, and a new snapshot is made without being asked for`, () => (
    served(async (folder) => {
      await folder.restart(() => lose(folder));
      await assertAllRead(folder);
      assert.equal((await folder.ask('GET', '/projects/cold', { key: folder.key('cold') })).body['state'], 'serving');
      await waitForSnapshot(folder, 3);
      await assertAllRead(folder);
      assert.deepEqual(await filesOf(folder, /inflated/), []);
      // The next start relies on the new snapshot, and falls back no more.
      const errors = folder.logged.length;
      await folder.restart();
      await assertAllRead(folder);
      assert.deepEqual(folder.logged.slice(errors).filter(({ level }) => level === 'error'), []);
    })
  ));
}

test('values are taken into memory, and the project leaves the disk, out of compressed segments', () => served(async (folder) => {
  await folder.restart(() => LOST['all snapshots are gone']?.(folder) ?? Promise.resolve());
  const body = { storage: { cache_in_memory: true } };
  assert.equal((await folder.ask('PUT', '/projects/cold', { key: folder.key('global'), body })).status, 200);
  await assertAllRead(folder);
  const moved = await folder.ask('PUT', '/projects/cold', { key: folder.key('global'), body: { storage: { on_disk: false } } });
  assert.equal(moved.status, 200, moved.text);
  await assertAllRead(folder);
}));

test.run();
