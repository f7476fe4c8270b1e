/**
 * The contract of a log: an ordered, durable, hash-chained list of lines. All implementations pass the same test suite: the one in files,
 * the one in memory, and any future one on a replicated stream.
 *
 * A log does not interpret its lines. It takes the name of an operation and the text of its fields, and returns both unchanged. The
 * caller does not know where lines are stored. No line depends on the machine that stores it.
 *
 * Rules for every implementation:
 *
 * - seq starts at 1, or one above a base, and has no gaps. Each line carries the hash of the chain up to and including it.
 * - `append` is conditional on the last seq, and atomic: if it rejects, none of its lines is in the log. The one exception is
 *   `outcome_unknown`, after which only the next startup can tell.
 * - When `append` resolves, its lines are durable to the degree that the log's durability defines. `read` and `scan` never yield a
 *   line earlier than that.
 * - At most one append is in flight. Calling `append` again before it settles is a defect of the caller.
 * - A log that has failed accepts nothing until it is opened again. Reads continue.
 */
import type { ByteRange } from '../base/byte-scan.js';
import type { Durability } from '../base/durability.js';
import type { TextPlace } from '../base/text-place.js';
import type { ReadRange, ScannedLines, ScanRange } from './event-lines.js';
import type { FixedLog } from './fixed-log.js';
import type { LineClock } from './line-clock.js';
import type { LogFormat } from './log-format.js';

/** The longest line, in bytes including its line feed. */
export const LINE_BYTES_MAX = 16_777_216;

/** A line to append: the part that the caller decides. */
export interface LineDraft {
  /** Name of the operation: lower-case letters, underscores and dots. */
  readonly op: string;
  /** Who performs it; needs no escaping in JSON. */
  readonly actor: string;
  /** Id of the request behind it; needs no escaping in JSON. */
  readonly request: string;
  /** The operation's own fields as JSON members without braces, such as `"key":"a","value":1`. Contains no line break. */
  readonly body: string;
  /** The first format that has the operation. @default 1 */
  readonly format?: LogFormat;
}

/** What the log assigned to an accepted line. */
export interface AppendedLine {
  readonly seq: number;
  /** Milliseconds since 1970. For people: order lines by seq, because the clock may go back. */
  readonly timeMs: number;
  /** The hash of the chain up to and including this line, 64 hexadecimal digits. It serves as the receipt of the write. */
  readonly hash: string;
  /** Location of {@link LineDraft.body}, for {@link Log.readText}; absent in a log whose lines cannot be read again. */
  readonly place?: TextPlace;
}

/** A line as it is read back. Its hash has been verified, when the log was opened or when the line was read. */
export interface LogLine extends LineDraft, AppendedLine {
  /**
   * Tells whether {@link LineDraft.request} begins so, without making text of it. Absent if it is text already.
   *
   * @param prefix in UTF-8
   */
  requestBeginsWith?(prefix: Buffer): boolean;
  /** Set for an erased line: the line that records its erasure. Its body has what is left of the fields, without values. */
  readonly erasedBy?: LogPosition;
  /** The bytes of {@link LineDraft.body}, if the log has them at hand as valid UTF-8. They may be gone once later lines are read. */
  readonly bodyRange?: ByteRange | undefined;
  /** The first 8 digits of {@link AppendedLine.hash} as a number, if that is quicker to read than the hash. */
  readonly hashHead?: number | undefined;
  /** The last seq that the writer had synced before it wrote the batch of this line: lines up to it may have been acknowledged. */
  readonly durable: number;
}

/** The end of a log: its last durable line, or seq 0 and the genesis hash if the log is empty. */
export interface LogPosition {
  readonly seq: number;
  readonly hash: string;
}

/**
 * Whether a log accepts lines.
 *
 * - `writable`: yes.
 * - `read_only`: the disk was full. The log tests for free space and becomes writable again automatically.
 * - `failed`: a sync, a cut-back after a failed write or the last steps of a rotation failed, another program changed the file, or a
 *   defect of the server prevented one of these. The log accepts nothing until it is opened again.
 * - `closed`: `close` was called.
 */
export type LogState = 'writable' | 'read_only' | 'failed' | 'closed';

