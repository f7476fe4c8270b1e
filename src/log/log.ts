/**
 * The contract of a log: an ordered, durable, hash-chained list of lines. Every implementation (in files, in memory, one day in a
 * replicated stream) passes the same suite of tests.
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
import type { Durability } from '../base/durability.js';
import type { TextPlace } from '../base/text-place.js';
import type { UnmovedLog } from './log-errors.js';

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
  /** Where {@link LineDraft.body} lies, for {@link Log.readText}; absent where a log keeps nothing that could be read again. */
  readonly place?: TextPlace;
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
  /** What an acknowledged append promises about the disk. */
  readonly durability: Durability;
  /** Longest time between two syncs under `interval`, in milliseconds. */
  readonly syncIntervalMs: number;
  /** Size at which the active segment is sealed, in bytes; a log without segments ignores it. */
  readonly segmentBytes: number;
}

/**
 * The point that a log goes on from where its first lines are not there: what they amounted to is kept elsewhere, and the
 * chain goes on from their last hash.
 */
export interface LogBase extends LogPosition {
  /** SHA-256 in hexadecimal digits of the manifest of the snapshot that holds what came before; absent for a log without files. */
  readonly digest?: string;
}

/** A place up to which a caller knows the log already, from a snapshot that was made of it. */
export interface KnownPosition extends LogPosition {
  /** Time of that line, in milliseconds since 1970. */
  readonly timeMs: number;
}

/** A sealed segment: a part of a log that never changes. */
export interface SealedSegment {
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Bytes of its text. */
  readonly sizeBytes: number;
  /** Bytes that it takes on the disk. */
  readonly storedBytes: number;
  readonly isCompressed: boolean;
  /** The other form lies there too. Either may be damaged, so neither goes before the other was read. Absent where there is one. */
  readonly isDoubled?: true;
}

/**
 * What may be done to the sealed segments of a log in files, oldest first. The caller makes sure that a committed snapshot
 * covers them and that no {@link TextPlace} in use lies in them. One call at a time.
 */
export interface SealedSegments {
  /** @returns all of them, oldest first */
  list(): readonly SealedSegment[];

  /**
   * Says how old a segment is: when the first line after it was written.
   *
   * @returns milliseconds since 1970; undefined when nothing has been written after it
   */
  sealedAtMs(firstSeq: number): Promise<number | undefined>;

  /**
   * Puts a compressed copy in the place of a segment. The copy is read back and compared before the plain file goes; a crash
   * in between leaves both, and a start keeps both.
   *
   * @throws {AppError} `disk_full`; the plain file stays
   */
  compress(firstSeq: number): Promise<void>;

  /**
   * Goes on with one form of a segment that lies there in both, and removes the other. The caller has read the one that stays through
   * and found it sound.
   *
   * @param isCompressed the form that stays
   * @throws {LogCorruptError} when the one that stays is of another history than the segment after it; both are there then
   */
  keepForm(firstSeq: number, isCompressed: boolean): Promise<void>;

  /**
   * Removes the oldest segment. Durable when the call resolves; the caller has recorded the removal before.
   *
   * @param firstSeq the oldest segment
   */
  remove(firstSeq: number): Promise<void>;
}

/** What one batch promises beyond the durability of its log. */
export interface AppendOptions {
  /**
   * True: it is on disk before the answer, whatever the durability. The sync belongs to the append, so that a batch whose sync could not be
   * made is taken back like one whose write failed. A sync after the append could not do that: the lines would be in the log, and their
   * writer would have had to refuse them. @default false
   */
  readonly isDurable?: boolean;
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
  /** 32 hexadecimal digits, new for every new log, so that two logs of one name can be distinguished. */
  readonly logId: string;
  /**
   * Where the log goes on from, as its first segment says; undefined for a log that begins with seq 1, and from the next opening
   * on when that segment has been removed.
   */
  readonly base: LogBase | undefined;

