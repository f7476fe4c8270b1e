/** What the files of a log say by themselves: how far it was durable, and whether a start has to refuse what a loss of power left. */
import { SECTOR_BYTES } from '../../../src/log/file/recovery/torn-tail.js';
import type { FaultDisk } from '../../disk/fault-disk.js';
import { DATA } from './faulted-life.js';

const DURABLE = /,"durable":(\d+),"salt":/g;
const SEQ = /"seq":(\d+),/g;

function highest(text: string, pattern: RegExp): number {
  return Math.max(0, ...[...text.matchAll(pattern)].map(([, seq]) => Number(seq)));
}

/**
 * Reads how far a log is said to be durable: by a line of it, by its head, and by a sealed segment, which is synced before it gets its
 * name. What runs has said so to readers of the files, whether or not these bytes themselves are synced.
 *
 * @param disk the disk as running programs see it
 * @param id the project's id
 * @returns the highest seq, 0 for none
 */
export function claimedSeq(disk: FaultDisk, id: string): number {
  const claims = [...disk.contents()].map(([name, bytes]) => {
    const isSealed = new RegExp(`^${DATA}/${id}/\\d{20}\\.jsonl$`).test(name);
    if (isSealed || name === `${DATA}/${id}/head`) return highest(bytes.toString('latin1'), SEQ);
    return name === `${DATA}/${id}.jsonl` ? highest(bytes.toString('latin1'), DURABLE) : 0;
  });
  return Math.max(0, ...claims);
}

/**
 * Says whether a log has to be refused because a single byte of its bad line lies in a lost sector: one zero could as well be damage to
 * an acknowledged line.
 *
 * @param disk what a loss of power left
 * @param id the project's id
 * @returns true where the first bad line begins with the last byte of a sector, and that byte is zero
 */
export function isRefusedForOneByte(disk: FaultDisk, id: string): boolean {
  if (disk.tree.find(`${DATA}/${id}.jsonl`) === undefined) return false;
  const bytes = disk.bytesOf(`${DATA}/${id}.jsonl`);
  const zeroAt = bytes.indexOf(0);
  const isLastOfSector = zeroAt % SECTOR_BYTES === SECTOR_BYTES - 1 && bytes[zeroAt + 1] !== 0;
  return zeroAt > 0 && isLastOfSector && bytes[zeroAt - 1] === 0x0a;
}
