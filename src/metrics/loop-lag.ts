/**
 * How late the event loop is: a timer that measures its own delay, looked at once in each step of the history.
 */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

/** Interval of the timer, in milliseconds. An idle server wakes up that often. */
const RESOLUTION_MS = 20;
/** Number of steps of which the worst is shown: a minute. */
const STEPS_SHOWN = 12;
const NS_PER_SECOND = 1_000_000_000;
const MS_PER_SECOND = 1000;
const PERCENT = 100;

/** The quantiles that are shown, as labels. */
export const LAG_QUANTILES = ['0.5', '0.9', '0.99', '1'] as const;

/** By quantile, in seconds. */
type Lag = Readonly<Record<(typeof LAG_QUANTILES)[number], number>>;

const NO_LAG: Lag = { '0.5': 0, '0.9': 0, '0.99': 0, '1': 0 };

/** Measures the delay of the event loop. */
export class LoopLag {
  #monitor: IntervalHistogram | undefined;
  /** The newest steps, oldest first. */
  #steps: readonly Lag[] = [];
  #count = 0;
  #sumSeconds = 0;

  /** Begins to measure. */
  start(): void {
    this.#monitor = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    this.#monitor.enable();
  }

  /** Ends a step: returns its lag and begins the next. */
  take(): Lag {
    const monitor = this.#monitor;
    const lag = monitor === undefined ? NO_LAG : lagOf(monitor);
    if (monitor !== undefined && monitor.count > 0) {
      this.#count += monitor.count;
      this.#sumSeconds += monitor.count * lateness(monitor.mean);
      monitor.reset();
    }
    this.#steps = [...this.#steps, lag].slice(-STEPS_SHOWN);
    return lag;
  }

  /** Number of measurements in all steps. */
  get count(): number {
    return this.#count;
  }

  /** The sum of all measurements, in seconds. */
  get sumSeconds(): number {
    return this.#sumSeconds;
  }

  /** The worst of the last steps, for each quantile. */
  get worst(): Lag {
    return this.#steps.reduce((worst, step) => mapLag((quantile) => Math.max(worst[quantile], step[quantile])), NO_LAG);
  }

  /** Ends the measuring. */
  close(): void {
    this.#monitor?.disable();
  }
}

function lagOf(monitor: IntervalHistogram): Lag {
  return mapLag((quantile) => lateness(monitor.percentile(Number(quantile) * PERCENT)));
}

/** In seconds. What is measured is the time from one expiry of the timer to the next, which is not much shorter than its interval. */
function lateness(intervalNs: number): number {
  return Math.max(0, intervalNs / NS_PER_SECOND - RESOLUTION_MS / MS_PER_SECOND);
}

function mapLag(valueOf: (quantile: keyof Lag) => number): Lag {
  return { '0.5': valueOf('0.5'), '0.9': valueOf('0.9'), '0.99': valueOf('0.99'), '1': valueOf('1') };
}
