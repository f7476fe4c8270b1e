/**
 * What an error says about the disk. The one place that sorts errnos, so that a full disk, a broken disk, a machine that is short of
 * something else and a defect of this program are distinguished in the same way everywhere.
 */
import { isErrno } from '../base/app-error.js';

/**
 * What went wrong.
 *
 * - `room`: the disk is full, or a quota or size limit is reached. It passes.
 * - `shortage`: the process or the machine is short of descriptors or memory. It passes, and says nothing about the disk.
 * - `disk`: any other errno, or a file that another program has changed. What lies on the disk is not known.
 * - `defect`: this program is at fault: a descriptor that it has closed, a wrong argument, a broken invariant. The disk is not.
 */
export type DiskFault = 'room' | 'shortage' | 'disk' | 'defect';

const ROOM = ['ENOSPC', 'EDQUOT', 'EFBIG'] as const;
const SHORTAGE = ['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN'] as const;
/** Errnos that only a wrong call can have. EINVAL is none of them: some file systems answer it to a sync that they do not know. */
const DEFECT = ['EBADF', 'EFAULT'] as const;

/** A file is not what was written to it: another program wrote to it, cut it, moved it or replaced it. */
export class ForeignChangeError extends Error {
  override readonly name = 'ForeignChangeError';
}

/**
 * Sorts an error.
 *
 * @param error what a call to the disk rejected with, or what was thrown beside it
 * @returns what it says; what is no error of the system at all is a defect
 */
export function faultOf(error: unknown): DiskFault {
  if (isErrno(error, ...ROOM)) return 'room';
  if (isErrno(error, ...SHORTAGE)) return 'shortage';
  if (error instanceof ForeignChangeError) return 'disk';
  return isErrno(error) && !isErrno(error, ...DEFECT) ? 'disk' : 'defect';
}
