import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { rightsOf } from '../../../src/auth/rights.js';
import type { ConfigDocument } from '../../../src/config/config-document.js';
import type { KeyCaller } from '../../../src/projects/access/api-keys.js';
import { MANUAL_CLOCK_START_MS } from '../../base/manual-clock.js';
import { suite } from '../../suite.js';
import { CONTEXT, refusalOf } from '../lives-fixture.js';
import { type AccessLife, accessLines, GLOBAL, OWNER, PROJECT, READER, withAccessLife, works } from './access-life.js';

const test = suite('key-manager');

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const NOW = '2026-11-22T10:00:00.000Z';
const ACTOR = CONTEXT.actor;

for (const scope of [PROJECT, GLOBAL]) {
  test(`a key of ${scope.kind} scope works once it was made, is shown without its key, and works after a restart`,
    () => withAccessLife(async (life) => {
    const before = life.lives.apiKeys.list(scope);
    assert.deepEqual(before.map(({ name, permissions }) => [name, permissions]), [['primary', ['all']]]);
    const { details, apiKey } = await life.lives.apiKeys.create(scope, { ...READER, permissions: ['read', 'history'] }, OWNER);
    assert.match(apiKey, /^skv_k_/);
    assert.deepEqual({ ...details, id: '' }, {
      id: '', name: 'reader', permissions: ['history', 'read'], not_before: null, expires_at: null, created_at: NOW, last_used_at: null,
      state: 'active',
    });
    assert.deepEqual(life.keyring.lookUp(apiKey)?.rights, rightsOf(['read', 'history']));
    assert.deepEqual(life.lives.apiKeys.list(scope), [...before, details]);
    assert.deepEqual(await accessLines(life.folder, scope), [{ op: 'access.add', actor: ACTOR, key_id: details.id, expires_at: null }]);
    assert.ok(!(await life.configText()).includes(apiKey));
    const next = await life.restart();
    assert.ok(works(next, apiKey));
    assert.deepEqual(next.lives.apiKeys.list(scope), [...before, details]);
    const text = await next.configText();
    await next.restart();
    assert.equal(await next.configText(), text);
    assert.equal((await accessLines(life.folder, scope)).length, 1);
  }));

  test(`a key of ${scope.kind} scope that was removed stops at once and stays removed`, () => withAccessLife(async (life) => {
    const { details: { id: keyId }, apiKey } = await life.lives.apiKeys.create(scope, READER, OWNER);
    await life.lives.apiKeys.remove({ scope, keyId }, OWNER);
    assert.equal(works(life, apiKey), false);
    assert.deepEqual((await accessLines(life.folder, scope)).at(-1), { op: 'access.remove', actor: ACTOR, key_id: keyId });
    assert.equal((await refusalOf(life.lives.apiKeys.remove({ scope, keyId }, OWNER))).code, 'api_key_not_found');
    const next = await life.restart();
    assert.equal(works(next, apiKey), false);
    assert.equal(next.lives.apiKeys.list(scope).length, 1);
  }));

  test(`an older copy of the configuration does not bring back a key of ${scope.kind} scope that was removed since`,
    () => withAccessLife(async (life) => {
    const { details: { id: keyId }, apiKey } = await life.lives.apiKeys.create(scope, READER, OWNER);
    const older = await life.configText();
    await life.lives.apiKeys.remove({ scope, keyId }, OWNER);
    await life.lives.close();
    await writeFile(path.join(life.folder, 'config.json'), older);
    const next = await life.restart();
    assert.equal(works(next, apiKey), false);
    assert.ok(next.logged.some(({ level, msg, key_id: id }) => level === 'warn' && /stays removed/.test(msg) && id === keyId));
    assert.ok(!(await next.configText()).includes('"reader"'));
  }));

  test(`a removed key of ${scope.kind} scope that a person puts back into the current file is accepted`,
    () => withAccessLife(async (life) => {
    const { details: { id: keyId }, apiKey } = await life.lives.apiKeys.create(scope, READER, OWNER);
    const keysOf = (document: ConfigDocument): unknown => (
      (scope.kind === 'global' ? document.default : document.projects[0])?.authentication?.api_keys
    );
    const entries = keysOf(JSON.parse(await life.configText()) as ConfigDocument);
    await life.lives.apiKeys.remove({ scope, keyId }, OWNER);
    await life.lives.close();
    const text = (await life.configText()).replace('"api_keys": []', `"api_keys": ${JSON.stringify(entries)}`);
    await writeFile(path.join(life.folder, 'config.json'), text);
    const next = await life.restart();
    assert.equal(works(next, apiKey), true);
    const added = { op: 'access.add', actor: 'config', key_id: keyId, expires_at: null };
    assert.deepEqual((await accessLines(life.folder, scope)).at(-1), added);
  }));

  test(`a removal of ${scope.kind} scope holds though the configuration cannot be written, also after a restart and other changes`,
    () => withAccessLife(async (life) => {
    const { details: { id: keyId }, apiKey } = await life.lives.apiKeys.create(scope, READER, OWNER);
    life.configDisk.setFault({ step: 'rename', code: 'EBUSY' });
    const refusal = await refusalOf(life.lives.apiKeys.remove({ scope, keyId }, OWNER));
    assert.deepEqual([refusal.code, refusal.facts['applied']], ['config_write_failed', true]);
    assert.equal(works(life, apiKey), false);
    assert.equal(life.lives.apiKeys.list(scope).length, 1);
    life.configDisk.setFault(undefined);
    await life.lives.update('first_project', { storage: { segment_bytes: 8192 } }, CONTEXT);
    assert.equal(works(await life.restart(), apiKey), false);
  }));
}

