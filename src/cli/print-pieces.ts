/**
 * Prints many small pieces as few large ones, and gives the pieces their form.
 */
import type { Sink } from './command-output.js';
import { linesOf } from './lines-of.js';
import { shownText } from './printable.js';

/** Size of one write of output, in bytes. */
const OUTPUT_BYTES = 65_536;

/**
 * Prints pieces until there are no more or the reader is gone. What is waiting is printed at the end, also before an error.
 *
 * @throws {OutputError} when it cannot be written although there is a reader
 */
export async function printPieces(pieces: AsyncIterable<Buffer>, sink: Sink): Promise<void> {
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  const flush = async (): Promise<void> => {
    const piece = Buffer.concat(waiting);
    waiting = [];
    waitingBytes = 0;
    await sink.print(piece);
  };
  try {
    for await (const piece of pieces) {
      waiting.push(piece);
      waitingBytes += piece.length;
      if (waitingBytes >= OUTPUT_BYTES) await flush();
      if (sink.isClosed) return;
    }
  } finally {
    // The sound lines before a fault are printed before its error.
    await flush();
  }
}

/** No server accepts such a key; in a log from elsewhere it would break the lines of the output. */
const CONTROL_CHARACTER = /\p{Cc}/u;

/** Returns a key as a field of a line, fit for where the output goes. A tab or the end of the line ends it, since no key has one. */
export function keyField(key: string): string {
  return shownText(CONTROL_CHARACTER.test(key) ? JSON.stringify(key) : key);
}

/** Gives JSON texts the form of one array, each on a line of its own. */
export async function* arrayPieces(groups: AsyncIterable<readonly string[]>): AsyncGenerator<Buffer> {
  let separator = '[';
  for await (const texts of groups) {
    if (texts.length === 0) continue;
    yield Buffer.from(`${separator}\n${texts.join(',\n')}`);
    separator = ',';
  }
  yield Buffer.from(separator === '[' ? '[]\n' : '\n]\n');
}

/** Gives JSON texts that stand one a line the form of one array. Only one of them is in memory at a time. */
export async function* arrayOfLines(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield* arrayPieces(textsIn(pieces));
}

/** Takes JSON texts that stand one a line apart, as groups of one. */
export async function* textsIn(pieces: AsyncIterable<Buffer>): AsyncGenerator<readonly [string]> {
  for await (const line of linesOf(pieces)) yield [line.toString()];
}
