/**
 * Reads input whose size a person or another program decides: a device such as `/dev/zero` has no end.
 */
import { createReadStream } from 'node:fs';

/**
 * Reads a file or a pipe.
 *
 * @param input the path of a file, or a stream such as standard input
 * @returns undefined if there are more than `bytesMax` bytes
 * @throws {Error} with an errno name such as `ENOENT`
 */
export async function readLimited(input: string | AsyncIterable<Buffer>, bytesMax: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of typeof input === 'string' ? createReadStream(input) as AsyncIterable<Buffer> : input) {
    size += chunk.length;
    if (size > bytesMax) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
