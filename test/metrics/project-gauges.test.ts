import assert from 'node:assert/strict';
import type { ProjectMeasures } from '../../src/metrics/metric-facts.js';
import { PROJECT_GAUGES, type ProjectGaugeName, ProjectGauges } from '../../src/metrics/project-gauges.js';
import { suite } from '../suite.js';

const test = suite('project-gauges');

function measures(id: string, change: Partial<ProjectMeasures> = {}): ProjectMeasures {
  return {
    id, state: 'serving', seq: 10, keyCount: 2, valueBytes: 20, logFiles: 3, logFileBytes: 300, snapshot: { seq: 5, timeMs: 50_000 },
    queueCommands: 1, queueBytes: 11, quotas: [], ...change,
  };
}

function shown(gauges: ProjectGauges, name: ProjectGaugeName): readonly string[] {
  return [...gauges.samples(name)].map(({ labels = {}, value }) => `${Object.values(labels).join(' ')} ${value}`);
}

test('a project shows each gauge once, a state and a quota for each', () => {
  const gauges = new ProjectGauges();
  gauges.add(measures('shop', { state: 'read_only', quotas: [{ quota: 'max_keys', usedRatio: 0.9 }] }), true);
  const values = Object.fromEntries(PROJECT_GAUGES.map((name) => [name.replace('simplekv_project_', ''), shown(gauges, name)]));
  assert.deepEqual(values, {
    keys: ['shop 2'], value_bytes: ['shop 20'], seq: ['shop 10'], writable: ['shop 0'],
    state: [
      'shop serving 0', 'shop read_only 1', 'shop log_failed 0', 'shop corrupt 0', 'shop missing 0', 'shop outdated 0',
      'shop newer_format 0',
    ],
    log_file_bytes: ['shop 300'], log_files: ['shop 3'], snapshot_seq: ['shop 5'], snapshot_timestamp_seconds: ['shop 50'],
    queue_commands: ['shop 1'], queue_bytes: ['shop 11'], quota_used_ratio: ['shop max_keys 0.9'],
  });
});

test('projects without series of their own are added up; the worst of them counts where a sum would hide it', () => {
  const gauges = new ProjectGauges();
  gauges.add(measures('own'), true);
  gauges.add(measures('a', { quotas: [{ quota: 'max_keys', usedRatio: 0.2 }, { quota: 'max_bytes', usedRatio: 0.5 }] }), false);
  gauges.add(measures('b', { state: 'log_failed', quotas: [{ quota: 'max_keys', usedRatio: 0.8 }] }), false);
  gauges.add(measures('c', { snapshot: { seq: 1, timeMs: 7000 } }), false);
  assert.deepEqual(shown(gauges, 'simplekv_project_keys'), ['own 2', '_other 6']);
  assert.deepEqual(shown(gauges, 'simplekv_project_writable'), ['own 1', '_other 0']);
  assert.deepEqual(shown(gauges, 'simplekv_project_snapshot_timestamp_seconds'), ['own 50', '_other 7']);
  assert.deepEqual(shown(gauges, 'simplekv_project_quota_used_ratio'), ['_other max_keys 0.8', '_other max_bytes 0.5']);
  assert.deepEqual(shown(gauges, 'simplekv_project_state').filter((text) => /^_other.*[^0]$/.test(text)), [
    '_other serving 2', '_other log_failed 1',
  ]);
});

test('a project without a snapshot shows no time of one', () => {
  const gauges = new ProjectGauges();
  gauges.add(measures('a', { snapshot: undefined }), true);
  assert.deepEqual(shown(gauges, 'simplekv_project_snapshot_timestamp_seconds'), []);
  assert.deepEqual(shown(gauges, 'simplekv_project_snapshot_seq'), ['a 0']);
});

test.run();
