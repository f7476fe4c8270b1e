/** The sweeps that the tests and the proofs run: the same in both, over few or over all. */
import type { Durability } from '../../../src/base/durability.js';
import { randomFrom } from '../../e2e/kill-loop.js';
import { CHANGING_METHODS, type FaultDisk } from '../../disk/fault-disk.js';
import { LOSSES } from '../../log/file/crash-scenario.js';
import { startLife } from './faulted-life.js';
import { type FaultKind, nameOfStrike, type PlannedFault } from './fault-plan.js';
import { allFaults, judgeRest, liveAnew, lossesOf } from './fault-sweep.js';
import { afterPowerLoss } from './power-loss.js';

/** What a sweep came to. */
export interface SweepReport {
  /** Lives that met a fault. */
  runs: number;
  /** States of the disk from which a server was started anew. */
  states: number;
  /** What was wrong, each in a line. */
  readonly faults: string[];
}

/** How much is swept. */
export interface SweepSize {
  /** What all logs promise. */
  readonly durability: Durability;
  /** About how many runs; chosen evenly from all. */
  readonly runs: number;
  readonly seed: number;
  /** Only every `count`-th of the runs, from this one on. @default all of them */
  readonly slice?: { readonly index: number; readonly count: number };
  /** Told after each run. */
  readonly onRun?: (report: SweepReport) => void;
}

/**
 * Picks some of many, evenly.
 *
 * @param all what to pick from
 * @param size how many, from where on
 * @returns about so many of them
 */
export function evenly<T>(all: readonly T[], { runs, seed }: Pick<SweepSize, 'runs' | 'seed'>): readonly T[] {
  const stride = Math.max(1, all.length / runs);
  const first = (seed % Math.max(1, Math.floor(stride)));
  const picked = Array.from({ length: Math.min(runs, all.length) }, (_, index) => all[Math.floor(first + index * stride)]);
  return picked.filter((one) => one !== undefined);
}

/** The faults that a sweep meets, or its slice of them. */
async function faultsFor(size: SweepSize, kinds?: readonly FaultKind[]): Promise<readonly PlannedFault[]> {
  const { index, count } = size.slice ?? { index: 0, count: 1 };
  return evenly(await allFaults(size.durability, kinds), size).filter((_, at) => at % count === index);
}

function emptyReport(): SweepReport {
  return { runs: 0, states: 0, faults: [] };
}

/**
 * Strikes one call of each life, whatever the call, and starts anew on what is left.
 *
 * @param size how many lives
 * @returns what came of it
 */
export async function sweepFaults(size: SweepSize): Promise<SweepReport> {
  const report = emptyReport();
  for (const fault of await faultsFor(size)) {
    const { disk, lived } = await liveAnew(size.durability, fault);
    const strike = nameOfStrike(fault, disk);
    if (strike === undefined) continue;
    const where = `${strike}, during "${lived.step}"`;
    report.runs += 1;
    report.faults.push(...lived.told.faults.map((wrong) => `${where}: ${wrong}`));
    for (const [name, loss] of Object.entries(lossesOf(fault))) {
      report.states += 1;
      // A killed process leaves what it has written; power takes what was not synced.
      const told = loss === LOSSES['nothing is lost'] ? lived.told : lived.told.afterPowerLoss(disk);
      report.faults.push(...(await judgeRest(disk.crash(loss), told)).map((wrong) => `${where}; ${name}: ${wrong}`));
    }
    size.onRun?.(report);
  }
  return report;
}

/** Lives that are killed after a call, and the start after them at each of its changing calls. */
export async function sweepRecoveries(size: SweepSize & { readonly killsPerRecovery: number }): Promise<SweepReport> {
  const report = emptyReport();
  for (const fault of await faultsFor(size, ['kill after', 'torn half'])) {
    const { disk, lived } = await liveAnew(size.durability, fault);
    const strike = nameOfStrike(fault, disk);
    if (strike === undefined) continue;
    report.runs += 1;
    for (const number of evenly(await recoveryCalls(disk.crash()), { runs: size.killsPerRecovery, seed: size.seed + report.runs })) {
      const again = disk.crash();
      again.fail({ number, action: { kind: 'kill', when: 'after' } });
      await startLife(again).catch(() => undefined);
      await again.settle();
      for (const kept of ['cached', 'synced'] as const) {
        const loss = { content: kept, size: kept, names: kept };
        report.states += 1;
        const where = `${strike}, and then after call ${number} of the start, ${kept}`;
        // What the first crash left lies on the disk by now: the loss takes only what the start has not synced.
        report.faults.push(...(await judgeRest(again.crash(loss), lived.told)).map((wrong) => `${where}: ${wrong}`));
      }
    }
    size.onRun?.(report);
  }
  return report;
}

async function recoveryCalls(disk: FaultDisk): Promise<readonly number[]> {
  const first = disk.calls.length;
  const life = await startLife(disk);
  const calls = disk.calls.slice(first).filter(({ method }) => CHANGING_METHODS.includes(method)).map(({ number }) => number);
  await life.lives.close();
  return calls;
}

/**
 * Loses power at calls of a life, and draws what is left of what was not synced.
 *
 * @param size how many lives
 * @param statesPerRun how many states are drawn for each
 * @returns what came of it
 */
export async function sweepPowerLosses(size: SweepSize, statesPerRun: number): Promise<SweepReport> {
  const report = emptyReport();
  const random = randomFrom(size.seed);
  for (const fault of await faultsFor(size, ['kill before', 'torn half'])) {
    const { disk, lived } = await liveAnew(size.durability, fault);
    const strike = nameOfStrike(fault, disk);
    if (strike === undefined) continue;
    const told = lived.told.afterPowerLoss(disk);
    report.runs += 1;
    for (let state = 0; state < statesPerRun; state += 1) {
      report.states += 1;
      const left = afterPowerLoss(disk, random);
      const where = `${strike}, state ${report.states} of seed ${size.seed}`;
      report.faults.push(...(await judgeRest(left, told)).map((wrong) => `${where}: ${wrong}`));
    }
    size.onRun?.(report);
  }
  return report;
}
