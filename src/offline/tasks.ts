/**
 * The pieces of work that a thread is given, and what it gives back.
 */
import type {
  BuildJob, BuiltGeneration, FilesOfProject, ScrubReport, SegmentCheck, SegmentJob,
} from '../projections/snapshot/file-work.js';

export type {
  BuildJob, BuiltGeneration, FilesOfProject, FindingKind, ScrubFinding, ScrubReport, SegmentCheck, SegmentJob,
} from '../projections/snapshot/file-work.js';

/** Everything to be read again and checked. */
export interface ScrubJob extends FilesOfProject {
  /** How fast at most, in bytes per second; 0 for as fast as it goes. @default 8 MiB */
  readonly bytesPerSecond?: number | undefined;
}

/** One piece of work. */
export type Task =
  | { readonly kind: 'build'; readonly job: BuildJob }
  | { readonly kind: 'scrub'; readonly job: ScrubJob }
  | { readonly kind: 'check'; readonly job: SegmentJob };

/** What a piece of work gives, by its kind. */
export interface TaskResults {
  readonly build: BuiltGeneration;
  readonly scrub: ScrubReport;
  readonly check: SegmentCheck;
}

/** What a piece of work gives. */
export type TaskResult<K extends Task['kind'] = Task['kind']> = TaskResults[K];
