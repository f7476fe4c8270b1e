/**
 * Verifies a piece of a generation by itself, in whatever thread: lines of its index, and the part of its `.json` that they describe. Says
 * only whether all of it is sound. What is wrong with a piece that is not, `read-generation.ts` says.
 */
import { crc32 } from 'node:zlib';
import { IndexChecks, type IndexPosition } from './index-checks.js';
import { decodeIndexLines } from './index-format.js';
import { isBeforeValueAt } from './json-layout.js';

/** A piece of a generation: plain data that can be sent to another thread. */
export interface UncheckedEntries {
  /** Whole lines of the index, at least one. Nothing else is in its buffer, which is handed over. */
  readonly index: Uint8Array<ArrayBuffer>;
  /** From the end of the value before to the end of the last value; handed over too. */
  readonly json: Uint8Array<ArrayBuffer>;
  readonly before: IndexPosition;
  /** The seq of the generation. */
  readonly seqMax: number;
}

/** A checked piece; plain data too. */
export interface CheckedEntries {
  readonly isSound: boolean;
  /** The piece, handed back. */
  readonly index: Uint8Array<ArrayBuffer>;
  readonly json: Uint8Array<ArrayBuffer>;
  readonly keyCount: number;
  /** The sum over the keys of this piece; see `key-sum.ts`. */
  readonly keySum: number;
  /**
   * {@link ENTRY_COLUMNS} numbers for each key: start and end of its text in the index, start and end of its value in the piece of the
   * `.json`, its version, and the time of that in milliseconds since 1970.
   */
  readonly columns: Float64Array<ArrayBuffer>;
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

/** Numbers for each key in {@link CheckedEntries.columns}. */
export const ENTRY_COLUMNS = 6;

/** Checks a piece: every rule for an index but those about the whole of it, and that each key and value stand where it says. */
export function checkEntries({ index, json, before, seqMax }: UncheckedEntries): CheckedEntries {
  const lines = decodeIndexLines(Buffer.from(index.buffer, index.byteOffset, index.length));
  const unsound = { isSound: false, index, json, keyCount: 0, keySum: 0, columns: new Float64Array(0) };
  if ('faultOffset' in lines) return unsound;
  const text = Buffer.from(json.buffer, json.byteOffset, json.length);
  const checks = new IndexChecks(seqMax, before);
  const columns = new Float64Array(lines.length * ENTRY_COLUMNS);
  for (const [row, line] of lines.entries()) {
    const at = checks.jsonOffset - before.jsonOffset;
    const isFirst = checks.lastKey === undefined;
    if (checks.take(line) !== undefined) return unsound;
    const start = line.entry.offset - before.jsonOffset;
    const end = start + line.entry.sizeBytes;
    if (end > text.length || !isBeforeValueAt(text, at, line.keyText, isFirst)) return unsound;
    if (crc32(text.subarray(start, end)) !== line.entry.crc) return unsound;
    setColumns(columns, row * ENTRY_COLUMNS, [line.keyText.start, line.keyText.end, start, end, line.entry.seq, line.entry.timeMs]);
  }
  const isWhole = checks.jsonOffset - before.jsonOffset === text.length;
  return isWhole ? { isSound: true, index, json, keyCount: checks.keyCount, keySum: checks.keySum, columns } : unsound;
}

function setColumns(columns: Float64Array, at: number, numbers: readonly number[]): void {
  for (let index = 0; index < ENTRY_COLUMNS; index += 1) columns[at + index] = numbers[index] ?? 0;
}
