/**
 * Prints many small pieces as few large ones.
 */
import type { Sink } from './output-file.js';

/** Printed at once, in bytes. */
const OUTPUT_BYTES = 65_536;

/**
 * Prints pieces until there are no more, or the reader has gone.
 *
 * @param pieces what is printed, in order
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
    // What was sound before a fault is shown before the fault.
    await flush();
  }
}
