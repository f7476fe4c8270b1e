/** A point in a log is a seq, a time, a day or an age; ambiguous texts are refused. */
import assert from 'node:assert/strict';
import { UsageError } from '../../src/cli/exit-codes.js';
import { dependsOnMachine, parseMoment, parseSeq } from '../../src/cli/parse-moment.js';
import { suite } from '../suite.js';

const test = suite('cli/parse-moment');
const NOW_MS = Date.UTC(2026, 10, 28, 15, 30);

/** Runs a piece of a test in a time zone. */
function inZone(zone: string, body: () => void): void {
  const before = process.env['TZ'];
  process.env['TZ'] = zone;
  try {
    body();
  } finally {
    if (before === undefined) delete process.env['TZ'];
    else process.env['TZ'] = before;
  }
}

function refusedAs(text: string, reason: RegExp): void {
  assert.throws(() => parseMoment(text, NOW_MS), (error: unknown) => {
    assert.ok(error instanceof UsageError, text);
    assert.match(error.message, reason);
    return true;
  });
}

test('a number is a seq', () => {
  assert.deepEqual(parseMoment('1', NOW_MS), { seq: 1 });
  assert.equal(parseSeq('9007199254740991'), Number.MAX_SAFE_INTEGER);
});

test('a time with a zone means the same on every machine, and may have a fraction', () => {
  const timeMs = Date.UTC(2026, 10, 22, 10, 0, 0, 120);
  for (const text of ['2026-11-22T10:00:00.12Z', '2026-11-22T11:00:00.120+01:00', '2026-11-22t10:00:00.1209z',
    '2026-11-22 05:00:00.12-05:00']) {
    inZone('Asia/Tokyo', () => assert.deepEqual(parseMoment(text, NOW_MS), { timeMs }, text));
    assert.equal(dependsOnMachine(text), false, text);
  }
  assert.deepEqual(parseMoment('2026-11-22T10:00Z', NOW_MS), { timeMs: timeMs - 120 });
});

test('a time without a zone is in the zone of this machine, and a day is its first moment', () => {
  inZone('Europe/Berlin', () => {
    assert.deepEqual(parseMoment('2026-11-28T15:00', NOW_MS), { timeMs: Date.UTC(2026, 10, 28, 14) });
    assert.deepEqual(parseMoment('2026-07-01 15:00:30', NOW_MS), { timeMs: Date.UTC(2026, 6, 1, 13, 0, 30) });
    assert.deepEqual(parseMoment('2026-11-28', NOW_MS), { timeMs: Date.UTC(2026, 10, 27, 23) });
  });
  inZone('UTC', () => assert.deepEqual(parseMoment('2026-11-28', NOW_MS), { timeMs: Date.UTC(2026, 10, 28) }));
  assert.ok(['2026-11-28', '2026-11-28T15:00', '-5m'].every(dependsOnMachine));
});

test('an age is relative to now', () => {
  const agos = [['-30s', 30_000], ['-5m', 300_000], ['-2h', 7_200_000], ['-1d', 86_400_000], ['-1w', 604_800_000]] as const;
  for (const [text, agoMs] of agos) {
    assert.deepEqual(parseMoment(text, NOW_MS), { timeMs: NOW_MS - agoMs }, text);
  }
});

test('a local time that the clocks showed twice or never is refused, with advice', () => {
  inZone('Europe/Berlin', () => {
    refusedAs('2026-10-25T02:30', /twice; write 2026-10-25T00:30:00\.000Z or 2026-10-25T01:30:00\.000Z/);
    refusedAs('2026-03-29T02:30', /Europe\/Berlin skipped/);
    assert.deepEqual(parseMoment('2026-10-25T03:30', NOW_MS), { timeMs: Date.UTC(2026, 9, 25, 2, 30) });
  });
  // Samoa went from one side of the date line to the other, and had no such day.
  inZone('Pacific/Apia', () => refusedAs('2011-12-30T12:00', /skipped/));
});

test('a time in the future is refused', () => {
  inZone('UTC', () => {
    for (const text of ['2026-11-28T15:31', '2026-11-29', '2027-01-01T00:00:00Z']) refusedAs(text, /is in the future; omit --until/);
  });
});

test('any other text is refused, with the accepted forms', () => {
  for (const text of ['', '0', '-1', '1.5', '01', '9007199254740992', 'now', 'yesterday', '28.11.2026', '11/28/2026', '-5x', '5m',
    '2026-11-22T10', '2026-11-22Z']) refusedAs(text, /expected a seq such as/);
  for (const text of ['2026-02-30', '2026-02-30T10:00:00Z', '2026-11-22T25:00:00Z', '2026-11-22T23:59:60Z']) refusedAs(text, /calendar/);
  refusedAs('2026-11-22T10:00:00+25:00', /zone/);
  refusedAs('-999999999d', /before 1970/);
});

test.run();
