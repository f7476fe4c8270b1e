/**
 * The contract of work on a project's files that must not hold up anybody: building snapshots and reading everything again.
 * It is done from files alone, elsewhere than on the event loop, and whoever carries it out knows no project.
 */
import type { SnapshotData } from '../projections/snapshot/snapshot.js';

/** The files of a project. */
export interface FilesOfProject {
  /** The data folder, absolute. */
  readonly dataFolder: string;
  readonly project: string;
  readonly logId: string;
}

/** A snapshot to be built. */
export interface BuildJob extends FilesOfProject {
  /** The generation to build on; absent: from the beginning of the log. */
  readonly previousSeq: number | undefined;
  /** The last event that it shall hold; durable when the job is given. */
  readonly toSeq: number;
}

/** Data files that were built and synced. They do not count until a manifest is committed. */
export interface BuiltGeneration extends SnapshotData {
  /** Hash of the last line that they hold. */
  readonly hash: string;
  /** Time of that line, in milliseconds since 1970. */
  readonly timeMs: number;
}

/** A place in a project's files where something is not what it must be. */
export interface ScrubFinding {
  /** File name relative to the data folder. */
  readonly file: string;
  /** Offset in bytes. */
  readonly offset: number;
  readonly seq?: number | undefined;
  readonly expected: string;
  readonly found: string;
}

/** What came of reading everything. */
export interface ScrubReport {
  readonly findings: readonly ScrubFinding[];
  /** Bytes that were read. */
  readonly bytes: number;
}

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

  /** Ends what is going on. */
  close(): Promise<void>;
}
