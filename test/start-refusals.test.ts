/** Starts that are refused say what to do, print no key and leave nothing behind; and the way back from a lost configuration. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { firstConfig } from '../src/config/first-config.js';
import { ListeningError } from '../src/config/listening-error.js';
import { SERVER_SETTINGS } from '../src/config/settings-table.js';
import { ConfigError } from '../src/config/config-error.js';
import type { ConfigDocument } from '../src/config/config-document.js';
import { silentLogger } from '../src/base/logger.js';
import { SimpleKvServer } from '../src/server.js';
import { inFolder } from './config/config-folder.js';
import { InlineTasks } from './offline/tasks/inline-tasks.js';
import { suite } from './suite.js';

const test = suite('start-refusals');

const PORT_RETRY_MS = 500;
const PORT_ATTEMPTS_MAX = 60;

/** A server with the keys that it showed, by project; the global one under `global`. */
interface Run {
  readonly server: SimpleKvServer;
  readonly shown: Map<string, string>;
}

function serverFor(configPath: string, adopt = false): Run {
  const shown = new Map<string, string>();
  const server = new SimpleKvServer({
    configPath, adopt, createLogger: () => silentLogger, createTasks: () => new InlineTasks(), pid: 1,
    announcer: {
      firstRun: (first) => void shown.set('global', first.globalKey).set(first.project, first.projectKey),
      generatedKey: (scope, key) => void shown.set(scope.kind === 'global' ? 'global' : scope.project, key),
    },
  });
  return { server, shown };
}

async function configure(folder: string, document: object): Promise<string> {
  const file = path.join(folder, 'config.json');
  await writeFile(file, JSON.stringify({ version: 1, server_port: 0, ...document }), { mode: 0o600 });
  return file;
}

async function documentOf(file: string): Promise<ConfigDocument> {
  return JSON.parse(await readFile(file, 'utf8')) as ConfigDocument;
}

interface Sent {
  readonly method?: string;
  readonly key: string | undefined;
  readonly body?: string;
}

async function send(url: string, { method = 'GET', key = '', body }: Sent): Promise<Response> {
  const headers = { Authorization: `Bearer ${key}`, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) };
  return await fetch(url, { method, headers, ...(body === undefined ? {} : { body }) });
}

/** Asserts that a start is refused, with nothing shown, and nothing in the folder that was not there before. */
async function assertRefused(folder: string, run: Run, check: (error: Error) => void): Promise<void> {
  const before = (await readdir(folder, { recursive: true })).sort();
  await assert.rejects(run.server.start(), (error) => {
    assert.ok(error instanceof Error);
    check(error);
    assert.ok(!error.message.includes('\n'), error.message);
    return true;
  });
  assert.deepEqual([...run.shown], []);
  assert.deepEqual((await readdir(folder, { recursive: true })).sort(), before);
}

/** Serves three projects, deletes one, and gives the keys. */
async function useProjects(folder: string): Promise<string> {
  const storage = { durability: 'os', segment_bytes: 8192 };
  const open = { id: 'open', authentication: { enabled: false } };
  const file = await configure(folder, { projects: [{ id: 'shop', storage }, open, { id: 'gone' }] });
  const { server, shown } = serverFor(file);
  const { url } = await server.start();
  const keys = `${url}/api/v1/projects/shop/keys`;
  assert.equal((await send(`${keys}/k`, { method: 'PUT', key: shown.get('shop'), body: '1' })).status, 201);
  const update = '{"storage":{"durability":"fsync"}}';
  assert.equal((await send(`${url}/api/v1/projects/shop`, { method: 'PUT', key: shown.get('global'), body: update })).status, 200);
  assert.equal((await send(`${url}/api/v1/projects/gone`, { method: 'DELETE', key: shown.get('global') })).status, 204);
  await server.close();
  return file;
}

test('a data folder that cannot be made refuses the start at once, also where the folder above is there and takes no names',
  () => inFolder(async (folder) => {
  if (!existsSync('/proc/self')) return;
  for (const place of ['/proc/nope', '/proc/nope/data']) {
    const file = await configure(folder, { default: { storage: { persistent_file_path: place } }, projects: [] });
    await assertRefused(folder, serverFor(file), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.equal(error.pointer, '/default/storage/persistent_file_path');
      assert.match(error.message, /expected a folder that can be created and written to \(ENOENT\)$/);
    });
  }
}));

