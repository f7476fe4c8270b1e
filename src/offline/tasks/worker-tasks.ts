/**
 * Runs tasks on files in worker threads, so that the event loop keeps answering.
 */
import { availableParallelism } from 'node:os';
import { AppError } from '../../base/app-error.js';
import type { CheckedLines, LineChecker, UncheckedLines } from '../../log/file/segment/checked-lines.js';
import type { CheckedEntries, EntryChecker, UncheckedEntries } from '../../projections/snapshot/checked-entries.js';
import type {
  BuildJob, BuiltGeneration, BuiltPast, PastJob, ScrubReport, SegmentCheck, SegmentJob, SnapshotCheck, SnapshotJob,
} from '../../projections/snapshot/file-work.js';
import { TaskThreads, type ThreadLimits } from './task-threads.js';
import type { ScrubJob, Task, TaskResult } from './tasks.js';

/** The module that a thread runs. */
const MODULE_URL = new URL('./task-worker.js', import.meta.url);

const CHECKED_PIECES_MAX = 4;
/** Size of a piece of a log to check, in bytes: a few milliseconds of work. */
const CHECKED_PIECE_BYTES = 524_288;
/** Smallest text to check in threads, in bytes: some 25,000 lines, which take about as long as it takes to start the threads. */
const CHECKED_TEXT_BYTES_MIN = 8_388_608;

const PROCESSORS = availableParallelism();
/** Pieces in the threads at a time; none where they would only take turns with the thread that opens the log. */
const CHECKED_PIECES = PROCESSORS === 1 ? 0 : Math.min(PROCESSORS + 1, CHECKED_PIECES_MAX);
/** A piece more than threads: a thread goes on with it while the answer to the one before waits to be taken. */
const LINE_THREADS = CHECKED_PIECES - 1;
/** Reading a snapshot and taking over its keys takes longer than half of the checking. */
const ENTRY_THREADS = Math.min(PROCESSORS - 1, 2);
const THREAD_LIMITS: ThreadLimits = { shared: { lines: LINE_THREADS, entries: ENTRY_THREADS }, idle: Math.max(LINE_THREADS, 1) };

/** Runs one task; rejects with the signal's reason when it is aborted. */
type RunTask = (task: Task, signal: AbortSignal) => Promise<TaskResult>;

/** Runs tasks on files, and ends the running ones on close. */
export class TaskRunner implements LineChecker, EntryChecker {
  readonly piecesMax = CHECKED_PIECES;
  readonly pieceBytes = CHECKED_PIECE_BYTES;
  readonly textBytesMin = CHECKED_TEXT_BYTES_MIN;
  readonly #runTask: RunTask;
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<unknown>>();

  constructor(runTask: RunTask) {
    this.#runTask = runTask;
  }

  /**
   * Builds the data files of a snapshot.
   *
   * @param signal ends it; files written by then have no manifest and do not count
   * @throws {Error} the error of the task, with its name, message, code and facts
   */
  async build(job: BuildJob, signal?: AbortSignal): Promise<BuiltGeneration> {
    return (await this.#run({ kind: 'build', job }, signal)) as BuiltGeneration;
  }

  /**
   * Builds a past state.
   *
   * @param signal ends it; the files written by then are left
   * @throws {Error} the error of the task, with its name, message, code and facts
   */
  async buildPast(job: PastJob, signal?: AbortSignal): Promise<BuiltPast> {
    return (await this.#run({ kind: 'past', job }, signal)) as BuiltPast;
  }

  /** Reads and checks everything that a project has on disk. */
  async scrub(job: ScrubJob, signal?: AbortSignal): Promise<ScrubReport> {
    return (await this.#run({ kind: 'scrub', job }, signal)) as ScrubReport;
  }

  /** Reads and checks one sealed segment. */
  async check(job: SegmentJob, signal?: AbortSignal): Promise<SegmentCheck> {
    return (await this.#run({ kind: 'check', job }, signal)) as SegmentCheck;
  }

  /** Reads and checks one committed snapshot. */
  async verify(job: SnapshotJob, signal?: AbortSignal): Promise<SnapshotCheck> {
    return (await this.#run({ kind: 'verify', job }, signal)) as SnapshotCheck;
  }

  /**
   * Checks a piece of a log. Its memory is handed over, and comes back with the result.
   *
   * @returns the sound lines at its beginning
   */
  async checkLines(job: UncheckedLines): Promise<CheckedLines> {
    return (await this.#run({ kind: 'lines', job })) as CheckedLines;
  }

  /**
   * Checks a piece of a snapshot. Its memory is handed over, and comes back with the result.
   *
   * @returns whether it is sound, and where its keys and values are
   */
  async checkEntries(job: UncheckedEntries): Promise<CheckedEntries> {
    return (await this.#run({ kind: 'entries', job })) as CheckedEntries;
  }

  /** Ends the running tasks and waits for them. Later tasks are refused. */
  async close(): Promise<void> {
    this.#closing.abort(new AppError('shutting_down', 'Cannot continue this task: the server is shutting down'));
    await Promise.allSettled(this.#running);
  }

  async #run(task: Task, signal?: AbortSignal): Promise<TaskResult> {
    const either = signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]);
    either.throwIfAborted();
    const work = this.#runTask(task, either);
    this.#running.add(work);
    try {
      return await work;
    } finally {
      this.#running.delete(work);
    }
  }
}

/** Runs tasks on files in worker threads. */
export class WorkerTasks extends TaskRunner {
  readonly #threads: TaskThreads;

  /** @param module the module that a thread runs @default `task-worker.js` */
  constructor(module: URL = MODULE_URL) {
    const threads = new TaskThreads(module, THREAD_LIMITS);
    super((task, signal) => threads.run(task, signal));
    this.#threads = threads;
  }

  override async close(): Promise<void> {
    await super.close();
    await this.#threads.close();
  }
}