/** The settings of an open log that may change. */
export interface LogOptions {
  /** What an acknowledged append promises about the disk. */
  readonly durability: Durability;
  /** Longest time between two syncs under `interval`, in milliseconds. */
  readonly syncIntervalMs: number;
  /** Size at which the active segment is sealed, in bytes; ignored by a log without segments. */
  readonly segmentBytes: number;
}

/** What a log continues from if its first lines are stored elsewhere, in a snapshot. The chain continues from their last hash. */
export interface LogBase extends LogPosition {
  /** SHA-256 of the manifest of that snapshot, in hexadecimal digits; absent in a log without files. */
  readonly digest?: string;
}

/** The last line that the caller of `open` already knows, from a snapshot of this log. */
export interface KnownPosition extends LogPosition {
  /** Time of that line, in milliseconds since 1970. */
  readonly timeMs: number;
}

/** A sealed segment: a part of a log that never changes. */
export interface SealedSegment {
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Size of its text, in bytes. */
  readonly sizeBytes: number;
  /** Size of its file, in bytes. */
  readonly storedBytes: number;
  readonly isCompressed: boolean;
  /** Set if both a plain and a compressed file exist. Either may be damaged, so one must be verified before the other is removed. */
  readonly isDoubled?: true;
}

/**
 * Operations on the sealed segments of a log in files. Before it compresses or removes a segment, the caller guarantees that a committed
 * snapshot covers it and that no {@link TextPlace} in use refers to it. One call at a time.
 */
export interface SealedSegments {
  /** @returns all sealed segments, oldest first */
  list(): readonly SealedSegment[];

  /**
   * Returns when a segment was superseded: the time of the first line after it.
   *
   * @returns milliseconds since 1970; undefined if nothing has been written after it
   */
  sealedAtMs(firstSeq: number): Promise<number | undefined>;

  /**
   * Replaces a segment with a compressed copy, which is read back and compared before the plain file is removed. A crash in between leaves
   * both files, and startup keeps both.
   *
   * @throws {AppError} `disk_full`; the plain file remains
   */
  compress(firstSeq: number): Promise<void>;

  /**
   * Continues with one of the two forms of a segment and removes the other. The caller has verified the form that stays.
   *
   * @param isCompressed the form that stays
   * @throws {LogCorruptError} if that form is not the text that the next segment continues; both forms remain
   */
  keepForm(firstSeq: number, isCompressed: boolean): Promise<void>;

  /**
   * Erases the lines of a segment that `redact` lines name and that are not erased yet. The new text has the same size; it is written
   * beside the old one, synced, read back and compared, and renamed over it; of two forms only one remains. Readers that have the old file
   * open go on in it. A crash leaves the old file or the new one.
   *
   * @param seqs of the lines in it that must be erased afterwards
   * @throws {LogCorruptError} if the segment is damaged, or no `redact` line names one of them; the old file remains
   * @throws {AppError} `disk_full`; the old file remains
   */
  erase(firstSeq: number, seqs: readonly number[]): Promise<void>;

  /** Removes the oldest segment. The removal is durable when the call resolves; the caller has recorded it before. */
  remove(firstSeq: number): Promise<void>;
}

/** How one batch is appended. */
export interface AppendOptions {
  /**
   * True: the batch is on disk before `append` resolves, whatever the durability. Because the sync is part of the append, a batch whose
   * sync could not be made is taken back, as after a failed write. A separate sync after the append could not do that: the lines would be
   * in the log although their writer had reported a failure. @default false
   */
  readonly isDurable?: boolean;
  /** The time of its lines, drawn from {@link Log.clock}, in milliseconds since 1970. @default that of the append */
  readonly timeMs?: number;
  /**
   * True: a log in files begins a new segment with the batch, so that all earlier lines are in sealed segments when `append` resolves.
   * Where that fails, the batch is refused. @default false
   */
  readonly beginsSegment?: boolean;
}

/** One project's log. */
export interface Log {
  /** The project it belongs to; part of the first link of the chain. */
  readonly project: string;
  /** 32 hexadecimal digits, new for every new log; distinguishes logs that have had the same name. */
  readonly logId: string;
  /**
   * What the log continues from, according to its first segment; undefined for a log that begins with seq 1. After that segment has been
   * removed, the next opening finds no base either.
   */
  readonly base: LogBase | undefined;

