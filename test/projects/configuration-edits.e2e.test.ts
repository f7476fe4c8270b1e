/** What a person does to config.json between two starts, and what the server makes of it. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import type { ProjectEntry } from '../../src/config/config-document.js';
import { suite } from '../suite.js';
import { type ServedFolder, withServedFolder, withShop } from './served-folder.js';

const test = suite('configuration-edits.e2e');

const TYPED_KEY = 'typed-into-the-file';

function withSegmentBytes(entry: ProjectEntry, segmentBytes: number): ProjectEntry {
  return { ...entry, storage: { ...entry.storage, segment_bytes: segmentBytes } };
}

/** Op, actor and a setting of the last line of a project's log. */
async function lastChange(served: ServedFolder, id: string): Promise<unknown[]> {
  const line = (await served.lines(id)).at(-1);
  const settings = line?.['settings'] as { readonly storage: { readonly segment_bytes: number } } | undefined;
  return [line?.['op'], line?.['actor'], settings?.storage.segment_bytes];
}

async function lastEdit(served: ServedFolder): Promise<Record<string, unknown> | undefined> {
  return (await served.lines('_server')).findLast((line) => line['op'] === 'config.edited');
}

test('an edit of a setting is an event by config, and is recorded in the registry', () => withShop(async (served) => {
  await served.restart(() => served.editEntry('shop', (entry) => withSegmentBytes(entry, 8192)));
  assert.deepEqual(await lastChange(served, 'shop'), ['project.update', 'config', 8192]);
  const edit = await lastEdit(served);
  assert.deepEqual([edit?.['scope'], edit?.['changed'], edit?.['actor']], ['shop', ['storage.segment_bytes'], 'config']);
  const { revision, storage } = await served.entry('shop');
  assert.deepEqual([revision, storage?.segment_bytes], [2, 8192]);
}));

test('an edit of a key is an event by config, and only the typed key opens the project', () => withShop(async (served) => {
  const old = served.key('shop');
  await served.restart(() => served.editEntry('shop', (entry) => (
    { ...entry, authentication: { ...entry.authentication, api_key: TYPED_KEY } }
  )));
  assert.deepEqual((await lastChange(served, 'shop')).slice(0, 2), ['project.key', 'config']);
  assert.deepEqual((await lastEdit(served))?.['changed'], ['authentication.api_key']);
  assert.deepEqual([await served.statusFor('shop', TYPED_KEY), await served.statusFor('shop', old)], [200, 401]);
}));

test('an edit of a setting and the key is one event', () => withShop(async (served) => {
  await served.restart(() => served.editEntry('shop', (entry) => {
    const edited = withSegmentBytes(entry, 8192);
    return { ...edited, authentication: { ...edited.authentication, api_key: TYPED_KEY } };
  }));
  assert.equal((await served.lines('shop')).length, 3);
  assert.deepEqual(await lastChange(served, 'shop'), ['project.update', 'config', 8192]);
  assert.deepEqual((await lastEdit(served))?.['changed'], ['storage.segment_bytes', 'authentication.api_key']);
  assert.equal(await served.statusFor('shop', TYPED_KEY), 200);
}));

test('an edit of a default reaches the projects that say nothing else', () => withServedFolder(async (served) => {
  await served.write({ projects: [{ id: 'plain' }, { id: 'own', storage: { segment_bytes: 4096 } }] });
  await served.start();
  await served.restart(() => served.edit((document) => ({
    ...document, default: { ...document.default, storage: { ...document.default?.storage, segment_bytes: 8192 } },
  })));
  assert.deepEqual(await lastChange(served, 'plain'), ['project.update', 'config', 8192]);
  assert.deepEqual(await lastChange(served, 'own'), ['project.create', 'config', 4096]);
  assert.equal((await served.entry('plain')).storage?.segment_bytes, undefined);
}));

test('a start after an edit was taken over changes nothing more', () => withShop(async (served) => {
  await served.restart(() => served.editEntry('shop', (entry) => withSegmentBytes(entry, 8192)));
  // The stop makes the snapshot that the edit has made due.
  await served.restart();
  const text = await readFile(served.configPath, 'utf8');
  const files = await served.dataFiles();
  await served.restart();
  assert.equal(await readFile(served.configPath, 'utf8'), text);
  for (const [name, content] of await served.dataFiles()) if (!name.endsWith('head')) assert.equal(files.get(name), content, name);
}));

