import assert from 'node:assert/strict';
import { ProjectCounters } from '../../src/metrics/project-counters.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';

const test = suite('project-counters');

/** The bytes that are shown, by name. */
function shown(counters: ProjectCounters): Record<string, number> {
  return Object.fromEntries([...counters.entries('_other')].map(([name, { lineBytes }]) => [name, lineBytes]));
}

function count(counters: ProjectCounters, project: string, bytes: number): void {
  counters.of(project).lineBytes += bytes;
}

test('the first projects by id have series of their own, whichever wrote first during the start, and the rest has one together', () => {
  const counters = new ProjectCounters('_server', 2);
  for (const [index, project] of ['d', 'c', 'b', 'a', '_server'].entries()) count(counters, project, 10 ** index);
  counters.settle(['a', 'b', 'c', 'd']);
  assert.deepEqual(shown(counters), { a: 1000, b: 100, _server: 10_000, _other: 11 });
  count(counters, 'd', 5);
  count(counters, 'a', 5);
  assert.deepEqual(shown(counters), { a: 1005, b: 100, _server: 10_000, _other: 16 });
  assert.deepEqual(['a', 'b', 'c'].map((project) => counters.isOwn(project)), [true, true, false]);
});

test('a deleted project makes room for the first without series, which begins with nothing', () => {
  const counters = new ProjectCounters('_server', 1);
  counters.settle(['a', 'b', 'c']);
  for (const project of ['a', 'b', 'c']) count(counters, project, 1);
  counters.settle(['b', 'c']);
  assert.deepEqual(shown(counters), { b: 0, _server: 0, _other: 2 });
});

test('a project that is created later has series of its own only if there is room', () => {
  const counters = new ProjectCounters('_server', 2);
  counters.settle(['m']);
  for (const project of ['z', 'a']) count(counters, project, 1);
  counters.settle(['a', 'm', 'z']);
  assert.deepEqual(shown(counters), { m: 0, z: 1, _server: 0, _other: 1 });
});

test('with a smaller number, projects lose their series and nothing that was counted; with 0 all do', () => {
  const counters = new ProjectCounters('_server', 3);
  counters.settle(['a', 'b', 'c']);
  for (const project of ['a', 'b', 'c']) {
    count(counters, project, 1);
    counters.of(project).addLine('set');
    counters.of(project).compactions.ok += 1;
  }
  counters.setMax(1);
  counters.settle(['a', 'b', 'c']);
  assert.deepEqual(shown(counters), { a: 1, _server: 0, _other: 2 });
  counters.setMax(0);
  counters.settle(['a', 'b', 'c']);
  assert.deepEqual(shown(counters), { _server: 0, _other: 3 });
  const [, [, others]] = [...counters.entries('_other')] as [unknown, [string, ReturnType<ProjectCounters['of']>]];
  assert.deepEqual([...others.lines, others.compactions.ok], [['set', 3], 3]);
});

test('while a series exists it never goes back, and there are never more than allowed', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('count' as const), project: fc.constantFrom('a', 'b', 'c', 'd', 'e'), bytes: fc.nat(9) }),
    fc.record({ kind: fc.constant('exist' as const), projects: fc.subarray(['a', 'b', 'c', 'd', 'e']) }),
  );
  fc.assert(fc.property(fc.nat(4), fc.array(step), (max, steps) => {
    const counters = new ProjectCounters('_server', max);
    let existing: readonly string[] = [];
    counters.settle(existing);
    let before = shown(counters);
    for (const one of steps) {
      if (one.kind === 'exist') existing = one.projects;
      else if (existing.includes(one.project)) count(counters, one.project, one.bytes);
      counters.settle(existing);
      const now = shown(counters);
      for (const [name, value] of Object.entries(now)) assert.ok(value >= (before[name] ?? 0), name);
      assert.ok(Object.keys(now).filter((name) => !name.startsWith('_')).length <= max);
      before = now;
    }
  }));
});

test.run();
