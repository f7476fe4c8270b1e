/**
 * The part of the contract of a log that readers outside the server need: lines as they stand, and how to scan them. `log.ts` has the
 * method.
 */
import { SALT_HEAD_BYTES } from './line-scan.js';

/** A durable line as it stands in the log, for readers outside the server. Its hash was verified when it was read. */
export interface EventLine {
  readonly seq: number;
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  readonly op: string;
  readonly actor: string;
  /** The hash of the chain up to and including this line, 64 hexadecimal digits. */
  readonly hash: string;
  /** The hash of the line before, or the genesis hash. */
  readonly previousHash: string;
  /** The line without its line feed. May share a buffer with the lines around it, so copy it to keep it long. */
  readonly text: Buffer;
  /** Where the operation's own fields begin in {@link EventLine.text}. */
  readonly bodyStart: number;
  /** Where they end. */
  readonly bodyEnd: number;
  /** Set for an erased line: what is left of the fields, without values. They are not in its text. */
  readonly left?: string;
}

/** Returns the part of a line that a redaction erases, and whose digest it records: from the salt to the end of the fields. */
export function erasablePartOf({ text, bodyStart, bodyEnd }: EventLine): Buffer {
  return text.subarray(bodyStart - SALT_HEAD_BYTES, bodyEnd);
}

/** A range of lines to read. */
export interface ReadRange {
  /** First seq to read, at least 1. */
  readonly fromSeq: number;
  /** Last seq to read. @default the last durable seq at the time of the call */
  readonly toSeq?: number;
  /** Aborts the reading: the iteration throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Which lines to scan, and in which direction. */
export interface ScanRange {
  /** First seq, at least 1. */
  readonly fromSeq: number;
  /** Last seq; must be durable. */
  readonly toSeq: number;
  /** True: from the last line to the first. @default false */
  readonly isNewestFirst?: boolean;
  /**
   * Bytes of which a line must contain one. Lines with none of them are skipped without being decoded or verified, which is much faster. A
   * line that has them may still not be one that the caller wants. @default all lines
   */
  readonly wanted?: readonly Buffer[] | undefined;
  /**
   * Reserves memory before more than a block of the usual size is read, for a line that is longer. Undefined if it may be read at once;
   * otherwise it is asked again after the promise.
   */
  readonly admit?: ((sizeBytes: number) => Promise<void> | undefined) | undefined;
}

/** Lines of a scan, read together. */
export interface ScannedLines {
  /** In the direction of the scan; empty if none of them contains the wanted bytes. */
  readonly lines: readonly EventLine[];
  /** The scan has examined every line up to this one, in its direction. */
  readonly doneSeq: number;
}
