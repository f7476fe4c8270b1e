/**
 * What values on disk cost: one project whose values are not in memory beside a small one whose values are, in one server. The
 * lines are written by the log itself, in batches, while no server runs. Memory must not grow with the size of values.
 *
 * Usage: `npm run bench -- cold [1000000] [--value-bytes 4096] [--gets 100000] [--folder DIR]`. The number is that of the keys; the
 * folder needs room for all values, twice when there is a snapshot. Linux only: memory is read from /proc.
 */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { scratchFolder } from './child-process.js';
import { fillLog } from './filled-log.js';
import { encodeRequest, sendEach } from './load/http-load.js';
import { positiveInteger } from './numbers.js';
import { residentKib } from './process-cost.js';
import { freePort, type RunningServer, startConfigured } from './server-process.js';

const COLD = 'cold';
const HOT = 'hot';
/** Keys of the project in memory: enough that they do not fit into the processor's caches. */
const HOT_KEYS_MAX = 10_000;
const HTTP_OK = 200;
const KIB_PER_MIB = 1024;
/** A start reads the whole log where there is no snapshot. */
const START_LIMIT_MS = 300_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'value-bytes': { type: 'string', default: '4096' },
    gets: { type: 'string', default: '100000' },
    folder: { type: 'string', default: tmpdir() },
  },
});
const keys = positiveInteger('keys', positionals[0] ?? '1000000');
const valueBytes = positiveInteger('value-bytes', values['value-bytes']);
const gets = positiveInteger('gets', values.gets);
const hotKeys = Math.min(keys, HOT_KEYS_MAX);
const folder = scratchFolder(values.folder);

const config = path.join(folder, 'config.json');
const port = await freePort();
writeConfig();
// The first start generates the API keys and creates empty logs.
const empty = await start();
const emptyKib = residentKib(empty.pid);
await empty.stop();
await appendLines(COLD, keys);
await appendLines(HOT, hotKeys);
console.log(`${keys} keys with values of ${valueBytes} bytes on disk, ${hotKeys} in memory`);
tell('an empty server', emptyKib);
await measure();

function writeConfig(): void {
  const authentication = { enabled: false };
  const project = (id: string, inMemory: boolean): object => ({
    id, authentication, storage: { on_disk: true, cache_in_memory: inMemory, durability: 'os', compaction: { interval_seconds: 0 } },
  });
  writeFileSync(config, JSON.stringify({
    version: 1, server_port: port, log_level: 'warn', default: { authentication }, projects: [project(COLD, false), project(HOT, true)],
  }), { mode: 0o600 });
}

async function start(): Promise<RunningServer> {
  const beganMs = performance.now();
  const server = await startConfigured(config, port, START_LIMIT_MS);
  console.log(`ready after ${((performance.now() - beganMs) / 1000).toFixed(1)} s`);
  return server;
}

async function measure(): Promise<void> {
  const server = await start();
  tell('after the start', residentKib(server.pid));
  // The first load is for the compiler, and is not counted: it would make whatever came first look slow.
  await getRate(server, HOT, hotKeys);
  const hot = await getRate(server, HOT, hotKeys);
  const cold = await getRate(server, COLD, keys);
  tell(`after ${gets} random GETs`, residentKib(server.pid));
  console.log(`GET/s in memory ${hot.toFixed(0)}, on disk ${cold.toFixed(0)}: ${(cold / hot).toFixed(2)}`);
  await compact(server);
  tell('after a compaction', residentKib(server.pid));
  const moved = await getRate(server, COLD, keys);
  console.log(`GET/s from the snapshot ${moved.toFixed(0)}: ${(moved / hot).toFixed(2)}`);
  await server.stop();
  const again = await start();
  tell('after a start from the snapshot', residentKib(again.pid));
  await again.stop();
}

async function appendLines(project: string, count: number): Promise<void> {
  const beganMs = performance.now();
  const filler = 'v'.repeat(valueBytes);
  await fillLog(folder, project, { count, keyOf, valueOf: (index) => `"${`${index} ${filler}`.slice(0, valueBytes - 2)}"` });
  console.log(`${count} lines written for "${project}" in ${((performance.now() - beganMs) / 1000).toFixed(1)} s`);
}

function keyOf(index: number): string {
  return `user/${index}`;
}

/** Answers a second, each of another key by chance. */
async function getRate(server: RunningServer, project: string, count: number): Promise<number> {
  const requests = Array.from({ length: gets }, () => encodeRequest(server, {
    method: 'GET', path: `/api/v1/projects/${project}/keys/${keyOf(Math.floor(Math.random() * count))}`,
  }));
  const beganMs = performance.now();
  await sendEach(server, requests);
  return (gets * 1000) / (performance.now() - beganMs);
}

/** Not by `fetch`, which waits for no answer longer than five minutes. */
async function compact(server: RunningServer): Promise<void> {
  const asked = request(`${server.url}/api/v1/projects/${COLD}/compact`, { method: 'POST' }).end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  const answer = await text(response);
  if (response.statusCode !== HTTP_OK) throw new Error(`Cannot compact: ${answer}`);
  console.log(`compacted: ${answer}`);
}

function tell(when: string, kib: number): void {
  const each = kib === emptyKib ? '' : `, ${(((kib - emptyKib) * KIB_PER_MIB) / keys).toFixed(0)} bytes for each key`;
  console.log(`${(kib / KIB_PER_MIB).toFixed(0)} MiB resident ${when}${each}`);
}