  /** The project's time. */
  readonly clock: LineClock;

  /** @returns the last durable line; never blocks, never throws */
  position(): LogPosition;

  /** @returns whether lines are accepted now */
  state(): LogState;

  /**
   * Registers the listener for changes of {@link Log.state}. A log has one listener, the store; a second one replaces the first.
   *
   * @param listener called after each change, from within the code that changes the state: it must return quickly and not throw
   */
  onStateChange(listener: () => void): void;

  /**
   * Appends lines as one batch: one write, and one sync if the durability or the caller demands it. Resolves when that is done. The drafts
   * belong to the log until then.
   *
   * @param drafts at least one line
   * @param expectedLastSeq the seq on which the caller based its decisions; must equal `position().seq`
   * @param options what this batch promises beyond the durability of the log, and its time
   * @returns what was assigned to each draft, in order
   * @throws {AppError} `disk_full` if there is no space (the log has been cut back to its previous end), `disk_failed` if the file cannot
   *   be opened or written for lack of descriptors or memory, `line_too_large`, `outcome_unknown` if only a restart can tell whether the
   *   lines are in the log, `log_failed` after that, `shutting_down` if the log is closed
   * @throws {WrongLastSeqError} if another writer appended first
   */
  append(drafts: readonly LineDraft[], expectedLastSeq: number, options?: AppendOptions): Promise<readonly AppendedLine[]>;

  /**
   * Reads durable lines in order. A log that keeps only its newest lines starts at the first one it has at the time of the call. Lines
   * appended after the call are not included.
   *
   * @returns each line once, in order
   * @throws {LogCorruptError} if a line on disk is not the one that was written
   * @throws {LinesDroppedError} if the reader is so slow that its next line has been dropped
   */
  read(range: ReadRange): AsyncIterable<LogLine>;

  /** @returns the first seq that can be read now; one above the end if there is none */
  firstSeq(): number;

  /**
   * Reads durable lines as they stand, from any line on and in either direction. Costs no more the further the first line is from the
   * start of its segment. Reads on only when the next block is requested, holds no descriptor in between, and delays no append and no
   * removal of a segment.
   *
   * @returns blocks that together examine each line of the range once
   * @throws {LogCorruptError} if a line that is due is not the one that was written
   * @throws {LinesDroppedError} if a line of the range no longer exists
   * @throws {AppError} `shutting_down` if a log in files was closed
   */
  scan(range: ScanRange): AsyncGenerator<ScannedLines, void, undefined>;

  /** Gives the first block of a scan at once if it is in memory. Readers of the same range get the same block. */
  newest(range: ScanRange): ScannedLines | undefined;

  /** Sets whether a log in files keeps its newest lines in memory, so that followers at its end read nothing from disk. */
  keepNewest(isWanted: boolean): void;

  /**
   * Reads a piece of a stored line again. May keep a descriptor open for the next call; their number is bounded.
   *
   * @param isAgain true if an earlier call returned something other than what was written: if the segment exists in two forms, the other
   *   one is read
   * @returns the bytes that are on disk now; the caller verifies that they are those that were written
   * @throws {LogCorruptError} if the segment or that part of it does not exist
   * @throws {LinesDroppedError} if the log no longer has the line
   */
  readText(place: TextPlace, isAgain?: boolean): Promise<Buffer>;

  /** @returns the current file of a segment, relative to the data folder, for messages; absent in a log without files */
  nameOf?(segment: number): string | undefined;

  /** @returns the files of the log up to its last line, as they are now; absent in a log without files */
  extent?(): FixedLog;

  /**
   * Makes everything appended so far durable, whatever the durability. A snapshot needs this, since it must not contain more than the disk.
   *
   * @throws {AppError} `outcome_unknown` or `log_failed` if the disk fails; any other error, such as a lack of descriptors, loses nothing
   */
  sync(): Promise<void>;

  /** The sealed segments; undefined for a log without files. */
  readonly sealed: SealedSegments | undefined;

  /** Changes durability or segment size, starting with the next batch. */
  configure(options: LogOptions): void;

  /**
   * Waits for the append in flight, syncs what `interval` or `os` left unsynced, records the end of the log, closes every
   * descriptor. Later appends reject. Idempotent.
   */
  close(): Promise<void>;
}
