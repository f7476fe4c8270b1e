/**
 * What the program's exit code says, after `sysexits.h`.
 */
import { AppError, isErrno } from '../base/app-error.js';
import type { ErrorCode } from '../base/error-codes.js';
import { InvariantError } from '../base/invariant.js';
import { ConfigError } from '../config/config-error.js';
import { ListeningError } from '../config/listening-error.js';
import { FolderBusyError, FolderLockedError, FolderPermissionError } from '../offline/repair/repair-lock.js';
import { OutOfReachError } from '../offline/replay/moment.js';
import { OutputError } from './command-output.js';
import { UnshownTextError } from './console-output.js';
import { MissingDataError, UsageError } from './data-folder.js';
import { ScratchFolderError } from './scratch-folder.js';

/** The codes. */
export const EXIT_CODES = {
  /** It did what it was asked for. */
  ok: 0,
  /** The answer is no: something is damaged, or was not repaired. `serve`: it failed in a way that it did not expect. */
  failure: 1,
  /** The command line is wrong, or names a project that is not there, or a point that its log does not have. */
  usage: 64,
  /** There is no data where the command should look. */
  noInput: 66,
  /** The port is taken, or cannot be used. */
  unavailable: 69,
  /** A defect of the program ended a command on files, which has no answer then. */
  defect: 70,
  /** Output, or a temporary file, could not be written, or a file not be worked on; or a new key could not be shown. */
  outputFailed: 74,
  /** Another server has the data folder. */
  temporaryFailure: 75,
  /** The files may not be read or written. */
  noPermission: 77,
  /** The configuration cannot be used. */
  configuration: 78,
} as const;

/** What only a mistake in the program throws. */
const DEFECTS = [InvariantError, TypeError, RangeError, ReferenceError, SyntaxError] as const;
/** What the disk did not let a command do. */
const DISK_CODES: readonly ErrorCode[] = ['disk_full', 'disk_failed'];

/**
 * The exit code for what ended a start or a command.
 *
 * @returns one of {@link EXIT_CODES}
 */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError || error instanceof OutOfReachError) return EXIT_CODES.usage;
  if (error instanceof MissingDataError) return EXIT_CODES.noInput;
  if (error instanceof OutputError || error instanceof ScratchFolderError) return EXIT_CODES.outputFailed;
  if (error instanceof ConfigError) return EXIT_CODES.configuration;
  if (error instanceof UnshownTextError) return EXIT_CODES.outputFailed;
  if (error instanceof FolderLockedError || error instanceof FolderBusyError) return EXIT_CODES.temporaryFailure;
  if (error instanceof ListeningError) return EXIT_CODES.unavailable;
  if (error instanceof FolderPermissionError || isErrno(error, 'EACCES', 'EPERM', 'EROFS')) return EXIT_CODES.noPermission;
  return EXIT_CODES.failure;
}

/**
 * The exit code for what ended a command on files. Of such a command, 1 is an answer about the files: whatever kept it from an answer is
 * another code.
 *
 * @returns one of {@link EXIT_CODES}
 */
export function exitCodeOfFileCommand(error: unknown): number {
  const code = exitCodeOf(error);
  if (code !== EXIT_CODES.failure) return code;
  if (isErrno(error) || (error instanceof AppError && DISK_CODES.includes(error.code))) return EXIT_CODES.outputFailed;
  return DEFECTS.some((defect) => error instanceof defect) ? EXIT_CODES.defect : code;
}
