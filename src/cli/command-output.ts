/**
 * What the commands on files print. If the reader of standard output closes it early, the command continues: what it finds afterwards
 * still decides the exit code. Any other failed write ends the command. A failed write to standard error is ignored: the exit code
 * is then all that reports the problem.
 */
import { fstatSync, write as writeToDescriptor } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { isatty } from 'node:tty';
import { promisify } from 'node:util';
import { isErrno } from '../base/app-error.js';
import { countText } from '../base/count-text.js';
import { printableOutput, shownText } from './printable.js';

const writePiece = promisify(writeToDescriptor);

/** Errors of a write to a pipe or a socket whose other end is closed. */
const READER_GONE = ['EPIPE', 'ECONNRESET'];

// A write to a pipe reports its failure later, as an event, which would end the process without a listener.
process.stderr.on('error', () => undefined);

/** Writes whole lines to standard error. */
export function writeError(text: string): void {
  try {
    process.stderr.write(text);
  } catch {
    // A write to a file reports its failure at once.
  }
}

/** Writes a message to standard error, prefixed with the name of the program. What it quotes may come from elsewhere. */
export function complain(text: string): void {
  const shown = text.split('\n').map((line) => shownText(line, process.stderr.isTTY)).join('\n');
  writeError(`simplekv: ${shown}\n`);
}

/** Says on standard error how many values of an earlier time cannot be shown. */
export function noteErased(count: number): void {
  complain(`${countText(count, 'value')} of that time ${count === 1 ? 'was' : 'were'} erased since; null stands for each`);
}

/** Output, or a file that a command needs for a while, could not be written. */
export class OutputError extends Error {
  override readonly name = 'OutputError';

  /** @param target what could not be written, such as `standard output` */
  constructor(target: string, cause: unknown, advice = 'The output is incomplete; free disk space, or write to another place') {
    super(`Cannot write to ${target}: ${cause instanceof Error ? cause.message : String(cause)}. ${advice}`, { cause });
  }
}

/** Takes pieces of output, one after another. */
export interface Sink {
  /** True once the reader has closed its end: pieces are dropped from then on. */
  readonly isClosed: boolean;
  /** Takes a piece; resolves when the next one may come. */
  print(piece: Buffer): Promise<void>;
}

/** Standard output of one command. */
export class CommandOutput implements Sink {
  readonly #descriptor: number;
  readonly #stream: NodeJS.WritableStream;
  readonly #signal: AbortSignal;
  readonly #isStream: boolean;
  /** Set for a terminal, which must not get what would control it. A piece may end within a character. */
  readonly #decoder: StringDecoder | undefined;
  #isClosed = false;

  /**
   * @param descriptor of standard output
   * @param stream the same as a stream; used if it is a pipe, a socket or a terminal
   */
  constructor(descriptor: number, stream: NodeJS.WritableStream, signal: AbortSignal) {
    this.#descriptor = descriptor;
    this.#stream = stream;
    this.#signal = signal;
    const status = fstatSync(descriptor);
    const isTerminal = isatty(descriptor);
    this.#isStream = status.isFIFO() || status.isSocket() || isTerminal;
    this.#decoder = isTerminal ? new StringDecoder() : undefined;
    // Each write gets its own failure; without a listener the same failure would end the process as well.
    stream.on('error', () => undefined);
  }

  /** {@inheritDoc Sink.isClosed} */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Prints a piece and waits until it is taken, so that a slow reader slows down the work instead of filling the memory.
   *
   * @throws {OutputError} when it cannot be written although there is a reader
   */
  async print(piece: string | Buffer): Promise<void> {
    this.#signal.throwIfAborted();
    if (this.#isClosed || piece.length === 0) return;
    const bytes = this.#decoder === undefined ? Buffer.from(piece) : Buffer.from(printableOutput(this.#decoder.write(Buffer.from(piece))));
    try {
      await (this.#isStream ? this.#send(bytes) : this.#write(bytes));
    } catch (error) {
      this.#signal.throwIfAborted();
      if (!isErrno(error, ...READER_GONE)) throw new OutputError('standard output', error);
      this.#isClosed = true;
    }
  }

  async #send(bytes: Buffer): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const abort = (): void => reject(new Error('Cannot print: interrupted'));
      this.#signal.addEventListener('abort', abort, { once: true });
      this.#stream.write(bytes, (error) => {
        this.#signal.removeEventListener('abort', abort);
        if (error) reject(error);
        else resolve();
      });
    });
  }

  /** A full disk takes the first part of a piece without an error and reports one only for the rest. */
  async #write(bytes: Buffer): Promise<void> {
    for (let start = 0; start < bytes.length;) {
      const { bytesWritten } = await writePiece(this.#descriptor, bytes, start, bytes.length - start, null);
      start += bytesWritten;
    }
  }
}
