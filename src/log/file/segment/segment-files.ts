/**
 * The files of a log's segments: which segments exist, in which files they are, and opening them. Their names come from
 * `log-paths.ts`; every reader of a segment gets its file from here.
 *
 * A segment is one text. The active segment has one file. A sealed segment has a plain file, a compressed one, or for a while both.
 */
import { join } from 'node:path';
import { isErrno } from '../../../base/app-error.js';
import { closing, type Disk, type ReadableFile } from '../../../disk/disk.js';
import type { SegmentHeader } from '../../segment-format.js';
import { isIllegible } from '../../log-errors.js';
import { type ListedSegment, type LogPaths, sealedSegmentsIn, segmentName } from '../log-paths.js';
import { GzipReader } from './gzip-reader.js';
import { readHeader } from './segment-reader.js';

/** The text of a segment, open for reading. Sizes and offsets are those of the text, whichever form the file has. */
export type SegmentText = ReadableFile;

/** One file of a segment. */
export interface SegmentFile {
  readonly path: string;
  /** Its path relative to the data folder, for messages. */
  readonly shownName: string;
  readonly isCompressed: boolean;
}

/** Returns the file of a segment in its listed form. */
export function segmentFile(paths: LogPaths, { firstSeq, isCompressed, isActive }: ListedSegment): SegmentFile {
  if (isActive) return activeFile(paths);
  const name = segmentName(firstSeq, isCompressed);
  return { path: paths.inFolder(name), shownName: paths.shown(name), isCompressed };
}

/**
 * Returns a file by its name, as a finding has it.
 *
 * @param shownName relative to the data folder
 */
export function fileNamed(dataFolder: string, shownName: string): SegmentFile {
  return { path: join(dataFolder, shownName), shownName, isCompressed: shownName.endsWith('.gz') };
}

/** Returns the file of the other form of a sealed segment; undefined if it has one form only. */
export function otherFormFile(paths: LogPaths, segment: ListedSegment): SegmentFile | undefined {
  return segment.isDoubled && segmentFile(paths, { firstSeq: segment.firstSeq, isCompressed: !segment.isCompressed });
}

/** Returns the file of the active segment, whichever segment that is. */
export function activeFile(paths: LogPaths): SegmentFile {
  return { path: paths.active, shownName: paths.activeName, isCompressed: false };
}

/**
 * Lists the segments of a log whose writer may be another process. Reads the active segment first: one that is sealed meanwhile is
 * then found twice instead of not at all. During a rotation the newest segment can have its sealed name already, with no active
 * segment after it.
 *
 * @returns oldest first, each once
 * @throws {LogCorruptError} if the active segment does not begin with a header; ENOENT if there is none
 */
export async function listSegments(disk: Disk, paths: LogPaths): Promise<readonly ListedSegment[]> {
  const { firstSeq } = await headerOf(disk, activeFile(paths));
  const sealed = await listSealed(disk, paths);
  const isSealed = sealed.some((segment) => segment.firstSeq >= firstSeq);
  return isSealed ? sealed : [...sealed, { firstSeq, isCompressed: false, isActive: true }];
}

/**
 * Lists the sealed segments of a log.
 *
 * @returns oldest first, each once
 */
export async function listSealed(disk: Disk, paths: LogPaths): Promise<readonly ListedSegment[]> {
  return sealedSegmentsIn(await disk.list(paths.folder));
}

/**
 * Opens one file of a segment.
 *
 * @returns its text; the caller closes it
 * @throws {LogCorruptError} if a compressed file does not have the frame of one
 */
export async function openText(disk: Disk, file: SegmentFile): Promise<SegmentText> {
  return file.isCompressed ? await GzipReader.open(disk, file.path, file.shownName) : await disk.open(file.path, 'read');
}

/**
 * Opens one file of a segment, passes its text to `work` and closes it.
 *
 * @returns what `work` returns
 */
export async function withText<T>(disk: Disk, file: SegmentFile, work: (text: SegmentText) => Promise<T>): Promise<T> {
  return await closing(await openText(disk, file), work);
}

/** Reads the size of a file on disk, in bytes; 0 if it does not exist, as where a segment is compressed or removed meanwhile. */
export async function storedBytesOf(disk: Disk, { path }: Pick<SegmentFile, 'path'>): Promise<number> {
  return (await disk.status(path))?.sizeBytes ?? 0;
}

/**
 * Reads the header of one file of a segment.
 *
 * @throws {LogCorruptError} if it does not begin with a header
 */
export async function headerOf(disk: Disk, file: SegmentFile): Promise<SegmentHeader> {
  return await withText(disk, file, async (text) => (await readHeader(text, file.shownName)).header);
}

/** A segment that is open for reading. */
interface OpenedSegment {
  /** The file it was found in. */
  readonly file: SegmentFile;
  /** The caller closes it. */
  readonly text: SegmentText;
  readonly header: SegmentHeader;
  /** Length of the header in bytes with its line feed: the offset of the first line. */
  readonly headerBytes: number;
}

/** Throws for a header with the right first seq that does not fit the log. */
export type HeaderCheck = (header: SegmentHeader, shownName: string) => void;

/**
 * Opens a segment while its log may be in use. Since it was listed, the active file may have become the next segment and a sealed file
 * may be gone, so the header decides and not the name. Tries the listed form first, then the sealed name of the active segment or the
 * other form of a doubled one.
 *
 * @returns undefined if no file holds the segment now
 * @throws {LogCorruptError} if one file is damaged and no other holds the segment
 */
export async function openSegment(
  disk: Disk, paths: LogPaths, segment: ListedSegment, check?: HeaderCheck,
): Promise<OpenedSegment | undefined> {
  const { firstSeq } = segment;
  const next = segment.isActive ? segmentFile(paths, { firstSeq, isCompressed: false }) : otherFormFile(paths, segment);
  const failures: unknown[] = [];
  for (const file of [segmentFile(paths, segment), ...(next === undefined ? [] : [next])]) {
    try {
      const opened = await openIfFirst(disk, file, firstSeq, check);
      if (opened !== undefined) return opened;
    } catch (error) {
      if (!isIllegible(error)) throw error;
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  return undefined;
}

/** Opens a file if it exists and its segment begins with a seq. */
async function openIfFirst(
  disk: Disk, file: SegmentFile, firstSeq: number, check: HeaderCheck | undefined,
): Promise<OpenedSegment | undefined> {
  let text: SegmentText;
  try {
    text = await openText(disk, file);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
  try {
    const { header, sizeBytes: headerBytes } = await readHeader(text, file.shownName);
    if (header.firstSeq === firstSeq) {
      check?.(header, file.shownName);
      return { file, text, header, headerBytes };
    }
  } catch (error) {
    await text.close();
    throw error;
  }
  await text.close();
  return undefined;
}
