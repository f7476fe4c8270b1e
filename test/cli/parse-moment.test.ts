/** A point in a log is a seq or a time with its zone, and nothing else. */
import assert from 'node:assert/strict';
import { parseMoment, parseSeq } from '../../src/cli/parse-moment.js';
import { suite } from '../suite.js';

const test = suite('cli/parse-moment');

test('digits are a seq', () => {
  assert.deepEqual(parseMoment('1'), { seq: 1 });
  assert.equal(parseSeq('9007199254740991'), Number.MAX_SAFE_INTEGER);
});

test('a time has a zone, and may have a fraction', () => {
  const timeMs = Date.UTC(2026, 10, 22, 10, 0, 0, 120);
  for (const text of ['2026-11-22T10:00:00.12Z', '2026-11-22T11:00:00.120+01:00', '2026-11-22t10:00:00.1209z',
    '2026-11-22 05:00:00.12-05:00']) {
    assert.deepEqual(parseMoment(text), { timeMs }, text);
  }
  assert.deepEqual(parseMoment('2026-11-22T10:00:00Z'), { timeMs: timeMs - 120 });
});

test('anything else is neither', () => {
  for (const text of ['', '0', '-1', '1.5', '01', '9007199254740992', '2026-11-22', '2026-11-22T10:00:00', '2026-02-30T10:00:00Z', 'now',
    '2026-11-22T25:00:00Z', '2026-11-22T10:00Z']) assert.equal(parseMoment(text), undefined, text);
});

test.run();
