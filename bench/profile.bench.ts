/**
 * Where the CPU time of a GET and of a durable PUT goes: a profile of the built program under load, by part. Time is that of the main
 * thread, by the function that runs; what a function of Node's own code or of the system takes is not added to its caller.
 *
 * Usage: `npm run bench -- profile [--seconds 5] [--connections 64] [--log-level info] [--folder DIR]`.
 */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { pinPrograms, scratchFolder } from './child-process.js';
import { KEY_COUNT, keyOf, valueOf } from './contenders/contender.js';
import { SIMPLEKV } from './contenders/simplekv.js';
import { encodeRequest, type HttpRequest, runLoad } from './load/http-load.js';
import { divideProcessors } from './machine.js';
import { positiveInteger } from './numbers.js';
import { startSimpleKv } from './server-process.js';

const WARM_UP_SECONDS = 3;
/** Microseconds between two looks. */
const SAMPLE_US = 200;
/** Parts that take less of a request are shown together. */
const SHOWN_US_MIN = 0.2;
const OTHER = 'everything else';

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
  readonly columnNumber: number;
}

/** The part of a CPU profile that is read here. */
interface Profile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: CallFrame }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const { values: options } = parseArgs({
  options: {
    'seconds': { type: 'string', default: '5' },
    'connections': { type: 'string', default: '64' },
    'log-level': { type: 'string', default: 'info' },
    'folder': { type: 'string', default: tmpdir() },
  },
});
const seconds = positiveInteger('seconds', options.seconds);
const connections = positiveInteger('connections', options.connections);
const logLevel = options['log-level'] === 'warn' ? 'warn' : 'info';
pinPrograms(divideProcessors().server);
const folder = scratchFolder(options.folder);
const maps = new Map<string, SourceMap>();
for (const kind of ['GET', 'PUT'] as const) console.log((await profileOf(kind)).join('\n'));
process.exit(0);

async function profileOf(kind: 'GET' | 'PUT'): Promise<readonly string[]> {
  const place = path.join(folder, kind);
  const profiles = path.join(place, 'profiles');
  mkdirSync(profiles, { recursive: true });
  const nodeOptions = ['--cpu-prof', '--cpu-prof-dir', profiles, '--cpu-prof-interval', String(SAMPLE_US)];
  const server = await startSimpleKv(place, { logLevel, nodeOptions });
  const requestsFor = (asked: (key: string) => HttpRequest): readonly Buffer[] => (
    Array.from({ length: KEY_COUNT }, (_, index) => encodeRequest(server, asked(keyOf(index))))
  );
  const puts = requestsFor((key) => SIMPLEKV.put(key, valueOf()));
  await runLoad(server, puts, { connections, seconds: 1 });
  const requests = kind === 'PUT' ? puts : requestsFor((key) => SIMPLEKV.get(key));
  await runLoad(server, requests, { connections, seconds: WARM_UP_SECONDS });
  const beganMs = performance.now();
  const result = await runLoad(server, requests, { connections, seconds });
  const elapsedUs = (performance.now() - beganMs) * 1000;
  await server.stop();
  // The main thread ends last; its profile holds the most time.
  const files = readdirSync(profiles).map((name) => readFileSync(path.join(profiles, name), 'utf8'));
  const main = files.map((text) => JSON.parse(text) as Profile).toSorted((a, b) => busyUs(b) - busyUs(a))[0];
  if (main === undefined) throw new Error('Cannot read the profile: the server wrote none');
  return [
    '', `${kind}, ${connections} connections, log_level "${logLevel}": ${result.rate.toFixed(0)}/s, `
      + `${result.cpuUsPerRequest.toFixed(0)} µs CPU each, all threads, with the profiler`,
    '', '| part | µs per request |', '| --- | --- |', ...partLines(lastPart(main, elapsedUs), (result.rate * elapsedUs) / 1_000_000),
  ];
}

/** The samples of the load that is measured: what comes after it, the stop, is short. */
function lastPart(profile: Profile, elapsedUs: number): Profile {
  let first = profile.samples.length;
  for (let us = 0; first > 0 && us < elapsedUs; first -= 1) us += profile.timeDeltas[first - 1] ?? 0;
  return { nodes: profile.nodes, samples: profile.samples.slice(first), timeDeltas: profile.timeDeltas.slice(first) };
}

function busyUs(profile: Profile): number {
  return [...selfTimes(profile)].reduce((sum, [{ functionName }, us]) => (functionName === '(idle)' ? sum : sum + us), 0);
}

function selfTimes({ nodes, samples, timeDeltas }: Profile): Map<CallFrame, number> {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const times = new Map<CallFrame, number>();
  samples.forEach((id, index) => {
    const frame = frames.get(id);
    if (frame !== undefined) times.set(frame, (times.get(frame) ?? 0) + (timeDeltas[index] ?? 0));
  });
  return times;
}

function partLines(profile: Profile, requestCount: number): readonly string[] {
  const parts = new Map<string, number>();
  for (const [frame, us] of selfTimes(profile)) {
    const part = partOf(frame);
    if (part !== undefined) parts.set(part, (parts.get(part) ?? 0) + us / requestCount);
  }
  const shown = [...parts].filter(([, us]) => us >= SHOWN_US_MIN).toSorted(([, a], [, b]) => b - a);
  const rest = [...parts].filter(([, us]) => us < SHOWN_US_MIN).reduce((sum, [, us]) => sum + us, 0);
  const all = [...parts.values()].reduce((sum, us) => sum + us, 0);
  return [...shown, [OTHER, rest] as const, ['**all**', all] as const].map(([part, us]) => `| ${part} | ${us.toFixed(1)} |`);
}

/** undefined for a thread that waits. */
function partOf(frame: CallFrame): string | undefined {
  const { functionName, url } = frame;
  if (functionName === '(idle)') return undefined;
  if (functionName === '(garbage collector)') return 'garbage collection';
  if (functionName === '(program)') return 'system calls and native code without a name: reading sockets, parsing heads, waking threads';
  if (url === '') return `native: ${functionName}`;
  if (url.startsWith('node:')) return `Node: ${url.slice('node:'.length)}`;
  const source = sourceOf(frame);
  const inside = /(?:^|\/)src\/(.*)$/.exec(source)?.[1];
  if (inside !== undefined) return `src/${inside}`;
  return `package ${/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(source)?.[1] ?? path.basename(source)}`;
}

/** The file that a place of the bundle was made from. */
function sourceOf({ url, lineNumber, columnNumber }: CallFrame): string {
  const file = url.startsWith('file:') ? fileURLToPath(url) : url;
  const map = maps.get(file) ?? readMap(file);
  if (map === undefined) return file;
  maps.set(file, map);
  const entry = map.findEntry(lineNumber, columnNumber);
  return 'originalSource' in entry ? entry.originalSource : file;
}

function readMap(file: string): SourceMap | undefined {
  try {
    return new SourceMap(JSON.parse(readFileSync(`${file}.map`, 'utf8')));
  } catch {
    return undefined;
  }
}
