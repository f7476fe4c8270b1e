import assert from 'node:assert/strict';
import { acceptable } from '../../src/http/accept.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';

const test = suite('accept');

const JSON_TYPE = 'application/json';
const LINES_TYPE = 'application/x-ndjson';
const OFFERED = [JSON_TYPE, LINES_TYPE] as const;
const NONE = undefined;

test('the type of the highest quality is chosen, then the one that is named, then the one that is named first', () => {
  const table: readonly (readonly [string | undefined, string | undefined])[] = [
    [undefined, JSON_TYPE],
    ['', JSON_TYPE],
    [' ', JSON_TYPE],
    ['*/*', JSON_TYPE],
    ['application/*', JSON_TYPE],
    ['application/json', JSON_TYPE],
    ['application/x-ndjson', LINES_TYPE],
    ['APPLICATION/X-NDJSON', LINES_TYPE],
    ['application/x-ndjson, */*', LINES_TYPE],
    ['*/*, application/x-ndjson', LINES_TYPE],
    ['application/x-ndjson;q=0.5, */*', JSON_TYPE],
    ['application/x-ndjson;q=0.5, */*;q=0.5', LINES_TYPE],
    ['application/json, application/x-ndjson', JSON_TYPE],
    ['application/x-ndjson, application/json', LINES_TYPE],
    ['application/json;q=0.9,application/x-ndjson;q=0.91', LINES_TYPE],
    ['application/json;q=0, */*', LINES_TYPE],
    ['application/json ; q=0.000 , application/* ; Q=0.001', LINES_TYPE],
    ['*/*;q=0, application/json', JSON_TYPE],
    ['application/json;charset=utf-8', JSON_TYPE],
    ['application/x-ndjson;a="b, c; q=0";q=1', LINES_TYPE],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', JSON_TYPE],
    [',, application/x-ndjson ,', LINES_TYPE],
    ['application/x-ndjson;q=0.4, application/x-ndjson;q=0.6, application/json;q=0.5', LINES_TYPE],
  ];
  for (const [header, expected] of table) assert.equal(acceptable(header, OFFERED), expected, header);
});

test('nothing is chosen where nothing is acceptable, and what is not a range accepts nothing', () => {
  const headers = [
    'text/html', 'text/*', '*/json', '*', 'application', 'application/', 'application/json;q=0', '*/*;q=0', 'application/*;q=0.000',
    'application/json;q=2', 'application/json;q=1.1', 'application/json;q=-1', 'application/json;q=.5', 'application/json;q=0.5555',
    'application/json;q=', 'application/json;q=x', 'application/json;q=1e0', '"application/json"', 'application/json2', 'q=1', ',', ';',
    'application/json text/html', '\u0000',
  ];
  for (const header of headers) assert.equal(acceptable(header, OFFERED), NONE, header);
});

test('any header is read in time that grows with its length', () => {
  fc.assert(fc.property(fc.string(), (header) => {
    const chosen = acceptable(header, OFFERED);
    assert.ok(chosen === undefined || OFFERED.includes(chosen));
  }));
  for (const piece of ['"', '\\', '"\\', ',', ';', ';q=', 'a/b;', '*/*;q=0,', '" ,']) {
    const startedMs = performance.now();
    acceptable(piece.repeat(100_000), OFFERED);
    assert.ok(performance.now() - startedMs < 2000, piece);
  }
});

test.run();
