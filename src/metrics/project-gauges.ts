/**
 * The gauges of projects: how each is read from the facts of a project, and how those of many become the one of `_other`.
 */
import { PROJECT_STATES, type ProjectMeasures } from './metric-facts.js';
import { type MetricSpec, OTHER_PROJECTS, OWN_METRICS, type OwnMetricName } from './metrics-table.js';
import type { Labels, Sample } from './sample.js';

const MS_PER_SECOND = 1000;

/** A value of a gauge, with the labels that it has beside the project. */
interface Reading {
  readonly value: number;
  readonly labels?: Labels;
}

/** The gauges of projects. */
export type ProjectGaugeName = Extract<OwnMetricName, `simplekv_project_${string}`>;

const READINGS: Readonly<Record<ProjectGaugeName, (facts: ProjectMeasures) => readonly Reading[]>> = {
  simplekv_project_keys: ({ keyCount }) => [{ value: keyCount }],
  simplekv_project_value_bytes: ({ valueBytes }) => [{ value: valueBytes }],
  simplekv_project_seq: ({ seq }) => [{ value: seq }],
  simplekv_project_writable: ({ state }) => [{ value: Number(state === 'serving') }],
  simplekv_project_state: (facts) => PROJECT_STATES.map((state) => ({ value: Number(facts.state === state), labels: { state } })),
  simplekv_project_log_file_bytes: ({ logFileBytes }) => [{ value: logFileBytes }],
  simplekv_project_log_files: ({ logFiles }) => [{ value: logFiles }],
  simplekv_project_snapshot_seq: ({ snapshot }) => [{ value: snapshot?.seq ?? 0 }],
  simplekv_project_snapshot_timestamp_seconds: ({ snapshot }) => (
    snapshot === undefined ? [] : [{ value: snapshot.timeMs / MS_PER_SECOND }]
  ),
  simplekv_project_queue_commands: ({ queueCommands }) => [{ value: queueCommands }],
  simplekv_project_queue_bytes: ({ queueBytes }) => [{ value: queueBytes }],
  simplekv_project_quota_used_ratio: ({ quotas }) => quotas.map(({ quota, usedRatio }) => ({ value: usedRatio, labels: { quota } })),
};

/** Names of the gauges, in the order of the table. */
export const PROJECT_GAUGES = Object.keys(READINGS) as readonly ProjectGaugeName[];

const COMBINED: Readonly<Record<NonNullable<MetricSpec['rest']>, (one: number, other: number) => number>> = {
  sum: (one, other) => one + other, least: Math.min, most: Math.max,
};

/** The state of all projects at a scrape. */
export class ProjectGauges {
  /** The projects with series of their own. */
  readonly #own: ProjectMeasures[] = [];
  /** The gauges of the others, by name and by the value of the label besides, which is empty for none. */
  readonly #others = new Map<ProjectGaugeName, Map<string, Reading>>();

  /** Adds a project. */
  add(facts: ProjectMeasures, isOwn: boolean): void {
    if (isOwn) {
      this.#own.push(facts);
      return;
    }
    for (const name of PROJECT_GAUGES) for (const reading of READINGS[name](facts)) this.#combine(name, reading);
  }

  #combine(name: ProjectGaugeName, reading: Reading): void {
    const readings = this.#others.get(name) ?? new Map<string, Reading>();
    this.#others.set(name, readings);
    const label = Object.values(reading.labels ?? {}).join();
    const before = readings.get(label);
    const value = before === undefined ? reading.value : COMBINED[OWN_METRICS[name].rest](before.value, reading.value);
    readings.set(label, { ...reading, value });
  }

  /** The series of one gauge. */
  *samples(name: ProjectGaugeName): Generator<Sample> {
    for (const facts of this.#own) {
      for (const { value, labels } of READINGS[name](facts)) yield { value, labels: { project: facts.id, ...labels } };
    }
    for (const { value, labels } of this.#others.get(name)?.values() ?? []) yield { value, labels: { project: OTHER_PROJECTS, ...labels } };
  }
}