test('an old copy that is put back takes the settings of the log', () => withShop(async (served) => {
  const copy = await readFile(served.configPath, 'utf8');
  await served.ask('PUT', '/projects/shop', { key: served.key('global'), body: { storage: { segment_bytes: 8192 } } });
  const { length } = await served.lines('shop');
  await served.restart(() => writeFile(served.configPath, copy));
  assert.equal((await served.lines('shop')).length, length);
  const { revision, storage } = await served.entry('shop');
  assert.deepEqual([revision, storage?.segment_bytes], [2, 8192]);
}));

test('the key of an old copy that is put back holds, which config records', () => withShop(async (served) => {
  const copy = await readFile(served.configPath, 'utf8');
  const old = served.key('shop');
  const { body } = await served.ask('POST', '/projects/shop/api-key/regenerate', { key: served.key('global') });
  await served.restart(() => writeFile(served.configPath, copy));
  assert.deepEqual([await served.statusFor('shop', old), await served.statusFor('shop', String(body['api_key']))], [200, 401]);
  assert.deepEqual((await lastChange(served, 'shop')).slice(0, 2), ['project.key', 'config']);
  const warned = served.logged.filter(({ msg }) => msg.includes('replaced since then is accepted again'));
  assert.deepEqual(warned.map(({ level, project, revision, newest_revision: newest }) => [level, project, revision, newest]), [
    ['warn', 'shop', 1, 2],
  ]);
  assert.match(String(warned[0]?.['what_to_do']), /^replace it: POST \/api\/v1\/projects\/shop\/api-key\/regenerate /);
}));

test('a key that a person replaces in the newest configuration is not taken for an old one', () => withShop(async (served) => {
  await served.ask('POST', '/projects/shop/api-key/regenerate', { key: served.key('global') });
  await served.restart(() => served.editEntry('shop', (entry) => (
    { ...entry, authentication: { ...entry.authentication, api_key: 'a-key-of-my-own', api_key_hash: null } }
  )));
  assert.deepEqual(served.logged.filter(({ msg }) => msg.includes('is valid again')), []);
}));

test('an edit on top of an old copy keeps what the log says of everything else', () => withShop(async (served) => {
  const copy = await served.document();
  await served.ask('PUT', '/projects/shop', { key: served.key('global'), body: { storage: { segment_bytes: 8192 } } });
  await served.restart(async () => {
    await served.edit(() => copy);
    await served.editEntry('shop', (entry) => ({ ...entry, storage: { ...entry.storage, durability: 'os' } }));
  });
  const { storage } = await served.entry('shop');
  assert.deepEqual([storage?.durability, storage?.segment_bytes], ['os', 8192]);
}));

test('an entry that is removed leaves the data unserved and named, and put back it serves them again', () => withShop(async (served) => {
  const key = served.key('shop');
  await served.set('shop', ['k', 'kept'], key);
  const entry = await served.entry('shop');
  await served.restart(() => served.edit((document) => ({ ...document, projects: [] })));
  assert.equal(await served.statusFor('shop', served.key('global')), 404);
  const warning = served.logged.findLast(({ project, level }) => project === 'shop' && level === 'warn');
  assert.ok((warning?.['files'] as string[]).includes('shop.jsonl'), JSON.stringify(warning));
  const refused = await served.ask('POST', '/projects', { key: served.key('global'), body: { id: 'shop' } });
  assert.deepEqual([refused.status, refused.body['code']], [409, 'project_not_served']);
  await served.restart(() => served.edit((document) => ({ ...document, projects: [entry] })));
  assert.equal((await served.ask('GET', '/projects/shop/keys/k', { key })).text, '"kept"');
}));

