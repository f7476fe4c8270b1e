/**
 * The scrub: slowly reads in the background the logs and snapshots of all projects on disk, to find damage while there are still copies
 * to repair it from. It reports and changes nothing.
 */
import type { Finding } from '../base/finding.js';
import type { Logger } from '../base/logger.js';
import type { FilesOfProject } from '../projections/snapshot/file-work.js';
import type { BackgroundTasks } from './background-tasks.js';
import type { FoundDamage } from './found-damage.js';
import type { MaintenanceObserver } from './maintenance-observer.js';

/** Wait between two scrubs, in milliseconds: a week. */
const REPEAT_MS = 604_800_000;

/** Reads the files of one project after another. */
export class Scrubber {
  readonly #tasks: BackgroundTasks;
  readonly #logger: Logger;
  readonly #repeatMs: number;
  readonly #abort = new AbortController();
  readonly #damage: FoundDamage;
  readonly #observer: MaintenanceObserver | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  /** The project being read. */
  #current: { readonly project: string; readonly abort: AbortController; readonly done: Promise<unknown> } | undefined;

  /** @param parts `repeatMs` is the wait between two scrubs in milliseconds, by default a week */
  constructor(parts: {
    readonly tasks: BackgroundTasks; readonly damage: FoundDamage; readonly logger: Logger; readonly repeatMs?: number;
    readonly observer?: MaintenanceObserver | undefined;
  }) {
    this.#damage = parts.damage;
    this.#observer = parts.observer;
    this.#tasks = parts.tasks;
    this.#repeatMs = parts.repeatMs ?? REPEAT_MS;
    this.#logger = parts.logger;
  }

  /**
   * Reads all projects, and again every week.
   *
   * @param list returns the projects that are on disk now; called again before each one is read
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
      // A project that was deleted or moved to memory meanwhile would look like a loss.
      const isOnDisk = list().some(({ project, logId }) => project === job.project && logId === job.logId);
      if (isOnDisk) await this.#scrub(job);
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
        this.#logger.error({ project, ...finding }, 'the scrub found damage; docs/recovery.md says what to do');
      }
    } catch (error) {
      if (signal.aborted) return;
      this.#logger.warn({ project, err: error }, 'the scrub could not read the files of a project; the next scrub retries');
    } finally {
      this.#current = undefined;
    }
  }

  /** A compaction that removes or compresses files during a long read looks like a loss. Real damage is found again. */
  async #readTwice(job: FilesOfProject, signal: AbortSignal): Promise<readonly Finding[]> {
    const first = await this.#tasks.scrub(job, signal);
    this.#logger.debug({ project: job.project, bytes: first.bytes }, 'the files of a project were read and checked');
    if (first.findings.length === 0) {
      this.#observer?.scrubbed(first.bytes, 0);
      return [];
    }
    const again = await this.#tasks.scrub(job, signal);
    const found = again.findings.filter(({ file, offset }) => (
      first.findings.some((other) => other.file === file && other.offset === offset)
    ));
    this.#observer?.scrubbed(first.bytes + again.bytes, found.length);
    return found;
  }

  /** Stops reading a project that is being deleted or moved to memory, and forgets its damage. */
  async release(project: string): Promise<void> {
    if (this.#current?.project === project) {
      this.#current.abort.abort();
      await this.#current.done;
    }
    this.#damage.forget(project);
  }

  /** Aborts the scrub. */
  async close(): Promise<void> {
    this.#abort.abort();
    clearTimeout(this.#timer);
    await this.#running;
  }
}
