/** Creating, changing and deleting projects, also when the configuration or a log cannot be written. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../../src/base/app-error.js';
import { inFolder } from '../config/config-folder.js';
import { type FaultyConfigDisk, faultyConfigDisk } from '../config/faulty-config-disk.js';
import { suite } from '../suite.js';
import { HomeFaults } from './faulty-home.js';
import { beginLife, CONTEXT, entryOf, type Life, prepareLife, refusalOf, scopeOfKey, setValue, valuesOf } from './lives-fixture.js';

const test = suite('project-manager');

const DISK_FULL = new AppError('disk_full', 'Cannot append to the log: the disk is full');
const OUTCOME_UNKNOWN = new AppError('outcome_unknown', 'Cannot say whether the lines were appended');
const SMALL_SEGMENTS = { storage: { segment_bytes: 8192 } };

/** A life on disks that fail on demand. */
interface FaultyLife extends Life {
  readonly folder: string;
  readonly home: HomeFaults;
  readonly configDisk: FaultyConfigDisk;
  /** Stops and starts again, with nothing that fails. */
  restart(): Promise<Life>;
}

async function withLife(body: (life: FaultyLife) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const home = new HomeFaults();
    const configDisk = faultyConfigDisk();
    const life = await beginLife(folder, { wrapHome: (real) => home.over(real), configDisk: configDisk.disk });
    let open: Life = life;
    const restart = async (): Promise<Life> => {
      await open.lives.close();
      open = await beginLife(folder);
      return open;
    };
    try {
      await body({ ...life, folder, home, configDisk, restart });
    } finally {
      await open.lives.close();
    }
  });
}

/** Lets every replacement of the configuration fail, as where the file alone is mounted. */
function refuseConfig({ configDisk }: FaultyLife): void {
  configDisk.setFault({ step: 'rename', code: 'EBUSY' });
}

async function configText({ folder }: FaultyLife): Promise<string> {
  return await readFile(path.join(folder, 'config.json'), 'utf8');
}

async function dataNames({ folder }: FaultyLife, id: string): Promise<string[]> {
  return (await readdir(path.join(folder, 'data'))).filter((name) => name.split('.')[0] === id);
}

test('projects are listed by id, and an unknown one is refused by every call', () => withLife(async ({ lives }) => {
  await lives.create({ id: 'b' }, CONTEXT);
  await lives.create({ id: 'a' }, CONTEXT);
  assert.deepEqual(lives.list().map(({ id }) => id), ['a', 'b', 'first_project']);
  const refusals = [
    refusalOf((async () => lives.details('none'))()), refusalOf((async () => lives.store('none'))()),
    refusalOf(lives.update('none', {}, CONTEXT)), refusalOf(lives.regenerateKey('none', CONTEXT)), refusalOf(lives.delete('none', CONTEXT)),
  ];
  for (const refusal of await Promise.all(refusals)) assert.equal(refusal.code, 'project_not_found');
}));

test('before the start is over nothing can be changed', () => inFolder(async (folder) => {
  const { lives } = await prepareLife(folder);
  assert.equal((await refusalOf(lives.create({ id: 'a' }, CONTEXT))).code, 'starting');
  assert.equal((await refusalOf(lives.delete('a', CONTEXT))).code, 'starting');
}));

test('of many creations of one id at once exactly one succeeds', () => withLife(async (life) => {
  const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => life.lives.create({ id: 'a' }, CONTEXT)));
  const made = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  assert.equal(made.length, 1);
  for (const outcome of outcomes) if (outcome.status === 'rejected') assert.equal((outcome.reason as AppError).code, 'project_exists');
  assert.equal(await scopeOfKey(life, made[0]?.apiKey ?? ''), 'a');
  const next = await life.restart();
  assert.equal(await scopeOfKey(next, made[0]?.apiKey ?? ''), 'a');
}));

test('creations and deletions of one id at once leave it there or not, and the next start agrees', () => withLife(async (life) => {
  await Promise.allSettled(Array.from({ length: 6 }, async (_, index) => {
    await (index % 2 === 0 ? life.lives.create({ id: 'a' }, CONTEXT) : life.lives.delete('a', CONTEXT));
  }));
  const before = life.lives.list();
  assert.deepEqual((await life.restart()).lives.list(), before);
}));

