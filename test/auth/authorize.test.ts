import assert from 'node:assert/strict';
import type { Action } from '../../src/api/actions.js';
import { type Permission, PERMISSIONS } from '../../src/api/permissions.js';
import {
  ACTIONS, authorize, isGuardedChange, mayRead, neededPermissions, type AccessDecision, type Scopes,
} from '../../src/auth/authorize.js';
import { ANONYMOUS, type Principal } from '../../src/auth/principal.js';
import { InvariantError } from '../../src/base/invariant.js';
import { suite } from '../suite.js';
import { globalPrincipal, projectPrincipal } from './principals.js';

const test = suite('authorize');

const GLOBAL: Principal = globalPrincipal();
const ALPHA: Principal = projectPrincipal('alpha');

/** What a key of the project may do, and on an open project everyone. */
const DATA_ACTIONS: readonly Action[] = [
  'project.read', 'project.limits', 'keys.read', 'keys.read_past', 'keys.write', 'keys.write_seen', 'keys.diff', 'keys.revert',
  'events.read', 'project.stats',
];
/** What a key of the project may do. */
const ADMIN_ACTIONS: readonly Action[] = ['project.update', 'project.open'];
const PROJECT_ACTIONS: readonly Action[] = [...DATA_ACTIONS, ...ADMIN_ACTIONS];
/** What a key of the project may do, unless it is open. */
const GUARDED_ACTIONS: readonly Action[] = ['access.manage'];
/** What is about the API key of the caller. */
const SELF_ACTIONS: readonly Action[] = ['access.self', 'server_access.self'];
const GLOBAL_ACTIONS: readonly Action[] = [
  'projects.list',
  'projects.create',
  'project.update_guarded',
  'project.regenerate_key',
  'project.compact',
  'project.backup', 'project.redact',
  'server.backup', 'server.reload',
  'project.delete',
  'server.inspect', 'server.metrics', 'server.stats',
  'server_access.manage',
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
  { who: ANONYMOUS, globalOpen: false, actions: DATA_ACTIONS, expected: { ...everywhere('unauthorized'), open: 'allow' } },
  { who: ANONYMOUS, globalOpen: false, actions: [...ADMIN_ACTIONS, ...GUARDED_ACTIONS], expected: everywhere('unauthorized') },
  { who: ANONYMOUS, globalOpen: true, actions: GUARDED_ACTIONS, expected: { ...everywhere('unauthorized'), open: 'allow' } },
  { who: ALPHA, globalOpen: false, actions: GUARDED_ACTIONS, expected: { ...everywhere('forbidden'), alpha: 'allow' } },
  { who: projectPrincipal('open'), globalOpen: false, actions: GUARDED_ACTIONS, expected: everywhere('forbidden') },
  { who: projectPrincipal('open'), globalOpen: true, actions: GUARDED_ACTIONS, expected: { ...everywhere('forbidden'), open: 'allow' } },
  { who: ANONYMOUS, globalOpen: true, actions: SELF_ACTIONS, expected: everywhere('unauthorized') },
  { who: GLOBAL, globalOpen: false, actions: SELF_ACTIONS, expected: everywhere('allow') },
  { who: projectPrincipal('alpha', ['write']), globalOpen: false, actions: ['server_access.self'], expected: everywhere('allow') },
  { who: ALPHA, globalOpen: false, actions: ['access.self'], expected: { ...everywhere('forbidden'), alpha: 'allow' } },
  { who: ANONYMOUS, globalOpen: true, actions: PROJECT_ACTIONS, expected: { ...everywhere('unauthorized'), open: 'allow' } },
  { who: ANONYMOUS, globalOpen: false, actions: GLOBAL_ACTIONS, expected: everywhere('unauthorized') },
  { who: ANONYMOUS, globalOpen: true, actions: GLOBAL_ACTIONS, expected: everywhere('allow') },
];

for (const { who, globalOpen, actions, expected } of TABLE) {
  const openness = globalOpen ? 'open' : 'closed';
  const name = who.kind === 'project' ? `project ${who.project}` : who.kind;
  test(`${name}, global scope ${openness}, ${actions.length} actions from ${actions[0] ?? ''}: as the table says`, () => {
    for (const action of actions) {
      for (const project of PROJECTS) {
        const decision = authorize({ principal: who, action, project }, scopes(globalOpen));
        assert.equal(decision, expected[project], `${action} on ${project}`);
      }
    }
  });
}

test('the lists contain every action', () => {
  assert.deepEqual([...PROJECT_ACTIONS, ...GUARDED_ACTIONS, ...SELF_ACTIONS, ...GLOBAL_ACTIONS].sort(), [...ACTIONS].sort());
});