test('a project without an entry can be deleted, and its id used again', () => withShop(async (served) => {
  await served.set('shop', ['k', 'a value that must be gone'], served.key('shop'));
  await served.restart(() => served.edit((document) => ({ ...document, projects: [] })));
  assert.equal((await served.ask('DELETE', '/projects/shop', { key: served.key('global') })).status, 204);
  assert.equal((await served.ask('DELETE', '/projects/shop', { key: served.key('global') })).status, 404);
  const key = await served.create('shop');
  assert.equal((await served.ask('GET', '/projects/shop/keys', { key })).text, '{}');
  await served.stop();
  for (const [name, content] of await served.dataFiles()) assert.ok(!content.includes('a value that must be gone'), name);
}));

test('a project that is added by hand is made at the next start', () => withShop(async (served) => {
  await served.restart(() => served.edit((document) => ({ ...document, projects: [...document.projects, { id: 'added' }] })));
  assert.equal(await served.statusFor('added', served.key('added')), 200);
  assert.deepEqual((await lastChange(served, 'added')).slice(0, 2), ['project.create', 'config']);
  const registered = (await served.lines('_server')).filter((line) => line['op'] === 'project.created').map((line) => line['id']);
  assert.deepEqual(registered, ['shop', 'added']);
  assert.equal((await served.entry('added')).revision, 1);
}));

test('an entry with a revision of a project that was deleted is named and not served, until DELETE removes it',
  () => withShop(async (served) => {
  const entry = await served.entry('shop');
  const putBack = (): Promise<void> => served.edit((document) => ({ ...document, projects: [entry] }));
  await served.ask('DELETE', '/projects/shop', { key: served.key('global') });
  await served.restart(putBack);
  assert.equal(await served.statusFor('shop', served.key('global')), 404);
  assert.equal(await served.statusFor('shop', served.key('shop')), 401);
  assert.ok(served.loggedOf('shop', 'warn').some((message) => /was deleted/.test(message)));
  assert.equal((await served.ask('DELETE', '/projects/shop', { key: served.key('global') })).status, 204);
  assert.deepEqual((await served.document()).projects, []);
}));

test('an entry of a deleted project that loses its revision begins anew, with an empty log of another id',
  () => withShop(async (served) => {
  const { revision: _, ...entry } = await served.entry('shop');
  const before = await served.set('shop', ['k', 1], served.key('shop'));
  await served.ask('DELETE', '/projects/shop', { key: served.key('global') });
  await served.restart(() => served.edit((document) => ({ ...document, projects: [entry] })));
  assert.equal((await served.ask('GET', '/projects/shop/keys', { key: served.key('shop') })).text, '{}');
  await served.set('shop', ['k', 1], served.key('shop'));
  const after = await served.ask('GET', '/projects/shop/keys/k', { key: served.key('shop') });
  assert.notEqual(after.headers.get('ETag'), before.headers.get('ETag'));
}));

test('a project that is created again has another log, and an old ETag never matches', () => withShop(async (served) => {
  const before = await served.set('shop', ['k', 1], served.key('shop'));
  const etag = before.headers.get('ETag') ?? '';
  await served.ask('DELETE', '/projects/shop', { key: served.key('global') });
  const key = await served.create('shop');
  const again = await served.set('shop', ['k', 1], key);
  assert.equal(again.body['seq'], before.body['seq']);
  assert.notEqual(again.headers.get('ETag'), etag);
  const write = await served.ask('PUT', '/projects/shop/keys/k', { key, body: 2, headers: { 'If-Match': etag } });
  assert.equal(write.status, 412);
  assert.equal((await served.ask('GET', '/projects/shop/keys/k', { key, headers: { 'If-None-Match': etag } })).status, 200);
}));

test('nothing of a deleted project is left in any file', () => withShop(async (served) => {
  const { id, value } = { id: 'doomed', value: 'a value that must be gone'.repeat(300) };
  const key = await served.create(id, { storage: { segment_bytes: 4096 } });
  for (const name of ['one', 'two', 'three']) await served.set(id, [name, value], key);
  assert.ok([...(await served.dataFiles()).keys()].filter((name) => name.startsWith('doomed/0')).length > 0);
  assert.equal((await served.ask('DELETE', '/projects/doomed', { key: served.key('global') })).status, 204);
  assert.equal(await served.statusFor(id, key), 401);
  await served.stop();
  const files = await served.dataFiles();
  assert.deepEqual([...files].filter(([name, content]) => name.includes(id) || content.includes(value.slice(0, 26))), []);
}));

test.run();
