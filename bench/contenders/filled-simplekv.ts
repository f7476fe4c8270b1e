/** SimpleKV with many keys: more than would be stored one by one in reasonable time. */
import { fillLog } from '../filled-log.js';
import { BENCH_PROJECT, configOf, type RunningServer, startConfigured, startSimpleKv } from '../server-process.js';
import { keyOf, valueOf } from './contender.js';

/** A start reads the whole log. */
const START_LIMIT_MS = 300_000;

/**
 * Makes a server with many keys, which does not run yet.
 *
 * @param folder Where its configuration and its data go
 * @param count How many keys, as `keyOf` names them
 * @param times How often each is written, all of them before any is written again
 * @returns Starts it
 */
export async function makeFilledSimpleKv(folder: string, count: number, times = 1): Promise<() => Promise<RunningServer>> {
  // The first compaction would begin right after the start, and run beside what is measured.
  const empty = await startSimpleKv(folder, { compacts: false });
  await empty.kill();
  const value = valueOf();
  await fillLog(folder, BENCH_PROJECT, { count: count * times, keyOf: (index) => keyOf(index % count), valueOf: () => value });
  return async () => ({ ...await startConfigured(configOf(folder), empty.port, START_LIMIT_MS), headers: empty.headers });
}
