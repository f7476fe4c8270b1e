/**
 * The one base of every refusal and failure that a caller can act on. Knows no HTTP and no room's words but the codes.
 */
import type { ErrorCode } from './error-codes.js';

/** Small facts a caller may act on; they are shown to clients, so never a key, a value or a path. */
export type ErrorFacts = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

/** What an {@link AppError} may carry besides its code and its text. */
export interface AppErrorOptions {
  /** Facts shown to the client beside the text. */
  readonly facts?: ErrorFacts;
  /** What went wrong underneath; goes to the server log only. */
  readonly cause?: unknown;
}

/** A refusal or failure with a stable code. */
export class AppError extends Error {
  override readonly name: string = 'AppError';
  /** Stable, snake_case; see {@link ErrorCode}. */
  readonly code: ErrorCode;
  /** Facts for the client. */
  readonly facts: ErrorFacts;

  /** @param message what happened, with which value, what to do; active voice, no full stop at the end */
  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.facts = options.facts ?? {};
  }
}

/**
 * Tells whether something thrown is a system error with an errno name.
 *
 * @param codes names such as `ENOENT`; none given means any errno name
 * @returns true when `error.code` is one of them
 */
export function isErrno(error: unknown, ...codes: readonly string[]): error is NodeJS.ErrnoException {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return false;
  return codes.length === 0 ? 'errno' in error : codes.includes(error.code);
}

/**
 * Gives an operation that the disk had no room for the code that callers act on.
 *
 * @param message what could not be done, without the reason: `Cannot create the project "a"`
 * @returns an `AppError` with `disk_full` where there was no room, else the same error
 */
export function withDiskFull(error: unknown, message: string): unknown {
  if (!isErrno(error, 'ENOSPC', 'EDQUOT', 'EFBIG')) return error;
  return new AppError('disk_full', `${message}: the disk is full`, { cause: error });
}

/** Errnos that only a wrong call of this program can cause. */
const DEFECTS: readonly string[] = ['EBADF', 'EFAULT'];

/**
 * Gives an operation whose call to the system failed the code that callers act on.
 *
 * @param message what could not be done, without the reason
 * @returns an `AppError` with `disk_full` or `disk_failed` for an error with an errno, else the same error; EBADF and EFAULT stay as
 *   they are, since only a wrong call of this program can cause them
 */
export function withDiskCode(error: unknown, message: string): unknown {
  const known = withDiskFull(error, message);
  if (known !== error || !isErrno(error) || DEFECTS.includes(error.code ?? '')) return known;
  return new AppError('disk_failed', `${message}: the disk says ${error.code ?? 'no'}`, { cause: error });
}