test('an update that changes nothing writes nothing', () => withLife(async (life) => {
  const text = await configText(life);
  const { details } = await life.lives.update('first_project', { authentication: { enabled: true } }, CONTEXT);
  assert.equal(details.seq, 1);
  assert.equal(await configText(life), text);
}));

test('a configuration that cannot be replaced fails a creation, which leaves nothing', () => withLife(async (life) => {
  const text = await configText(life);
  refuseConfig(life);
  assert.equal((await refusalOf(life.lives.create({ id: 'a' }, CONTEXT))).code, 'config_write_failed');
  assert.equal(life.shown.has('a'), false);
  assert.equal(await configText(life), text);
  assert.deepEqual(await dataNames(life, 'a'), []);
  await setValue(life, 'first_project', ['k', '1']);
  life.configDisk.setFault(undefined);
  await life.lives.create({ id: 'a' }, CONTEXT);
}));

test('a configuration that cannot be replaced fails another key, and the old one goes on to hold', () => withLife(async (life) => {
  const key = life.shown.get('first_project') ?? '';
  refuseConfig(life);
  assert.equal((await refusalOf(life.lives.regenerateKey('first_project', CONTEXT))).code, 'config_write_failed');
  assert.equal(life.lives.details('first_project').seq, 1);
  assert.equal(await scopeOfKey(life, key), 'first_project');
  assert.equal(await scopeOfKey(await life.restart(), key), 'first_project');
}));

test('an update that the configuration does not take is in force, says so, and reaches the file at the next start',
  () => withLife(async (life) => {
  refuseConfig(life);
  const refusal = await refusalOf(life.lives.update('first_project', SMALL_SEGMENTS, CONTEXT));
  assert.deepEqual([refusal.code, refusal.facts['applied']], ['config_write_failed', true]);
  assert.equal(life.lives.details('first_project').storage.segment_bytes, 8192);
  const next = await life.restart();
  assert.equal(entryOf(next.config.document, 'first_project').storage?.segment_bytes, 8192);
}));

test('an update that is asked for again brings a configuration up to date that could not be written before',
  () => withLife(async (life) => {
  refuseConfig(life);
  await refusalOf(life.lives.update('first_project', SMALL_SEGMENTS, CONTEXT));
  life.configDisk.setFault(undefined);
  await life.lives.update('first_project', SMALL_SEGMENTS, CONTEXT);
  assert.equal(life.lives.details('first_project').seq, 2);
  const entry = entryOf(life.config.document, 'first_project');
  assert.deepEqual([entry.revision, entry.storage?.segment_bytes], [2, 8192]);
}));

test('a deletion that the configuration does not take has deleted all the same, and DELETE again finishes it',
  () => withLife(async (life) => {
  await life.lives.create({ id: 'a' }, CONTEXT);
  refuseConfig(life);
  const refusal = await refusalOf(life.lives.delete('a', CONTEXT));
  assert.deepEqual([refusal.code, refusal.facts['applied']], ['config_write_failed', true]);
  assert.match(refusal.message, /^Cannot finish the deletion of the project "a": Cannot save the configuration: /);
  const again = await refusalOf(life.lives.delete('a', CONTEXT));
  assert.deepEqual([again.code, again.facts['applied']], ['config_write_failed', true]);
  assert.equal((await refusalOf((async () => life.lives.store('a'))())).code, 'project_not_found');
  assert.deepEqual(await dataNames(life, 'a'), []);
  life.configDisk.setFault(undefined);
  await life.lives.delete('a', CONTEXT);
  assert.deepEqual(life.config.document.projects.map(({ id }) => id), ['first_project']);
  assert.deepEqual((await life.restart()).lives.list().map(({ id }) => id), ['first_project']);
}));

test('a project in memory that the configuration cannot lose stays', () => withLife(async (life) => {
  await life.lives.create({ id: 'a', storage: { on_disk: false } }, CONTEXT);
  await setValue(life, 'a', ['k', '1']);
  refuseConfig(life);
  const refusal = await refusalOf(life.lives.delete('a', CONTEXT));
  assert.deepEqual([refusal.code, refusal.facts['applied']], ['config_write_failed', undefined]);
  await setValue(life, 'a', ['k', '2']);
  assert.deepEqual(await valuesOf(life, 'a'), { k: '2' });
}));

