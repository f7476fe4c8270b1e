import assert from 'node:assert/strict';
import { InvariantError } from '../../src/base/invariant.js';
import type { ProjectEvent } from '../../src/events/event.js';
import { BUILT_IN_AUTHENTICATION, BUILT_IN_SETTINGS, BUILT_IN_STORAGE, type ProjectSettings } from '../../src/events/project-settings.js';
import { ProjectStateProjection, SavedStateError, VERSIONS_KEPT_MAX } from '../../src/projections/project-state.js';
import { suite } from '../suite.js';
import { recordedAt, TIME_ZERO_MS } from './recorded-events.js';

const test = suite('project-state');

const FIRST: ProjectSettings = BUILT_IN_SETTINGS;
const SECOND: ProjectSettings = { ...FIRST, storage: { ...BUILT_IN_STORAGE, durability: 'os' } };
const CREATE: ProjectEvent = { op: 'project.create', settings: FIRST, key_id: 'k1' };
const SET: ProjectEvent = { op: 'set', key: 'a', value: '1' };

/** Created at 1, updated at 3, a new API key at 6; other events between and after. */
const HISTORY: readonly ProjectEvent[] = [
  CREATE, SET, { op: 'project.update', settings: SECOND, key_id: 'k1' }, SET, { op: 'clear', count: 1 },
  { op: 'project.key', settings: SECOND, key_id: null }, SET, { op: 'delete', key: 'a' },
];

function replayed(events: readonly ProjectEvent[]): ProjectStateProjection {
  const state = new ProjectStateProjection();
  for (const [index, event] of events.entries()) state.apply(recordedAt(event, index + 1));
  return state;
}

test('a project has no version before its first event', () => {
  const state = new ProjectStateProjection();
  assert.equal(state.newest, undefined);
  assert.equal(state.first, undefined);
  assert.deepEqual(state.versions, []);
});

test('each project event makes a version with its seq, settings, key id and time', () => {
  const state = replayed(HISTORY);
  const version = (seq: number, settings: ProjectSettings, keyId: string | null): object => ({
    seq, settings, keyId, timeMs: TIME_ZERO_MS + seq * 1000,
  });
  const versions = [version(1, FIRST, 'k1'), version(3, SECOND, 'k1'), version(6, SECOND, null)];
  assert.deepEqual(state.versions, versions);
  assert.deepEqual(state.first, versions[0]);
  assert.deepEqual(state.newest, versions[2]);
});

test('only the first version and the newest ones are kept and saved', () => {
  const state = replayed([CREATE]);
  for (let seq = 2; seq <= 500; seq += 1) {
    state.apply(recordedAt({ op: 'project.update', settings: seq % 2 === 0 ? SECOND : FIRST, key_id: null }, seq));
  }
  const seqs = [1, ...Array.from({ length: VERSIONS_KEPT_MAX - 1 }, (_, index) => 501 - VERSIONS_KEPT_MAX + 1 + index)];
  assert.deepEqual(state.versions.map(({ seq }) => seq), seqs);
  assert.equal(state.isTrimmed, true);
  assert.ok(JSON.stringify(state.save()).length < 10_000);
});

test('the state in an older snapshot, which has every version, is restored with the newest of them', () => {
  const [first, ...others] = (replayed(SAVED).save() as { versions: { seq: number }[] }).versions;
  const versions = [first, ...Array.from({ length: 1000 }, (_, index) => ({ ...others[0], seq: index + 2 }))];
  const state = new ProjectStateProjection();
  state.restore(JSON.parse(JSON.stringify({ versions })), 1001);
  assert.deepEqual([state.versions.length, state.first?.seq, state.newest?.seq], [VERSIONS_KEPT_MAX, 1, 1001]);
});

test('a project is created once', () => {
  assert.throws(() => replayed([CREATE, CREATE]), /seq 2 creates a project that did not exist/);
});

test('nothing happens to a project before it is created', () => {
  const events: readonly ProjectEvent[] = [
    SET, { op: 'clear', count: 0 }, { op: 'project.update', settings: FIRST, key_id: null },
    { op: 'project.key', settings: FIRST, key_id: null },
  ];
  for (const event of events) assert.throws(() => replayed([event]), InvariantError);
});

const KEY_ID = '0123456789abcdef';
const SAVED: readonly ProjectEvent[] = [
  { ...CREATE, key_id: KEY_ID }, SET, { op: 'project.update', settings: SECOND, key_id: null },
] as const;

