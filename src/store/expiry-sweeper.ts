/**
 * Removes keys that have expired, by lines of the server: a timer for the earliest expiry of a project, and then a line at a time, slowly
 * enough that a million keys of one second delay no other change. Reads hide such keys anyway, so it may rest whenever it must.
 */

/** Between two lines, each of up to 1,000 keys. */
const REST_MS = 100;
/** After a failure, or while nothing may be written. */
const RETRY_MS = 5000;
/** The clock of the lines may jump while the timer runs. */
const SLEEP_MS_MAX = 60_000;

/** What a sweeper works on. */
interface SweptProject {
  /** The earliest expiry, in milliseconds since 1970; undefined if no key expires. */
  nextExpiryMs(): number | undefined;
  /** The time of the project. */
  nowMs(): number;
  /** Whether lines that are not needed may be written now. */
  isSweepable(): boolean;
  /** Writes a line that removes some expired keys, if there are any. */
  sweep(): Promise<unknown>;
}

/** Sweeps one project. */
export class ExpirySweeper {
  readonly #project: SweptProject;
  #timer: NodeJS.Timeout | undefined;
  /** The expiry that the timer is for. */
  #wakesForMs = Infinity;
  #isClosed = false;

  constructor(project: SweptProject) {
    this.#project = project;
  }

  /** To be called when a key may expire earlier than any before. */
  wake(): void {
    const nextMs = this.#project.nextExpiryMs();
    if (nextMs === undefined || nextMs >= this.#wakesForMs) return;
    this.#sleep(nextMs, nextMs - this.#project.nowMs());
  }

  #sleep(untilMs: number, delayMs: number): void {
    clearTimeout(this.#timer);
    if (this.#isClosed) return;
    this.#wakesForMs = untilMs;
    this.#timer = setTimeout(() => void this.#work(), Math.min(Math.max(delayMs, REST_MS), SLEEP_MS_MAX));
    this.#timer.unref();
  }

  async #work(): Promise<void> {
    let restMs = REST_MS;
    const nextMs = this.#project.nextExpiryMs();
    if (nextMs !== undefined && nextMs <= this.#project.nowMs()) restMs = await this.#sweep();
    const laterMs = this.#project.nextExpiryMs();
    this.#wakesForMs = Infinity;
    if (laterMs !== undefined) this.#sleep(laterMs, Math.max(restMs, laterMs - this.#project.nowMs()));
  }

  /** @returns how long to rest, in milliseconds */
  async #sweep(): Promise<number> {
    if (!this.#project.isSweepable()) return RETRY_MS;
    try {
      await this.#project.sweep();
      return REST_MS;
    } catch {
      // The next writer gets the reason; the sweep is only put off.
      return RETRY_MS;
    }
  }

  /** Stops. A line that is being written is not waited for. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }
}
