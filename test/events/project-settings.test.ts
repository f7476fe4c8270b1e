import assert from 'node:assert/strict';
import fc from 'fast-check';
import { compileSchema } from '../../src/base/json-schema.js';
import {
  AUTHENTICATION_PROPERTIES, BUILT_IN_AUTHENTICATION, BUILT_IN_STORAGE, diffSettings, mergeSettings, STORAGE_PROPERTIES,
  type ProjectSettings,
} from '../../src/events/project-settings.js';
import { suite } from '../suite.js';
import { arbitrarySettings } from './arbitrary-events.js';

const test = suite('project-settings');

const BUILT_IN: ProjectSettings = { storage: BUILT_IN_STORAGE, authentication: BUILT_IN_AUTHENTICATION };

function membersOf(settings: ProjectSettings): readonly (readonly [string, unknown])[] {
  return Object.entries(settings).flatMap(([group, members]) => (
    Object.entries(members as object).map(([name, value]) => [`${group}.${name}`, value] as const)
  ));
}

test('what differs, put on top of the settings before, gives the settings after', () => {
  fc.assert(fc.property(arbitrarySettings, arbitrarySettings, (from, to) => {
    assert.deepEqual(mergeSettings(from, diffSettings(from, to).change), to);
  }));
});

test('the names are exactly those of the members that differ, in the order of the settings', () => {
  fc.assert(fc.property(arbitrarySettings, arbitrarySettings, (from, to) => {
    const before = new Map(membersOf(from));
    const expected = membersOf(to).filter(([name, value]) => before.get(name) !== value).map(([name]) => name);
    assert.deepEqual(diffSettings(from, to).names, expected);
  }));
});

test('equal settings differ in nothing', () => {
  assert.deepEqual(diffSettings(BUILT_IN, structuredClone(BUILT_IN)), { change: { storage: {}, authentication: {} }, names: [] });
});

test('what a change does not name stays', () => {
  const merged = mergeSettings(BUILT_IN, { storage: { durability: 'os' } });
  assert.deepEqual(merged, { storage: { ...BUILT_IN_STORAGE, durability: 'os' }, authentication: BUILT_IN_AUTHENTICATION });
  assert.deepEqual(mergeSettings(BUILT_IN, {}), BUILT_IN);
});

test('merging leaves both of its arguments as they are', () => {
  fc.assert(fc.property(arbitrarySettings, arbitrarySettings, (from, to) => {
    const [fromCopy, toCopy] = [structuredClone(from), structuredClone(to)];
    mergeSettings(from, to);
    assert.deepEqual([from, to], [fromCopy, toCopy]);
  }));
});

test('the built-in settings fit their own schema, member by member', () => {
  for (const [properties, settings] of [
    [STORAGE_PROPERTIES, BUILT_IN_STORAGE], [AUTHENTICATION_PROPERTIES, BUILT_IN_AUTHENTICATION],
  ] as const) {
    const check = compileSchema({ type: 'object', additionalProperties: false, required: Object.keys(properties), properties });
    assert.deepEqual(check(settings), { ok: true, document: settings });
    assert.deepEqual(Object.keys(settings), Object.keys(properties));
  }
});

test('the schema refuses what is out of range and says the range', () => {
  const check = compileSchema({ type: 'object', properties: STORAGE_PROPERTIES });
  for (const [storage, expected] of [
    [{ segment_bytes: 4095 }, /from 4096 to 1073741824/],
    [{ segment_bytes: 1_073_741_825 }, /from 4096 to 1073741824/],
    [{ sync_interval_ms: 0 }, /from 1 to 60000/],
    [{ sync_interval_ms: 60_001 }, /from 1 to 60000/],
    [{ sync_interval_ms: 1.5 }, /whole number/],
    [{ durability: 'later' }, /"fsync","interval","os"/],
    [{ on_disk: 'yes' }, /boolean/],
  ] as const) {
    const checked = check(storage);
    assert.ok(!checked.ok, JSON.stringify(storage));
    assert.match(checked.fault.expected, expected);
  }
});

test.run();
