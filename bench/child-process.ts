/** Starts the programs that are measured, on the processor that is theirs, and ends all of them however this process ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const STOP_LIMIT_MS = 180_000;
/** Short beside a start of some hundred milliseconds, and long enough to leave the processor to the one that starts. */
const POLL_MS = 5;
/** A program that is being killed may still make a file. */
const REMOVALS_MAX = 3;

const children = new Set<ChildProcess>();
const folders = new Set<string>();
let serverProcessor: number | undefined;
let isWatching = false;


/** What can be started, and where its output goes. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  /** A file for standard output and standard error. Read through a pipe, they would cost the measuring process time. */
  readonly output: string;
}

/** How a program shows that it has started. */
export interface Readiness {
  readonly output: string;
  readonly limitMs: number;
  /** Called until it gives something; a rejection counts as nothing. */
  look(): Promise<string | undefined>;
}

/**
 * Puts every program that is started from now on onto one processor.
 *
 * @param processor Its number; undefined for any
 */
export function pinPrograms(processor: number | undefined): void {
  serverProcessor = processor;
}

/**
 * Makes a folder that is removed when this process ends.
 *
 * @param parent Where it is made
 * @returns Its path
 */
export function scratchFolder(parent: string): string {
  watchEnd();
  const folder = mkdtempSync(path.join(parent, 'simplekv-bench-'));
  folders.add(folder);
  return folder;
}

/**
 * Starts a program.
 *
 * @returns Its process, which may not have begun to serve
 */
export function startProgram({ command, args, output }: Program): ChildProcess {
  watchEnd();
  const descriptor = openSync(output, 'w');
  // taskset becomes the command: the process stays the same.
  const pinned = serverProcessor === undefined ? [command, ...args] : ['taskset', '--cpu-list', String(serverProcessor), command, ...args];
  const child = spawn(pinned[0] ?? command, pinned.slice(1), { stdio: ['ignore', descriptor, descriptor] });
  closeSync(descriptor);
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

/**
 * Waits until a program has started.
 *
 * @returns What `look` found
 * @throws {Error} When the program ends, or takes too long
 */
export async function waitFor(child: ChildProcess, { output, limitMs, look }: Readiness): Promise<string> {
  const deadlineMs = performance.now() + limitMs;
  while (performance.now() < deadlineMs && !hasEnded(child)) {
    const found = await look().catch(() => undefined);
    if (found !== undefined) return found;
    await sleep(POLL_MS);
  }
  child.kill('SIGKILL');
  throw new Error(`Cannot measure: a server did not start\n${readFileSync(output, 'utf8')}`);
}

/**
 * Asks a server once, over a connection of its own.
 *
 * @param port Its port on 127.0.0.1
 * @returns The status of the answer; rejects while nothing listens
 */
export async function statusOf(port: number, target: string): Promise<number> {
  const asked = request({ host: '127.0.0.1', port, path: target, agent: false }).end();
  const [response] = await once(asked, 'response') as [{ statusCode: number; resume(): void }];
  response.resume();
  return response.statusCode;
}

/**
 * Ends a program politely, and by force when that takes minutes.
 *
 * @param child Its process
 */
export async function stopProgram(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
  await ended;
  clearTimeout(timer);
}

/**
 * Ends a program at once, as a crash does.
 *
 * @param child Its process
 */
export async function killProgram(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** Not at loading: who only takes a function from here keeps its own signals. */
function watchEnd(): void {
  if (isWatching) return;
  isWatching = true;
  // First, so that nothing writes any more when a caller removes its folder at exit too.
  process.prependOnceListener('exit', () => {
    for (const child of children) child.kill('SIGKILL');
    for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: REMOVALS_MAX });
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
