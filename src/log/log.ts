/**
 * The contract of a log: an ordered, durable, hash-chained list of lines. Whoever keeps lines (in files, in memory, in a
 * replicated stream) implements it, and one suite of tests holds for all of them.
 *
 * A log does not know what a line means. It is handed the operation's name and the text of its fields, and gives them back.
 * A caller does not know where lines are kept. Nothing in a line depends on the disk of the machine that stores it.
 *
 * Rules that every home of a log keeps:
 *
 * - seq counts from 1 (or from one above a pinned base) without gaps. Each line carries the hash of the chain up to and with it.
 * - `append` is conditional on the last seq and all or nothing: after it rejects, none of its lines is in the log, except
 *   after an `outcome_unknown` failure, when only a restart can tell.
 * - A line is durable when `append` resolves, by the measure of the durability that the log was opened with. `read` and
 *   `follow` never yield a line before that.
 * - One append may be in flight. A second call before the first has settled is a defect of the caller.
 * - A log that has failed accepts nothing until it is opened again; reads go on.
 */
import type { Durability } from './durability.js';

/** The longest line that a log takes, in bytes with its line feed. */
export const LINE_BYTES_MAX = 16_777_216;

/** One line to be appended: what the caller decides of it. */
export interface LineDraft {
  /** Name of the operation: lower-case letters and dots. */
  readonly op: string;
  /** Who does it; must need no escaping in JSON. */
  readonly actor: string;
  /** Id of the request that asked for it; must need no escaping in JSON. */
  readonly request: string;
  /** The operation's own fields as JSON members without braces, such as `"key":"a","value":1`. One line of text. */
  readonly body: string;
}

/** What the log decided of a line that it took. */
export interface AppendedLine {
  readonly seq: number;
  /** Milliseconds since 1970; see {@link LogLine.timeMs}. */
  readonly timeMs: number;
  /** 64 hexadecimal digits: the receipt. */
  readonly hash: string;
}

/** One line as it is read back. Its hash has been checked when the log was opened or when it was read. */
export interface LogLine extends LineDraft, AppendedLine {
  /**
   * The last seq that the writer had synced before the batch of this line: proof that those lines were acknowledged.
   * Always below {@link AppendedLine.seq}.
   */
  readonly durable: number;
}

/** The end of a log: its last durable line. Seq 0 and the genesis hash for an empty log. */
export interface LogPosition {
  readonly seq: number;
  readonly hash: string;
}

/**
 * Whether a log takes lines.
 *
 * - `writable`: it does.
 * - `read_only`: the disk was full; it tries by itself and becomes writable again.
 * - `failed`: a sync failed, or the file is not what was written; until it is opened again nothing is taken.
 * - `closed`: `close` was called.
 */
export type LogState = 'writable' | 'read_only' | 'failed' | 'closed';

/** What may be changed of an open log. */
export interface LogOptions {
  /** What an append promises; see `durability.ts`. */
  readonly durability: Durability;
  /** Longest time between two syncs under `interval`, in milliseconds. */
  readonly syncIntervalMs: number;
  /** Size at which the active segment is sealed, in bytes; a log without segments ignores it. */
  readonly segmentBytes: number;
}

/** A range of lines to read. */
export interface ReadRange {
  /** First seq wanted, at least 1. */
  readonly fromSeq: number;
  /** Last seq wanted. @default the last durable one when the call is made */
  readonly toSeq?: number;
  /** Stops the reading: the iteration ends by throwing the signal's reason. */
  readonly signal?: AbortSignal;
}

/** One project's log. */
export interface Log {
  /** The project it belongs to; part of the first link of the chain. */
  readonly project: string;
  /** 32 hexadecimal digits, new for every new log, so that two logs of one name are told apart. */
  readonly logId: string;

  /** @returns the last durable line's place; never blocks, never throws */
  position(): LogPosition;

  /** @returns whether lines are taken now */
  state(): LogState;

