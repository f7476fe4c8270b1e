import assert from 'node:assert/strict';
import { MANUAL_CLOCK_START_MS, ManualClock } from '../base/manual-clock.js';
import { LABELS, METRICS, type MetricSpec, OWN_METRICS, PROCESS_METRICS } from '../../src/metrics/metrics-table.js';
import { Metrics } from '../../src/metrics/metrics.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';
import { FakeFacts } from './fake-facts.js';
import { type ParsedMetric, parseExposition } from './prometheus-text.js';

const test = suite('exposition');
const PIECE_BYTES = 65_536;
/** Of what one turn adds. */
const TURN_BYTES_MAX = 65_536;

/** Metrics of some projects that are started, and what is written of them. */
async function scrape(
  projects: readonly string[], prepare: (metrics: Metrics, facts: FakeFacts) => void = () => undefined,
): Promise<{ readonly parsed: ReadonlyMap<string, ParsedMetric>; readonly pieces: readonly Buffer[]; readonly turns: number }> {
  const metrics = new Metrics('_server', new ManualClock());
  const facts = new FakeFacts(() => projects.map((id) => ({ id, state: 'serving', seq: 4, key_count: 2, value_bytes: 20 })));
  try {
    metrics.start(facts);
    prepare(metrics, facts);
    const pieces: Buffer[] = [];
    let turns = 0;
    const nextTurn = async (): Promise<void> => {
      turns += 1;
      await Promise.resolve();
    };
    for await (const piece of metrics.exposition(nextTurn)) pieces.push(piece);
    return { parsed: parseExposition(Buffer.concat(pieces).toString('utf8')), pieces, turns };
  } finally {
    metrics.close();
  }
}

function valuesOf(metric: ParsedMetric | undefined): readonly (readonly [string, number])[] {
  return (metric?.samples ?? []).map(({ labels, value }) => [Object.values(labels).join(' '), value]);
}

test('the metrics are those of the table, in its order, with its types and labels', async () => {
  const { parsed } = await scrape(['shop'], ({ work, http }, facts) => {
    work.appended('shop', [{ op: 'set' }], 100);
    work.synced(1);
    facts.added = { snapshot: { seq: 3, timeMs: 1000 }, quotas: [{ quota: 'max_keys', usedRatio: 0.5 }] };
    http.answered({
      route: { path: '/livez' }, store: null, request: { method: 'GET' }, response: { headersSent: true, statusCode: 404 },
      durationMs: 1, requestBytes: 0, responseBytes: 0, problemCode: 'not_found',
    });
  });
  assert.deepEqual([...parsed.keys()], Object.keys(METRICS));
  for (const [name, { help, type, samples }] of parsed) {
    const row = METRICS[name] as MetricSpec;
    assert.equal(type, row.type, name);
    if (name in OWN_METRICS) assert.equal(help, row.help);
    const added: readonly string[] = { histogram: ['le'], summary: ['quantile'], counter: [], gauge: [] }[row.type];
    for (const { labels } of samples) {
      assert.deepEqual(Object.keys(labels).filter((label) => !added.includes(label)), row.labels, name);
    }
    // What comes with the first collection of garbage may be missing.
    if (name !== 'nodejs_gc_duration_seconds') assert.ok(samples.length > 0, name);
  }
});

test('the rows of the table keep to the rules of names', () => {
  for (const [name, { type, labels, help }] of Object.entries(METRICS)) {
    assert.match(name, /^(?:simplekv|process|nodejs)_[a-z0-9_]+$/);
    assert.equal(name.endsWith('_total'), type === 'counter', name);
    assert.ok(!/_(?:ms|count|kb|percent)(?:_|$)/.test(name), name);
    assert.ok(help.length > 0 && !help.endsWith('.'), name);
    for (const label of labels) assert.ok(label in LABELS, label);
  }
  assert.deepEqual(Object.keys(PROCESS_METRICS).filter((name) => name in OWN_METRICS), []);
});

