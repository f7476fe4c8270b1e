/**
 * The contract of work on a project's files that must not hold up anybody: building snapshots and reading everything again.
 * It is done from files alone, elsewhere than on the event loop, and whoever carries it out knows no project.
 */
import type {
  BuildJob, BuiltGeneration, FilesOfProject, ScrubReport, SegmentCheck, SegmentJob,
} from '../projections/snapshot/file-work.js';

/** Carries out such work. A task that is aborted leaves nothing that counts. */
export interface BackgroundTasks {
  /**
   * Builds the data files of a generation.
   *
   * @param job what from, up to where
   * @param signal ends it
   * @returns what was built
   * @throws {Error} named `SnapshotCorruptError` when the generation to build on is damaged: try again without it
   */
  build(job: BuildJob, signal?: AbortSignal): Promise<BuiltGeneration>;

  /**
   * Reads all that a project has on disk, slowly, and checks it.
   *
   * @param job which project
   * @param signal ends it
   * @returns what was found
   */
  scrub(job: FilesOfProject, signal?: AbortSignal): Promise<ScrubReport>;

  /**
   * Reads one sealed segment and checks all of it.
   *
   * @param job which segment
   * @param signal ends it
   * @returns its digest, or what is wrong with it
   */
  check(job: SegmentJob, signal?: AbortSignal): Promise<SegmentCheck>;

  /** Ends what is going on. */
  close(): Promise<void>;
}
