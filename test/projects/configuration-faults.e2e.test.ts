/** A configuration and a data folder that do not fit together, or are damaged, or cannot be written. */
import assert from 'node:assert/strict';
import { access, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ConfigError } from '../../src/config/config-error.js';
import { suite } from '../suite.js';
import { type ServedFolder, withServedFolder, withShop } from './served-folder.js';

const test = suite('configuration-faults.e2e');

/** Changes a byte in the middle of a file. */
async function damage(served: ServedFolder, name: string): Promise<void> {
  const file = path.join(served.dataFolder, name);
  const bytes = await readFile(file);
  const place = Math.floor(bytes.length / 2);
  bytes.writeUInt8(bytes.readUInt8(place) ^ 1, place);
  await writeFile(file, bytes);
}

/** Asks for a project's details with the global key. */
async function stateOf(served: ServedFolder, id: string): Promise<unknown> {
  return (await served.ask('GET', `/projects/${id}`, { key: served.key('global') })).body['state'];
}

/** A second project, for what must continue beside a fault. */
async function addOther(served: ServedFolder): Promise<string> {
  const key = await served.create('other');
  await served.set('other', ['k', 1], key);
  return key;
}

async function assertOthersServed(served: ServedFolder, key: string): Promise<void> {
  assert.equal((await served.set('other', ['k', 2], key)).status, 200);
  const ready = await fetch(`${served.url}/readyz`);
  assert.equal(ready.status, 200);
}

test('a revision above the log refuses that project, changes nothing of it, and others are served', () => withShop(async (served) => {
  const other = await addOther(served);
  await served.restart(() => served.editEntry('shop', (entry) => ({ ...entry, revision: 7 })));
  const log = await readFile(path.join(served.dataFolder, 'shop.jsonl'), 'utf8');
  const refused = await served.ask('GET', '/projects/shop/keys', { key: served.key('shop') });
  assert.deepEqual([refused.status, refused.body['code']], [503, 'project_outdated']);
  assert.equal(await stateOf(served, 'shop'), 'outdated');
  assert.ok(served.loggedOf('shop', 'error').length > 0);
  await assertOthersServed(served, other);
  assert.equal((await served.entry('shop')).revision, 7);
  await served.restart(() => served.editEntry('shop', ({ revision: _, ...entry }) => entry));
  assert.equal(await stateOf(served, 'shop'), 'serving');
  assert.equal(await readFile(path.join(served.dataFolder, 'shop.jsonl'), 'utf8'), log);
}));

test('a last line that the revision of the entry proves is not cut as torn, and the log stays as it is', () => withShop(async (served) => {
  const key = served.key('global');
  assert.equal((await served.ask('PUT', '/projects/shop', { key, body: { storage: { segment_bytes: 8192 } } })).status, 200);
  // As a kill would leave them, before a stop makes a snapshot; and the end of the last line was cut by another tool.
  const [log, registry] = await Promise.all(['shop.jsonl', '_server.jsonl'].map((name) => readFile(path.join(served.dataFolder, name))));
  const cut = (log ?? Buffer.alloc(0)).subarray(0, -2);
  await served.stop();
  const own = path.join(served.dataFolder, 'shop');
  for (const name of await readdir(own)) await rm(path.join(own, name));
  await writeFile(path.join(served.dataFolder, 'shop.jsonl'), cut);
  await writeFile(path.join(served.dataFolder, '_server.jsonl'), registry ?? '');
  for (const name of await readdir(path.join(served.dataFolder, '_server'))) await rm(path.join(served.dataFolder, '_server', name));
  await served.start();
  assert.equal(await stateOf(served, 'shop'), 'outdated');
  assert.deepEqual(await readFile(path.join(served.dataFolder, 'shop.jsonl')), cut);
  const line = served.logged.find(({ project, level }) => project === 'shop' && level === 'error');
  assert.match(String(line?.['what_to_do']), /^restore the newer files.*remove the revision of its entry$/);
}));

test('a data folder without the registry refuses to start while an entry has a revision', () => withShop(async (served) => {
  await served.stop();
  const away = path.join(served.folder, 'away');
  await rename(served.dataFolder, away);
  const text = await readFile(served.configPath, 'utf8');
  await assert.rejects(served.start(), (error) => (
    error instanceof ConfigError && error.pointer === '/projects/0/revision' && /mounted/.test(error.message)
  ));
  assert.equal(await readFile(served.configPath, 'utf8'), text);
  await assert.rejects(access(served.dataFolder), { code: 'ENOENT' }, 'a refused start leaves no folder behind');
  await rename(away, served.dataFolder);
  await served.start();
  assert.equal(await stateOf(served, 'shop'), 'serving');
}));

test('a registered log that is not there refuses that project, and makes no new one in its place', () => withShop(async (served) => {
  const other = await addOther(served);
  const moveLog = async (from: string, to: string): Promise<void> => {
    for (const name of ['shop.jsonl', 'shop']) await rename(path.join(from, name), path.join(to, name));
  };
  await served.restart(() => moveLog(served.dataFolder, served.folder));
  assert.equal(await stateOf(served, 'shop'), 'missing');
  assert.ok(served.logged.some((line) => line.project === 'shop' && /mounted/.test(JSON.stringify(line))));
  assert.ok(!(await served.dataFiles()).has('shop.jsonl'));
  await assertOthersServed(served, other);
  await served.restart(() => moveLog(served.folder, served.dataFolder));
  assert.equal(await stateOf(served, 'shop'), 'serving');
}));

