/** API keys between config.json and the server: shown once, typed, generated, kept, left out. */
import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { isErrno } from '../../src/base/app-error.js';
import { ConfigError } from '../../src/config/config-error.js';
import { suite } from '../suite.js';
import { type ServedFolder, withServedFolder, withShop } from './served-folder.js';

const test = suite('configuration-keys.e2e');

const CHOSEN_KEY = 'a-key-that-a-person-chose';
const PERMISSION_BITS = 0o777;

/** A first run listens on the usual port, which something else on this machine may have; what it leaves is the same. */
async function runFirst(served: ServedFolder): Promise<void> {
  try {
    await served.start();
  } catch (error) {
    if (!isErrno(error, 'EADDRINUSE')) throw error;
  }
  await served.stop();
}

test('a first run shows both keys once, in a file that only its owner may read, and a second start shows nothing',
  () => withServedFolder(async (served) => {
  await runFirst(served);
  assert.equal(served.firstRuns.length, 1);
  assert.equal((await stat(served.configPath)).mode & PERMISSION_BITS, 0o600);
  const text = await readFile(served.configPath, 'utf8');
  for (const { key } of served.shown) assert.ok(!text.includes(key));
  await served.edit((document) => ({ ...document, server_port: 0 }));
  await served.start();
  assert.equal(served.shown.length, 2);
  assert.equal(await served.statusFor('first_project', served.key('first_project')), 200);
  assert.equal((await served.ask('GET', '/projects', { key: served.key('global') })).status, 200);
  assert.equal((await served.ask('GET', '/projects', { key: served.key('first_project') })).status, 403);
}));

test('no line of the log and no file holds a key that was shown', () => withShop(async (served) => {
  await served.create('second');
  await served.ask('POST', '/projects/shop/api-key/regenerate', { key: served.key('global') });
  await served.stop();
  const files = [...(await served.dataFiles()).values(), await readFile(served.configPath, 'utf8')];
  const written = JSON.stringify(served.logged) + files.join('');
  for (const { key } of served.shown) assert.ok(!written.includes(key));
}));

test('a typed key becomes a hash at the next start, and the field null', () => withServedFolder(async (served) => {
  await served.write({
    default: { authentication: { api_key: 'the-global-one' } },
    projects: [{ id: 'shop', authentication: { enabled: true, save_api_key_to_file: false, api_key: CHOSEN_KEY, api_key_hash: null } }],
  });
  await served.start();
  assert.equal(served.shown.length, 0);
  const { authentication } = await served.entry('shop');
  assert.equal(authentication?.api_key, null);
  assert.match(authentication?.api_key_hash ?? '', /^scrypt:/);
  assert.ok(!(await readFile(served.configPath, 'utf8')).includes(CHOSEN_KEY));
  assert.equal(await served.statusFor('shop', CHOSEN_KEY), 200);
  await served.restart();
  assert.equal(await served.statusFor('shop', CHOSEN_KEY), 200);
  assert.equal((await served.ask('GET', '/projects', { key: 'the-global-one' })).status, 200);
}));

test('save_api_key_to_file keeps a typed key, and a key that is made later', () => withServedFolder(async (served) => {
  const authentication = { enabled: true, save_api_key_to_file: true };
  const typed = { id: 'typed', authentication: { ...authentication, api_key: CHOSEN_KEY } };
  await served.write({ projects: [typed, { id: 'made', authentication }] });
  await served.start();
  assert.equal((await served.entry('typed')).authentication?.api_key, CHOSEN_KEY);
  assert.equal((await served.entry('made')).authentication?.api_key, served.key('made'));
  const { body } = await served.ask('POST', '/projects/typed/api-key/regenerate', { key: served.key('global') });
  assert.equal((await served.entry('typed')).authentication?.api_key, body['api_key']);
  await served.restart();
  assert.equal(await served.statusFor('typed', CHOSEN_KEY), 401);
  assert.equal(await served.statusFor('typed', String(body['api_key'])), 200);
}));

test('save_api_key_to_file set by PUT keeps the key from the next regenerate on, and switched off drops it at once',
  () => withShop(async (served) => {
  const key = served.key('shop');
  await served.ask('PUT', '/projects/shop', { key, body: { authentication: { save_api_key_to_file: true } } });
  assert.equal((await served.entry('shop')).authentication?.api_key, null);
  const { body } = await served.ask('POST', '/projects/shop/api-key/regenerate', { key: served.key('global') });
  assert.equal((await served.entry('shop')).authentication?.api_key, body['api_key']);
  await served.ask('PUT', '/projects/shop', { key: String(body['api_key']), body: { authentication: { save_api_key_to_file: false } } });
  assert.equal((await served.entry('shop')).authentication?.api_key, null);
  assert.equal(await served.statusFor('shop', String(body['api_key'])), 200);
}));

test('a scope with neither key nor hash gets a key, which is shown once', () => withShop(async (served) => {
  assert.deepEqual(served.shown.map(({ scope }) => scope), ['global', 'shop']);
  assert.match((await served.entry('shop')).authentication?.api_key_hash ?? '', /^sha256:/);
  await served.restart();
  assert.equal(served.shown.length, 2);
  assert.equal(await served.statusFor('shop', served.key('shop')), 200);
}));

