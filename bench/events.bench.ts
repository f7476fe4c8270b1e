/**
 * What event readers cost: the history of one key in a long log, and followers beside writers. Rounds with and without followers take
 * turns in one run; what counts is the ratio of the medians.
 *
 * Usage: `npm run bench -- events [--events 1000000] [--rounds 5] [--seconds 3] [--followers 500] [--folder DIR]`.
 */
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { pinPrograms, scratchFolder } from './child-process.js';
import { KEY_COUNT, keyOf, valueOf } from './contenders/contender.js';
import { SIMPLEKV } from './contenders/simplekv.js';
import { fillLog } from './filled-log.js';
import { Follower } from './load/follower.js';
import { encodeRequest, type LoadResult, runLoad } from './load/http-load.js';
import { divideProcessors } from './machine.js';
import { median, positiveInteger } from './numbers.js';
import { cpuTimeUs, residentKib } from './process-cost.js';
import { BENCH_PROJECT, configOf, type RunningServer, startConfigured, startSimpleKv } from './server-process.js';

const START_LIMIT_MS = 300_000;
const EVENTS_PATH = `/api/v1/projects/${BENCH_PROJECT}/events`;
/** How many keys the long log has, beside those with a history of their own. */
const KEYS = 10_000;
const WARM_READS = 20;
const CONNECTIONS = 64;
const KIB_PER_MIB = 1024;
const PERCENT = 100;
const MIB = 1_048_576;
const MANY_SECONDS = 5;
/** One writer, so that each event is sent on its own. */
const PACED_CONNECTIONS = 1;
/** A follower may fall behind by so much and still be taken for one that keeps up. */
const SETTLE_MS = 2000;

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    followers: { type: 'string', default: '500' },
    folder: { type: 'string', default: tmpdir() },
  },
});
const eventCount = positiveInteger('events', values.events);
const rounds = positiveInteger('rounds', values.rounds);
const seconds = positiveInteger('seconds', values.seconds);
const followerCount = positiveInteger('followers', values.followers);
pinPrograms(divideProcessors().server);

await tellHistories();
await tellOneFollower();
await tellManyFollowers();
process.exit(0);

/** The newest 100 events of one key. The first read after a start is cold: the server remembers no history yet. */
async function tellHistories(): Promise<void> {
  const folder = scratchFolder(values.folder);
  const empty = await startSimpleKv(folder, { compacts: false });
  await empty.kill();
  const value = valueOf();
  const nameOf = (index: number): string => {
    if (index === 0) return 'first';
    return index % 1000 === 0 ? 'even' : keyOf(index % KEYS);
  };
  await fillLog(folder, BENCH_PROJECT, { count: eventCount, keyOf: nameOf, valueOf: () => value });
  console.log(`Newest 100 events of one key among ${eventCount.toLocaleString('en')}:\n`);
  console.log('| key | events | first read | then |\n| --- | --- | --- | --- |');
  for (const [key, described] of [
    ['even', 'one event in 1,000'], [keyOf(1), 'one in 10,000'], ['first', 'only the first event'], ['absent', 'none'],
  ] as const) {
    const server = { ...await startConfigured(configOf(folder), empty.port, START_LIMIT_MS), headers: empty.headers };
    const read = async (): Promise<number> => {
      const startedMs = performance.now();
      const answer = await fetch(`${server.url}${EVENTS_PATH}?key=${key}&order=desc&limit=100`, { headers: server.headers });
      if (!answer.ok) throw new Error(`Cannot use this answer: ${answer.status}`);
      await answer.arrayBuffer();
      return performance.now() - startedMs;
    };
    await (await fetch(server.url)).arrayBuffer();
    const first = await read();
    const warm: number[] = [];
    for (let index = 0; index < WARM_READS; index += 1) warm.push(await read());
    console.log(`| \`${key}\` | ${described} | ${first.toFixed(0)} ms | ${median(warm).toFixed(1)} ms |`);
    await server.kill();
  }
}

