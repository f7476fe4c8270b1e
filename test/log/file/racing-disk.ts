/** A disk on which a log is written, and a second view of it on which something happens to the log before a call takes effect. */
import type { Disk } from '../../../src/disk/disk.js';
import type { FaultDisk } from '../../disk/fault-disk.js';

/**
 * Returns the view of a reader.
 *
 * @param meanwhile what the log's writer does before the nth call, from 1, that opens, lists or looks up a name
 */
export function racingView(disk: FaultDisk, meanwhile: (call: number) => Promise<void>): Disk {
  let calls = 0;
  const before = async <T>(work: () => Promise<T>): Promise<T> => {
    calls += 1;
    await meanwhile(calls);
    return await work();
  };
  return Object.assign(Object.create(disk) as FaultDisk, {
    open: (...args: Parameters<Disk['open']>) => before(() => disk.open(...args)),
    list: (path: string) => before(() => disk.list(path)),
    status: (path: string) => before(() => disk.status(path)),
  });
}
