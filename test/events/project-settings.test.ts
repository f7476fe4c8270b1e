import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { compileSchema } from '../../src/base/json-schema.js';
import { schemaOf } from '../../src/base/setting.js';
import { AUTHENTICATION_SETTINGS, QUOTA_SETTINGS, STORAGE_SETTINGS } from '../../src/api/project-settings.js';
import {
  BUILT_IN_AUTHENTICATION, BUILT_IN_SETTINGS, BUILT_IN_STORAGE, diffSettings, mergeSettings, type ProjectSettings,
} from '../../src/events/project-settings.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';
import { arbitrarySettings } from './arbitrary-events.js';

const test = suite('project-settings');

const BUILT_IN: ProjectSettings = BUILT_IN_SETTINGS;

function membersOf(settings: ProjectSettings): readonly (readonly [string, unknown])[] {
  return Object.entries(settings).flatMap(([group, members]) => (
    Object.entries(members as object).map(([name, value]) => [`${group}.${name}`, value] as const)
  ));
}

test('applying the difference to the old settings yields the new ones', () => {
  fc.assert(fc.property(arbitrarySettings, arbitrarySettings, (from, to) => {
    assert.deepEqual(mergeSettings(from, diffSettings(from, to).change), to);
  }));
});

test('the names are those of the differing members, in the order of the settings', () => {
  fc.assert(fc.property(arbitrarySettings, arbitrarySettings, (from, to) => {
    const before = new Map(membersOf(from));
    const expected = membersOf(to).filter(([name, value]) => !isDeepStrictEqual(before.get(name), value)).map(([name]) => name);
    assert.deepEqual(diffSettings(from, to).names, expected);
  }));
});

test('equal settings have no difference', () => {
  const nothing = { change: { storage: {}, authentication: {}, quota: {} }, names: [] };
  assert.deepEqual(diffSettings(BUILT_IN, structuredClone(BUILT_IN)), nothing);
});

test('members that a change does not name are kept', () => {
  const merged = mergeSettings(BUILT_IN, { storage: { durability: 'os' } });
  assert.deepEqual(merged, { ...BUILT_IN_SETTINGS, storage: { ...BUILT_IN_STORAGE, durability: 'os' } });
  assert.deepEqual(mergeSettings(BUILT_IN, {}), BUILT_IN);
});

test('settings take nothing of a new project but its settings', () => {
  const project = { id: 'shop', storage: { durability: 'os' } } as const;
  assert.deepEqual(Object.keys(mergeSettings(BUILT_IN, project)), ['storage', 'authentication', 'quota']);
});

test('a change inside a group keeps the rest of the group, and is named by the group', () => {
  const from = mergeSettings(BUILT_IN, { storage: { retention: { max_bytes: 7 } } });
  const change = { storage: { compaction: { interval_seconds: 0 }, retention: { compress: 'gzip' } } } as const;
  const to = mergeSettings(from, change);
  assert.deepEqual(to.storage.retention, { max_age_seconds: null, max_bytes: 7, compress: 'gzip' });
  assert.deepEqual(to.storage.compaction, { interval_seconds: 0 });
  const names = ['storage.compaction', 'storage.retention'];
  assert.deepEqual(diffSettings(from, to), { change: { ...change, authentication: {}, quota: {} }, names });
});

test('two separate changes inside one group both apply', () => {
  const older = mergeSettings(BUILT_IN, { storage: { retention: { max_bytes: 7 } } });
  const newer = mergeSettings(older, { storage: { retention: { max_bytes: 8 } } });
  const edited = mergeSettings(older, { storage: { retention: { compress: 'gzip' } } });
  const { retention } = mergeSettings(newer, diffSettings(older, edited).change).storage;
  assert.deepEqual(retention, { max_age_seconds: null, max_bytes: 8, compress: 'gzip' });
});

test('a change of one quota keeps the others, and null takes one away', () => {
  const limited = mergeSettings(BUILT_IN, { quota: { max_keys: 10, writes_per_second: 5 } });
  assert.deepEqual(limited.quota, { max_keys: 10, max_bytes: null, reads_per_second: null, writes_per_second: 5 });
  const change = { quota: { max_keys: null } };
  assert.deepEqual(mergeSettings(limited, change).quota, { ...BUILT_IN.quota, writes_per_second: 5 });
  assert.deepEqual(diffSettings(limited, mergeSettings(limited, change)), {
    change: { storage: {}, authentication: {}, ...change }, names: ['quota.max_keys'],
  });
});

test('merging does not modify its arguments', () => {
  fc.assert(fc.property(arbitrarySettings, arbitrarySettings, (from, to) => {
    const [fromCopy, toCopy] = [structuredClone(from), structuredClone(to)];
    mergeSettings(from, to);
    assert.deepEqual([from, to], [fromCopy, toCopy]);
  }));
});

test('the built-in settings match their schema, member by member', () => {
  for (const [table, settings] of [
    [STORAGE_SETTINGS, BUILT_IN_STORAGE], [AUTHENTICATION_SETTINGS, BUILT_IN_AUTHENTICATION],
    [QUOTA_SETTINGS, BUILT_IN_SETTINGS.quota],
  ] as const) {
    const check = compileSchema({ ...schemaOf(table), required: Object.keys(table) });
    assert.deepEqual(check(settings), { ok: true, document: settings });
    assert.deepEqual(Object.keys(settings), Object.keys(table));
  }
});

test('the schema rejects values out of range and names the range', () => {
  const check = compileSchema(schemaOf(STORAGE_SETTINGS));
  for (const [storage, expected] of [
    [{ segment_bytes: 4095 }, /from 4096 to 1073741824/],
    [{ segment_bytes: 1_073_741_825 }, /from 4096 to 1073741824/],
    [{ sync_interval_ms: 0 }, /from 1 to 60000/],
    [{ sync_interval_ms: 60_001 }, /from 1 to 60000/],
    [{ sync_interval_ms: 1.5 }, /whole number/],
    [{ durability: 'later' }, /"fsync","interval","os"/],
    [{ on_disk: 'yes' }, /boolean/],
    [{ compaction: 300 }, /an object with interval_seconds/],
    [{ compaction: { interval_seconds: -1 } }, /seconds from 0 to 86400/],
    [{ compaction: { interval_seconds: 86_401 } }, /seconds from 0 to 86400/],
    [{ compaction: { interval_seconds: null } }, /seconds from 0 to 86400/],
    [{ compaction: { interval_ms: 1 } }, /no such field/],
    [{ retention: null }, /an object with max_age_seconds, max_bytes and compress/],
    [{ retention: { max_age_seconds: 0.5 } }, /null, or a whole number of seconds from 0 to 3153600000/],
    [{ retention: { max_age_seconds: 3_153_600_001 } }, /null, or a whole number of seconds/],
    [{ retention: { max_bytes: -1 } }, /null, or a whole number of bytes/],
    [{ retention: { max_bytes: '1 GB' } }, /null, or a whole number of bytes/],
    [{ retention: { compress: true } }, /"none","gzip"/],
  ] as const) {
    const checked = check(storage);
    assert.ok(!checked.ok, JSON.stringify(storage));
    assert.match(checked.fault.expected, expected);
  }
});

test.run();
