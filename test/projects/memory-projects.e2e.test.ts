/** Projects with `on_disk` false: nothing of their data touches the disk; and ways between memory and disk, by `PUT` and by edits. */
import assert from 'node:assert/strict';
import type { ProjectEntry } from '../../src/config/config-document.js';
import { suite } from '../suite.js';
import { type ServedFolder, withServedFolder, withShop } from './served-folder.js';

const test = suite('memory-projects.e2e');

const IN_MEMORY = { storage: { on_disk: false } };

async function withMemoryProject(body: (served: ServedFolder) => Promise<void>): Promise<void> {
  await withServedFolder(async (served) => {
    await served.write({ projects: [{ id: 'shop' }, { id: 'fleeting', ...IN_MEMORY }] });
    await served.start();
    await body(served);
  });
}

/** Content by name. Heads lag behind their logs, so those of the other logs are left out. */
async function filesBesideHeads(served: ServedFolder): Promise<Map<string, string>> {
  return new Map([...(await served.dataFiles())].filter(([name]) => !name.endsWith('/head')));
}

test('a project in memory touches no file of the data folder', () => withMemoryProject(async (served) => {
  const before = await filesBesideHeads(served);
  const names = [...(await served.dataFiles()).keys()];
  const key = served.key('fleeting');
  await served.set('fleeting', ['k', 'a fleeting value'], key);
  await served.ask('DELETE', '/projects/fleeting/keys', { key });
  await served.ask('PUT', '/projects/fleeting', { key, body: { authentication: { save_api_key_to_file: true } } });
  await served.ask('POST', '/projects/fleeting/api-key/regenerate', { key: served.key('global') });
  await served.create('second', IN_MEMORY);
  assert.equal((await served.ask('DELETE', '/projects/second', { key: served.key('global') })).status, 204);
  assert.deepEqual(await filesBesideHeads(served), before);
  assert.deepEqual([...(await served.dataFiles()).keys()], names);
}));

test('the data of a project in memory is gone after a restart, and the project is there with its key and settings',
  () => withMemoryProject(async (served) => {
  const key = served.key('fleeting');
  const { headers } = await served.set('fleeting', ['k', 1], key);
  await served.ask('PUT', '/projects/fleeting', { key, body: { storage: { cache_in_memory: false } } });
  await served.restart();
  const details = await served.ask('GET', '/projects/fleeting', { key });
  assert.deepEqual(details.body['storage'], { ...(details.body['storage'] as object), on_disk: false, cache_in_memory: false });
  assert.equal((await served.ask('GET', '/projects/fleeting/keys/k', { key })).status, 404);
  const again = await served.set('fleeting', ['k', 1], key);
  assert.notEqual(again.headers.get('ETag'), headers.get('ETag'));
  assert.equal((await served.entry('fleeting')).revision, undefined);
}));

test('a project in memory that an edit puts on disk begins a new log', () => withMemoryProject(async (served) => {
  const key = served.key('fleeting');
  await served.restart(() => served.editEntry('fleeting', (entry) => ({ ...entry, storage: { on_disk: true } })));
  await served.set('fleeting', ['k', 1], key);
  await served.restart();
  assert.equal((await served.ask('GET', '/projects/fleeting/keys/k', { key })).text, '1');
  assert.equal((await served.entry('fleeting')).revision, 1);
}));

/** Every key with its value, and the version of each. */
async function contentOf(served: ServedFolder, id: string): Promise<unknown> {
  const key = served.key(id);
  const { text } = await served.ask('GET', `/projects/${id}/keys`, { key });
  const versions = await Promise.all(Object.keys(JSON.parse(text) as object).map(async (name) => {
    const { headers } = await served.ask('GET', `/projects/${id}/keys/${name}`, { key });
    return [name, headers.get('ETag')?.split('-')[0], headers.get('Last-Modified')];
  }));
  return [text, versions];
}

test('an edit that takes a project from the disk takes its data along, and its files are kept', () => withShop(async (served) => {
  await served.set('shop', ['k', 'kept'], served.key('shop'));
  const logId = String((await served.ask('GET', '/projects/shop', { key: served.key('shop') })).body['log_id']);
  const content = await contentOf(served, 'shop');
  await served.restart(() => served.editEntry('shop', (entry) => ({ ...entry, storage: { ...entry.storage, on_disk: false } })));
  assert.deepEqual(await contentOf(served, 'shop'), content);
  assert.equal((await served.entry('shop')).revision, undefined);
  const names = [...(await served.dataFiles()).keys()].filter((name) => name.includes('shop'));
  assert.ok(names.includes(`_left/shop-${logId}/shop.jsonl`), names.join(' '));
  assert.ok(names.every((name) => name.startsWith(`_left/shop-${logId}/`)), names.join(' '));
  await served.restart();
  assert.equal((await served.ask('GET', '/projects/shop/keys', { key: served.key('shop') })).text, '{}');
}));

