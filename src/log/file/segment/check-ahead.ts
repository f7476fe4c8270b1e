/**
 * Reads the lines of a long text while other threads check the pieces that come next. A start is mostly hashing, and each line can be
 * checked alone.
 */
import type { ReadableFile } from '../../../disk/disk.js';
import { claimedHash, type DueLine } from '../../line-format.js';
import { LINE_BYTES_MAX } from '../../log.js';
import { type CheckedGroup, type CheckedLines, type LineChecker, placeLines, type UncheckedLines } from './checked-lines.js';

const LINE_FEED = 0x0a;

/** Lines to read. */
interface LinesToCheck {
  readonly from: DueLine;
  /** Where to stop, in bytes. */
  readonly endOffset: number;
}

/** A piece in the hands of the checker. */
interface HandedPiece {
  readonly offset: number;
  /** Undefined if it could not be checked. */
  readonly checking: Promise<CheckedLines | undefined>;
}

/** Memory of pieces, used again and again: dropping it makes the garbage collector run for every few pieces. */
class PieceMemory {
  readonly #pieceBytes: number;
  readonly #spare: ArrayBuffer[] = [];

  constructor(pieceBytes: number) {
    this.#pieceBytes = pieceBytes;
  }

  /** Takes memory, or allocates it: not from the pool of Node, whose memory cannot be handed over. */
  take(sizeBytes: number): Buffer<ArrayBuffer> {
    const spare = sizeBytes <= this.#pieceBytes ? this.#spare.pop() : undefined;
    return Buffer.from(spare ?? new ArrayBuffer(Math.max(sizeBytes, this.#pieceBytes)), 0, sizeBytes);
  }

  /** Takes memory back. A line that is still read from it has no bytes from then on, rather than those of another line. */
  giveBack({ buffer }: Uint8Array<ArrayBuffer>): void {
    if (buffer.byteLength === this.#pieceBytes) this.#spare.push(structuredClone(buffer, { transfer: [buffer] }));
  }
}

/**
 * Reads lines and has them checked ahead.
 *
 * Ends without an error before the first line that is not sound, or that could not be read or checked: the caller goes on from there by
 * itself and finds out what it is.
 *
 * @returns sound lines in groups, in order and chained to the first one that is due; lines can be read until the next group is asked for
 */
export async function* checkAhead(
  file: Pick<ReadableFile, 'read'>, { from, endOffset }: LinesToCheck, checker: LineChecker,
): AsyncGenerator<CheckedGroup> {
  const memory = new PieceMemory(checker.pieceBytes);
  const pieces = wholeLines(file, { from, endOffset }, checker.pieceBytes, memory);
  const handed: HandedPiece[] = [];
  for (let due = from; ;) {
    while (handed.length < checker.piecesMax) {
      const { value: piece } = await pieces.next();
      if (piece === undefined) break;
      handed.push({ offset: piece.offset, checking: checker.checkLines(piece).catch(() => undefined) });
    }
    const next = handed.shift();
    // A line that is no event, such as a seal, ends a group before its piece: nothing after it may pass for its successor.
    if (next?.offset !== due.offset) return;
    const checked = await next.checking;
    if (checked === undefined) return;
    const group = placeLines(checked, due);
    if (group === undefined) return;
    yield group;
    memory.giveBack(checked.bytes);
    due = group.next;
  }
}

/** Splits a text into pieces of whole lines; ends early where it cannot be read. */
async function* wholeLines(
  file: Pick<ReadableFile, 'read'>, { from, endOffset }: LinesToCheck, pieceBytes: number, memory: PieceMemory,
): AsyncGenerator<UncheckedLines & { readonly offset: number }> {
  let { offset, previousHash } = from;
  for (let sizeBytes = pieceBytes; offset < endOffset && sizeBytes <= LINE_BYTES_MAX;) {
    const piece = memory.take(Math.min(sizeBytes, endOffset - offset));
    const count = await file.read(piece, offset).catch(() => 0);
    const end = count === 0 ? 0 : piece.lastIndexOf(LINE_FEED, count - 1) + 1;
    sizeBytes = end === 0 ? sizeBytes * 2 : pieceBytes;
    if (end === 0) continue;
    const lastLine = piece.subarray(end < 2 ? 0 : piece.lastIndexOf(LINE_FEED, end - 2) + 1, end - 1);
    // Taken before the piece is handed over. Without a hash there, no line follows.
    const lastHash = claimedHash(lastLine) ?? '';
    yield { offset, bytes: piece.subarray(0, end), previousHash };
    offset += end;
    previousHash = lastHash;
  }
}
