/**
 * How long a start takes and what a key costs in memory: an empty server; one whose log has a `set` line for each of many keys,
 * after a crash that left no snapshot; the same with a snapshot; and with a snapshot after each key was written several times
 * more. The lines are written by the log itself, in batches, while no server runs.
 *
 * Beside them, where `redis-server` is installed: Redis on the same keys and values, from an append-only file of as many `SET`
 * commands, and from the same file rewritten, which is a dump. Redis checks no hash of a command.
 *
 * Usage: `npm run bench -- start [--rounds 3] [--keys 1000000] [--rewrites 0] [--folder DIR]`. Linux only: memory is read from
 * /proc.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { silentLogger } from '../src/base/logger.js';
import { encodeEvent } from '../src/events/codec.js';
import { BUILT_IN_STORAGE } from '../src/events/project-settings.js';
import { FileHome } from '../src/log/file/file-home.js';
import { NodeDisk } from '../src/disk/node-disk.js';
import { logOptionsOf } from '../src/store/project-store.js';
import { median, positiveInteger } from './numbers.js';
import { freePort, startConfigured } from './server-process.js';

const PROJECT = 'bench';
const VALUE_BYTES = 100;
const VALUE = `"${'v'.repeat(VALUE_BYTES - 2)}"`;
/** Keys have 13 bytes. */
const KEY_DIGITS = 8;
const BATCH_LINES = 1000;
/** How often a stop is asked for a snapshot. */
const SNAPSHOT_STOPS_MAX = 5;
const KIB_PER_MIB = 1024;
const BYTES_PER_KIB = 1024;
const US_PER_MS = 1000;
const NAME_COLUMNS = 28;
const START_LIMIT_MS = 300_000;
const REDIS_POLL_MS = 20;
/** Of what follows the name of a process in /proc/PID/stat. */
const USER_TIME_FIELD = 11;
/** Linux reports CPU time in ticks of this length, whatever the kernel. */
const MS_PER_TICK = 10;