test('PUT takes a project from memory to the disk and back, hot and cold, with values, versions and times',
  () => withMemoryProject(async (served) => {
  const key = served.key('fleeting');
  for (let number = 0; number < 20; number += 1) await served.set('fleeting', [`k${number}`, { number }], key);
  const content = await contentOf(served, 'fleeting');
  const ways = [
    { on_disk: true }, { cache_in_memory: false }, { on_disk: false }, { on_disk: true, cache_in_memory: false }, { cache_in_memory: true },
    { on_disk: false }, { on_disk: true },
  ];
  for (const storage of ways) {
    const put = await served.ask('PUT', '/projects/fleeting', { key, body: { storage } });
    assert.equal(put.status, 200, put.text);
    assert.deepEqual({ ...(put.body['storage'] as object), ...storage }, put.body['storage']);
    assert.deepEqual(await contentOf(served, 'fleeting'), content);
    const isOnDisk = (put.body['storage'] as { on_disk: boolean }).on_disk;
    const compacted = await served.ask('POST', '/projects/fleeting/compact', { key: served.key('global') });
    assert.equal(compacted.status, isOnDisk ? 200 : 409, compacted.text);
    if (!isOnDisk) assert.equal(compacted.body['code'], 'not_on_disk');
  }
  await served.restart();
  assert.deepEqual(await contentOf(served, 'fleeting'), content);
  assert.deepEqual(served.logged.filter(({ level }) => level === 'error'), []);
}));

test('an edit between hot and cold and a restart keep everything', () => withShop(async (served) => {
  for (let number = 0; number < 20; number += 1) await served.set('shop', [`k${number}`, `value ${number}`], served.key('shop'));
  const content = await contentOf(served, 'shop');
  for (const inMemory of [false, true, false]) {
    const edit = (entry: ProjectEntry): object => ({ ...entry, storage: { ...entry.storage, cache_in_memory: inMemory } });
    await served.restart(() => served.editEntry('shop', edit));
    assert.deepEqual(await contentOf(served, 'shop'), content);
    const { body } = await served.ask('GET', '/projects/shop', { key: served.key('shop') });
    assert.equal((body['storage'] as { cache_in_memory: boolean }).cache_in_memory, inMemory);
  }
}));

test('four switches in a row under load: no answer is an error, and what was acknowledged last is there', () => withShop(async (served) => {
  const key = served.key('shop');
  let isOver = false;
  const last = new Map<string, { readonly value: number; readonly seq: number }>();
  const writers = Array.from({ length: 16 }, async (_, writer) => {
    for (let number = 0; !isOver; number += 1) {
      const { body } = await served.set('shop', [`w${writer}`, number], key);
      assert.ok(Number(body['seq']) > (last.get(`w${writer}`)?.seq ?? 0), 'versions go up');
      last.set(`w${writer}`, { value: number, seq: Number(body['seq']) });
      const { status, text } = await served.ask('GET', `/projects/shop/keys/w${writer}`, { key });
      assert.deepEqual([status, text], [200, String(number)]);
    }
  });
  try {
    for (const storage of [{ on_disk: false }, { on_disk: true }, { cache_in_memory: false }, { on_disk: false }, { on_disk: true }]) {
      const put = await served.ask('PUT', '/projects/shop', { key, body: { storage } });
      assert.equal(put.status, 200, put.text);
      const listing = await served.ask('GET', '/projects/shop/keys', { key });
      assert.equal(listing.status, 200);
      for (const name of last.keys()) assert.ok(Object.hasOwn(listing.body, name), `${name} is missing`);
    }
  } finally {
    isOver = true;
  }
  await Promise.all(writers);
  await served.restart();
  const { body } = await served.ask('GET', '/projects/shop/keys', { key });
  assert.deepEqual(body, Object.fromEntries([...last].map(([name, { value }]) => [name, value])));
}));

test('a project in memory does not take the place of files that wait for their entry', () => withShop(async (served) => {
  await served.restart(() => served.edit((document) => ({ ...document, projects: [] })));
  const { status, body } = await served.ask('POST', '/projects', { key: served.key('global'), body: { id: 'shop', ...IN_MEMORY } });
  assert.deepEqual([status, body['code']], [409, 'project_not_served']);
}));

test.run();
