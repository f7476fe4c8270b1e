/**
 * Which segments a log has now, read from its files by a process that does not write it.
 */
import type { Disk } from '../../disk/disk.js';
import { type LogPaths, type SealedName, sealedSegmentNames } from './log-paths.js';
import { readHeader } from './segment/segment-reader.js';
import { activeFile, type ReadableSegment, withText } from './segment/segment-files.js';

/**
 * Lists the segments of a log. The active one is looked at first, so that one that is sealed meanwhile is found twice and not
 * missed; while a rotation is under way the newest segment may have its sealed name already, and no active one after it.
 *
 * @returns oldest first, each once
 * @throws {LogCorruptError} when the active segment does not begin with a header; ENOENT when there is none
 */
export async function listSegments(disk: Disk, paths: LogPaths): Promise<readonly ReadableSegment[]> {
  const { header } = await withText(disk, activeFile(paths), (text) => readHeader(text, paths.activeName));
  const { firstSeq } = header;
  const sealed = await listSealed(disk, paths);
  return sealed.some((segment) => segment.firstSeq >= firstSeq) ? sealed : [...sealed, { firstSeq, form: 'active' }];
}

/**
 * Lists the sealed segments of a log by their names.
 *
 * @returns oldest first, each once
 */
export async function listSealed(disk: Disk, paths: LogPaths): Promise<readonly ReadableSegment[]> {
  return sealedSegmentNames(await disk.list(paths.folder)).map(asReadable);
}

/** Makes of a sealed segment what readers know of it. */
export function asReadable({ firstSeq, isCompressed, isDoubled }: SealedName): ReadableSegment {
  const form = isCompressed ? 'compressed' : 'plain';
  return isDoubled ? { firstSeq, form, isDoubled } : { firstSeq, form };
}
