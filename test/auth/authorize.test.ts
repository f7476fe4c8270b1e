import assert from 'node:assert/strict';
import type { Action } from '../../src/api/actions.js';
import { ACTIONS, authorize, isGuardedChange, type AccessDecision, type Scopes } from '../../src/auth/authorize.js';
import { ANONYMOUS, type Principal } from '../../src/auth/principal.js';
import { InvariantError } from '../../src/base/invariant.js';
import { suite } from '../suite.js';

const test = suite('authorize');

const GLOBAL: Principal = { kind: 'global', keyId: '0123456789abcdef' };
const ALPHA: Principal = { kind: 'project', project: 'alpha', keyId: 'fedcba9876543210' };

const PROJECT_ACTIONS: readonly Action[] = ['project.read', 'project.update', 'keys.read', 'keys.write', 'events.read'];
const GLOBAL_ACTIONS: readonly Action[] = [
  'projects.list',
  'projects.create',
  'project.update_guarded',
  'project.regenerate_key',
  'project.compact',
  'project.backup',
  'server.backup',
  'project.delete',
  'server.inspect',
];

/** The projects `alpha` and `beta` are closed, `open` is open, `absent` does not exist. */
function scopes(globalOpen: boolean): Scopes {
  return { globalOpen, isProjectOpen: (project) => project === 'open' };
}

const PROJECTS = ['alpha', 'beta', 'open', 'absent'];

interface Row {
  readonly who: Principal;
  readonly globalOpen: boolean;
  readonly actions: readonly Action[];
  readonly expected: Readonly<Record<string, AccessDecision>>;
}

const everywhere = (decision: AccessDecision): Readonly<Record<string, AccessDecision>> =>
  Object.fromEntries(PROJECTS.map((project) => [project, decision]));

const TABLE: readonly Row[] = [
  { who: GLOBAL, globalOpen: false, actions: ACTIONS, expected: everywhere('allow') },
  { who: GLOBAL, globalOpen: true, actions: ACTIONS, expected: everywhere('allow') },
  { who: ALPHA, globalOpen: false, actions: PROJECT_ACTIONS, expected: { ...everywhere('forbidden'), alpha: 'allow' } },
  { who: ALPHA, globalOpen: true, actions: PROJECT_ACTIONS, expected: { ...everywhere('forbidden'), alpha: 'allow' } },
  { who: ALPHA, globalOpen: false, actions: GLOBAL_ACTIONS, expected: everywhere('forbidden') },
  { who: ALPHA, globalOpen: true, actions: GLOBAL_ACTIONS, expected: everywhere('forbidden') },
  { who: ANONYMOUS, globalOpen: false, actions: PROJECT_ACTIONS, expected: { ...everywhere('unauthorized'), open: 'allow' } },
  { who: ANONYMOUS, globalOpen: true, actions: PROJECT_ACTIONS, expected: { ...everywhere('unauthorized'), open: 'allow' } },
  { who: ANONYMOUS, globalOpen: false, actions: GLOBAL_ACTIONS, expected: everywhere('unauthorized') },
  { who: ANONYMOUS, globalOpen: true, actions: GLOBAL_ACTIONS, expected: everywhere('allow') },
];

for (const { who, globalOpen, actions, expected } of TABLE) {
  const openness = globalOpen ? 'open' : 'closed';
  test(`${who.kind}, global scope ${openness}, ${actions.length} actions from ${actions[0] ?? ''}: as the table says`, () => {
    for (const action of actions) {
      for (const project of PROJECTS) {
        const decision = authorize({ principal: who, action, project }, scopes(globalOpen));
        assert.equal(decision, expected[project], `${action} on ${project}`);
      }
    }
  });
}

test('the two lists contain every action', () => {
  assert.deepEqual([...PROJECT_ACTIONS, ...GLOBAL_ACTIONS].sort(), [...ACTIONS].sort());
});

test('actions on no project follow the global scope', () => {
  for (const action of ['projects.list', 'projects.create', 'server.inspect'] as const) {
    assert.equal(authorize({ principal: GLOBAL, action, project: null }, scopes(false)), 'allow');
    assert.equal(authorize({ principal: ALPHA, action, project: null }, scopes(true)), 'forbidden');
    assert.equal(authorize({ principal: ANONYMOUS, action, project: null }, scopes(false)), 'unauthorized');
    assert.equal(authorize({ principal: ANONYMOUS, action, project: null }, scopes(true)), 'allow');
  }
});

test('an action on a project without a project is a defect', () => {
  assert.throws(() => authorize({ principal: GLOBAL, action: 'keys.read', project: null }, scopes(true)), InvariantError);
});

test('a project that does not exist is answered like one that exists and is closed', () => {
  for (const principal of [ALPHA, ANONYMOUS]) {
    for (const action of ACTIONS) {
      const absent = authorize({ principal, action, project: 'absent' }, scopes(false));
      assert.equal(absent, authorize({ principal, action, project: 'beta' }, scopes(false)), action);
    }
  }
});

test('isGuardedChange() is false for settings that affect only the project itself', () => {
  for (const change of [
    { storage: { on_disk: false } },
    { storage: { cache_in_memory: true } },
    { authentication: { enabled: false } },
    {},
  ]) {
    assert.equal(isGuardedChange(change, false), false);
  }
  assert.equal(isGuardedChange({ storage: { cache_in_memory: true } }, true), false);
});

test('isGuardedChange() is true for the other storage settings, and for more of them on an open project', () => {
  for (const open of [false, true]) {
    assert.equal(isGuardedChange({ storage: { durability: 'os' } }, open), true);
    assert.equal(isGuardedChange({ storage: { on_disk: true, segment_bytes: 4096 } }, open), true);
    assert.equal(isGuardedChange({ storage: { sync_interval_ms: 1 } }, open), true);
    assert.equal(isGuardedChange({ storage: { compaction: { interval_seconds: 0 } } }, open), true);
    assert.equal(isGuardedChange({ storage: { cache_in_memory: true, retention: { max_bytes: 0 } } }, open), true);
  }
  assert.equal(isGuardedChange({ authentication: { enabled: true } }, true), true);
  assert.equal(isGuardedChange({ storage: { on_disk: true } }, true), true);
});

test.run();
