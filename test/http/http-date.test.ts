import assert from 'node:assert/strict';
import { httpDate } from '../../src/http/http-date.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';

const test = suite('http-date');

const YEAR_10000_MS = 253_402_300_800_000;

test('a date is that of toUTCString(), remembered or not', () => {
  fc.assert(fc.property(fc.integer({ min: -YEAR_10000_MS, max: YEAR_10000_MS - 1 }), (timeMs) => {
    for (const time of [timeMs, timeMs + 1, timeMs]) assert.equal(httpDate(time), new Date(Math.floor(time / 1000) * 1000).toUTCString());
  }));
});

test('times that share a place of the memory keep their own dates', () => {
  const second = 1_795_341_600;
  for (const time of [second, second + 256, second, -second, second + 512, second]) {
    assert.equal(httpDate(time * 1000), new Date(time * 1000).toUTCString());
  }
});

test.run();
