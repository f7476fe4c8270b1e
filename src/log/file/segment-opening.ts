/**
 * Opening the file that a segment lies in while its log goes on: the active name may have moved on to the next segment, and a sealed
 * one may be gone, so what counts is the header and not the name.
 */
import { isErrno } from '../../base/app-error.js';
import type { DiskFile } from '../../disk/disk.js';
import type { SegmentHeader } from '../line-format.js';
import { readHeader } from './segment/segment-reader.js';

/** A segment that is open for reading. */
export interface OpenedSegment<F> {
  readonly file: F;
  readonly header: SegmentHeader;
  /** Length of the header in bytes with its line feed: where lines begin. */
  readonly headerBytes: number;
}

/** Which segment is wanted. */
export interface WantedSegment {
  readonly firstSeq: number;
  /** The file's name for people. */
  readonly shownName: string;
  /** Refuses, by throwing, a header that has the right first seq and is not the one that is due. */
  readonly check?: (header: SegmentHeader) => void;
}

/**
 * Opens a file if it is there and the segment in it begins with a seq.
 *
 * @returns the segment, which the caller closes; undefined when there is no such file, or another segment lies in it
 * @throws {LogCorruptError} when it does not begin with a header, or the check refuses it
 */
export async function openIfFirst<F extends Pick<DiskFile, 'read' | 'close'>>(
  open: () => Promise<F>, { firstSeq, shownName, check }: WantedSegment,
): Promise<OpenedSegment<F> | undefined> {
  let file: F;
  try {
    file = await open();
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
  try {
    const { header, sizeBytes: headerBytes } = await readHeader(file, shownName);
    if (header.firstSeq === firstSeq) {
      check?.(header);
      return { file, header, headerBytes };
    }
  } catch (error) {
    await file.close();
    throw error;
  }
  await file.close();
  return undefined;
}
