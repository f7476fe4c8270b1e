/**
 * Copies a sealed segment with lines erased: byte for byte, but for the erased parts and the format in its header. Verifies the whole text
 * first, and the copy afterwards, so that damage is neither copied nor made.
 */
import { hash } from 'node:crypto';
import { type BytePatch, patchPiece } from '../../../base/byte-patch.js';
import { invariant } from '../../../base/invariant.js';
import { appendAll, closing, type Disk } from '../../../disk/disk.js';
import { erasedPartB, type Erasures } from '../../erased-lines.js';
import { placeOfLine } from '../../line-format.js';
import { HASH_TAIL_BYTES, SALT_HEAD_BYTES } from '../../line-scan.js';
import { LogCorruptError } from '../../log-errors.js';
import { NEWEST_FORMAT } from '../../log-format.js';
import type { LogLine } from '../../log.js';
import { encodeHeaderLine } from '../../segment-format.js';
import type { LogPaths } from '../log-paths.js';
import { writeGzipCopy } from './gzip-writer.js';
import { digestText, textPieces } from './read-text.js';
import { type SegmentFile, type SegmentText, storedBytesOf, withText } from './segment-files.js';
import { readHeader } from './segment-reader.js';
import { readThrough } from './verify-segment.js';

/** A segment and its only file. */
interface ErasedSegment {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly file: SegmentFile;
}

/** A text of which some bytes read as others. */
class PatchedText implements SegmentText {
  readonly #text: SegmentText;
  readonly #patches: readonly BytePatch[];

  constructor(text: SegmentText, patches: readonly BytePatch[]) {
    this.#text = text;
    this.#patches = patches;
  }

  async read(into: Buffer, offset: number): Promise<number> {
    const count = await this.#text.read(into, offset);
    patchPiece(into.subarray(0, count), offset, this.#patches);
    return count;
  }

  async status(): ReturnType<SegmentText['status']> {
    return await this.#text.status();
  }

  async close(): Promise<void> {
    await this.#text.close();
  }
}

/**
 * Writes the copy of a segment to its temporary name, synced, and verifies it.
 *
 * @param erasures loaded; every line that they name is erased
 * @returns the size of the copy on disk in bytes; undefined if there was nothing to erase, and no copy
 * @throws {LogCorruptError} if the segment is damaged, or the copy is not what was to be written
 */
export async function writeErasedCopy(
  disk: Disk, paths: LogPaths, { firstSeq, lastSeq, file }: ErasedSegment, erasures: Erasures,
): Promise<number | undefined> {
  const { erasing } = paths;
  const wanted = await withText(disk, file, async (text) => {
    const patches = await patchesOf(text, { firstSeq, shownName: file.shownName }, erasures);
    if (patches.length === 0) return undefined;
    const patched = new PatchedText(text, patches);
    await disk.unlink(erasing);
    if (file.isCompressed) await writeGzipCopy(disk, { text: patched, nextSeq: lastSeq + 1 }, erasing);
    else await writePlainCopy(disk, patched, erasing);
    return await digestText(patched);
  });
  if (wanted === undefined) return undefined;
  const copy = { path: erasing, shownName: paths.shown('erasing'), isCompressed: file.isCompressed };
  await withText(disk, copy, async (text) => {
    await readThrough(text, { firstSeq, shownName: copy.shownName, erasures });
    const found = await digestText(text);
    if (found !== wanted) throw new LogCorruptError({ file: copy.shownName, offset: 0 }, `the SHA-256 ${wanted}`, found);
  });
  return await storedBytesOf(disk, copy);
}

async function writePlainCopy(disk: Disk, text: SegmentText, path: string): Promise<void> {
  await closing(await disk.open(path, 'create'), async (file) => {
    for await (const piece of textPieces(text)) await appendAll(file, piece);
    await file.datasync();
  });
}

/** Reads and verifies a text; returns what is to be replaced in it, none if nothing is to be erased. */
async function patchesOf(
  text: SegmentText, segment: { readonly firstSeq: number; readonly shownName: string }, erasures: Erasures,
): Promise<readonly BytePatch[]> {
  const patches: BytePatch[] = [];
  const take = async (lines: readonly LogLine[]): Promise<void> => {
    for (const line of lines) {
      const patch = await patchOf(text, line, segment.shownName, erasures);
      if (patch !== undefined) patches.push(patch);
    }
  };
  await readThrough(text, { ...segment, erasures, take });
  if (patches.length === 0) return [];
  const { header, sizeBytes } = await readHeader(text, segment.shownName);
  // A reader of the older format would take an erased line for damage.
  const bytes = Buffer.from(encodeHeaderLine({ ...header, format: NEWEST_FORMAT }));
  invariant(bytes.length === sizeBytes, 'the names of the formats have one length');
  return [{ offset: 0, bytes }, ...patches];
}

async function patchOf(text: SegmentText, line: LogLine, shownName: string, erasures: Erasures): Promise<BytePatch | undefined> {
  const erasure = line.erasedBy === undefined ? erasures.find(line.seq) : undefined;
  if (erasure === undefined) return undefined;
  const { place } = line;
  invariant(place !== undefined, 'a line of a segment has its place');
  const offset = place.offset - SALT_HEAD_BYTES;
  const whole = placeOfLine(line);
  const partB = Buffer.alloc(whole.offset + whole.sizeBytes - 1 - HASH_TAIL_BYTES - offset);
  await text.read(partB, offset);
  const digest = hash('sha256', partB, 'hex');
  if (digest === erasure.digest && partB.length === erasure.sizeBytes) return { offset, bytes: erasedPartB(partB.length) };
  const expected = `${erasure.sizeBytes} bytes with the SHA-256 ${erasure.digest}, as the line of seq ${erasure.by.seq} says`;
  throw new LogCorruptError({ file: shownName, offset, seq: line.seq }, expected, `${partB.length} with ${digest}`);
}
