/**
 * Hands work on files to whoever carries it out, and ends it: what running it in a thread and running it here have in common.
 */
import { AppError } from '../base/app-error.js';
import type {
  BuildJob, BuiltGeneration, ScrubJob, ScrubReport, SegmentCheck, SegmentJob, Task, TaskResult,
} from './tasks.js';

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
   * @param job what from, up to where
   * @param signal ends it; what has been written so far has no manifest and does not count
   * @returns what was built
   * @throws {Error} what the work threw, by name, message, code and facts
   */
  async build(job: BuildJob, signal?: AbortSignal): Promise<BuiltGeneration> {
    return (await this.#run({ kind: 'build', job }, signal)) as BuiltGeneration;
  }

  /**
   * Reads everything that a project has on disk and checks it.
   *
   * @param job which project, how fast
   * @param signal ends it
   * @returns what was found
   */
  async scrub(job: ScrubJob, signal?: AbortSignal): Promise<ScrubReport> {
    return (await this.#run({ kind: 'scrub', job }, signal)) as ScrubReport;
  }

  /**
   * Reads one sealed segment and checks all of it.
   *
   * @param job which segment
   * @param signal ends it
   * @returns its digest, or what is wrong with it
   */
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
