/** Entries of config.json as the lives of projects change them. */
import assert from 'node:assert/strict';
import { isGeneratedKey } from '../../src/auth/api-key.js';
import { hashGenerated } from '../../src/auth/key-hash.js';
import type { ConfigDocument } from '../../src/config/config-document.js';
import { BUILT_IN_SETTINGS, type ProjectSettings } from '../../src/events/project-settings.js';
import { findEntry, keyOfEntry, makeKey, removeEntry, withEntries, writeEntry } from '../../src/projects/project-entries.js';
import { inFolder } from '../config/config-folder.js';
import { suite } from '../suite.js';
import { prepareLife } from './lives-fixture.js';

const test = suite('project-entries');

const SETTINGS: ProjectSettings = BUILT_IN_SETTINGS;
const KEPT: ProjectSettings = { ...SETTINGS, authentication: { enabled: true, save_api_key_to_file: true } };
const NO_KEY = { apiKey: null, apiKeyHash: null };
const DOCUMENT: ConfigDocument = { version: 1, projects: [{ id: 'a' }, { id: 'b' }] };

test('makeKey() returns a key and its hash, and the key in plain text only if the settings keep it', () => {
  const { key, entryKey } = makeKey(SETTINGS);
  assert.ok(isGeneratedKey(key));
  assert.deepEqual(entryKey, { apiKey: null, apiKeyHash: hashGenerated(key) });
  const kept = makeKey(KEPT);
  assert.equal(kept.entryKey.apiKey, kept.key);
});

test('keyOfEntry() returns both parts, null for a missing entry or part', () => {
  assert.deepEqual(keyOfEntry(undefined), NO_KEY);
  assert.deepEqual(keyOfEntry({ id: 'a' }), NO_KEY);
  assert.deepEqual(keyOfEntry({ id: 'a', authentication: { api_key: 'k', api_key_hash: 'h' } }), { apiKey: 'k', apiKeyHash: 'h' });
});

test('withEntries() replaces entries in place, appends new ones, and does not change its argument', () => {
  const before = JSON.stringify(DOCUMENT);
  const next = withEntries(DOCUMENT, [
    { id: 'c', settings: SETTINGS, revision: undefined, key: NO_KEY }, { id: 'a', settings: SETTINGS, revision: 7, key: NO_KEY },
  ]);
  assert.deepEqual(next.projects.map(({ id, revision }) => [id, revision]), [['a', 7], ['b', undefined], ['c', undefined]]);
  assert.equal('revision' in (findEntry(next, 'c') ?? {}), false);
  assert.equal(JSON.stringify(DOCUMENT), before);
});

test('withEntries() drops a key in plain text that the settings do not keep', () => {
  const key = { apiKey: 'in plain text', apiKeyHash: hashGenerated('in plain text') };
  const entry = (settings: ProjectSettings) => findEntry(withEntries(DOCUMENT, [{ id: 'a', settings, revision: 1, key }]), 'a');
  assert.deepEqual(keyOfEntry(entry(SETTINGS)), { ...key, apiKey: null });
  assert.deepEqual(keyOfEntry(entry(KEPT)), key);
});

test('writeEntry() and removeEntry() change the file, and removing a missing entry writes nothing', () => inFolder(async (folder) => {
  const { config } = await prepareLife(folder);
  await writeEntry(config, { id: 'a', settings: SETTINGS, revision: 3, key: NO_KEY });
  assert.equal(findEntry(config.document, 'a')?.revision, 3);
  await removeEntry(config, 'a');
  assert.equal(findEntry(config.document, 'a'), undefined);
  const { document } = config;
  await removeEntry(config, 'a');
  assert.equal(config.document, document);
}));

test.run();
