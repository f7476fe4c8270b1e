import assert from 'node:assert/strict';
import { keyIdOf } from '../../src/auth/key-hash.js';
import type { ConfigDocument, ProjectEntry } from '../../src/config/config-document.js';
import { effectiveSettings, renderEntry, viewEntry, type EntryContent } from '../../src/config/effective-settings.js';
import { STORAGE_SETTINGS } from '../../src/api/project-settings.js';
import { BUILT_IN_SETTINGS, BUILT_IN_STORAGE, type ProjectSettings, type StorageChange } from '../../src/events/project-settings.js';
import { arbitraryChange } from '../base/arbitrary-values.js';
import { arbitrarySettings } from '../events/arbitrary-events.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';

const test = suite('effective-settings');

const EMPTY: ConfigDocument = { version: 1, projects: [] };
const OPEN = { enabled: false, save_api_key_to_file: false };

function withDefaults(storage: StorageChange): ConfigDocument {
  return { ...EMPTY, default: { storage: { persistent_file_path: 'data/', ...storage } } };
}

function stateOf(settings: ProjectSettings): EntryContent {
  return { id: 'alpha', settings, revision: undefined, apiKey: null, apiKeyHash: null };
}

/** Any of the members of `storage`, and any of those of its groups. */
const partialArbitrary: fc.Arbitrary<StorageChange> = arbitraryChange(STORAGE_SETTINGS);

test('an empty entry gets the built-in settings, with authentication on', () => {
  const authentication = { enabled: true, save_api_key_to_file: false };
  assert.deepEqual(effectiveSettings({}, EMPTY), { ...BUILT_IN_SETTINGS, storage: BUILT_IN_STORAGE, authentication });
});

test("default.storage holds above what is built in, and the project's own above both", () => {
  const document = withDefaults({ durability: 'os', segment_bytes: 4096 });
  assert.deepEqual(effectiveSettings({}, document).storage, { ...BUILT_IN_STORAGE, durability: 'os', segment_bytes: 4096 });
  const { storage } = effectiveSettings({ storage: { durability: 'interval' } }, document);
  assert.deepEqual(storage, { ...BUILT_IN_STORAGE, durability: 'interval', segment_bytes: 4096 });
});

test("default.quota holds for a project that does not say, and the project's own, null included, above it", () => {
  const document: ConfigDocument = { ...EMPTY, default: { quota: { max_keys: 10, max_bytes: 1000 } } };
  const none = BUILT_IN_SETTINGS.quota;
  assert.deepEqual(effectiveSettings({}, document).quota, { ...none, max_keys: 10, max_bytes: 1000 });
  assert.deepEqual(effectiveSettings({ quota: { max_keys: null } }, document).quota, { ...none, max_bytes: 1000 });
});

test('an entry names the quotas that differ from the default, and those that it named before', () => {
  const document: ConfigDocument = { ...EMPTY, default: { quota: { max_keys: 10 } } };
  const unlimited = stateOf(BUILT_IN_SETTINGS);
  assert.deepEqual(renderEntry(undefined, unlimited, document).quota, { max_keys: null });
  assert.equal('quota' in renderEntry(undefined, unlimited, EMPTY), false);
  assert.deepEqual(renderEntry({ id: 'alpha', quota: { max_bytes: 1 } }, unlimited, EMPTY).quota, { max_bytes: null });
});

test('neither the data folder nor an API key is a setting of a project', () => {
  const settings = effectiveSettings({ authentication: { enabled: true, api_key: 'open-sesame', api_key_hash: 'x' } }, withDefaults({}));
  assert.deepEqual(Object.keys(settings.storage).sort(), Object.keys(BUILT_IN_STORAGE).sort());
  assert.deepEqual(settings.authentication, { enabled: true, save_api_key_to_file: false });
});

test('default.authentication guards the global routes and does not affect projects', () => {
  const document: ConfigDocument = { ...EMPTY, default: { authentication: OPEN } };
  assert.equal(effectiveSettings({}, document).authentication.enabled, true);
});

test('viewEntry() gives the id of the key, and null without one', () => {
  const entry: ProjectEntry = { id: 'alpha', revision: 4, authentication: { api_key_hash: 'sha256:x' } };
  const settings = effectiveSettings(entry, EMPTY);
  assert.deepEqual(viewEntry(entry, EMPTY), { id: 'alpha', revision: 4, settings, keyId: keyIdOf('sha256:x') });
  assert.equal(viewEntry({ id: 'alpha' }, EMPTY).keyId, null);
  assert.equal(viewEntry({ id: 'alpha' }, EMPTY).revision, undefined);
});

