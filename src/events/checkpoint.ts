/**
 * A checkpoint: what the log of a project was at one line, for a record outside the data folder. The hash covers that line and all lines
 * before it, so a log that still has the line has not been changed up to there.
 */

/** A checkpoint, with the names that it has wherever it is written. */
export interface Checkpoint {
  readonly project: string;
  /** 32 hexadecimal digits. */
  readonly log_id: string;
  readonly seq: number;
  /** 64 hexadecimal digits. */
  readonly hash: string;
  /** The time of the line: RFC 3339 in UTC with milliseconds. */
  readonly time: string;
}
