/**
 * What a flood of wrong keys does to writes. The server has one key that a person chose, so a wrong key of no known form costs a
 * derivation of its own. Rounds of durable PUT with a good key, alone and beside the flood, take turns in one run; what counts
 * is the ratio of the medians.
 *
 * Usage: `npm run bench -- wrong-keys [--rounds 5] [--seconds 3] [--connections 16] [--wrong 100] [--folder DIR]`, where
 * `--wrong` is how many wrong keys are presented a second.
 */
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { scratchFolder } from './child-process.js';
import { SIMPLEKV } from './contenders/simplekv.js';
import { KEY_COUNT, keyOf, valueOf } from './contenders/contender.js';
import { encodeRequest, type LoadResult, runLoad } from './load/http-load.js';
import { median, positiveInteger } from './numbers.js';
import { KEYS_PATH, startSimpleKv, type RunningServer } from './server-process.js';

const MILLISECONDS_PER_SECOND = 1000;
const CHOSEN_KEY = 'correct-horse-battery-staple';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '16' },
    wrong: { type: 'string', default: '100' },
    folder: { type: 'string', default: tmpdir() },
  },
});
const rounds = positiveInteger('rounds', values.rounds);
const load = { seconds: positiveInteger('seconds', values.seconds), connections: positiveInteger('connections', values.connections) };
const wrongPerSecond = positiveInteger('wrong', values.wrong);
const folder = scratchFolder(values.folder);

const answers = new Map<number, number>();
const quiet: LoadResult[] = [];
const flooded: LoadResult[] = [];
const server = await startSimpleKv(folder, { chosenGlobalKey: CHOSEN_KEY });
const puts = Array.from({ length: KEY_COUNT }, (_, index) => encodeRequest(server, SIMPLEKV.put(keyOf(index), valueOf())));
try {
  await runLoad(server, puts, load);
  for (let round = 1; round <= rounds; round += 1) {
    quiet.push(await runLoad(server, puts, load));
    const flood = new AbortController();
    const flooding = presentWrongKeys(server, flood.signal);
    flooded.push(await runLoad(server, puts, load));
    flood.abort();
    await flooding;
    console.error(`round ${round} of ${rounds}: ${quiet.at(-1)?.rate.toFixed(0)} alone, ${flooded.at(-1)?.rate.toFixed(0)} flooded`);
  }
} finally {
  await server.stop();
}
console.log(report());

/** Presents keys that do not exist, each once, at a steady rate. */
async function presentWrongKeys(target: RunningServer, signal: AbortSignal): Promise<void> {
  const pending = new Set<Promise<void>>();
  for (let number = 0; !signal.aborted; number += 1) {
    const request = presentWrongKey(target, `wrong-${Date.now()}-${number}`, signal).finally(() => pending.delete(request));
    pending.add(request);
    await sleep(MILLISECONDS_PER_SECOND / wrongPerSecond);
  }
  await Promise.all(pending);
}

async function presentWrongKey(target: RunningServer, key: string, signal: AbortSignal): Promise<void> {
  try {
    const { status } = await fetch(`${target.url}${KEYS_PATH}0`, { headers: { authorization: `Bearer ${key}` }, signal });
    answers.set(status, (answers.get(status) ?? 0) + 1);
  } catch (error) {
    // Those that wait for their turn when the round ends are given up.
    if (!signal.aborted) throw error;
  }
}

function report(): string {
  const [alone, beside] = [quiet, flooded].map((results) => ({
    rate: median(results.map(({ rate }) => rate)),
    latency: median(results.map(({ latencyP99Ms }) => latencyP99Ms)),
  }));
  const told = [...answers].sort(([a], [b]) => a - b).map(([status, count]) => `${count} × ${status}`);
  return [
    `PUT with a good key, ${load.connections} connections, medians of ${rounds} rounds of ${load.seconds} s`,
    `alone                        ${alone?.rate.toFixed(0)} requests/s, p99 ${alone?.latency.toFixed(1)} ms`,
    `beside ${wrongPerSecond} wrong keys a second  ${beside?.rate.toFixed(0)} requests/s, p99 ${beside?.latency.toFixed(1)} ms`,
    `ratio                        ${((beside?.rate ?? 0) / (alone?.rate ?? 1)).toFixed(2)}`,
    `wrong keys were answered     ${told.join(', ')}`,
  ].join('\n');
}
