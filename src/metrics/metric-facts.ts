/**
 * What metrics ask of the rest of the server when they are shown: the state of the moment, which nothing counts.
 */

/** The states of a project. */
export const PROJECT_STATES = ['serving', 'read_only', 'log_failed', 'corrupt', 'missing', 'outdated', 'newer_format'] as const;

/** The state of one project. */
export interface ProjectMeasures {
  readonly id: string;
  readonly state: (typeof PROJECT_STATES)[number];
  readonly seq: number;
  readonly keyCount: number;
  readonly valueBytes: number;
  /** Files of its log; 0 for a log in memory. */
  readonly logFiles: number;
  readonly logFileBytes: number;
  /** The newest snapshot; undefined if there is none. */
  readonly snapshot: { readonly seq: number; readonly timeMs: number } | undefined;
  readonly queueCommands: number;
  readonly queueBytes: number;
  /** Used shares of the quotas that it has, 1 for all of one. */
  readonly quotas: readonly { readonly quota: 'max_keys' | 'max_bytes'; readonly usedRatio: number }[];
}

/** Sums over all projects. */
export interface ProjectTotals {
  readonly keyCount: number;
  readonly valueBytes: number;
  readonly queueCommands: number;
}

/** The state of the server. */
export interface ServerFacts {
  readonly build: { readonly version: string; readonly node: string; readonly format: string };
  readonly isReady: boolean;
  /** Undefined if the disk does not report it. */
  readonly diskFreeBytes: number | undefined;
  readonly isDiskLow: boolean;
  readonly connections: number;
  /** Open streams by kind. */
  readonly streams: Readonly<Record<string, number>>;
  /** Resident memory; undefined if it is not known. */
  readonly residentBytes: number | undefined;
}

/** Where the facts come from. */
export interface FactSource {
  server(): ServerFacts;
  /** Brings up to date what is not known at once. Never rejects. */
  refresh(): Promise<void>;
  /** Ids of all projects, sorted. */
  projectIds(): readonly string[];
  /** Undefined if there is no such project. */
  project(id: string): ProjectMeasures | undefined;
  totals(): ProjectTotals;
}
