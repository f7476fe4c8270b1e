/**
 * Tests that sweep every crash point or every byte have two forms. `npm test` runs the short one: every n-th case, from an offset that
 * the seed of the run decides. `npm run prove -- sweeps` runs the long one: all of them.
 */
import { seedOfRun } from './seed-of-run.js';

/** Set to `long` for the long form. */
export const FORM_VARIABLE = 'TEST_FORM';

/** True in the long form. */
export const isLongForm = process.env[FORM_VARIABLE] === 'long';

const PROPERTY_RUNS_SHORT = 200;
const PROPERTY_RUNS_LONG = 5000;

/** Cases that each property is tried with. */
export const PROPERTY_RUNS = isLongForm ? PROPERTY_RUNS_LONG : PROPERTY_RUNS_SHORT;

/** Which cases of a numbered sequence are tried. */
export interface Stride {
  /** Index of the first one. */
  readonly offset: number;
  /** Distance to the next one. */
  readonly step: number;
}

/**
 * Returns which cases to try.
 *
 * @param every The short form tries one case in so many
 * @returns All cases in the long form
 */
export function strideOf(every: number): Stride {
  return isLongForm ? { offset: 0, step: 1 } : { offset: seedOfRun() % every, step: every };
}

/**
 * Picks the cases to try.
 *
 * @param all Every case
 * @param every The short form tries one case in so many
 * @returns All of them in the long form
 */
export function sampled<T>(all: Iterable<T>, every: number): readonly T[] {
  const { offset, step } = strideOf(every);
  return [...all].filter((_, index) => index % step === offset);
}

/**
 * Picks a size by the form.
 *
 * @param sizes One for each form
 * @returns The one of this run
 */
export function inForm(sizes: { readonly short: number; readonly long: number }): number {
  return isLongForm ? sizes.long : sizes.short;
}