/** What one follower costs writers that have the server to themselves otherwise. */
async function tellOneFollower(): Promise<void> {
  const server = await startSimpleKv(scratchFolder(values.folder));
  const puts = putsOf(server);
  const alone: LoadResult[] = [];
  const followed: LoadResult[] = [];
  await runLoad(server, puts, { connections: CONNECTIONS, seconds });
  for (let round = 0; round < rounds; round += 1) {
    alone.push(await runLoad(server, puts, { connections: CONNECTIONS, seconds }));
    const follower = await Follower.open(server, EVENTS_PATH);
    followed.push(await runLoad(server, puts, { connections: CONNECTIONS, seconds }));
    await follower.close();
  }
  const of = (results: readonly LoadResult[], pick: (result: LoadResult) => number): number => median(results.map(pick));
  const lost = (1 - of(followed, ({ rate }) => rate) / of(alone, ({ rate }) => rate)) * PERCENT;
  const cpu = (of(followed, ({ cpuUsPerRequest }) => cpuUsPerRequest) / of(alone, ({ cpuUsPerRequest }) => cpuUsPerRequest) - 1) * PERCENT;
  console.log(`\nDurable PUT, ${CONNECTIONS} connections, medians of ${rounds} rounds of ${seconds} s:\n`);
  console.log('| | rate | CPU each | p99 |\n| --- | --- | --- | --- |');
  for (const [name, results] of [['no follower', alone], ['one follower', followed]] as const) {
    const cells = [of(results, ({ rate }) => rate).toFixed(0), of(results, ({ cpuUsPerRequest }) => cpuUsPerRequest).toFixed(1),
      of(results, ({ latencyP99Ms }) => latencyP99Ms).toFixed(1)];
    console.log(`| ${name} | ${cells[0]}/s | ${cells[1]} µs | ${cells[2]} ms |`);
  }
  console.log(`\nOne follower: ${lost.toFixed(1)} % of the rate, ${cpu.toFixed(1)} % more CPU time`);
  await server.stop();
}

/** How many events a second reach many followers. */
async function tellManyFollowers(): Promise<void> {
  const server = await startSimpleKv(scratchFolder(values.folder), {
    limits: { max_streams: followerCount, max_streams_per_key: followerCount },
  });
  const puts = putsOf(server);
  const idleKib = residentKib(server.pid);
  const followers = await Promise.all(Array.from({ length: followerCount }, () => Follower.open(server, EVENTS_PATH)));
  const openKib = residentKib(server.pid);
  const each = ((openKib - idleKib) / followerCount).toFixed(0);
  console.log(`\n${followerCount} followers, ${each} KiB each, ${(openKib / KIB_PER_MIB).toFixed(0)} MiB in all:\n`);
  console.log('| writers | writes | p99 | events to followers | CPU for each event | memory |\n| --- | --- | --- | --- | --- | --- |');
  for (const connections of [PACED_CONNECTIONS, CONNECTIONS]) {
    const before = followers.reduce((sum, { bytes }) => sum + bytes, 0);
    const cpuUs = cpuTimeUs(server.pid);
    const result = await runLoad(server, puts, { connections, seconds: MANY_SECONDS });
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const sent = followers.reduce((sum, { bytes }) => sum + bytes, 0) - before;
    const events = result.rate * MANY_SECONDS * followerCount;
    const cpuEach = (cpuTimeUs(server.pid) - cpuUs) / events;
    const sentText = `${(events / MANY_SECONDS).toFixed(0)}/s, ${(sent / MIB / MANY_SECONDS).toFixed(0)} MiB/s`;
    const memory = `${(residentKib(server.pid) / KIB_PER_MIB).toFixed(0)} MiB`;
    const writes = [`${result.rate.toFixed(0)}/s`, `${result.latencyP99Ms.toFixed(0)} ms`];
    const cells = [connections, ...writes, sentText, `${cpuEach.toFixed(1)} µs`, memory];
    console.log(`| ${cells.join(' | ')} |`);
  }
  for (const follower of followers) await follower.close();
  await server.stop();
}

function putsOf(server: RunningServer): readonly Buffer[] {
  return Array.from({ length: KEY_COUNT }, (_, index) => encodeRequest(server, SIMPLEKV.put(keyOf(index), valueOf())));
}
