import assert from 'node:assert/strict';
import type { ServerEvent } from '../../src/events/event.js';
import { Registrations } from '../../src/projections/registrations.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';
import { recordedAt } from './recorded-events.js';

const test = suite('registrations');

const created = (id: string, logId: string): ServerEvent => ({ op: 'project.created', id, log_id: logId });
const deleted = (id: string, logId: string): ServerEvent => ({ op: 'project.deleted', id, log_id: logId, last_seq: 3, last_hash: '' });
const edited = (scope: string, keyId: string | null): ServerEvent => ({
  op: 'config.edited', scope, changed: ['authentication'], key_id: keyId,
});

const left = (id: string, logId: string): ServerEvent => ({ op: 'project.left', id, log_id: logId, last_seq: 3, last_hash: '' });
const repaired = (id: string, logId: string): ServerEvent => ({
  op: 'project.repaired', id, log_id: logId, previous_log_id: '', last_seq: 3, last_hash: '', dropped_bytes: 1, copy: 'copy',
});
const restored = (id: string, logId: string): ServerEvent => ({
  op: 'project.restored', id, log_id: logId, last_seq: 7, last_hash: '', backup_time: '2026-11-22T10:00:00.000Z',
});
const removed = (id: string, logId: string, lastSeq: number): ServerEvent => ({
  op: 'segment.removed', id, log_id: logId, first_seq: 1, last_seq: lastSeq, bytes: 1, sha256: '',
});

function replayed(events: readonly ServerEvent[]): Registrations {
  const registrations = new Registrations();
  for (const [index, event] of events.entries()) registrations.apply(recordedAt(event, index + 1));
  return registrations;
}

test('before the first event nothing is registered and no global API key is recorded', () => {
  const registrations = new Registrations();
  assert.deepEqual(registrations.liveIds, []);
  assert.equal(registrations.deletedLogs.size, 0);
  assert.equal(registrations.defaultKeyId, undefined);
  assert.equal(registrations.get('alpha'), undefined);
});

test('a created project is live, with its log', () => {
  const registrations = replayed([created('alpha', 'a1'), created('beta', 'b1')]);
  assert.deepEqual(registrations.liveIds, ['alpha', 'beta']);
  assert.deepEqual(registrations.get('alpha'), { logId: 'a1', state: 'live', firstKeptSeq: undefined });
});

test('a deleted project is not live, and is remembered by id and by log', () => {
  const registrations = replayed([created('alpha', 'a1'), created('beta', 'b1'), deleted('alpha', 'a1')]);
  assert.deepEqual(registrations.liveIds, ['beta']);
  assert.deepEqual(registrations.get('alpha'), { logId: 'a1', state: 'deleted', firstKeptSeq: undefined });
  assert.deepEqual([...registrations.deletedLogs], [['a1', 'alpha']]);
});

test('a deleted id can be created again with another log, which ends its deletion', () => {
  const registrations = replayed([created('alpha', 'a1'), deleted('alpha', 'a1'), created('alpha', 'a2')]);
  assert.deepEqual(registrations.get('alpha'), { logId: 'a2', state: 'live', firstKeptSeq: undefined });
  assert.deepEqual([...registrations.deletedLogs], []);
  assert.deepEqual(registrations.liveIds, ['alpha']);
});

test('a later event about a log replaces its deletion or departure', () => {
  for (const back of [created('alpha', 'a1'), repaired('alpha', 'a1'), left('alpha', 'a1')]) {
    assert.deepEqual([...replayed([created('alpha', 'a1'), deleted('alpha', 'a1'), back]).deletedLogs], [], back.op);
  }
  for (const back of [created('alpha', 'a1'), repaired('alpha', 'a1'), deleted('alpha', 'a1')]) {
    assert.deepEqual([...replayed([created('alpha', 'a1'), left('alpha', 'a1'), back]).leftLogs], [], back.op);
  }
  assert.deepEqual([...replayed([deleted('alpha', 'a1'), left('alpha', 'a1'), deleted('alpha', 'a2')]).deletedLogs], [['a2', 'alpha']]);
});

test('restoring a snapshot of an older version ignores the deletion of a log that came back', () => {
  const registrations = new Registrations();
  registrations.restore('deleted/a1', '"alpha"');
  registrations.restore('project/alpha', '{"logId":"a1","state":"live"}');
  assert.deepEqual([[...registrations.deletedLogs], registrations.liveIds], [[], ['alpha']]);
});

