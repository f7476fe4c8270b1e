/**
 * Jobs on a project's files and their results, as plain data that can be sent to another thread.
 */
import type { Finding } from '../../base/finding.js';
import type { SnapshotData } from './snapshot.js';

/** The files of a project. */
export interface FilesOfProject {
  /** The data folder, absolute. */
  readonly dataFolder: string;
  readonly project: string;
  readonly logId: string;
}

/** A snapshot to build. */
export interface BuildJob extends FilesOfProject {
  /** The generation to build on; absent: from the beginning of the log. */
  readonly previousSeq: number | undefined;
  /** The last event to include; already durable. */
  readonly toSeq: number;
}

/** Data files that were built and synced. They count once their manifest is committed. */
export interface BuiltGeneration extends SnapshotData {
  /** Hash of the last line in them. */
  readonly hash: string;
  /** Time of that line, in milliseconds since 1970. */
  readonly timeMs: number;
}

/** A sealed segment to check. */
export interface SegmentJob extends FilesOfProject {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly isCompressed: boolean;
}

/** The result of checking a segment: the digest of its text, SHA-256 in hexadecimal digits, or its damage. */
export type SegmentCheck =
  | { readonly isSound: true; readonly sha256: string }
  | { readonly isSound: false; readonly finding: Finding };

/** The result of reading everything. */
export interface ScrubReport {
  readonly findings: readonly Finding[];
  /** Bytes that were read. */
  readonly bytes: number;
}
