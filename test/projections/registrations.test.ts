import assert from 'node:assert/strict';
import type { ServerEvent } from '../../src/events/event.js';
import { Registrations } from '../../src/projections/registrations.js';
import { suite } from '../suite.js';
import { recordedAt } from './recorded-events.js';

const test = suite('registrations');

const created = (id: string, logId: string): ServerEvent => ({ op: 'project.created', id, log_id: logId });
const deleted = (id: string, logId: string): ServerEvent => ({ op: 'project.deleted', id, log_id: logId, last_seq: 3, last_hash: '' });
const edited = (scope: string, keyId: string | null): ServerEvent => ({
  op: 'config.edited', scope, changed: ['authentication'], key_id: keyId,
});

function replayed(events: readonly ServerEvent[]): Registrations {
  const registrations = new Registrations();
  for (const [index, event] of events.entries()) registrations.apply(recordedAt(event, index + 1));
  return registrations;
}

test('before the first event nothing is registered and no global key is recorded', () => {
  const registrations = new Registrations();
  assert.deepEqual(registrations.liveIds, []);
  assert.equal(registrations.deletedLogs.size, 0);
  assert.equal(registrations.defaultKeyId, undefined);
  assert.equal(registrations.get('alpha'), undefined);
});

test('a created project is live, with its log', () => {
  const registrations = replayed([created('alpha', 'a1'), created('beta', 'b1')]);
  assert.deepEqual(registrations.liveIds, ['alpha', 'beta']);
  assert.deepEqual(registrations.get('alpha'), { logId: 'a1', isDeleted: false });
});

test('a deleted project is not live and is remembered, by its id and by its log', () => {
  const registrations = replayed([created('alpha', 'a1'), created('beta', 'b1'), deleted('alpha', 'a1')]);
  assert.deepEqual(registrations.liveIds, ['beta']);
  assert.deepEqual(registrations.get('alpha'), { logId: 'a1', isDeleted: true });
  assert.deepEqual([...registrations.deletedLogs], [['a1', 'alpha']]);
});

test('an id may be created again after its deletion, with another log; the deleted log stays deleted', () => {
  const registrations = replayed([created('alpha', 'a1'), deleted('alpha', 'a1'), created('alpha', 'a2')]);
  assert.deepEqual(registrations.get('alpha'), { logId: 'a2', isDeleted: false });
  assert.deepEqual([...registrations.deletedLogs], [['a1', 'alpha']]);
  assert.deepEqual(registrations.liveIds, ['alpha']);
});

test('files that were never registered may be deleted', () => {
  const registrations = replayed([deleted('stray', 's1')]);
  assert.deepEqual(registrations.get('stray'), { logId: 's1', isDeleted: true });
  assert.deepEqual([...registrations.deletedLogs], [['s1', 'stray']]);
});

test('a live id is not registered a second time', () => {
  assert.throws(() => replayed([created('alpha', 'a1'), created('alpha', 'a2')]), /seq 2 registers "alpha"/);
});

test('the id of the global key is the one recorded last, and no project\'s', () => {
  assert.equal(replayed([edited('default', 'k1'), edited('default', 'k2'), edited('alpha', 'k3')]).defaultKeyId, 'k2');
  assert.equal(replayed([edited('default', 'k1'), edited('default', null)]).defaultKeyId, null);
  assert.equal(replayed([edited('alpha', 'k3')]).defaultKeyId, undefined);
});

test.run();
