/**
 * The contract of work on a project's files that must not block the event loop: building snapshots and checking files. It reads files only
 * and knows no live project.
 */
import type {
  BuildJob, BuiltGeneration, BuiltPast, FilesOfProject, PastJob, ScrubReport, SegmentCheck, SegmentJob, SnapshotCheck, SnapshotJob,
} from '../projections/snapshot/file-work.js';

/** Runs tasks off the event loop. An aborted task leaves nothing that counts. */
export interface BackgroundTasks {
  /**
   * Builds the data files of a generation.
   *
   * @throws {Error} named `SnapshotCorruptError` if the generation to build on is damaged: retry without it
   */
  build(job: BuildJob, signal?: AbortSignal): Promise<BuiltGeneration>;

  /**
   * Builds a past state. Whether it fails or is aborted, the caller removes the folder of the result.
   *
   * @throws {Error} named `OutOfReachError` if the lines up to there are gone and no snapshot has their state
   */
  buildPast(job: PastJob, signal?: AbortSignal): Promise<BuiltPast>;

  /** Slowly reads and checks all files of a project. */
  scrub(job: FilesOfProject, signal?: AbortSignal): Promise<ScrubReport>;

  /** Reads and checks one sealed segment. */
  check(job: SegmentJob, signal?: AbortSignal): Promise<SegmentCheck>;

  /** Reads and checks one committed snapshot. */
  verify(job: SnapshotJob, signal?: AbortSignal): Promise<SnapshotCheck>;

  /** Aborts the running tasks. */
  close(): Promise<void>;
}
