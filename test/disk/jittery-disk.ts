/** A view of a disk on which every call takes its own time, before it is carried out and before it is answered. */
import { setImmediate as nextRound } from 'node:timers/promises';
import type { Disk, DiskFile } from '../../src/disk/disk.js';

/** Longest delay on each side of a call, in rounds of the event loop. */
const ROUNDS_MAX = 4;

/**
 * Makes a view whose calls interleave differently with those of another view at each run of the numbers.
 *
 * @param disk the disk
 * @param random gives numbers from 0 to below 1
 */
export function jitteryView(disk: Disk, random: () => number): Disk {
  const pause = async (): Promise<void> => {
    for (let rounds = Math.floor(random() * ROUNDS_MAX); rounds > 0; rounds -= 1) await nextRound();
  };
  const slowed = <T extends object>(target: T): T => new Proxy(target, {
    get: (_, name) => {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== 'function') return method;
      return async (...args: unknown[]): Promise<unknown> => {
        await pause();
        const result: unknown = await Reflect.apply(method, target, args);
        await pause();
        return name === 'open' || name === 'openFolder' ? slowed(result as DiskFile) : result;
      };
    },
  });
  return slowed(disk);
}