/** What each permission alone is enough for, in a project and in all of them. */
const ENOUGH: Readonly<Record<Permission, { readonly project: readonly Action[]; readonly global: readonly Action[] }>> = {
  admin: { project: ['project.update', 'access.manage'], global: [] },
  all: { project: [...PROJECT_ACTIONS, ...GUARDED_ACTIONS], global: GLOBAL_ACTIONS },
  history: { project: ['events.read'], global: [] },
  metrics: { project: [], global: ['server.inspect', 'server.metrics', 'server.stats'] },
  read: { project: ['project.read', 'project.stats', 'keys.read'], global: ['projects.list'] },
  write: { project: ['keys.write'], global: [] },
};

for (const permission of PERMISSIONS) {
  test(`the permission ${permission} alone allows what the table says, in one project or in all`, () => {
    const { project, global } = ENOUGH[permission];
    for (const action of ACTIONS.filter((one) => !SELF_ACTIONS.includes(one))) {
      const decide = (principal: Principal): AccessDecision => authorize({ principal, action, project: 'alpha' }, scopes(false));
      // Any key of the project will do for its limits.
      const inProject = action === 'project.limits' || project.includes(action) ? 'allow' : 'forbidden';
      assert.equal(decide(projectPrincipal('alpha', [permission])), inProject, `${action} in the project`);
      assert.equal(decide(globalPrincipal([permission])), global.includes(action) ? 'allow' : inProject, `${action} in all`);
    }
  });
}

test('several permissions allow what needs all of them', () => {
  const decide = (permissions: readonly Permission[], action: Action): AccessDecision => (
    authorize({ principal: projectPrincipal('alpha', permissions), action, project: 'alpha' }, scopes(false))
  );
  assert.equal(decide(['read', 'write'], 'keys.write_seen'), 'allow');
  assert.equal(decide(['read', 'write', 'history', 'admin'], 'project.open'), 'allow');
  assert.equal(decide(['read', 'write', 'admin'], 'project.open'), 'forbidden');
  const every = globalPrincipal(PERMISSIONS.filter((permission) => permission !== 'all'));
  assert.equal(authorize({ principal: every, action: 'project.delete', project: 'alpha' }, scopes(false)), 'forbidden');
});

test('a refusal names the permissions only where another key of the caller could have them', () => {
  const needed = (principal: Principal, action: Action, project: string | null): readonly Permission[] => (
    neededPermissions({ principal, action, project }, scopes(false))
  );
  const reader = projectPrincipal('alpha', ['read']);
  assert.deepEqual(needed(reader, 'events.read', 'alpha'), ['history']);
  assert.deepEqual(needed(reader, 'keys.write_seen', 'alpha'), ['read', 'write']);
  assert.deepEqual(needed(reader, 'events.read', 'beta'), []);
  assert.deepEqual(needed(reader, 'project.delete', 'alpha'), []);
  assert.deepEqual(needed(projectPrincipal('open', ['read']), 'access.manage', 'open'), []);
  assert.deepEqual(needed(globalPrincipal(['read']), 'project.delete', 'beta'), ['all']);
  assert.deepEqual(needed(globalPrincipal(['admin']), 'access.manage', 'open'), ['all']);
  assert.deepEqual(needed(ANONYMOUS, 'keys.read', 'alpha'), []);
});

test('only who may read may know versions', () => {
  assert.ok([ANONYMOUS, GLOBAL, ALPHA, projectPrincipal('a', ['read'])].every(mayRead));
  assert.ok(![projectPrincipal('a', ['write']), globalPrincipal(['history', 'admin'])].some(mayRead));
});

test('actions on no project follow the global scope', () => {
  for (const action of ['projects.list', 'projects.create', 'server.inspect', 'server.metrics'] as const) {
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

test('isGuardedChange() is true for quotas and the other storage settings, and for more of them on an open project', () => {
  for (const open of [false, true]) {
    assert.equal(isGuardedChange({ storage: { durability: 'os' } }, open), true);
    assert.equal(isGuardedChange({ storage: { on_disk: true, segment_bytes: 4096 } }, open), true);
    assert.equal(isGuardedChange({ storage: { sync_interval_ms: 1 } }, open), true);
    assert.equal(isGuardedChange({ quota: { max_keys: null } }, open), true);
    assert.equal(isGuardedChange({ storage: { compaction: { interval_seconds: 0 } } }, open), true);
    assert.equal(isGuardedChange({ storage: { cache_in_memory: true, retention: { max_bytes: 0 } } }, open), true);
  }
  assert.equal(isGuardedChange({ authentication: { enabled: true } }, true), true);
  assert.equal(isGuardedChange({ storage: { on_disk: true } }, true), true);
});

test.run();
