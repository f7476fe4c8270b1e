/**
 * Where the CPU time of a GET and of a durable PUT, without and with an idempotency key, goes: a profile of the built program under load,
 * by part. Time is that of the main thread, by the function that runs; what a function of Node's own code or of the system takes is not
 * added to its caller.
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
import { numberer, once } from './load/once.js';
import { divideProcessors } from './machine.js';
import { positiveInteger } from './numbers.js';
import { startSimpleKv } from './server-process.js';

const WARM_UP_SECONDS = 3;
/** Microseconds between two looks. */
const SAMPLE_US = 200;
const PERCENT = 100;
/** Of each group, so many of its parts are named. */
const NAMED_PARTS = 4;
const OTHER = 'everything else';

/** The first whose pattern a part matches is its group. */
const GROUPS: readonly (readonly [group: string, parts: RegExp])[] = [
  ['sending the answer', /^native (?:writev|write\w+)$/],
  ['log: lines, hashes, files', /^src\/(?:log|disk|events)\/|^node:(?:internal\/)?(?:fs|crypto)|^native (?:f?datasync|l?f?stat)$/],
  ['node:http, streams and events', /^node:/],
  ['access log', /^src\/(?:http\/access-log|base\/server-log|base\/logger)/],
  ['API key and authorization', /^src\/(?:auth\/|http\/(?:access|authorization))/],
  ['request, checks and answer', /^src\/(?:http|api)\//],
  ['store and its keys', /^src\/(?:store|projects|projections)\//],
  ['garbage collection', /garbage/],
  ['system calls and native code without a name', /^native /],
];

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
for (const kind of ['GET', 'PUT', 'PUT once'] as const) console.log((await profileOf(kind)).join('\n'));
process.exit(0);

async function profileOf(kind: 'GET' | 'PUT' | 'PUT once'): Promise<readonly string[]> {
  const place = path.join(folder, kind.replace(' ', '-'));
  const profiles = path.join(place, 'profiles');
  mkdirSync(profiles, { recursive: true });
  const nodeOptions = ['--cpu-prof', '--cpu-prof-dir', profiles, '--cpu-prof-interval', String(SAMPLE_US)];
  const server = await startSimpleKv(place, { logLevel, nodeOptions });
  const requestsFor = (asked: (key: string) => HttpRequest): readonly Buffer[] => (
    Array.from({ length: KEY_COUNT }, (_, index) => encodeRequest(server, asked(keyOf(index))))
  );
  const puts = requestsFor((key) => SIMPLEKV.put(key, valueOf()));
  await runLoad(server, puts, { connections, seconds: 1 });
  const requests = {
    'GET': () => requestsFor((key) => SIMPLEKV.get(key)),
    'PUT': () => puts,
    'PUT once': () => requestsFor((key) => once(SIMPLEKV.put(key, valueOf()))),
  }[kind]();
  const load = { connections, ...(kind === 'PUT once' ? { renew: numberer() } : {}) };
  await runLoad(server, requests, { ...load, seconds: WARM_UP_SECONDS });
  const beganMs = performance.now();
  const result = await runLoad(server, requests, { ...load, seconds });
  const elapsedUs = (performance.now() - beganMs) * 1000;
  await server.stop();
  // The main thread ends last; its profile holds the most time.
  const files = readdirSync(profiles).map((name) => readFileSync(path.join(profiles, name), 'utf8'));
  const main = files.map((text) => JSON.parse(text) as Profile).toSorted((a, b) => busyUs(b) - busyUs(a))[0];
  if (main === undefined) throw new Error('Cannot read the profile: the server wrote none');
  return [
    '', `${kind}, ${connections} connections, log_level "${logLevel}": ${result.rate.toFixed(0)}/s, `
      + `${result.cpuUsPerRequest.toFixed(0)} µs CPU each, with the profiler`,
    '', '| part | of the main thread | µs CPU | mostly |', '| --- | --- | --- | --- |',
    ...partLines(lastPart(main, elapsedUs), result.cpuUsPerRequest),
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

/** By share: samples are taken by the clock, and other programs take time in between. */
function partLines(profile: Profile, cpuUsPerRequest: number): readonly string[] {
  const parts = new Map<string, number>();
  for (const [frame, us] of selfTimes(profile)) {
    const part = partOf(frame);
    if (part !== undefined) parts.set(part, (parts.get(part) ?? 0) + us);
  }
  const sum = (some: readonly (readonly [string, number])[]): number => some.reduce((total, [, us]) => total + us, 0);
  const sorted = [...parts].toSorted(([, a], [, b]) => b - a);
  const groups = [...GROUPS.map(([group]) => group), OTHER].map((group) => (
    { group, inside: sorted.filter(([part]) => groupOf(part) === group) }
  ));
  return groups.toSorted((a, b) => sum(b.inside) - sum(a.inside)).map(({ group, inside }) => {
    const share = sum(inside) / sum(sorted);
    const named = inside.slice(0, NAMED_PARTS).map(([part]) => `\`${part}\``).join(', ');
    return `| ${group} | ${(share * PERCENT).toFixed(0)} % | ${(share * cpuUsPerRequest).toFixed(1)} | ${named} |`;
  });
}

function groupOf(part: string): string {
  return GROUPS.find(([, pattern]) => pattern.test(part))?.[0] ?? OTHER;
}

/** undefined for a thread that waits. */
function partOf(frame: CallFrame): string | undefined {
  const { functionName, url } = frame;
  if (functionName === '(idle)') return undefined;
  if (functionName === '(garbage collector)') return 'garbage collector';
  if (functionName === '(program)' || (url === '' && functionName === '')) return 'native code';
  if (url === '') return `native ${functionName}`;
  if (url.startsWith('node:')) return url;
  const source = sourceOf(frame);
  const inside = /(?:^|\/)src\/(.*)\.js$/.exec(source)?.[1];
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
