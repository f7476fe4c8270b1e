import assert from 'node:assert/strict';
import { PlainHistogram } from '../../src/metrics/plain-histogram.js';
import { histogramSamples } from '../../src/metrics/sample.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';

const test = suite('plain-histogram');
const BOUNDS = [1, 2.5, 10];

test('a value counts in the first bucket whose bound it does not exceed, and in all after it', () => {
  fc.assert(fc.property(fc.array(fc.float({ min: 0, max: 20, noNaN: true })), (values) => {
    const histogram = new PlainHistogram(BOUNDS);
    for (const value of values) histogram.add(value);
    const upTo = (bound: number): number => values.filter((value) => value <= bound).length;
    assert.deepEqual([...histogram.cumulated()], [...BOUNDS.map(upTo), values.length]);
    assert.equal(histogram.sum, values.reduce((sum, value) => sum + value, 0));
    assert.equal(histogram.count, values.length);
  }));
});

test('the samples are those of a histogram of Prometheus', () => {
  const histogram = new PlainHistogram(BOUNDS);
  for (const value of [0.5, 2, 2, 99]) histogram.add(value);
  assert.deepEqual([...histogramSamples(histogram, { route: '/a' })], [
    { part: 'bucket', value: 1, labels: { route: '/a', le: '1' } },
    { part: 'bucket', value: 3, labels: { route: '/a', le: '2.5' } },
    { part: 'bucket', value: 3, labels: { route: '/a', le: '10' } },
    { part: 'bucket', value: 4, labels: { route: '/a', le: '+Inf' } },
    { part: 'sum', value: 103.5, labels: { route: '/a' } },
    { part: 'count', value: 4, labels: { route: '/a' } },
  ]);
});

test('a quantile lies in the bucket of the value of that rank, and only counts what was added since', () => {
  fc.assert(fc.property(
    fc.array(fc.float({ min: 0, max: 10, noNaN: true })), fc.array(fc.float({ min: 0, max: 10, noNaN: true }), { minLength: 1 }),
    fc.constantFrom(0.5, 0.9, 0.99, 1),
    (before, after, share) => {
      const histogram = new PlainHistogram(BOUNDS);
      for (const value of before) histogram.add(value);
      const since = histogram.counts();
      for (const value of after) histogram.add(value);
      const ranked = after.toSorted((a, b) => a - b)[Math.ceil(share * after.length) - 1] ?? 0;
      const upper = BOUNDS.find((bound) => ranked <= bound) ?? 0;
      const lower = BOUNDS[BOUNDS.indexOf(upper) - 1] ?? 0;
      const quantile = histogram.quantileSince(since, share);
      assert.ok(quantile > lower && quantile <= upper, `${quantile} for ${ranked}`);
    },
  ));
});

test('a quantile of nothing is not known, and one above all bounds is the highest bound', () => {
  const histogram = new PlainHistogram(BOUNDS);
  assert.ok(Number.isNaN(histogram.quantileSince(histogram.counts(), 0.5)));
  const since = histogram.counts();
  histogram.add(1000);
  assert.equal(histogram.quantileSince(since, 0.99), 10);
});

test.run();