test('an unregistered project can be deleted', () => {
  const registrations = replayed([deleted('stray', 's1')]);
  assert.deepEqual(registrations.get('stray'), { logId: 's1', state: 'deleted', firstKeptSeq: undefined });
  assert.deepEqual([...registrations.deletedLogs], [['s1', 'stray']]);
});

test('registering a live id again is refused', () => {
  assert.throws(() => replayed([created('alpha', 'a1'), created('alpha', 'a2')]), /seq 2 registers "alpha"/);
});

test('the id of the global API key is the last recorded one, not that of a project', () => {
  assert.equal(replayed([edited('default', 'k1'), edited('default', 'k2'), edited('alpha', 'k3')]).defaultKeyId, 'k2');
  assert.equal(replayed([edited('default', 'k1'), edited('default', null)]).defaultKeyId, null);
  assert.equal(replayed([edited('alpha', 'k3')]).defaultKeyId, undefined);
});

test('a project that left the disk is neither live nor deleted, and its log is remembered', () => {
  const registrations = replayed([created('alpha', 'a1'), left('alpha', 'a1')]);
  assert.deepEqual([registrations.liveIds, registrations.deletedLogs.size], [[], 0]);
  assert.deepEqual(registrations.get('alpha'), { logId: 'a1', state: 'left', firstKeptSeq: undefined });
  assert.deepEqual([...registrations.leftLogs], [['a1', 'alpha']]);
});

test('a project can come back with another log and leave again; every log that left is remembered', () => {
  const goings = [created('alpha', 'a1'), left('alpha', 'a1'), created('alpha', 'a2'), left('alpha', 'a2')];
  const registrations = replayed([...goings, created('alpha', 'a3')]);
  assert.deepEqual(registrations.get('alpha'), { logId: 'a3', state: 'live', firstKeptSeq: undefined });
  assert.deepEqual([...registrations.leftLogs.keys()], ['a1', 'a2']);
});

test('a repaired project is live with its new log, whatever its state was', () => {
  for (const before of [[], [created('alpha', 'a1')], [created('alpha', 'a1'), removed('alpha', 'a1', 9)]]) {
    assert.deepEqual(replayed([...before, repaired('alpha', 'a2')]).get('alpha'), { logId: 'a2', state: 'live', firstKeptSeq: undefined });
  }
});

test('a removal of segments sets the first kept seq of its own log only', () => {
  const registrations = replayed([created('alpha', 'a1'), removed('alpha', 'a1', 9), removed('alpha', 'a1', 20), removed('beta', 'b1', 5)]);
  assert.equal(registrations.get('alpha')?.firstKeptSeq, 21);
  assert.equal(registrations.get('beta'), undefined);
  assert.equal(replayed([created('alpha', 'a2'), removed('alpha', 'a1', 9)]).get('alpha')?.firstKeptSeq, undefined);
  const again = replayed([created('alpha', 'a1'), removed('alpha', 'a1', 9), deleted('alpha', 'a1'), created('alpha', 'a2')]);
  assert.equal(again.get('alpha')?.firstKeptSeq, undefined);
});

const committed = (id: string, logId: string, lastSeq: number): ServerEvent => ({
  op: 'snapshot.committed', id, log_id: logId, last_seq: lastSeq, key_count: 1, bytes: 1, sha256: '', duration_ms: 1,
});

test('the newest recorded snapshot of a log proves its length, and nothing about another log', () => {
  const before = [created('alpha', 'a1'), committed('alpha', 'a1', 9), committed('alpha', 'a1', 20), committed('beta', 'b1', 5)];
  assert.equal(replayed(before).get('alpha')?.provenSeq, 20);
  assert.equal(replayed([...before, removed('alpha', 'a1', 4)]).get('alpha')?.provenSeq, 20);
  assert.equal(replayed([...before, committed('alpha', 'a2', 99)]).get('alpha')?.provenSeq, 20);
  assert.equal(replayed(before).get('beta'), undefined);
  for (const other of [repaired('alpha', 'a2'), left('alpha', 'a1'), deleted('alpha', 'a1')]) {
    assert.equal(replayed([...before, other]).get('alpha')?.provenSeq, undefined, other.op);
  }
  assert.ok(!JSON.stringify(replayed(before).save()).includes('20'), 'a snapshot of the registry does not have it');
});

