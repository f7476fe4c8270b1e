/** Projects and API keys in an edited configuration: what a reload does with them, and what it refuses as a whole. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { generateApiKey } from '../../src/auth/api-key.js';
import { hashGenerated, keyIdOf } from '../../src/auth/key-hash.js';
import type { ProjectEntry } from '../../src/config/config-document.js';
import { problemOf } from '../e2e/server-under-test.js';
import { suite } from '../suite.js';
import { type Reloaded, type ReloadBench, withReloads } from './reload-bench.js';

const test = suite('reload-projects.e2e');

const SHOP = { id: 'shop', authentication: { enabled: false } };
const VALUE = '/api/v1/projects/shop/keys/k';

interface LoggedEvent {
  readonly op: string;
  readonly actor: string;
  readonly scope?: string;
  readonly changed?: readonly string[];
}

function linesOf(it: ReloadBench, name: string): readonly LoggedEvent[] {
  const text = readFileSync(it.bench.path('data', `${name}.jsonl`), 'utf8');
  return text.trimEnd().split('\n').map((line) => JSON.parse(line) as LoggedEvent);
}

async function write(it: ReloadBench, value = '1', target = VALUE): Promise<number> {
  return (await it.server.send('PUT', target, { body: value })).status;
}

async function settingsOf(it: ReloadBench, id = 'shop'): Promise<Record<string, Record<string, unknown>>> {
  return JSON.parse((await it.ask('GET', `/projects/${id}`)).text) as Record<string, Record<string, unknown>>;
}

test('an edited entry is an event of the caller, in the log and in the registry, and the entry gets its revision', () =>
  withReloads(async (it) => {
    await it.start([SHOP]);
    await write(it);
    it.editEntry('shop', (entry) => ({ ...entry, storage: { ...entry.storage, retention: { max_bytes: 5000 } }, quota: { max_keys: 9 } }));
    assert.deepEqual((await it.reload()).projects, [{ id: 'shop', outcome: 'edited', changed: ['storage.retention', 'quota.max_keys'] }]);
    const { quota } = await settingsOf(it);
    assert.equal(quota?.['max_keys'], 9);
    const actor = `global#${keyIdOf(hashGenerated(it.globalKey))}`;
    const newest = linesOf(it, 'shop').at(-1);
    assert.deepEqual([newest?.op, newest?.actor], ['project.update', actor]);
    const edit = linesOf(it, '_server').findLast(({ op }) => op === 'config.edited');
    assert.deepEqual([edit?.actor, edit?.scope, edit?.changed], [actor, 'shop', ['storage.retention', 'quota.max_keys']]);
    assert.equal(it.document.projects[0]?.revision, 3);
    assert.deepEqual(await it.reload(), { changed: [], needs_restart: [], projects: [] });
  }));

test('a trial says what a reload would do, and does none of it', () => withReloads(async (it) => {
  await it.start([SHOP, { id: 'old' }]);
  it.edit((document) => ({ ...document, log_level: 'warn', server_port: 1, projects: [
    { ...document.projects[0], quota: { max_keys: 1 } }, { id: 'new' },
  ] }));
  const { text } = it;
  const expected: Reloaded = {
    changed: ['log_level'],
    needs_restart: ['server_port'],
    projects: [
      { id: 'shop', outcome: 'edited', changed: ['quota.max_keys'] },
      { id: 'new', outcome: 'created' },
      { id: 'old', outcome: 'not_served' },
    ],
  };
  assert.deepEqual(await it.reload({ dry_run: true }), expected);
  assert.equal(it.text, text);
  assert.equal((await settingsOf(it))['quota']?.['max_keys'], null);
  assert.equal((await it.ask('GET', '/projects/old')).status, 200);
  assert.equal((await it.ask('GET', '/projects/new')).status, 404);
  assert.deepEqual(await it.reload({ dry_run: false }), expected);
  assert.equal((await it.ask('GET', '/projects/new')).status, 200);
}));

test('a new entry creates a project, whose API key is printed once and works', () => withReloads(async (it) => {
  await it.start([SHOP]);
  await it.take((document) => ({ ...document, projects: [...document.projects, { id: 'new' }] }));
  const key = it.server.key('new');
  assert.equal((await it.server.send('PUT', '/api/v1/projects/new/keys/a', { key, body: '1' })).status, 201);
  assert.equal(it.document.projects[1]?.authentication?.api_key_hash, hashGenerated(key));
  assert.equal(it.document.projects[1]?.revision, 1);
}));

test('an entry that is gone ends the project, not its data; with the entry, both are back', () => withReloads(async (it) => {
  await it.start([SHOP, { id: 'other', authentication: { enabled: false } }]);
  await write(it, '"kept"');
  const { document } = it;
  const gone = await it.take(() => ({ ...document, projects: document.projects.slice(1) }));
  assert.deepEqual(gone.projects, [{ id: 'shop', outcome: 'not_served' }]);
  assert.equal((await it.ask('GET', '/projects/shop/keys/k')).status, 404);
  assert.ok(existsSync(it.bench.path('data', 'shop.jsonl')));
  await it.server.line('the advice', ({ project, what_to_do: advice }) => project === 'shop' && /restore the entry/.test(String(advice)));
  const back = await it.take(() => document);
  assert.deepEqual(back.projects, [{ id: 'shop', outcome: 'served' }]);
  assert.equal((await it.server.send('GET', VALUE)).text, '"kept"');
  assert.equal(await write(it, '2'), 200);
}));

test('a project moves between disk and memory with its data', () => withReloads(async (it) => {
  await it.start([SHOP]);
  await write(it, '"moved"');
  it.editEntry('shop', (entry) => ({ ...entry, storage: { on_disk: false } }));
  assert.deepEqual((await it.reload()).projects, [{ id: 'shop', outcome: 'edited', changed: ['storage.on_disk'] }]);
  assert.equal((await it.server.send('GET', VALUE)).text, '"moved"');
  assert.ok(!existsSync(it.bench.path('data', 'shop.jsonl')));
  it.editEntry('shop', (entry) => ({ ...entry, storage: { on_disk: true } }));
  assert.deepEqual((await it.reload()).projects, [{ id: 'shop', outcome: 'edited', changed: ['storage.on_disk'] }]);
  await it.server.stop();
  await it.restart();
  assert.equal((await it.server.send('GET', VALUE)).text, '"moved"');
}));

test('an edit of default.storage and default.quota changes every project that has no value of its own', () => withReloads(async (it) => {
  await it.start([{ ...SHOP, quota: { max_keys: 5 } }, { id: 'other' }]);
  const { projects } = await it.take((document) => ({ ...document, default: { ...document.default, quota: { max_keys: 7 } } }));
  assert.deepEqual(projects, [{ id: 'other', outcome: 'edited', changed: ['quota.max_keys'] }]);
}));

test('API keys in the file are in force: a typed one, one that was replaced, a list, and the global one', () => withReloads(async (it) => {
  const [first, listed, nextGlobal] = [generateApiKey('project'), generateApiKey('project'), generateApiKey('global')];
  await it.start([{ id: 'shop', authentication: { api_key_hash: hashGenerated(first) } }]);
  const statusWith = async (key: string): Promise<number> => (await it.server.send('GET', '/api/v1/projects/shop/keys', { key })).status;
  assert.equal(await statusWith(first), 200);
  it.editEntry('shop', ({ authentication, ...entry }) => ({
    ...entry,
    authentication: {
      ...authentication, api_key: 'a-typed-key', api_key_hash: null,
      api_keys: [{ name: 'reader', permissions: ['read'], api_key_hash: hashGenerated(listed) }],
    },
  }));
  const { projects } = await it.reload();
  assert.deepEqual(projects, [{ id: 'shop', outcome: 'edited', changed: ['authentication.api_key', 'authentication.api_keys'] }]);
  assert.deepEqual([await statusWith(first), await statusWith('a-typed-key'), await statusWith(listed)], [401, 200, 200]);
  assert.ok(!it.text.includes('a-typed-key'));
  it.editEntry('shop', ({ authentication, ...entry }) => ({ ...entry, authentication: { ...authentication, api_keys: [] } }));
  await it.reload();
  assert.equal(await statusWith(listed), 401);
  it.edit((document) => ({ ...document, default: { ...document.default, authentication: { api_key_hash: hashGenerated(nextGlobal) } } }));
  assert.deepEqual((await it.reload()).changed, ['default.authentication.api_key']);
  assert.equal((await it.ask('GET', '/projects')).status, 401);
  assert.equal((await it.server.send('GET', '/api/v1/projects', { key: nextGlobal })).status, 200);
  const edit = linesOf(it, '_server').findLast(({ op }) => op === 'config.edited');
  assert.deepEqual([edit?.scope, edit?.changed], ['default', ['authentication.api_key']]);
}));

test('an older copy of the file does not bring back a key that was revoked', () => withReloads(async (it) => {
  await it.start([{ id: 'shop' }]);
  const made = await it.ask('POST', '/projects/shop/api-keys', { name: 'reader', permissions: ['read'] });
  const { id, api_key: key } = JSON.parse(made.text) as { readonly id: string; readonly api_key: string };
  const older = it.text;
  assert.equal((await it.ask('DELETE', `/projects/shop/api-keys/${id}`)).status, 204);
  writeFileSync(it.bench.configPath, older);
  await it.reload();
  assert.equal((await it.server.send('GET', '/api/v1/projects/shop/keys', { key })).status, 401);
  assert.deepEqual(it.document.projects[0]?.authentication?.api_keys, []);
}));

test('an older copy of the file that brings a replaced key back is reported', () => withReloads(async (it) => {
  const first = generateApiKey('project');
  await it.start([{ id: 'shop', authentication: { api_key_hash: hashGenerated(first) } }]);
  const older = it.text;
  assert.equal((await it.ask('POST', '/projects/shop/api-key/regenerate')).status, 200);
  writeFileSync(it.bench.configPath, older);
  assert.deepEqual((await it.reload()).projects, [{ id: 'shop', outcome: 'edited', changed: ['authentication.api_key'] }]);
  assert.equal((await it.server.send('GET', '/api/v1/projects/shop/keys', { key: first })).status, 200);
  const { newest_revision: newest } = await it.server.line('the warning', ({ msg }) => /is accepted again/.test(String(msg)));
  assert.equal(newest, 2);
}));

test('an entry older than the log follows the log, with what was edited on top', () => withReloads(async (it) => {
  await it.start([SHOP]);
  const older = it.text;
  assert.equal((await it.ask('PUT', '/projects/shop', { quota: { max_keys: 9 } })).status, 200);
  writeFileSync(it.bench.configPath, older);
  assert.deepEqual((await it.reload()).projects, [{ id: 'shop', outcome: 'updated' }]);
  assert.equal(it.document.projects[0]?.quota?.max_keys, 9);
  writeFileSync(it.bench.configPath, older);
  it.editEntry('shop', (entry) => ({ ...entry, quota: { max_bytes: 5000 } }));
  assert.deepEqual((await it.reload()).projects, [{ id: 'shop', outcome: 'edited', changed: ['quota.max_bytes'] }]);
  assert.deepEqual(it.document.projects[0]?.quota, { max_keys: 9, max_bytes: 5000 });
}));

test('a file that cannot be used changes nothing, however much of it is sound', () => withReloads(async (it) => {
  await it.start([SHOP]);
  const { document } = it;
  const sound = { ...document, log_level: 'debug', limits: { max_value_bytes: 5 }, projects: [] };
  const faulty: Readonly<Record<string, object | string>> = {
    '/log_level': { ...sound, log_level: 'loud' },
    '/limits/max_key_bytes': { ...sound, limits: { max_key_bytes: 0 } },
    '/tls/key_file': { ...sound, tls: { key_file: 'missing.pem', cert_file: 'missing.pem' } },
    '/projects/1/id': { ...sound, projects: [SHOP, SHOP] },
    '/nonsense': { ...sound, nonsense: 1 },
    '/projects/0': { ...sound, projects: [{ ...SHOP, revision: 99 }] },
    '/projects/0/authentication/enabled': { ...sound, projects: [SHOP], allowed_origins: ['*'] },
    '': '{"version":1,',
  };
  for (const [pointer, written] of Object.entries(faulty)) {
    const text = typeof written === 'string' ? written : JSON.stringify(written);
    writeFileSync(it.bench.configPath, text);
    for (const body of [undefined, { dry_run: true }]) {
      const answer = await it.ask('POST', '/reload', body);
      const problem = problemOf(answer);
      assert.deepEqual([answer.status, problem['code'], problem['pointer']], [422, 'invalid_config', pointer], answer.text);
    }
    assert.equal(it.text, text);
    assert.ok(await write(it, '"more than five bytes"') < 300, pointer);
  }
  renameSync(it.bench.configPath, it.bench.path('away.json'));
  assert.equal((await it.ask('POST', '/reload')).status, 422);
}));

test('an edit is not overwritten: changes are refused until it is reloaded, values are not', () => withReloads(async (it) => {
  await it.start([SHOP]);
  it.edit((document) => ({ ...document, log_level: 'warn' }));
  const { text } = it;
  const refused = [
    it.ask('POST', '/projects', { id: 'new' }), it.ask('PUT', '/projects/shop', { quota: { max_keys: 5 } }),
    it.ask('POST', '/projects/shop/api-key/regenerate'), it.ask('DELETE', '/projects/shop'),
    it.ask('POST', '/projects/shop/api-keys', { name: 'a', permissions: ['read'] }),
    it.ask('POST', '/api-keys', { name: 'a', permissions: ['read'] }),
  ];
  for (const answer of await Promise.all(refused)) {
    const { code, applied } = problemOf(answer);
    assert.deepEqual([answer.status, code, applied], [409, 'config_changed', undefined], answer.text);
  }
  assert.equal(it.text, text);
  assert.equal(await write(it), 201);
  assert.equal((await settingsOf(it))['quota']?.['max_keys'], null);
  await it.reload();
  assert.equal((await it.ask('POST', '/projects', { id: 'new' })).status, 201);
  assert.equal(it.document.log_level, 'warn');
}));

test('an edit that races with creations loses neither: each creation is in the file, or was refused', () => withReloads(async (it) => {
  await it.start([SHOP]);
  for (let round = 0; round < 10; round += 1) {
    const create = (index: number): Promise<{ readonly status: number }> => (
      it.ask('POST', '/projects', { id: `p-${round}-${index}`, storage: { on_disk: false } })
    );
    const creations = Array.from({ length: 8 }, (_, index) => create(index));
    const level = round % 2 === 0 ? 'warn' : 'info';
    // Not in one step with the creations: what was read may be older than what is overwritten, as with an editor.
    const seen = it.document;
    await creations[round % 8];
    const projects = [...seen.projects, ...added(it, seen.projects)];
    writeFileSync(it.bench.configPath, JSON.stringify({ ...seen, log_level: level, projects }));
    const answers = await Promise.all(creations);
    await it.reload();
    assert.ok(answers.every(({ status }) => status === 201 || status === 409), String(answers.map(({ status }) => status)));
    const names = new Set(it.document.projects.map(({ id }) => id));
    const served = JSON.parse((await it.ask('GET', '/projects')).text) as { readonly projects: readonly { readonly id: string }[] };
    assert.deepEqual([...names].sort(), served.projects.map(({ id }) => id).sort());
  }
}));

/** Entries that the server has added since. */
function added(it: ReloadBench, seen: readonly ProjectEntry[]): readonly ProjectEntry[] {
  const known = new Set(seen.map(({ id }) => id));
  return it.document.projects.filter(({ id }) => !known.has(id));
}

test('a reload needs the global key, and takes no other body', () => withReloads(async (it) => {
  const key = generateApiKey('project');
  await it.start([{ id: 'shop', authentication: { api_key_hash: hashGenerated(key) } }]);
  assert.equal((await it.server.send('POST', '/api/v1/reload')).status, 401);
  assert.equal((await it.server.send('POST', '/api/v1/reload', { key })).status, 403);
  for (const body of [{ dry_run: 1 }, { dryRun: true }, []]) {
    const answer = await it.ask('POST', '/reload', body);
    assert.equal(answer.status, 400, answer.text);
  }
  assert.equal((await it.ask('GET', '/reload')).status, 405);
  assert.equal((await it.ask('POST', '/reload', {})).status, 200);
}));

test.run();
