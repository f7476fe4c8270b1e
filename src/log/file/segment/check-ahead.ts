/**
 * Reads the lines of a long text while other threads check the pieces that come next. A start is mostly hashing, and each line can be
 * checked alone.
 */
import { LINE_BYTES_MAX } from '../../log.js';
import type { ReadableFile } from '../../../disk/disk.js';
import { claimedHash, type DueLine } from '../../line-format.js';
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

/**
 * Reads lines and has them checked ahead.
 *
 * Ends without an error before the first line that is not sound, or that could not be read or checked: the caller goes on from there by
 * itself and finds out what it is.
 *
 * @returns sound lines in groups, in order and chained to the first one that is due
 */
export async function* checkAhead(
  file: Pick<ReadableFile, 'read'>, { from, endOffset }: LinesToCheck, checker: LineChecker,
): AsyncGenerator<CheckedGroup> {
  const pieces = wholeLines(file, { from, endOffset }, checker.pieceBytes);
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
    const group = checked && placeLines(checked, due);
    if (group === undefined) return;
    yield group;
    due = group.next;
  }
}

/** Splits a text into pieces of whole lines; ends early where it cannot be read. */
async function* wholeLines(
  file: Pick<ReadableFile, 'read'>, { from, endOffset }: LinesToCheck, pieceBytes: number,
): AsyncGenerator<UncheckedLines & { readonly offset: number }> {
  let { offset, previousHash } = from;
  for (let sizeBytes = pieceBytes; offset < endOffset && sizeBytes <= LINE_BYTES_MAX;) {
    // Not from the pool, whose memory cannot be handed over.
    const piece = Buffer.allocUnsafeSlow(Math.min(sizeBytes, endOffset - offset));
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