  /** @returns the last durable line's place; never blocks, never throws */
  position(): LogPosition;

  /** @returns whether lines are taken now */
  state(): LogState;

  /**
   * Reports each later change of {@link Log.state}, when the new state is in force. A log has one listener, the store over it; a
   * second takes the place of the first.
   *
   * @param listener called from within whatever changes the state: it returns at once and throws nothing
   */
  onStateChange(listener: () => void): void;

  /**
   * Appends lines as one batch: one write, and one sync where the durability or the caller asks for it. Resolves when that is done;
   * the drafts belong to the log until then.
   *
   * @param drafts at least one line
   * @param expectedLastSeq the seq that the caller took its decisions on; must equal `position().seq`
   * @param options what this batch promises beyond the durability of the log
   * @returns what was decided of each draft, in order
   * @throws {AppError} `disk_full` when there is no room (the log has been cut back to what it was), `line_too_large`,
   *   `outcome_unknown` when it cannot be said whether the lines will be there after a restart, `log_failed` after that,
   *   `shutting_down` when it is closed
   * @throws {WrongLastSeqError} when another writer was first
   */
  append(drafts: readonly LineDraft[], expectedLastSeq: number, options?: AppendOptions): Promise<readonly AppendedLine[]>;

  /**
   * Reads durable lines in order. A log that keeps only its newest lines starts at the first that it has when the call is made.
   *
   * Runs beside appends; lines appended after the call are not part of it.
   *
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
   * Reads a piece of a stored line again. A descriptor may be kept for the next one; how many is bounded.
   *
   * @param isAgain true when a reading before gave something else than what was written: where the segment lies there in two forms, the
   *   other one is read
   * @returns the bytes as they are on disk now; whether they are those that were written is for the caller to check
   * @throws {LogCorruptError} when the segment or that part of it is not there
   * @throws {LinesDroppedError} when the log does not keep the line
   */
  readText(place: TextPlace, isAgain?: boolean): Promise<Buffer>;

  /** @returns the file that a segment lies in now, relative to the home, for people; absent where a log keeps no files */
  nameOf?(segment: number): string | undefined;

  /**
   * Makes everything appended so far durable, whatever the durability: a snapshot must not know more than the disk.
   *
   * @throws {AppError} `outcome_unknown`, `log_failed` when the disk fails
   * @throws what kept the sync from being made, such as a lack of descriptors: nothing is lost, and it may be asked for again
   */
  sync(): Promise<void>;

  /** The sealed segments; undefined for a log without files. */
  readonly sealed: SealedSegments | undefined;

  /** Changes durability or segment size from the next batch on. */
  configure(options: LogOptions): void;

  /**
   * Waits for the append in flight, syncs what an `interval` or `os` durability left, records the end of the log, closes
   * every descriptor and ends every follower. Appends reject from here on. Calling it again does nothing.
   */
  close(): Promise<void>;
}

/** Lines from before: what `open` hands to the caller while it checks the log. */
export type ReplayLine = (line: LogLine) => void;

/** How a log is opened. */
export interface OpenOptions extends LogOptions {
  /** The id that the log must have; another one is refused as foreign. Absent: whichever it has. */
  readonly expectedLogId?: string;
  /** Called with every line that follows {@link OpenOptions.known}, in order, each already checked. What it throws ends the opening. */
  readonly replay: ReplayLine;
  /**
   * What the caller knows already. Lines up to it are not replayed; their segments must be there, of this log, one after
   * another and sealed, but their lines are not read. The log must go on from exactly this hash. Absent: all is replayed.
   */
  readonly known?: KnownPosition;
  /** Lowest seq that must be there: what came before was removed on purpose. @default the first seq of the log */
  readonly firstKeptSeq?: number;
  /** A seq that the log is recorded elsewhere to have had on disk: one that ends before it is refused as an older copy. @default none */
  readonly proven?: ProvenSeq | undefined;
}

