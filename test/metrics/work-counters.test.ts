import assert from 'node:assert/strict';
import { Activity } from '../../src/metrics/activity.js';
import { ProjectCounters } from '../../src/metrics/project-counters.js';
import { WorkCounters } from '../../src/metrics/work-counters.js';
import { suite } from '../suite.js';

const test = suite('work-counters');

function newCounters(activity = new Activity()): WorkCounters {
  return new WorkCounters(new ProjectCounters('_server', 10), '_server', activity);
}

test('lines count by project and operation, and those of the registry are no writes', () => {
  const activity = new Activity();
  const work = newCounters(activity);
  work.appended('shop', [{ op: 'set' }, { op: 'set' }, { op: 'delete' }], 300);
  work.appended('_server', [{ op: 'project.created' }], 100);
  assert.deepEqual([...work.projects.of('shop').lines], [['set', 2], ['delete', 1]]);
  assert.deepEqual([work.projects.of('shop').lineBytes, work.projects.of('_server').lineBytes], [300, 100]);
  const { server, projects } = activity.take();
  assert.deepEqual([server.writes, [...projects.keys()], projects.get('shop')?.writes], [3, ['shop'], 3]);
});

test('times are counted in seconds, and only compactions that did not fail have one', () => {
  const work = newCounters();
  work.synced(2);
  work.compacted('shop', 'ok', 500);
  work.compacted('shop', 'failed', 90_000);
  work.compacted('shop', 'aborted', 90_000);
  assert.deepEqual([work.syncs.sum, work.compactions.sum, work.compactions.count], [0.002, 0.5, 1]);
  assert.deepEqual(work.projects.of('shop').compactions, { ok: 1, failed: 1, aborted: 1 });
});

test('turns, expired keys, torn tails and scrubs are counted', () => {
  const work = newCounters();
  work.taken(3);
  work.taken(1024);
  work.expired('shop', 7);
  work.tornTail('shop');
  work.scrubbed(1000, 0);
  work.scrubbed(2000, 2);
  const { expiredKeys, tornTails } = work.projects.of('shop');
  assert.deepEqual([work.commands.sum, expiredKeys, tornTails, work.scrubbedBytes, work.scrubFaults], [1027, 7, 1, 3000, 2]);
});

test.run();
