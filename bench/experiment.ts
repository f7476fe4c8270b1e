/** What the table is made of: an experiment lets two sides take turns, and its rows say what is compared and what is wanted. */
import type { Contender } from './contenders/contender.js';
import type { Extent } from './extent.js';
import type { Tool } from './machine.js';
import type { RunningServer } from './server-process.js';

/** What an experiment works with. */
export interface Workshop {
  readonly extent: Extent;
  /** A new folder, which is removed at the end. */
  folder(): string;
  /** A contender with its keys, which all experiments share; started at the first call. */
  shared(contender: Contender): Promise<RunningServer>;
}

/** One of the two that take turns. */
export interface Side<Figures> {
  /** Takes one turn. */
  measure(): Promise<Figures>;
}

/** The sides, ready and warm. */
export interface Contest<Figures> {
  readonly ours: Side<Figures>;
  readonly other: Side<Figures>;
}

/** What a row must reach. */
export type Wanted = { readonly atLeast: number } | { readonly atMost: number };

/** One line of the table. */
export interface Row<Figures> {
  readonly work: string;
  readonly against: string;
  /** Missing where the figure is only reported. */
  readonly wanted?: Wanted;
  /** What the figures of one round come to. */
  value(ours: Figures, other: Figures): number;
  /** CPU time that ours takes for the same work, as a part of what the other takes; where it is known. */
  cpuRatio?(ours: Figures, other: Figures): number;
  /** Follows the value: `x` for a ratio. */
  readonly unit: string;
  /** The worst round counts, not the median: for limits on what a single request may meet. */
  readonly isJudgedByWorst?: boolean;
  /** The figures of one side in words; medians of all its turns. */
  show(figures: Figures): string;
}

/** A measurement that fills one or more rows. */
export interface Experiment<Figures> {
  /** What `npm run bench -- NAME` calls it. Each part between hyphens names the group of all that have it. */
  readonly name: string;
  readonly tools: readonly Tool[];
  /** Whether each turn takes many seconds. */
  readonly isSlow: boolean;
  readonly rows: (extent: Extent) => readonly Row<Figures>[];
  /** Starts what it needs and warms it up. */
  prepare(workshop: Workshop): Promise<Contest<Figures>>;
  /** Part of the time that the load generator was on its processor; missing where there is none. */
  generatorShare?(figures: Figures): number;
}
