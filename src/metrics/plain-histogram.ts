/**
 * A histogram as plain numbers. To add a value costs a few comparisons: hot paths call it.
 */

/** Counts values by size. */
export class PlainHistogram {
  /** Upper bounds of the buckets, inclusive, ascending; one more bucket has what is above. */
  readonly bounds: readonly number[];
  /** Values in each bucket alone. */
  readonly #counts: Float64Array;
  #sum = 0;
  #count = 0;

  /** @param bounds ascending, without infinity */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  /** Adds a value. */
  add(value: number): void {
    const { bounds } = this;
    let bucket = 0;
    // Few buckets, and most values are in the first ones.
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket += 1;
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.#sum += value;
    this.#count += 1;
  }

  /** Number of values. */
  get count(): number {
    return this.#count;
  }

  /** The sum of all values. */
  get sum(): number {
    return this.#sum;
  }

  /** Number of values up to each bound, and of all. */
  cumulated(): Float64Array {
    const cumulated = this.counts();
    for (let bucket = 1; bucket < cumulated.length; bucket += 1) {
      cumulated[bucket] = (cumulated[bucket] as number) + (cumulated[bucket - 1] as number);
    }
    return cumulated;
  }

  /** Number of values in each bucket. A copy. */
  counts(): Float64Array {
    return this.#counts.slice();
  }

  /**
   * Estimates a quantile of the values that were added since an earlier moment, evenly spread within their bucket.
   *
   * @param since {@link PlainHistogram.counts} at that moment
   * @param share from 0 to 1
   * @returns NaN if there were none; the highest bound for a value above it
   */
  quantileSince(since: Float64Array, share: number): number {
    const counts = this.#counts.map((count, bucket) => count - (since[bucket] as number));
    const wanted = share * counts.reduce((sum, count) => sum + count, 0);
    if (wanted === 0) return Number.NaN;
    let below = 0;
    for (const [bucket, upper] of this.bounds.entries()) {
      const count = counts[bucket] as number;
      if (count > 0 && below + count >= wanted) {
        const lower = this.bounds[bucket - 1] ?? 0;
        return lower + ((upper - lower) * (wanted - below)) / count;
      }
      below += count;
    }
    return this.bounds.at(-1) ?? Number.NaN;
  }
}
