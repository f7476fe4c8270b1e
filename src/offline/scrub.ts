/**
 * Reads again everything that a project has on disk, slowly, and checks every byte: the lines of its log, and its snapshots.
 * A server may be at work on the same files.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { inspectLog } from '../log/file/recovery/inspect-log.js';
import type { WorkPlace } from './build-generation.js';
import { checkSnapshots } from './check-snapshots.js';
import type { ScrubReport } from '../projections/snapshot/file-work.js';
import type { ScrubJob } from './tasks.js';

/** Default limit of its speed, in bytes per second: slow enough that requests do not suffer. */
export const SCRUB_BYTES_PER_SECOND = 8_388_608;
/** What the inspection of a log reads between two pauses, in bytes. */
const LOG_PIECE_BYTES = 1_048_576;
const MS_PER_SECOND = 1000;

/** Checks everything of one project. */
export async function scrub(job: ScrubJob, { disk, signal }: WorkPlace): Promise<ScrubReport> {
  const bytesPerSecond = job.bytesPerSecond ?? SCRUB_BYTES_PER_SECOND;
  const pace = async (sizeBytes: number): Promise<void> => {
    if (bytesPerSecond > 0) await sleep((sizeBytes / bytesPerSecond) * MS_PER_SECOND, undefined, signal && { signal });
  };
  try {
    const where = { folder: job.dataFolder, project: job.project };
    const options = { expectedLogId: job.logId, pace: () => pace(LOG_PIECE_BYTES), ...(signal && { signal }) };
    const log = await inspectLog(disk, where, options);
    const snapshots = await checkSnapshots({ disk, files: job, pace, signal });
    const file = `${job.project}.jsonl`;
    const missing = { file, offset: 0, expected: 'the active segment', found: 'no such file', kind: 'missing' } as const;
    const findings = [...(log === undefined ? [missing] : log.findings), ...snapshots.findings];
    return { findings, bytes: (log?.storedBytes ?? 0) + snapshots.bytes };
  } catch (error) {
    // Where a pause was ended, the error says no more than that.
    signal?.throwIfAborted();
    throw error;
  }
}
