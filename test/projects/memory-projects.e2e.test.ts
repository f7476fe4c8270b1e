/** Projects with `on_disk` false: nothing of their data touches the disk, and switching is refused without loss. */
import assert from 'node:assert/strict';
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

test('a project in memory touches no file of the data folder', () => withMemoryProject(async (served) => {
  const before = await served.dataFiles();
  const key = served.key('fleeting');
  await served.set('fleeting', ['k', 'a fleeting value'], key);
  await served.ask('DELETE', '/projects/fleeting/keys', { key });
  await served.ask('PUT', '/projects/fleeting', { key, body: { authentication: { save_api_key_to_file: true } } });
  await served.ask('POST', '/projects/fleeting/api-key/regenerate', { key: served.key('global') });
  await served.create('second', IN_MEMORY);
  assert.equal((await served.ask('DELETE', '/projects/second', { key: served.key('global') })).status, 204);
  assert.deepEqual(await served.dataFiles(), before);
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

test('a project on disk that an edit takes from there is refused, and its files stay as they are', () => withShop(async (served) => {
  await served.set('shop', ['k', 'kept'], served.key('shop'));
  const entry = await served.entry('shop');
  await served.stop();
  const before = await served.dataFiles();
  const edits = [{ ...entry, storage: { on_disk: false } }, { ...entry, revision: undefined, storage: { on_disk: false } }];
  for (const edit of edits) {
    await served.editEntry('shop', () => edit);
    await served.start();
    const { status, body } = await served.ask('GET', '/projects/shop/keys', { key: served.key('shop') });
    assert.deepEqual([status, body['code']], [503, 'project_corrupt']);
    await served.stop();
    assert.deepEqual(await served.dataFiles(), before);
  }
  await served.restart(() => served.editEntry('shop', () => entry));
  assert.equal((await served.ask('GET', '/projects/shop/keys/k', { key: served.key('shop') })).text, '"kept"');
}));

test('PUT switches no project between memory and disk', () => withMemoryProject(async (served) => {
  const answers = [
    await served.ask('PUT', '/projects/fleeting', { key: served.key('fleeting'), body: { storage: { on_disk: true } } }),
    await served.ask('PUT', '/projects/shop', { key: served.key('shop'), body: { storage: { on_disk: false } } }),
  ];
  for (const { status, body } of answers) assert.deepEqual([status, body['code']], [409, 'storage_switch_unavailable']);
  assert.equal((await served.entry('shop')).storage?.on_disk, true);
  assert.equal((await served.set('shop', ['k', 1], served.key('shop'))).status, 201);
}));

test('a project in memory does not take the place of files that wait for their entry', () => withShop(async (served) => {
  await served.restart(() => served.edit((document) => ({ ...document, projects: [] })));
  const { status, body } = await served.ask('POST', '/projects', { key: served.key('global'), body: { id: 'shop', ...IN_MEMORY } });
  assert.deepEqual([status, body['code']], [409, 'project_not_served']);
}));

test.run();
