/**
 * Samples: what a series shows at a scrape.
 */
import type { PlainHistogram } from './plain-histogram.js';

/** The labels of a series. */
export type Labels = Readonly<Record<string, string>>;

/** The value of a series. */
export interface Sample {
  readonly value: number;
  readonly labels?: Labels;
  /** Of a histogram or a summary: which of its series it is. */
  readonly part?: 'bucket' | 'sum' | 'count';
}

/** The series of a histogram with the given labels. */
export function* histogramSamples(histogram: PlainHistogram, labels: Labels = {}): Generator<Sample> {
  const cumulated = histogram.cumulated();
  for (const [bucket, bound] of histogram.bounds.entries()) {
    yield { part: 'bucket', value: cumulated[bucket] as number, labels: { ...labels, le: String(bound) } };
  }
  const count = cumulated.at(-1) ?? 0;
  yield { part: 'bucket', value: count, labels: { ...labels, le: '+Inf' } };
  yield { part: 'sum', value: histogram.sum, labels };
  yield { part: 'count', value: count, labels };
}
