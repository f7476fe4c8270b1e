import assert from 'node:assert/strict';
import { BUILT_IN_AUTHENTICATION, BUILT_IN_STORAGE } from '../../src/events/project-settings.js';
import { ProjectModel } from '../../src/projections/project-model.js';
import { suite } from '../suite.js';
import { recordedAt } from './recorded-events.js';

const test = suite('project-model');

const CREATE = {
  op: 'project.create', settings: { storage: BUILT_IN_STORAGE, authentication: BUILT_IN_AUTHENTICATION }, key_id: null,
} as const;
const SET = { op: 'set', key: 'a', value: '1' } as const;

test('an empty model stands before seq 1', () => {
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

test('events come in order, none twice and none left out', () => {
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

test.run();
