/**
 * Which files hold a log up to a moment, for a copy of it that is made while lines are appended. Types only.
 */
import type { LogPosition, SealedSegment } from './log.js';

/** The files of a log up to its last durable line at one moment. */
export interface FixedLog {
  /** The project it belongs to. */
  readonly project: string;
  /** 32 hexadecimal digits. */
  readonly logId: string;
  /** The first seq of its oldest segment. */
  readonly firstSeq: number;
  /** Whether it continues from a snapshot and still begins with the first line after it. */
  readonly isAfterBase: boolean;
  readonly end: LogPosition;
  /** Oldest first. */
  readonly sealed: readonly Pick<SealedSegment, 'firstSeq' | 'isCompressed'>[];
  /** The segment that lines are appended to. It may be sealed meanwhile, under its other name. */
  readonly active: {
    readonly firstSeq: number;
    /** Size up to the end of the last line, in bytes. */
    readonly sizeBytes: number;
    /** Recognizes the file under either name. */
    readonly inode: number;
  };
}

/** What a project has on disk up to a moment. */
export interface FixedProject extends FixedLog {
  /** Seqs of the committed snapshots. */
  readonly snapshots: readonly number[];
}

/** A project that is not copied, and why. */
export interface SkippedProject {
  readonly id: string;
  /** `not_on_disk`, or the error code with which it is refused. */
  readonly reason: string;
}

/** What a backup holds, fixed at one moment. */
export interface BackupPlan {
  /** That moment, in milliseconds since 1970. */
  readonly timeMs: number;
  /** Undefined: the backup gets a registry that names its projects and nothing else. */
  readonly registry: FixedLog | undefined;
  readonly projects: readonly FixedProject[];
  readonly skipped: readonly SkippedProject[];
}