interface Start {
  readonly readyMs: number;
  /** User and system time of all threads. */
  readonly cpuMs: number;
  readonly residentKib: number;
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    keys: { type: 'string', default: '1000000' },
    rewrites: { type: 'string', default: '0' },
    folder: { type: 'string', default: tmpdir() },
  },
});
const rounds = positiveInteger('rounds', values.rounds);
const keys = positiveInteger('keys', values.keys);
const rewrites = values.rewrites === '0' ? 0 : positiveInteger('rewrites', values.rewrites);
const folder = mkdtempSync(path.join(values.folder, 'simplekv-bench-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

const config = path.join(folder, 'config.json');
const port = await freePort();
// Snapshots are made at polite stops only, so that each row knows whether there is one.
const storage = { compaction: { interval_seconds: 0 } };
const timeouts = { shutdown_seconds: 600 };
writeFileSync(config, JSON.stringify({ version: 1, server_port: port, timeouts, projects: [{ id: PROJECT, storage }] }), { mode: 0o600 });
// The first start makes keys and an empty log; it is not counted.
await (await startConfigured(config, port)).kill();
const rows: (readonly [string, readonly Start[]])[] = [['empty', await measureStarts()]];
await appendLines();
rows.push([`${keys} lines, no snapshot`, await measureStarts()]);
await stopWithSnapshot();
rows.push([`${keys} lines, snapshot`, await measureStarts()]);
for (let round = 0; round < rewrites; round += 1) await appendLines();
if (rewrites > 0) {
  await stopWithSnapshot();
  rows.push([`${keys * (rewrites + 1)} lines, snapshot`, await measureStarts()]);
}
const redisRows = isRedisInstalled() ? await measureRedis() : [];
console.log(report());

async function measureStarts(): Promise<readonly Start[]> {
  const starts: Start[] = [];
  for (let round = 0; round < rounds; round += 1) starts.push(await measureStart());
  return starts;
}

async function measureStart(): Promise<Start> {
  const beganMs = performance.now();
  const server = await startConfigured(config, port, START_LIMIT_MS);
  const readyMs = performance.now() - beganMs;
  const measured = { readyMs, ...usageOf(server.pid) };
  await server.kill();
  return measured;
}

function usageOf(pid: number): Omit<Start, 'readyMs'> {
  const resident = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  // After the name in parentheses, which may hold blanks: user and system time are fields 14 and 15 of the line.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  const cpuMs = (Number(fields[USER_TIME_FIELD]) + Number(fields[USER_TIME_FIELD + 1])) * MS_PER_TICK;
  return { residentKib: Number(resident), cpuMs };
}

/** A stop makes the snapshot that is due, and gives up when it takes long: then it is tried again. */
async function stopWithSnapshot(): Promise<void> {
  const before = newestSnapshot();
  for (let round = 0; round < SNAPSHOT_STOPS_MAX; round += 1) {
    await (await startConfigured(config, port, START_LIMIT_MS)).stop();
    if (newestSnapshot() !== before) return;
  }
  throw new Error('Cannot measure a start from a snapshot: no stop has made one');
}

function newestSnapshot(): string | undefined {
  return readdirSync(path.join(folder, 'data', PROJECT)).filter((name) => name.endsWith('.manifest')).sort().at(-1);
}

async function appendLines(): Promise<void> {
  const home = new FileHome({ folder: path.join(folder, 'data'), disk: new NodeDisk(), logger: silentLogger });
  const log = await home.open(PROJECT, { ...logOptionsOf(BUILT_IN_STORAGE), replay: () => undefined });
  if (log === undefined) throw new Error('Cannot measure a start: the first one made no log');
  for (let first = 0; first < keys; first += BATCH_LINES) {
    const count = Math.min(BATCH_LINES, keys - first);
    const drafts = Array.from({ length: count }, (_, index) => ({
      ...encodeEvent({ op: 'set', key: keyOf(first + index), value: VALUE }),
      actor: 'anonymous',
      request: 'bench',
    }));
    await log.append(drafts, log.position().seq);
  }
  await log.close();
}

function keyOf(index: number): string {
  return `user/${String(index).padStart(KEY_DIGITS, '0')}`;
}

function isRedisInstalled(): boolean {
  return spawnSync('redis-server', ['--version']).error === undefined;
}

/** Starts Redis on a file of commands, then lets it rewrite the file, and starts it on the result. */
async function measureRedis(): Promise<(readonly [string, readonly Start[]])[]> {
  const parts = path.join(folder, 'redis', 'appendonlydir');
  mkdirSync(parts, { recursive: true });
  const file = openSync(path.join(parts, 'appendonly.aof.1.incr.aof'), 'w');
  writeSync(file, commandText(['SELECT', '0']));
  for (let first = 0; first < keys; first += BATCH_LINES) {
    const count = Math.min(BATCH_LINES, keys - first);
    writeSync(file, Array.from({ length: count }, (_, index) => commandText(['SET', keyOf(first + index), VALUE])).join(''));
  }
  closeSync(file);
  writeFileSync(path.join(parts, 'appendonly.aof.manifest'), 'file appendonly.aof.1.incr.aof seq 1 type i\n');
  const commands = await measureRedisStarts();
  await startRedis('BGREWRITEAOF', () => readdirSync(parts).some((name) => name.endsWith('.base.rdb')));
  return [['Redis, commands', commands], ['Redis, rewritten', await measureRedisStarts()]];
}

function commandText(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
}

async function measureRedisStarts(): Promise<readonly Start[]> {
  const starts: Start[] = [];
  for (let round = 0; round < rounds; round += 1) starts.push(await startRedis());
  return starts;
}

/** Starts Redis, measures until it answers, sends it a command if there is one, and ends it once that is done. */
async function startRedis(command?: string, isDone: () => boolean = () => true): Promise<Start> {
  const place = path.join(folder, 'redis');
  const socket = path.join(place, 'socket');
  rmSync(socket, { force: true });
  const storage = ['--dir', place, '--save', '', '--appendonly', 'yes', '--auto-aof-rewrite-percentage', '0'];
  const settings = ['--port', '0', '--unixsocket', socket, ...storage];
  const beganMs = performance.now();
  const child = spawn('redis-server', settings, { stdio: 'ignore' });
  process.prependOnceListener('exit', () => child.kill('SIGKILL'));
  const ended = once(child, 'exit');
  try {
    // Until everything is loaded, the answer is an error.
    while (!(await askRedis(socket, 'PING')).startsWith('+PONG')) {
      const isLate = performance.now() - beganMs > START_LIMIT_MS;
      if (child.exitCode !== null || isLate) throw new Error('Cannot measure Redis: it did not start');
      await sleep(REDIS_POLL_MS);
    }
    const measured = { readyMs: performance.now() - beganMs, ...usageOf(child.pid ?? 0) };
    if (command !== undefined) await askRedis(socket, command);
    while (!isDone()) await sleep(REDIS_POLL_MS);
    return measured;
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
}

/** Sends a command; gives the answer, or nothing while there is no socket. */
async function askRedis(socket: string, command: string): Promise<string> {
  const connection = connect(socket);
  try {
    await once(connection, 'connect');
    connection.write(commandText([command]));
    const [answer] = (await once(connection, 'data')) as [Buffer];
    return answer.toString();
  } catch {
    return '';
  } finally {
    connection.destroy();
  }
}

function mediansOf(measured: readonly (readonly [string, readonly Start[]])[]): ({ readonly name: string } & Start)[] {
  return measured.map(([name, starts]) => ({
    name,
    readyMs: median(starts.map(({ readyMs }) => readyMs)),
    cpuMs: median(starts.map(({ cpuMs }) => cpuMs)),
    residentKib: median(starts.map(({ residentKib }) => residentKib)),
  }));
}

function report(): string {
  const medians = mediansOf(rows);
  const redis = mediansOf(redisRows);
  const [none, replayed, loaded] = medians;
  if (none === undefined || replayed === undefined || loaded === undefined) throw new Error('Cannot report: nothing was measured');
  const eachUs = (readyMs: number): string => (((readyMs - none.readyMs) * US_PER_MS) / keys).toFixed(1);
  const perKeyBytes = ((loaded.residentKib - none.residentKib) * BYTES_PER_KIB) / keys;
  return [
    `medians of ${rounds} starts, ${keys} keys, values of ${VALUE_BYTES} bytes`,
    ...[...medians, ...redis].map(({ name, readyMs, cpuMs, residentKib }) => {
      const cost = `${cpuMs.toFixed(0)} ms of CPU time, ${(residentKib / KIB_PER_MIB).toFixed(0)} MiB resident`;
      return `${name.padEnd(NAME_COLUMNS)}ready after ${readyMs.toFixed(0)} ms, ${cost}`;
    }),
    `each line without a snapshot ${eachUs(replayed.readyMs)} us, each key of a snapshot ${eachUs(loaded.readyMs)} us`,
    `each key ${perKeyBytes.toFixed(0)} bytes of memory`,
    redisText({ replayed, loaded }, redis),
  ].join('\n');
}

function redisText({ replayed, loaded }: Readonly<Record<'replayed' | 'loaded', Start>>, [commands, rewritten]: readonly Start[]): string {
  if (commands === undefined || rewritten === undefined) return 'redis-server is not installed, so there is nothing to compare with';
  const times = (one: Start, other: Start): string => `${(one.readyMs / other.readyMs).toFixed(1)} times as long`;
  const replay = `a start without a snapshot takes ${times(replayed, commands)} as Redis on its commands`;
  return `${replay}, one with a snapshot ${times(loaded, rewritten)} as Redis on its rewritten file`;
}