/** `SAVED` after a round trip through JSON, with a change. */
function savedWith(change: (saved: { versions: Record<string, unknown>[] }) => unknown): unknown {
  const saved = JSON.parse(JSON.stringify(replayed(SAVED).save())) as { versions: Record<string, unknown>[] };
  const other = change(saved);
  return other === undefined ? saved : other;
}

test('a saved state is restored with its history, and continues', () => {
  const state = new ProjectStateProjection();
  state.restore(savedWith(() => undefined), 3);
  assert.deepEqual(state.versions, replayed(SAVED).versions);
  state.apply(recordedAt({ op: 'project.key', settings: SECOND, key_id: KEY_ID }, 4));
  assert.deepEqual([state.newest?.seq, state.first?.seq], [4, 1]);
});

test('a saved state does not change with later events', () => {
  const state = replayed(SAVED);
  const saved = state.save();
  const copy = structuredClone(saved);
  state.apply(recordedAt({ op: 'project.key', settings: SECOND, key_id: KEY_ID }, 4));
  assert.deepEqual(saved, copy);
});

test('a setting that an older snapshot lacks gets its built-in value', () => {
  const state = new ProjectStateProjection();
  state.restore(savedWith(({ versions }) => {
    versions[0] = { ...versions[0], settings: { storage: { on_disk: true, durability: 'os' }, authentication: BUILT_IN_AUTHENTICATION } };
  }), 3);
  assert.deepEqual(state.first?.settings.storage, { ...BUILT_IN_STORAGE, durability: 'os' });
});

test('a quota is saved and restored, and a project without one is saved as before there were any', () => {
  const limited = { ...FIRST, quota: { ...FIRST.quota, max_keys: 7 } };
  const state = new ProjectStateProjection();
  state.apply(recordedAt({ op: 'project.create', settings: FIRST, key_id: null }, 1));
  state.apply(recordedAt({ op: 'project.update', settings: limited, key_id: null }, 2));
  const saved = state.save() as { readonly versions: readonly { readonly settings: object }[] };
  assert.deepEqual(saved.versions.map(({ settings }) => Object.keys(settings)), [
    ['storage', 'authentication'], ['storage', 'authentication', 'quota'],
  ]);
  const restored = new ProjectStateProjection();
  restored.restore(JSON.parse(JSON.stringify(saved)), 2);
  assert.deepEqual(restored.versions, state.versions);
});

test('an impossible saved state is refused', () => {
  const wrong: readonly ((saved: { versions: Record<string, unknown>[] }) => unknown)[] = [
    () => null, () => [], () => 'x', () => ({}), () => ({ versions: [] }), (saved) => ({ ...saved, other: 1 }),
    ({ versions }) => { versions[0] = { ...versions[0], seq: 0 }; },
    ({ versions }) => { versions[0] = { ...versions[0], seq: 3 }; },
    ({ versions }) => { versions[1] = { ...versions[1], seq: 4 }; },
    ({ versions }) => { versions[1] = { ...versions[1], keyId: 'short' }; },
    ({ versions }) => { versions[1] = { ...versions[1], more: 1 }; },
    ({ versions }) => { versions[1] = { ...versions[1], timeMs: 'now' }; },
    ({ versions }) => { versions[1] = { ...versions[1], settings: { storage: { on_disk: 1 }, authentication: BUILT_IN_AUTHENTICATION } }; },
    ({ versions }) => { versions[1] = { ...versions[1], settings: { storage: {}, authentication: {} } }; },
    ({ versions }) => { versions[1] = { ...versions[1], settings: { ...FIRST, quota: { max_keys: -1 } } }; },
  ];
  for (const change of wrong) {
    assert.throws(() => new ProjectStateProjection().restore(savedWith(change), 3), SavedStateError, String(change));
  }
  assert.throws(() => replayed(SAVED).restore(savedWith(() => undefined), 3), InvariantError);
});

const ADD: ProjectEvent = {
  op: 'access.add', key_id: '1111111111111111', name: 'wall', permissions: ['read'], not_before: null, expires_at: null,
};

test('the listed API keys are no version, and are saved only if there ever was one', () => {
  const state = replayed([{ op: 'project.create', settings: FIRST, key_id: null }, ADD]);
  assert.deepEqual([state.newest?.seq, state.access.keyIds, state.access.lastSeq], [1, ['1111111111111111'], 2]);
  assert.deepEqual(Object.keys(replayed([CREATE]).save() as object), ['versions']);
  const restored = new ProjectStateProjection();
  restored.restore(JSON.parse(JSON.stringify(state.save())), 2);
  assert.deepEqual([restored.save(), restored.access.keyIds], [state.save(), ['1111111111111111']]);
  assert.throws(() => new ProjectStateProjection().restore(state.save(), 1), SavedStateError);
});

test.run();