test('a list that a person edited is recorded by the actor config', () => withAccessLife(async (life) => {
  const { details: { id } } = await life.lives.apiKeys.create(PROJECT, READER, OWNER);
  await life.lives.close();
  const change = async (from: RegExp, to: string): Promise<AccessLife> => {
    const text = await life.configText();
    assert.match(text, from);
    await writeFile(path.join(life.folder, 'config.json'), text.replace(from, to));
    return await life.restart();
  };
  let next = await change(/"name": "reader"/, '"name": "wall"');
  assert.equal(next.lives.apiKeys.get({ scope: PROJECT, keyId: id }).name, 'wall');
  await next.lives.close();
  next = await change(/"permissions": \[\s*"read"\s*\]/, '"permissions": ["read", "write"]');
  assert.deepEqual(next.lives.apiKeys.get({ scope: PROJECT, keyId: id }).permissions, ['read', 'write']);
  const hash = /"api_keys": \[[^\]]*\][^\]]*\]/;
  await next.lives.close();
  next = await change(hash, '"api_keys": []');
  assert.equal(next.lives.apiKeys.list(PROJECT).length, 1);
  assert.deepEqual((await accessLines(life.folder, PROJECT)).map(({ op, actor }) => [op, actor]), [
    ['access.add', ACTOR], ['access.change', 'config'], ['access.remove', 'config'], ['access.add', 'config'], ['access.remove', 'config'],
  ]);
}));

