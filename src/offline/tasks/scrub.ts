/**
 * Checks stored bytes of a project while its server may be writing: everything, slowly, one sealed segment, or one snapshot.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Disk } from '../../disk/disk.js';
import { LogErasures } from '../../log/file/reading/log-erasures.js';
import { inspectLog } from '../../log/file/recovery/inspect-log.js';
import { LogPaths } from '../../log/file/log-paths.js';
import { segmentFile } from '../../log/file/segment/segment-files.js';
import { verifySegment } from '../../log/file/segment/verify-segment.js';
import { findingIn } from '../../log/log-errors.js';
import type { ScrubReport, SegmentCheck, SegmentJob, SnapshotCheck, SnapshotJob } from '../../projections/snapshot/file-work.js';
import { SnapshotCorruptError } from '../../projections/snapshot/snapshot-errors.js';
import { snapshotName } from '../../projections/snapshot/snapshot-names.js';
import { snapshotsOf } from '../project-files.js';
import { checkSnapshots } from '../verify/check-snapshots.js';
import type { ScrubJob } from './tasks.js';

/** Default read rate in bytes per second: low enough that requests do not suffer. */
const SCRUB_BYTES_PER_SECOND = 8_388_608;
/** Bytes that the inspection of a log reads between two pauses. */
const LOG_PIECE_BYTES = 1_048_576;
const MS_PER_SECOND = 1000;

/** Checks every line of a project's log and every byte of its snapshots. */
export async function scrub(job: ScrubJob, disk: Disk, signal?: AbortSignal): Promise<ScrubReport> {
  const bytesPerSecond = job.bytesPerSecond ?? SCRUB_BYTES_PER_SECOND;
  const pace = async (sizeBytes: number): Promise<void> => {
    if (bytesPerSecond > 0) await sleep((sizeBytes / bytesPerSecond) * MS_PER_SECOND, undefined, signal && { signal });
  };
  try {
    const options = { expectedLogId: job.logId, pace: () => pace(LOG_PIECE_BYTES), ...(signal && { signal }) };
    const log = await inspectLog(disk, job.dataFolder, job.project, options);
    const snapshots = await checkSnapshots({ disk, files: job, pace, signal });
    const file = `${job.project}.jsonl`;
    const missing = { file, offset: 0, expected: 'the active segment', found: 'no such file', kind: 'missing' } as const;
    const findings = [...(log === undefined ? [missing] : log.findings), ...snapshots.findings];
    return { findings, bytes: (log?.storedBytes ?? 0) + snapshots.bytes };
  } catch (error) {
    // An aborted pause throws an error without the signal's reason.
    signal?.throwIfAborted();
    throw error;
  }
}

/**
 * Checks one sealed segment before it is removed or replaced by a compressed copy: once damaged text is recorded as removed, or
 * compressed, nothing distinguishes it from what was written.
 */
export async function checkSegment(job: SegmentJob, disk: Disk, signal?: AbortSignal): Promise<SegmentCheck> {
  const paths = new LogPaths(job.dataFolder, job.project);
  const file = segmentFile(paths, job);
  const erasures = new LogErasures(disk, paths, job.logId);
  try {
    return { isSound: true, sha256: await verifySegment(disk, file, { ...job, erasures }, signal) };
  } catch (error) {
    signal?.throwIfAborted();
    const finding = findingIn(error, file.shownName);
    if (finding === undefined) throw error;
    return { isSound: false, finding };
  }
}

/** Checks every byte of a committed snapshot. Damage reported earlier may have been a failed read, or repaired since. */
export async function checkSnapshot(job: SnapshotJob, disk: Disk, signal?: AbortSignal): Promise<SnapshotCheck> {
  const { seq, json, index, requests } = job;
  const snapshots = snapshotsOf(disk, job);
  try {
    const manifest = await snapshots.read(seq);
    const areSame = manifest.json.sha256 === json.sha256 && manifest.index.sha256 === index.sha256
      && manifest.requests?.sha256 === requests?.sha256;
    if (!areSame) {
      const place = { file: snapshotName(seq, 'manifest'), offset: 0 };
      return { isSound: false, place, expected: 'the committed digests', found: 'different ones' };
    }
    await snapshots.verify(manifest, { signal });
    return { isSound: true };
  } catch (error) {
    if (!(error instanceof SnapshotCorruptError)) throw error;
    const { file, offset, expected, found } = error;
    return { isSound: false, place: { file, offset }, expected, found };
  }
}
