/**
 * What a proof is: something that takes long, is run on demand, and ends in counts. `npm run prove` runs them; `docs/reliability.md`
 * names each of them and each of their counts.
 */

import type { Durability } from '../../src/base/durability.js';
import { sampled } from '../test-form.js';

/** Every durability, the default first. */
export const DURABILITIES: readonly Durability[] = ['fsync', 'interval', 'os'];

/** The default, and all others in the long form; the seed of a short run chooses one of them. */
export const SAMPLED_DURABILITIES: readonly Durability[] = [
  ...DURABILITIES.slice(0, 1), ...sampled(DURABILITIES.slice(1), DURABILITIES.length - 1),
];

/** How a proof is run. */
export interface ProofRun {
  /** The same seed gives the same choices. */
  readonly seed: number;
  /** Everything is done so many times as often as usual. Below 1 where the durabilities share the work of one run. */
  readonly scale: number;
  /** What the logs promise; `fsync` for a proof that takes no durability. */
  readonly durability: Durability;
  /** Reports progress. */
  say(text: string): void;
}

/** How many there were, or how many of all were found. */
export type Count = number | { readonly found: number; readonly total: number };

/** What a proof came to. It throws, or names faults, or finds less than all, when it failed. */
export interface ProofReport {
  /** By name, the very names that the proof promises. */
  readonly counts: Readonly<Record<string, Count>>;
  /** What went wrong, each in one line; empty for a proof that holds. */
  readonly faults: readonly string[];
}

/** A proof. */
export interface Proof {
  /** What it is called on the command line. */
  readonly name: string;
  /** What it counts. */
  readonly counts: readonly string[];
  /** Projects that one server serves in it. */
  readonly projects: number;
  /** True: it is run once for each durability, and each run has its share of the work. */
  readonly takesDurability: boolean;
  /** Shows in about a minute that the proof works. */
  short(run: ProofRun): Promise<ProofReport>;
  /** The real thing. */
  long(run: ProofRun): Promise<ProofReport>;
}