const arbitraryEvent: fc.Arbitrary<ServerEvent> = fc.tuple(
  fc.constantFrom('created', 'deleted', 'left', 'repaired', 'removed', 'edited'), fc.constantFrom('alpha', 'beta', 'gamma'),
  fc.constantFrom('l1', 'l2', 'l3'), fc.nat(50),
).map(([kind, id, log, number]) => {
  // No two projects have a log of the same id.
  const logId = `${id}-${log}`;
  switch (kind) {
    case 'created': return created(id, logId);
    case 'deleted': return deleted(id, logId);
    case 'left': return left(id, logId);
    case 'repaired': return repaired(id, logId);
    case 'removed': return removed(id, logId, number);
    default: return edited(number % 2 === 0 ? 'default' : id, number % 3 === 0 ? null : `k${number}`);
  }
});

/** The whole state. */
function answersOf(registrations: Registrations): unknown {
  const { liveIds, deletedLogs, leftLogs, defaultKeyId } = registrations;
  const byId = ['alpha', 'beta', 'gamma'].map((id) => {
    const { logId, state, firstKeptSeq } = registrations.get(id) ?? {};
    return [logId, state, firstKeptSeq];
  });
  return [liveIds.toSorted(), [...deletedLogs].sort(), [...leftLogs].sort(), defaultKeyId, byId];
}

test('a restored state equals the saved one, and continues alike', () => {
  fc.assert(fc.property(fc.array(arbitraryEvent, { maxLength: 30 }), fc.array(arbitraryEvent, { maxLength: 10 }), (before, after) => {
    const original = new Registrations();
    // A live id is not registered a second time; such a log cannot be.
    const apply = (events: readonly ServerEvent[], to: readonly Registrations[]): void => {
      for (const [index, event] of events.entries()) {
        if (event.op === 'project.created' && original.get(event.id)?.state === 'live') continue;
        for (const registrations of to) registrations.apply(recordedAt(event, index + 1));
      }
    };
    apply(before, [original]);
    const saved = original.save();
    assert.deepEqual(saved.map(([key]) => key), saved.map(([key]) => key).toSorted());
    const restored = new Registrations();
    for (const [key, value] of saved) restored.restore(key, value);
    assert.deepEqual(answersOf(restored), answersOf(original));
    apply(after, [restored, original]);
    assert.deepEqual(answersOf(restored), answersOf(original));
    assert.deepEqual(restored.save(), original.save());
  }));
});

test('a snapshot of something else is refused', () => {
  assert.throws(() => new Registrations().restore('something/else', '1'), /no other keys/);
});

test('a restored project is live, ends whatever was said of it, and has reached the last line of the backup', () => {
  const get = (events: readonly ServerEvent[]): unknown => replayed(events).get('a');
  const live = { logId: 'one', state: 'live', firstKeptSeq: undefined, provenSeq: 7 };
  const created = { op: 'project.created', id: 'a', log_id: 'one' } as const;
  const deleted = { op: 'project.deleted', id: 'a', log_id: 'one', last_seq: 9, last_hash: '' } as const;
  assert.deepEqual(get([restored('a', 'one')]), live);
  assert.deepEqual(get([created, deleted, restored('a', 'one')]), live);
  assert.deepEqual(get([created, removed('a', 'one', 4), restored('a', 'one')]), live);
  assert.deepEqual(get([restored('a', 'one'), removed('a', 'one', 4)]), { ...live, firstKeptSeq: 5 });
  const again = replayed([created, left('a', 'one'), restored('a', 'one')]);
  assert.deepEqual([[...again.leftLogs], [...again.deletedLogs]], [[], []]);
});

test('the API keys that hold for all projects are part of a snapshot, once there was one', () => {
  const add: ServerEvent = {
    op: 'access.add', key_id: '1111111111111111', name: 'auditor', permissions: ['history', 'read'], not_before: null, expires_at: null,
  };
  const registrations = replayed([created('alpha', 'a1'), add, { op: 'access.remove', key_id: '2222222222222222' }]);
  assert.deepEqual(replayed([created('alpha', 'a1')]).save().map(([key]) => key), ['project/alpha']);
  assert.deepEqual(registrations.save().map(([key]) => key), ['access', 'project/alpha']);
  const again = new Registrations();
  for (const [key, value] of registrations.save()) again.restore(key, value);
  assert.deepEqual(again.save(), registrations.save());
  assert.deepEqual([again.access.keyIds, again.access.removedSeq('2222222222222222')], [['1111111111111111'], 3]);
});

test.run();
