/** The composition root: a server starts once, stops once, and gives back whatever it took, also when its start fails. */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import type { AppError } from '../src/base/app-error.js';
import { ConfigError } from '../src/config/config-error.js';
import type { ListeningError } from '../src/config/listening-error.js';
import { FolderLockedError } from '../src/log/file/folder-lock.js';
import type { Announcer } from '../src/config/announcer.js';
import { type ServerParts, SimpleKvServer } from '../src/server.js';
import type { ReloadEnd } from '../src/server/reload.js';
import { silentLogger } from '../src/base/logger.js';
import { inFolder } from './config/config-folder.js';
import { readPackageVersion } from '../src/base/package-version.js';
import { InlineTasks } from './offline/tasks/inline-tasks.js';
import { collectingLogger, type LoggedLine } from './projects/lives-fixture.js';
import { suite } from './suite.js';

const test = suite('server');

const SILENT: Announcer = { firstRun: () => undefined, generatedKey: () => undefined };

const OPEN_PROJECT = { id: 'shop', authentication: { enabled: false } };

async function configure(folder: string, settings: object = {}): Promise<string> {
  const file = path.join(folder, 'config.json');
  await writeFile(file, JSON.stringify({ version: 1, server_port: 0, projects: [OPEN_PROJECT], ...settings }), { mode: 0o600 });
  return file;
}

function serverFor(configPath: string, parts: Partial<ServerParts> = {}): SimpleKvServer {
  const defaults = { createLogger: () => silentLogger, createTasks: () => new InlineTasks() };
  return new SimpleKvServer({ configPath, announcer: SILENT, pid: 1, ...defaults, ...parts });
}

/** Whether the folder can be served, that is, its lock is free. */
async function assertServable(folder: string): Promise<void> {
  const server = serverFor(await configure(folder));
  await server.start();
  await server.close();
}

test('a started server returns its URL and answers there', () => inFolder(async (folder) => {
  const server = serverFor(await configure(folder));
  const { url } = await server.start();
  assert.match(url, /^http:\/\/127\.0\.0\.1:[1-9]\d*$/);
  assert.equal((await fetch(`${url}/livez`)).status, 200);
  assert.equal((await fetch(`${url}/readyz`)).status, 200);
  await server.close();
  await assert.rejects(fetch(`${url}/livez`));
}));

test('the `serving` line has the process id and the version', () => inFolder(async (folder) => {
  const lines: LoggedLine[] = [];
  const server = serverFor(await configure(folder), { pid: 4711, createLogger: () => collectingLogger(lines) });
  await server.start();
  await server.close();
  const line = lines.find(({ msg }) => msg === 'serving');
  assert.deepEqual([line?.['pid'], line?.['version']], [4711, readPackageVersion()]);
}));

test('an observer learns how each reload ended', () => inFolder(async (folder) => {
  const ends: ReloadEnd[] = [];
  const file = await configure(folder);
  const server = serverFor(file, { onReload: (end) => void ends.push(end) });
  await assert.rejects(server.reload(), { code: 'starting' });
  await server.start();
  const text = await readFile(file, 'utf8');
  const document = JSON.parse(text) as object;
  await writeFile(file, JSON.stringify({ ...document, log_level: 'warn' }));
  assert.deepEqual((await server.reload()).changed, ['log_level']);
  await writeFile(file, '{');
  await assert.rejects(server.reload(), { code: 'invalid_config' });
  await server.close();
  assert.deepEqual(ends.map((end) => (end.ok ? end.outcome.changed : (end.error as AppError).code)), [['log_level'], 'invalid_config']);
}));

test('close() may be called again, and before start()', () => inFolder(async (folder) => {
  const server = serverFor(await configure(folder));
  await server.start();
  await Promise.all([server.close(), server.close()]);
  await server.close();
  await serverFor(path.join(folder, 'config.json')).close();
  await assertServable(folder);
}));

test('closing a server during startup aborts it, and leaves nothing open or locked',
  () => inFolder(async (folder) => {
  const server = serverFor(await configure(folder));
  const start = server.start();
  const isEnded = assert.rejects(start, { name: 'AbortError' });
  await server.close();
  await isEnded;
  assert.ok(!existsSync(path.join(folder, 'data', '_lock')));
  await assertServable(folder);
}));

