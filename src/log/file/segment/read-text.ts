/**
 * Reads a text from front to back: in pieces, as a digest, or split into records at its line feeds. Does not interpret it.
 */
import { createHash } from 'node:crypto';
import { invariant } from '../../../base/invariant.js';
import type { ReadableFile } from '../../../disk/disk.js';
import { LINE_BYTES_MAX } from '../../log.js';

/** One size for all ways of reading, so that each of them gets equally far in a text that is damaged somewhere. */
const PIECE_BYTES = 1_048_576;
/** Room for the beginning of a record that the next piece completes. A longer one takes larger memory. */
const LINE_ROOM_BYTES = 65_536;
const LINE_FEED = 0x0a;

/**
 * Reads a text in pieces.
 *
 * @returns its pieces in order; each changes once the next one is asked for. New memory for each would keep the garbage collector busy
 */
export async function* textPieces(text: Pick<ReadableFile, 'read' | 'status'>, signal?: AbortSignal): AsyncGenerator<Buffer> {
  const { sizeBytes } = await text.status();
  const memory = Buffer.allocUnsafe(Math.min(PIECE_BYTES, sizeBytes));
  for (let offset = 0; offset < sizeBytes;) {
    signal?.throwIfAborted();
    const count = await text.read(memory.subarray(0, sizeBytes - offset), offset);
    if (count === 0) return;
    offset += count;
    yield memory.subarray(0, count);
  }
}

/**
 * Computes the digest of a text.
 *
 * @returns SHA-256 in hexadecimal digits
 */
export async function digestText(text: Pick<ReadableFile, 'read' | 'status'>, signal?: AbortSignal): Promise<string> {
  const digest = createHash('sha256');
  for await (const piece of textPieces(text, signal)) digest.update(piece);
  return digest.digest('hex');
}

/** One line of a file, as bytes. */
export interface RecordBytes {
  /** Offset in the file, in bytes. */
  readonly offset: number;
  /** Without its line feed. Valid only until the next piece is read. */
  readonly bytes: Buffer;
  /** False for the bytes after the last line feed. */
  readonly terminated: boolean;
}

/**
 * Reads a range of a file as records, one piece at a time.
 *
 * A record longer than {@link LINE_BYTES_MAX} is yielded unterminated and ends the reading: no line is that long.
 *
 * @param startOffset where a record begins, in bytes
 * @param endOffset where to stop, in bytes
 * @returns groups of records in order; only the last record may be unterminated
 */
export async function* readRecords(
  file: Pick<ReadableFile, 'read'>, startOffset: number, endOffset: number,
): AsyncGenerator<readonly RecordBytes[]> {
  invariant(startOffset <= endOffset, 'a range does not end before it begins');
  let memory: Buffer = Buffer.allocUnsafe(Math.min(PIECE_BYTES + LINE_ROOM_BYTES, endOffset - startOffset));
  /** Of a record that has not ended yet, from the start of the memory. */
  let rest = memory.subarray(0, 0);
  let offset = startOffset;
  while (offset < endOffset) {
    const wantedBytes = Math.min(PIECE_BYTES, endOffset - offset);
    memory = withRoom(memory, rest, wantedBytes);
    const count = await file.read(memory.subarray(rest.length, rest.length + wantedBytes), offset);
    if (count === 0) break;
    const split = splitRecords(memory.subarray(0, rest.length + count), offset - rest.length);
    offset += count;
    rest = split.rest;
    if (split.records.length > 0) yield split.records;
    if (rest.length > LINE_BYTES_MAX) break;
  }
  if (rest.length > 0) yield [{ offset: offset - rest.length, bytes: rest, terminated: false }];
}

/** Moves what is left to the start of the memory, or of a larger one if there is too little room behind it. */
function withRoom(memory: Buffer, rest: Buffer, wantedBytes: number): Buffer {
  const neededBytes = rest.length + wantedBytes;
  const into = neededBytes <= memory.length ? memory : Buffer.allocUnsafe(neededBytes + rest.length);
  rest.copy(into);
  return into;
}

function splitRecords(bytes: Buffer, firstOffset: number): { readonly records: RecordBytes[]; readonly rest: Buffer } {
  const records: RecordBytes[] = [];
  let start = 0;
  for (let end = bytes.indexOf(LINE_FEED, start); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
    records.push({ offset: firstOffset + start, bytes: bytes.subarray(start, end), terminated: true });
    start = end + 1;
  }
  return { records, rest: bytes.subarray(start) };
}