for (const [what, spoil] of [
  ['its log cannot be made', (home: HomeFaults) => void home.creations.set('a', DISK_FULL)],
  ['its first line cannot be written', (home: HomeFaults) => void home.appends.set('a', { error: DISK_FULL })],
  ['it cannot be registered', (home: HomeFaults) => void home.appends.set('_server', { error: DISK_FULL })],
] as const) {
  test(`a creation fails where ${what}, leaves nothing, and can be tried again`, () => withLife(async (life) => {
    const text = await configText(life);
    spoil(life.home);
    assert.equal((await refusalOf(life.lives.create({ id: 'a' }, CONTEXT))).code, 'disk_full');
    assert.equal(life.shown.has('a'), false);
    assert.equal(await configText(life), text);
    assert.deepEqual(await dataNames(life, 'a'), []);
    life.home.creations.clear();
    life.home.appends.clear();
    const { apiKey } = await life.lives.create({ id: 'a' }, CONTEXT);
    assert.equal(await scopeOfKey(await life.restart(), apiKey ?? ''), 'a');
  }));
}

test('an update whose line cannot be written changes neither the configuration nor the project', () => withLife(async (life) => {
  const text = await configText(life);
  life.home.appends.set('first_project', { error: DISK_FULL });
  assert.equal((await refusalOf(life.lives.update('first_project', SMALL_SEGMENTS, CONTEXT))).code, 'disk_full');
  assert.equal(await configText(life), text);
  assert.equal(life.lives.details('first_project').storage.segment_bytes, 67_108_864);
}));

test('another key whose line cannot be written leaves the old key in force and in the configuration', () => withLife(async (life) => {
  const text = await configText(life);
  const key = life.shown.get('first_project') ?? '';
  life.home.appends.set('first_project', { error: DISK_FULL });
  assert.equal((await refusalOf(life.lives.regenerateKey('first_project', CONTEXT))).code, 'disk_full');
  assert.equal(await configText(life), text);
  assert.equal(await scopeOfKey(life, key), 'first_project');
}));

test('a new API key that may not have been written leaves the old one in force, also after a restart',
  () => withLife(async (life) => {
  const key = life.shown.get('first_project') ?? '';
  life.home.appends.set('first_project', { error: OUTCOME_UNKNOWN, isWritten: true });
  assert.equal((await refusalOf(life.lives.regenerateKey('first_project', CONTEXT))).code, 'outcome_unknown');
  assert.equal(await scopeOfKey(life, key), 'first_project');
  assert.equal(await scopeOfKey(await life.restart(), key), 'first_project');
}));

test('authentication whose switching on cannot be written stays off, in the configuration too', () => withLife(async (life) => {
  await life.lives.create({ id: 'a', authentication: { enabled: false } }, CONTEXT);
  const text = await configText(life);
  life.home.appends.set('a', { error: DISK_FULL });
  assert.equal((await refusalOf(life.lives.update('a', { authentication: { enabled: true } }, CONTEXT))).code, 'disk_full');
  assert.equal(await configText(life), text);
  assert.equal(life.keyring.keyId({ kind: 'project', project: 'a' }), null);
}));

test('a deletion that cannot be recorded deletes nothing, and what waited meanwhile is written', () => withLife(async (life) => {
  life.home.appends.set('_server', { error: DISK_FULL });
  const deletion = refusalOf(life.lives.delete('first_project', CONTEXT));
  const write = setValue(life, 'first_project', ['k', '1']);
  assert.equal((await deletion).code, 'disk_full');
  await write;
  assert.deepEqual(await valuesOf(life, 'first_project'), { k: '1' });
  assert.deepEqual(await valuesOf(await life.restart(), 'first_project'), { k: '1' });
}));

test('a deletion that may not have been recorded lets nothing more be written', () => withLife(async (life) => {
  life.home.appends.set('_server', { error: OUTCOME_UNKNOWN, isWritten: true });
  assert.equal((await refusalOf(life.lives.delete('first_project', CONTEXT))).code, 'outcome_unknown');
  // An acknowledged write would be gone after the restart, which finds the deletion and carries it out.
  await refusalOf(setValue(life, 'first_project', ['k', '1']));
  assert.equal(life.lives.details('first_project').state, 'corrupt');
  const next = await life.restart();
  assert.deepEqual(next.lives.list(), []);
}));