test('a log that was never registered is registered, with its data', () => withShop(async (served) => {
  await served.set('shop', ['k', 'kept'], served.key('shop'));
  await served.restart(async () => {
    for (const name of ['_server.jsonl', '_server']) await rm(path.join(served.dataFolder, name), { recursive: true });
    await served.editEntry('shop', ({ revision: _, ...entry }) => entry);
  });
  assert.equal((await served.ask('GET', '/projects/shop/keys/k', { key: served.key('shop') })).text, '"kept"');
  const [, created] = (await served.lines('_server')).filter((line) => 'seq' in line);
  assert.deepEqual([created?.['op'], created?.['id'], created?.['actor']], ['project.created', 'shop', 'config']);
}));

test('with a damaged registry, projects are served, but every change of projects is refused',
  () => withShop(async (served) => {
  await served.restart(() => damage(served, '_server.jsonl'));
  const key = served.key('shop');
  const global = served.key('global');
  assert.equal((await served.set('shop', ['k', 1], key)).status, 201);
  const refusals = [
    await served.ask('POST', '/projects', { key: global, body: { id: 'second' } }),
    await served.ask('DELETE', '/projects/shop', { key: global }),
    await served.ask('POST', '/projects/shop/api-key/regenerate', { key: global }),
  ];
  for (const { status, body } of refusals) assert.deepEqual([status, body['code']], [503, 'server_log_corrupt']);
  assert.equal((await served.ask('PUT', '/projects/shop', { key: global, body: { storage: { segment_bytes: 8192 } } })).status, 200);
  const ready = await fetch(`${served.url}/readyz?verbose`, { headers: { Authorization: `Bearer ${global}` } });
  assert.equal(ready.status, 200);
  assert.match(await ready.text(), /damaged/);
  await served.restart();
  assert.equal((await served.ask('GET', '/projects/shop/keys/k', { key })).text, '1');
}));

test('with a damaged registry, a project that was added by hand is not created', () => withShop(async (served) => {
  await served.restart(async () => {
    await damage(served, '_server.jsonl');
    await served.edit((document) => ({ ...document, projects: [...document.projects, { id: 'added' }] }));
  });
  assert.equal(await stateOf(served, 'shop'), 'serving');
  assert.equal(await stateOf(served, 'added'), 'corrupt');
  assert.ok(![...(await served.dataFiles()).keys()].some((name) => name.startsWith('added')));
}));

test('a damaged project answers 503 to its own key, is hidden from other keys, and can be deleted', () => withShop(async (served) => {
  const other = await addOther(served);
  await served.set('shop', ['k', 'a value that must be gone'], served.key('shop'));
  await served.restart(() => damage(served, 'shop.jsonl'));
  const answers = [
    await served.ask('GET', '/projects/shop/keys', { key: served.key('shop') }),
    await served.ask('PUT', '/projects/shop/keys/k', { key: served.key('shop'), body: 1 }),
    await served.ask('PUT', '/projects/shop', { key: served.key('global'), body: { storage: { segment_bytes: 8192 } } }),
    await served.ask('POST', '/projects/shop/api-key/regenerate', { key: served.key('global') }),
  ];
  for (const { status, body } of answers) assert.deepEqual([status, body['code']], [503, 'project_corrupt']);
  assert.equal(await served.statusFor('shop', other), 403);
  assert.equal((await served.ask('POST', '/projects', { key: served.key('global'), body: { id: 'shop' } })).status, 409);
  await assertOthersServed(served, other);
  assert.equal((await served.ask('DELETE', '/projects/shop', { key: served.key('global') })).status, 204);
  await served.create('shop');
  await served.stop();
  for (const [name, content] of await served.dataFiles()) assert.ok(!content.includes('a value that must be gone'), name);
}));

test('a project whose header cannot be read can be deleted, and stays deleted', () => withShop(async (served) => {
  await served.restart(() => writeFile(path.join(served.dataFolder, 'shop.jsonl'), 'no header at all\n'));
  assert.equal(await stateOf(served, 'shop'), 'corrupt');
  assert.equal((await served.ask('DELETE', '/projects/shop', { key: served.key('global') })).status, 204);
  await served.restart();
  assert.equal(await stateOf(served, 'shop'), undefined);
  assert.deepEqual([...(await served.dataFiles()).keys()].filter((name) => name.includes('shop')), []);
}));

test('an edit while the server runs is not overwritten: the change that wanted to is refused', () => withShop(async (served) => {
  await served.edit((document) => ({ ...document, log_level: 'warn' }));
  const text = await readFile(served.configPath, 'utf8');
  const { status, body } = await served.ask('POST', '/projects', { key: served.key('global'), body: { id: 'second' } });
  assert.deepEqual([status, body['code']], [409, 'config_changed']);
  assert.equal(await readFile(served.configPath, 'utf8'), text);
  assert.equal((await served.set('shop', ['k', 1], served.key('shop'))).status, 201);
  assert.equal((await served.ask('POST', '/reload', { key: served.key('global') })).status, 200);
  assert.equal((await served.ask('POST', '/projects', { key: served.key('global'), body: { id: 'second' } })).status, 201);
}));

test('values on disk only: in the file, by POST and by PUT, they read as any others', () => withServedFolder(async (served) => {
  const cold = { on_disk: true, cache_in_memory: false };
  await served.write({ projects: [{ id: 'shop', storage: cold }, { id: 'hot' }] });
  await served.start();
  await served.create('second', { storage: cold });
  const put = await served.ask('PUT', '/projects/hot', { key: served.key('hot'), body: { storage: { cache_in_memory: false } } });
  assert.equal(put.status, 200, put.text);
  for (const id of ['shop', 'second', 'hot']) {
    await served.set(id, ['k', id], served.key(id));
    const { text } = await served.ask('GET', `/projects/${id}/keys/k`, { key: served.key(id) });
    assert.equal(text, JSON.stringify(id));
    assert.equal((await served.entry(id)).storage?.cache_in_memory, false);
  }
}));

test.run();
