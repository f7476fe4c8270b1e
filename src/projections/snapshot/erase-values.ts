/**
 * Erases values in a committed generation that must stay: the base of a log. Each value is replaced by `null`, or where it is shorter by
 * `0`, with as many spaces as it takes, so that every offset stays. The result depends only on the generation and on the versions that
 * are erased, also where an interruption has left only a part of the files replaced: it can be repeated, and its digest is known before.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { type BytePatch, patchPiece } from '../../base/byte-patch.js';
import { hexWord } from '../../base/hex-word.js';
import { invariant } from '../../base/invariant.js';
import { appendAll, changeFolder, closing, type Disk, type DiskFile, writeNewFile } from '../../disk/disk.js';
import { decodeIndexLines, indexFormOf } from './index-format.js';
import { encodeManifest } from './manifest-format.js';
import type { SnapshotFile, SnapshotManifest } from './snapshot.js';
import { SnapshotCorruptError } from './snapshot-errors.js';
import { snapshotName } from './snapshot-names.js';

const ERASED_TEXT = 'null';
/** Values that have no room for it: one character, and perhaps blanks. */
const SHORT_ERASED_TEXT = '0';
const PIECE_BYTES = 1_048_576;
const LINE_FEED = 0x0a;
/** Where a line of an index has the checksum. */
const CRC_FIELD = 5;

/** A generation, and which versions in it to erase. */
interface ErasedGeneration {
  readonly disk: Disk;
  /** The project's folder. */
  readonly folder: string;
  readonly manifest: SnapshotManifest;
  isErased(seq: number): boolean;
}

/** Returns what stands for an erased value of a size in bytes. */
export function erasedValue(sizeBytes: number): Buffer {
  return Buffer.from((sizeBytes < ERASED_TEXT.length ? SHORT_ERASED_TEXT : ERASED_TEXT).padEnd(sizeBytes));
}

/**
 * Computes what a generation will be.
 *
 * @returns the new manifest, and its digest
 */
export async function planErasure(erased: ErasedGeneration): Promise<{ readonly manifest: SnapshotManifest; readonly digest: string }> {
  const { manifest } = await rewrite(erased, undefined);
  return { manifest, digest: encodeManifest(manifest).digest };
}

/**
 * Replaces the files of a generation, the manifest last. A crash leaves some of them replaced, and a repetition replaces the rest.
 *
 * @param digest the planned one; nothing is replaced if the result would have another
 * @returns the new manifest
 * @throws {SnapshotCorruptError} if the generation is not the one that was planned with
 */
export async function eraseValues(erased: ErasedGeneration, digest: string): Promise<SnapshotManifest> {
  const { disk, folder } = erased;
  const { seq } = erased.manifest;
  const path = (part: Parameters<typeof snapshotName>[1]): string => join(folder, snapshotName(seq, part));
  const temporary = { json: path('json-erased'), index: path('index-erased'), manifest: path('manifest-erased') };
  for (const name of Object.values(temporary)) await disk.unlink(name);
  const { manifest } = await rewrite(erased, temporary);
  const encoded = encodeManifest(manifest);
  if (encoded.digest !== digest) {
    for (const name of Object.values(temporary)) await disk.unlink(name);
    throw new SnapshotCorruptError({ file: snapshotName(seq, 'manifest'), offset: 0 }, `SHA-256 ${digest}`, `SHA-256 ${encoded.digest}`);
  }
  await writeNewFile(disk, temporary.manifest, Buffer.from(encoded.text));
  await changeFolder(disk, folder, async () => {
    await disk.rename(temporary.json, path('json'));
    await disk.rename(temporary.index, path('index'));
  });
  await changeFolder(disk, folder, () => disk.rename(temporary.manifest, path('manifest')));
  return manifest;
}

/** @param into where to write both files; undefined: only their digests are wanted */
async function rewrite(
  { disk, folder, manifest, isErased }: ErasedGeneration, into: { readonly json: string; readonly index: string } | undefined,
): Promise<{ readonly manifest: SnapshotManifest }> {
  const source = (part: 'json' | 'index'): string => join(folder, snapshotName(manifest.seq, part));
  const patches: BytePatch[] = [];
  const form = indexFormOf(manifest);
  const index = await copyFile(disk, source('index'), into?.index, linesOf((bytes, offset) => {
    const lines = decodeIndexLines(bytes, form);
    if ('faultOffset' in lines) {
      const place = { file: snapshotName(manifest.seq, 'index'), offset: offset + lines.faultOffset };
      throw new SnapshotCorruptError(place, 'a line of an index', 'something else');
    }
    const erased = lines.filter(({ entry }) => isErased(entry.seq));
    if (erased.length === 0) return bytes;
    for (const { entry } of erased) patches.push({ offset: entry.offset, bytes: erasedValue(entry.sizeBytes) });
    const texts = bytes.toString('utf8').split('\n');
    return Buffer.from(lines.map(({ entry }, at) => (isErased(entry.seq) ? withErasedCrc(texts[at] ?? '') : texts[at])).join('\n') + '\n');
  }));
  const json = await copyFile(disk, source('json'), into?.json, async function* (pieces) {
    for await (const { bytes, offset } of pieces) {
      patchPiece(bytes, offset, patches);
      yield bytes;
    }
  });
  invariant(index.sizeBytes === manifest.index.sizeBytes && json.sizeBytes === manifest.json.sizeBytes, 'erasing changes no size');
  return { manifest: { ...manifest, json, index } };
}

/** Every format spells its lines as `JSON.stringify` does. */
function withErasedCrc(line: string): string {
  const row = JSON.parse(line) as unknown[];
  const sizeBytes = row[CRC_FIELD - 1];
  invariant(typeof sizeBytes === 'number', 'a line of an index was decoded before');
  return JSON.stringify(row.with(CRC_FIELD, hexWord(crc32(erasedValue(sizeBytes)))));
}

interface Piece {
  readonly bytes: Buffer;
  readonly offset: number;
}

type Change = (pieces: AsyncIterable<Piece>) => AsyncIterable<Buffer>;

/** Changes complete lines together. */
function linesOf(change: (lines: Buffer, offset: number) => Buffer): Change {
  return async function* (pieces) {
    let rest: Buffer = Buffer.alloc(0);
    for await (const { bytes, offset } of pieces) {
      const joined = Buffer.concat([rest, bytes]);
      const end = joined.lastIndexOf(LINE_FEED) + 1;
      if (end > 0) yield change(joined.subarray(0, end), offset - rest.length);
      rest = joined.subarray(end);
    }
    if (rest.length > 0) yield rest;
  };
}

async function copyFile(disk: Disk, from: string, to: string | undefined, change: Change): Promise<SnapshotFile> {
  const digest = createHash('sha256');
  let sizeBytes = 0;
  const copy = async (target: DiskFile | undefined): Promise<void> => {
    await closing(await disk.open(from, 'read'), async (file) => {
      for await (const bytes of change(piecesOf(file))) {
        digest.update(bytes);
        sizeBytes += bytes.length;
        if (target !== undefined) await appendAll(target, bytes);
      }
    });
    await target?.datasync();
  };
  if (to === undefined) await copy(undefined);
  else await closing(await disk.open(to, 'create'), copy);
  return { sizeBytes, sha256: digest.digest('hex') };
}

async function* piecesOf(file: Pick<DiskFile, 'read'>): AsyncGenerator<Piece> {
  for (let offset = 0; ;) {
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    const bytes = piece.subarray(0, await file.read(piece, offset));
    if (bytes.length === 0) return;
    yield { bytes, offset };
    offset += bytes.length;
  }
}
