/**
 * Builds the state of a project after one of its lines, to be read for a while: from the newest sound snapshot at or before that line, or
 * from the beginning of the log.
 */
import type { Disk } from '../../disk/disk.js';
import { IN_THIS_THREAD } from '../../log/file/segment/checked-lines.js';
import type { BuiltPast, PastJob } from '../../projections/snapshot/file-work.js';
import { MarkMaker } from '../../projections/snapshot/index-marks.js';
import { buildState } from '../build-state.js';
import { linesAfter, openProjectLog } from '../project-files.js';
import { fromUsableSnapshot } from '../replay/usable-snapshots.js';

/**
 * Builds a past state.
 *
 * @throws {OutOfReachError} when the beginning of the log is gone and no snapshot covers it
 * @throws {LogCorruptError} when a line is damaged
 * @throws {AppError} `state_too_large`, `disk_full`
 */
export async function buildPast(job: PastJob, disk: Disk, signal?: AbortSignal): Promise<BuiltPast> {
  const { dataFolder, project, logId, toSeq, into, bytesMax } = job;
  const log = await openProjectLog(disk, job, IN_THIS_THREAD);
  return await fromUsableSnapshot({ disk, dataFolder, project, until: { seq: toSeq } }, log, async (previous) => {
    const marks = new MarkMaker();
    // Only names the result, and must be above the seq of the snapshot that it is built on, which may be of the very line.
    const seq = toSeq + 1;
    const lines = linesAfter(log, previous, toSeq, signal);
    const { last, ...data } = await buildState({
      disk, dataFolder, project, into, seq, previous, lines, scratch: { bytesMax, marks }, hidesExpired: true, signal,
    });
    return { timeMs: last?.timeMs ?? previous?.timeMs ?? 0, generation: { ...data, seq, logId, marks: marks.marks } };
  });
}
