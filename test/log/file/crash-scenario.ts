/** Runs a workload with a kill at every call, and judges what the next process finds. */
import assert from 'node:assert/strict';
import type { LogHome } from '../../../src/log/log-home.js';
import type { LogLine, LogOptions } from '../../../src/log/log.js';
import type { CrashLoss } from '../../disk/disk-tree.js';
import { CHANGING_METHODS, type FaultAction, type FaultDisk } from '../../disk/fault-disk.js';
import { sampled } from '../../test-form.js';
import { collect, createLog, drafts, goOn, homeOn, LOG_ID, openLog, PROJECT } from './log-fixture.js';

/** Which unsynced data a crash may leave. */
export const LOSSES: Readonly<Record<string, CrashLoss>> = {
  'nothing is lost': { content: 'cached', size: 'cached', names: 'cached' },
  'all that was not synced is lost': { content: 'synced', size: 'synced', names: 'synced' },
  'unsynced bytes are zeros': { content: 'synced', size: 'cached', names: 'cached' },
  'unsynced names are lost': { content: 'cached', size: 'cached', names: 'synced' },
  'all that was not synced is lost, but for the newest name': { content: 'synced', size: 'synced', names: 'newest' },
  'unsynced bytes are lost': { content: 'synced', size: 'synced', names: 'cached' },
};

/** Ways of being killed at a call. */
export const KILLS: readonly FaultAction[] = [
  { kind: 'kill', when: 'before' },
  { kind: 'kill', when: 'after' },
  { kind: 'kill', when: { bytes: 1 } },
  { kind: 'kill', when: { bytes: 500 } },
];

/** What a workload knew before it was killed. */
export interface Told {
  /** Whether the creation was acknowledged. */
  created: boolean;
  /** The hash of each acknowledged line, by seq - 1. */
  readonly hashes: string[];
}

/** Work on a disk that may be killed at any call. */
export type Workload = (disk: FaultDisk, told: Told) => Promise<void>;

/** Creates a log, appends batches, closes. */
export function writing(batches: readonly number[], options: LogOptions): Workload {
  return async (disk, told) => {
    const log = await createLog(disk, options);
    try {
      told.created = true;
      for (const size of batches) {
        const { seq } = log.position();
        const lines = await log.append(drafts(seq + 1, seq + size), seq);
        told.hashes.push(...lines.map((line) => line.hash));
      }
    } finally {
      await log.close();
    }
  };
}

/** The result of one run with a kill. */
export interface KilledRun {
  readonly disk: FaultDisk;
  readonly told: Told;
  readonly label: string;
}

/** Runs a workload once for each changing call and each kind of kill; with a stride, for every n-th of them in the short form. */
export async function* killEverywhere(start: () => FaultDisk, work: Workload, every = 1): AsyncGenerator<KilledRun> {
  const whole = start();
  await work(whole, { created: false, hashes: [] });
  const points = whole.calls.filter((call) => CHANGING_METHODS.includes(call.method));
  const kills = points.flatMap(({ number, method, path }) => {
    const isWrite = method === 'append' || method === 'overwrite';
    return (isWrite ? KILLS : KILLS.slice(0, 2)).map((action) => ({ number, method, path, action }));
  });
  for (const { number, method, path, action } of sampled(kills, every)) {
    const disk = start();
    const told: Told = { created: false, hashes: [] };
    disk.fail({ number, action });
    await work(disk, told).catch((error: unknown) => assert.ok(disk.isKilled, `only the kill stops the work: ${String(error)}`));
    await disk.settle();
    yield { disk, told, label: `call ${number} ${method} ${path}, ${JSON.stringify(action)}` };
  }
}

/** The bytes of every segment. */
export function segmentBytes(disk: FaultDisk): Map<string, string> {
  return new Map([...disk.contents()].filter(([name]) => name.endsWith('.jsonl')).map(([name, bytes]) => [name, bytes.toString('latin1')]));
}

/** Checks that everything acknowledged is there, unchanged, and that the log stays usable. */
export async function judgeSurvivor(disk: FaultDisk, told: Told, options: LogOptions): Promise<void> {
  const home: LogHome = homeOn(disk);
  const replayed: LogLine[] = [];
  const log = await home.open(PROJECT, { ...options, expectedLogId: LOG_ID, replay: (line) => void replayed.push(line) });
  if (log === undefined) {
    assert.equal(told.created, false, 'a log whose creation was acknowledged is there');
    await (await createLog(disk, options)).close();
    return;
  }
  assert.deepEqual(replayed.slice(0, told.hashes.length).map((line) => line.hash), told.hashes, 'every acknowledged line is there');
  // The content of a line derives from its seq, so that any other content is a change.
  for (const line of replayed) assert.equal(line.body, drafts(line.seq, line.seq)[0]?.body, 'no line is changed');
  assert.deepEqual(await collect(log.read({ fromSeq: 1 })), replayed);
  await log.close();
  const healed = segmentBytes(disk);
  const again = await openLog(disk, options);
  assert.deepEqual(again.replayed, replayed);
  assert.deepEqual(segmentBytes(disk), healed, 'recovering again changes nothing');
  await goOn(disk, again.log, options);
}

/** Judges the disk after each kind of loss, or after some. */
export async function judgeEveryLoss(run: KilledRun, options: LogOptions, losses = LOSSES): Promise<void> {
  for (const [name, loss] of Object.entries(losses)) {
    try {
      await judgeSurvivor(run.disk.crash(loss), run.told, options);
    } catch (error) {
      throw new Error(`After a kill at ${run.label}; ${name}`, { cause: error });
    }
  }
}
