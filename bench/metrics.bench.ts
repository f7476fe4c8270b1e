/**
 * What metrics cost: how long a scrape of many projects takes, how late the event loop is during scrapes, and the CPU time of a read
 * alone and beside a scrape every second. The CPU time counts rather than the rate, since other programs disturb it less.
 *
 * Usage: `npm run bench -- metrics [1000] [--seconds 5] [--rounds 3] [--folder DIR]`. The number is that of the projects, all of which have
 * series of their own. Linux only: CPU time is read from /proc.
 */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { scratchFolder } from './child-process.js';
import { encodeRequest, runLoad } from './load/http-load.js';
import { median, positiveInteger } from './numbers.js';
import { freePort, startConfigured } from './server-process.js';

const HTTP_OK = 200;
const MS_PER_SECOND = 1000;
const KEYS = 100;
const CONNECTIONS = 16;
const SCRAPE_INTERVAL_MS = 1000;
/** Longer than the start of thousands of projects takes. */
const START_LIMIT_MS = 300_000;
/** After so long, the server has forgotten how late it was during its start. */
const MINUTE_MS = 65_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
    folder: { type: 'string', default: tmpdir() },
  },
});
const projects = positiveInteger('projects', positionals[0] ?? '1000');
const seconds = positiveInteger('seconds', values.seconds);
const rounds = positiveInteger('rounds', values.rounds);
const folder = scratchFolder(values.folder);
const config = path.join(folder, 'config.json');
const port = await freePort();
const authentication = { enabled: false };
const quota = { max_keys: 1_000_000, max_bytes: 1_000_000_000 };
writeFileSync(config, JSON.stringify({
  version: 1, server_port: port, log_level: 'warn', default: { authentication }, metrics: { projects_max: projects },
  projects: Array.from({ length: projects }, (_, index) => (
    { id: `project-${index}`, authentication, quota, storage: { durability: 'os' } }
  )),
}), { mode: 0o600 });
const server = await startConfigured(config, port, START_LIMIT_MS);
for (let index = 0; index < projects; index += 1) await put(`project-${index}`, 'k');
for (let key = 0; key < KEYS; key += 1) await put('project-0', `k${key}`);
await sleep(MINUTE_MS);
console.log(`${projects} projects: the event loop was up to ${await latenessMs()} ms late in the last minute, without scrapes`);
const times: number[] = [];
let bytes = 0;
// Long enough that the minute that is shown has scrapes only.
for (const endMs = performance.now() + MINUTE_MS; performance.now() < endMs;) {
  const beganMs = performance.now();
  bytes = (await scrape()).length;
  times.push(performance.now() - beganMs);
}
console.log(`${times.length} scrapes of ${bytes} bytes, one after another: ${median(times).toFixed(0)} ms each`);
console.log(`the event loop was up to ${await latenessMs()} ms late in the last minute, with scrapes all the time`);
for (let round = 0; round < rounds; round += 1) {
  const alone = await readCost();
  const scrapes: Promise<string>[] = [];
  const timer = setInterval(() => void scrapes.push(scrape()), SCRAPE_INTERVAL_MS);
  const beside = await readCost();
  clearInterval(timer);
  await Promise.all(scrapes);
  console.log(`CPU time of a GET: ${alone.toFixed(1)} µs; with a scrape every second, its cost included: ${beside.toFixed(1)} µs`);
}
await server.kill();

async function put(project: string, key: string): Promise<void> {
  const asked = request(`${server.url}/api/v1/projects/${project}/keys/${key}`, {
    method: 'PUT', headers: { 'Content-Type': 'application/json' },
  }).end('1');
  const [response] = await once(asked, 'response') as [IncomingMessage];
  response.resume();
}

async function scrape(): Promise<string> {
  const [response] = await once(request(`${server.url}/metrics`).end(), 'response') as [IncomingMessage];
  if (response.statusCode !== HTTP_OK) throw new Error(`Cannot measure: status ${response.statusCode}`);
  return await text(response);
}

/** The worst of the last minute, as the server measures it itself. */
async function latenessMs(): Promise<string> {
  const [, lag = ''] = /^nodejs_eventloop_lag_seconds\{quantile="1"\} (\S+)$/m.exec(await scrape()) ?? [];
  return (Number(lag) * MS_PER_SECOND).toFixed(1);
}

/** In microseconds, of the server's process. */
async function readCost(): Promise<number> {
  const gets = Array.from({ length: KEYS }, (_, key) => (
    encodeRequest(server, { method: 'GET', path: `/api/v1/projects/project-0/keys/k${key}` })
  ));
  return (await runLoad(server, gets, { connections: CONNECTIONS, seconds })).cpuUsPerRequest;
}
