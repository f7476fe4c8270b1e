/** A listing of many keys with their values, and what it does to others meanwhile. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { LISTING_PATH, startBareListing } from '../contenders/bare.js';
import { keyOf } from '../contenders/contender.js';
import { makeFilledSimpleKv } from '../contenders/filled-simplekv.js';
import type { Contest, Experiment, Side, Workshop } from '../experiment.js';
import { encodeRequest, sendOnce, slowestDuring } from '../load/http-load.js';
import { median } from '../numbers.js';
import { KEYS_PATH, type RunningServer } from '../server-process.js';

/** Without a key after it, the path of all of them. */
const ALL_KEYS_PATH = KEYS_PATH.slice(0, -1);
/** Listings of one turn, for each of the two figures. */
const LISTINGS = 15;
/** A second of work: until then the engine compiles. */
const WARM_UP_LISTINGS = 100;
const MS_PER_SECOND = 1000;
const BYTES_PER_MB = 1_000_000;
const HELD_UP_MS_MAX = 20;

interface ListingFigures {
  readonly megabytesPerSecond: number;
  readonly heldUpMs: number;
}

/** One listing at a time, read as fast as it comes. */
export const LISTING: Experiment<ListingFigures> = {
  name: 'list',
  tools: [],
  isSlow: false,
  rows: ({ listedKeys }) => [
    {
      work: `list ${listedKeys.toLocaleString('en')} keys with values`, against: 'bare node:http sending the same bytes from memory',
      wanted: { atLeast: 0.5 }, unit: 'x',
      value: (ours, other) => ours.megabytesPerSecond / other.megabytesPerSecond,
      show: ({ megabytesPerSecond }) => `${megabytesPerSecond.toFixed(0)} MB/s`,
    },
    {
      work: 'slowest GET of another connection meanwhile', against: 'the same', wanted: { atMost: HELD_UP_MS_MAX }, unit: ' ms',
      isJudgedByWorst: true,
      value: ({ heldUpMs }) => heldUpMs,
      show: ({ heldUpMs }) => `${heldUpMs.toFixed(1)} ms`,
    },
  ],
  prepare,
};

async function prepare(workshop: Workshop): Promise<Contest<ListingFigures>> {
  const start = await makeFilledSimpleKv(workshop.folder(), workshop.extent.listedKeys);
  const server = await start();
  const folder = workshop.folder();
  const bytes = Buffer.from(await (await fetch(server.url + ALL_KEYS_PATH, { headers: server.headers })).arrayBuffer());
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, 'listing');
  writeFileSync(file, bytes);
  const bare = await startBareListing(folder, file);
  return { ours: await side(server, ALL_KEYS_PATH, bytes.length), other: await side(bare, LISTING_PATH, bytes.length) };
}

async function side(server: RunningServer, target: string, expectedBytes: number): Promise<Side<ListingFigures>> {
  const request = encodeRequest(server, { method: 'GET', path: target });
  const probe = encodeRequest(server, { method: 'GET', path: KEYS_PATH + keyOf(0) });
  const list = async (): Promise<number> => {
    const { durationMs, bodyBytes } = await sendOnce(server, request);
    if (bodyBytes !== expectedBytes) throw new Error(`Cannot use this listing: ${bodyBytes} bytes instead of ${expectedBytes}`);
    return durationMs;
  };
  const times = async <T>(count: number, once: () => Promise<T>): Promise<readonly T[]> => {
    const results: T[] = [];
    for (let index = 0; index < count; index += 1) results.push(await once());
    return results;
  };
  const measure = async (): Promise<ListingFigures> => ({
    megabytesPerSecond: (expectedBytes / BYTES_PER_MB) / (median(await times(LISTINGS, list)) / MS_PER_SECOND),
    heldUpMs: Math.max(...await times(LISTINGS, () => slowestDuring(server, probe, list))),
  });
  await times(WARM_UP_LISTINGS, list);
  await measure();
  return { measure };
}
