/**
 * Checks one sealed segment before it is removed or replaced by a compressed copy: damage that is recorded as sound, or packed anew, could
 * not be distinguished from what was written any more.
 */
import { LogPaths } from '../log/file/log-paths.js';
import { sealedFile } from '../log/file/segment/segment-files.js';
import { verifySegment } from '../log/file/segment/verify-segment.js';
import { findingIn } from '../log/log-errors.js';
import type { WorkPlace } from './build-generation.js';
import type { SegmentCheck, SegmentJob } from '../projections/snapshot/file-work.js';

/** Checks a segment. */
export async function checkSegment(job: SegmentJob, { disk, signal }: WorkPlace): Promise<SegmentCheck> {
  const file = sealedFile(new LogPaths(job.dataFolder, job.project), job);
  try {
    return { isSound: true, sha256: await verifySegment(disk, { file, due: job }, signal) };
  } catch (error) {
    signal?.throwIfAborted();
    const finding = findingIn(error, file.shownName);
    if (finding === undefined) throw error;
    return { isSound: false, finding };
  }
}
