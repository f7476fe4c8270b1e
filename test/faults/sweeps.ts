/** The sweeps that the tests and the proofs run: the same in both, over few or over all. */
import { randomFrom } from '../e2e/kill-loop.js';
import { CHANGING_METHODS, type FaultDisk } from '../disk/fault-disk.js';
import { startLife } from './faulted-life.js';
import type { PlannedFault } from './fault-plan.js';
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
  /** About how many runs; chosen evenly from all. */
  readonly runs: number;
  readonly seed: number;
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
  for (const fault of evenly(await allFaults(), size)) {
    const { disk, lived } = await liveAnew(fault);
    const where = `${fault.label}, during "${lived.step}"`;
    report.runs += 1;
    report.faults.push(...lived.told.faults.map((wrong) => `${where}: ${wrong}`));
    for (const [name, loss] of Object.entries(lossesOf(fault))) {
      report.states += 1;
      report.faults.push(...(await judgeRest(disk.crash(loss), lived.told)).map((wrong) => `${where}; ${name}: ${wrong}`));
    }
    size.onRun?.(report);
  }
  return report;
}

/** Lives that are killed after a call, and the start after them at each of its changing calls. */
export async function sweepRecoveries(size: SweepSize & { readonly killsPerRecovery: number }): Promise<SweepReport> {
  const report = emptyReport();
  for (const fault of evenly(await allFaults(['kill after', 'torn half']), size)) {
    const { disk, lived } = await liveAnew(fault);
    report.runs += 1;
    for (const number of evenly(await recoveryCalls(disk.crash()), { runs: size.killsPerRecovery, seed: size.seed + report.runs })) {
      const again = disk.crash();
      again.fail({ number, action: { kind: 'kill', when: 'after' } });
      await startLife(again).catch(() => undefined);
      await again.settle();
      for (const kept of ['cached', 'synced'] as const) {
        const loss = { content: kept, size: kept, names: kept };
        report.states += 1;
        const where = `${fault.label}, and then after call ${number} of the start, ${kept}`;
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
  const moments: readonly PlannedFault[] = await allFaults(['kill before', 'torn half']);
  for (const fault of evenly(moments, size)) {
    const { disk, lived } = await liveAnew(fault);
    report.runs += 1;
    for (let state = 0; state < statesPerRun; state += 1) {
      report.states += 1;
      const left = afterPowerLoss(disk, random);
      const where = `${fault.label}, state ${report.states} of seed ${size.seed}`;
      report.faults.push(...(await judgeRest(left, lived.told)).map((wrong) => `${where}: ${wrong}`));
    }
    size.onRun?.(report);
  }
  return report;
}
