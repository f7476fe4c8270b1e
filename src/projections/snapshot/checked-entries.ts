/**
 * Verifies a piece of a generation by itself, in whatever thread: lines of its index, and the part of its `.json` that they describe. Says
 * only whether all of it is sound. What is wrong with a piece that is not, `read-generation.ts` says.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { compareRanges, textOf } from '../../base/byte-scan.js';
import { crcOfRange } from '../../base/crc32.js';
import { EntryPacker, type PackedEntries } from '../key-index/packed-entries.js';
import { addTerm, keyTerm } from '../key-sum.js';
import { IndexChecks, type IndexPosition } from './index-checks.js';
import { INDEX_LINE_BYTES_MIN, type IndexForm, IndexLineReader, MovingRange } from './index-format.js';
import { isBeforeValueAt } from './json-layout.js';

/** A piece of a generation: plain data that can be sent to another thread. */
export interface UncheckedEntries {
  /** Lines of the index, then the part of the `.json` from the end of the value before to that of the last value. Handed over. */
  readonly memory: ArrayBuffer;
  /** Size of the lines, of which there is one at least. */
  readonly indexBytes: number;
  /** Size of the other part. */
  readonly jsonBytes: number;
  readonly before: IndexPosition;
  readonly form: IndexForm;
  /** The seq of the generation. */
  readonly seqMax: number;
}

/** A checked piece; plain data too, apart from its memory. */
export interface CheckedEntries {
  readonly keyCount: number;
  /** The sum over the keys of this piece; see `key-sum.ts`. */
  readonly keySum: number;
  /** Keys and values; undefined if the piece is not sound. */
  readonly packed: PackedEntries | undefined;
  /** That of the piece, which is of use again. */
  readonly memory: ArrayBuffer;
}

/** Checks pieces in other threads. */
export interface EntryChecker {
  /** Number of pieces that it checks at the same time. */
  readonly piecesMax: number;
  /** Size from which on a generation is worth the start of a thread, in bytes. */
  readonly textBytesMin: number;
  /** Checks a piece; rejects if it cannot, which says nothing about the entries. */
  checkEntries(piece: UncheckedEntries): Promise<CheckedEntries>;
}

/** Checks a piece: every rule for an index but those about the whole of it, and that each key and value stand where it says. */
export function checkEntries(piece: UncheckedEntries): CheckedEntries {
  const { memory } = piece;
  return { keyCount: 0, keySum: 0, packed: undefined, ...checkPiece(piece), memory };
}

/** Returns undefined for a piece that is not sound. */
function checkPiece({ memory, indexBytes, jsonBytes, before, form, seqMax }: UncheckedEntries): Omit<CheckedEntries, 'memory'> | undefined {
  const bytes = Buffer.from(memory, 0, indexBytes);
  const text = Buffer.from(memory, indexBytes, jsonBytes);
  if (!isUtf8(text)) return undefined;
  const line = new IndexLineReader(form);
  const checks = new IndexChecks(seqMax, before);
  const packer = new EntryPacker(Math.ceil(bytes.length / INDEX_LINE_BYTES_MIN), isAscii(text));
  const [lastKey, value] = [new MovingRange(), new MovingRange()];
  if (before.lastKey !== undefined) lastKey.moveTo(Buffer.from(before.lastKey));
  let keySum = 0;
  for (let start = 0; start < bytes.length; start = line.end) {
    const { isFirst, jsonOffset } = checks;
    if (!line.read(bytes, start) || (!isFirst && compareRanges(lastKey, line.key) >= 0)) return undefined;
    if (checks.takeNumbers(line, line.keyText) !== undefined) return undefined;
    value.move(text, line.offset - before.jsonOffset, checks.jsonOffset - before.jsonOffset);
    if (value.end > text.length || !isBeforeValueAt(text, jsonOffset - before.jsonOffset, line.keyText, isFirst)) return undefined;
    if (crcOfRange(value) !== line.crc) return undefined;
    keySum = addTerm(keySum, keyTerm(line.key, line.seq, line.expiresAtMs));
    if (line.isEscaped) packer.add(textOf(line.key), textOf(value), line);
    else packer.addMember(value, line.key.end - line.key.start, line);
    lastKey.move(line.key.bytes, line.key.start, line.key.end);
  }
  const isWhole = checks.keyCount > 0 && checks.jsonOffset - before.jsonOffset === text.length;
  return isWhole ? { keyCount: checks.keyCount, keySum, packed: packer.finish() } : undefined;
}
