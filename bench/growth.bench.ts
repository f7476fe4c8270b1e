/**
 * How cost grows: with keys, with the history behind them, and with connections. Each line is one server; a start reads the whole log,
 * since there is no snapshot, and GET and PUT are of keys by chance.
 *
 * Usage: `npm run bench -- growth [--seconds 2] [--most 1000000] [--folder DIR]`, where `--most` is the largest number of keys.
 */
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { pinPrograms, scratchFolder } from './child-process.js';
import { keyOf, valueOf } from './contenders/contender.js';
import { makeFilledSimpleKv } from './contenders/filled-simplekv.js';
import { SIMPLEKV } from './contenders/simplekv.js';
import { encodeRequest, type LoadResult, runLoad } from './load/http-load.js';
import { divideProcessors } from './machine.js';
import { positiveInteger } from './numbers.js';
import { residentKib } from './process-cost.js';
import type { RunningServer } from './server-process.js';

const WARM_UP_SECONDS = 2;
const ASKED_KEYS = 20_000;
const CONNECTIONS = 64;
const KIB_PER_MIB = 1024;
const KEY_COUNTS = [1000, 10_000, 100_000, 1_000_000];
/** How often each key was written. */
const HISTORIES = [1, 5, 25];
const HISTORY_KEYS = 20_000;
const CONNECTION_COUNTS = [1, 16, 64, 256, 1024];

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '2' },
    most: { type: 'string', default: '1000000' },
    folder: { type: 'string', default: tmpdir() },
  },
});
const seconds = positiveInteger('seconds', options.seconds);
const most = positiveInteger('most', options.most);
pinPrograms(divideProcessors().server);

console.log('| keys | lines | ready after | memory | GET | PUT |\n| --- | --- | --- | --- | --- | --- |');
for (const count of KEY_COUNTS.filter((one) => one <= most)) await tellStart(count, 1);
for (const times of HISTORIES.slice(1)) await tellStart(Math.min(HISTORY_KEYS, most), times);
console.log('\n| connections | GET | memory |\n| --- | --- | --- |');
await tellConnections();
process.exit(0);

async function tellStart(count: number, times: number): Promise<void> {
  const start = await makeFilledSimpleKv(scratchFolder(options.folder), count, times);
  const beganMs = performance.now();
  const server = await start();
  const readySeconds = (performance.now() - beganMs) / 1000;
  const mib = residentKib(server.pid) / KIB_PER_MIB;
  const get = await load(server, 'GET', count);
  const put = await load(server, 'PUT', count);
  const cells = [count, count * times, `${readySeconds.toFixed(2)} s`, `${mib.toFixed(0)} MiB`, costOf(get), costOf(put)];
  console.log(`| ${cells.join(' | ')} |`);
  await server.kill();
}

async function tellConnections(): Promise<void> {
  const server = await (await makeFilledSimpleKv(scratchFolder(options.folder), 1000))();
  for (const connections of CONNECTION_COUNTS) {
    const get = await load(server, 'GET', 1000, connections);
    console.log(`| ${connections} | ${costOf(get)} | ${(residentKib(server.pid) / KIB_PER_MIB).toFixed(0)} MiB |`);
  }
  await server.kill();
}

async function load(server: RunningServer, kind: 'GET' | 'PUT', count: number, connections = CONNECTIONS): Promise<LoadResult> {
  const requests = Array.from({ length: ASKED_KEYS }, () => {
    const key = keyOf(Math.floor(Math.random() * count));
    return encodeRequest(server, kind === 'GET' ? SIMPLEKV.get(key) : SIMPLEKV.put(key, valueOf()));
  });
  await runLoad(server, requests, { connections, seconds: WARM_UP_SECONDS });
  return await runLoad(server, requests, { connections, seconds });
}

function costOf({ rate, cpuUsPerRequest, latencyP99Ms }: LoadResult): string {
  return `${rate.toFixed(0)}/s, ${cpuUsPerRequest.toFixed(0)} µs CPU, p99 ${latencyP99Ms.toFixed(1)} ms`;
}
