/**
 * Reads a whole generation while other threads check the pieces that come next. Gives nothing of a piece that is not sound, and says
 * nothing about it: the caller discards what it has, and reads the generation with `read-generation.ts`.
 */
import { isAt, textOf } from '../../base/byte-scan.js';
import type { PackedEntries } from '../key-index/packed-entries.js';
import { addTerm } from '../key-sum.js';
import { type CheckedEntries, checkEntries, type EntryChecker, type UncheckedEntries } from './checked-entries.js';
import type { DataFileReader } from './data-file-reader.js';
import { findMissing, INDEX_START, type IndexPosition } from './index-checks.js';
import { type IndexForm, indexFormOf, IndexLineReader } from './index-format.js';
import { JSON_END, JSON_START, LAST_LINE_END } from './json-layout.js';
import { type GenerationFiles, type GenerationSource, openPart } from './read-generation.js';
import type { SnapshotManifest } from './snapshot.js';

/** Keys with their values. */
export interface EntryGroup {
  readonly packed: PackedEntries;
  /** The sum over the keys; see `key-sum.ts`. */
  readonly keySum: number;
}

/** Size of most pieces in bytes, of both files together: a few milliseconds of work. */
const PIECE_BYTES = 1_048_576;
/** Memory for a piece: values that are larger than the average must not make many of them too large for it. */
const MEMORY_BYTES = PIECE_BYTES * 1.5;
/** Part of an index that is read at once, in bytes, even if the values are so large that the piece becomes larger than others. */
const LINES_BYTES_MIN = 65_536;
/** Part of a `.json` that is handed over at once, in bytes. Larger values cost more to read than to check. */
const PIECE_JSON_BYTES_MAX = 8_388_608;
const LINE_FEED = 0x0a;

/** The files of a generation, open. */
interface GenerationParts {
  readonly json: DataFileReader;
  readonly index: DataFileReader;
}

/** A generation is not sound, or could not be checked: it has to be read alone. */
class NotVouchedError extends Error {
  override readonly name = 'NotVouchedError';

  constructor() {
    super('Cannot use a snapshot as other threads found it: read it alone');
  }
}

/** Where no thread helps, checking whole pieces still takes half as long as reading entry by entry. */
const IN_THIS_THREAD: EntryChecker = { piecesMax: 1, textBytesMin: 0, checkEntries: async (piece) => Promise.resolve(checkEntries(piece)) };

/** Returns what checks a generation in pieces; undefined if that is not worth its while. */
export function checkerFor(checker: EntryChecker | undefined, { json }: SnapshotManifest): EntryChecker | undefined {
  if (checker === undefined || json.sizeBytes < checker.textBytesMin) return undefined;
  return checker.piecesMax > 0 ? checker : IN_THIS_THREAD;
}

/**
 * Reads the keys of a generation with their values, all of which are checked before they are given. The digests are checked only at the
 * end: a caller that uses entries before the end must be able to discard them.
 *
 * @returns groups, ascending by the UTF-8 bytes of the keys
 * @throws {Error} if anything differs from what was written, or could not be checked; at the latest after the last group
 */
export async function* readEntriesAhead(source: GenerationSource, checker: EntryChecker): AsyncGenerator<EntryGroup> {
  const json = await openPart(source, 'json');
  try {
    const index = await openPart(source, 'index');
    try {
      yield* readBoth(source.manifest, { json, index }, checker);
    } finally {
      await index.close();
    }
  } finally {
    await json.close();
  }
}

async function* readBoth(manifest: GenerationFiles, files: GenerationParts, checker: EntryChecker): AsyncGenerator<EntryGroup> {
  const { json, index } = files;
  await skip(json, JSON_START);
  const pieces = new Pieces(files, manifest);
  const handed: Promise<CheckedEntries>[] = [];
  let [keyCount, keySum] = [0, 0];
  for (;;) {
    while (handed.length < checker.piecesMax) {
      const piece = await pieces.next();
      if (piece === undefined) break;
      const checking = checker.checkEntries(piece);
      // Reported where it is awaited, if it still is.
      checking.catch(() => undefined);
      handed.push(checking);
    }
    const checked = await handed.shift();
    if (checked === undefined) break;
    const { packed } = checked;
    if (packed === undefined) throw new NotVouchedError();
    pieces.takeBack(checked.memory);
    keyCount += checked.keyCount;
    keySum = addTerm(keySum, checked.keySum);
    yield { packed, keySum: checked.keySum };
  }
  index.checkDigest();
  if (findMissing(manifest, { keyCount, keySum, jsonOffset: pieces.position.jsonOffset }) !== undefined) throw new NotVouchedError();
  await skip(json, (keyCount === 0 ? '' : LAST_LINE_END) + JSON_END);
  json.checkDigest();
}

