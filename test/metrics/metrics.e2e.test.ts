/** The metrics of the program as it runs, after something of everything has happened. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { METRICS } from '../../src/metrics/metrics-table.js';
import { type Answer, type ServerUnderTest, until, type Workbench, withWorkbench } from '../e2e/server-under-test.js';
import { EventReader } from '../http/event-reader.js';
import { program } from '../needs.js';
import { suite } from '../suite.js';
import { readDashboard, ruleExpressions, seriesIn } from './operator-files.js';
import { type ParsedMetric, parseExposition } from './prometheus-text.js';

const test = suite('metrics');
const BASE = '/api/v1/projects';
const SHOP = `${BASE}/shop`;

type Labels = Readonly<Record<string, string>>;

/** The value of a series; undefined if there is none. */
function valueOf(parsed: ReadonlyMap<string, ParsedMetric>, name: string, labels: Labels = {}): number | undefined {
  const metric = parsed.get(name) ?? parsed.get(name.replace(/_(?:bucket|sum|count)$/, ''));
  const isIt = (found: Labels): boolean => Object.entries(labels).every(([label, value]) => found[label] === value);
  return metric?.samples.find((sample) => sample.name === name && isIt(sample.labels))?.value;
}

/** A server with which something of everything has happened. */
class World {
  readonly #bench: Workbench;
  #server: ServerUnderTest | undefined;
  #global = '';
  /** An API key for Prometheus. */
  metricsKey = '';
  readonly readers: EventReader[] = [];

  constructor(bench: Workbench) {
    this.#bench = bench;
  }

