/** The machine that a measurement runs on: which processors the two sides get, what is installed, and what it is, in words. */
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, fdatasyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { cpus } from 'node:os';
import path from 'node:path';
import { median } from './numbers.js';

const SYNCS = 50;
const SYNCED_BYTES = 512;
const US_PER_MS = 1000;
const HASH_LENGTH = 10;

/** Something that a contender needs, and that may not be installed. */
export interface Tool {
  /** The command that is looked for. */
  readonly command: string;
  /** The Debian package that has it. */
  readonly packageName: string;
}

/** Which processor each side gets; undefined where there is only one, or no way to choose. */
export interface Processors {
  readonly server: number | undefined;
  readonly generator: number | undefined;
}

const TASKSET: Tool = { command: 'taskset', packageName: 'util-linux' };

/**
 * Chooses a processor for the servers and another one for everything else, and moves this process to the latter. What it starts from
 * now on without choosing runs there too.
 *
 * @returns The processors
 */
export function divideProcessors(): Processors {
  const [server, generator] = allowedProcessors();
  if (server === undefined || generator === undefined || !isInstalled(TASKSET)) return { server: undefined, generator: undefined };
  // All threads: those of the thread pool and of the garbage collector would otherwise run beside the server.
  execFileSync(TASKSET.command, ['--all-tasks', '--cpu-list', '--pid', String(generator), String(process.pid)], { stdio: 'ignore' });
  return { server, generator };
}

/**
 * Looks for a command.
 *
 * @param tool What is needed
 * @returns Whether it is installed
 */
export function isInstalled(tool: Tool): boolean {
  const folders = (process.env['PATH'] ?? '').split(path.delimiter);
  return folders.some((folder) => folder !== '' && existsSync(path.join(folder, tool.command)));
}

/**
 * Describes the machine and the state of the source.
 *
 * @param folder Where the servers put their data: its disk is the one that counts
 * @param processors Where the two sides run
 * @param tools Whose versions are of interest
 * @returns One fact a line
 */
export function describeMachine(folder: string, processors: Processors, tools: readonly Tool[]): readonly string[] {
  const [first] = cpus();
  const versions = tools.map((tool) => `${tool.packageName} ${isInstalled(tool) ? versionOf(tool) : 'not installed'}`);
  const { server, generator } = processors;
  const shared = 'servers and load generator share what there is';
  const pinning = server === undefined ? shared : `servers on ${server}, load generator on ${generator}`;
  return [
    `${new Date().toISOString().slice(0, 'YYYY-MM-DD'.length)}, source ${sourceState()}`,
    `${cpus().length} processors (${first?.model.trim()}): ${pinning}`,
    `one write of ${SYNCED_BYTES} bytes and fdatasync alone: ${syncMs(folder).toFixed(2)} ms`,
    ['Node ' + process.versions.node, ...versions].join(', '),
  ];
}

function allowedProcessors(): readonly number[] {
  const list = /^Cpus_allowed_list:\s+(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '';
  return list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

/** As the package says: not every command has an option for it, and webdis starts to serve whatever it is asked. */
function versionOf({ packageName }: Tool): string {
  const printed = printedBy('dpkg-query', ['--show', '--showformat', '${Version}', packageName]);
  return /\d+(?:\.\d+)+/.exec(printed ?? '')?.[0] ?? 'of unknown version';
}

/** Which commit was measured, and whether anything was changed since. */
function sourceState(): string {
  const commit = printedBy('git', ['rev-parse', 'HEAD'])?.slice(0, HASH_LENGTH);
  if (commit === undefined) return 'of no known commit';
  return printedBy('git', ['status', '--porcelain', '--untracked-files=no']) === '' ? commit : `${commit} with changes`;
}

/** undefined when the command is missing or fails. */
function printedBy(command: string, options: readonly string[]): string | undefined {
  try {
    return execFileSync(command, options, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}

function syncMs(folder: string): number {
  const file = path.join(folder, 'sync-probe');
  const descriptor = openSync(file, 'a');
  const line = Buffer.alloc(SYNCED_BYTES, 'x');
  const timesMs = Array.from({ length: SYNCS }, () => {
    const beganMs = performance.now();
    writeSync(descriptor, line);
    fdatasyncSync(descriptor);
    return performance.now() - beganMs;
  });
  closeSync(descriptor);
  rmSync(file);
  return Math.round(median(timesMs) * US_PER_MS) / US_PER_MS;
}