test('a project that is open by its log is not served to pages of every origin', () => inFolder(async (folder) => {
  const file = await configure(folder, { projects: [{ id: 'shop' }] });
  const first = serverFor(file);
  const { url } = await first.server.start();
  const before = await documentOf(file);
  const open = { method: 'PUT', key: first.shown.get('global'), body: '{"authentication":{"enabled":false}}' };
  assert.equal((await send(`${url}/api/v1/projects/shop`, open)).status, 200);
  await first.server.close();
  const opened = await documentOf(file);
  // The entry of an older copy is stale, and brought up to date from the log.
  for (const document of [opened, before]) {
    await configure(folder, { ...document, allowed_origins: ['*'] });
    await assert.rejects(serverFor(file).server.start(), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.equal(error.pointer, document === before ? '/allowed_origins' : '/projects/0/authentication/enabled');
      return true;
    });
  }
  await configure(folder, { ...before, allowed_origins: ['https://app.example'] });
  const last = serverFor(file);
  await last.server.start();
  await last.server.close();
}));

test('a missing configuration over projects is no first run: it is refused, and they are named', () => inFolder(async (folder) => {
  const file = await useProjects(folder);
  await rename(file, path.join(folder, 'kept.json'));
  await assertRefused(folder, serverFor(file), (error) => {
    assert.ok(error instanceof ConfigError);
    const advice = /\(open, shop\), but there is no such file\. Name the right one with --config, or restore it from a backup/;
    assert.match(error.message, advice);
    assert.ok(error.message.includes(`simplekv serve --config ${file} --adopt`), error.message);
  });
}));

test('projects are found by their logs where the registry is gone', () => inFolder(async (folder) => {
  const file = await useProjects(folder);
  await rm(file);
  await rm(path.join(folder, 'data', '_server.jsonl'));
  await assertRefused(folder, serverFor(file), (error) => assert.match(error.message, /\(open, shop\)/));
}));

for (const isRegistryThere of [true, false]) {
  test(`--adopt gives new keys and the newest settings, ${isRegistryThere ? 'by the registry' : 'by the logs alone'}`,
    () => inFolder(async (folder) => {
    const file = await useProjects(folder);
    await rm(file);
    if (!isRegistryThere) await rm(path.join(folder, 'data', '_server.jsonl'));
    await writeFile(path.join(folder, 'data', 'damaged.jsonl'), 'no log\n');
    let shopKey: string | undefined;
    await onDefaultPort(file, true, async (url, shown) => {
      assert.deepEqual([...shown.keys()].sort(), ['global', 'shop'], 'the open project needs no key');
      shopKey = shown.get('shop');
      const value = await send(`${url}/api/v1/projects/shop/keys/k`, { key: shown.get('shop') });
      assert.equal(await value.text(), '1');
      assert.equal((await send(`${url}/api/v1/projects/gone`, { key: shown.get('global') })).status, 404);
    });
    const { projects } = await documentOf(file);
    assert.deepEqual(projects.map(({ id }) => id).sort(), ['open', 'shop']);
    const shop = projects.find(({ id }) => id === 'shop');
    assert.equal(shop?.storage?.segment_bytes, 8192);
    assert.equal(shop.storage.durability, undefined, 'the newest event says fsync, which is the default');
    assert.equal(projects.find(({ id }) => id === 'open')?.authentication?.enabled, false);
    await onDefaultPort(file, false, async (url, shownAgain) => {
      assert.deepEqual([...shownAgain], [], 'a key is shown once');
      assert.equal((await send(`${url}/api/v1/projects/shop/keys/k`, { key: shopKey })).status, 200);
    });
  }));
}

/** Starts a server on the default port, which another process of this machine may have for a while: such a start leaves nothing behind. */
async function onDefaultPort(file: string, adopt: boolean, body: (url: string, shown: Run['shown']) => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const { server, shown } = serverFor(file, adopt);
    try {
      const { url } = await server.start();
      await body(url, shown);
      await server.close();
      return;
    } catch (error) {
      if (!(error instanceof ListeningError) || attempt === PORT_ATTEMPTS_MAX) throw error;
      await setTimeout(PORT_RETRY_MS);
    }
  }
}

