import assert from 'node:assert/strict';
import type { ErrorCode } from '../../src/base/error-codes.js';
import { InvariantError } from '../../src/base/invariant.js';
import { BUILT_IN_SETTINGS, BUILT_IN_STORAGE } from '../../src/events/project-settings.js';
import type { BatchStep, Command, Precondition } from '../../src/store/command.js';
import { decide, type DecisionState } from '../../src/store/decide.js';
import { suite } from '../suite.js';

const test = suite('decide');

const SETTINGS = BUILT_IN_SETTINGS;
const VERSION = 7;
const TAG = 0xcafe;

const NOW_MS = Date.UTC(2026, 10, 22, 10);
const NO_EXPIRY = { nowMs: NOW_MS, expiryOf: () => null, expiredKeys: () => [], valueBytesOf: () => 9 };
const NO_KEYS = {
  ...NO_EXPIRY, keyCount: 0, visibleCount: 0, contentBytes: 0,
  versionOf: () => 0, tagOf: () => undefined, countIn: () => ({ all: 0, visible: 0 }),
};
const NEW: DecisionState = { redactionSeq: 0, lastSeq: 0, settings: undefined, keyId: null, ...NO_KEYS };
const EMPTY: DecisionState = { redactionSeq: 0, lastSeq: 1, settings: SETTINGS, keyId: 'k1', ...NO_KEYS };
/** Has the key `a` and two others. */
const FILLED: DecisionState = {
  ...NO_EXPIRY, keyCount: 3, visibleCount: 3, contentBytes: 30, redactionSeq: 0, lastSeq: 9, settings: SETTINGS, keyId: 'k1',
  versionOf: (key) => (key === 'a' ? VERSION : 0), tagOf: () => TAG,
  countIn: ({ prefix }) => (prefix === 'a' ? { all: 2, visible: 2 } : { all: 0, visible: 0 }),
};

type Outcome = 'created' | 'replaced' | 'deleted' | ErrorCode;
type Outcomes = Readonly<Record<'setThere' | 'setGone' | 'deleteThere' | 'deleteGone', Outcome>>;

/** A precondition, and what comes of `set` and `delete` of a key that is there and of one that is not. */
const TABLE: readonly (readonly [string, Precondition | undefined, Outcomes])[] = [
  ['no precondition', undefined, { setThere: 'replaced', setGone: 'created', deleteThere: 'deleted', deleteGone: 'key_not_found' }],
  ['any version', { kind: 'match' }, {
    setThere: 'replaced', setGone: 'precondition_failed', deleteThere: 'deleted', deleteGone: 'precondition_failed',
  }],
  ['the present version', { kind: 'match', seq: VERSION }, {
    setThere: 'replaced', setGone: 'precondition_failed', deleteThere: 'deleted', deleteGone: 'precondition_failed',
  }],
  ['the present version by its tag', { kind: 'match', seq: VERSION, tag: TAG }, {
    setThere: 'replaced', setGone: 'precondition_failed', deleteThere: 'deleted', deleteGone: 'precondition_failed',
  }],
  ['the same seq of another line', { kind: 'match', seq: VERSION, tag: TAG + 1 }, {
    setThere: 'precondition_failed', setGone: 'precondition_failed', deleteThere: 'precondition_failed', deleteGone: 'precondition_failed',
  }],
  ['an older version', { kind: 'match', seq: VERSION - 1 }, {
    setThere: 'precondition_failed', setGone: 'precondition_failed', deleteThere: 'precondition_failed', deleteGone: 'precondition_failed',
  }],
  ['a version to come', { kind: 'match', seq: VERSION + 1 }, {
    setThere: 'precondition_failed', setGone: 'precondition_failed', deleteThere: 'precondition_failed', deleteGone: 'precondition_failed',
  }],
  ['version 0, which no key has', { kind: 'match', seq: 0 }, {
    setThere: 'precondition_failed', setGone: 'precondition_failed', deleteThere: 'precondition_failed', deleteGone: 'precondition_failed',
  }],
  ['absence', { kind: 'absent' }, {
    setThere: 'precondition_failed', setGone: 'created', deleteThere: 'precondition_failed', deleteGone: 'key_not_found',
  }],
  ['a version of another log', { kind: 'never' }, {
    setThere: 'precondition_failed', setGone: 'precondition_failed', deleteThere: 'precondition_failed', deleteGone: 'precondition_failed',
  }],
];

