/**
 * What the program's exit code says, after `sysexits.h`.
 */
import { isErrno } from '../base/app-error.js';
import { ConfigError } from '../config/config-error.js';
import { ListeningError } from '../config/listening-error.js';
import { FolderBusyError, FolderLockedError, FolderPermissionError } from '../offline/folder-guard.js';
import { OutOfReachError } from '../offline/out-of-reach.js';
import { OutputError } from './command-output.js';
import { UnshownTextError } from './console-output.js';
import { MissingDataError, UsageError } from './data-folder.js';

/** The codes. */
export const EXIT_CODES = {
  /** It did what it was asked for. */
  ok: 0,
  /** The answer is no: something is damaged, or was not repaired. Or it failed in a way that it did not expect. */
  failure: 1,
  /** The command line is wrong, or names a project that is not there, or a point that its log does not have. */
  usage: 64,
  /** There is no data where the command should look. */
  noInput: 66,
  /** The port is taken, or cannot be used. */
  unavailable: 69,
  /** Output, or a temporary file, could not be written; or a new key could not be shown. */
  outputFailed: 74,
  /** Another server has the data folder. */
  temporaryFailure: 75,
  /** The files may not be read or written. */
  noPermission: 77,
  /** The configuration cannot be used. */
  configuration: 78,
} as const;

/**
 * The exit code for what ended a start or a command.
 *
 * @returns one of {@link EXIT_CODES}
 */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError || error instanceof OutOfReachError) return EXIT_CODES.usage;
  if (error instanceof MissingDataError) return EXIT_CODES.noInput;
  if (error instanceof OutputError) return EXIT_CODES.outputFailed;
  if (error instanceof ConfigError) return EXIT_CODES.configuration;
  if (error instanceof UnshownTextError) return EXIT_CODES.outputFailed;
  if (error instanceof FolderLockedError || error instanceof FolderBusyError) return EXIT_CODES.temporaryFailure;
  if (error instanceof ListeningError) return EXIT_CODES.unavailable;
  if (error instanceof FolderPermissionError || isErrno(error, 'EACCES', 'EPERM', 'EROFS')) return EXIT_CODES.noPermission;
  return EXIT_CODES.failure;
}