test('any value of a label survives a parser', async () => {
  const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('"', '\\', '\n', '\\n', '"} 1\nx{a="', '\u2028', ''));
  await fc.assert(fc.asyncProperty(fc.uniqueArray(text, { maxLength: 5 }), text, async (ops, node) => {
    const { parsed } = await scrape(['shop'], ({ work }, facts) => {
      work.appended('shop', ops.map((op) => ({ op })), 1);
      facts.facts = { ...facts.facts, build: { version: '1', node, format: 'f' } };
    });
    const lines = parsed.get('simplekv_log_lines_total')?.samples ?? [];
    assert.deepEqual(lines.filter(({ labels }) => labels['project'] === 'shop').map(({ labels }) => labels['op']), ops);
    assert.equal(parsed.get('simplekv_build_info')?.samples[0]?.labels['node'], node);
  }), { numRuns: 30 });
});

test('the text of a thousand projects comes in pieces of 64 kB, with turns between portions of the work', async () => {
  const projects = Array.from({ length: 1000 }, (_, index) => `project-${index}`);
  const { parsed, pieces, turns } = await scrape(projects, (metrics) => {
    metrics.configure({ projectsMax: 1000 });
    for (const project of projects) for (const op of ['set', 'delete', 'batch']) metrics.work.appended(project, [{ op }], 100);
  });
  const series = [...parsed.values()].reduce((sum, { samples }) => sum + samples.length, 0);
  assert.ok(series > 20_000, String(series));
  // Facts of 50 projects, or 250 series.
  assert.ok(turns >= projects.length / 50 + series / 250, `${turns} turns for ${series} series`);
  for (const [index, { length }] of pieces.entries()) {
    assert.ok(length <= PIECE_BYTES + TURN_BYTES_MAX, String(length));
    if (index < pieces.length - 1) assert.ok(length >= PIECE_BYTES, String(length));
  }
  assert.equal(valuesOf(parsed.get('simplekv_log_bytes_total')).length, 1001);
});

test('projects beyond the number are shown together', async () => {
  const { parsed } = await scrape(['a', 'b', 'c'], (metrics) => {
    metrics.configure({ projectsMax: 1 });
    for (const project of ['a', 'b', 'c']) metrics.work.appended(project, [{ op: 'set' }], 10);
  });
  assert.deepEqual(valuesOf(parsed.get('simplekv_log_bytes_total')), [['a', 10], ['_server', 0], ['_other', 20]]);
  assert.deepEqual(valuesOf(parsed.get('simplekv_project_keys')), [['a', 2], ['_other', 4]]);
});

test('a start is the first load of the configuration, and a failed one keeps the time of the last that succeeded', async () => {
  const shown = async (prepare: (metrics: Metrics) => void): Promise<readonly (number | undefined)[]> => {
    const { parsed } = await scrape([], prepare);
    const names = ['simplekv_config_reload_success', 'simplekv_config_reload_timestamp_seconds'];
    return names.map((name) => parsed.get(name)?.samples[0]?.value);
  };
  const startSeconds = MANUAL_CLOCK_START_MS / 1000;
  assert.deepEqual(await shown(() => undefined), [1, startSeconds]);
  assert.deepEqual(await shown((metrics) => metrics.reloaded(false, MANUAL_CLOCK_START_MS + 9000)), [0, startSeconds]);
  assert.deepEqual(await shown((metrics) => metrics.reloaded(true, MANUAL_CLOCK_START_MS + 9000)), [1, startSeconds + 9]);
});

test('what is not known is left out', async () => {
  const { parsed } = await scrape(['a'], (_metrics, facts) => {
    facts.facts = { ...facts.facts, diskFreeBytes: undefined };
  });
  assert.deepEqual(valuesOf(parsed.get('simplekv_disk_free_bytes')), []);
  assert.deepEqual(valuesOf(parsed.get('simplekv_project_snapshot_timestamp_seconds')), []);
});

test('two scrapes at once do not disturb each other', async () => {
  const metrics = new Metrics('_server', new ManualClock());
  metrics.start(new FakeFacts(() => []));
  const textOf = async (): Promise<string> => {
    let text = '';
    for await (const piece of metrics.exposition(() => new Promise((resolve) => setImmediate(resolve)))) text += piece.toString();
    return text;
  };
  try {
    const texts = await Promise.all([textOf(), textOf(), textOf()]);
    for (const text of texts) assert.deepEqual([...parseExposition(text).keys()], Object.keys(METRICS));
  } finally {
    metrics.close();
  }
});

test.run();