  get server(): ServerUnderTest {
    assert.ok(this.#server);
    return this.#server;
  }

  async ask(method: string, path: string, body?: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return await this.server.send(method, path, { key: this.#global, headers, ...(body === undefined ? {} : { body }) });
  }

  async scrape(): Promise<{ readonly text: string; readonly parsed: ReadonlyMap<string, ParsedMetric> }> {
    const { status, text } = await this.server.send('GET', '/metrics', { key: this.metricsKey });
    assert.equal(status, 200, text);
    return { text, parsed: parseExposition(text) };
  }

  /** Starts, and once more after a crash in the middle of a write. */
  async start(): Promise<void> {
    this.#bench.configure([{ id: 'shop', quota: { max_keys: 10 } }, { id: 'slow', quota: { reads_per_second: 1 } }]);
    const first = await this.#bench.start();
    this.#global = first.key('global');
    this.#server = first;
    assert.equal((await this.ask('PUT', `${SHOP}/keys/a`, '1')).status, 201);
    await first.kill();
    appendFileSync(this.#bench.path('data', 'shop.jsonl'), '{"seq":');
    this.#server = await this.#bench.start();
    const made = await this.ask('POST', '/api/v1/api-keys', '{"name":"prometheus","permissions":["metrics"]}');
    this.metricsKey = String((JSON.parse(made.text) as Record<string, unknown>)['api_key']);
  }

  async walk(): Promise<void> {
    for (const key of ['b', 'c', 'd']) await this.ask('PUT', `${SHOP}/keys/${key}`, '1');
    await this.ask('PUT', `${SHOP}/keys/soon?ttl_seconds=1`, '1');
    await this.ask('DELETE', `${SHOP}/keys/d`);
    await this.ask('GET', `${SHOP}/keys/none`);
    await this.ask('POST', `${SHOP}/compact`);
    await this.server.send('GET', BASE, { key: 'unknown' });
    for (let times = 0; times < 2; times += 1) await this.ask('GET', `${BASE}/slow/keys/k`);
    const made = await this.ask('POST', `${SHOP}/api-keys`, '{"name":"e","permissions":["read"],"ttl_seconds":1}');
    const expired = JSON.parse(made.text) as { api_key: string };
    await until('the key to expire', async () => (
      (await this.server.send('GET', `${SHOP}/keys/a`, { key: expired.api_key })).status === 401 ? true : undefined
    ));
    for (const [accept, path] of [
      ['text/event-stream', ''], ['application/x-ndjson', '?follow=true'], ['application/json', '?since=now&wait_seconds=60'],
    ] as const) {
      const reader = new EventReader({ port: this.server.port, path: `${SHOP}/events${path}`, key: this.#global, accept });
      this.readers.push(reader);
    }
  }

  leave(): void {
    for (const reader of this.readers) reader.close();
  }
}

async function withWalked(body: (world: World) => Promise<void>): Promise<void> {
  await withWorkbench(async (bench) => {
    const world = new World(bench);
    await world.start();
    await world.walk();
    try {
      await body(world);
    } finally {
      world.leave();
    }
  });
}

test('what happened is counted, and what is there is shown', () => withWalked(async (world) => {
  const parsed = await until('streams, a scrub and an expiry to be counted', async () => {
    const { parsed: found } = await world.scrape();
    const kinds = ['sse', 'ndjson', 'longpoll'].map((kind) => valueOf(found, 'simplekv_http_streams', { kind }));
    const isDone = kinds.every((count) => count === 1) && (valueOf(found, 'simplekv_scrub_bytes_total') ?? 0) > 0
      && valueOf(found, 'simplekv_keys_expired_total', { project: 'shop' }) === 1;
    return isDone ? found : undefined;
  });
  const shop = { project: 'shop' };
  const key = { route: `${BASE}/{id}/keys/{key}` };
  const expected: readonly (readonly [name: string, labels: Labels, value: number])[] = [
    ['simplekv_build_info', { node: process.versions.node, format: 'simplekv/2' }, 1],
    ['simplekv_ready', {}, 1], ['simplekv_disk_low', {}, 0], ['simplekv_config_reload_success', {}, 1],
    ['simplekv_http_requests_total', { ...key, method: 'PUT', status: '2xx' }, 4],
    ['simplekv_http_request_duration_seconds_count', { ...key, method: 'PUT' }, 4],
    ['simplekv_http_requests_total', { ...key, method: 'DELETE', status: '2xx' }, 1],
    ['simplekv_http_problems_total', { code: 'key_not_found' }, 2], ['simplekv_http_problems_total', { code: 'rate_limited' }, 1],
    ['simplekv_failed_keys_total', { reason: 'unknown' }, 1], ['simplekv_failed_keys_total', { reason: 'expired' }, 1],
    ['simplekv_throttled_total', { reason: 'rate' }, 1], ['simplekv_http_streams', { kind: 'backup' }, 0],
    ['simplekv_log_torn_tails_total', shop, 1], ['simplekv_log_torn_tails_total', { project: 'slow' }, 0],
    ['simplekv_log_lines_total', { ...shop, op: 'set' }, 3], ['simplekv_log_lines_total', { ...shop, op: 'set.until' }, 1],
    ['simplekv_log_lines_total', { ...shop, op: 'expire' }, 1],
    ['simplekv_log_lines_total', { project: '_server', op: 'snapshot.committed' }, 1],
    ['simplekv_project_keys', shop, 3], ['simplekv_project_value_bytes', shop, 3], ['simplekv_project_writable', shop, 1],
    ['simplekv_project_state', { ...shop, state: 'serving' }, 1], ['simplekv_project_state', { ...shop, state: 'corrupt' }, 0],
    ['simplekv_project_queue_commands', shop, 0], ['simplekv_project_quota_used_ratio', { ...shop, quota: 'max_keys' }, 0.3],
    ['simplekv_compactions_total', { ...shop, outcome: 'ok' }, 1], ['simplekv_compactions_total', { ...shop, outcome: 'failed' }, 0],
    ['simplekv_compaction_duration_seconds_count', {}, 1], ['simplekv_scrub_faults_total', {}, 0],
  ];
  for (const [name, labels, value] of expected) assert.equal(valueOf(parsed, name, labels), value, `${name} ${JSON.stringify(labels)}`);
  for (const name of [
    'simplekv_start_duration_seconds', 'simplekv_disk_free_bytes', 'simplekv_log_sync_duration_seconds_count', 'simplekv_http_connections',
    'simplekv_log_batch_commands_sum', 'simplekv_log_bytes_total', 'simplekv_project_log_file_bytes', 'simplekv_project_log_files',
    'simplekv_project_snapshot_seq', 'simplekv_project_snapshot_timestamp_seconds', 'simplekv_http_response_bytes_total',
  ]) assert.ok((valueOf(parsed, name) ?? 0) > 0, name);
  const loadedAt = valueOf(parsed, 'simplekv_config_reload_timestamp_seconds') ?? 0;
  assert.ok(Math.abs(loadedAt - (valueOf(parsed, 'process_start_time_seconds') ?? 0)) < 60);
}));

test('promtool finds nothing in the metrics of a live server, and does in others', () => withWalked(async (world) => {
  const { text } = await world.scrape();
  const check = (input: string) => spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
  const { status, stderr, stdout } = check(text);
  assert.equal(status, 0, stderr + stdout);
  assert.equal(check(text.replaceAll('simplekv_scrub_faults_total', 'simplekv_scrub_faults_ms')).status, 3);
}), { needs: [program('promtool', 'prometheus')] });

test('every series that the dashboard and the alerts name is there', () => withWalked(async (world) => {
  const { parsed } = await until('the first collection of garbage', async () => {
    const scraped = await world.scrape();
    return (scraped.parsed.get('nodejs_gc_duration_seconds')?.samples.length ?? 0) > 0 ? scraped : undefined;
  });
  assert.deepEqual([...parsed.keys()], Object.keys(METRICS));
  const present = new Set([...parsed.values()].flatMap(({ samples }) => samples.map(({ name }) => name)));
  const panels = readDashboard().panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => [title, expr] as const));
  const all = [...panels, ...ruleExpressions()];
  assert.ok(panels.length > 20 && all.length > panels.length + 10);
  for (const [name, expr] of all) {
    const series = seriesIn(expr);
    assert.ok(series.length > 0, `${name}: ${expr}`);
    for (const one of series) assert.ok(present.has(one), `${name}: ${one}`);
  }
}));

test('the history is kept of the server and of the project that is used', () => withWorkbench(async (bench) => {
  bench.configure([{ id: 'shop' }, { id: 'idle' }]);
  const server = await bench.start();
  const [global, shop, idle] = [server.key('global'), server.key('shop'), server.key('idle')];
  await server.send('PUT', `${SHOP}/keys/a`, { key: shop, body: '1' });
  const read = async (query: string, key: string): Promise<Readonly<Record<string, (number | null)[]>>> => (
    (JSON.parse((await server.send('GET', `/api/v1/stats${query}`, { key })).text) as { series: Record<string, (number | null)[]> }).series
  );
  await until('the first step', async () => (
    (await read('?project=shop', shop))['writes']?.some((count) => (count ?? 0) > 0) ? true : undefined
  ), 200);
  const ofServer = await read('?window=30', global);
  for (const name of ['requests', 'writes', 'keys', 'resident_bytes', 'sync_p50_seconds']) {
    assert.ok(ofServer[name]?.some((value) => (value ?? 0) > 0), name);
  }
  assert.ok((await read('?project=idle', idle))['writes']?.every((value) => value === null));
}));

test('metrics that are switched off are not there, and the rest is', () => withWorkbench(async (bench) => {
  bench.configure([{ id: 'shop' }], { metrics: { enabled: false } });
  const server = await bench.start();
  const key = server.key('global');
  assert.equal((await server.send('GET', '/metrics', { key })).status, 404);
  assert.equal((await server.send('GET', '/api/v1/stats', { key })).status, 200);
}));

test.run();
