import assert from 'node:assert/strict';
import fc from 'fast-check';
import { findKeyFault } from '../../../../src/events/key-name.js';
import { parseQuery } from '../../../../src/http/query.js';
import { encodeCursor, nextLink, readListingQuery } from '../../../../src/http/routes/keys/listing-query.js';
import { suite } from '../../../suite.js';

const test = suite('listing-query');

test('readListingQuery() gives everything, ascending and with values, where nothing is said', () => {
  assert.deepEqual(readListingQuery([]), { range: { reverse: false }, withValues: true, limit: undefined });
});

test('readListingQuery() reads every parameter', () => {
  const query = readListingQuery(parseQuery('prefix=a&start=b&end=c&limit=10&cursor=YQ&reverse=true&values=false'));
  assert.deepEqual(query, { range: { prefix: 'a', start: 'b', end: 'c', after: 'a', reverse: true }, withValues: false, limit: 10 });
});

test('a cursor brings any key back, and the link keeps the rest of the query', () => {
  const key = fc.string({ minLength: 1, maxLength: 50, unit: 'grapheme' }).filter((text) => findKeyFault(text) === undefined);
  fc.assert(
    fc.property(key, key, (last, prefix) => {
      const entries = parseQuery(`prefix=${encodeURIComponent(prefix)}&limit=5&cursor=${encodeCursor('old')}`);
      const target = /^<\/p\?(.*)>; rel="next"$/.exec(nextLink('/p', entries, last))?.[1] ?? '';
      assert.match(target, /^[\x21-\x7e]+$/);
      const { range, limit } = readListingQuery(parseQuery(target));
      assert.deepEqual([range.after, range.prefix, limit], [last, prefix, 5]);
    }),
    { numRuns: 300 },
  );
});

test.run();