function outcomeOf(state: DecisionState, command: Command): Outcome {
  const decision = decide(state, command);
  if (!decision.accepted) {
    // A client that a precondition refuses learns the present version, 0 for a key that is not there.
    if (decision.refusal.code === 'precondition_failed') {
      assert.deepEqual(decision.refusal.facts, { current_seq: state === FILLED ? VERSION : 0 });
    }
    return decision.refusal.code;
  }
  if (command.type === 'delete') {
    assert.deepEqual(decision, { accepted: true, event: { op: 'delete', key: 'a' }, created: false, count: 0 });
    return 'deleted';
  }
  assert.deepEqual(decision.event, { op: 'set', key: 'a', value: '1.0' });
  assert.equal(decision.count, 0);
  return decision.created ? 'created' : 'replaced';
}

for (const [name, precondition, expected] of TABLE) {
  test(`${name}: set and delete, of a key that is there and of one that is not`, () => {
    const conditional = precondition === undefined ? {} : { precondition };
    const set: Command = { type: 'set', key: 'a', value: '1.0', ...conditional };
    const remove: Command = { type: 'delete', key: 'a', ...conditional };
    assert.deepEqual({
      setThere: outcomeOf(FILLED, set),
      setGone: outcomeOf(EMPTY, set),
      deleteThere: outcomeOf(FILLED, remove),
      deleteGone: outcomeOf(EMPTY, remove),
    }, expected);
  });
}

test('a clear returns the number of deleted keys, also if there were none', () => {
  assert.deepEqual(decide(FILLED, { type: 'clear' }), { accepted: true, event: { op: 'clear', count: 3 }, created: false, count: 3 });
  assert.deepEqual(decide(EMPTY, { type: 'clear' }), { accepted: true, event: { op: 'clear', count: 0 }, created: false, count: 0 });
});

/** Decides a batch where `a` exists, and returns its operations and results, or the facts of its refusal. */
function batchOutcome(steps: readonly BatchStep[]): unknown {
  const decision = decide(FILLED, { type: 'batch', steps });
  if (!decision.accepted) return [decision.refusal.code, decision.refusal.facts];
  return [decision.event === undefined ? decision.lastSeq : decision.event, decision.steps];
}

test('a batch is one event of all that it changes, and a single change is the event of that change', () => {
  const set = { op: 'set', key: 'b', value: '1' } as const;
  const remove = { op: 'delete', key: 'a' } as const;
  assert.deepEqual(batchOutcome([{ op: 'check', key: 'a', precondition: { kind: 'match', seq: VERSION } }, set, remove]), [
    { op: 'batch', ops: [set, remove] }, [{ key: 'a', seq: VERSION }, { key: 'b', created: true }, { key: 'a', existed: true }],
  ]);
  assert.deepEqual(batchOutcome([set, { op: 'delete', key: 'c' }]), [set, [{ key: 'b', created: true }, { key: 'c', existed: false }]]);
});

test('a batch that changes nothing has no event, and is answered with the last seq', () => {
  const gone = { op: 'delete', key: 'b' } as const;
  const check = { op: 'check', key: 'b', precondition: { kind: 'absent' } } as const;
  assert.deepEqual(batchOutcome([check, gone]), [FILLED.lastSeq, [{ key: 'b', seq: 0 }, { key: 'b', existed: false }]]);
  const made = [{ key: 'b', created: true }, { key: 'b', existed: true }, { key: 'b', existed: false }];
  assert.deepEqual(batchOutcome([{ op: 'set', key: 'b', value: '1' }, gone, gone]), [FILLED.lastSeq, made]);
});