test('a closed server does not start', () => inFolder(async (folder) => {
  const server = serverFor(await configure(folder));
  await server.close();
  await assert.rejects(server.start(), { name: 'AbortError' });
  await assertServable(folder);
}));

test('a second server on a folder is refused, and the first continues', () => inFolder(async (folder) => {
  const file = await configure(folder);
  const first = serverFor(file, { pid: 4711 });
  const { url } = await first.start();
  await assert.rejects(serverFor(file).start(), (error) => error instanceof FolderLockedError && error.holder?.pid === 4711);
  assert.equal((await fetch(`${url}/livez`)).status, 200);
  await first.close();
}));

test('a port in use fails the startup, which leaves nothing locked', () => inFolder(async (folder) => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const address = other.address();
  assert.ok(typeof address === 'object' && address !== null);
  const file = await configure(folder, { server_port: address.port });
  await assert.rejects(serverFor(file).start(), (error: ListeningError) => {
    assert.deepEqual([error.name, error.code, error.pointer], ['ListeningError', 'EADDRINUSE', '/server_port']);
    assert.ok(error.message.includes(`/server_port of the configuration "${file}" is ${address.port}: stop the process`), error.message);
    return true;
  });
  await new Promise((resolve) => other.close(resolve));
  await assertServable(folder);
}));

for (const [what, settings, pointer] of [
  ['a data folder that is a file', { default: { storage: { persistent_file_path: 'file' } } }, '/default/storage/persistent_file_path'],
  ['a key of TLS that is not there', { tls: { key_file: 'none', cert_file: 'none' } }, '/tls/key_file'],
] as const) {
  test(`${what} is a fault of the configuration, with file and place, and leaves nothing locked`, () => inFolder(async (folder) => {
    await writeFile(path.join(folder, 'file'), '');
    const file = await configure(folder, settings);
    await assert.rejects(serverFor(file).start(), { name: ConfigError.name, pointer, file });
    await assertServable(folder);
  }));
}

test('a configuration that the server before has changed until its lock was free is not taken in its older state',
  () => inFolder(async (folder) => {
  const file = await configure(folder);
  const text = await readFile(file, 'utf8');
  const createLogger: ServerParts['createLogger'] = () => {
    // Between reading and the lock.
    writeFileSync(file, text.replace('"version":1', '"version":1,"log_level":"warn"'));
    return silentLogger;
  };
  await assert.rejects(serverFor(file, { createLogger }).start(), { name: ConfigError.name, message: /start it again/ });
  assert.notEqual(await readFile(file, 'utf8'), text);
  await assertServable(folder);
}));

test('a first run makes no folder for its configuration', () => inFolder(async (folder) => {
  await assert.rejects(serverFor(path.join(folder, 'none', 'config.json')).start(), ConfigError);
  assert.deepEqual(await readdir(folder), []);
}));

test('a console that fails on a first run keeps the configuration from being made, and the next start shows keys',
  () => inFolder(async (folder) => {
  const file = path.join(folder, 'config.json');
  const broken: Announcer = { ...SILENT, firstRun: () => { throw new Error('this cannot be shown'); } };
  await assert.rejects(serverFor(file, { announcer: broken }).start(), /this cannot be shown/);
  assert.deepEqual(await readdir(folder), []);
}));

test('a console that fails later does not undo a creation', () => inFolder(async (folder) => {
  const file = await configure(folder, { default: { authentication: { enabled: false } } });
  const broken: Announcer = { ...SILENT, generatedKey: () => { throw new Error('this cannot be shown'); } };
  const server = serverFor(file, { announcer: broken });
  const { url } = await server.start();
  const response = await fetch(`${url}/api/v1/projects`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"id":"second"}',
  });
  assert.equal(response.status, 201);
  await server.close();
}));

test('a missing data folder is created, for the owner and the group only', () => inFolder(async (folder) => {
  const file = await configure(folder, { default: { storage: { persistent_file_path: 'deep/er/' } } });
  const server = serverFor(file);
  await server.start();
  await server.close();
  assert.ok((await readdir(path.join(folder, 'deep', 'er'))).includes('shop.jsonl'));
  assert.equal((await stat(path.join(folder, 'deep', 'er'))).mode & 0o007, 0);
}));

test.run();
