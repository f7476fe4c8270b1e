import assert from 'node:assert/strict';
import { parsePosition, readEventsQuery } from '../../../src/http/events/events-query.js';
import { checkQuery, parseQuery } from '../../../src/http/query.js';
import { QUERY_CHECKS } from '../../../src/http/route-schemas.js';
import { suite } from '../../suite.js';

const test = suite('events-query');

function read(raw: string): ReturnType<typeof readEventsQuery> {
  const check = QUERY_CHECKS.get('listEvents');
  assert.ok(check);
  return readEventsQuery(checkQuery(parseQuery(raw), check));
}

test('an empty query asks for the first events', () => {
  assert.deepEqual(read(''), {
    since: undefined, until: undefined, filter: { key: undefined, prefix: undefined, op: undefined, actor: undefined }, limit: undefined,
    isNewestFirst: false, waitMs: undefined, isFollowed: false,
  });
});

test('every parameter is parsed', () => {
  const query = 'since=3-0123abcd&until=now&key=a%2Fb&prefix=a+&op=set&actor=project:p%23ff&limit=1000&order=desc'
    + '&wait_seconds=300&follow=true';
  assert.deepEqual(read(query), {
    since: { kind: 'seq', seq: 3, hash: '0123abcd' }, until: { kind: 'now' },
    filter: { key: 'a/b', prefix: 'a ', op: 'set', actor: 'project:p#ff' }, limit: 1000, isNewestFirst: true,
    waitMs: 300_000, isFollowed: true,
  });
});

test('times are RFC 3339, and exist', () => {
  const since = (text: string): unknown => read(`since=${encodeURIComponent(text)}`).since;
  const timeMs = Date.UTC(2026, 10, 22, 10, 0, 0, 123);
  assert.deepEqual(since('2026-11-22T10:00:00.123Z'), { kind: 'time', timeMs });
  assert.deepEqual(since('2026-11-22T12:00:00.1239+02:00'), { kind: 'time', timeMs });
  assert.deepEqual(since('2026-11-22t10:00:00z'), { kind: 'time', timeMs: timeMs - 123 });
  for (const text of ['2026-02-30T00:00:00Z', '2026-11-22', '2026-11-22T10:00:00', '2026-13-01T00:00:00Z', '2026-11-22T10:00:00+99:00']) {
    assert.throws(() => since(text), { code: 'invalid_query' }, text);
  }
});

test('a position is a seq, perhaps with the beginning of a hash', () => {
  assert.deepEqual(parsePosition('0'), { kind: 'seq', seq: 0, hash: undefined });
  assert.deepEqual(parsePosition('9007199254740991'), { kind: 'seq', seq: Number.MAX_SAFE_INTEGER, hash: undefined });
  for (const text of ['-1', '1e9', '01', '1.0', '9007199254740992', '1-', '1-0123ABCD', '1-0123abc', '1-0123abcde', '', ' 1', '0x1']) {
    assert.equal(parsePosition(text), undefined, text);
  }
});

test('hostile queries are refused', () => {
  const hostile = [
    'since', 'since=', 'since=-1', 'since=1e99', 'since=abc', 'until=1-xyz', 'key=', `key=${'k'.repeat(1025)}`, 'key=%00', 'prefix=', 'op=',
    'op=SET', 'op=a%20b', `op=${'a'.repeat(65)}`, 'actor=a%22b', 'actor=%0a', 'limit=0', 'limit=1001', 'limit=-1', 'limit=1.5', 'limit=',
    'order=up', 'order=', 'wait_seconds=0', 'wait_seconds=301', 'wait_seconds=1e2', 'follow=yes', 'follow=', 'unknown=1', 'Since=1',
    'limit=1&limit=1', 'since=0&since=0', '=1', 'since=%zz', 'since=%ff', '__proto__=1', 'constructor=1',
  ];
  for (const raw of hostile) assert.throws(() => read(raw), { code: 'invalid_query' }, raw);
});

test('the refusal of an operation names those that there are', () => {
  for (const op of ['put', 'project.deleted', '__proto__', 'access.list']) {
    const known = /must be one of project\.create, .*, set, .*, clear\.range, /;
    assert.throws(() => read(`op=${op}`), known, op);
  }
  assert.equal(read('op=clear.range').filter.op, 'clear.range');
});

test('the refusal of a key says what a key is', () => {
  for (const raw of [`key=${'k'.repeat(1025)}`, 'key=%00']) {
    assert.throws(() => read(raw), /the parameter "key" must be a key: 1 to 1024 bytes of UTF-8 without control characters/, raw);
  }
});

test.run();
