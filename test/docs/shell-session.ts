/** A shell that is typed into, block after block, as somebody does who follows a document. */
import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process';

const END_MARK = '__end_of_block__';

/**
 * Looks for what the examples of a document need. In CI it has to be there.
 *
 * @param commands Names of programs
 * @returns True when a shell and all of them are there
 * @throws {Error} When one is missing in CI
 */
export function hasCommands(commands: readonly string[]): boolean {
  const missing = ['bash', ...commands].filter((name) => spawnSync('bash', ['-c', `command -v ${name}`]).status !== 0);
  if (missing.length === 0) return true;
  if (process.env['CI'] !== undefined) throw new Error(`Missing here: ${missing.join(', ')}`);
  console.log(`not run, because of what is missing here: ${missing.join(', ')}`);
  return false;
}

/** One shell; variables stay from block to block. */
export class ShellSession {
  readonly #shell: ChildProcessWithoutNullStreams;
  #output = '';
  #isEnded = false;
  #wake: () => void = () => undefined;

  /** @param folder where the shell stands */
  constructor(folder: string) {
    this.#shell = spawn('bash', ['--noprofile', '--norc'], { cwd: folder });
    // What goes wrong is said on standard error; a reader sees both in one place.
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
   * Types a block and waits until it has been carried out.
   *
   * @param block Commands, each line with its line feed
   * @returns What was printed
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
