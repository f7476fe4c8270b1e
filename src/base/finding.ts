/**
 * Damage found in the files of a data folder, as plain data: the one form in which the log, the scrub and `verify` report it.
 */

/**
 * Why a finding is not plain damage to a log:
 *
 * - `newer_format`: a newer version wrote the file.
 * - `missing`: the log does not exist.
 * - `outdated`: the log is sound but ends before what its head, a snapshot or the registry proves.
 * - `altered`: the log is sound by itself, but is not the one that a checkpoint proves.
 * - `snapshot`: a snapshot is damaged; startup detects this and uses an older one or the log instead.
 */
export type FindingKind = 'newer_format' | 'missing' | 'outdated' | 'altered' | 'snapshot';

/** A place in a file whose content differs from what was written. */
export interface Finding {
  /** File name relative to the data folder. */
  readonly file: string;
  /** Offset of the damaged record in bytes; in a compressed segment, of its text. 0 if it cannot be determined. */
  readonly offset: number;
  /** Line number, counted from 1. Only `verify` adds it, and only for files that have lines and can be read up to there. */
  readonly line?: number | undefined;
  /** The seq expected there, if known. */
  readonly seq?: number | undefined;
  readonly expected: string;
  readonly found: string;
  /** Absent for damage to a log. */
  readonly kind?: FindingKind | undefined;
}
