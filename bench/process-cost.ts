/** What a process takes of the machine, as the kernel counts it. Linux only: it reads /proc. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const MICROSECONDS_PER_SECOND = 1_000_000;

/**
 * CPU time of a process so far, user and system together, of all its threads. The kernel counts in ticks, usually of 10 ms.
 *
 * @param pid The process
 * @returns Microseconds
 */
export function cpuTimeUs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the name in parentheses, and may hold blanks; utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * MICROSECONDS_PER_SECOND) / ticksPerSecond();
}

/**
 * Memory of a process that is in RAM.
 *
 * @param pid The process
 * @returns KiB
 */
export function residentKib(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

/**
 * Descriptors that a process has open.
 *
 * @param pid The process
 * @returns What each stands for, behind its number
 */
export function openDescriptors(pid: number): readonly string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).flatMap((number) => {
    try {
      return `${number} ${readlinkSync(`${folder}/${number}`)}`;
    } catch {
      // Closed since it was listed.
      return [];
    }
  });
}

let knownTicksPerSecond = 0;

function ticksPerSecond(): number {
  knownTicksPerSecond ||= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  return knownTicksPerSecond;
}
