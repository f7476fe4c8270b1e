/** The commands on files as processes, on data folders written by hand. */
import { type ChildProcess, spawn, type StdioOptions } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { AnyEvent } from '../../src/events/event.js';
import type { Workbench } from '../e2e/server-under-test.js';
import { CREATE, LOG_ID, set, writeLog, type WrittenLog } from '../offline/written-project.js';
import { MAIN } from '../program-file.js';

/** How a command ended. */
export interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where a command runs, and where its output goes. */
export interface RunOptions {
  readonly stdio?: StdioOptions;
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
}

/**
 * Starts the program in the folder of a test. Coverage is not measured: a command that is killed leaves half a report. The variable
 * has to be there and empty, since Node hands its own on where it is absent.
 */
export function start(bench: Workbench, args: readonly string[], { stdio, env = {}, uid }: RunOptions = {}): ChildProcess {
  // The profiles of the user who runs the tests would name a server.
  const environment = { ...process.env, NODE_V8_COVERAGE: '', XDG_CONFIG_HOME: bench.path('settings'), ...env };
  const options = { cwd: bench.folder, env: environment, ...(uid !== undefined && { uid }) };
  const child = spawn(process.execPath, [MAIN, ...args], { ...options, stdio: stdio ?? ['ignore', 'pipe', 'pipe'] });
  bench.defer(() => child.kill('SIGKILL'));
  return child;
}

/** Collects what a command prints, and waits for its end. */
export async function ended(child: ChildProcess): Promise<Ran> {
  const out = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => void (out[name] += text));
  }
  return await new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, ...out })));
}

/** Runs a command to its end. */
export async function run(bench: Workbench, ...args: readonly string[]): Promise<Ran> {
  return await ended(start(bench, args));
}

/** Runs a command whose reader goes away before it has printed anything. */
export async function runUnread(bench: Workbench, ...args: readonly string[]): Promise<Ran> {
  const child = start(bench, args);
  child.stdout?.destroy();
  return await ended(child);
}

/** The array that `--json` prints of what `--jsonl` prints as lines. */
export function arrayOf(lines: string): string {
  return lines === '' ? '[]\n' : `[\n${lines.trimEnd().split('\n').join(',\n')}\n]\n`;
}

/** Writes logs into a data folder on the real disk. */
export function writeLogs(dataFolder: string, ...logs: readonly WrittenLog[]): void {
  for (const log of logs) {
    mkdirSync(path.join(dataFolder, log.project), { recursive: true });
    for (const [name, text] of log.files) writeFileSync(path.join(dataFolder, name), text);
  }
}

/** The registry that knows the project `shop`. */
export function registryOf(...events: readonly AnyEvent[]): WrittenLog {
  const created: AnyEvent = { op: 'project.created', id: 'shop', log_id: LOG_ID };
  return writeLog({ project: '_server', logId: 'e'.repeat(32), events: [created, ...events] });
}

/** A log of a creation and so many values of so many bytes, three lines to a sealed segment. */
export function shopLog(count: number, valueBytes = 10): WrittenLog {
  const values = Array.from({ length: count }, (_, index) => set(`k${index}`, JSON.stringify('x'.repeat(valueBytes))));
  return writeLog({ project: 'shop', events: [CREATE, ...values], sealed: [3, 3] });
}

/** Writes a data folder `data` with the project `shop`. */
export function writeShop(bench: Workbench, count = 8, valueBytes = 10): WrittenLog {
  const log = shopLog(count, valueBytes);
  writeLogs(bench.path('data'), registryOf(), log);
  return log;
}

/** Changes one bit in the middle of a file. */
export function damage(file: string): void {
  const bytes = readFileSync(file);
  const at = Math.floor(bytes.length / 2);
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  writeFileSync(file, bytes);
}

/** Names and contents of a folder, without sockets. */
export function contentsOf(folder: string): ReadonlyMap<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(entries.map(({ parentPath, name }) => [path.join(parentPath, name), readFileSync(path.join(parentPath, name), 'latin1')]));
}

/** A folder for temporary files, and the environment that names it. */
export function temporaryFolder(bench: Workbench): { readonly folder: string; readonly env: Record<string, string> } {
  const folder = bench.path('tmp');
  mkdirSync(folder);
  return { folder, env: { TMPDIR: folder } };
}
