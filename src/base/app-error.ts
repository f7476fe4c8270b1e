/**
 * The base class of every error that a caller can act on. Knows no HTTP.
 */
import type { ErrorCode } from './error-codes.js';

/** Small facts that a caller can act on. Clients see them, so they never contain an API key, a value or a path. */
export type ErrorFacts = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

interface AppErrorOptions {
  /** Shown to the client beside the message. */
  readonly facts?: ErrorFacts;
  /** Logged to the server log only. */
  readonly cause?: unknown;
}

/** An error with a stable code. */
export class AppError extends Error {
  override readonly name: string = 'AppError';
  readonly code: ErrorCode;
  readonly facts: ErrorFacts;

  /** @param message what failed, with which value, and what to do; `Cannot <action>: <reason>`, no full stop */
  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.facts = options.facts ?? {};
  }
}

/** Tells whether a thrown value is a system error with one of the given errno names, such as `ENOENT`; without names, with any. */
export function isErrno(error: unknown, ...codes: readonly string[]): error is NodeJS.ErrnoException {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return false;
  return codes.length === 0 ? 'errno' in error : codes.includes(error.code);
}

/**
 * Maps an error for lack of disk space to `disk_full`; returns any other error as it is.
 *
 * @param message the action without the reason: `Cannot create the project "a"`
 */
export function withDiskFull(error: unknown, message: string): unknown {
  if (!isErrno(error, 'ENOSPC', 'EDQUOT', 'EFBIG')) return error;
  return new AppError('disk_full', `${message}: the disk is full`, { cause: error });
}

/** Only a defect of this program can cause these. */
const DEFECTS: readonly string[] = ['EBADF', 'EFAULT'];

/**
 * Maps a system error to `disk_full` or `disk_failed`; returns any other error as it is, and also EBADF and EFAULT, which are defects
 * of this program.
 *
 * @param message the action without the reason
 */
export function withDiskCode(error: unknown, message: string): unknown {
  const known = withDiskFull(error, message);
  if (known !== error || !isErrno(error) || DEFECTS.includes(error.code ?? '')) return known;
  return new AppError('disk_failed', `${message}: the disk returned ${error.code ?? 'an error'}`, { cause: error });
}
