/**
 * Prints many small pieces as few large ones.
 */
import type { Sink } from './command-output.js';

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
