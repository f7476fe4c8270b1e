/**
 * Asks before what cannot be undone. Without a terminal there is no one to ask, so the command line has to say it.
 */
import { createInterface } from 'node:readline/promises';
import { UsageError } from '../exit-codes.js';
import { printable } from '../printable.js';

/** What may be confirmed. */
interface Confirmation {
  /** What will be done, as a question. */
  readonly question: string;
  /** What to type; @default y */
  readonly answer?: string;
  /** Whether the command line confirmed it already. */
  readonly yes: boolean | undefined;
  readonly signal: AbortSignal;
}

/**
 * Whether a person can be asked.
 */
export function canAsk(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}

/**
 * Makes sure that a person wants it.
 *
 * @returns false if the person does not
 * @throws {UsageError} when there is no terminal to ask at, and the command line does not confirm it
 */
export async function confirm({ question, answer = 'y', yes, signal }: Confirmation): Promise<boolean> {
  if (yes === true) return true;
  if (!canAsk()) throw new UsageError(`${printable(question)} Repeat the command with --yes to confirm it`);
  const given = await ask(`${printable(question)} ${answer === 'y' ? '[y/N]' : `Type ${answer} to confirm:`} `, signal);
  return answer === 'y' ? /^y(?:es)?$/i.test(given) : given === answer;
}

/** Asks a person at the terminal. */
export async function ask(question: string, signal: AbortSignal): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // A Ctrl-C at the question is one for the command.
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  const ended = new Promise<string>((resolve) => terminal.once('close', () => resolve('')));
  try {
    return (await Promise.race([terminal.question(question, { signal }), ended])).trim();
  } finally {
    terminal.close();
  }
}
