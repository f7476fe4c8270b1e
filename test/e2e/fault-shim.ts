/**
 * Builds `fault-shim.c` and says how the program is started under it.
 */
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, readFileSync, renameSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { hasCommands } from '../docs/shell-session.js';
import { runCommand, type Workbench } from './server-under-test.js';

/** The source is not compiled along with the tests: it stands in the project, above the folder of what is built. */
const SOURCE = fileURLToPath(new URL('../../../test/e2e/fault-shim.c', import.meta.url));

/** What is to go wrong with the syncs, or the reads, of one file; the names are explained in the source. */
export interface Fault {
  readonly path: string;
  readonly arm?: string;
  /** True: with reads. @default false */
  readonly isRead?: boolean;
  readonly nth?: number;
  readonly errno?: number;
  readonly times?: number;
  readonly ms?: number;
}

/**
 * Puts the library at a path. It is compiled once for all tests, and kept beside them under a name that its source decides.
 *
 * @param library Where a test wants it
 * @returns False where there is no compiler
 */
export async function compileFaultShim(library: string): Promise<boolean> {
  if (existsSync(library)) return true;
  if (!hasCommands(['gcc'])) return false;
  const digest = createHash('sha256').update(readFileSync(SOURCE)).digest('hex');
  const kept = fileURLToPath(new URL(`./fault-shim-${digest}.so`, import.meta.url));
  if (!existsSync(kept)) {
    const own = `${kept}.${process.pid}`;
    const built = await runCommand('gcc', ['-O1', '-Wall', '-Werror', '-shared', '-fPIC', '-o', own, SOURCE, '-ldl', '-lpthread']);
    if (built.code !== 0) throw new Error(`Cannot build the shim: ${built.output}`);
    renameSync(own, kept);
  }
  copyFileSync(kept, library);
  return true;
}

/**
 * Builds the shim into a test's folder.
 *
 * @param bench the folder
 * @param fault what is to go wrong
 * @returns the environment to start the program with; undefined, and a line on the console, where there is no compiler
 */
export async function buildFaultShim(bench: Workbench, fault: Fault): Promise<Readonly<Record<string, string>> | undefined> {
  const library = bench.path('fault-shim.so');
  if (!(await compileFaultShim(library))) return undefined;
  const { path, arm, isRead = false, nth = 1, errno = 0, times = 1, ms = 0 } = fault;
  return {
    // Where libuv used io_uring, syncs would go past the library.
    UV_USE_IO_URING: '0',
    LD_PRELOAD: library,
    FAULT_PATH: path,
    ...(arm === undefined ? {} : { FAULT_ARM: arm }),
    FAULT_READS: isRead ? '1' : '0',
    FAULT_NTH: String(nth),
    FAULT_ERRNO: String(errno),
    FAULT_FOR: String(times),
    FAULT_MS: String(ms),
  };
}
