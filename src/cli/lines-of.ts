/**
 * Cuts bytes that arrive in pieces into lines.
 */

const LINE_FEED = 0x0a;

/**
 * Yields the lines, without their ends. Not with `readline`, which takes some characters inside strings for ends of lines.
 *
 * @param check called with the number and the bytes so far of a line that is not complete; may throw
 */
export async function* linesOf(
  pieces: AsyncIterable<Uint8Array>, check: (line: number, bytes: number) => void = () => undefined,
): AsyncGenerator<Buffer, void, undefined> {
  let line = 1;
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const piece of pieces) {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    let start = 0;
    for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
      yield Buffer.concat([...rest, bytes.subarray(start, end)]);
      line += 1;
      [rest, restBytes, start] = [[], 0, end + 1];
    }
    rest.push(bytes.subarray(start));
    restBytes += bytes.length - start;
    check(line, restBytes);
  }
  if (restBytes > 0) yield Buffer.concat(rest);
}
