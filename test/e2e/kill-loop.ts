/**
 * Kills or stops the program again and again while clients write to several projects, and compares what is left with what was answered.
 * The logs' own files are the witness. A killed process leaves what it has written in the page cache, so the same must hold under each
 * durability. One function with parameters, for short and for long runs.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Durability } from '../../src/base/durability.js';
import { KillLedger } from './kill-ledger.js';
import { KillWriter, type WrittenProject } from './kill-writer.js';
import { foldEvents, type FoundLog, listingOf, readLogFiles } from './log-files.js';
import type { ServerUnderTest, Workbench } from './server-under-test.js';
import { compareSnapshots } from './snapshot-files.js';

/** How a run is done. */
export interface KillLoopOptions {
  /** At least so many. */
  readonly kills: number;
  /** Goes on, but not for more than {@link KILLS_FACTOR_MAX} times the kills, until so many writes were answered. @default 0 */
  readonly acknowledged?: number;
  /** Spread over the projects. */
  readonly writers: number;
  /** Served and written to at once. */
  readonly projects: number;
  readonly durability: Durability;
  /** The same seed gives the same choices; when the kill strikes among the writes is the machine's doing. */
  readonly seed: number;
  /** Small segments, so that kills strike during rotations. */
  readonly segmentBytes: number;
  /** Longest text that a value is filled up with, in characters. @default {@link PADDING_MAX} */
  readonly paddingMax?: number;
  /** Further settings of the projects' storage. */
  readonly storage?: object;
  /** Shortest time from a start to its end, in milliseconds. @default {@link LIFE_MS_MIN} */
  readonly lifeMsMin?: number;
  /** Longest time from a start to its end, in milliseconds; up to {@link LIFE_FACTOR} times that while too few writes were answered. */
  readonly lifeMsMax: number;
  /** How each life ends: without a chance to do anything, or politely, and then with exit code 0. @default 'SIGKILL' */
  readonly ending?: 'SIGKILL' | 'SIGTERM';
  /** Called after each kill with the number of kills and of acknowledged writes so far. */
  readonly onKill?: (kills: number, acknowledged: number) => void;
}

/** What a run has seen, all projects together. */
export interface KillLoopReport {
  readonly kills: number;
  readonly acknowledged: number;
  /** Requests without an answer. */
  readonly unknown: number;
  /** Of these, those that the logs turned out to have. */
  readonly unknownKept: number;
  readonly refused: number;
  readonly reads: number;
  readonly events: number;
  /** Of these, changes of several keys. */
  readonly batches: number;
  readonly segments: number;
  /** Cut tails that starts have found. */
  readonly tornTails: number;
  /** Different snapshots that were compared with the log. */
  readonly snapshots: number;
}

const LIFE_MS_MIN = 20;
const PADDING_MAX = 400;
/** How many times the wanted kills there are at most, where a slow machine answers few writes. */
const KILLS_FACTOR_MAX = 3;
/** How many times as long lives may get there. */
const LIFE_FACTOR = 4;

/** Numbers from 0 up to 1 that a seed decides (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A project with its clients and what was found of it. */
class KilledProject implements WrittenProject {
  readonly ledger = new KillLedger();
  readonly snapshots = new Set<number>();
  readonly id: string;
  readonly durability: Durability;
  readonly paddingMax: number;
  readonly #dataFolder: string;
  key = '';
  log: FoundLog = { logId: '', events: [], segmentCount: 0 };
  unknownKept = 0;

  constructor(id: string, dataFolder: string, { durability, paddingMax = PADDING_MAX }: KillLoopOptions) {
    this.id = id;
    this.durability = durability;
    this.paddingMax = paddingMax;
    this.#dataFolder = dataFolder;
  }

