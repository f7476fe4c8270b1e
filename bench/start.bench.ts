/**
 * How long a start takes and what a key costs in memory: an empty server; one whose log has a `set` line for each of many keys,
 * after a crash that left no snapshot; the same with a snapshot; and with a snapshot after each key was written several times
 * more. The lines are written by the log itself, in batches, while no server runs.
 *
 * Usage: `npm run bench -- start [--rounds 3] [--keys 100000] [--rewrites 3] [--folder DIR]`. Linux only: memory is read from
 * /proc.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
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
const BATCH_LINES = 1000;
/** How often a stop is asked for a snapshot. */
const SNAPSHOT_STOPS_MAX = 5;
const KIB_PER_MIB = 1024;
const BYTES_PER_KIB = 1024;
const US_PER_MS = 1000;
const NAME_COLUMNS = 28;

interface Start {
  readonly readyMs: number;
  readonly residentKib: number;
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    keys: { type: 'string', default: '100000' },
    rewrites: { type: 'string', default: '3' },
    folder: { type: 'string', default: tmpdir() },
  },
});
const rounds = positiveInteger('rounds', values.rounds);
const keys = positiveInteger('keys', values.keys);
const rewrites = positiveInteger('rewrites', values.rewrites);
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
await stopWithSnapshot();
rows.push([`${keys * (rewrites + 1)} lines, snapshot`, await measureStarts()]);
console.log(report());

async function measureStarts(): Promise<readonly Start[]> {
  const starts: Start[] = [];
  for (let round = 0; round < rounds; round += 1) starts.push(await measureStart());
  return starts;
}

async function measureStart(): Promise<Start> {
  const beganMs = performance.now();
  const server = await startConfigured(config, port);
  const readyMs = performance.now() - beganMs;
  const resident = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1];
  await server.kill();
  return { readyMs, residentKib: Number(resident) };
}

/** A stop makes the snapshot that is due, and gives up when it takes long: then it is tried again. */
async function stopWithSnapshot(): Promise<void> {
  const before = newestSnapshot();
  for (let round = 0; round < SNAPSHOT_STOPS_MAX; round += 1) {
    await (await startConfigured(config, port)).stop();
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
  const value = `"${'v'.repeat(VALUE_BYTES - 2)}"`;
  for (let first = 0; first < keys; first += BATCH_LINES) {
    const count = Math.min(BATCH_LINES, keys - first);
    const drafts = Array.from({ length: count }, (_, index) => ({
      ...encodeEvent({ op: 'set', key: `user/${first + index}`, value }),
      actor: 'anonymous',
      request: 'bench',
    }));
    await log.append(drafts, log.position().seq);
  }
  await log.close();
}

function report(): string {
  const medians = rows.map(([name, starts]) => ({
    name,
    readyMs: median(starts.map(({ readyMs }) => readyMs)),
    residentKib: median(starts.map(({ residentKib }) => residentKib)),
  }));
  const [none, replayed, loaded] = medians;
  if (none === undefined || replayed === undefined || loaded === undefined) throw new Error('Cannot report: nothing was measured');
  const eachUs = (readyMs: number): string => (((readyMs - none.readyMs) * US_PER_MS) / keys).toFixed(1);
  const perKeyBytes = ((loaded.residentKib - none.residentKib) * BYTES_PER_KIB) / keys;
  return [
    `medians of ${rounds} starts, ${keys} keys, values of ${VALUE_BYTES} bytes`,
    ...medians.map(({ name, readyMs, residentKib }) =>
      `${name.padEnd(NAME_COLUMNS)}ready after ${readyMs.toFixed(0)} ms, ${(residentKib / KIB_PER_MIB).toFixed(0)} MiB resident`),
    `each line without a snapshot ${eachUs(replayed.readyMs)} us, each key of a snapshot ${eachUs(loaded.readyMs)} us`,
    `each key ${perKeyBytes.toFixed(0)} bytes of memory`,
  ].join('\n');
}
