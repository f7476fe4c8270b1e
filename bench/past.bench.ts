/**
 * How long reads of an earlier state take: the first one, which builds it from the log, and the ones after it; and a read of a single key,
 * which is found in its history. Then, what such a build does to a client that reads a key meanwhile.
 *
 * Usage: `npm run bench -- past [--events 1000000] [--keys 100000] [--rounds 3] [--folder DIR]`
 */
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { pinPrograms, scratchFolder } from './child-process.js';
import { keyOf, valueOf } from './contenders/contender.js';
import { fillLog } from './filled-log.js';
import { divideProcessors } from './machine.js';
import { median, positiveInteger } from './numbers.js';
import { BENCH_PROJECT, configOf, type RunningServer, startConfigured, startSimpleKv } from './server-process.js';

const START_LIMIT_MS = 300_000;
const KEYS_PATH = `/api/v1/projects/${BENCH_PROJECT}/keys`;
const READ_EVERY_MS = 2;
const REST_MS = 3000;
const PERCENT_50 = 0.5;
const PERCENT_99 = 0.99;
/** Where in the log, as a share of it. */
const MOMENTS = [1, 0.5, 0.1] as const;
const WARM_READS = 20;

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '1000000' },
    keys: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '3' },
    folder: { type: 'string', default: tmpdir() },
  },
});
const eventCount = positiveInteger('events', values.events);
const keyCount = positiveInteger('keys', values.keys);
const rounds = positiveInteger('rounds', values.rounds);
pinPrograms(divideProcessors().server);

const folder = scratchFolder(values.folder);
const empty = await startSimpleKv(folder, { compacts: false });
await empty.kill();
const value = valueOf();
const filled = { count: eventCount, keyOf: (index: number) => keyOf(index % keyCount), valueOf: () => value };
await fillLog(folder, BENCH_PROJECT, filled);
console.log(`${eventCount.toLocaleString('en')} events of ${keyCount.toLocaleString('en')} keys, without a snapshot:\n`);
console.log('| state after | count, first | then | page of 1,000 with values | all keys and values | one key |');
console.log('| --- | --- | --- | --- | --- | --- |');
for (const share of MOMENTS) await tellMoment(Math.max(1, Math.floor(eventCount * share)));
await tellOthers();
process.exit(0);

async function started(): Promise<RunningServer> {
  const server = { ...await startConfigured(configOf(folder), empty.port, START_LIMIT_MS), headers: empty.headers };
  await send(server, '/readyz');
  return server;
}

async function send(server: RunningServer, target: string): Promise<number> {
  const beganMs = performance.now();
  const answer = await fetch(`${server.url}${target}`, { headers: server.headers });
  await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`${target} was answered ${answer.status}`);
  return performance.now() - beganMs;
}

/** Each round is a start of its own, so that nothing is built yet. */
async function tellMoment(seq: number): Promise<void> {
  const taken: Record<'first' | 'then' | 'page' | 'all' | 'key', number[]> = { first: [], then: [], page: [], all: [], key: [] };
  for (let round = 0; round < rounds; round += 1) {
    const server = await started();
    taken.key.push(await send(server, `${KEYS_PATH}/${keyOf(1)}?at=${seq}`));
    taken.first.push(await send(server, `${KEYS_PATH}?count=true&at=${seq}`));
    for (let read = 0; read < WARM_READS; read += 1) {
      taken.then.push(await send(server, `${KEYS_PATH}?count=true&prefix=${keyOf(read)}&at=${seq}`));
      taken.page.push(await send(server, `${KEYS_PATH}?limit=1000&start=${keyOf(read * 1000)}&at=${seq}`));
    }
    taken.all.push(await send(server, `${KEYS_PATH}?at=${seq}`));
    await server.kill();
  }
  const shown = Object.values(taken).map((each) => `${median(each).toFixed(1)} ms`);
  console.log(`| seq ${seq.toLocaleString('en')} | ${shown.join(' | ')} |`);
}

/** What a client waits that reads a key while a state is built. */
async function tellOthers(): Promise<void> {
  const server = await started();
  await send(server, `${KEYS_PATH}/${keyOf(1)}`);
  console.log('\n| GET of a key while | reads | p50 | p99 | longest |\n| --- | --- | --- | --- | --- |');
  await tellReads(server, 'nothing happens', async () => await sleep(REST_MS));
  await tellReads(server, 'a state is built', async () => await send(server, `${KEYS_PATH}?count=true&at=${eventCount}`));
  await server.kill();
}

async function tellReads(server: RunningServer, name: string, work: () => Promise<unknown>): Promise<void> {
  const waits: number[] = [];
  let isDone = false;
  const reading = (async () => {
    while (!isDone) {
      waits.push(await send(server, `${KEYS_PATH}/${keyOf(1)}`));
      await sleep(READ_EVERY_MS);
    }
  })();
  await work();
  isDone = true;
  await reading;
  waits.sort((a, b) => a - b);
  const at = (share: number): string => (waits[Math.floor(waits.length * share)] ?? 0).toFixed(1);
  console.log(`| ${name} | ${waits.length} | ${at(PERCENT_50)} ms | ${at(PERCENT_99)} ms | ${(waits.at(-1) ?? 0).toFixed(1)} ms |`);
}
