/**
 * The scrub: everything that a start did not read is read slowly in the background, so that damage is found while there are
 * still copies to mend it from. It reports and changes nothing.
 */
import type { Finding } from '../base/finding.js';
import type { Logger } from '../base/logger.js';
import type { FilesOfProject } from '../projections/snapshot/file-work.js';
import type { BackgroundTasks } from './background-tasks.js';
import type { FoundDamage } from './found-damage.js';

/** How long after all was read it is read again, in milliseconds: a week. */
const REPEAT_MS = 604_800_000;

/** Reads the files of one project after another. */
export class Scrubber {
  readonly #tasks: BackgroundTasks;
  readonly #logger: Logger;
  readonly #repeatMs: number;
  readonly #abort = new AbortController();
  readonly #damage: FoundDamage;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  /** What is read now. */
  #current: { readonly project: string; readonly abort: AbortController; readonly done: Promise<unknown> } | undefined;

  /**
   * @param parts who reads, where findings go, and after how many milliseconds all is read again: a week by default
   */
  constructor(parts: {
    readonly tasks: BackgroundTasks; readonly damage: FoundDamage; readonly logger: Logger; readonly repeatMs?: number;
  }) {
    this.#damage = parts.damage;
    this.#tasks = parts.tasks;
    this.#repeatMs = parts.repeatMs ?? REPEAT_MS;
    this.#logger = parts.logger;
  }

  /**
   * Reads all projects, and again every week.
   *
   * @param list the projects that are on disk at the time of the call; asked again before each is read
   */
  start(list: () => readonly FilesOfProject[]): void {
    this.#running = this.#scrubAll(list).finally(() => {
      if (this.#abort.signal.aborted) return;
      this.#timer = setTimeout(() => this.start(list), this.#repeatMs).unref();
    });
  }

  async #scrubAll(list: () => readonly FilesOfProject[]): Promise<void> {
    for (const job of list()) {
      if (this.#abort.signal.aborted) return;
      // One that was deleted or left the disk since would look like a loss.
      const isThere = list().some(({ project, logId }) => project === job.project && logId === job.logId);
      if (isThere) await this.#scrub(job);
    }
  }

  async #scrub(job: FilesOfProject): Promise<void> {
    const { project } = job;
    const abort = new AbortController();
    const signal = AbortSignal.any([abort.signal, this.#abort.signal]);
    const reading = this.#readTwice(job, signal);
    this.#current = { project, abort, done: Promise.allSettled([reading]) };
    try {
      const findings = await reading;
      if (signal.aborted) return;
      this.#damage.replace(project, findings);
      for (const finding of findings) {
        this.#logger.error({ project, ...finding }, 'the scrub found what should not be there; docs/recovery.md says what to do');
      }
    } catch (error) {
      if (!signal.aborted) this.#logger.warn({ project, err: error }, 'the files of a project could not be read through');
    } finally {
      this.#current = undefined;
    }
  }

  /** Reading takes long, and what a compaction removes or compresses meanwhile looks like a loss; damage is there again. */
  async #readTwice(job: FilesOfProject, signal: AbortSignal): Promise<readonly Finding[]> {
    const first = await this.#tasks.scrub(job, signal);
    this.#logger.debug({ project: job.project, bytes: first.bytes }, 'the files of a project were read and checked');
    if (first.findings.length === 0) return [];
    const again = await this.#tasks.scrub(job, signal);
    return again.findings.filter(({ file, offset }) => first.findings.some((other) => other.file === file && other.offset === offset));
  }

  /** Leaves a project alone that is deleted or leaves the disk. */
  async release(project: string): Promise<void> {
    if (this.#current?.project === project) {
      this.#current.abort.abort();
      await this.#current.done;
    }
    this.#damage.forget(project);
  }

  /** Ends what goes on. */
  async close(): Promise<void> {
    this.#abort.abort();
    clearTimeout(this.#timer);
    await this.#running;
  }
}