test('of several changes of a key a batch keeps the last, where it stands; each result is that of its own step', () => {
  const outcome = batchOutcome([
    { op: 'set', key: 'a', value: '1' }, { op: 'set', key: 'b', value: '2' },
    { op: 'delete', key: 'a' }, { op: 'set', key: 'a', value: '3' },
  ]);
  const ops = [{ op: 'set', key: 'b', value: '2' }, { op: 'set', key: 'a', value: '3' }];
  const results = [{ key: 'a', created: false }, { key: 'b', created: true }, { key: 'a', existed: true }, { key: 'a', created: true }];
  assert.deepEqual(outcome, [{ op: 'batch', ops }, results]);
});

test('conditions of a batch are about the state before it, and the first that fails is named', () => {
  const set = { op: 'set', key: 'b', value: '1' } as const;
  const isAbsent = { kind: 'absent' } as const;
  assert.deepEqual(batchOutcome([set, { op: 'check', key: 'b', precondition: isAbsent }, { ...set, precondition: isAbsent }]), [
    set, [{ key: 'b', created: true }, { key: 'b', seq: 0 }, { key: 'b', created: false }],
  ]);
  const refused = (index: number, key: string, seq: number): unknown => ['precondition_failed', { op_index: index, key, current_seq: seq }];
  assert.deepEqual(batchOutcome([set, { op: 'delete', key: 'b', ifExists: true }]), refused(1, 'b', 0));
  assert.deepEqual(batchOutcome([{ op: 'set', key: 'a', value: '1', precondition: isAbsent }, set]), refused(0, 'a', VERSION));
  assert.deepEqual(batchOutcome([set, { op: 'check', key: 'a', precondition: { kind: 'never' } }]), refused(1, 'a', VERSION));
});

test('a project is created with the settings and the key id that are given', () => {
  const decision = decide(NEW, { type: 'project.create', settings: SETTINGS, keyId: null });
  assert.deepEqual(
    decision, { accepted: true, event: { op: 'project.create', settings: SETTINGS, key_id: null }, created: false, count: 0 },
  );
});

test('an update carries all settings, and the key id that holds unless it gives one', () => {
  const settings = { ...SETTINGS, storage: { ...BUILT_IN_STORAGE, durability: 'os' } };
  const change = { storage: { durability: 'os' } } as const;
  for (const [given, keyId] of [[{}, 'k1'], [{ keyId: 'k2' }, 'k2'], [{ keyId: null }, null]] as const) {
    const decision = decide(EMPTY, { type: 'project.update', change, ...given });
    assert.deepEqual(decision, { accepted: true, event: { op: 'project.update', settings, key_id: keyId }, created: false, count: 0 });
  }
});

test('a new API key leaves the settings unchanged', () => {
  const decision = decide(EMPTY, { type: 'project.key', keyId: 'k2' });
  assert.deepEqual(decision, { accepted: true, event: { op: 'project.key', settings: SETTINGS, key_id: 'k2' }, created: false, count: 0 });
});

test('a redaction is accepted with what it is about, unless it would erase a value that a key has now', () => {
  const left = { key: 'a' };
  const base = { old: 'a'.repeat(64), new: 'b'.repeat(64) };
  const older = { type: 'redact', reason: 'asked', lines: [{ seq: VERSION - 1, digest: 'c'.repeat(64), bytes: 99, left }], base } as const;
  const { reason, lines } = older;
  assert.deepEqual(decide(FILLED, older), { accepted: true, event: { op: 'redact', reason, lines, base }, created: false, count: 0 });
  const refused = decide(FILLED, { type: 'redact', reason, lines: [...lines, { ...lines[0], seq: VERSION }] });
  assert.ok(!refused.accepted);
  assert.deepEqual([refused.refusal.code, refused.refusal.facts], ['value_in_use', { keys: ['a'] }]);
  assert.match(refused.refusal.message, /1 value in them is current; change or delete these keys first/);
});

test('a command that would make a log that cannot be replayed is a defect: a second creation, anything before the first', () => {
  assert.throws(() => decide(EMPTY, { type: 'project.create', settings: SETTINGS, keyId: null }), InvariantError);
  const commands: readonly Command[] = [
    { type: 'set', key: 'a', value: '1' }, { type: 'delete', key: 'a' }, { type: 'clear' },
    { type: 'project.update', change: {} }, { type: 'project.key', keyId: null },
  ];
  for (const command of commands) assert.throws(() => decide(NEW, command), InvariantError, command.type);
});

test.run();