test('a rotated key goes on for the overlap, by the clock, and then expires', () => withAccessLife(async (life) => {
  const { clock } = life;
  const { details: { id: keyId }, apiKey: old } = await life.lives.apiKeys.create(PROJECT, READER, OWNER);
  const { details, apiKey, previous } = await life.lives.apiKeys.rotate({ scope: PROJECT, keyId }, HOUR_MS, OWNER);
  assert.deepEqual(previous, { id: keyId, expires_at: '2026-11-22T11:00:00.000Z' });
  assert.deepEqual([details.name, details.permissions, details.expires_at], ['reader', ['read'], null]);
  assert.equal(life.keyring.lookUp(old)?.window?.isReplaced, true);
  clock.advance(HOUR_MS - 1);
  assert.deepEqual([works(life, old), works(life, apiKey)], [true, true]);
  const next = await life.restart();
  assert.deepEqual([works(next, old), next.keyring.lookUp(old)?.window?.isReplaced], [true, true]);
  clock.advance(1);
  assert.deepEqual([works(next, old), works(next, apiKey)], [false, true]);
  assert.deepEqual(next.lives.apiKeys.list(PROJECT).map(({ state }) => state), ['active', 'active', 'expired']);
  assert.equal((await refusalOf(next.lives.apiKeys.rotate({ scope: PROJECT, keyId }, 0, OWNER))).code, 'invalid_settings');
}));

test('without an overlap a rotated key stops at once, and an overlap never makes a key last longer', () => withAccessLife(async (life) => {
  const first = await life.lives.apiKeys.create(PROJECT, READER, OWNER);
  const second = await life.lives.apiKeys.rotate({ scope: PROJECT, keyId: first.details.id }, 0, OWNER);
  assert.deepEqual([works(life, first.apiKey), works(life, second.apiKey)], [false, true]);
  const ending = await life.lives.apiKeys.create(GLOBAL, { ...READER, expiresAtMs: MANUAL_CLOCK_START_MS + 1000 }, OWNER);
  const rotated = await life.lives.apiKeys.rotate({ scope: GLOBAL, keyId: ending.details.id }, HOUR_MS, OWNER);
  assert.deepEqual([rotated.previous.expires_at, rotated.details.expires_at], ['2026-11-22T10:00:01.000Z', '2026-11-22T10:00:01.000Z']);
}));

test('a key works from not_before to expires_at, and a change of expires_at takes effect at once', () => withAccessLife(async (life) => {
  const { clock } = life;
  const wanted = { ...READER, notBeforeMs: MANUAL_CLOCK_START_MS + 1000, expiresAtMs: MANUAL_CLOCK_START_MS + 5000 };
  const { details: { id: keyId, state }, apiKey } = await life.lives.apiKeys.create(PROJECT, wanted, OWNER);
  assert.deepEqual([state, works(life, apiKey)], ['not_yet', false]);
  clock.advance(1000);
  assert.equal(works(life, apiKey), true);
  const changed = await life.lives.apiKeys.change({ scope: PROJECT, keyId }, { expiresAtMs: MANUAL_CLOCK_START_MS + 2000 }, OWNER);
  assert.equal(changed.expires_at, '2026-11-22T10:00:02.000Z');
  clock.advance(1000);
  assert.equal(works(life, apiKey), false);
  await life.lives.apiKeys.change({ scope: PROJECT, keyId }, { name: 'wall', expiresAtMs: null }, OWNER);
  assert.equal(works(life, apiKey), true);
  const next = await life.restart();
  assert.deepEqual([works(next, apiKey), next.lives.apiKeys.get({ scope: PROJECT, keyId }).name], [true, 'wall']);
  const early = next.lives.apiKeys.change({ scope: PROJECT, keyId }, { expiresAtMs: MANUAL_CLOCK_START_MS }, OWNER);
  assert.deepEqual((await refusalOf(early)).facts['pointer'], '/expires_at');
}));

test('an expired key is removed by the first change 30 days later', () => withAccessLife(async (life) => {
  const { details: { id } } = await life.lives.apiKeys.create(PROJECT, { ...READER, expiresAtMs: MANUAL_CLOCK_START_MS + 1 }, OWNER);
  const names = (): readonly string[] => life.lives.apiKeys.list(PROJECT).map(({ name }) => name);
  life.clock.advance(30 * DAY_MS);
  await life.lives.apiKeys.create(PROJECT, { ...READER, name: 'second' }, OWNER);
  assert.deepEqual(names(), ['primary', 'reader', 'second']);
  life.clock.advance(1);
  await life.lives.apiKeys.create(PROJECT, { ...READER, name: 'third' }, OWNER);
  assert.deepEqual(names(), ['primary', 'second', 'third']);
  assert.deepEqual((await accessLines(life.folder, PROJECT)).at(-1), { op: 'access.remove', actor: 'server', key_id: id });
}));

