/**
 * The exit codes of the program, after `sysexits.h`, and which error ends in which code.
 */
import { AppError, isErrno } from '../base/app-error.js';
import type { ErrorCode } from '../base/error-codes.js';
import { InvariantError } from '../base/invariant.js';
import { ConfigError } from '../config/config-error.js';
import { ListeningError } from '../config/listening-error.js';
import { OutOfReachError } from '../offline/replay/moment.js';
import { FolderBusyError, FolderLockedError, FolderPermissionError } from '../offline/offline-lock.js';
import { ProfileError } from './online/profile-error.js';
import { RemoteError } from './remote-error.js';
import { InputError } from './input-error.js';
import { OutputError } from './command-output.js';
import { UnshownTextError } from './console-output.js';
import { ScratchFolderError } from './scratch-folder.js';

/** The codes. */
export const EXIT_CODES = {
  /** Success. */
  ok: 0,
  /**
   * The answer is no: there is no such key, a condition does not hold, something is damaged or was not repaired. A command that asks a
   * server: also any other refusal. `serve`: an unexpected failure.
   */
  failure: 1,
  /** The command line is wrong, or names a project or a point in a log that does not exist. */
  usage: 64,
  /** The input cannot be used: a value that is no JSON, a line that `import` cannot import, settings that a server refuses. */
  badInput: 65,
  /** The data folder does not exist or is empty. */
  noInput: 66,
  /** The port is taken or cannot be used. A command that asks a server: it cannot be reached, or its answer broke off. */
  unavailable: 69,
  /** A defect of the program ended a command on files, which then has no answer. */
  defect: 70,
  /**
   * Output, a temporary file or a data file could not be written, or a new API key could not be shown. A command on files: also any other
   * call that the system refused, except for lack of permission.
   */
  outputFailed: 74,
  /** Another server or a command uses the data folder. A command that asks a server: it is busy, starting or shutting down. */
  temporaryFailure: 75,
  /** Missing permission to read or write the files. A command that asks a server: it refuses the API key, or demands one. */
  noPermission: 77,
  /** The configuration, or the file of profiles, cannot be used; `reload`: the server refuses its configuration. */
  configuration: 78,
} as const;

/** The command line is wrong, or names something that does not exist. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The data folder does not exist or holds no data. */
export class MissingDataError extends Error {
  override readonly name = 'MissingDataError';
}

/** Errors that only a mistake in the program throws. */
const DEFECTS = [InvariantError, TypeError, RangeError, ReferenceError, SyntaxError] as const;
/** The error of a project that does not exist, here or on a server. */
const UNKNOWN_PROJECT: ErrorCode = 'project_not_found';
/** Failures of the disk. */
const DISK_CODES: readonly ErrorCode[] = ['disk_full', 'disk_failed'];

/**
 * The exit code for the error that ended a startup or a command.
 *
 * @returns one of {@link EXIT_CODES}
 */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError || error instanceof OutOfReachError) return EXIT_CODES.usage;
  if (error instanceof InputError) return EXIT_CODES.badInput;
  if (error instanceof MissingDataError) return EXIT_CODES.noInput;
  if (error instanceof OutputError || error instanceof ScratchFolderError) return EXIT_CODES.outputFailed;
  if (error instanceof ConfigError) return EXIT_CODES.configuration;
  if (error instanceof UnshownTextError) return EXIT_CODES.outputFailed;
  if (error instanceof FolderLockedError || error instanceof FolderBusyError) return EXIT_CODES.temporaryFailure;
  if (error instanceof ListeningError) return EXIT_CODES.unavailable;
  if ((error instanceof AppError || error instanceof RemoteError) && error.code === UNKNOWN_PROJECT) return EXIT_CODES.usage;
  if (error instanceof RemoteError) return error.exitCode;
  if (error instanceof ProfileError) return error.exitCode ?? EXIT_CODES.configuration;
  if (error instanceof FolderPermissionError || isErrno(error, 'EACCES', 'EPERM', 'EROFS')) return EXIT_CODES.noPermission;
  return EXIT_CODES.failure;
}

/**
 * The exit code for the error that ended a command on files. For these commands 1 is an answer about the files, so a failure to get
 * an answer has another code.
 *
 * @returns one of {@link EXIT_CODES}
 */
export function exitCodeOfFileCommand(error: unknown): number {
  const code = exitCodeOf(error);
  if (code !== EXIT_CODES.failure) return code;
  if (isErrno(error) || (error instanceof AppError && DISK_CODES.includes(error.code))) return EXIT_CODES.outputFailed;
  return DEFECTS.some((defect) => error instanceof defect) ? EXIT_CODES.defect : code;
}
