/**
 * How long a start takes and what a key costs in memory: an empty server beside one whose log has many `set` lines, each of
 * another key. The lines are written by the log itself, in batches, while no server runs.
 *
 * Usage: `npm run bench -- start [--rounds 3] [--lines 100000] [--folder DIR]`. Linux only: memory is read from /proc.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
const KIB_PER_MIB = 1024;
const BYTES_PER_KIB = 1024;

interface Start {
  readonly readyMs: number;
  readonly residentKib: number;
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    lines: { type: 'string', default: '100000' },
    folder: { type: 'string', default: tmpdir() },
  },
});
const rounds = positiveInteger('rounds', values.rounds);
const lines = positiveInteger('lines', values.lines);
const folder = mkdtempSync(path.join(values.folder, 'simplekv-bench-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

const config = path.join(folder, 'config.json');
const port = await freePort();
writeFileSync(config, JSON.stringify({ version: 1, server_port: port, projects: [{ id: PROJECT }] }), { mode: 0o600 });
// The first start makes keys and an empty log; it is not counted.
await measureStart();
const empty = await measureStarts();
await appendLines();
const full = await measureStarts();
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
  await server.stop();
  return { readyMs, residentKib: Number(resident) };
}

async function appendLines(): Promise<void> {
  const home = new FileHome({ folder: path.join(folder, 'data'), disk: new NodeDisk(), logger: silentLogger });
  const log = await home.open(PROJECT, { ...logOptionsOf(BUILT_IN_STORAGE), replay: () => undefined });
  if (log === undefined) throw new Error('Cannot measure a start: the first one made no log');
  const value = `"${'v'.repeat(VALUE_BYTES - 2)}"`;
  for (let first = 0; first < lines; first += BATCH_LINES) {
    const count = Math.min(BATCH_LINES, lines - first);
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
  const [none, many] = [empty, full].map((starts) => ({
    readyMs: median(starts.map(({ readyMs }) => readyMs)),
    residentKib: median(starts.map(({ residentKib }) => residentKib)),
  }));
  if (none === undefined || many === undefined) throw new Error('Cannot report: nothing was measured');
  const perKeyBytes = ((many.residentKib - none.residentKib) * BYTES_PER_KIB) / lines;
  return [
    `medians of ${rounds} starts, values of ${VALUE_BYTES} bytes`,
    `empty                ready after ${none.readyMs.toFixed(0)} ms, ${(none.residentKib / KIB_PER_MIB).toFixed(0)} MiB resident`,
    `${lines} lines, keys  ready after ${many.readyMs.toFixed(0)} ms, ${(many.residentKib / KIB_PER_MIB).toFixed(0)} MiB resident`,
    `each line            ${(((many.readyMs - none.readyMs) * 1000) / lines).toFixed(1)} us`,
    `each key             ${perKeyBytes.toFixed(0)} bytes of memory`,
  ].join('\n');
}
