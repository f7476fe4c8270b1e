/**
 * What many keys that expire in one second do to other requests. A client reads another key again and again, at rest, while the keys
 * expire and are removed, and while others count and list them meanwhile; what counts is the longest wait, which is the longest turn of
 * the event loop.
 *
 * Usage: `npm run bench -- expiry [--keys 1000000] [--folder DIR]`
 */
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { scratchFolder } from './child-process.js';
import { keyOf, valueOf } from './contenders/contender.js';
import { positiveInteger } from './numbers.js';
import { BATCH_PATH, BENCH_PROJECT, KEYS_PATH, type RunningServer, startSimpleKv } from './server-process.js';

const BATCH_KEYS = 1000;
/** A key is written in less than this, in microseconds. */
const FILL_US_PER_KEY = 60;
const REST_SECONDS = 5;
const READ_EVERY_MS = 2;
const MS_PER_SECOND = 1000;
const PERCENT_99 = 0.99;
const LISTING = `/api/v1/projects/${BENCH_PROJECT}/keys`;

const { values } = parseArgs({ options: { keys: { type: 'string', default: '1000000' }, folder: { type: 'string', default: tmpdir() } } });
const count = positiveInteger('keys', values.keys);

const server = await startSimpleKv(scratchFolder(values.folder), { logLevel: 'warn' });
try {
  const expiresAtMs = Date.now() + (count * FILL_US_PER_KEY) / MS_PER_SECOND + REST_SECONDS * MS_PER_SECOND;
  await send('PUT', `${KEYS_PATH}probe`, valueOf());
  await fill(new Date(expiresAtMs).toISOString());
  await send('GET', `${LISTING}?prefix=none`);
  console.log('| while | reads | p99 | longest |\n| --- | --- | --- | --- |');
  await tell('nothing happens', async () => await sleep(REST_SECONDS * MS_PER_SECOND));
  await sleep(Math.max(0, expiresAtMs - Date.now()));
  await tell(`${count} keys expire, and are removed`, async () => await sleep(2 * REST_SECONDS * MS_PER_SECOND));
  await tell('others count them', async () => {
    for (let times = 0; times < REST_SECONDS; times += 1) {
      await send('GET', `${LISTING}?count=true&prefix=k`);
      await send('GET', `${LISTING}?count=true`);
    }
  });
  await tell('others list them', async () => {
    for (let times = 0; times < REST_SECONDS; times += 1) await send('GET', `${LISTING}?limit=1000&values=false`);
  });
  await tell('the rest is removed', untilRemoved);
  console.error(`the last one was removed ${((Date.now() - expiresAtMs) / MS_PER_SECOND).toFixed(0)} s after it expired`);
} finally {
  await server.kill();
}
process.exit(0);

async function fill(expiresAt: string): Promise<void> {
  for (let first = 0; first < count; first += BATCH_KEYS) {
    const ops = Array.from({ length: Math.min(BATCH_KEYS, count - first) }, (_, index) => (
      `{"op":"set","key":${JSON.stringify(keyOf(first + index))},"value":${valueOf()},"expires_at":"${expiresAt}"}`
    ));
    await send('POST', BATCH_PATH, `{"ops":[${ops.join(',')}]}`);
  }
}

async function send(method: string, target: string, body?: string): Promise<string> {
  const { url, headers }: RunningServer = server;
  const answer = await fetch(`${url}${target}`, {
    method, headers: { ...headers, 'content-type': 'application/json' }, ...(body === undefined ? {} : { body }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${target} was answered ${answer.status}: ${text}`);
  return text;
}

async function tell(name: string, work: () => Promise<void>): Promise<void> {
  const waits: number[] = [];
  let isDone = false;
  const reading = (async () => {
    while (!isDone) {
      const beganMs = performance.now();
      await send('GET', `${KEYS_PATH}probe`);
      waits.push(performance.now() - beganMs);
      await sleep(READ_EVERY_MS);
    }
  })();
  await work();
  isDone = true;
  await reading;
  waits.sort((a, b) => a - b);
  const [p99 = 0, longest = 0] = [waits[Math.floor(waits.length * PERCENT_99)], waits.at(-1)];
  console.log(`| ${name} | ${waits.length} | ${p99.toFixed(1)} ms | ${longest.toFixed(1)} ms |`);
}

async function untilRemoved(): Promise<void> {
  for (;;) {
    const details = JSON.parse(await send('GET', `/api/v1/projects/${BENCH_PROJECT}`)) as { key_count: number };
    if (details.key_count <= 1) return;
    await sleep(MS_PER_SECOND);
  }
}
