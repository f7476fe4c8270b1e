/**
 * Reads a generation: its keys, or its keys with their values. Every entry is checked on the way, the digests only at the end: a caller
 * that uses entries before the end must be able to discard them.
 */
import { crc32 } from 'node:zlib';
import { isAt } from '../../base/byte-scan.js';
import { hexWord } from '../../base/hex-word.js';
import { invariant } from '../../base/invariant.js';
import type { Disk } from '../../disk/disk.js';
import { DataFileReader, readLines, type ReadingHooks } from './data-file-reader.js';
import { findMissing, INDEX_START, IndexChecks } from './index-checks.js';
import { decodeIndexLines, type IndexForm, indexFormOf, type IndexLine } from './index-format.js';
import { isBeforeValueAt, JSON_END, JSON_START, LAST_LINE_END } from './json-layout.js';
import type { RememberedRequest } from '../requests/request-records.js';
import { readRequestLines } from './requests-file.js';
import type { IndexEntry, SnapshotData, SnapshotEntry, SnapshotManifest } from './snapshot.js';
import { SnapshotCorruptError } from './snapshot-errors.js';
import { snapshotName } from './snapshot-names.js';

/** What identifies and checks the data files of a generation. */
export type GenerationFiles = Pick<SnapshotManifest, 'seq' | 'logId' | keyof SnapshotData>;

/** The same with its requests. */
interface RequestsSource extends ReadingHooks {
  readonly disk: Disk;
  readonly folder: string;
  readonly manifest: Pick<SnapshotManifest, 'seq' | 'requests'>;
}

/** A complete generation to read. */
export interface GenerationSource extends ReadingHooks {
  readonly disk: Disk;
  /** The project's folder, or another one with the data files. */
  readonly folder: string;
  readonly manifest: GenerationFiles;
}

/** A key with the bytes of its value as stored. */
export interface StoredEntry extends IndexEntry {
  /** Checked against their CRC. */
  readonly value: Buffer;
}

/** Bytes of the `.json` that are read at once, unless a value is larger. */
const JSON_PIECE_BYTES = 1_048_576;
/** Bytes of values that end a group of entries. */
const GROUP_BYTES = 1_048_576;

/** Opens a data file of a generation; the caller closes it. */
export function openPart({ disk, folder, manifest, onRead, signal }: GenerationSource, part: 'json' | 'index'): Promise<DataFileReader> {
  const known = { folder, name: snapshotName(manifest.seq, part), content: manifest[part] };
  return DataFileReader.open(disk, known, { onRead, signal });
}

/**
 * Reads the keys of a generation.
 *
 * @returns groups of about a thousand, ascending by the UTF-8 bytes of the keys
 * @throws {SnapshotCorruptError} when a size, the order, the form, a count or the digest is wrong; at the latest after the last group
 */
export async function* readIndex(source: GenerationSource): AsyncGenerator<readonly IndexEntry[]> {
  for await (const lines of readIndexLines(source)) yield lines.map(({ entry }) => entry);
}

async function* readIndexLines(source: GenerationSource): AsyncGenerator<readonly IndexLine[]> {
  // The index is of no use if the `.json` is missing or too short.
  await (await openPart(source, 'json')).close();
  const reader = await openPart(source, 'index');
  try {
    const index = { reader, form: indexFormOf(source.manifest), checks: new IndexChecks(source.manifest.seq, INDEX_START) };
    const { checks } = index;
    for await (const { bytes, offset } of readLines(reader)) yield readGroup(bytes, offset, index);
    const missing = findMissing(source.manifest, checks);
    if (missing !== undefined) throw reader.corrupt(source.manifest.index.sizeBytes, missing.expected, missing.found);
  } finally {
    await reader.close();
  }
}

/** An index that is being read. */
interface OpenIndex {
  readonly reader: DataFileReader;
  readonly form: IndexForm;
  readonly checks: IndexChecks;
}

/** @param offset of the group in the file */
function readGroup(bytes: Buffer, offset: number, { reader, form, checks }: OpenIndex): readonly IndexLine[] {
  const lines = decodeIndexLines(bytes, form);
  if ('faultOffset' in lines) throw reader.corrupt(offset + lines.faultOffset, 'a line of an index', 'something else');
  for (const line of lines) {
    const fault = checks.take(line);
    // A key begins one byte after its line.
    if (fault !== undefined) throw reader.corrupt(offset + line.keyText.start - 1, fault, 'something else');
  }
  return lines;
}

/** The `.json`, taken piece by piece from its beginning. */
class JsonPieces {
  readonly #reader: DataFileReader;
  /** Read and not completely taken yet. */
  bytes: Buffer = Buffer.alloc(0);
  #start = 0;
  /** Offset of the next piece in the file. */
  offset = 0;

  constructor(reader: DataFileReader) {
    this.#reader = reader;
  }

  /** Whether a piece of this size can be taken without reading. */
  holds(sizeBytes: number): boolean {
    return this.#start + sizeBytes <= this.bytes.length;
  }

