/**
 * How far a start is: for the server log, also while one long log is opened, and for those who ask whether the server is ready.
 */
import type { Clock } from '../../base/clock.js';
import { countText } from '../../base/count-text.js';
import type { Logger } from '../../base/logger.js';

/** Shortest time between two lines about the same start, in milliseconds; the first comes after as long. */
const LINE_INTERVAL_MS = 1000;
/** Longest time between two lines, in milliseconds, while one log is opened. */
const QUIET_MS_MAX = 10_000;
/** Interval between checks for a due line, in milliseconds. */
const LOOK_INTERVAL_MS = 250;

/** How far a start is. */
export interface StartFacts {
  /** Projects that have been opened, or refused. */
  readonly started: number;
  /** Those of them that were refused, and are not served. */
  readonly refused: number;
  /** Projects that the configuration names. */
  readonly total: number;
}

/** Counts the projects that a start has dealt with, and knows which log is being opened. */
export class StartProgress implements StartFacts {
  started = 0;
  refused = 0;
  readonly #total: () => number;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #saidAtMs: number;
  /** What the last line said, but for the seq; undefined before the first. */
  #said: string | undefined;
  #opening: string | undefined;
  /** The last seq of that log that was replayed; 0 before the first. */
  #seq = 0;

  /** @param total gives how many projects there are; adopting makes them more */
  constructor(total: () => number, { clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
    this.#total = total;
    this.#clock = clock;
    this.#logger = logger;
    this.#saidAtMs = clock.monotonicMs();
  }

  get total(): number {
    return this.#total();
  }

  /** Reports on a start for as long as it takes. */
  async during<T>(start: () => Promise<T>): Promise<T> {
    this.#saidAtMs = this.#clock.monotonicMs();
    const timer = setInterval(() => this.look(), LOOK_INTERVAL_MS);
    try {
      return await start();
    } finally {
      clearInterval(timer);
    }
  }

  /** Names the log that is being opened. */
  async opening<T>(id: string, open: () => Promise<T>): Promise<T> {
    this.#opening = id;
    this.#seq = 0;
    try {
      return await open();
    } finally {
      this.#opening = undefined;
    }
  }

  /** Takes in how far the log that is being opened has been replayed. */
  readonly replayed = (seq: number): void => {
    this.#seq = seq;
  };

  /** Counts one more project, and says so when it is time or the last one. */
  advance(): void {
    this.started += 1;
    if (this.started === this.total || this.#quietMs >= LINE_INTERVAL_MS) this.#say();
  }

  /** Says how far the start is when a line is due. */
  look(): void {
    const isSaid = this.#said === this.#state;
    if (this.#quietMs >= (isSaid ? QUIET_MS_MAX : LINE_INTERVAL_MS)) this.#say();
  }

  get #state(): string {
    return `${this.started} ${this.#opening ?? ''}`;
  }

  get #quietMs(): number {
    return this.#clock.monotonicMs() - this.#saidAtMs;
  }

  #say(): void {
    this.#saidAtMs = this.#clock.monotonicMs();
    this.#said = this.#state;
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
