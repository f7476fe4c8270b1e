/**
 * What a compaction costs: CPU time for each key of a first snapshot, built from the log alone, and of later ones, each after a tenth of
 * the keys has changed; memory; and how long GETs of another project wait meanwhile. The third snapshot is the usual one: it also checks
 * the first and removes it. The lines are written by the log itself, in batches, while no server runs. GETs are measured twice: with all
 * processors for server and load generator, and with one for each of them, where the compaction has only what the requests leave.
 *
 * Usage: `npm run bench -- compaction [200000] [--value-bytes 100] [--gets-per-second 500] [--folder DIR]`. The number is that of the keys.
 * Linux only: CPU time and memory are read from /proc.
 */
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { silentLogger } from '../src/base/logger.js';
import { NodeDisk } from '../src/disk/node-disk.js';
import { encodeEvent } from '../src/events/codec.js';
import { BUILT_IN_STORAGE } from '../src/events/project-settings.js';
import { FileHome } from '../src/log/file/file-home.js';
import { logOptionsOf } from '../src/store/project-store.js';
import { pinPrograms } from './child-process.js';
import { divideProcessors } from './machine.js';
import { positiveInteger } from './numbers.js';
import { freePort, type RunningServer, startConfigured } from './server-process.js';

const PROJECT = 'bench';
/** The project that is read meanwhile. */
const READ = 'read';
const READ_KEYS = 1000;
const CHANGED_SHARE = 0.1;
const BATCH_LINES = 1000;
const HTTP_OK = 200;
const MS_PER_SECOND = 1000;
const KIB_PER_MIB = 1024;
/** A tick of the CPU times in /proc, in microseconds. */
const TICK_US = 10_000;
/** A start reads the whole log where there is no snapshot. */
const START_LIMIT_MS = 300_000;
/** How long GETs are measured at rest, and before that not counted, in milliseconds. */
const REST_MS = 10_000;
const WARM_MS = 3000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'value-bytes': { type: 'string', default: '100' },
    'gets-per-second': { type: 'string', default: '500' },
    folder: { type: 'string', default: tmpdir() },
  },
});
const keys = positiveInteger('keys', positionals[0] ?? '200000');
const valueBytes = positiveInteger('value-bytes', values['value-bytes']);
const getsPerSecond = positiveInteger('gets-per-second', values['gets-per-second']);
const folder = mkdtempSync(path.join(values.folder, 'simplekv-bench-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

const config = path.join(folder, 'config.json');
const port = await freePort();
const authentication = { enabled: false };
// Only the requests of this program make snapshots.
const storage = { compaction: { interval_seconds: 0 } };
writeFileSync(config, JSON.stringify({
  version: 1, server_port: port, log_level: 'warn', default: { authentication }, timeouts: { shutdown_seconds: 1 },
  projects: [PROJECT, READ].map((id) => ({ id, authentication, storage })),
}), { mode: 0o600 });
const agent = new Agent({ keepAlive: true });
// The first start creates empty logs.
await (await start()).kill();
await appendLines(READ, READ_KEYS, 1);
await appendLines(PROJECT, keys, 1);
console.log(`${keys} keys with values of ${valueBytes} bytes`);
await measureCompaction(`first snapshot, ${keys} lines`);
await changeSome();
await measureCompaction('second snapshot');
await changeSome();
await measureCompaction('third snapshot');
await measureAllGets('servers and load generator share the processors');
const { server: processor } = divideProcessors();
if (processor !== undefined) {
  pinPrograms(processor);
  await measureAllGets('the server has one processor for all its threads, and the load generator another one');
}
agent.destroy();

async function start(): Promise<RunningServer> {
  return await startConfigured(config, port, START_LIMIT_MS);
}

async function changeSome(): Promise<void> {
  await appendLines(PROJECT, Math.ceil(keys * CHANGED_SHARE), 1 / CHANGED_SHARE);
}

/** Writes a line for every `step`th key. */
async function appendLines(project: string, count: number, step: number): Promise<void> {
  const home = new FileHome({ folder: path.join(folder, 'data'), disk: new NodeDisk(), logger: silentLogger });
  const log = await home.open(project, { ...logOptionsOf(BUILT_IN_STORAGE), durability: 'os', replay: () => undefined });
  if (log === undefined) throw new Error('Cannot measure: the first start made no log');
  const value = `"${'v'.repeat(valueBytes - 2)}"`;
  for (let first = 0; first < count; first += BATCH_LINES) {
    const drafts = Array.from({ length: Math.min(BATCH_LINES, count - first) }, (_, index) => ({
      ...encodeEvent({ op: 'set', key: keyOf(Math.floor((first + index) * step)), value }), actor: 'anonymous', request: 'bench',
    }));
    await log.append(drafts, log.position().seq);
  }
  await log.close();
}

/** Scattered, so that a log is not sorted already. */
function keyOf(index: number): string {
  const SCATTER = 7_368_787;
  return `user/${(index * SCATTER) % Math.max(keys, READ_KEYS)}`;
}

async function measureCompaction(name: string): Promise<void> {
  const server = await start();
  const kib = resetPeakKib(server);
  const began = [cpuUs(`${server.pid}`), cpuUs(`${server.pid}/task/${server.pid}`)] as const;
  const { seconds } = await compact(server);
  const all = (cpuUs(`${server.pid}`) - began[0]) / keys;
  const main = (cpuUs(`${server.pid}/task/${server.pid}`) - began[1]) / keys;
  const cpu = `${all.toFixed(1)} us of CPU a key, ${main.toFixed(1)} of it in the thread that answers requests`;
  const memory = `${((peakKib(server) - kib) / KIB_PER_MIB).toFixed(0)} MiB above the start at most`;
  console.log(`${name}: ${cpu}, ${seconds.toFixed(1)} s, ${memory}`);
  await server.kill();
}

function removeSnapshots(): void {
  const inside = path.join(folder, 'data', PROJECT);
  for (const name of readdirSync(inside)) if (name.startsWith('snap-')) rmSync(path.join(inside, name));
}

async function measureAllGets(processors: string): Promise<void> {
  console.log(`${getsPerSecond} GETs a second of another project; ${processors}`);
  removeSnapshots();
  for (const name of ['first', 'second', 'third']) {
    await measureGets(`the ${name} snapshot`);
    await changeSome();
  }
}

async function measureGets(name: string): Promise<void> {
  const server = await start();
  await getsUntil(server, sleep(WARM_MS));
  const rest = await getsUntil(server, sleep(REST_MS));
  const during = await getsUntil(server, compact(server));
  const ratio = (share: number): string => (quantile(during, share) / quantile(rest, share)).toFixed(2);
  console.log(`at rest ${describe(rest)}, during ${name} ${describe(during)}: ratio of p50 ${ratio(0.5)}, of p99 ${ratio(0.99)}`);
  await server.kill();
}

/** GETs at a steady rate until something has happened. A late answer does not delay the next request. */
async function getsUntil(server: RunningServer, work: Promise<unknown>): Promise<readonly number[]> {
  let isOver = false;
  const end = work.then(() => { isOver = true; });
  const times: number[] = [];
  const gets: Promise<void>[] = [];
  const beganMs = performance.now();
  for (let sent = 0; !isOver; sent += 1) {
    gets.push(get(server, times));
    const dueMs = beganMs + ((sent + 1) * MS_PER_SECOND) / getsPerSecond;
    const waitMs = dueMs - performance.now();
    await (waitMs > 0 ? sleep(waitMs) : new Promise(setImmediate));
  }
  await Promise.all([end, ...gets]);
  return times.sort((a, b) => a - b);
}

async function get(server: RunningServer, times: number[], beganMs = performance.now()): Promise<void> {
  const key = keyOf(Math.floor(Math.random() * READ_KEYS));
  const asked = request(`${server.url}/api/v1/projects/${READ}/keys/${encodeURIComponent(key)}`, { agent }).end();
  let response: IncomingMessage;
  try {
    [response] = (await once(asked, 'response')) as [IncomingMessage];
    await text(response);
  } catch (error) {
    // The server closed an idle connection just when this request was sent on it.
    if (asked.reusedSocket) return await get(server, times, beganMs);
    throw error;
  }
  if (response.statusCode !== HTTP_OK) throw new Error(`Cannot use this load: status ${response.statusCode}`);
  times.push(performance.now() - beganMs);
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

function describe(times: readonly number[]): string {
  return `p50 ${quantile(times, 0.5).toFixed(2)} ms, p99 ${quantile(times, 0.99).toFixed(2)} ms (${times.length} GETs)`;
}

async function compact(server: RunningServer): Promise<{ readonly seconds: number }> {
  const beganMs = performance.now();
  const asked = request(`${server.url}/api/v1/projects/${PROJECT}/compact`, { method: 'POST' }).end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  const answer = await text(response);
  if (response.statusCode !== HTTP_OK) throw new Error(`Cannot compact: ${answer}`);
  return { seconds: (performance.now() - beganMs) / MS_PER_SECOND };
}

/** CPU time of a process or of one of its threads so far, in microseconds. */
function cpuUs(id: string): number {
  const stat = readFileSync(`/proc/${id}/stat`, 'latin1');
  const [user = 0, system = 0] = stat.slice(stat.lastIndexOf(')')).split(' ').slice(12, 14).map(Number);
  return (user + system) * TICK_US;
}

/** Begins to measure the peak anew; gives what is resident now. */
function resetPeakKib(server: RunningServer): number {
  writeFileSync(`/proc/${server.pid}/clear_refs`, '5');
  return peakKib(server);
}

function peakKib(server: RunningServer): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]);
}
