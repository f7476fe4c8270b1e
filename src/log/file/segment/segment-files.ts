/**
 * Opening segments, plain or compressed, so that those who read lines need not know which it is.
 */
import type { Disk, DiskFile } from '../../../disk/disk.js';
import { GzipReader } from './gzip-reader.js';
import { compressedName, type LogPaths, type SealedName, segmentName } from '../log-paths.js';

/** The text of a segment, open for reading; sizes and offsets are those of the text. */
export type SegmentText = Pick<DiskFile, 'read' | 'status' | 'close'>;

/** One segment of a log that is being read. */
export interface ReadableSegment {
  readonly firstSeq: number;
  readonly form: 'active' | 'plain' | 'compressed';
  /** The other form of a sealed segment lies there too. Absent where there is one. */
  readonly isDoubled?: true;
}

/** Where a segment lies. */
export interface SegmentFile {
  readonly path: string;
  /** Its path relative to the home, for people. */
  readonly shownName: string;
  readonly isCompressed: boolean;
}

/** Where a sealed segment lies. */
export function sealedFile(paths: LogPaths, { firstSeq, isCompressed }: SealedName): SegmentFile {
  const name = isCompressed ? compressedName(firstSeq) : segmentName(firstSeq);
  return { path: paths.inFolder(name), shownName: paths.shown(name), isCompressed };
}

/** Where the active segment lies. */
export function activeFile(paths: LogPaths): SegmentFile {
  return { path: paths.active, shownName: paths.activeName, isCompressed: false };
}

/** Where a segment lies in the form that it has now. */
export function fileOf(paths: LogPaths, { firstSeq, form }: ReadableSegment): SegmentFile {
  return form === 'active' ? activeFile(paths) : sealedFile(paths, { firstSeq, isCompressed: form === 'compressed' });
}

/** Where the other form of a sealed segment lies; undefined where there is one form only. */
export function otherFileOf(paths: LogPaths, { firstSeq, form, isDoubled }: ReadableSegment): SegmentFile | undefined {
  return isDoubled && sealedFile(paths, { firstSeq, isCompressed: form !== 'compressed' });
}

/**
 * Opens a segment for reading.
 *
 * @returns its text; the caller closes it
 * @throws {LogCorruptError} when a compressed one does not begin and end like one
 */
export async function openText(disk: Disk, file: SegmentFile): Promise<SegmentText> {
  return file.isCompressed ? await GzipReader.open(disk, file.path, file.shownName) : await disk.open(file.path, 'read');
}

/**
 * Opens a segment, does something with it and closes it.
 *
 * @returns what `work` returns
 */
export async function withText<T>(disk: Disk, file: SegmentFile, work: (text: SegmentText) => Promise<T>): Promise<T> {
  const text = await openText(disk, file);
  try {
    return await work(text);
  } finally {
    await text.close();
  }
}
