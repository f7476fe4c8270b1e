import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { compileSchema } from '../../src/base/json-schema.js';
import { METRICS } from '../../src/metrics/metrics-table.js';
import { withFolder } from '../disk/temporary-folder.js';
import { runCommand } from '../e2e/server-under-test.js';
import { program } from '../needs.js';
import { suite } from '../suite.js';
import { projectRoot } from '../tidy/source-tree.js';
import { readDashboard, ruleExpressions, RULES, seriesIn } from './operator-files.js';

const test = suite('operator-files');
const PROMTOOL = { needs: [program('promtool', 'prometheus')] };
const FOLDER = path.join(projectRoot(), path.dirname(RULES));

const TEXT = { type: 'string', minLength: 1 } as const;
const SOURCE = {
  type: 'object', properties: { type: { const: 'prometheus' }, uid: { const: '${datasource}' } }, required: ['type', 'uid'],
} as const;
const PANEL = {
  type: 'object',
  properties: {
    id: { type: 'integer' }, type: { enum: ['row', 'timeseries', 'stat'] }, title: TEXT, datasource: SOURCE,
    gridPos: {
      type: 'object', required: ['x', 'y', 'w', 'h'],
      properties: {
        x: { type: 'integer', minimum: 0, maximum: 23 }, y: { type: 'integer', minimum: 0 },
        w: { type: 'integer', minimum: 1, maximum: 24 }, h: { type: 'integer', minimum: 1 },
      },
    },
    targets: {
      type: 'array', minItems: 1,
      items: { type: 'object', properties: { refId: TEXT, expr: TEXT, datasource: SOURCE }, required: ['refId', 'expr', 'datasource'] },
    },
  },
  required: ['id', 'type', 'title', 'gridPos'],
} as const;
const DASHBOARD_SCHEMA = {
  type: 'object',
  properties: {
    uid: TEXT, title: TEXT, schemaVersion: { const: 39 }, panels: { type: 'array', minItems: 1, items: PANEL },
    templating: {
      type: 'object', required: ['list'],
      properties: {
        list: { type: 'array', items: { type: 'object', properties: { name: TEXT, type: TEXT }, required: ['name', 'type'] } },
      },
    },
  },
  required: ['uid', 'title', 'schemaVersion', 'panels', 'templating'],
} as const;

test('the alerts are valid, and do what their tests say', async () => {
  const check = await runCommand('promtool', ['check', 'rules', path.join(FOLDER, 'rules.yml')]);
  assert.equal(check.code, 0, check.output);
  const run = await runCommand('promtool', ['test', 'rules', path.join(FOLDER, 'rules_test.yml')]);
  assert.equal(run.code, 0, run.output);
}, PROMTOOL);

test('each alert has a test that raises it and one that does not, and a changed alert fails it', () =>
  withFolder(async (folder) => {
    cpSync(FOLDER, folder, { recursive: true });
    const tests = await readFile(path.join(folder, 'rules_test.yml'), 'utf8');
    const rules = await readFile(path.join(folder, 'rules.yml'), 'utf8');
    const names = ruleExpressions().map(([name]) => name);
    assert.ok(names.length > 5);
    for (const name of names) {
      assert.ok(tests.includes(`alertname: ${name}}`), `${name} is nowhere expected not to be raised`);
      assert.ok(tests.includes(`alertname: ${name}\n        exp_alerts:\n`), `${name} is nowhere expected to be raised`);
    }
    await writeFile(path.join(folder, 'rules.yml'), rules.replace('simplekv_disk_low == 1', 'simplekv_disk_low == 2'));
    assert.equal((await runCommand('promtool', ['test', 'rules', path.join(folder, 'rules_test.yml')])).code, 1);
  }), PROMTOOL);

test('the dashboard has the shape that Grafana loads, from any data source', () => {
  const checked = compileSchema(DASHBOARD_SCHEMA)(readDashboard());
  assert.deepEqual(checked, { ok: true, document: readDashboard() });
  const { panels } = readDashboard();
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  for (const panel of panels) assert.equal(panel.type === 'row', panel.targets === undefined, panel.title);
});

test('no two panels overlap, and none is wider than the page', () => {
  const { panels } = readDashboard();
  for (const [index, { gridPos: one, title }] of panels.entries()) {
    assert.ok(one.x + one.w <= 24, title);
    for (const { gridPos: other, title: otherTitle } of panels.slice(index + 1)) {
      const apart = one.x + one.w <= other.x || other.x + other.w <= one.x || one.y + one.h <= other.y || other.y + other.h <= one.y;
      assert.ok(apart, `${title} and ${otherTitle}`);
    }
  }
});

test('the names of series are found in expressions', () => {
  const expr = 'sum by (job) (rate(simplekv_a_total{simplekv="process_x"}[5m])) / nodejs_b > on (job) process_c and up';
  assert.deepEqual(seriesIn(expr), ['simplekv_a_total', 'simplekv', 'nodejs_b', 'process_c', 'up']);
});

test('the dashboard shows every metric but a few', () => {
  const shown = new Set(readDashboard().panels.flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => seriesIn(expr))));
  const isShown = (name: string): boolean => ['', '_bucket', '_sum', '_count'].some((part) => shown.has(`${name}${part}`));
  const missing = Object.keys(METRICS).filter((name) => !isShown(name));
  assert.deepEqual(missing, [
    'simplekv_start_duration_seconds', 'simplekv_config_reload_success', 'simplekv_log_torn_tails_total',
    'simplekv_project_log_files', 'simplekv_project_snapshot_timestamp_seconds', 'simplekv_project_queue_bytes',
    'process_cpu_user_seconds_total', 'process_cpu_system_seconds_total', 'nodejs_heap_size_total_bytes',
  ]);
});

test.run();
