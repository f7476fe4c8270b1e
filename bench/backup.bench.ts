/**
 * What a backup of a large project costs beside `tar` of the same folder: its rate over HTTP to a file, in MB/s, the CPU time of the
 * server, the time of `simplekv backup`, which reads back and checks what it wrote, and what writers wait beside backups. The lines are
 * written by the log itself while no server runs, and a snapshot is made before the first backup.
 *
 * Usage: `npm run bench -- backup [200000] [--value-bytes 1000] [--rounds 3] [--seconds 5] [--folder DIR]`. The number
 * is that of the keys, the seconds those of each load of writers.
 * Linux only: CPU time is read from /proc. Needs `tar` and `curl`.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { fillLog } from './filled-log.js';
import { encodeRequest, runLoad } from './load/http-load.js';
import { positiveInteger } from './numbers.js';
import { cpuTimeUs } from './process-cost.js';
import { freePort, MAIN, type RunningServer, startConfigured } from './server-process.js';

const PROJECT = 'bench';
const MS_PER_SECOND = 1000;
const BYTES_PER_MB = 1_000_000;
const US_PER_SECOND = 1_000_000;
/** A start reads the whole log where there is no snapshot. */
const START_LIMIT_MS = 300_000;
const WRITERS = 64;
/** Of the keys, so many are written again. */
const WRITTEN_KEYS = 1000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'value-bytes': { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    folder: { type: 'string', default: tmpdir() },
  },
});
const keys = positiveInteger('keys', positionals[0] ?? '200000');
const valueBytes = positiveInteger('value-bytes', values['value-bytes']);
const rounds = positiveInteger('rounds', values.rounds);
const seconds = positiveInteger('seconds', values.seconds);
const folder = mkdtempSync(path.join(values.folder, 'simplekv-bench-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

const config = path.join(folder, 'config.json');
const port = await freePort();
const authentication = { enabled: false };
writeFileSync(config, JSON.stringify({
  version: 1, server_port: port, log_level: 'warn', default: { authentication }, timeouts: { shutdown_seconds: 1 },
  projects: [{ id: PROJECT, authentication, storage: { compaction: { interval_seconds: 0 } } }],
}), { mode: 0o600 });
// The first start creates an empty log.
await (await startConfigured(config, port, START_LIMIT_MS)).kill();
await fillLog(folder, PROJECT, { count: keys, keyOf: (index) => `user/${index}`, valueOf: () => `"${'v'.repeat(valueBytes - 2)}"` });
const server = await startConfigured(config, port, START_LIMIT_MS);
await compact(server);
const target = path.join(folder, 'b.tar');
for (let round = 1; round <= rounds; round += 1) {
  report('tar', await timed(() => tar()));
  const began = cpuTimeUs(server.pid);
  const overHttp = await timed(() => download(server));
  report('GET …/backup', overHttp, `, ${((cpuTimeUs(server.pid) - began) / US_PER_SECOND).toFixed(2)} s of CPU in the server`);
  report('simplekv backup, with its check', await timed(() => command(server)));
  await writeBesideBackups(server);
}
await server.kill();

async function timed(work: () => Promise<unknown> | void): Promise<number> {
  rmSync(target, { force: true });
  const beganMs = performance.now();
  await work();
  return (performance.now() - beganMs) / MS_PER_SECOND;
}

function report(name: string, seconds: number, more = ''): void {
  const megabytes = statSync(target).size / BYTES_PER_MB;
  console.log(`${name}: ${megabytes.toFixed(1)} MB in ${seconds.toFixed(2)} s, ${(megabytes / seconds).toFixed(0)} MB/s${more}`);
}

/**
 * Writes for a while, then again while one backup after another is fetched. The client is a process of its own and keeps nothing: one
 * that stores what it gets on the disk of the logs would hold up their syncs as any copying does.
 */
async function writeBesideBackups(server: RunningServer): Promise<void> {
  const puts = Array.from({ length: WRITTEN_KEYS }, (_, index) => (
    encodeRequest(server, { method: 'PUT', path: `/api/v1/projects/${PROJECT}/keys/user/${index}`, body: '"v"' })
  ));
  const load = { connections: WRITERS, seconds };
  const alone = await runLoad(server, puts, load);
  let isOver = false;
  let backups = 0;
  const [beside] = await Promise.all([
    runLoad(server, puts, load).finally(() => {
      isOver = true;
    }),
    (async () => {
      for (; !isOver; backups += 1) {
        const [code] = await once(spawn('curl', ['-sf', '-o', '/dev/null', `${server.url}/api/v1/backup`]), 'exit');
        if (code !== 0) throw new Error(`Cannot measure: curl ended with ${String(code)}`);
      }
    })(),
  ]);
  const text = ({ rate, latencyP99Ms }: typeof alone): string => `${rate.toFixed(0)}/s, p99 ${latencyP99Ms.toFixed(1)} ms`;
  console.log(`${WRITERS} writers: ${text(alone)} alone; ${text(beside)} beside backups (${backups} begun)`);
}

function tar(): void {
  run('tar', ['-cf', target, '-C', path.join(folder, 'data'), '--exclude=_lock', '.']);
}

function command({ url }: RunningServer): void {
  run(process.execPath, [MAIN, 'backup', target, '--url', url]);
}

function run(program: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`Cannot measure: ${program} ended with ${String(status)}: ${stderr}`);
}

function download({ url }: RunningServer): void {
  run('curl', ['-sf', '-o', target, `${url}/api/v1/backup`]);
}

async function compact({ url }: RunningServer): Promise<void> {
  const answer = await fetch(`${url}/api/v1/projects/${PROJECT}/compact`, { method: 'POST' });
  if (!answer.ok) throw new Error(`Cannot compact: ${await answer.text()}`);
}
