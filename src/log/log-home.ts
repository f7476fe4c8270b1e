/**
 * The contract of a place for logs: creates, opens, identifies and removes the logs of a server. It has an implementation for each of
 * `log.ts`.
 */
import type { UnmovedLog } from './log-errors.js';
import type { KnownPosition, Log, LogBase, LogLine, LogOptions } from './log.js';

/** Receives each existing line while `open` verifies the log. */
export type ReplayLine = (line: LogLine) => void;

/** How to open a log. */
export interface OpenOptions extends LogOptions {
  /** The id that the log must have; a log with another id is refused. @default any */
  readonly expectedLogId?: string;
  /** Receives every verified line after {@link OpenOptions.known}, in order. If it throws, opening fails with that error. */
  readonly replay: ReplayLine;
  /**
   * What the caller already knows. Lines up to there are not replayed. Their segments must exist, belong to this log and connect, but the
   * lines of a sealed segment that holds no later one are not read. The log must continue from exactly this hash. Absent: everything is
   * replayed.
   */
  readonly known?: KnownPosition;
  /** Lowest seq that must exist; earlier lines were removed on purpose. @default the first seq of the log */
  readonly firstKeptSeq?: number;
  /** A seq that the log had on disk, by a record elsewhere: a log that ends before it is refused as an older copy. @default none */
  readonly proven?: ProvenSeq | undefined;
}

/** How far a log reached according to a record outside the log. */
export interface ProvenSeq {
  readonly seq: number;
  readonly by: 'registry' | 'configuration';
}

/** How to create a log. */
export interface CreateOptions extends LogOptions {
  /** 32 hexadecimal digits that no other log has had. */
  readonly logId: string;
  /** What it continues from; absent for a log that begins with seq 1. */
  readonly base?: LogBase;
}

/**
 * Which log the files under a project's name belong to.
 *
 * - `log`: the one with that id, according to its header or its head.
 * - `another project`: the header names another project.
 * - `unknown`: neither header nor head tells, or there are no files.
 */
export type NameOwner =
  | { readonly kind: 'log'; readonly logId: string }
  | { readonly kind: 'another project' }
  | { readonly kind: 'unknown' };

/** What exists under a project's name. */
export interface NameHolding {
  readonly owner: NameOwner;
  /** Files that this program never writes, relative to the data folder: other names, and folders or links in place of its files. */
  readonly foreignNames: readonly string[];
}

/** What the registry records about the logs of a home. */
export interface RecordedLogs {
  /** Deleted logs: project id by log id. */
  readonly deleted: ReadonlyMap<string, string>;
  /** Logs that projects have now: log id by project id. */
  readonly live: ReadonlyMap<string, string>;
}

/** Where the logs of a server are stored. */
export interface LogHome {
  /**
   * Creates an empty log whose header is durable when the call resolves. For a log with a base, the project's folder must already hold
   * the snapshot that the base names, and nothing else.
   *
   * @throws {AppError} `project_files_exist` if there are files of that name; `disk_full`
   */
  create(project: string, options: CreateOptions): Promise<Log>;

  /**
   * Recovers a log (cuts a torn tail, completes an interrupted rotation) and replays it.
   *
   * @returns the log, writable; undefined if there is none of that name
   * @throws {LogCorruptError} if the files cannot be trusted, or lack what is known to have been written; nothing has been changed
   */
  open(project: string, options: OpenOptions): Promise<Log | undefined>;

  /**
   * Lists the existing files of a project, for messages.
   *
   * @returns names relative to the data folder, empty if the name is free
   */
  namesOf(project: string): Promise<readonly string[]>;

  /**
   * Reads which log exists under a project's name, without opening it.
   *
   * @returns its log id; undefined if there is none, or its header cannot be read
   */
  identify(project: string): Promise<string | undefined>;

  /**
   * Examines the files under a project's name before they are moved away or erased.
   *
   * @returns which log they belong to, and which of them this program never writes
   */
  examine(project: string): Promise<NameHolding>;

  /**
   * Moves all files of a deleted project away, so that its name is free when the call resolves, then erases them in the background. After
   * a crash {@link LogHome.finishRemovals} completes the removal.
   *
   * @param logId the deleted log, which has had the name until now; files of another log of the same name stay
   */
  remove(project: string, logId: string): Promise<void>;

  /**
   * Undoes a failed creation. Removes only what that creation made: if the name belongs to another log, or holds anything else, nothing
   * is touched.
   */
  discard(project: string, logId: string): Promise<void>;

  /**
   * Moves all files of a project that switches to memory into `_left/<project>-<log_id>/`, where they stay until a person removes
   * them. The name is free when the call resolves. Repeating the call after a crash moves the rest. Must not be called for a live log.
   *
   * @param logId the log to move away; files of another log of the same name stay
   */
  leave(project: string, logId: string): Promise<void>;

  /**
   * Erases the copies of a project's lines that are kept besides its log: torn tails, and what moves to memory and repairs have put aside.
   *
   * @returns folders of repairs that are not complete and stay, relative to the data folder
   */
  eraseCopies(project: string): Promise<readonly string[]>;

  /**
   * Completes interrupted removals and erases what they moved away. Never touches a live log. An error of the file system for one log does
   * not keep the others from being moved.
   *
   * @returns the logs whose files could not be moved; they are in their old place or partly in the trash, and the next startup retries
   */
  finishRemovals(recorded: RecordedLogs): Promise<readonly UnmovedLog[]>;

  /** Waits for the erasing in the background. */
  close(): Promise<void>;
}
