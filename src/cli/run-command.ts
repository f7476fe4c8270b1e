/**
 * What the commands on files have in common: a scratch folder that is gone afterwards, a way to be interrupted, and an exit code.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { UsageError } from './data-folder.js';
import { EXIT_CODES, exitCodeOf } from './exit-codes.js';

/**
 * Runs a command, shows why it failed, and sets the exit code.
 *
 * @param work gives true when all is well, false for exit code 1
 */
export async function runCommand(work: () => Promise<boolean>): Promise<void> {
  // Whoever reads the output may have read enough: `simplekv replay … | head`.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(EXIT_CODES.ok);
  });
  try {
    process.exitCode = (await work()) ? EXIT_CODES.ok : EXIT_CODES.failure;
  } catch (error) {
    process.stderr.write(`simplekv: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof UsageError ? EXIT_CODES.usage : exitCodeOf(error);
  }
}

/**
 * Lends a folder that is gone afterwards, also when the command is interrupted.
 *
 * @param work what needs it; the signal is raised by SIGINT and SIGTERM
 * @returns what `work` returns
 */
export async function withScratchFolder<T>(work: (folder: string, signal: AbortSignal) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), 'simplekv-'));
  const interruption = new AbortController();
  const interrupt = (signal: NodeJS.Signals): void => interruption.abort(new Error(`Cannot go on: interrupted by ${signal}`));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupt);
  try {
    return await work(folder, interruption.signal);
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.removeListener(signal, interrupt);
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Waits until a piece of output has room, so that a slow reader slows the work and not the memory.
 *
 * @param piece what is printed on standard output
 */
export async function print(piece: string | Buffer): Promise<void> {
  if (process.stdout.write(piece)) return;
  await new Promise<void>((resolve) => process.stdout.once('drain', resolve));
}
