/**
 * What an error says about the disk. The only place that classifies errnos, so that a full disk, a failing disk, a shortage of other
 * resources and a defect of this program are distinguished in the same way everywhere.
 */
import { isErrno } from '../base/app-error.js';

/**
 * The classes of errors.
 *
 * - `space`: the disk is full, or a quota or size limit is reached. Temporary.
 * - `shortage`: the process or the machine lacks descriptors or memory. Temporary, and says nothing about the disk.
 * - `disk`: any other errno, or a file that another program has changed. The state of the disk is unknown.
 * - `defect`: a defect of this program: a descriptor that it has closed, a wrong argument, a broken invariant. The disk has not failed.
 */
export type DiskFault = 'space' | 'shortage' | 'disk' | 'defect';

const SPACE = ['ENOSPC', 'EDQUOT', 'EFBIG'] as const;
const SHORTAGE = ['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN'] as const;
/** Errnos that only a wrong call can cause. Not EINVAL: some file systems return it for a sync that they do not support. */
const DEFECT = ['EBADF', 'EFAULT'] as const;

/** A file is not what this program wrote: another program wrote to it, truncated it, moved it or replaced it. */
export class ForeignChangeError extends Error {
  override readonly name = 'ForeignChangeError';
}

/**
 * Classifies an error.
 *
 * @param error what a call to the disk rejected with, or what the code around it threw
 * @returns `defect` for anything that is not an error of the operating system
 */
export function faultOf(error: unknown): DiskFault {
  if (isErrno(error, ...SPACE)) return 'space';
  if (isErrno(error, ...SHORTAGE)) return 'shortage';
  if (error instanceof ForeignChangeError) return 'disk';
  return isErrno(error) && !isErrno(error, ...DEFECT) ? 'disk' : 'defect';
}
