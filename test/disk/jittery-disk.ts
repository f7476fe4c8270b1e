/** A view of a disk that delays every call, before it takes effect and before it resolves. */
import { setImmediate as nextRound } from 'node:timers/promises';
import type { Disk, DiskFile } from '../../src/disk/disk.js';

/** Longest of these delays, in rounds of the event loop. */
const ROUNDS_MAX = 4;

/**
 * Returns a view whose calls interleave with those of another view as the random numbers decide.
 *
 * @param random returns numbers from 0 to below 1
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