test('a scope has at most 100 keys that have not expired', () => withAccessLife(async (life) => {
  const soon = { ...READER, expiresAtMs: MANUAL_CLOCK_START_MS + 1000 };
  let last = '';
  for (let made = 0; made < 100; made += 1) last = (await life.lives.apiKeys.create(GLOBAL, soon, OWNER)).details.id;
  const refusal = await refusalOf(life.lives.apiKeys.create(GLOBAL, READER, OWNER));
  assert.deepEqual([refusal.code, refusal.facts], ['too_many_api_keys', { limit: 100 }]);
  assert.equal((await refusalOf(life.lives.apiKeys.rotate({ scope: GLOBAL, keyId: last }, 1, OWNER))).code, 'too_many_api_keys');
  await life.lives.apiKeys.rotate({ scope: GLOBAL, keyId: last }, 0, OWNER);
  await life.lives.apiKeys.create(PROJECT, READER, OWNER);
  life.clock.advance(1000);
  await life.lives.apiKeys.create(GLOBAL, READER, OWNER);
}));

test('a caller gives, changes and takes only what it may do itself', () => withAccessLife(async (life) => {
  const { apiKeys } = life.lives;
  const admin: KeyCaller = { context: CONTEXT, rights: rightsOf(['admin', 'read']) };
  const { details: { id: all } } = await apiKeys.create(PROJECT, { ...READER, permissions: ['all'] }, OWNER);
  const { details: { id: own } } = await apiKeys.create(PROJECT, READER, admin);
  const refused = [
    apiKeys.create(PROJECT, { ...READER, permissions: ['write'] }, admin),
    apiKeys.create(PROJECT, { ...READER, permissions: ['all'] }, admin),
    apiKeys.change({ scope: PROJECT, keyId: all }, { name: 'a' }, admin), apiKeys.rotate({ scope: PROJECT, keyId: all }, 0, admin),
    apiKeys.remove({ scope: PROJECT, keyId: all }, admin),
  ];
  for (const refusal of await Promise.all(refused.map(refusalOf))) assert.equal(refusal.code, 'forbidden');
  await apiKeys.change({ scope: PROJECT, keyId: own }, { name: 'a' }, admin);
  await apiKeys.remove({ scope: PROJECT, keyId: own }, admin);
  assert.equal(apiKeys.list(PROJECT).length, 2);
}));

test('the primary key is neither changed, rotated nor removed here', () => withAccessLife(async (life) => {
  const { apiKeys } = life.lives;
  for (const scope of [PROJECT, GLOBAL]) {
    const name = { scope, keyId: apiKeys.list(scope)[0]?.id ?? '' };
    const work = [apiKeys.change(name, { name: 'a' }, OWNER), apiKeys.rotate(name, 0, OWNER), apiKeys.remove(name, OWNER)];
    for (const refusal of await Promise.all(work.map(refusalOf))) assert.equal(refusal.code, 'invalid_settings');
  }
}));

test('a configuration that cannot be written makes no key', () => withAccessLife(async (life) => {
  const text = await life.configText();
  life.configDisk.setFault({ step: 'rename', code: 'EBUSY' });
  for (const scope of [PROJECT, GLOBAL]) {
    assert.equal((await refusalOf(life.lives.apiKeys.create(scope, READER, OWNER))).code, 'config_write_failed');
    assert.equal(life.lives.apiKeys.list(scope).length, 1);
    assert.deepEqual(await accessLines(life.folder, scope), []);
  }
  assert.equal(await life.configText(), text);
}));

