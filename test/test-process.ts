/**
 * Runs one test file in a process of its own, within limits of time and memory, and leaves nothing of it behind:
 * the file is the leader of a process group, and the whole group is killed when it is over or has taken too long.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { FileOutcome } from './file-verdict.js';

/** Loads the files that it is given, and runs their tests. */
const SEVERAL = fileURLToPath(new URL('./several-files.js', import.meta.url));

/** Output kept of one file; of more, the beginning is dropped. */
const OUTPUT_BYTES_MAX = 1024 * 1024;

/** After uvu's summary only open handles keep a process alive; this long they may take to close. */
const LINGER_LIMIT_MS = 30_000;

/** After the process has exited, a grandchild that still holds its output may keep us waiting this long. */
const DRAIN_LIMIT_MS = 10_000;

/** How a test file is run. */
export interface TestProcessOptions {
  /** Milliseconds the file may take. */
  readonly timeoutMs: number;
  /** Ends the file early; the reason's message says why. */
  readonly signal: AbortSignal;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * False keeps coverage from being measured, of the file and of what it starts, which makes them faster.
   *
   * @default true
   */
  readonly isMeasured?: boolean;
}

/** What a test file left behind, with its output. */
export interface TestProcessResult extends FileOutcome {
  /** Standard output and standard error as they came, bounded. */
  readonly output: string;
  /** Milliseconds from start to end. */
  readonly durationMs: number;
}

/**
 * Runs one test file to its end.
 *
 * @param file Path of the compiled test
 * @param options The limits
 * @returns What it left behind; never rejects because of the file
 */
export async function runTestFile(file: string, options: TestProcessOptions): Promise<TestProcessResult> {
  return await runTestFiles([file], options);
}

/**
 * Runs several test files to their end, one after another in one process.
 *
 * @param files Paths of compiled tests
 * @param options The limits, for all together
 * @returns What they left behind; never rejects because of them
 */
export async function runTestFiles(files: readonly string[], options: TestProcessOptions): Promise<TestProcessResult> {
  const args = files.length === 1 ? files : [SEVERAL, ...files];
  const startedAtMs = Date.now();
  const child = spawn(process.execPath, ['--enable-source-maps', ...args], {
    // A group of its own, so that servers started by the file end with it.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: environmentOf(options),
  });
  const stdout = new OutputTail();
  const output = new OutputTail();
  let killedBecause: string | null = null;
  const kill = (reason: string): void => {
    killedBecause ??= reason;
    killGroup(child);
  };
  const watch = watchLimits(kill, options);
  child.stdout?.on('data', (piece: Buffer) => {
    stdout.push(piece);
    output.push(piece);
    if (piece.includes('\n  Duration: ')) watch.summaryWasSeen();
  });
  child.stderr?.on('data', (piece: Buffer) => output.push(piece));
  const { exitCode, signal } = await ended(child, kill);
  watch.stop();
  killGroup(child);
  return {
    exitCode, signal, killedBecause, stdoutTail: stdout.text(), output: output.text(), durationMs: Date.now() - startedAtMs,
  };
}

function environmentOf({ env, isMeasured = true }: TestProcessOptions): NodeJS.ProcessEnv {
  // Colours would hide the summary from the parser, and NO_COLOR beside FORCE_COLOR makes Node warn.
  const environment: NodeJS.ProcessEnv = { ...process.env, FORCE_COLOR: '0', ...env };
  delete environment['NO_COLOR'];
  // Empty instead of absent, since Node passes its own value on where the variable is absent.
  if (!isMeasured) environment['NODE_V8_COVERAGE'] = '';
  return environment;
}

function watchLimits(kill: (reason: string) => void, options: TestProcessOptions) {
  const timer = setTimeout(() => kill(`took longer than ${options.timeoutMs} ms`), options.timeoutMs);
  const abort = (): void => kill(String(options.signal.reason));
  options.signal.addEventListener('abort', abort);
  if (options.signal.aborted) abort();
  let linger: NodeJS.Timeout | undefined;
  return {
    summaryWasSeen(): void {
      linger ??= setTimeout(() => kill(`left something open: alive ${LINGER_LIMIT_MS} ms after its last test`), LINGER_LIMIT_MS);
    },
    stop(): void {
      clearTimeout(timer);
      clearTimeout(linger);
      options.signal.removeEventListener('abort', abort);
    },
  };
}

function ended(child: ChildProcess, kill: (reason: string) => void): Promise<{ exitCode: number | null; signal: string | null }> {
  return new Promise((resolve) => {
    child.once('error', (error) => {
      kill(`could not be started: ${error.message}`);
      resolve({ exitCode: null, signal: null });
    });
    child.once('exit', (exitCode, signal) => {
      const drain = setTimeout(() => {
        killGroup(child);
        child.stdout?.destroy();
        child.stderr?.destroy();
      }, DRAIN_LIMIT_MS);
      child.once('close', () => {
        clearTimeout(drain);
        resolve({ exitCode, signal });
      });
    });
  });
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // The group is already gone, which is what was wanted.
  }
}

/** The last bytes of a stream, in bounded memory. */
class OutputTail {
  #pieces: Buffer[] = [];
  #byteCount = 0;
  #droppedBytes = 0;

  push(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#byteCount += piece.length;
    while (this.#byteCount > OUTPUT_BYTES_MAX && this.#pieces.length > 1) {
      const dropped = this.#pieces.shift()?.length ?? 0;
      this.#byteCount -= dropped;
      this.#droppedBytes += dropped;
    }
  }

  text(): string {
    const notice = this.#droppedBytes === 0 ? '' : `[${this.#droppedBytes} bytes dropped]\n`;
    return notice + Buffer.concat(this.#pieces).toString('utf8');
  }
}
