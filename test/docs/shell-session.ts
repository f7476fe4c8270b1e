/** A shell that runs one block after another, as a reader pastes them from a document. */
import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process';
import path from 'node:path';

const END_MARK = '__end_of_block__';

/**
 * Checks whether the programs that a test needs are installed. In CI they must be.
 *
 * @param commands Names of programs
 * @returns True if bash and all of them are installed
 * @throws {Error} When one is missing in CI
 */
export function hasCommands(commands: readonly string[]): boolean {
  const missing = ['bash', ...commands].filter((name) => spawnSync('bash', ['-c', `command -v ${name}`]).status !== 0);
  if (missing.length === 0) return true;
  if (process.env['CI'] !== undefined) throw new Error(`Missing here: ${missing.join(', ')}`);
  console.log(`not run, because programs are missing: ${missing.join(', ')}`);
  return false;
}

/** One shell; variables stay from block to block. */
export class ShellSession {
  readonly #shell: ChildProcessWithoutNullStreams;
  #output = '';
  #isEnded = false;
  #wake: () => void = () => undefined;

  /** @param folder the working directory of the shell */
  constructor(folder: string) {
    // The examples keep profiles, and must not change those of the user who runs the tests.
    const env = { ...process.env, XDG_CONFIG_HOME: path.join(folder, 'settings') };
    this.#shell = spawn('bash', ['--noprofile', '--norc'], { cwd: folder, env });
    // A reader sees standard output and standard error in one place.
    for (const stream of [this.#shell.stdout, this.#shell.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
        this.#wake();
      });
    }
    this.#shell.on('close', () => {
      this.#isEnded = true;
      this.#wake();
    });
  }

  /**
   * Runs a block and waits until it has finished.
   *
   * @param block Commands, each line with its line feed
   * @returns Everything that was printed
   * @throws {Error} When the shell ends
   */
  async run(block: string): Promise<string> {
    this.#output = '';
    this.#shell.stdin.write(`${block}\necho ${END_MARK}\n`);
    for (;;) {
      const end = this.#output.indexOf(END_MARK);
      if (end >= 0) return this.#output.slice(0, end);
      if (this.#isEnded) throw new Error(`The shell ended: ${this.#output}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Ends the shell. */
  close(): void {
    this.#shell.kill('SIGKILL');
  }
}
