/**
 * Common to the commands on files: gives them an output and an abort signal, reports their error, and sets the exit code.
 */
import { constants } from 'node:os';
import { isErrno } from '../base/app-error.js';
import { CommandOutput, complain } from './command-output.js';
import { onEndingSignals } from './ending-signals.js';
import { EXIT_CODES, exitCodeOfFileCommand } from './exit-codes.js';

/** The options of every command on files: what names the data folder. */
export interface FolderOptions {
  readonly config?: string;
  readonly data?: string;
}

/** What a command runs with. */
export interface RunContext {
  readonly output: CommandOutput;
  /** Aborted by the first signal that asks the command to end. */
  readonly signal: AbortSignal;
}

/** Signals with which a terminal, a shell or an init system ends a command. */
const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;
/** What a shell adds to the number of the signal that ended a command. */
const SIGNAL_EXIT_BASE = 128;

/** What a system call does, if its name does not say so. */
const ACTIONS: Readonly<Record<string, string>> = {
  scandir: 'list', opendir: 'list', stat: 'access', lstat: 'access', statfs: 'access', mkdir: 'create', rmdir: 'remove', unlink: 'remove',
  mkdtemp: 'create a temporary folder in', copyfile: 'copy', fsync: 'sync', fdatasync: 'sync', ftruncate: 'truncate',
  utime: 'set the time of',
};
const NOT_ALLOWED: readonly string[] = ['EACCES', 'EPERM'];

/** A signal asked the command to end. */
class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
  readonly signalName: NodeJS.Signals;

  constructor(signalName: NodeJS.Signals) {
    super(`interrupted by ${signalName}`);
    this.signalName = signalName;
  }
}

/**
 * Runs a command. An interrupted command removes its temporary files and ends by the same signal; a later signal ends it at once.
 *
 * @param work resolves to false for exit code 1
 */
export async function runCommand(work: (context: RunContext) => Promise<boolean>): Promise<void> {
  const interruption = new AbortController();
  const ignoreSignals = onEndingSignals(ENDING_SIGNALS, {
    first: (name) => interruption.abort(new InterruptedError(name)),
    again: (name) => process.exit(SIGNAL_EXIT_BASE + constants.signals[name]),
  });
  const { signal } = interruption;
  let ended: unknown;
  try {
    const output = new CommandOutput(1, process.stdout, signal);
    process.exitCode = (await work({ output, signal })) ? EXIT_CODES.ok : EXIT_CODES.failure;
  } catch (error) {
    // The error of work that was cut short says nothing beyond the interruption.
    ended = signal.aborted ? signal.reason : error;
    complain(messageOf(ended));
    process.exitCode = exitCodeOfFileCommand(ended);
  }
  ignoreSignals();
  // A shell stops its script only if the signal ended the command; a command that exits does not stop it.
  if (ended instanceof InterruptedError) process.kill(process.pid, ended.signalName);
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (!isErrno(error) || error.path === undefined) return error.message;
  const { syscall = 'use', path, code = '' } = error;
  const failure = `Cannot ${ACTIONS[syscall] ?? syscall} "${path}"`;
  if (NOT_ALLOWED.includes(code)) return `${failure}: permission denied (${code}). Run it as the user that the server runs as`;
  return `${failure}: ${reasonIn(error.message)} (${code})`;
}

/** The reason within `ENOTDIR: not a directory, scandir '/x'`. */
function reasonIn(message: string): string {
  return /^[A-Z0-9]+: (.*), \w+ '/s.exec(message)?.[1] ?? message;
}