/** What is written elsewhere of how far a log went. */
export interface ProvenSeq {
  readonly seq: number;
  readonly by: 'registry' | 'configuration';
}

/** How a log is made. */
export interface CreateOptions extends LogOptions {
  /** 32 hexadecimal digits that no log had before. */
  readonly logId: string;
  /** Where it goes on from; absent for a log that begins with seq 1. */
  readonly base?: LogBase;
}

/**
 * Whose the files under a project's name are, by what they prove.
 *
 * - `log`: that log's, by its header or its head.
 * - `another project`: their header names another project.
 * - `unknown`: nothing says so, or there are none.
 */
export type NameOwner =
  | { readonly kind: 'log'; readonly logId: string }
  | { readonly kind: 'another project' }
  | { readonly kind: 'unknown' };

/** What lies under a project's name. */
export interface NameHolding {
  readonly owner: NameOwner;
  /** What this program never writes, relative to the home: other names, and folders or links in the place of its files. */
  readonly foreignNames: readonly string[];
}

/** What is recorded of the logs of a home. */
export interface RecordedLogs {
  /** Deleted logs: project id by log id. */
  readonly deleted: ReadonlyMap<string, string>;
  /** Logs that projects have now: log id by project id. */
  readonly live: ReadonlyMap<string, string>;
}

/** Where the logs of a server are kept. */
export interface LogHome {
  /**
   * Makes a new, empty log whose header is durable when the call resolves. With a base, the snapshot that it names lies in
   * the project's folder already, and nothing else does.
   *
   * @param options how it writes, its id, and where it goes on from
   * @throws {AppError} `project_files_exist` when anything of that name is there already; `disk_full`
   */
  create(project: string, options: CreateOptions): Promise<Log>;

  /**
   * Recovers a log (heals a torn tail, finishes an interrupted rotation) and replays it.
   *
   * @returns the log, writable, or undefined when nothing of that name exists
   * @throws {LogCorruptError} when what is there cannot be trusted, or lacks what was known; nothing has been changed
   */
  open(project: string, options: OpenOptions): Promise<Log | undefined>;

  /**
   * Says which names of a project are taken, for a person to read.
   *
   * @returns file names relative to the home, empty when the name is free
   */
  namesOf(project: string): Promise<readonly string[]>;

  /**
   * Reads which log lies under a project's name, without opening it.
   *
   * @returns its log id; undefined when there is none, or its header cannot be read
   */
  identify(project: string): Promise<string | undefined>;

  /**
   * Says what has to be known before files of a name are moved away or erased.
   *
   * @returns whose they are, and which of them this program never writes
   */
  examine(project: string): Promise<NameHolding>;

  /**
   * Moves everything of a deleted project out of the way, so that its name is free when the call resolves, then erases it
   * in the background. What a crash leaves is finished by {@link LogHome.finishRemovals}.
   *
   * @param logId the log that was deleted, which had the name until now; files of another log of the same name stay
   */
  remove(project: string, logId: string): Promise<void>;

  /**
   * Takes back a creation that failed on its way. Only what it made goes: where the name is another log's, or holds anything else,
   * nothing is touched.
   */
  discard(project: string, logId: string): Promise<void>;

  /**
   * Moves everything of a project that leaves the disk to `_left/<project>-<log_id>/`, where it stays until a person removes
   * it; its name is free when the call resolves. Repeating it after a crash moves the rest. Not for a name that has a live log.
   *
   * @param logId the log that leaves; files of another log of the same name stay
   */
  leave(project: string, logId: string): Promise<void>;

  /**
   * Finishes what earlier removals left half-way, and erases what they moved away. Nothing of a live log is touched. What the file
   * system refuses for one log keeps no other from being moved.
   *
   * @returns those whose files could not be moved; they are where they were, or partly in the trash, and the next start tries again
   */
  finishRemovals(recorded: RecordedLogs): Promise<readonly UnmovedLog[]>;

  /** Waits for erasing that goes on in the background. */
  close(): Promise<void>;
}
