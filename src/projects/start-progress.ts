/**
 * How far a start is: for the server log, at most once a second, and for those who ask whether the server is ready.
 */
import type { Clock } from '../base/clock.js';
import { countText } from '../base/count-text.js';
import type { Logger } from '../base/logger.js';

/** Shortest time between two lines about the same start, in milliseconds. */
const LINE_INTERVAL_MS = 1000;

/** How far a start is. */
export interface StartFacts {
  /** Projects that have been opened, or refused. */
  readonly started: number;
  /** Projects that the configuration names. */
  readonly total: number;
}

/** Counts the projects that a start has dealt with. */
export class StartProgress implements StartFacts {
  started = 0;
  readonly #total: () => number;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #saidAtMs: number;

  /**
   * @param total gives how many projects there are; adopting makes them more
   * @param parts clock and logger
   */
  constructor(total: () => number, { clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
    this.#total = total;
    this.#clock = clock;
    this.#logger = logger;
    this.#saidAtMs = clock.monotonicMs();
  }

  get total(): number {
    return this.#total();
  }

  /** Counts one more project, and says so when it is time or the last one. */
  advance(): void {
    this.started += 1;
    const nowMs = this.#clock.monotonicMs();
    if (this.started < this.total && nowMs - this.#saidAtMs < LINE_INTERVAL_MS) return;
    this.#saidAtMs = nowMs;
    const facts = { projects_started: this.started, projects_total: this.total };
    this.#logger.info(facts, `starting, ${this.started} of ${countText(this.total, 'project')}`);
  }
}
