/**
 * The threads that tasks run in. A thread is reused for a short while. Whatever goes wrong in one ends it, and this process only sees
 * failed tasks.
 */
import { Worker } from 'node:worker_threads';
import { errorOf, memoryOfTask, type Task, type TaskResult, type WorkerAnswer } from './tasks.js';

/** Memory limits of a thread in MiB. A task that exceeds them fails; the process continues. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 192, maxYoungGenerationSizeMb: 16 } as const;
/** The thread id of a worker that has ended. */
const ENDED = -1;
/** How long an idle thread waits for the next task, in milliseconds. */
const IDLE_LIMIT_MS = 1000;

/**
 * So many tasks of a kind, which share threads, make it likely that as many follow: only then another thread is worth its start. They take
 * about as long as that.
 */
const TASKS_BEFORE_ANOTHER = 32;

/** How many threads there may be. */
export interface ThreadLimits {
  /** For each kind whose tasks wait in the same threads if there are more of them: a thread must carry them out without a pause. */
  readonly shared: Partial<Readonly<Record<Task['kind'], number>>>;
  readonly idle: number;
}

/** A thread and the tasks that it was given. It answers them in their order. */
class TaskThread {
  /** The kind of the tasks that it was given last. */
  kind: Task['kind'] | undefined;
  /** How many of them it has answered one after the other. */
  answeredCount = 0;
  readonly #worker: Worker;
  readonly #waiting: ((answer: WorkerAnswer) => void)[] = [];
  #isEnding = false;

  constructor(module: URL) {
    // Output of a thread would mix with the output of this process. The worker prints nothing; anything a dependency prints is dropped.
    const worker = new Worker(module, { resourceLimits: RESOURCE_LIMITS, execArgv: [], stdout: true, stderr: true });
    // Unread output would keep the thread from ending.
    for (const output of [worker.stdout, worker.stderr]) output.resume();
    worker.on('message', (answer: WorkerAnswer) => {
      this.answeredCount += 1;
      this.#waiting.shift()?.(answer);
    });
    // An uncaught error, or the memory limit. A thread that fails while it is idle is simply replaced.
    worker.on('error', ({ name, message }: Error) => this.#fail(name, message));
    worker.on('exit', (code) => this.#fail('Error', `Cannot continue this task: its thread ended with code ${code}`));
    this.#worker = worker;
  }

  /** False: it ends or has ended, and would not answer. */
  get isAlive(): boolean {
    return !this.#isEnding && this.#worker.threadId !== ENDED;
  }

  /** Number of tasks that it has not answered. */
  get taskCount(): number {
    return this.#waiting.length;
  }

  run(task: Task): Promise<WorkerAnswer> {
    if (this.kind !== task.kind) this.answeredCount = 0;
    this.kind = task.kind;
    this.#worker.ref();
    return new Promise((resolve) => {
      this.#worker.postMessage(task, memoryOfTask(task));
      this.#waiting.push(resolve);
    });
  }

  /** An idle thread does not keep the process from ending. */
  rest(): void {
    this.#worker.unref();
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    await this.#worker.terminate();
  }

  #fail(name: string, message: string): void {
    this.#isEnding = true;
    const failure = { name, message, stack: undefined, code: undefined, facts: {} };
    for (const settle of this.#waiting.splice(0)) settle({ kind: 'failure', failure });
  }
}

/** Starting a thread costs some tenths of a second of CPU time, so idle ones are kept for the next tasks. */
export class TaskThreads {
  readonly #module: URL;
  readonly #limits: ThreadLimits;
  readonly #busy = new Set<TaskThread>();
  #idle: TaskThread[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** @param module what a thread runs: answers each message, a {@link Task}, with a {@link WorkerAnswer} */
  constructor(module: URL, limits: ThreadLimits) {
    this.#module = module;
    this.#limits = limits;
  }

  /**
   * Runs a task. Settles when the task is done or its thread has ended, so that nothing touches the files afterwards.
   *
   * @param signal ends the thread
   */
  async run(task: Task, signal: AbortSignal): Promise<TaskResult> {
    const thread = this.#threadFor(task);
    this.#busy.add(thread);
    const stop = (): void => void thread.end();
    signal.addEventListener('abort', stop, { once: true });
    let isOfUse = false;
    try {
      const answer = await thread.run(task);
      signal.throwIfAborted();
      if (answer.kind === 'failure') throw errorOf(answer.failure);
      isOfUse = true;
      return answer.result;
    } finally {
      signal.removeEventListener('abort', stop);
      const isIdle = thread.taskCount === 0 && this.#busy.delete(thread);
      // A failed task may have left anything behind in its thread.
      if (!isOfUse || (isIdle && !this.#keep(thread))) await thread.end();
    }
  }

  #threadFor(task: Task): TaskThread {
    const threadsMax = this.#limits.shared[task.kind];
    const sharing = threadsMax === undefined ? [] : [...this.#busy].filter(({ kind, isAlive }) => kind === task.kind && isAlive);
    const [least] = sharing.toSorted((one, other) => one.taskCount - other.taskCount);
    const isFull = sharing.length === threadsMax || sharing.some(({ answeredCount }) => answeredCount < TASKS_BEFORE_ANOTHER);
    if (least !== undefined && isFull) return least;
    const idle = this.#idle.pop();
    return idle?.isAlive === true ? idle : new TaskThread(this.#module);
  }

  /** Returns false if enough threads are idle. */
  #keep(thread: TaskThread): boolean {
    this.#idle = this.#idle.filter(({ isAlive }) => isAlive);
    if (this.#idle.length === this.#limits.idle) return false;
    thread.rest();
    this.#idle.push(thread);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.close(), IDLE_LIMIT_MS).unref();
    return true;
  }

  /** Ends the idle threads. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    const threads = this.#idle;
    this.#idle = [];
    await Promise.all(threads.map((thread) => thread.end()));
  }
}
