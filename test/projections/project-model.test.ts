import assert from 'node:assert/strict';
import { BUILT_IN_SETTINGS } from '../../src/events/project-settings.js';
import { ProjectModel } from '../../src/projections/project-model.js';
import { suite } from '../suite.js';
import { recordedAt } from './recorded-events.js';

const test = suite('project-model');

const CREATE = {
  op: 'project.create', settings: BUILT_IN_SETTINGS, key_id: null,
} as const;
const SET = { op: 'set', key: 'a', value: '1' } as const;

function newModel(): ProjectModel {
  const model = new ProjectModel();
  model.apply(recordedAt(CREATE, 1));
  return model;
}

test('an empty model is before seq 1', () => {
  const model = new ProjectModel();
  assert.equal(model.lastSeq, 0);
  assert.equal(model.values.count, 0);
  assert.equal(model.state.newest, undefined);
});

test('every event reaches settings and values', () => {
  const model = new ProjectModel();
  model.apply(recordedAt(CREATE, 1));
  model.apply(recordedAt(SET, 2));
  assert.equal(model.lastSeq, 2);
  assert.equal(model.state.newest?.seq, 1);
  assert.equal(model.values.get('a')?.seq, 2);
});

test('events out of order, repeated or skipped are refused', () => {
  for (const seq of [0, 1, 3, -1, 1.5, Number.NaN]) {
    const model = new ProjectModel();
    model.apply(recordedAt(CREATE, 1));
    assert.throws(() => model.apply(recordedAt(SET, seq)), /does not follow 1/, `seq ${seq}`);
    assert.equal(model.values.count, 0);
    assert.equal(model.lastSeq, 1);
  }
});

test('the first event has seq 1', () => {
  assert.throws(() => new ProjectModel().apply(recordedAt(CREATE, 2)), /2 does not follow 0/);
});

test('an event that cannot be applied does not count', () => {
  const model = new ProjectModel();
  model.apply(recordedAt(CREATE, 1));
  assert.throws(() => model.apply(recordedAt({ op: 'delete', key: 'a' }, 2)));
  assert.equal(model.lastSeq, 1);
});

test('a model that continues from a snapshot equals the original', () => {
  const model = new ProjectModel();
  for (const [index, event] of [CREATE, SET, { ...SET, key: 'b' }].entries()) model.apply(recordedAt(event, index + 1));
  const point = model.snapshotPoint();
  assert.deepEqual([point.seq, point.timeMs, point.keyCount, point.keySum], [3, recordedAt(SET, 3).timeMs, 2, model.values.keySum]);
  const restored = new ProjectModel({ isCaching: false });
  restored.restore(point, JSON.parse(JSON.stringify(point.state)));
  for (const [key, entry] of model.values.slice({}, 9).entries) restored.values.restore(key, entry);
  assert.deepEqual(restored.snapshotPoint(), point);
  assert.equal(restored.lastTimeMs, point.timeMs);
  assert.equal(restored.values.isCaching, false);
  restored.apply(recordedAt({ op: 'delete', key: 'a' }, 4));
  assert.deepEqual([restored.lastSeq, restored.lastTimeMs, restored.values.count], [4, recordedAt(SET, 4).timeMs, 1]);
});

test('the point of a snapshot does not change with later events', () => {
  const model = new ProjectModel();
  model.apply(recordedAt(CREATE, 1));
  const point = model.snapshotPoint();
  const copy = structuredClone(point);
  model.apply(recordedAt({ ...CREATE, op: 'project.update' }, 2));
  assert.deepEqual(point, copy);
});

test('a model continues from a snapshot of seq 1 or later, before anything is applied', () => {
  const { state } = newModel().snapshotPoint();
  assert.throws(() => newModel().restore({ seq: 1, timeMs: 0 }, state), /before anything is applied/);
  assert.throws(() => new ProjectModel().restore({ seq: 0, timeMs: 0 }, state), /before anything is applied/);
});

test('changed bytes are those of the fields in the log since the newest snapshot, replayed ones included', () => {
  const model = newModel();
  const before = model.changedBytes;
  model.apply({ ...recordedAt(SET, 2), place: { segment: 1, offset: 0, sizeBytes: 1000 } });
  assert.equal(model.changedBytes - before, 1000);
  const point = model.snapshotPoint();
  model.apply(recordedAt({ op: 'set', key: 'b', value: '12345' }, 3));
  model.noteSnapshot(point);
  assert.equal(model.changedBytes, 6);
});

test.run();