test('a deletion that was not recorded after all is undone by the next start, with all values', () => withLife(async (life) => {
  await setValue(life, 'first_project', ['k', '1']);
  life.home.appends.set('_server', { error: OUTCOME_UNKNOWN });
  await refusalOf(life.lives.delete('first_project', CONTEXT));
  assert.deepEqual(await valuesOf(await life.restart(), 'first_project'), { k: '1' });
}));

test('files that cannot be moved away fail a deletion that has happened, and DELETE again moves them', () => withLife(async (life) => {
  await life.lives.create({ id: 'a' }, CONTEXT);
  life.home.removals.set('a', Object.assign(new Error('EIO: made to fail'), { code: 'EIO', errno: -5 }));
  const refusal = await refusalOf(life.lives.delete('a', CONTEXT));
  assert.deepEqual([refusal.code, refusal.facts['applied']], ['disk_failed', true]);
  assert.deepEqual(life.config.document.projects.map(({ id }) => id), ['first_project'], 'what can be done is done all the same');
  assert.equal((await refusalOf((async () => life.lives.store('a'))())).code, 'project_not_found');
  life.home.removals.clear();
  await life.lives.delete('a', CONTEXT);
  assert.deepEqual(await dataNames(life, 'a'), []);
  await life.lives.create({ id: 'a' }, CONTEXT);
}));

test('a change of projects that the disk has no space for says so', () => withLife(async (life) => {
  await life.lives.create({ id: 'a' }, CONTEXT);
  life.home.removals.set('a', Object.assign(new Error('ENOSPC: made to fail'), { code: 'ENOSPC', errno: -28 }));
  const refusal = await refusalOf(life.lives.delete('a', CONTEXT));
  assert.deepEqual([refusal.code, refusal.facts['applied']], ['disk_full', true]);
}));

test('a creation that the disk has no space for, or whose registry takes no lines, is refused before anything is written',
  () => withLife(async (life) => {
  const text = await configText(life);
  life.configDisk.steps.length = 0;
  const { space } = life.resources as { space: { allowsGrowth(bytes: number): boolean } };
  space.allowsGrowth = () => false;
  assert.equal((await refusalOf(life.lives.create({ id: 'a' }, CONTEXT))).code, 'disk_full');
  assert.deepEqual(life.configDisk.steps, ['read']);
  await life.lives.create({ id: 'b', storage: { on_disk: false } }, CONTEXT);
  await life.lives.delete('b', CONTEXT);
  assert.equal(await configText(life), text);
  assert.deepEqual(await dataNames(life, 'a'), []);
}));

test('after close() nothing is changed any more', () => withLife(async (life) => {
  const text = await configText(life);
  await life.lives.close();
  life.configDisk.steps.length = 0;
  const changes = [
    life.lives.create({ id: 'a' }, CONTEXT), life.lives.update('first_project', SMALL_SEGMENTS, CONTEXT),
    life.lives.regenerateKey('first_project', CONTEXT), life.lives.delete('first_project', CONTEXT),
  ];
  for (const change of changes) assert.equal((await refusalOf(change)).code, 'shutting_down');
  assert.deepEqual(life.configDisk.steps, []);
  assert.equal(await configText(life), text);
  assert.deepEqual(await dataNames(life, 'a'), []);
}));

test('close() carries out what was asked for before', () => withLife(async (life) => {
  const creation = life.lives.create({ id: 'a' }, CONTEXT);
  await life.lives.close();
  const { apiKey } = await creation;
  assert.equal(await scopeOfKey(await life.restart(), apiKey ?? ''), 'a');
}));

test('a write that waits while its project is deleted is refused as if there were no project', () => withLife(async (life) => {
  const store = life.lives.store('first_project');
  const deletion = life.lives.delete('first_project', CONTEXT);
  const writes = Array.from({ length: 50 }, (_, index) => store.submit({ type: 'set', key: `k${index}`, value: '1' }, CONTEXT));
  const outcomes = await Promise.allSettled(writes);
  await deletion;
  for (const outcome of outcomes) if (outcome.status === 'rejected') assert.equal((outcome.reason as AppError).code, 'project_not_found');
  assert.equal((await refusalOf(store.submit({ type: 'clear' }, CONTEXT))).code, 'project_not_found');
}));

test.run();
