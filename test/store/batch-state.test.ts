import assert from 'node:assert/strict';
import type { ProjectEvent } from '../../src/events/event.js';
import { BUILT_IN_SETTINGS } from '../../src/events/project-settings.js';
import { ProjectModel } from '../../src/projections/project-model.js';
import { BatchState } from '../../src/store/batch-state.js';
import type { Command } from '../../src/store/command.js';
import { decide, type Decision, type DecisionState } from '../../src/store/decide.js';
import { recordedAt } from '../projections/recorded-events.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';
import { arbitraryCommand, FEW_KEYS } from './arbitrary-commands.js';

const test = suite('batch-state');

const NOW_MS = Date.UTC(2026, 10, 22, 10);

const CREATE: Command = {
  type: 'project.create', settings: BUILT_IN_SETTINGS, keyId: null,
};

function apply(model: ProjectModel, event: ProjectEvent): void {
  model.apply(recordedAt(event, model.lastSeq + 1));
}

/** Decides each command on what is durable, as if each had a batch of its own, and applies it. */
function decideAlone(model: ProjectModel, commands: readonly Command[]): Decision[] {
  return commands.map((command) => {
    const decision = decide(new BatchState(model, NOW_MS), command);
    if (decision.accepted && decision.event !== undefined) apply(model, decision.event);
    return decision;
  });
}

function decideTogether(state: BatchState, commands: readonly Command[]): Decision[] {
  return commands.map((command) => {
    const decision = decide(state, command);
    if (decision.accepted && decision.event !== undefined) state.add(decision.event);
    return decision;
  });
}

function filledModel(events: readonly ProjectEvent[]): ProjectModel {
  const model = new ProjectModel();
  decideAlone(model, [CREATE]);
  for (const event of events) apply(model, event);
  return model;
}

/** All that decisions can see, with refusals by what they say. */
function comparable(decisions: readonly Decision[]): unknown {
  return decisions.map((decision) => (decision.accepted ? decision : {
    code: decision.refusal.code, message: decision.refusal.message, facts: decision.refusal.facts,
  }));
}

function seenBy(state: DecisionState): unknown {
  const bytes = state.settings?.quota.max_bytes == null ? {} : { contentBytes: state.contentBytes };
  const { keyCount, settings, keyId } = state;
  return { ...bytes, keyCount, settings, keyId, versions: FEW_KEYS.map((key) => state.versionOf(key)) };
}

test('commands decided in one batch have the same results and the same final state as one by one', () => {
  fc.assert(fc.property(fc.array(arbitraryCommand), fc.array(arbitraryCommand, { maxLength: 25 }), (before, commands) => {
    const alone = filledModel([]);
    decideAlone(alone, before);
    const together = filledModel([]);
    decideAlone(together, before);
    const batch = new BatchState(together, NOW_MS);
    assert.deepEqual(comparable(decideTogether(batch, commands)), comparable(decideAlone(alone, commands)));
    assert.deepEqual(seenBy(batch), seenBy(new BatchState(alone, NOW_MS)));
  }));
});

test('creating a project and what follows may share a batch', () => {
  const commands: readonly Command[] = [
    CREATE, { type: 'set', key: 'a', value: '1' }, { type: 'project.key', keyId: '0123456789abcdef' }, { type: 'clear' },
  ];
  const together = decideTogether(new BatchState(new ProjectModel(), NOW_MS), commands);
  assert.deepEqual(comparable(together), comparable(decideAlone(new ProjectModel(), commands)));
});

test('the decisions of a batch are not visible in the model', () => {
  const model = filledModel([{ op: 'set', key: 'a', value: '1' }]);
  decideTogether(new BatchState(model, NOW_MS), [
    { type: 'set', key: 'b', value: '2' }, { type: 'clear' }, { type: 'project.key', keyId: '0123456789abcdef' },
  ]);
  assert.deepEqual(model.values.keys({}, 9), ['a']);
  assert.equal(model.state.newest?.keyId, null);
  assert.equal(model.lastSeq, 2);
});

test('a key that the batch has changed has the seq of its future event', () => {
  const state = new BatchState(filledModel([{ op: 'set', key: 'a', value: '1' }]), NOW_MS);
  decideTogether(state, [{ type: 'set', key: 'b', value: '1' }, { type: 'delete', key: 'b' }, { type: 'set', key: 'b', value: '2' }]);
  assert.equal(state.versionOf('a'), 2);
  assert.equal(state.versionOf('b'), 5);
});

test('after clearing, a durable key counts as gone until it is set again', () => {
  const state = new BatchState(filledModel([{ op: 'set', key: 'a', value: '1' }, { op: 'set', key: 'b', value: '1' }]), NOW_MS);
  decideTogether(state, [{ type: 'clear' }]);
  assert.deepEqual([state.versionOf('a'), state.versionOf('b'), state.keyCount], [0, 0, 0]);
  decideTogether(state, [{ type: 'set', key: 'a', value: '2' }]);
  assert.deepEqual([state.versionOf('a'), state.versionOf('b'), state.keyCount], [5, 0, 1]);
});

test('before a project is created there are no settings, no key and no keys', () => {
  assert.deepEqual(
    seenBy(new BatchState(new ProjectModel(), NOW_MS)), { keyCount: 0, settings: undefined, keyId: null, versions: FEW_KEYS.map(() => 0) },
  );
});

test.run();
