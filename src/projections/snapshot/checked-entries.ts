/**
 * Verifies a piece of a generation by itself, in whatever thread: lines of its index, and the part of its `.json` that they describe. Says
 * only whether all of it is sound. What is wrong with a piece that is not, `read-generation.ts` says.
 */
import { isUtf8 } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { type ByteRange, isAscii, textOf } from '../../base/byte-scan.js';
import { type PackedEntries, RecordPacker } from '../key-index/packed-entries.js';
import { IndexChecks, type IndexPosition } from './index-checks.js';
import { decodeIndexLines, type IndexForm, type IndexLine } from './index-format.js';
import { isBeforeValueAt } from './json-layout.js';

/** A piece of a generation: plain data that can be sent to another thread. */
export interface UncheckedEntries {
  /** Whole lines of the index, at least one. Nothing else is in its buffer, which is handed over. */
  readonly index: Uint8Array<ArrayBuffer>;
  /** From the end of the value before to the end of the last value; handed over too. */
  readonly json: Uint8Array<ArrayBuffer>;
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

const QUOTES_BYTES = 2;
/** Length of `":`. */
const BETWEEN_KEY_AND_VALUE_BYTES = 2;
const UNSOUND: CheckedEntries = { keyCount: 0, keySum: 0, packed: undefined };

/** Checks a piece: every rule for an index but those about the whole of it, and that each key and value stand where it says. */
export function checkEntries({ index, json, before, form, seqMax }: UncheckedEntries): CheckedEntries {
  const lines = decodeIndexLines(Buffer.from(index.buffer, index.byteOffset, index.length), form);
  if ('faultOffset' in lines || !isUtf8(json)) return UNSOUND;
  const text = Buffer.from(json.buffer, json.byteOffset, json.length);
  const checks = new IndexChecks(seqMax, before);
  const packer = new RecordPacker();
  const seqs = new Float64Array(lines.length);
  const tags = new Uint32Array(lines.length);
  const timesMs = new Float64Array(lines.length);
  let expiriesMs: Float64Array<ArrayBuffer> | undefined;
  for (const [row, line] of lines.entries()) {
    const at = checks.jsonOffset - before.jsonOffset;
    const isFirst = checks.lastKey === undefined;
    if (checks.take(line) !== undefined) return UNSOUND;
    const start = line.entry.offset - before.jsonOffset;
    const end = start + line.entry.sizeBytes;
    if (end > text.length || !isBeforeValueAt(text, at, line.keyText, isFirst)) return UNSOUND;
    if (crc32(text.subarray(start, end)) !== line.entry.crc) return UNSOUND;
    seqs[row] = line.entry.seq;
    tags[row] = line.entry.tag;
    timesMs[row] = line.entry.timeMs;
    const { expiresAtMs } = line.entry;
    if (expiresAtMs !== null) (expiriesMs ??= new Float64Array(lines.length).fill(Infinity))[row] = expiresAtMs;
    pack(packer, line, { bytes: text, start, end });
  }
  const isWhole = checks.jsonOffset - before.jsonOffset === text.length;
  const firstKey = lines[0]?.entry.key;
  const { lastKey, keyCount, keySum } = checks;
  if (!isWhole || firstKey === undefined || lastKey === undefined) return UNSOUND;
  return { keyCount, keySum, packed: { firstKey, lastKey, chunks: packer.finish(), seqs, tags, timesMs, expiriesMs } };
}

/** Packs an entry whose value follows its key in the `.json`. */
function pack(packer: RecordPacker, { entry, keyText }: IndexLine, value: ByteRange): void {
  const { bytes, start: valueStart, end: valueEnd } = value;
  const end = valueStart - BETWEEN_KEY_AND_VALUE_BYTES;
  const key = { bytes, start: end - (keyText.end - keyText.start - QUOTES_BYTES), end };
  // A key with escapes is shorter than its text.
  if (entry.key.length === key.end - key.start && isAscii(key)) packer.addBytes({ bytes, start: key.start, end, valueStart, valueEnd });
  else packer.add(entry.key, textOf(value));
}