  /** Reads the log for the first time. */
  begin(server: ServerUnderTest): void {
    this.key = server.key(this.id);
    this.log = readLogFiles(this.#dataFolder, this.id);
  }

  /** Compares everything after a start. */
  async check(server: ServerUnderTest): Promise<void> {
    const found = readLogFiles(this.#dataFolder, this.id);
    this.unknownKept = this.ledger.compare(found.events, this.log.events);
    const { text } = await server.send('GET', `/api/v1/projects/${this.id}/keys`, { key: this.key });
    assert.equal(text, listingOf(foldEvents(found.events)), `the listing of ${this.id}`);
    for (const seq of compareSnapshots(this.#dataFolder, this.id, found.events)) this.snapshots.add(seq);
    this.log = found;
  }
}

function report(kills: number, tornTails: number, projects: readonly KilledProject[]): KillLoopReport {
  const sum = (count: (project: KilledProject) => number): number => projects.reduce((total, project) => total + count(project), 0);
  return {
    kills,
    acknowledged: acknowledgedIn(projects),
    unknown: sum(({ ledger }) => ledger.unknown.size + ledger.unknownDeletions),
    unknownKept: sum(({ unknownKept }) => unknownKept),
    refused: sum(({ ledger }) => ledger.refused.size),
    reads: sum(({ ledger }) => ledger.reads),
    events: sum(({ log }) => log.events.length),
    batches: sum(({ log }) => log.events.filter(({ op }) => op === 'batch').length),
    segments: sum(({ log }) => log.segmentCount),
    tornTails,
    snapshots: sum(({ snapshots }) => snapshots.size),
  };
}

function acknowledgedIn(projects: readonly KilledProject[]): number {
  return projects.reduce((total, { ledger }) => total + ledger.receipts.length, 0);
}

/**
 * Runs the loop. Throws at the first difference.
 *
 * @param bench a fresh folder
 * @param options how long and how hard
 * @returns what was seen
 */
export async function runKillLoop(bench: Workbench, options: KillLoopOptions): Promise<KillLoopReport> {
  const random = randomFrom(options.seed);
  const ids = Array.from({ length: options.projects }, (_, index) => `p${index}`);
  const storage = { segment_bytes: options.segmentBytes, durability: options.durability, ...options.storage };
  bench.configure(ids.map((id) => ({ id, storage })));
  const projects = ids.map((id) => new KilledProject(id, bench.path('data'), options));
  const writers = Array.from({ length: options.writers }, (_, index) => {
    const project = projects[index % projects.length] ?? assert.fail('there is a project');
    return { project, writer: new KillWriter(index, randomFrom(options.seed + index + 1), project) };
  });
  let server = await bench.start();
  for (const project of projects) project.begin(server);
  const { acknowledged: wanted = 0, lifeMsMin = LIFE_MS_MIN, lifeMsMax } = options;
  let tornTails = 0;
  let kills = 0;
  const isShort = (): boolean => acknowledgedIn(projects) < wanted && kills < options.kills * KILLS_FACTOR_MAX;
  while (kills < options.kills || isShort()) {
    const running = Promise.all(writers.map(({ project, writer }) => writer.run(server, project.key)));
    // Awaited after the kill: a writer that has seen something wrong before must not end the process of the tests.
    running.catch(() => undefined);
    const isBehind = acknowledgedIn(projects) * options.kills < wanted * kills;
    await sleep(lifeMsMin + random() * (lifeMsMax - lifeMsMin) * (isBehind ? LIFE_FACTOR : 1));
    if (options.ending === 'SIGTERM') assert.deepEqual(await server.stop(), { code: 0, signal: null });
    else await server.kill();
    await running;
    kills += 1;
    server = await bench.start();
    assert.equal(server.stderr, '', 'a restart prints nothing');
    for (const project of projects) await project.check(server);
    tornTails += server.lines.filter(({ msg }) => /torn/.test(String(msg))).length;
    options.onKill?.(kills, acknowledgedIn(projects));
  }
  await server.stop();
  return report(kills, tornTails, projects);
}