test('a new entry has on_disk, cache_in_memory and authentication, and omits the other defaults', () => {
  const state: EntryContent = { ...stateOf(effectiveSettings({}, EMPTY)), revision: 1, apiKeyHash: 'sha256:x' };
  const entry = renderEntry(undefined, state, EMPTY);
  assert.deepEqual(entry, {
    id: 'alpha',
    revision: 1,
    storage: { on_disk: true, cache_in_memory: true },
    authentication: { enabled: true, save_api_key_to_file: false, api_key: null, api_key_hash: 'sha256:x' },
  });
  assert.deepEqual(Object.keys(entry), ['id', 'revision', 'storage', 'authentication']);
});

test('an entry without a log has no revision', () => {
  assert.equal('revision' in renderEntry(undefined, stateOf(effectiveSettings({}, EMPTY)), EMPTY), false);
});

test('settings that the previous entry had stay, and settings that differ from the defaults are written', () => {
  const document = withDefaults({ durability: 'os' });
  const settings = effectiveSettings({ storage: { durability: 'fsync', segment_bytes: 4096 } }, document);
  const previous: ProjectEntry = { id: 'alpha', storage: { sync_interval_ms: 100 } };
  const { storage } = renderEntry(previous, stateOf(settings), document);
  assert.deepEqual(storage, { on_disk: true, cache_in_memory: true, durability: 'fsync', sync_interval_ms: 100, segment_bytes: 4096 });
});

test('the groups of defaults and project are merged member by member', () => {
  const document = withDefaults({ retention: { max_bytes: 7, compress: 'gzip' }, compaction: {} });
  const { storage } = effectiveSettings({ storage: { retention: { compress: 'none', max_age_seconds: 60 } } }, document);
  assert.deepEqual(storage.retention, { max_age_seconds: 60, max_bytes: 7, compress: 'none' });
  assert.deepEqual(storage.compaction, BUILT_IN_STORAGE.compaction);
});

test('of a group only members that the previous entry had or that differ are written', () => {
  const document = withDefaults({ retention: { max_bytes: 7 }, compaction: { interval_seconds: 60 } });
  const settings = effectiveSettings({ storage: { retention: { compress: 'gzip' } } }, document);
  const render = (storage?: StorageChange): StorageChange | undefined =>
    renderEntry(storage === undefined ? undefined : { id: 'alpha', storage }, stateOf(settings), document).storage;
  assert.deepEqual(render(), { on_disk: true, cache_in_memory: true, retention: { compress: 'gzip' } });
  assert.deepEqual(render({ retention: { max_age_seconds: 60, max_bytes: 8 }, compaction: { interval_seconds: 1 } }), {
    on_disk: true,
    cache_in_memory: true,
    compaction: { interval_seconds: 60 },
    retention: { max_age_seconds: null, max_bytes: 7, compress: 'gzip' },
  });
  assert.deepEqual(render({ retention: {}, compaction: {} }), render(), 'a group that is empty says nothing');
});

test('a setting that is back at its default is omitted unless the previous entry had it', () => {
  const settings = effectiveSettings({}, EMPTY);
  assert.equal(renderEntry({ id: 'alpha' }, stateOf(settings), EMPTY).storage?.durability, undefined);
  assert.equal(renderEntry({ id: 'alpha', storage: { durability: 'os' } }, stateOf(settings), EMPTY).storage?.durability, 'fsync');
});

test('a rendered entry gives the settings that it was rendered from, whatever the previous entry was', () => {
  const property = fc.property(arbitrarySettings, partialArbitrary, partialArbitrary, (settings, before, defaults) => {
    const document = withDefaults(defaults);
    const entry = renderEntry({ id: 'alpha', storage: before }, stateOf(settings), document);
    assert.deepEqual(effectiveSettings(entry, document), settings);
  });
  fc.assert(property);
});

test('rendering is idempotent', () => {
  const property = fc.property(arbitrarySettings, partialArbitrary, (settings, defaults) => {
    const document = withDefaults(defaults);
    const once = renderEntry(undefined, stateOf(settings), document);
    assert.deepEqual(renderEntry(once, stateOf(settings), document), once);
  });
  fc.assert(property);
});

test.run();
