/**
 * Reads a whole generation while other threads check the pieces that come next. Gives nothing of a piece that is not sound, and says
 * nothing about it: the caller discards what it has, and reads the generation with `read-generation.ts`.
 */
import { isAt } from '../../base/byte-scan.js';
import type { PackedEntries } from '../key-index/packed-entries.js';
import { addTerm } from '../key-sum.js';
import type { CheckedEntries, EntryChecker } from './checked-entries.js';
import { type DataFileReader, readLines } from './data-file-reader.js';
import { findMissing, INDEX_START, type IndexPosition } from './index-checks.js';
import { decodeIndexLines, type IndexForm, indexFormOf } from './index-format.js';
import { JSON_END, JSON_START, LAST_LINE_END } from './json-layout.js';
import { type GenerationFiles, type GenerationSource, openPart } from './read-generation.js';
import type { SnapshotManifest } from './snapshot.js';

/** Keys with their values. */
export interface EntryGroup {
  readonly packed: PackedEntries;
  /** The sum over the keys; see `key-sum.ts`. */
  readonly keySum: number;
}

/** Part of a `.json` that is handed over at once, in bytes. Beyond, values are so large that reading them costs more than checking. */
const PIECE_BYTES_MAX = 8_388_608;
const LINE_FEED = 0x0a;

/** A generation is not sound, or could not be checked: it has to be read alone. */
class NotVouchedError extends Error {
  override readonly name = 'NotVouchedError';

  constructor() {
    super('Cannot use a snapshot as other threads found it: read it alone');
  }
}

/** Tells whether help is worth its while. */
export function isHelpful(checker: EntryChecker | undefined, { json }: SnapshotManifest): checker is EntryChecker {
  return checker !== undefined && checker.piecesMax > 0 && json.sizeBytes >= checker.textBytesMin;
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

async function* readBoth(
  manifest: GenerationFiles, { json, index }: { readonly json: DataFileReader; readonly index: DataFileReader }, checker: EntryChecker,
): AsyncGenerator<EntryGroup> {
  await skip(json, JSON_START);
  const form = indexFormOf(manifest);
  const lines = readLines(index);
  const handed: Promise<CheckedEntries>[] = [];
  let before: IndexPosition = INDEX_START;
  let [keyCount, keySum] = [0, 0];
  for (;;) {
    while (handed.length < checker.piecesMax) {
      const { value: read } = await lines.next();
      if (read === undefined) break;
      const after = positionAfter(read.bytes, form);
      const sizeBytes = after.jsonOffset - before.jsonOffset;
      if (sizeBytes <= 0 || sizeBytes > Math.min(json.restBytes, PIECE_BYTES_MAX)) throw new NotVouchedError();
      const piece = { index: alone(read.bytes), json: alone(await json.read(sizeBytes)), before, form, seqMax: manifest.seq };
      const checking = checker.checkEntries(piece);
      // Reported where it is awaited, if it still is.
      checking.catch(() => undefined);
      handed.push(checking);
      before = after;
    }
    const checked = await handed.shift();
    if (checked === undefined) break;
    const { packed } = checked;
    if (packed === undefined) throw new NotVouchedError();
    keyCount += checked.keyCount;
    keySum = addTerm(keySum, checked.keySum);
    yield { packed, keySum: checked.keySum };
  }
  if (findMissing(manifest, { keyCount, keySum, jsonOffset: before.jsonOffset }) !== undefined) throw new NotVouchedError();
  await skip(json, (keyCount === 0 ? '' : LAST_LINE_END) + JSON_END);
  json.checkDigest();
}

async function skip(json: DataFileReader, text: string): Promise<void> {
  if (text.length > json.restBytes || !isAt(await json.read(text.length), 0, Buffer.from(text))) throw new NotVouchedError();
}

/** Reads from the last of some lines where the lines after it begin. The checker checks what it says. */
function positionAfter(lines: Buffer, form: IndexForm): IndexPosition {
  const decoded = decodeIndexLines(lines.subarray(lines.length < 2 ? 0 : lines.lastIndexOf(LINE_FEED, lines.length - 2) + 1), form);
  const entry = 'faultOffset' in decoded ? undefined : decoded[0]?.entry;
  if (entry === undefined) throw new NotVouchedError();
  return { lastKey: entry.key, jsonOffset: entry.offset + entry.sizeBytes };
}

/** Copies bytes unless their memory holds nothing else, because all of it is handed over. */
function alone(bytes: Buffer): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  return buffer instanceof ArrayBuffer && buffer.byteLength === bytes.length ? new Uint8Array(buffer) : new Uint8Array(bytes);
}
