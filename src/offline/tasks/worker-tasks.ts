/**
 * Runs tasks on files in worker threads, so that the event loop keeps answering. A thread runs one task at a time and is reused for a short
 * while. Whatever goes wrong in a thread ends it, and this process only sees a failed task.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { AppError } from '../../base/app-error.js';
import type { CheckedLines, LineChecker, UncheckedLines } from '../../log/file/segment/checked-lines.js';
import type { CheckedEntries, EntryChecker, UncheckedEntries } from '../../projections/snapshot/checked-entries.js';
import type {
  BuildJob, BuiltGeneration, BuiltPast, PastJob, ScrubReport, SegmentCheck, SegmentJob, SnapshotCheck, SnapshotJob,
} from '../../projections/snapshot/file-work.js';
import { errorOf, memoryOfTask, type ScrubJob, type Task, type TaskResult, type WorkerAnswer } from './tasks.js';

/** The module that a thread runs. */
const MODULE_URL = new URL('./task-worker.js', import.meta.url);

/** Memory limits of a thread in MiB. A task that exceeds them fails; the process continues. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 192, maxYoungGenerationSizeMb: 16 } as const;

const CHECKING_THREADS_MAX = 4;
/** Size of a piece of a log to check, in bytes: a few milliseconds of work. */
const CHECKED_PIECE_BYTES = 524_288;
/** Smallest text to check in threads, in bytes: some 25,000 lines, which take about as long as it takes to start the threads. */
const CHECKED_TEXT_BYTES_MIN = 8_388_608;
/** The thread id of a worker that has ended. */
const ENDED = -1;
/** How long an idle thread waits for the next task, in milliseconds. */
const IDLE_LIMIT_MS = 1000;

/**
 * Threads that check a log while it is opened; none where they would only take turns with the opening thread. One more than would be busy
 * at a time: an answer waits until the opening thread takes it.
 */
const PROCESSORS = availableParallelism();
const CHECKING_THREADS = PROCESSORS === 1 ? 0 : Math.min(PROCESSORS + 1, CHECKING_THREADS_MAX);
const IDLE_THREADS_MAX = Math.max(CHECKING_THREADS, 1);

/** Runs one task; rejects with the signal's reason when it is aborted. */
type RunTask = (task: Task, signal: AbortSignal) => Promise<TaskResult>;

/** Runs tasks on files, and ends the running ones on close. */
export class TaskRunner implements LineChecker, EntryChecker {
  readonly piecesMax = CHECKING_THREADS;
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
  readonly #threads: Threads;

  /** @param module the module that a thread runs @default `task-worker.js` */
  constructor(module: URL = MODULE_URL) {
    const threads = new Threads(module);
    super((task, signal) => threads.run(task, signal));
    this.#threads = threads;
  }

  override async close(): Promise<void> {
    await super.close();
    await this.#threads.close();
  }
}

/** Starting a thread costs some tenths of a second of CPU time, so idle ones are kept for the next tasks. */
class Threads {
  readonly #module: URL;
  #idle: Worker[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(module: URL) {
    this.#module = module;
  }

  /** Settles when the task is done or its thread has ended, so that nothing touches the files afterwards. */
  async run(task: Task, signal: AbortSignal): Promise<TaskResult> {
    const worker = this.#take();
    const stop = (): void => void worker.terminate();
    signal.addEventListener('abort', stop, { once: true });
    let isKept = false;
    try {
      worker.postMessage(task, memoryOfTask(task));
      const answer = await answerOf(worker);
      signal.throwIfAborted();
      if (answer.kind === 'failure') throw errorOf(answer.failure);
      isKept = this.#keep(worker);
      return answer.result;
    } finally {
      signal.removeEventListener('abort', stop);
      // A failed task may have left anything behind in its thread.
      if (!isKept) await worker.terminate();
    }
  }

  #take(): Worker {
    const worker = this.#idle.pop();
    if (worker === undefined || worker.threadId === ENDED) return this.#start();
    worker.ref();
    return worker;
  }

  #start(): Worker {
    // Output of a thread would mix with the output of this process. The worker prints nothing; anything a dependency prints is dropped.
    const worker = new Worker(this.#module, { resourceLimits: RESOURCE_LIMITS, execArgv: [], stdout: true, stderr: true });
    // Unread output would keep the thread from ending.
    for (const output of [worker.stdout, worker.stderr]) output.resume();
    // A thread that fails while it is idle is simply replaced.
    worker.on('error', () => undefined);
    return worker;
  }

  /** Returns false if enough threads are idle. */
  #keep(worker: Worker): boolean {
    this.#idle = this.#idle.filter(({ threadId }) => threadId !== ENDED);
    if (this.#idle.length === IDLE_THREADS_MAX) return false;
    worker.unref();
    this.#idle.push(worker);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.close(), IDLE_LIMIT_MS).unref();
    return true;
  }

  /** Ends the idle threads. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    const workers = this.#idle;
    this.#idle = [];
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

async function answerOf(worker: Worker): Promise<WorkerAnswer> {
  return await new Promise((resolve) => {
    const settle = (answer: WorkerAnswer): void => {
      worker.off('message', settle).off('error', onError).off('exit', onExit);
      resolve(answer);
    };
    // An uncaught error, or the memory limit.
    const onError = (error: Error): void => settle(failed(error.name, error.message));
    const onExit = (code: number): void => settle(failed('Error', `Cannot continue this task: its thread ended with code ${code}`));
    worker.on('message', settle).on('error', onError).on('exit', onExit);
  });
}

function failed(name: string, message: string): WorkerAnswer {
  return { kind: 'failure', failure: { name, message, stack: undefined, code: undefined, facts: {} } };
}
