/**
 * Kills the program again and again while clients send writes with idempotency keys and send them again, at random: while the first is
 * still waiting, right after its answer, and after any number of kills. Each must take effect once, as the logs' own files witness.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Durability } from '../../src/base/durability.js';
import { randomFrom } from './kill-loop.js';
import { readLogFiles } from './log-files.js';
import { RetryClient, type RetryCounts } from './retry-client.js';
import type { ServerUnderTest, Workbench } from './server-under-test.js';

/** How a run is done. */
export interface RetryLoopOptions {
  /** At least so many. */
  readonly kills: number;
  /** At least so many requests are sent again, unless that takes more than {@link KILLS_FACTOR_MAX} times the kills. */
  readonly retries: number;
  readonly durability: Durability;
  readonly projects: number;
  /** Pairs of clients, of which one has the API key of the project and the other the global one. They choose the same idempotency keys. */
  readonly pairs: number;
  readonly seed: number;
  /** Longest time from a start to its end, in milliseconds; up to {@link LIFE_FACTOR} times that while too little was sent again. */
  readonly lifeMsMax: number;
  /** Called after each kill. */
  readonly onKill?: (report: RetryReport) => void;
}

/** What a run has seen. */
export interface RetryReport extends RetryCounts {
  readonly kills: number;
}

const LIFE_MS_MIN = 20;
const KILLS_FACTOR_MAX = 5;
/** How many times as long lives may get where a slow machine answers little. */
const LIFE_FACTOR = 4;
/** Small segments, and a snapshot every second, so that what is remembered is in lines and in snapshots. */
const STORAGE = { segment_bytes: 65_536, compaction: { interval_seconds: 1 } };

/** A client, with the API key that it has. */
interface Caller {
  readonly client: RetryClient;
  readonly project: string;
  readonly scope: string;
}

/**
 * Runs the loop. Throws at the first difference.
 *
 * @param bench a fresh folder
 */
export async function runRetryLoop(bench: Workbench, options: RetryLoopOptions): Promise<RetryReport> {
  const random = randomFrom(options.seed);
  const projects = Array.from({ length: options.projects }, (_, index) => `p${index}`);
  bench.configure(projects.map((id) => ({ id, storage: { ...STORAGE, durability: options.durability } })));
  const callers = callersOf(projects, options);
  let server = await bench.start();
  const keys = server.keys;
  let kills = 0;
  const report = (): RetryReport => ({ kills, ...sumOf(callers) });
  while (kills < options.kills || (report().retries < options.retries && kills < options.kills * KILLS_FACTOR_MAX)) {
    const running = Promise.all(callers.map(({ client, scope }) => client.run(server, keys.get(scope) ?? '')));
    // Awaited after the kill: a client that has seen something wrong before must not end the process of the tests.
    running.catch(() => undefined);
    const isBehind = report().retries * options.kills < options.retries * kills;
    await sleep(LIFE_MS_MIN + random() * (options.lifeMsMax - LIFE_MS_MIN) * (isBehind ? LIFE_FACTOR : 1));
    await server.kill();
    await running;
    kills += 1;
    server = await bench.start();
    compareAll(bench, callers, server);
    options.onKill?.(report());
  }
  await server.stop();
  return report();
}

function callersOf(projects: readonly string[], { pairs, seed }: RetryLoopOptions): readonly Caller[] {
  return Array.from({ length: pairs }, (_, pair) => pair).flatMap((pair) => {
    const project = projects[pair % projects.length] ?? '';
    return [['global', 'global#'], [project, `project:${project}#`]].map(([scope = '', actor = ''], index): Caller => {
      const client = new RetryClient(randomFrom(seed + 2 * pair + index + 1), { project, name: `c${pair}`, actor });
      return { client, project, scope };
    });
  });
}

function compareAll(bench: Workbench, callers: readonly Caller[], server: ServerUnderTest): void {
  if (server.stderr !== '') throw new Error(`A restart prints nothing, but this one did: ${server.stderr}`);
  for (const project of new Set(callers.map((caller) => caller.project))) {
    const { events } = readLogFiles(bench.path('data'), project);
    for (const caller of callers) if (caller.project === project) caller.client.compare(events);
  }
}

function sumOf(callers: readonly Caller[]): RetryCounts {
  const sum = (count: (counts: RetryCounts) => number): number => callers.reduce((total, { client }) => total + count(client.counts), 0);
  return {
    requests: sum(({ requests }) => requests), retries: sum(({ retries }) => retries),
    retriesAfterKill: sum(({ retriesAfterKill }) => retriesAfterKill), unanswered: sum(({ unanswered }) => unanswered),
    settled: sum(({ settled }) => settled),
  };
}