async function skip(json: DataFileReader, text: string): Promise<void> {
  if (text.length > json.restBytes || !isAt(await json.read(text.length), 0, Buffer.from(text))) throw new NotVouchedError();
}

/** Reads both files in pieces. Their memory goes to the checker and comes back, because there is much more to read than to keep. */
class Pieces {
  /** Before the next piece. */
  position: IndexPosition = INDEX_START;
  readonly #files: GenerationParts;
  readonly #form: IndexForm;
  readonly #seqMax: number;
  /** How much of the index a piece has at most, in bytes. */
  readonly #linesBytes: number;
  /** What was read of the index and belongs into the next piece. */
  #rest: Buffer = Buffer.alloc(0);
  readonly #memories: ArrayBuffer[] = [];

  constructor(files: GenerationParts, manifest: GenerationFiles) {
    const { index, json } = manifest;
    this.#files = files;
    this.#form = indexFormOf(manifest);
    this.#seqMax = manifest.seq;
    const share = index.sizeBytes / (index.sizeBytes + json.sizeBytes);
    this.#linesBytes = Math.max(LINES_BYTES_MIN, Math.floor(PIECE_BYTES * share));
  }

  /** Returns the next piece; undefined after the last one. */
  async next(): Promise<UncheckedEntries | undefined> {
    const { index, json } = this.#files;
    if (index.restBytes + this.#rest.length === 0) return undefined;
    let bytes = Buffer.from(this.#memories.pop() ?? new ArrayBuffer(MEMORY_BYTES));
    const linesEnd = this.#rest.copy(bytes) + Math.min(this.#linesBytes - this.#rest.length, index.restBytes);
    await index.readInto(bytes.subarray(this.#rest.length, linesEnd));
    const before = this.position;
    let indexBytes = bytes.lastIndexOf(LINE_FEED, linesEnd - 1) + 1;
    let after = positionAfter(bytes.subarray(0, indexBytes), this.#form);
    while (after.jsonOffset - before.jsonOffset > PIECE_JSON_BYTES_MAX) {
      indexBytes = bytes.lastIndexOf(LINE_FEED, Math.floor(indexBytes / 2)) + 1;
      after = positionAfter(bytes.subarray(0, indexBytes), this.#form);
    }
    const jsonBytes = after.jsonOffset - before.jsonOffset;
    if (jsonBytes <= 0 || jsonBytes > json.restBytes) throw new NotVouchedError();
    this.#rest = Buffer.from(bytes.subarray(indexBytes, linesEnd));
    if (indexBytes + jsonBytes > bytes.length) {
      const lines = bytes.subarray(0, indexBytes);
      bytes = Buffer.from(new ArrayBuffer(indexBytes + jsonBytes));
      lines.copy(bytes);
    }
    await json.readInto(bytes.subarray(indexBytes, indexBytes + jsonBytes));
    this.position = after;
    return { memory: bytes.buffer, indexBytes, jsonBytes, before, form: this.#form, seqMax: this.#seqMax };
  }

  /** Takes back the memory of a piece, to use it again. */
  takeBack(memory: ArrayBuffer): void {
    if (memory.byteLength === MEMORY_BYTES) this.#memories.push(memory);
  }
}

/** Reads from the last of some lines where the lines after it begin. The checker checks what it says. */
function positionAfter(lines: Buffer, form: IndexForm): IndexPosition {
  const line = new IndexLineReader(form);
  const start = lines.length < 2 ? 0 : lines.lastIndexOf(LINE_FEED, lines.length - 2) + 1;
  if (lines.length === 0 || !line.read(lines, start)) throw new NotVouchedError();
  return { lastKey: textOf(line.key), jsonOffset: line.offset + line.sizeBytes };
}
