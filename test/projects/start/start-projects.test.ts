/** The start where something is in its way: full disks, half-made logs, a signal. What edits come to is in the e2e tests. */
import assert from 'node:assert/strict';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../../../src/base/app-error.js';
import type { ConfigDocument, ProjectEntry } from '../../../src/config/config-document.js';
import { ConfigError } from '../../../src/config/config-error.js';
import { inFolder } from '../../config/config-folder.js';
import { faultyConfigDisk } from '../../config/faulty-config-disk.js';
import { suite } from '../../suite.js';
import { HomeFaults } from '../faulty-home.js';
import { beginLife, CONTEXT, entryOf, type Life, prepareLife, scopeOfKey, setValue, valuesOf } from '../lives-fixture.js';

const test = suite('start-projects');

const DISK_FULL = new AppError('disk_full', 'Cannot append to the log: the disk is full');

/** A folder in which a server has run: with the project "first_project" and one value. */
async function withUsedFolder(body: (folder: string, first: Life) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const first = await beginLife(folder);
    await setValue(first, 'first_project', ['k', '1']);
    await first.lives.close();
    await body(folder, first);
  });
}

async function edit(folder: string, change: (document: ConfigDocument) => ConfigDocument): Promise<void> {
  const file = path.join(folder, 'config.json');
  await writeFile(file, JSON.stringify(change(JSON.parse(await readFile(file, 'utf8')) as ConfigDocument)));
}

async function editEntries(folder: string, change: (entry: ProjectEntry) => ProjectEntry): Promise<void> {
  await edit(folder, (document) => ({ ...document, projects: document.projects.map(change) }));
}

/** Starts with appends to a log that fail. */
async function beginWithFullDisk(folder: string, name: string): Promise<Life> {
  const home = new HomeFaults();
  home.appends.set(name, { error: DISK_FULL });
  return await beginLife(folder, { wrapHome: (real) => home.over(real) });
}

test('an edit that a full disk rejects leaves the settings of the log in force, and the next startup records it',
  () => withUsedFolder(async (folder) => {
  await editEntries(folder, (entry) => ({ ...entry, storage: { ...entry.storage, segment_bytes: 8192 } }));
  const life = await beginWithFullDisk(folder, 'first_project');
  assert.equal(life.lives.details('first_project').state, 'serving');
  assert.equal(life.lives.details('first_project').storage.segment_bytes, 67_108_864);
  assert.deepEqual(await valuesOf(life, 'first_project'), { k: '1' });
  await life.lives.close();
  const next = await beginLife(folder);
  assert.equal(next.lives.details('first_project').storage.segment_bytes, 8192);
  await next.lives.close();
}));

test('a typed key that a full disk does not record still opens the project', () => withUsedFolder(async (folder, first) => {
  await editEntries(folder, (entry) => ({ ...entry, authentication: { ...entry.authentication, api_key: 'typed-into-the-file' } }));
  const life = await beginWithFullDisk(folder, 'first_project');
  assert.equal(life.lives.details('first_project').state, 'serving');
  assert.equal(await scopeOfKey(life, 'typed-into-the-file'), 'first_project');
  assert.equal(await scopeOfKey(life, first.shown.get('first_project') ?? ''), null);
  await life.lives.close();
}));

test('an edit of authentication is not ignored: if a full disk rejects it, the project is not served',
  () => inFolder(async (folder) => {
  const first = await beginLife(folder);
  await first.lives.create({ id: 'open', authentication: { enabled: false } }, CONTEXT);
  await first.lives.close();
  await editEntries(folder, (entry) => (entry.id === 'open' ? { ...entry, authentication: { enabled: true } } : entry));
  const life = await beginWithFullDisk(folder, 'open');
  assert.equal(life.lives.details('open').state, 'corrupt');
  assert.equal(life.lives.details('first_project').state, 'serving');
  await life.lives.close();
}));

