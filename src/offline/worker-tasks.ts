/**
 * Work on files in a thread of its own, so that the event loop goes on answering. A thread does one piece of work at a time, and the
 * next one if that comes soon; whatever goes wrong in it, it ends, and this process only sees a task that failed.
 */
import { Worker } from 'node:worker_threads';
import { AppError } from '../base/app-error.js';
import type { BuildJob, BuiltGeneration, ScrubReport, SegmentCheck, SegmentJob } from '../projections/snapshot/file-work.js';
import { errorOf, type ScrubJob, type Task, type TaskResult, type WorkerAnswer } from './tasks.js';

/** What the thread runs. */
const MODULE_URL = new URL('./task-worker.js', import.meta.url);

/** What a thread may take: beyond it, the task fails and the process goes on. In MiB. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 192, maxYoungGenerationSizeMb: 16 } as const;

/** What the id of a thread becomes with its end. */
const GONE = -1;
/** How long a thread that has done its work waits for more, in milliseconds. */
const IDLE_LIMIT_MS = 1000;

/** Carries out one piece of work; rejects with the signal's reason when it is raised. */
export type CarryOut = (task: Task, signal: AbortSignal) => Promise<TaskResult>;

/** Carries out work on files. */
export class TaskRunner {
  readonly #carryOut: CarryOut;
  readonly #closing = new AbortController();
  readonly #underWay = new Set<Promise<unknown>>();

  /** @param carryOut does the work */
  constructor(carryOut: CarryOut) {
    this.#carryOut = carryOut;
  }

  /**
   * Builds the data files of a snapshot.
   *
   * @param signal ends it; what has been written so far has no manifest and does not count
   * @throws {Error} what the work threw, by name, message, code and facts
   */
  async build(job: BuildJob, signal?: AbortSignal): Promise<BuiltGeneration> {
    return (await this.#run({ kind: 'build', job }, signal)) as BuiltGeneration;
  }

  /** Reads everything that a project has on disk and checks it. */
  async scrub(job: ScrubJob, signal?: AbortSignal): Promise<ScrubReport> {
    return (await this.#run({ kind: 'scrub', job }, signal)) as ScrubReport;
  }

  /** Reads one sealed segment and checks all of it. */
  async check(job: SegmentJob, signal?: AbortSignal): Promise<SegmentCheck> {
    return (await this.#run({ kind: 'check', job }, signal)) as SegmentCheck;
  }

  /** Ends what is going on, and waits until it has ended; later work is refused. */
  async close(): Promise<void> {
    this.#closing.abort(new AppError('shutting_down', 'Cannot go on with this work: the server is stopping'));
    await Promise.allSettled(this.#underWay);
  }

  async #run(task: Task, signal?: AbortSignal): Promise<TaskResult> {
    const either = signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]);
    either.throwIfAborted();
    const work = this.#carryOut(task, either);
    this.#underWay.add(work);
    try {
      return await work;
    } finally {
      this.#underWay.delete(work);
    }
  }
}

/** Carries out work on files in threads. */
export class WorkerTasks extends TaskRunner {
  readonly #threads: Threads;

  /** @param module what a thread runs; absent: what does the work */
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

/** A thread costs some tenths of a second of a core until it can work, so one that has done so is kept for the next piece. */
class Threads {
  readonly #module: URL;
  #idle: Worker | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(module: URL) {
    this.#module = module;
  }

  /** Settles when the work is done or its thread is gone, so that nothing touches the files afterwards. */
  async run(task: Task, signal: AbortSignal): Promise<TaskResult> {
    const worker = this.#take();
    const stop = (): void => void worker.terminate();
    signal.addEventListener('abort', stop, { once: true });
    let isKept = false;
    try {
      worker.postMessage(task);
      const answer = await answerOf(worker);
      signal.throwIfAborted();
      if (answer.kind === 'failure') throw errorOf(answer.failure);
      isKept = this.#keep(worker);
      return answer.result;
    } finally {
      signal.removeEventListener('abort', stop);
      // Whatever a failure has left in a thread ends with it.
      if (!isKept) await worker.terminate();
    }
  }

  #take(): Worker {
    clearTimeout(this.#timer);
    const worker = this.#idle;
    this.#idle = undefined;
    if (worker === undefined || worker.threadId === GONE) return this.#begin();
    worker.ref();
    return worker;
  }

  #begin(): Worker {
    // Its output would be this process's output, which others read; it has none of its own, and what a dependency prints is dropped.
    const worker = new Worker(this.#module, { resourceLimits: RESOURCE_LIMITS, execArgv: [], stdout: true, stderr: true });
    // What is not read would keep the thread from ending.
    for (const output of [worker.stdout, worker.stderr]) output.resume();
    // One that fails while it waits for work is only replaced.
    worker.on('error', () => undefined);
    return worker;
  }

  /** Gives false where another one waits already. */
  #keep(worker: Worker): boolean {
    if (this.#idle !== undefined && this.#idle.threadId !== GONE) return false;
    worker.unref();
    this.#idle = worker;
    this.#timer = setTimeout(() => void this.close(), IDLE_LIMIT_MS).unref();
    return true;
  }

  /** Ends the thread that waits. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    const worker = this.#idle;
    this.#idle = undefined;
    await worker?.terminate();
  }
}

async function answerOf(worker: Worker): Promise<WorkerAnswer> {
  return await new Promise((resolve) => {
    const settle = (answer: WorkerAnswer): void => {
      worker.off('message', settle).off('error', onError).off('exit', onExit);
      resolve(answer);
    };
    // Nothing in the thread caught it, or it took more memory than it may.
    const onError = (error: Error): void => settle(failed(error.name, error.message));
    const onExit = (code: number): void => settle(failed('Error', `Cannot go on with this work: its thread ended with code ${code}`));
    worker.on('message', settle).on('error', onError).on('exit', onExit);
  });
}

function failed(name: string, message: string): WorkerAnswer {
  return { kind: 'failure', failure: { name, message, stack: undefined, code: undefined, facts: {} } };
}