test('--adopt beside a configuration adds the projects that it does not name', () => inFolder(async (folder) => {
  const file = await useProjects(folder);
  const document = await documentOf(file);
  await writeFile(file, JSON.stringify({ ...document, projects: document.projects.filter(({ id }) => id === 'open') }));
  const { server, shown } = serverFor(file, true);
  const { url } = await server.start();
  assert.deepEqual([...shown.keys()], ['shop']);
  assert.equal((await send(`${url}/api/v1/projects/shop/keys/k`, { key: shown.get('shop') })).status, 200);
  await server.close();
  assert.deepEqual((await documentOf(file)).projects.map(({ id }) => id), ['open', 'shop']);
}));

for (const [what, projects] of [
  ['a project of another name', [{ id: 'blog' }]],
  ['a project that was deleted, and one in memory', [{ id: 'gone' }, { id: 'memo', storage: { on_disk: false } }]],
] as const) {
  test(`a configuration of another folder, with ${what}, is refused, and the projects that are there are named`,
    () => inFolder(async (folder) => {
    await useProjects(folder);
    const file = await configure(folder, { projects });
    const before = await readFile(file, 'utf8');
    const registry = await readFile(path.join(folder, 'data', '_server.jsonl'), 'utf8');
    await assertRefused(folder, serverFor(file), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.equal(error.pointer, '/projects');
      for (const part of [
        JSON.stringify(file), `${JSON.stringify(path.join(folder, 'data'))}, which holds 2 projects (open, shop)`,
        'Name the right file with --config', 'persistent_file_path', `"simplekv serve --config ${file} --adopt"`,
      ]) assert.ok(error.message.includes(part), error.message);
    });
    assert.equal(await readFile(file, 'utf8'), before);
    assert.equal(await readFile(path.join(folder, 'data', '_server.jsonl'), 'utf8'), registry);
  }));
}

test('a configuration of another folder adopts the projects that are there when asked to', () => inFolder(async (folder) => {
  await useProjects(folder);
  const file = await configure(folder, { projects: [{ id: 'blog' }] });
  const { server, shown } = serverFor(file, true);
  await server.start();
  await server.close();
  assert.deepEqual([...shown.keys()].sort(), ['blog', 'global', 'shop']);
  assert.deepEqual((await documentOf(file)).projects.map(({ id }) => id).sort(), ['blog', 'open', 'shop']);
}));

for (const [what, projects] of [
  ['no project', []],
  ['only projects in memory', [{ id: 'memo', storage: { on_disk: false } }]],
  ['one project of the folder, whose files are gone', [{ id: 'open', authentication: { enabled: false } }, { id: 'blog' }]],
] as const) {
  test(`a configuration with ${what} starts over other projects, which stay as they are`, () => inFolder(async (folder) => {
    await useProjects(folder);
    await rename(path.join(folder, 'data', 'open.jsonl'), path.join(folder, 'open.jsonl'));
    const shop = await readFile(path.join(folder, 'data', 'shop.jsonl'), 'utf8');
    const { server } = serverFor(await configure(folder, { projects }));
    await server.start();
    await server.close();
    assert.equal(await readFile(path.join(folder, 'data', 'shop.jsonl'), 'utf8'), shop);
  }));
}

test('--adopt where nothing lies is a first run, or a start as any other', () => inFolder(async (folder) => {
  const file = await configure(folder, { projects: [{ id: 'shop' }] });
  const { server, shown } = serverFor(file, true);
  await server.start();
  await server.close();
  assert.deepEqual([...shown.keys()].sort(), ['global', 'shop']);
}));

test('a symbolic link to a configuration that is not there is refused', () => inFolder(async (folder) => {
  const file = path.join(folder, 'config.json');
  await symlink('elsewhere/config.json', file);
  await assertRefused(folder, serverFor(file), (error) => {
    assert.ok(error instanceof ConfigError);
    assert.match(error.message, /it is a symbolic link to "elsewhere\/config\.json", which does not exist/);
  });
}));

test('a folder in the place of the configuration is refused', () => inFolder(async (folder) => {
  await mkdir(path.join(folder, 'config.json'));
  await assertRefused(folder, serverFor(path.join(folder, 'config.json')), (error) => assert.match(error.message, /it must be a file$/));
}));

