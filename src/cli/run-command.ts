/**
 * What the commands on files have in common: their output, a way to be interrupted, and an exit code.
 */
import { constants } from 'node:os';
import { isErrno } from '../base/app-error.js';
import { CommandOutput } from './command-output.js';
import { onEndingSignals } from './ending-signals.js';
import { EXIT_CODES, exitCodeOfFileCommand } from './exit-codes.js';
import { complain } from './standard-error.js';

/** What a command works with. */
export interface CommandContext {
  readonly output: CommandOutput;
  /** Raised by the first signal that asks the command to end. */
  readonly signal: AbortSignal;
}

/** Signals that a terminal, a shell or an init system ends a command with. */
const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;
/** What a shell adds to the number of the signal that ended a command. */
const SIGNAL_EXIT_BASE = 128;

/** What the calls of the system do, for those whose name does not say it to a person. */
const DEEDS: Readonly<Record<string, string>> = {
  scandir: 'list', opendir: 'list', stat: 'look at', lstat: 'look at', statfs: 'look at', mkdir: 'make', rmdir: 'remove', unlink: 'remove',
  mkdtemp: 'make a temporary folder in', copyfile: 'copy', fsync: 'sync', fdatasync: 'sync', ftruncate: 'cut', utime: 'set the time of',
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
 * Runs a command, shows why it failed, and sets the exit code. A command that is interrupted puts away what it made on the way,
 * and ends by the same signal; a later signal ends it at once.
 *
 * @param work gives true when all is well, false for exit code 1
 */
export async function runCommand(work: (context: CommandContext) => Promise<boolean>): Promise<void> {
  const interruption = new AbortController();
  const ignoreSignals = onEndingSignals(ENDING_SIGNALS, {
    first: (name) => interruption.abort(new InterruptedError(name)),
    again: (name) => process.exit(SIGNAL_EXIT_BASE + constants.signals[name]),
  });
  const output = new CommandOutput({ descriptor: 1, stream: process.stdout }, interruption.signal);
  let ended: unknown;
  try {
    process.exitCode = (await work({ output, signal: interruption.signal })) ? EXIT_CODES.ok : EXIT_CODES.failure;
  } catch (error) {
    // What was cut short in the middle of a wait says no more than that.
    ended = interruption.signal.aborted ? interruption.signal.reason : error;
    complain(messageOf(ended));
    process.exitCode = exitCodeOfFileCommand(ended);
  }
  ignoreSignals();
  // A shell that runs a script stops it only when the command was ended by the signal, not when it ends by itself.
  if (ended instanceof InterruptedError) process.kill(process.pid, ended.signalName);
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (!isErrno(error) || error.path === undefined) return error.message;
  const { syscall = 'use', path, code = '' } = error;
  const deed = `Cannot ${DEEDS[syscall] ?? syscall} "${path}"`;
  if (NOT_ALLOWED.includes(code)) return `${deed}: permission denied (${code}). Run the command as the user of the server`;
  return `${deed}: ${reasonIn(error.message)} (${code})`;
}

/** From `ENOTDIR: not a directory, scandir '/x'`, what is not said already. */
function reasonIn(message: string): string {
  return /^[A-Z0-9]+: (.*), \w+ '/s.exec(message)?.[1] ?? message;
}
