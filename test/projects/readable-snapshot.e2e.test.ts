/** Whatever is done to `<id>.json` beside the log, data, starts and verification do not know of it. */
import assert from 'node:assert/strict';
import { cp, link, lstat, mkdir, readdir, readFile, rename, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { NodeDisk } from '../../src/disk/node-disk.js';
import { verifyFolder } from '../../src/offline/verify/verify-folder.js';
import { suite } from '../suite.js';
import { type ServedFolder, withServedFolder } from './served-folder.js';

const test = suite('readable-snapshot.e2e', { concurrentTests: 4 });

const KEYS = 12;
const WAIT_MS = 50;
const WAITS_MAX = 400;
const COLD = { on_disk: true, cache_in_memory: false };

/** Gives keys a value. */
async function setAll(served: ServedFolder, id: string): Promise<void> {
  for (let number = 10; number < 10 + KEYS; number += 1) await served.set(id, [`k${number}`, `value ${number}`], served.key(id));
}

/** Fills a project and makes a snapshot. */
async function fill(served: ServedFolder, id: string): Promise<void> {
  await setAll(served, id);
  await compact(served, id);
}

async function compact(served: ServedFolder, id: string): Promise<void> {
  const { status, text } = await served.ask('POST', `/projects/${id}/compact`, { key: served.key('global') });
  assert.equal(status, 200, text);
}

/** Every value is read by itself, so that one on disk is read from its place. */
async function assertAllThere(served: ServedFolder, id: string): Promise<void> {
  for (let number = 10; number < 10 + KEYS; number += 1) {
    const { status, text } = await served.ask('GET', `/projects/${id}/keys/k${number}`, { key: served.key(id) });
    assert.deepEqual([status, text], [200, `"value ${number}"`]);
  }
}

async function assertSound(served: ServedFolder, dataFolder = served.dataFolder): Promise<void> {
  const scratchFolder = path.join(served.folder, 'scratch');
  await mkdir(scratchFolder, { recursive: true });
  for await (const { project, findings } of verifyFolder({ disk: new NodeDisk(), dataFolder, scratchFolder })) {
    assert.deepEqual(findings, [], project);
  }
}

/** Waits until the file beside the log holds as many keys as there are, or is gone. */
async function waitFor(served: ServedFolder, id: string, isWanted: boolean): Promise<void> {
  for (let wait = 0; wait < WAITS_MAX; wait += 1) {
    const text = await readFile(path.join(served.dataFolder, `${id}.json`), 'utf8').catch(() => undefined);
    if (isWanted ? text !== undefined && /^\{[^]*\}\n$/.test(text) && text.includes('k21') : text === undefined) return;
    await sleep(WAIT_MS);
  }
  assert.fail(`"${id}.json" is ${isWanted ? 'not there' : 'still there'}`);
}

/** What may happen to the file. */
const DONE: Readonly<Record<string, (file: string) => Promise<unknown>>> = {
  'cut to nothing in place': (file) => truncate(file, 0),
  'overwritten in place': async (file) => writeFile(file, '#'.repeat((await stat(file)).size)),
  'replaced by another file': async (file) => {
    await writeFile(`${file}.edited`, '{}');
    await rename(`${file}.edited`, file);
  },
  'removed': (file) => rm(file),
  'replaced by a symbolic link to nothing': async (file) => {
    await rm(file);
    await symlink('nowhere', file);
  },
};

for (const [name, change] of Object.entries(DONE)) {
  test(`one that was ${name} costs no value, before and after a start`, () => withServedFolder(async (served) => {
    await served.write({ projects: [{ id: 'hot' }, { id: 'cold', storage: COLD }, { id: 'moved', storage: { on_disk: false } }] });
    await served.start();
    for (const id of ['hot', 'cold']) await fill(served, id);
    await setAll(served, 'moved');
    const moved = await served.ask('PUT', '/projects/moved', { key: served.key('global'), body: { storage: COLD } });
    assert.equal(moved.status, 200, moved.text);
    await waitFor(served, 'moved', true);
    for (const id of ['hot', 'cold', 'moved']) await change(path.join(served.dataFolder, `${id}.json`));
    for (const id of ['hot', 'cold', 'moved']) await assertAllThere(served, id);
    await assertSound(served);
    await served.restart(() => assertSound(served));
    for (const id of ['hot', 'cold', 'moved']) {
      await assertAllThere(served, id);
      assert.equal((await served.ask('GET', `/projects/${id}`, { key: served.key(id) })).body['state'], 'serving');
    }
    const damage = served.logged.filter(({ level }) => level === 'error');
    assert.deepEqual(damage, []);
  }));
}

test('the second name that an older version gave the newest snapshot becomes a file of its own with the next start',
  () => withServedFolder(async (served) => {
  await served.write({ projects: [{ id: 'cold', storage: COLD }] });
  await served.start();
  await fill(served, 'cold');
  const file = path.join(served.dataFolder, 'cold.json');
  const folder = path.join(served.dataFolder, 'cold');
  let snapshot = '';
  await served.restart(async () => {
    snapshot = path.join(folder, (await readdir(folder)).filter((one) => one.endsWith('.json')).sort().at(-1) ?? '');
    await rm(file);
    await link(snapshot, file);
    await assertSound(served);
  });
  for (let wait = 0; wait < WAITS_MAX && (await stat(file)).ino === (await stat(snapshot)).ino; wait += 1) await sleep(WAIT_MS);
  assert.notEqual((await stat(file)).ino, (await stat(snapshot)).ino);
  assert.equal(await readFile(file, 'utf8'), await readFile(snapshot, 'utf8'));
  await truncate(file, 0);
  await assertAllThere(served, 'cold');
  await served.restart();
  await assertAllThere(served, 'cold');
}));

test('one that was edited so that it kept its size is written anew by the next start', () => withServedFolder(async (served) => {
  await served.write({ projects: [{ id: 'hot' }, { id: 'cold', storage: COLD }] });
  await served.start();
  const written = new Map<string, string>();
  for (const id of ['hot', 'cold']) await fill(served, id);
  await served.restart(async () => {
    for (const id of ['hot', 'cold']) {
      const file = path.join(served.dataFolder, `${id}.json`);
      written.set(file, await readFile(file, 'utf8'));
      await writeFile(file, (written.get(file) ?? '').replace('value 10', 'value 99'));
    }
  });
  for (const [file, text] of written) {
    for (let wait = 0; wait < WAITS_MAX && (await readFile(file, 'utf8')) !== text; wait += 1) await sleep(WAIT_MS);
    assert.equal(await readFile(file, 'utf8'), text);
  }
  const times = await Promise.all([...written.keys()].map(async (file) => (await stat(file)).ctimeMs));
  await served.restart();
  for (const id of ['hot', 'cold']) await assertAllThere(served, id);
  await sleep(WAIT_MS * 4);
  const now = await Promise.all([...written.keys()].map(async (file) => (await stat(file)).ctimeMs));
  assert.deepEqual(now, times, 'one that is as it was written is left alone');
}));

test('a copy of a stopped folder verifies and opens', () => withServedFolder(async (served) => {
  await served.write({ projects: [{ id: 'cold', storage: { ...COLD, segment_bytes: 4096, retention: { compress: 'gzip' } } }] });
  await served.start();
  await fill(served, 'cold');
  await served.set('cold', ['late', 1], served.key('cold'));
  await served.stop();
  const copy = path.join(served.folder, 'copy');
  await cp(served.dataFolder, copy, { recursive: true, filter: (source) => !source.endsWith('_lock') });
  await assertSound(served, copy);
  await rm(served.dataFolder, { recursive: true });
  await cp(copy, served.dataFolder, { recursive: true });
  await served.start();
  await assertAllThere(served, 'cold');
}));

test('switched off it goes at once, stays away, and comes back when it is switched on', () => withServedFolder(async (served) => {
  await served.write({ projects: [{ id: 'shop' }] });
  await served.start();
  await fill(served, 'shop');
  const file = path.join(served.dataFolder, 'shop.json');
  const change = async (isOn: boolean): Promise<void> => {
    const body = { storage: { readable_snapshot: isOn } };
    assert.equal((await served.ask('PUT', '/projects/shop', { key: served.key('shop'), body })).status, 403);
    const answer = await served.ask('PUT', '/projects/shop', { key: served.key('global'), body });
    assert.equal(answer.status, 200, answer.text);
    assert.equal((answer.body['storage'] as Record<string, unknown>)['readable_snapshot'], isOn);
  };
  await change(false);
  await waitFor(served, 'shop', false);
  await served.set('shop', ['k21', 'other'], served.key('shop'));
  await compact(served, 'shop');
  await assert.rejects(lstat(file), { code: 'ENOENT' });
  await served.restart(async () => {
    await assert.rejects(lstat(file), { code: 'ENOENT' });
    await writeFile(file, '{"stale":true}');
  });
  assert.deepEqual((await served.entry('shop')).storage, { on_disk: true, cache_in_memory: true, readable_snapshot: false });
  await waitFor(served, 'shop', false);
  await change(true);
  await waitFor(served, 'shop', true);
  assert.match(await readFile(file, 'utf8'), /"k21":"other"/);
}));

test('where it cannot be written, that is shown, fails nothing, and is made up for', () => withServedFolder(async (served) => {
  await served.write({ projects: [{ id: 'shop' }] });
  await served.start();
  const file = path.join(served.dataFolder, 'shop.json');
  await mkdir(file);
  const readiness = async (): Promise<string> => {
    const headers = { Authorization: `Bearer ${served.key('global')}` };
    return await (await fetch(`${served.url}/readyz?verbose`, { headers })).text();
  };
  await fill(served, 'shop');
  assert.match(await readiness(), /1 project whose <id>\.json is not up to date/);
  assert.ok(served.loggedOf('shop', 'warn').some((message) => message.includes('readable snapshot')));
  assert.equal((await served.ask('GET', '/projects/shop', { key: served.key('shop') })).body['state'], 'serving');
  await rm(file, { recursive: true });
  await compact(served, 'shop');
  assert.match(await readiness(), /0 projects whose <id>\.json/);
  await waitFor(served, 'shop', true);
}));

test.run();