for (const [what, document, pointer] of [
  ['files for TLS that are not there', { tls: { key_file: 'k', cert_file: 'c' } }, '/tls/key_file'],
  ['a revision of a log that is not there', { projects: [{ id: 'shop', revision: 3 }] }, '/projects/0/revision'],
] as const) {
  test(`${what}: no folder for data is left behind`, () => inFolder(async (folder) => {
    const key = 'sha256:'.padEnd('sha256:'.length + 64, 'a');
    const defaults = { default: { storage: { persistent_file_path: 'deep/er' }, authentication: { enabled: true, api_key_hash: key } } };
    const file = await configure(folder, { projects: [], ...defaults, ...document });
    await assertRefused(folder, serverFor(file), (error) => assert.equal((error as ConfigError).pointer, pointer));
  }));
}

for (const [what, settings, pointer, remedy] of [
  ['an address of another machine', { server_host: '192.0.2.1' }, '/server_host', 'set "server_host"'],
  ['a name without an address', { server_host: 'no-such-host.invalid' }, '/server_host', 'set "server_host"'],
] as const) {
  test(`${what}: the setting is named, and nothing was written or shown`, () => inFolder(async (folder) => {
    const file = await configure(folder, { projects: [{ id: 'shop' }], ...settings });
    const text = await readFile(file, 'utf8');
    await assertRefused(folder, serverFor(file), (error) => {
      assert.ok(error instanceof ListeningError);
      assert.equal(error.pointer, pointer);
      for (const part of [file, remedy, settings.server_host]) assert.ok(error.message.includes(part), error.message);
    });
    assert.equal(await readFile(file, 'utf8'), text);
  }));
}

test('a port that is taken: nothing was written or shown', () => inFolder(async (folder) => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const address = other.address();
  assert.ok(typeof address === 'object' && address !== null);
  const file = await configure(folder, { projects: [{ id: 'shop' }], server_port: address.port });
  await assertRefused(folder, serverFor(file), (error) => assert.ok(error instanceof ListeningError));
  await new Promise((resolve) => other.close(resolve));
  assert.deepEqual((await documentOf(file)).projects, [{ id: 'shop' }]);
}));

test('a first run whose port is taken says how to choose another one', () => {
  const cause = Object.assign(new Error('x'), { code: 'EADDRINUSE', errno: -1 });
  const unwritten = firstConfig().document;
  const { message } = new ListeningError({ host: '127.0.0.1', port: 23_849, file: '/kv/config.json', unwritten }, cause);
  assert.ok(message.includes('write {"version":1,"server_port":23850,"projects":[{"id":"first_project"}]} to "/kv/config.json"'), message);
});

test('adopting on a port that is taken says how to adopt on another one', () => inFolder(async (folder) => {
  const file = await useProjects(folder);
  await rm(file);
  const other = await holdDefaultPort();
  await assertRefused(folder, serverFor(file, true), (error) => {
    const { message } = error;
    assert.ok(error instanceof ListeningError, message);
    assert.ok(message.includes(`write {"version":1,"server_port":23850,"projects":[]} to ${JSON.stringify(file)}`), message);
    assert.ok(message.endsWith(`and repeat "simplekv serve --config ${file} --adopt"`), message);
  });
  await new Promise((resolve) => other.close(resolve));
  await writeFile(file, '{"version":1,"server_port":0,"projects":[]}', { mode: 0o600 });
  const { server, shown } = serverFor(file, true);
  await server.start();
  await server.close();
  assert.deepEqual([...shown.keys()].sort(), ['global', 'shop'], 'what was advised adopts');
}));

/** Another process of this machine may have it for a while. */
async function holdDefaultPort(): Promise<Server> {
  for (let attempt = 1; ; attempt += 1) {
    const server = createServer();
    server.listen(SERVER_SETTINGS.server_port.default, '127.0.0.1');
    try {
      await once(server, 'listening');
      return server;
    } catch (error) {
      if (attempt === PORT_ATTEMPTS_MAX) throw error;
      await setTimeout(PORT_RETRY_MS);
    }
  }
}

test('a port that needs a privilege names it', () => {
  const cause = Object.assign(new Error('x'), { code: 'EACCES', errno: -1 });
  const { message, pointer } = new ListeningError({ host: '::', port: 443, file: '/c', unwritten: undefined }, cause);
  assert.equal(pointer, '/server_port');
  assert.match(message, /ports up to 1023 are reserved for privileged processes \(EACCES\)/);
  assert.match(message, / is 443: set "server_port" .*CAP_NET_BIND_SERVICE/);
});

test.run();
