/**
 * What the maintenance of projects reports, to what measures it. Implementations return at once and throw nothing.
 */

/** Notified of background work. */
export interface MaintenanceObserver {
  /**
   * A compaction ended.
   *
   * @param outcome `aborted`: the project is moved or deleted, or the server stops
   */
  compacted(project: string, outcome: 'ok' | 'failed' | 'aborted', durationMs: number): void;
  /** The scrub has read the files of a project. */
  scrubbed(sizeBytes: number, faults: number): void;
}
