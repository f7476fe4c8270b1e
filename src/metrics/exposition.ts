/**
 * Writes the exposition of metrics, in pieces with turns of the event loop between them: `prom-client` writes the text of some series at
 * a time and has no part in counting. Loaded after the start, since nothing needs it before.
 */
import { collectDefaultMetrics, type Metric, Registry } from 'prom-client';
import { OWN_METRICS, type OwnMetricName, PROCESS_METRICS } from './metrics-table.js';
import type { Sample } from './sample.js';
import { samplesOf, type Scraped } from './samples-of.js';

/** Series that are written in one turn: about a millisecond. */
const SERIES_PER_TURN = 250;
/** Length of a piece, in UTF-16 units; almost all of the text is ASCII. */
const PIECE_CHARACTERS = 65_536;
/**
 * Interval at which `prom-client` would look at the delay of the event loop, in milliseconds: an hour, since `loop-lag.ts` measures it
 * and no metric of that is shown.
 */
const UNUSED_INTERVAL_MS = 3_600_000;
/** Lines before the first series: its help and its type. */
const HEAD_LINES = 2;

/** Some series of a metric, as `prom-client` reads them. */
interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly values: readonly { readonly value: number; readonly labels: Readonly<Record<string, string>>; readonly metricName: string }[];
}

const PROCESS_NAMES = Object.keys(PROCESS_METRICS);
const OWN_NAMES = Object.keys(OWN_METRICS) as readonly OwnMetricName[];

/** Writes expositions. */
export class Exposition {
  /** The metrics that `prom-client` brings. They count from now on. */
  readonly #process = new Registry();

  constructor() {
    collectDefaultMetrics({ register: this.#process, eventLoopMonitoringPrecision: UNUSED_INTERVAL_MS });
    const shown = new Set(PROCESS_NAMES);
    for (const { name } of this.#process.getMetricsAsArray() as readonly { readonly name: string }[]) {
      if (!shown.has(name)) this.#process.removeSingleMetric(name);
    }
  }

  /**
   * Writes everything.
   *
   * @param nextTurn awaited before each piece of work
   * @returns pieces of about 64 kB
   */
  async *write(scraped: Scraped, nextTurn: () => Promise<void>): AsyncGenerator<Buffer, void, undefined> {
    let piece = '';
    for await (const text of this.#texts(scraped, nextTurn)) {
      piece += text;
      if (piece.length < PIECE_CHARACTERS) continue;
      yield Buffer.from(piece);
      piece = '';
    }
    if (piece !== '') yield Buffer.from(piece);
  }

  async *#texts(scraped: Scraped, nextTurn: () => Promise<void>): AsyncGenerator<string, void, undefined> {
    for (const name of OWN_NAMES) {
      let isFirst = true;
      for (const samples of portions(samplesOf(name, scraped))) {
        await nextTurn();
        yield await textOf(name, samples, isFirst);
        isFirst = false;
      }
    }
    for (const name of PROCESS_NAMES) {
      // Not every system has all of them.
      if (this.#process.getSingleMetric(name) === undefined) continue;
      await nextTurn();
      yield `${await this.#process.getSingleMetricAsString(name)}\n`;
    }
  }
}

/** At least one portion, which may be empty: the head of a metric is written even if it has no series. */
function* portions(samples: Iterable<Sample>): Generator<readonly Sample[]> {
  let portion: Sample[] = [];
  let count = 0;
  for (const sample of samples) {
    portion.push(sample);
    count += 1;
    if (portion.length < SERIES_PER_TURN) continue;
    yield portion;
    portion = [];
  }
  if (portion.length > 0 || count === 0) yield portion;
}

/** The text of some series; with the head of the metric if they are its first. */
async function textOf(name: OwnMetricName, samples: readonly Sample[], isFirst: boolean): Promise<string> {
  const { help, type } = OWN_METRICS[name];
  const values = samples.map(({ value, labels = {}, part }) => (
    { value, labels, metricName: part === undefined ? name : `${name}_${part}` }
  ));
  const family: Family = { name, help, type, values };
  const registry = new Registry();
  // A registry asks its metrics for their name and their series, and nothing else.
  registry.registerMetric({ name, get: () => Promise.resolve(family) } as unknown as Metric);
  const text = await registry.getSingleMetricAsString(name);
  return `${isFirst ? text : text.split('\n').slice(HEAD_LINES).join('\n')}\n`;
}
