/**
 * The history of the last hour, for people without Prometheus: a sample every 5 s of the server, and of the projects that were used. A
 * project has series from its first use on, until an hour has passed without any; there are at most so many, the ones used last.
 */
import type { Clock } from '../base/clock.js';
import { type Activity, noCounts, type StepCounts } from './activity.js';
import { HistoryRings, type NumberKind } from './history-rings.js';
import type { LoopLag } from './loop-lag.js';
import type { FactSource, ProjectTotals } from './metric-facts.js';
import type { PlainHistogram } from './plain-histogram.js';

/** Length of a step, in seconds. */
const STEP_SECONDS = 5;
/** Number of steps that are kept: an hour. */
const STEPS_KEPT = 720;
const MS_PER_SECOND = 1000;
const STEP_MS = STEP_SECONDS * MS_PER_SECOND;
const MEDIAN = 0.5;
const HIGH = 0.99;

const ALL_SERIES = {
  requests: 'single', writes: 'single', problems_4xx: 'single', problems_5xx: 'single', keys: 'double', value_bytes: 'double',
  queue_commands: 'single',
} as const satisfies Readonly<Record<string, NumberKind>>;

const SERVER_SERIES = {
  ...ALL_SERIES, sync_p50_seconds: 'single', sync_p99_seconds: 'single', resident_bytes: 'double', event_loop_lag_p99_seconds: 'single',
} as const satisfies Readonly<Record<string, NumberKind>>;

type ProjectSeries = keyof typeof ALL_SERIES;
type ServerSeries = keyof typeof SERVER_SERIES;

/** Some steps of the history. */
export interface HistoryDocument {
  readonly step_seconds: number;
  /** When the first step began, as RFC 3339. */
  readonly start: string;
  /** A value for each step, oldest first; null where it is not known. */
  readonly series: Readonly<Record<string, readonly (number | null)[]>>;
}

/** The series of a project. */
interface TrackedProject {
  readonly rings: HistoryRings<ProjectSeries>;
  usedStep: number;
}

/** What is sampled. */
interface Sampled {
  readonly activity: Activity;
  readonly lag: LoopLag;
  readonly syncs: PlainHistogram;
}

/** Keeps the history. */
export class History {
  readonly #sampled: Sampled;
  readonly #clock: Clock;
  readonly #server = new HistoryRings<ServerSeries>(SERVER_SERIES, STEPS_KEPT, -1);
  readonly #projects = new Map<string, TrackedProject>();
  #projectsMax: number;
  /** When the first step began, by the monotonic clock. */
  #startMs = 0;
  /** The step that was added last; -1 before the first. */
  #step = -1;
  /** When it ended, by the wall clock. */
  #endedAtMs: number;
  #syncsBefore: Float64Array;

  /** @param projectsMax number of projects with series */
  constructor(sampled: Sampled, projectsMax: number, clock: Clock) {
    this.#sampled = sampled;
    this.#projectsMax = projectsMax;
    this.#clock = clock;
    this.#endedAtMs = clock.wallMs();
    this.#syncsBefore = sampled.syncs.counts();
  }

  /** Number of projects with series. */
  get projectCount(): number {
    return this.#projects.size;
  }

