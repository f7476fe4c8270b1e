/**
 * Many operations, in as many batches as they need.
 */

/** Operations of a batch, at most: the default of `limits.max_batch_ops`. */
const BATCH_OPS_MAX = 1000;

/** Yields items in their order, as many at a time as a batch takes. */
export function* partsOf<T>(items: readonly T[]): Generator<readonly T[], void, undefined> {
  for (let from = 0; from < items.length; from += BATCH_OPS_MAX) yield items.slice(from, from + BATCH_OPS_MAX);
}
