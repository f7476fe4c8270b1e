/**
 * The metrics of a server: owns what is counted, shows it at a scrape, and keeps the history. Who counts, and where the facts come from, is
 * decided where the server is put together.
 */
import { type Clock, systemClock } from '../base/clock.js';
import { invariant } from '../base/invariant.js';
import { Activity } from './activity.js';
import type { Exposition } from './exposition.js';
import { History, type HistoryDocument } from './history.js';
import { HttpCounters } from './http-counters.js';
import { LoopLag } from './loop-lag.js';
import type { FactSource } from './metric-facts.js';
import { ProjectCounters } from './project-counters.js';
import { ProjectGauges } from './project-gauges.js';
import type { ReloadState } from './samples-of.js';
import { WorkCounters } from './work-counters.js';

/** Number of projects with series of their own until the configuration is read. */
const PROJECTS_MAX = 200;
/** Projects whose facts are read in one turn of the event loop. */
const PROJECTS_PER_TURN = 50;

/** Settings of the metrics. */
interface MetricsSettings {
  /** Number of projects with series of their own. */
  readonly projectsMax: number;
}

/** Counts, shows and remembers. */
export class Metrics {
  /** Counts requests. */
  readonly http: HttpCounters;
  /** Counts work on logs. */
  readonly work: WorkCounters;
  readonly #clock: Clock;
  readonly #lag = new LoopLag();
  readonly #history: History;
  readonly #createdMs: number;
  #startMs = 0;
  #reload: ReloadState;
  #source: FactSource | undefined;
  #exposition: Promise<Exposition> | undefined;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param registry name of the log of the registry
   * @param projectsMax number of projects with series of their own until {@link Metrics.configure} is called
   */
  constructor(registry: string, clock: Clock = systemClock, projectsMax = PROJECTS_MAX) {
    const activity = new Activity();
    this.http = new HttpCounters(activity);
    this.work = new WorkCounters(new ProjectCounters(registry, projectsMax), registry, activity);
    this.#clock = clock;
    this.#history = new History({ activity, lag: this.#lag, syncs: this.work.syncs }, projectsMax, clock);
    this.#createdMs = clock.monotonicMs();
    // A start is the first load of the configuration.
    this.#reload = { isSuccess: true, succeededAtMs: clock.wallMs() };
  }

  /** Changes the settings. Projects beyond the number lose their series. */
  configure({ projectsMax }: MetricsSettings): void {
    this.work.projects.setMax(projectsMax);
    this.#history.setMax(projectsMax);
  }

  /** Begins to keep the history: the server has started. */
  start(source: FactSource): void {
    this.#source = source;
    this.#startMs = this.#clock.monotonicMs() - this.#createdMs;
    this.work.projects.settle(source.projectIds());
    this.#lag.start();
    this.#history.begin();
    this.#keepSampling(source);
  }

  /** Not by an interval, which would drift away from the steps. */
  #keepSampling(source: FactSource): void {
    this.#timer = setTimeout(() => {
      this.work.projects.settle(source.projectIds());
      this.#history.sample(source);
      this.#keepSampling(source);
    }, this.#history.restMs).unref();
  }

  /** Loads what writes an exposition, so that no scrape waits for it. */
  async load(): Promise<void> {
    await this.#loaded();
  }

  #loaded(): Promise<Exposition> {
    return (this.#exposition ??= import('./exposition.js').then(({ Exposition: Loaded }) => new Loaded()));
  }

  /**
   * Notes a load of the configuration.
   *
   * @param isSuccess false: nothing of it is in force
   * @param atMs in milliseconds since 1970
   */
  reloaded(isSuccess: boolean, atMs: number): void {
    this.#reload = { isSuccess, succeededAtMs: isSuccess ? atMs : this.#reload.succeededAtMs };
  }

  /**
   * Writes the exposition.
   *
   * @param nextTurn awaited before each piece of work
   * @returns pieces of about 64 kB
   */
  async *exposition(nextTurn: () => Promise<void>): AsyncGenerator<Buffer, void, undefined> {
    const source = this.#source;
    invariant(source !== undefined, 'metrics are shown while the server serves');
    const exposition = await this.#loaded();
    await source.refresh();
    const gauges = await this.#gaugesOf(source, nextTurn);
    const counters = { http: this.http, work: this.work, lag: this.#lag, reload: this.#reload, startMs: this.#startMs };
    yield* exposition.write({ ...counters, facts: source.server(), gauges }, nextTurn);
  }

  async #gaugesOf(source: FactSource, nextTurn: () => Promise<void>): Promise<ProjectGauges> {
    const gauges = new ProjectGauges();
    const ids = source.projectIds();
    const { projects } = this.work;
    projects.settle(ids);
    for (let first = 0; first < ids.length; first += PROJECTS_PER_TURN) {
      await nextTurn();
      for (const id of ids.slice(first, first + PROJECTS_PER_TURN)) {
        const facts = source.project(id);
        // It may have been deleted meanwhile.
        if (facts !== undefined) gauges.add(facts, projects.isOwn(id));
      }
    }
    return gauges;
  }

  /**
   * Reads the history.
   *
   * @param project one that exists; undefined: of the server
   * @param windowSeconds how far back, up to an hour
   */
  history(project: string | undefined, windowSeconds: number): HistoryDocument {
    return this.#history.read(project, windowSeconds);
  }

  /** Stops the timers. */
  close(): void {
    clearTimeout(this.#timer);
    this.#lag.close();
  }
}