  /**
   * Appends lines as one batch: one write, and one sync where the durability asks for it.
   *
   * Resolves when the batch is durable. The drafts belong to the log until then.
   *
   * @param drafts at least one line
   * @param expectedLastSeq the seq that the caller took its decisions on; must equal `position().seq`
   * @returns what was decided of each draft, in order
   * @throws {AppError} `disk_full` when there is no room (the log has been cut back to what it was), `line_too_large`,
   *   `outcome_unknown` when it cannot be said whether the lines will be there after a restart, `log_failed` after that,
   *   `shutting_down` when it is closed
   * @throws {WrongLastSeqError} when another writer was first
   */
  append(drafts: readonly LineDraft[], expectedLastSeq: number): Promise<readonly AppendedLine[]>;

  /**
   * Reads durable lines in order. A log that keeps only its newest lines starts at the first that it has when the call is made.
   *
   * Runs beside appends; lines appended after the call are not part of it.
   *
   * @param range which lines
   * @returns each line once, in order
   * @throws {LogCorruptError} when a line on disk is not the one that was written
   * @throws {LinesDroppedError} when the reading was so slow that its next line is no longer kept; likewise {@link Log.follow}
   */
  read(range: ReadRange): AsyncIterable<LogLine>;

  /**
   * Reads from a seq on and goes on with each line as it becomes durable, until the signal is raised or the log is closed.
   *
   * @param range `fromSeq` and `signal` are used; `toSeq` is not
   * @returns each line once, in order, without a gap between what was there and what comes
   */
  follow(range: ReadRange): AsyncIterable<LogLine>;

  /**
   * Changes durability or segment size from the next batch on.
   *
   * @param options all of them
   */
  configure(options: LogOptions): void;

  /**
   * Waits for the append in flight, syncs what an `interval` or `os` durability left, records the end of the log, lets go
   * of every descriptor and ends every follower. Appends reject from here on. Calling it again does nothing.
   */
  close(): Promise<void>;
}

/** Lines from before: what `open` hands to the caller while it checks the log. */
export type ReplayLine = (line: LogLine) => void;

/** How a log is opened. */
export interface OpenOptions extends LogOptions {
  /** The id that the log must have; another one is refused as foreign. Absent: whichever it has. */
  readonly expectedLogId?: string;
  /** Called with every line in order, each already checked. What it throws ends the opening. */
  readonly replay: ReplayLine;
}

/** Where the logs of a server are kept. */
export interface LogHome {
  /**
   * Makes a new, empty log whose header is durable when the call resolves.
   *
   * @param project the project's id
   * @param options how it writes, and its id
   * @throws {AppError} `project_files_exist` when anything of that name is there already; `disk_full`
   */
  create(project: string, options: LogOptions & { readonly logId: string }): Promise<Log>;

  /**
   * Recovers a log (heals a torn tail, finishes an interrupted rotation) and replays it.
   *
   * @param project the project's id
   * @param options how it writes, who listens
   * @returns the log, writable, or undefined when nothing of that name exists
   * @throws {LogCorruptError} when what is there cannot be trusted; nothing has been changed
   */
  open(project: string, options: OpenOptions): Promise<Log | undefined>;

  /**
   * Says which names of a project are taken, for a person to read.
   *
   * @param project the project's id
   * @returns file names relative to the home, empty when the name is free
   */
  namesOf(project: string): Promise<readonly string[]>;

  /**
   * Reads which log lies under a project's name, without opening it.
   *
   * @param project the project's id
   * @returns its log id; undefined when there is none, or its header cannot be read
   */
  identify(project: string): Promise<string | undefined>;

  /**
   * Moves everything of a deleted project out of the way, so that its name is free when the call resolves, then erases it
   * in the background. What a crash leaves is finished by {@link LogHome.finishRemovals}.
   *
   * @param project the project's id
   * @param logId the log that was deleted; files of another log of the same name stay
   */
  remove(project: string, logId: string): Promise<void>;

  /**
   * Erases what earlier removals left half-way.
   *
   * @param deleted the projects whose deletion is recorded, by the id of their log
   */
  finishRemovals(deleted: ReadonlyMap<string, string>): Promise<void>;

  /** Waits for erasing that goes on in the background. */
  close(): Promise<void>;
}