  /** Changes the number of projects with series. */
  setMax(projectsMax: number): void {
    this.#projectsMax = projectsMax;
    while (this.#projects.size > projectsMax) this.#forgetOldest(Number.POSITIVE_INFINITY);
  }

  /** Begins the first step. */
  begin(): void {
    this.#sampled.activity.take();
    this.#syncsBefore = this.#sampled.syncs.counts();
    this.#startMs = this.#clock.monotonicMs();
    this.#endedAtMs = this.#clock.wallMs();
  }

  /** Time until the step in progress ends, in milliseconds. */
  get restMs(): number {
    return STEP_MS - ((this.#clock.monotonicMs() - this.#startMs) % STEP_MS);
  }

  /** Ends the step in progress. Called when its time has come, or a little earlier or later. */
  sample(source: FactSource): void {
    // While the process stood still, several have ended. What happened in them belongs to the last one.
    const step = Math.round((this.#clock.monotonicMs() - this.#startMs) / STEP_MS) - 1;
    if (step <= this.#step) return;
    const { server, projects } = this.#sampled.activity.take();
    this.#server.add(step, { ...valuesOf(server, source.totals()), ...this.#serverValues(source) });
    this.#step = step;
    this.#endedAtMs = this.#clock.wallMs();
    const used = [...projects.keys()];
    // Before others get series: those that are still used must not lose theirs.
    for (const project of used) this.#noteUse(project);
    for (const project of used) if (source.project(project) !== undefined) this.#track(project);
    for (const project of this.#projects.keys()) this.#addStep(project, projects.get(project) ?? noCounts(), source);
  }

  #serverValues(source: FactSource): Partial<Record<ServerSeries, number>> {
    const { lag, syncs } = this.#sampled;
    const before = this.#syncsBefore;
    this.#syncsBefore = syncs.counts();
    const { residentBytes } = source.server();
    return {
      sync_p50_seconds: syncs.quantileSince(before, MEDIAN),
      sync_p99_seconds: syncs.quantileSince(before, HIGH),
      event_loop_lag_p99_seconds: lag.take()['0.99'],
      ...(residentBytes !== undefined && { resident_bytes: residentBytes }),
    };
  }

  #noteUse(project: string): void {
    const known = this.#projects.get(project);
    if (known !== undefined) known.usedStep = this.#step;
  }

  /** Gives a project series if it has none, and there is room or one was used less recently. */
  #track(project: string): void {
    if (this.#projects.has(project) || (this.#projects.size >= this.#projectsMax && !this.#forgetOldest(this.#step))) return;
    this.#projects.set(project, { rings: new HistoryRings(ALL_SERIES, STEPS_KEPT, this.#step - 1), usedStep: this.#step });
  }

  /** Forgets the project that was used least recently, if that was before a step. */
  #forgetOldest(before: number): boolean {
    let oldest: string | undefined;
    let oldestStep = before;
    for (const [project, { usedStep }] of this.#projects) {
      if (usedStep >= oldestStep) continue;
      oldest = project;
      oldestStep = usedStep;
    }
    return oldest !== undefined && this.#projects.delete(oldest);
  }

  #addStep(project: string, counts: StepCounts, source: FactSource): void {
    const tracked = this.#projects.get(project);
    const facts = source.project(project);
    if (tracked === undefined) return;
    if (facts === undefined || this.#step - tracked.usedStep >= STEPS_KEPT) this.#projects.delete(project);
    else tracked.rings.add(this.#step, valuesOf(counts, facts));
  }

  /**
   * Reads the last steps.
   *
   * @param project undefined: of the server
   * @param windowSeconds how far back, up to an hour
   */
  read(project: string | undefined, windowSeconds: number): HistoryDocument {
    const count = Math.min(STEPS_KEPT, Math.ceil(windowSeconds / STEP_SECONDS));
    const start = new Date(this.#endedAtMs - count * STEP_MS).toISOString();
    return { step_seconds: STEP_SECONDS, start, series: this.#ringsOf(project).read(this.#step, count) };
  }

  #ringsOf(project: string | undefined): HistoryRings<ProjectSeries> | HistoryRings<ServerSeries> {
    if (project === undefined) return this.#server;
    return this.#projects.get(project)?.rings ?? NOTHING_KNOWN;
  }
}

/** Of a project that was not used. */
const NOTHING_KNOWN = new HistoryRings(ALL_SERIES, 1, -1);

function valuesOf({ requests, writes, problems4xx, problems5xx }: StepCounts, totals: ProjectTotals): Record<ProjectSeries, number> {
  return {
    requests, writes, problems_4xx: problems4xx, problems_5xx: problems5xx, keys: totals.keyCount, value_bytes: totals.valueBytes,
    queue_commands: totals.queueCommands,
  };
}
