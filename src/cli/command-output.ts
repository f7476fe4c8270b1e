/**
 * What a command on files prints. A reader that has read enough ends the output and not the work: what is found afterwards
 * still decides the exit code. Output that cannot be written for any other reason ends the command.
 */
import { fstatSync, write as writeToDescriptor } from 'node:fs';
import { promisify } from 'node:util';
import { isatty } from 'node:tty';
import { isErrno } from '../base/app-error.js';

const writePiece = promisify(writeToDescriptor);

/** What a write to a pipe or a socket says when the other end has been closed. */
const READER_GONE = ['EPIPE', 'ECONNRESET'];

/** Output, or a file that a command needs for a while, could not be written. */
export class OutputError extends Error {
  override readonly name = 'OutputError';

  /** @param target what could not be written, such as `standard output` */
  constructor(target: string, cause: unknown, advice = 'What was written is not whole; make room there, or write to another place') {
    super(`Cannot write to ${target}: ${cause instanceof Error ? cause.message : String(cause)}. ${advice}`, { cause });
  }
}

/** How standard output is reached. */
export interface OutputTarget {
  /** Its descriptor. */
  readonly descriptor: number;
  /** The same as a stream; used where it is a pipe, a socket or a terminal. */
  readonly stream: NodeJS.WritableStream;
}

/** Standard output of one command. */
export class CommandOutput {
  readonly #target: OutputTarget;
  readonly #signal: AbortSignal;
  readonly #isStream: boolean;
  #isClosed = false;

  constructor(target: OutputTarget, signal: AbortSignal) {
    this.#target = target;
    this.#signal = signal;
    const status = fstatSync(target.descriptor);
    this.#isStream = status.isFIFO() || status.isSocket() || isatty(target.descriptor);
    // Each write hears of its own failure; without a listener the same failure would end the process as well.
    target.stream.on('error', () => undefined);
  }

  /** Whether the reader has gone: what is printed from now on is dropped. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Prints a piece, and waits until it has been taken, so that a slow reader slows the work and does not fill the memory.
   *
   * @param piece text or bytes
   * @throws {OutputError} when it cannot be written, although there is a reader
   */
  async print(piece: string | Buffer): Promise<void> {
    this.#signal.throwIfAborted();
    if (this.#isClosed || piece.length === 0) return;
    const bytes = Buffer.from(piece);
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
      const abort = (): void => reject(new Error('Cannot go on printing: interrupted'));
      this.#signal.addEventListener('abort', abort, { once: true });
      this.#target.stream.write(bytes, (error) => {
        this.#signal.removeEventListener('abort', abort);
        if (error) reject(error);
        else resolve();
      });
    });
  }

  /** A full disk takes the first part of a piece without an error, and says so only when the rest is written. */
  async #write(bytes: Buffer): Promise<void> {
    for (let start = 0; start < bytes.length;) {
      const { bytesWritten } = await writePiece(this.#target.descriptor, bytes, start, bytes.length - start, null);
      start += bytesWritten;
    }
  }
}
