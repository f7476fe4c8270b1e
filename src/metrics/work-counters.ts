/**
 * Counts what is done with logs: turns, lines, syncs, compactions, scrubs. Called by the rooms that do it, through their own observers.
 */
import type { Activity } from './activity.js';
import { PlainHistogram } from './plain-histogram.js';
import type { CompactionOutcome, ProjectCounters } from './project-counters.js';

const MS_PER_SECOND = 1000;
/** Upper bounds of the times of a sync, in seconds. */
const SYNC_BOUNDS: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];
/** Upper bounds of the commands in a turn, which has 1,024 at most. */
const COMMAND_BOUNDS: readonly number[] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
/** Upper bounds of the times of a compaction, in seconds. */
const COMPACTION_BOUNDS: readonly number[] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];

/** Counts work on logs. */
export class WorkCounters {
  readonly projects: ProjectCounters;
  readonly syncs = new PlainHistogram(SYNC_BOUNDS);
  readonly commands = new PlainHistogram(COMMAND_BOUNDS);
  readonly compactions = new PlainHistogram(COMPACTION_BOUNDS);
  /** Bytes that scrubs have read. */
  scrubbedBytes = 0;
  scrubFaults = 0;
  readonly #activity: Activity;
  readonly #registry: string;

  /**
   * @param registry name of the log of the registry, which is no project
   * @param activity counts the same lines for the history
   */
  constructor(projects: ProjectCounters, registry: string, activity: Activity) {
    this.projects = projects;
    this.#registry = registry;
    this.#activity = activity;
  }

  /** Counts a sync that succeeded. */
  synced(durationMs: number): void {
    this.syncs.add(durationMs / MS_PER_SECOND);
  }

  /** Counts a batch that was appended. */
  appended(project: string, lines: readonly { readonly op: string }[], sizeBytes: number): void {
    const counts = this.projects.of(project);
    for (const { op } of lines) counts.addLine(op);
    counts.lineBytes += sizeBytes;
    if (project !== this.#registry) this.#activity.wrote(project, lines.length);
  }

  /** Counts a torn tail that was cut. */
  tornTail(project: string): void {
    this.projects.of(project).tornTails += 1;
  }

  /** Counts the commands of a turn. */
  taken(commands: number): void {
    this.commands.add(commands);
  }

  /** Counts keys that were removed because they had expired. */
  expired(project: string, keys: number): void {
    this.projects.of(project).expiredKeys += keys;
  }

  /** Counts a compaction that ended. */
  compacted(project: string, outcome: CompactionOutcome, durationMs: number): void {
    this.projects.of(project).compactions[outcome] += 1;
    if (outcome === 'ok') this.compactions.add(durationMs / MS_PER_SECOND);
  }

  /** Counts a reading of a project's files. */
  scrubbed(sizeBytes: number, faults: number): void {
    this.scrubbedBytes += sizeBytes;
    this.scrubFaults += faults;
  }
}
