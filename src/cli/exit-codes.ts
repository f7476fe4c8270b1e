/**
 * What the program's exit code says, after `sysexits.h`.
 */
import { isErrno } from '../base/app-error.js';
import { ConfigError } from '../config/config-error.js';
import { FolderLockedError } from '../offline/folder-guard.js';

/** The codes. */
export const EXIT_CODES = {
  /** It did what it was asked for. */
  ok: 0,
  /** It failed in a way that it did not expect. */
  failure: 1,
  /** The command line is wrong. */
  usage: 64,
  /** The port is taken, or cannot be used. */
  unavailable: 69,
  /** Another server has the data folder. */
  temporaryFailure: 75,
  /** The configuration cannot be used. */
  configuration: 78,
} as const;

/** The calls of the system that a server begins to listen with. */
const LISTENING_CALLS = ['getaddrinfo', 'bind', 'listen'];

/**
 * The exit code for what ended a start.
 *
 * @param error what was thrown
 * @returns one of {@link EXIT_CODES}
 */
export function exitCodeOf(error: unknown): number {
  if (error instanceof ConfigError) return EXIT_CODES.configuration;
  if (error instanceof FolderLockedError) return EXIT_CODES.temporaryFailure;
  // By the call and not by the code: EACCES may also come from a file.
  if (isErrno(error) && LISTENING_CALLS.includes(error.syscall ?? '')) return EXIT_CODES.unavailable;
  return EXIT_CODES.failure;
}
