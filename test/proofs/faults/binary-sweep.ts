/** Strikes calls of the real program, one run each, and judges what the next start of it serves. */
import { cpSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ServerUnderTest, until, withWorkbench, type Workbench } from '../../e2e/server-under-test.js';
import type { Durability } from '../../../src/base/durability.js';
import { BINARY_PROJECTS, binarySettings, BinaryTold, liveBinary } from './binary-life.js';
import { canStrike, type CountedCall, readTrace, type Strike, strikeEnvironment, STRIKE_KINDS } from './strike.js';

/** Longest time that a program may take to end which has lost its disk, in milliseconds. */
const STOP_MS_MAX = 15_000;

/** What a program is struck in: its life, or the start after one that was cut short. */
export type Phase = 'life' | 'recovery';

/** A run that is planned. */
export interface PlannedStrike extends Strike {
  readonly phase: Phase;
  readonly call: CountedCall;
}

/** Counted calls, and the folder of a life that was cut short at its end. */
export interface BinaryPlan {
  readonly durability: Durability;
  readonly strikes: readonly PlannedStrike[];
  /** Its configuration and data are copied for each recovery. */
  readonly cut: Workbench;
  readonly told: BinaryTold;
  readonly library: string;
}

function placeOf(bench: Workbench, library: string, trace?: string): Parameters<typeof strikeEnvironment>[0] {
  return { library, under: bench.folder, ...(trace === undefined ? {} : { trace }) };
}

/** Starts under a strike. @returns the program once it serves, undefined when it ended before */
async function startStruck(bench: Workbench, env: Readonly<Record<string, string>>): Promise<ServerUnderTest | undefined> {
  const server = bench.spawn({ env });
  const isServing = await until('a program that serves or ends', () => {
    if (server.process.exitCode !== null || server.process.signalCode !== null) return false;
    const line = server.lines.find(({ msg }) => msg === 'serving');
    server.url = String(line?.['url'] ?? '');
    return line === undefined ? undefined : true;
  });
  return isServing ? server : undefined;
}

/** Lets a life be lived and stopped, or be cut short by its strike. */
async function liveStruck(bench: Workbench, env: Readonly<Record<string, string>>, told: BinaryTold): Promise<void> {
  const server = await startStruck(bench, env);
  if (server === undefined) return;
  await liveBinary(server, told).catch(async (error: unknown) => {
    // The connection breaks before the process is known to be gone.
    await Promise.race([server.ended, sleep(STOP_MS_MAX)]);
    if (server.process.signalCode !== 'SIGKILL') throw error;
  });
  server.process.kill('SIGTERM');
  if ((await Promise.race([server.ended, sleep(STOP_MS_MAX)])) === undefined) throw new Error('It does not stop');
}

async function judge(bench: Workbench, told: BinaryTold): Promise<string[]> {
  const server = await bench.start();
  const faults = [...told.faults, ...(await told.judge(server))];
  await server.kill();
  return faults;
}

/**
 * Counts the calls of an undisturbed life and of the start after one that was killed.
 *
 * @param cut keeps the folder of the latter
 * @param durability what all logs promise
 * @returns every strike; undefined where there is no compiler
 */
export async function planStrikes(cut: Workbench, durability: Durability): Promise<BinaryPlan | undefined> {
  const library = cut.path('fault-shim.so');
  const told = new BinaryTold();
  const counted = new Map<Phase, readonly CountedCall[]>();
  await withWorkbench(async (bench) => {
    const trace = cut.path('life');
    bench.configure(BINARY_PROJECTS, binarySettings(durability));
    const env = await strikeEnvironment(placeOf(bench, library, trace));
    if (env !== undefined) await liveStruck(bench, env, new BinaryTold());
    counted.set('life', readTrace(trace));
  });
  if (counted.get('life')?.length === 0) return undefined;
  cut.configure(BINARY_PROJECTS, binarySettings(durability));
  const server = await cut.start();
  await liveBinary(server, told);
  await server.kill();
  await withWorkbench(async (bench) => {
    copyFiles(cut, bench);
    const trace = cut.path('recovery');
    const env = (await strikeEnvironment(placeOf(bench, library, trace))) ?? {};
    await (await startStruck(bench, env))?.kill();
    counted.set('recovery', readTrace(trace));
  });
  const strikes = [...counted].flatMap(([phase, calls]) =>
    calls.flatMap((call, index) => (
      STRIKE_KINDS.filter((kind) => canStrike(kind, call)).map((kind) => ({ phase, call, kind, nth: index + 1 }))
    )),
  );
  return { durability, strikes, cut, told, library };
}

function copyFiles(from: Workbench, to: Workbench): void {
  cpSync(from.configPath, to.configPath);
  cpSync(from.path('data'), to.path('data'), { recursive: true, filter: (file) => !/\.sock|\.lock|lock/.test(file) });
}

/**
 * Runs one strike.
 *
 * @param plan what was counted
 * @param strike one of its strikes
 * @returns what is wrong
 */
export async function runStrike(plan: BinaryPlan, strike: PlannedStrike): Promise<readonly string[]> {
  let faults: readonly string[] = [];
  await withWorkbench(async (bench) => {
    const env = await strikeEnvironment(placeOf(bench, plan.library), strike);
    if (env === undefined) return;
    if (strike.phase === 'life') {
      bench.configure(BINARY_PROJECTS, binarySettings(plan.durability));
      const told = new BinaryTold();
      await liveStruck(bench, env, told);
      faults = await judge(bench, told);
    } else {
      copyFiles(plan.cut, bench);
      await (await startStruck(bench, env))?.kill();
      faults = await judge(bench, plan.told);
    }
  });
  const { phase, kind, nth, call } = strike;
  return faults.map((fault) => `${kind} at call ${nth} of ${phase}, ${call.name} ${call.path.split('/').slice(-2).join('/')}: ${fault}`);
}