test('a project that is created gets a key, which is in the answer and shown once', () => withShop(async (served) => {
  const key = await served.create('second');
  assert.equal(served.key('second'), key);
  assert.equal(await served.statusFor('second', key), 200);
  assert.equal(await served.statusFor('shop', key), 403);
  await served.restart();
  assert.equal(served.shown.length, 3);
  assert.equal(await served.statusFor('second', key), 200);
}));

test('print_api_keys false shows no key of a project, and the global one all the same', () => withServedFolder(async (served) => {
  await served.write({ print_api_keys: false, projects: [{ id: 'shop' }] });
  await served.start();
  await served.create('second');
  assert.deepEqual(served.shown.map(({ scope }) => scope), ['global']);
  assert.deepEqual(served.loggedOf('shop', 'warn'), ['an API key was generated for a project that had none, and it was not shown']);
  const { body } = await served.ask('POST', '/projects/shop/api-key/regenerate', { key: served.key('global') });
  assert.equal(await served.statusFor('shop', String(body['api_key'])), 200);
}));

test('a regenerated key holds at once and after a restart, and the old one never again', () => withShop(async (served) => {
  const old = served.key('shop');
  const { body } = await served.ask('POST', '/projects/shop/api-key/regenerate', { key: served.key('global') });
  const renewed = String(body['api_key']);
  for (const restarts of [0, 1]) {
    if (restarts > 0) await served.restart();
    assert.equal(await served.statusFor('shop', old), 401);
    assert.equal(await served.statusFor('shop', renewed), 200);
  }
  assert.equal(served.shown.length, 2);
}));

test('authentication off for a project opens that project and no other scope', () => withServedFolder(async (served) => {
  await served.write({ projects: [{ id: 'open', authentication: { enabled: false } }, { id: 'shop' }] });
  await served.start();
  assert.deepEqual(served.shown.map(({ scope }) => scope), ['global', 'shop']);
  assert.equal(await served.statusFor('open'), 200);
  assert.equal(await served.statusFor('shop'), 401);
  assert.equal((await served.ask('GET', '/projects')).status, 401);
  assert.ok(served.loggedOf('open', 'warn').some((message) => /authentication of a project is off/.test(message)));
}));

test('authentication off for the global routes opens those and no project', () => withServedFolder(async (served) => {
  await served.write({ default: { authentication: { enabled: false } }, projects: [{ id: 'shop' }] });
  await served.start();
  assert.equal((await served.ask('GET', '/projects')).status, 200);
  assert.equal((await served.ask('POST', '/projects', { body: { id: 'second' } })).status, 201);
  assert.equal(await served.statusFor('shop'), 401);
}));

test('authentication that is switched on where no key exists makes one and returns it once', () => withServedFolder(async (served) => {
  await served.write({ projects: [{ id: 'open', authentication: { enabled: false } }] });
  await served.start();
  const on = { authentication: { enabled: true } };
  assert.equal((await served.ask('PUT', '/projects/open', { body: on })).status, 401);
  const { status, body } = await served.ask('PUT', '/projects/open', { key: served.key('global'), body: on });
  assert.equal(status, 200);
  const key = String(body['api_key']);
  for (const restarts of [0, 1]) {
    if (restarts > 0) await served.restart();
    assert.equal(await served.statusFor('open'), 401);
    assert.equal(await served.statusFor('open', key), 200);
  }
  const again = await served.ask('PUT', '/projects/open', { key, body: { authentication: { enabled: false } } });
  assert.equal('api_key' in again.body, false);
  assert.equal(await served.statusFor('open'), 200);
  const back = await served.ask('PUT', '/projects/open', { key: served.key('global'), body: on });
  assert.equal('api_key' in back.body, false);
  assert.equal(await served.statusFor('open', key), 200);
}));

test('authentication edited from off to on needs a key from the next start on, and shows it', () => withServedFolder(async (served) => {
  await served.write({ projects: [{ id: 'open', authentication: { enabled: false } }] });
  await served.start();
  await served.set('open', ['k', 1]);
  await served.restart(() => served.editEntry('open', (entry) => ({ ...entry, authentication: { enabled: true } })));
  assert.equal(await served.statusFor('open'), 401);
  assert.equal(await served.statusFor('open', served.key('open')), 200);
  const edit = (await served.lines('open')).at(-1);
  assert.deepEqual([edit?.['op'], edit?.['actor']], ['project.update', 'config']);
}));

test('two scopes with one key refuse the start, and the file stays as it is', () => withServedFolder(async (served) => {
  const authentication = { api_key: CHOSEN_KEY };
  await served.write({ projects: [{ id: 'a', authentication }, { id: 'b', authentication }] });
  const text = await readFile(served.configPath, 'utf8');
  await assert.rejects(served.start(), ConfigError);
  assert.equal(await readFile(served.configPath, 'utf8'), text);
}));

test.run();
