/**
 * Jobs on a project's files and their results, as plain data that can be sent to another thread.
 */
import type { Finding } from '../../base/finding.js';
import type { MarkedGeneration } from './generation-keys.js';
import type { SnapshotData, SnapshotManifest } from './snapshot.js';
import type { SnapshotPlace } from './snapshot-errors.js';

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

/** A past state to build. */
export interface PastJob extends FilesOfProject {
  /** The last line in it, from 1. */
  readonly toSeq: number;
  /** The folder of the result, absolute; must exist. */
  readonly into: string;
  /** Maximum size of the result in bytes. */
  readonly bytesMax: number;
}

/** A past state that was built. */
export interface BuiltPast {
  /** Time of the last line in it, in milliseconds since 1970. */
  readonly timeMs: number;
  readonly generation: MarkedGeneration;
}

/** A committed generation to check: its seq, and the digests of its data files. */
export interface SnapshotJob extends FilesOfProject, Pick<SnapshotManifest, 'seq' | 'json' | 'index' | 'requests'> {}

/** The result of checking a generation: its damage, described like a `SnapshotCorruptError`. */
export type SnapshotCheck =
  | { readonly isSound: true }
  | { readonly isSound: false; readonly place: SnapshotPlace; readonly expected: string; readonly found: string };

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