test('an edit that cannot be recorded in the registry is still in force', () => withUsedFolder(async (folder) => {
  await editEntries(folder, (entry) => ({ ...entry, storage: { ...entry.storage, segment_bytes: 8192 } }));
  const life = await beginWithFullDisk(folder, '_server');
  assert.equal(life.lives.details('first_project').storage.segment_bytes, 8192);
  assert.equal(life.lives.details('first_project').state, 'serving');
  await life.lives.close();
}));

test('a project that was added by hand and that a full disk does not take is refused, and made by the next start',
  () => withUsedFolder(async (folder) => {
  await edit(folder, (document) => ({ ...document, projects: [...document.projects, { id: 'added' }] }));
  const life = await beginWithFullDisk(folder, 'added');
  assert.equal(life.lives.details('added').state, 'corrupt');
  const key = life.shown.get('added') ?? '';
  await life.lives.close();
  const next = await beginLife(folder);
  assert.equal(next.lives.details('added').state, 'serving');
  assert.equal(await scopeOfKey(next, key), 'added');
  assert.equal(next.shown.size, 0);
  await next.lives.close();
}));

test('an unwritable configuration prevents no project from being served, and the next startup reads the same',
  () => withUsedFolder(async (folder) => {
  const added = { id: 'added', authentication: { enabled: false } };
  await edit(folder, (document) => ({ ...document, projects: [...document.projects, added] }));
  const { disk } = faultyConfigDisk({ step: 'rename', code: 'EBUSY' });
  const logIds = new Set<string>();
  for (const value of ['1', '2']) {
    const life = await beginLife(folder, { configDisk: disk });
    assert.ok(life.logged.some(({ level, msg }) => level === 'warn' && /could not be brought up to date/.test(msg)));
    await setValue(life, 'added', ['k', value]);
    logIds.add(life.lives.details('added').log_id ?? '');
    await life.lives.close();
  }
  const life = await beginLife(folder);
  logIds.add(life.lives.details('added').log_id ?? '');
  assert.equal(logIds.size, 1);
  assert.deepEqual(await valuesOf(life, 'added'), { k: '2' });
  assert.equal(entryOf(life.config.document, 'added').revision, 1);
  await life.lives.close();
}));

test('an older copy that knows no key, of a project that needs one, gets a key that is shown', () => inFolder(async (folder) => {
  const first = await beginLife(folder);
  await first.lives.create({ id: 'a', authentication: { enabled: false } }, CONTEXT);
  const copy = entryOf(first.config.document, 'a');
  const { apiKey } = await first.lives.update('a', { authentication: { enabled: true } }, CONTEXT);
  await first.lives.close();
  await editEntries(folder, (entry) => (entry.id === 'a' ? copy : entry));
  const life = await beginLife(folder);
  assert.equal(life.lives.details('a').authentication.enabled, true);
  assert.equal(await scopeOfKey(life, apiKey ?? ''), null);
  assert.equal(await scopeOfKey(life, life.shown.get('a') ?? ''), 'a');
  await life.lives.close();
  const next = await beginLife(folder);
  assert.equal(next.shown.size, 0);
  assert.equal(await scopeOfKey(next, life.shown.get('a') ?? ''), 'a');
  await next.lives.close();
}));

test('a generated key that could not be shown is logged, with the request that replaces it', () => inFolder(async (folder) => {
  const first = await beginLife(folder);
  await first.lives.create({ id: 'a', authentication: { enabled: false } }, CONTEXT);
  const copy = entryOf(first.config.document, 'a');
  await first.lives.update('a', { authentication: { enabled: true } }, CONTEXT);
  await first.lives.close();
  await editEntries(folder, (entry) => (entry.id === 'a' ? copy : entry));
  const life = await beginLife(folder, { isConsoleGone: true });
  const line = life.logged.find((logged) => logged.project === 'a' && logged.level === 'warn' && 'what_to_do' in logged);
  const says = [line?.msg, line?.['what_to_do']].join(': ');
  assert.match(says, /generated for a project that had none, and it was not shown: POST \/api\/v1\/projects\/a\/api-key\/regenerate/);
  const { apiKey: key } = await life.lives.regenerateKey('a', CONTEXT);
  assert.equal(await scopeOfKey(life, key), 'a');
  await life.lives.close();
}));

