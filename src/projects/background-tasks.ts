/**
 * The contract of work on a project's files that must not hold up anybody: building snapshots and reading everything again.
 * It is done from files alone, elsewhere than on the event loop, and what carries it out knows no project.
 */
import type {
  BuildJob, BuiltGeneration, FilesOfProject, ScrubReport, SegmentCheck, SegmentJob,
} from '../projections/snapshot/file-work.js';

/** Carries out such work. A task that is aborted leaves nothing that counts. */
export interface BackgroundTasks {
  /**
   * Builds the data files of a generation.
   *
   * @throws {Error} named `SnapshotCorruptError` when the generation to build on is damaged: try again without it
   */
  build(job: BuildJob, signal?: AbortSignal): Promise<BuiltGeneration>;

  /** Reads all that a project has on disk, slowly, and checks it. */
  scrub(job: FilesOfProject, signal?: AbortSignal): Promise<ScrubReport>;

  /** Reads one sealed segment and checks all of it. */
  check(job: SegmentJob, signal?: AbortSignal): Promise<SegmentCheck>;

  /** Ends what is going on. */
  close(): Promise<void>;
}