  /** Reads until a piece of this size can be taken. */
  async fill(sizeBytes: number): Promise<void> {
    const rest = this.bytes.subarray(this.#start);
    const wanted = Math.max(sizeBytes - rest.length, JSON_PIECE_BYTES);
    const piece = await this.#reader.read(Math.min(wanted, this.#reader.restBytes));
    this.bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    this.#start = 0;
  }

  /** Takes a piece that is held; returns where it begins in {@link JsonPieces.bytes}. */
  take(sizeBytes: number): number {
    invariant(this.holds(sizeBytes), 'the sizes of file and index were compared');
    const start = this.#start;
    this.#start += sizeBytes;
    this.offset += sizeBytes;
    return start;
  }
}

/**
 * Reads the keys of a generation with the bytes of their values.
 *
 * @returns groups of at most about a thousand keys and, apart from the last value of each, 1 MiB
 * @throws {SnapshotCorruptError} when anything differs from what was written; at the latest after the last group
 */
export async function* readStoredEntries(source: GenerationSource): AsyncGenerator<readonly StoredEntry[]> {
  const reader = await openPart(source, 'json');
  try {
    const json = new JsonPieces(reader);
    await takeFraming(reader, json, JSON_START);
    let isFirst = true;
    const index = readIndexLines(source);
    for await (const lines of index) {
      let group: StoredEntry[] = [];
      let groupBytes = 0;
      for (const line of lines) {
        const { entry } = line;
        const sizeBytes = entry.offset + entry.sizeBytes - json.offset;
        if (!json.holds(sizeBytes)) await json.fill(sizeBytes);
        const taken = json.holds(sizeBytes)
          ? takeValue(reader, json, line, isFirst)
          : reader.corrupt(json.offset, 'a value', 'the end');
        if (taken instanceof SnapshotCorruptError) throw await findCulprit(index, taken);
        isFirst = false;
        const { key, seq, tag, timeMs, expiresAtMs, offset, crc } = entry;
        group.push({ key, seq, tag, timeMs, expiresAtMs, offset, sizeBytes: entry.sizeBytes, crc, value: taken });
        groupBytes += sizeBytes;
        if (groupBytes < GROUP_BYTES) continue;
        yield group;
        group = [];
        groupBytes = 0;
      }
      if (group.length > 0) yield group;
    }
    await takeFraming(reader, json, (isFirst ? '' : LAST_LINE_END) + JSON_END);
    reader.checkDigest();
  } finally {
    await reader.close();
  }
}

/** Takes the text before the first value, or after the last one. */
async function takeFraming(reader: DataFileReader, json: JsonPieces, text: string): Promise<void> {
  const { offset } = json;
  if (!json.holds(text.length)) await json.fill(text.length);
  if (!isAt(json.bytes, json.take(text.length), Buffer.from(text))) throw reader.corrupt(offset, JSON.stringify(text), 'something else');
}

/** Takes the value of an entry of the index; an error if the two files disagree. */
function takeValue(
  reader: DataFileReader, json: JsonPieces, { entry, keyText }: IndexLine, isFirst: boolean,
): Buffer | SnapshotCorruptError {
  const { offset } = json;
  const start = json.take(entry.offset + entry.sizeBytes - offset);
  if (!isBeforeValueAt(json.bytes, start, keyText, isFirst)) {
    return reader.corrupt(offset, 'the key that the index has there', 'something else');
  }
  const valueStart = start + entry.offset - offset;
  const value = json.bytes.subarray(valueStart, valueStart + entry.sizeBytes);
  const crc = crc32(value);
  return crc === entry.crc ? value : reader.corrupt(entry.offset, `CRC-32 ${hexWord(entry.crc)}`, `CRC-32 ${hexWord(crc)}`);
}

/** Decides which of two files that disagree is damaged: the index if the rest of it or its digest is wrong, otherwise the `.json`. */
async function findCulprit(index: AsyncGenerator<unknown>, inJson: SnapshotCorruptError): Promise<SnapshotCorruptError> {
  while ((await index.next()).done !== true);
  return inJson;
}

/**
 * Reads the keys of a generation with their values.
 *
 * @returns groups as of {@link readStoredEntries}
 * @throws {SnapshotCorruptError} when anything differs from what was written; at the latest after the last group
 */
export async function* readEntries(source: GenerationSource): AsyncGenerator<readonly SnapshotEntry[]> {
  for await (const group of readStoredEntries(source)) {
    yield group.map(({ key, seq, tag, timeMs, expiresAtMs, offset, sizeBytes, crc, value }) => (
      { key, seq, tag, timeMs, expiresAtMs, offset, sizeBytes, crc, value: value.toString('utf8') }
    ));
  }
}

/**
 * Reads the requests of a generation.
 *
 * @returns groups, ascending by seq
 * @throws {SnapshotCorruptError} when anything differs from what was written; at the latest after the last group
 */
export async function* readRequests(source: RequestsSource): AsyncGenerator<readonly RememberedRequest[]> {
  const { disk, folder, manifest: { seq, requests }, onRead, signal } = source;
  if (requests === null) return;
  const reader = await DataFileReader.open(disk, { folder, name: snapshotName(seq, 'requests'), content: requests }, { onRead, signal });
  try {
    yield* readRequestLines(reader, { seq, count: requests.count });
  } finally {
    await reader.close();
  }
}
