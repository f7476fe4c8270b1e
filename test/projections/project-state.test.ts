import assert from 'node:assert/strict';
import { InvariantError } from '../../src/base/invariant.js';
import type { ProjectEvent } from '../../src/events/event.js';
import { BUILT_IN_AUTHENTICATION, BUILT_IN_STORAGE, type ProjectSettings } from '../../src/events/project-settings.js';
import { ProjectStateProjection, SavedStateError } from '../../src/projections/project-state.js';
import { suite } from '../suite.js';
import { recordedAt, TIME_ZERO_MS } from './recorded-events.js';

const test = suite('project-state');

const FIRST: ProjectSettings = { storage: BUILT_IN_STORAGE, authentication: BUILT_IN_AUTHENTICATION };
const SECOND: ProjectSettings = { ...FIRST, storage: { ...BUILT_IN_STORAGE, durability: 'os' } };
const CREATE: ProjectEvent = { op: 'project.create', settings: FIRST, key_id: 'k1' };
const SET: ProjectEvent = { op: 'set', key: 'a', value: '1' };

/** Created at 1, updated at 3, another key at 6; other events between and after. */
const HISTORY: readonly ProjectEvent[] = [
  CREATE, SET, { op: 'project.update', settings: SECOND, key_id: 'k1' }, SET, { op: 'clear', count: 1 },
  { op: 'project.key', settings: SECOND, key_id: null }, SET, { op: 'delete', key: 'a' },
];

function replayed(events: readonly ProjectEvent[]): ProjectStateProjection {
  const state = new ProjectStateProjection();
  for (const [index, event] of events.entries()) state.apply(recordedAt(event, index + 1));
  return state;
}

test('before its first event a project has no version', () => {
  const state = new ProjectStateProjection();
  assert.equal(state.newest, undefined);
  assert.equal(state.first, undefined);
  assert.equal(state.at(1), undefined);
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

test('the state at a seq is the newest version at or below it', () => {
  const state = replayed(HISTORY);
  const revisions = [0, 1, 2, 3, 4, 5, 6, 7, 8, 100].map((seq) => state.at(seq)?.seq);
  assert.deepEqual(revisions, [undefined, 1, 1, 3, 3, 3, 6, 6, 6, 6]);
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

/** What is saved of `SAVED`, as JSON gives it back, with something changed. */
function savedWith(change: (saved: { versions: Record<string, unknown>[] }) => unknown): unknown {
  const saved = JSON.parse(JSON.stringify(replayed(SAVED).save())) as { versions: Record<string, unknown>[] };
  const other = change(saved);
  return other === undefined ? saved : other;
}

test('what was saved is taken over, with its history, and goes on', () => {
  const state = new ProjectStateProjection();
  state.restore(savedWith(() => undefined), 3);
  assert.deepEqual(state.versions, replayed(SAVED).versions);
  assert.equal(state.at(2)?.seq, 1);
  state.apply(recordedAt({ op: 'project.key', settings: SECOND, key_id: KEY_ID }, 4));
  assert.deepEqual([state.newest?.seq, state.first?.seq], [4, 1]);
});

test('what was saved does not change with what comes after', () => {
  const state = replayed(SAVED);
  const saved = state.save();
  const copy = structuredClone(saved);
  state.apply(recordedAt({ op: 'project.key', settings: SECOND, key_id: KEY_ID }, 4));
  assert.deepEqual(saved, copy);
});

test('a setting that a snapshot of an older version lacks has its built-in value', () => {
  const state = new ProjectStateProjection();
  state.restore(savedWith(({ versions }) => {
    versions[0] = { ...versions[0], settings: { storage: { on_disk: true, durability: 'os' }, authentication: BUILT_IN_AUTHENTICATION } };
  }), 3);
  assert.deepEqual(state.first?.settings.storage, { ...BUILT_IN_STORAGE, durability: 'os' });
});

test('what cannot have been saved is refused', () => {
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
  ];
  for (const change of wrong) {
    assert.throws(() => new ProjectStateProjection().restore(savedWith(change), 3), SavedStateError, String(change));
  }
  assert.throws(() => replayed(SAVED).restore(savedWith(() => undefined), 3), InvariantError);
});

test.run();
