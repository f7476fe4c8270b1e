/**
 * Work on a project's files as data: what is asked for and what comes back can be sent to another thread. Knows neither who asks
 * nor who carries it out.
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

/** A snapshot to be built. */
export interface BuildJob extends FilesOfProject {
  /** The generation to build on; absent: from the beginning of the log. */
  readonly previousSeq: number | undefined;
  /** The last event that it will hold; durable when the job is given. */
  readonly toSeq: number;
}

/** Data files that were built and synced. They do not count until a manifest is committed. */
export interface BuiltGeneration extends SnapshotData {
  /** Hash of the last line that they hold. */
  readonly hash: string;
  /** Time of that line, in milliseconds since 1970. */
  readonly timeMs: number;
}

/** A sealed segment to be checked. */
export interface SegmentJob extends FilesOfProject {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly isCompressed: boolean;
}

/** What came of checking a segment: the digest of its text, SHA-256 in hexadecimal digits, or what is wrong with it. */
export type SegmentCheck =
  | { readonly isSound: true; readonly sha256: string }
  | { readonly isSound: false; readonly finding: Finding };

/** What came of reading everything. */
export interface ScrubReport {
  readonly findings: readonly Finding[];
  /** Bytes that were read. */
  readonly bytes: number;
}
