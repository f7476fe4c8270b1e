/**
 * Requests a second and CPU per request, for GET and durable PUT, of SimpleKV beside a bare node:http server that
 * does the same look-up. Both run at once in processes of their own and take turns under load, in one run, so that a
 * slow moment of the machine meets both; what counts are the ratios of the medians.
 *
 * Usage: `npm run bench -- [--rounds 5] [--seconds 3] [--connections 32] [--folder DIR]`. Linux only: CPU time is read
 * from /proc. The folder should be on a real disk, since in one of memory a sync costs nothing.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { fill, LOAD_DESCRIPTION, runLoad, type LoadKind, type LoadOptions, type LoadResult } from './load.js';
import { median, positiveInteger } from './numbers.js';
import { startBareServer, startSimpleKv, type RunningServer } from './server-process.js';

const KINDS: readonly LoadKind[] = ['GET', 'PUT'];
const WARM_UP_SECONDS = 2;
const COLUMN_WIDTH = 18;

const MEASURES: readonly { readonly label: string; readonly of: (result: LoadResult) => number; readonly digits: number }[] = [
  { label: 'requests/s', of: (result) => result.rate, digits: 0 },
  { label: 'CPU us/request', of: (result) => result.cpuUsPerRequest, digits: 1 },
  { label: 'latency p99 ms', of: (result) => result.latencyP99Ms, digits: 1 },
];

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '32' },
    folder: { type: 'string', default: tmpdir() },
  },
});
const rounds = positiveInteger('rounds', values.rounds);
const options: LoadOptions = {
  connections: positiveInteger('connections', values.connections), seconds: positiveInteger('seconds', values.seconds),
};
const folder = mkdtempSync(path.join(values.folder, 'simplekv-bench-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const servers: RunningServer[] = [];
try {
  servers.push(await startBareServer(path.join(folder, 'bare')));
  servers.push(await startSimpleKv(path.join(folder, 'simplekv')));
  await warmUp();
  const results = await measure();
  console.log(report(results));
} finally {
  await Promise.all(servers.map((server) => server.stop()));
}

async function warmUp(): Promise<void> {
  for (const server of servers) {
    await fill(server);
    for (const kind of KINDS) await runLoad(server, kind, { ...options, seconds: WARM_UP_SECONDS });
  }
}

/** Results by `kind server`. Every other round begins with the other server: none always comes second. */
async function measure(): Promise<Map<string, LoadResult[]>> {
  const results = new Map<string, LoadResult[]>();
  for (let round = 0; round < rounds; round += 1) {
    const order = round % 2 === 0 ? servers : servers.toReversed();
    for (const kind of KINDS) {
      for (const server of order) {
        const result = await runLoad(server, kind, options);
        const key = `${kind} ${server.name}`;
        results.set(key, [...(results.get(key) ?? []), result]);
        console.error(`round ${round + 1} of ${rounds}: ${key}: ${result.rate.toFixed(0)} requests/s`);
      }
    }
  }
  return results;
}

function report(results: ReadonlyMap<string, readonly LoadResult[]>): string {
  const head = `${LOAD_DESCRIPTION}, ${options.connections} connections, medians of ${rounds} rounds of ${options.seconds} s`;
  const columns = row('', [...servers.map((server) => server.name), 'ratio']);
  const lines = KINDS.flatMap((kind) => MEASURES.map(({ label, of, digits }) => {
    const medians = servers.map((server) => median((results.get(`${kind} ${server.name}`) ?? []).map(of)));
    const [bare = 0, ours = 0] = medians;
    return row(`${kind} ${label}`, [...medians.map((value) => value.toFixed(digits)), (ours / bare).toFixed(2)]);
  }));
  return ['', head, columns, ...lines].join('\n');
}

function row(label: string, cells: readonly string[]): string {
  return label.padEnd(COLUMN_WIDTH + 2) + cells.map((cell) => cell.padStart(COLUMN_WIDTH)).join('');
}
