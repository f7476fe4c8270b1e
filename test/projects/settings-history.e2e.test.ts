/** However often settings are changed, snapshots stay small, and an entry of any time is still told from an edit. */
import assert from 'node:assert/strict';
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { ProjectEntry } from '../../src/config/config-document.js';
import { suite } from '../suite.js';
import { type ServedFolder, withServedFolder } from './served-folder.js';

const test = suite('settings-history.e2e');

const TOGGLES = 60;
const MANIFEST_BYTES = 12_000;

async function put(served: ServedFolder, storage: object): Promise<void> {
  const { status, text } = await served.ask('PUT', '/projects/shop', { key: served.key('global'), body: { storage } });
  assert.equal(status, 200, text);
}

async function storageOf(served: ServedFolder): Promise<Readonly<Record<string, unknown>>> {
  return (await served.ask('GET', '/projects/shop', { key: served.key('shop') })).body['storage'] as Record<string, unknown>;
}

/** Changes settings many times. @returns the entry as it was after the first few changes, with its revision */
async function toggle(served: ServedFolder): Promise<ProjectEntry> {
  await served.write({ projects: [{ id: 'shop' }] });
  await served.start();
  await put(served, { sync_interval_ms: 7 });
  const old = await served.entry('shop');
  for (let round = 1; round <= TOGGLES; round += 1) await put(served, { cache_in_memory: round % 2 === 0, sync_interval_ms: 100 + round });
  const compacted = await served.ask('POST', '/projects/shop/compact', { key: served.key('global') });
  assert.equal(compacted.status, 200, compacted.text);
  return old;
}

test('a manifest does not grow with the number of changes, and a change of nothing is no line', () => withServedFolder(async (served) => {
  await toggle(served);
  const folder = path.join(served.dataFolder, 'shop');
  for (const name of (await readdir(folder)).filter((one) => one.endsWith('.manifest'))) {
    assert.ok((await stat(path.join(folder, name))).size < MANIFEST_BYTES, await readFile(path.join(folder, name), 'utf8'));
  }
  const linesBefore = (await served.lines('shop')).length;
  const { storage, authentication } = (await served.ask('GET', '/projects/shop', { key: served.key('global') })).body;
  const answer = await served.ask('PUT', '/projects/shop', { key: served.key('global'), body: { storage, authentication } });
  assert.equal(answer.status, 200, answer.text);
  await served.restart();
  assert.equal((await served.lines('shop')).length, linesBefore);
}));

test('an entry older than what a snapshot holds is looked up in the log: stale as it was, edited where it differs from then',
  () => withServedFolder(async (served) => {
  const old = await toggle(served);
  const newest = await storageOf(served);
  await served.restart(() => served.editEntry('shop', () => old));
  assert.deepEqual(await storageOf(served), newest);
  assert.ok(served.loggedOf('shop', 'warn').some((message) => message.includes('older than the log')));
  await served.restart(() => served.editEntry('shop', () => ({ ...old, storage: { ...old.storage, durability: 'os' } })));
  assert.deepEqual(await storageOf(served), { ...newest, durability: 'os' });
}));

test('where the line of its revision is gone, it is refused until a person has looked', () => withServedFolder(async (served) => {
  const old = await toggle(served);
  // No line of the log is a project event of that seq: as good as gone.
  await served.set('shop', ['k', 1], served.key('shop'));
  await put(served, { sync_interval_ms: 9, segment_bytes: 4096, retention: { max_bytes: 0 } });
  for (let number = 0; number < 30; number += 1) await served.set('shop', [`k${number}`, 'v'.repeat(900)], served.key('shop'));
  for (let round = 0; round < 3; round += 1) {
    await served.set('shop', ['k', round], served.key('shop'));
    await served.ask('POST', '/projects/shop/compact', { key: served.key('global') });
  }
  assert.ok((await served.lines('_server')).some(({ op }) => op === 'segment.removed'));
  const newest = await storageOf(served);
  const { revision } = await served.entry('shop');
  await served.restart(() => served.editEntry('shop', () => old));
  const { status } = await served.ask('GET', '/projects/shop/keys/k', { key: served.key('shop') });
  assert.equal(status, 503);
  const reason = served.logged.findLast(({ project, level }) => project === 'shop' && level === 'error');
  assert.match(JSON.stringify(reason), new RegExp(`set its revision to ${revision}`));
  await served.restart(() => served.editEntry('shop', () => ({ ...old, revision })));
  assert.deepEqual((await storageOf(served))['sync_interval_ms'], 7, 'the entry holds as it stands');
  assert.notDeepEqual(await storageOf(served), newest);
}));

test.run();
