/**
 * Cuts a file into records at its line feeds, reading it piece by piece. Knows nothing of what a record says.
 */
import { invariant } from '../../../base/invariant.js';
import { LINE_BYTES_MAX } from '../../log.js';
import type { DiskFile } from '../../../disk/disk.js';

/** One line of a file, as bytes. */
export interface RecordBytes {
  /** Where it begins, in bytes from the start of the file. */
  readonly offset: number;
  /** Without its line feed. Only valid until the next piece is read. */
  readonly bytes: Buffer;
  /** False for what stands after the last line feed. */
  readonly terminated: boolean;
}

const PIECE_BYTES = 1_048_576;
const LINE_FEED = 0x0a;

/**
 * Reads a range of a file as records, a piece at a time.
 *
 * A record longer than {@link LINE_BYTES_MAX} is given unterminated and ends the reading: no line is that long.
 *
 * @param startOffset where a record begins, in bytes
 * @param endOffset where to stop, in bytes; bytes from there on are not looked at
 * @returns groups of records in order; the last record may be unterminated
 */
export async function* readRecords(
  file: Pick<DiskFile, 'read'>, startOffset: number, endOffset: number,
): AsyncGenerator<readonly RecordBytes[]> {
  invariant(startOffset <= endOffset, 'a range does not end before it begins');
  let rest: Buffer = Buffer.alloc(0);
  let offset = startOffset;
  while (offset < endOffset) {
    const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, endOffset - offset));
    const count = await file.read(piece, offset);
    if (count === 0) break;
    const joined = rest.length === 0 ? piece.subarray(0, count) : Buffer.concat([rest, piece.subarray(0, count)]);
    const cut = cutRecords(joined, offset - rest.length);
    offset += count;
    rest = cut.rest;
    if (cut.records.length > 0) yield cut.records;
    if (rest.length > LINE_BYTES_MAX) break;
  }
  if (rest.length > 0) yield [{ offset: offset - rest.length, bytes: rest, terminated: false }];
}

function cutRecords(bytes: Buffer, firstOffset: number): { readonly records: RecordBytes[]; readonly rest: Buffer } {
  const records: RecordBytes[] = [];
  let start = 0;
  for (let end = bytes.indexOf(LINE_FEED, start); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
    records.push({ offset: firstOffset + start, bytes: bytes.subarray(start, end), terminated: true });
    start = end + 1;
  }
  return { records, rest: bytes.subarray(start) };
}
