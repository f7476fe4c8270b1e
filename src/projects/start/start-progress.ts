/**
 * Progress of a startup, for the server log and for readiness. It is reported also while one long log is opened.
 */
import type { Clock } from '../../base/clock.js';
import { countText } from '../../base/count-text.js';
import type { Logger } from '../../base/logger.js';

/** Shortest time between two progress lines, and before the first one, in milliseconds. */
const LINE_INTERVAL_MS = 1000;
/** Longest time between two progress lines while one log is opened, in milliseconds. */
const QUIET_MS_MAX = 10_000;
/** Interval between checks for a due line, in milliseconds. */
const CHECK_INTERVAL_MS = 250;

/** Progress of a startup. */
export interface StartFacts {
  /** Projects that were opened or refused. */
  readonly started: number;
  /** Those of them that were refused. */
  readonly refused: number;
  /** Projects in the configuration. */
  readonly total: number;
}

/** Counts the started projects and follows the log that is being opened. */
export class StartProgress implements StartFacts {
  started = 0;
  refused = 0;
  readonly #total: () => number;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #loggedAtMs: number;
  /** State at the last line, without the seq; undefined before the first line. */
  #logged: string | undefined;
  #opening: string | undefined;
  /** The last replayed seq of that log; 0 before the first. */
  #seq = 0;

  /** @param total returns the number of projects, which an adoption raises */
  constructor(total: () => number, { clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
    this.#total = total;
    this.#clock = clock;
    this.#logger = logger;
    this.#loggedAtMs = clock.monotonicMs();
  }

  get total(): number {
    return this.#total();
  }

  /** Reports the progress of a startup until it ends. */
  async during<T>(start: () => Promise<T>): Promise<T> {
    this.#loggedAtMs = this.#clock.monotonicMs();
    const timer = setInterval(() => this.logIfDue(), CHECK_INTERVAL_MS);
    try {
      return await start();
    } finally {
      clearInterval(timer);
    }
  }

  /** Runs `open` and names its log in the progress lines meanwhile. */
  async opening<T>(id: string, open: () => Promise<T>): Promise<T> {
    this.#opening = id;
    this.#seq = 0;
    try {
      return await open();
    } finally {
      this.#opening = undefined;
    }
  }

  /** Notes the last replayed seq of the log that is being opened. */
  readonly replayed = (seq: number): void => {
    this.#seq = seq;
  };

  /** Counts a started project, and logs the progress if a line is due or if it was the last one. */
  advance(): void {
    this.started += 1;
    if (this.started === this.total || this.#quietMs >= LINE_INTERVAL_MS) this.#log();
  }

  /** Logs the progress if a line is due. */
  logIfDue(): void {
    const isLogged = this.#logged === this.#state;
    if (this.#quietMs >= (isLogged ? QUIET_MS_MAX : LINE_INTERVAL_MS)) this.#log();
  }

  get #state(): string {
    return `${this.started} ${this.#opening ?? ''}`;
  }

  get #quietMs(): number {
    return this.#clock.monotonicMs() - this.#loggedAtMs;
  }

  #log(): void {
    this.#loggedAtMs = this.#clock.monotonicMs();
    this.#logged = this.#state;
    const counts = { projects_started: this.started, projects_refused: this.refused, projects_total: this.total };
    const place = this.#opening === undefined ? {} : { opening: this.#opening, ...(this.#seq > 0 && { replayed_seq: this.#seq }) };
    const refused = this.refused > 0 ? `, ${this.refused} refused` : '';
    const reached = `starting, ${this.started} of ${countText(this.total, 'project')}${refused}`;
    this.#logger.info({ ...counts, ...place }, `${reached}${this.#placeText}`);
  }

  get #placeText(): string {
    if (this.#opening === undefined) return '';
    const seq = this.#seq > 0 ? ` at seq ${this.#seq}` : '';
    return `, opening ${JSON.stringify(this.#opening)}${seq}`;
  }
}