test('the global key is recorded when it changes, and only then', () => withUsedFolder(async (folder) => {
  const edits = async (): Promise<number> => {
    const text = await readFile(path.join(folder, 'data', '_server.jsonl'), 'utf8');
    return text.split('\n').filter((line) => line.includes('"scope":"default"')).length;
  };
  assert.equal(await edits(), 1);
  await (await beginLife(folder)).lives.close();
  assert.equal(await edits(), 1);
  const authentication = { enabled: true, save_api_key_to_file: false, api_key: 'another-global-key', api_key_hash: null };
  await edit(folder, (document) => ({ ...document, default: { ...document.default, authentication } }));
  const life = await beginLife(folder);
  assert.equal(await scopeOfKey(life, 'another-global-key'), 'global');
  await life.lives.close();
  assert.equal(await edits(), 2);
}));

test('files of another origin under the id of a new project keep it from being made', () => withUsedFolder(async (folder) => {
  await edit(folder, (document) => ({ ...document, projects: [...document.projects, { id: 'added' }] }));
  await mkdir(path.join(folder, 'data', 'added'));
  await writeFile(path.join(folder, 'data', 'added', 'notes.txt'), 'mine');
  const life = await beginLife(folder);
  assert.equal(life.lives.details('added').state, 'corrupt');
  assert.equal(await readFile(path.join(folder, 'data', 'added', 'notes.txt'), 'utf8'), 'mine');
  await life.lives.close();
}));

test('startup without a registry fails if an entry has a revision, and creates nothing', () => withUsedFolder(async (folder) => {
  for (const name of ['_server.jsonl', '_server']) await rm(path.join(folder, 'data', name), { recursive: true });
  const { lives } = await prepareLife(folder);
  await assert.rejects(lives.start(), ConfigError);
  await lives.close();
}));

test('with a damaged registry, projects are served although retention has removed their first segments',
  () => inFolder(async (folder) => {
  const life = await beginLife(folder);
  await life.lives.update('first_project', { storage: { segment_bytes: 4096, retention: { max_bytes: 0 } } }, CONTEXT);
  for (let number = 0; number < 9; number += 1) {
    await setValue(life, 'first_project', [`k${number}`, JSON.stringify('v'.repeat(2000))]);
    await life.lives.compact('first_project', CONTEXT);
  }
  const wanted = await valuesOf(life, 'first_project');
  await life.lives.close();
  const file = path.join(folder, 'data', '_server.jsonl');
  const text = await readFile(file, 'utf8');
  assert.ok(text.includes('segment.removed'));
  await writeFile(file, text.replace('segment.removed', 'segment.renamed'));
  const again = await beginLife(folder);
  assert.equal(again.lives.details('first_project').state, 'serving');
  assert.deepEqual(await valuesOf(again, 'first_project'), wanted);
  await again.lives.close();
}));

test('an aborted startup opens and refuses nothing more, and the next one serves', () => withUsedFolder(async (folder) => {
  const stop = new AbortController();
  const life = await prepareLife(folder, {
    wrapHome: (home) => ({
      ...new HomeFaults().over(home),
      open: async (project, options) => {
        if (project === 'first_project') stop.abort();
        return await home.open(project, options);
      },
    }),
  });
  await assert.rejects(life.lives.start({ signal: stop.signal }), { name: 'AbortError' });
  assert.deepEqual(life.table.list(), []);
  assert.deepEqual(life.logged.filter(({ level }) => level === 'error'), []);
  await life.lives.close();
  const next = await beginLife(folder);
  assert.deepEqual(await valuesOf(next, 'first_project'), { k: '1' });
  await next.lives.close();
}));

test.run();