test('a regenerated primary key leaves the others as they are, and with an overlap goes on as one of them',
  () => withAccessLife(async (life) => {
  const old = life.shown.get('first_project') ?? '';
  const other = await life.lives.apiKeys.create(PROJECT, READER, OWNER);
  const { apiKey, otherKeys } = await life.lives.regenerateKey('first_project', CONTEXT, HOUR_MS);
  assert.deepEqual(otherKeys.map(({ name, permissions }) => [name, permissions]), [['reader', ['read']], ['previous', ['all']]]);
  assert.equal(otherKeys[1]?.expires_at, '2026-11-22T11:00:00.000Z');
  assert.deepEqual([old, other.apiKey, apiKey].map((key) => works(life, key)), [true, true, true]);
  const next = await life.restart();
  assert.deepEqual([old, other.apiKey, apiKey].map((key) => works(next, key)), [true, true, true]);
  assert.deepEqual(next.lives.apiKeys.list(PROJECT).map(({ name }) => name), ['primary', 'reader', 'previous']);
  life.clock.advance(HOUR_MS);
  const again = await next.lives.regenerateKey('first_project', CONTEXT);
  assert.deepEqual([old, other.apiKey, apiKey, again.apiKey].map((key) => works(next, key)), [false, true, false, true]);
}));

test('the keys of a project move with it between disk and memory, and those of one in memory come back from its entry',
  () => withAccessLife(async (life) => {
  const { apiKey, details: { id: keyId } } = await life.lives.apiKeys.create(PROJECT, READER, OWNER);
  await life.lives.update('first_project', { storage: { on_disk: false } }, CONTEXT);
  const another = await life.lives.apiKeys.create(PROJECT, { ...READER, name: 'second' }, OWNER);
  let next = await life.restart();
  assert.deepEqual([works(next, apiKey), works(next, another.apiKey)], [true, true]);
  assert.deepEqual(next.lives.apiKeys.list(PROJECT).map(({ name }) => name), ['primary', 'reader', 'second']);
  await next.lives.apiKeys.remove({ scope: PROJECT, keyId }, OWNER);
  await next.lives.update('first_project', { storage: { on_disk: true } }, CONTEXT);
  next = await next.restart();
  assert.deepEqual([works(next, apiKey), works(next, another.apiKey)], [false, true]);
}));

test('the keys of a deleted project stop with it', () => withAccessLife(async (life) => {
  const { apiKey } = await life.lives.apiKeys.create(PROJECT, READER, OWNER);
  await life.lives.delete('first_project', CONTEXT);
  assert.equal(life.keyring.lookUp(apiKey), null);
}));

test('the last use is shown to the minute', () => withAccessLife(async (life) => {
  const { apiKey, details: { id: keyId } } = await life.lives.apiKeys.create(PROJECT, READER, OWNER);
  life.clock.advance(125_000);
  const principal = life.keyring.lookUp(apiKey);
  assert.ok(principal);
  principal.use.lastMs = life.clock.monotonicMs();
  life.clock.advance(30_000);
  assert.equal(life.lives.apiKeys.get({ scope: PROJECT, keyId }).last_used_at, '2026-11-22T10:02:00.000Z');
}));

test('a snapshot of a project keeps what is recorded of its keys', () => withAccessLife(async (life) => {
  const { details: { id: gone } } = await life.lives.apiKeys.create(PROJECT, READER, OWNER);
  const { details } = await life.lives.apiKeys.create(PROJECT, { ...READER, name: 'second' }, OWNER);
  await life.lives.apiKeys.remove({ scope: PROJECT, keyId: gone }, OWNER);
  await life.lives.compact('first_project', CONTEXT);
  life.clock.advance(DAY_MS);
  const next = await life.restart();
  assert.deepEqual(next.lives.apiKeys.list(PROJECT)[1], details);
  assert.ok((next.lives.store('first_project').access.removedSeq(gone) ?? 0) > 0);
}));

test.run();
