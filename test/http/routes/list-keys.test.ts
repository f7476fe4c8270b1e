import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { connect } from 'node:net';
import { findKeyFault } from '../../../src/events/key-name.js';
import { parseQuery, type QueryParameters } from '../../../src/http/query.js';
import { encodeCursor, nextLink, readListingQuery } from '../../../src/http/routes/list-keys.js';
import { fc } from '../../properties.js';
import { CONTEXT, set, storeInMemory } from '../../store/created-store.js';
import { suite } from '../../suite.js';
import { FAKE_TIME_MS } from '../fake-projects.js';
import { problemOf, withServer, type TestServer } from '../test-server.js';

const test = suite('list-keys');
const KEYS = '/api/v1/projects/alpha/keys';

function fill(server: TestServer, keys: readonly string[], valueOf: (key: string) => string = (key) => JSON.stringify(key)): void {
  const { entries } = server.projects.fakeStore('alpha').values;
  for (const key of keys) entries.set(key, { value: valueOf(key), seq: 2, tag: 0, timeMs: 0, expiresAtMs: null });
}

/** The decoded parameters of a query. */
function parametersOf(query: string): QueryParameters {
  return Object.fromEntries(parseQuery(query).map(({ name, value }) => [name, value ?? '']));
}

async function keysOf(server: TestServer, query: string): Promise<string[]> {
  const answer = await server.send('GET', `${KEYS}?values=false&${query}`);
  assert.equal(answer.status, 200, answer.text);
  return JSON.parse(answer.text) as string[];
}

test('a listing has every key and its value, sorted by UTF-8 bytes, as it was stored', () =>
  withServer(async (server) => {
    assert.equal((await server.send('GET', KEYS)).text, '{}');
    assert.equal((await server.send('GET', `${KEYS}?values=false`)).text, '[]');
    fill(server, ['b', '\ue000', '😀', 'a"', '10', '9'], () => '1.0');
    assert.equal((await server.send('GET', KEYS)).text, '{"10":1.0,"9":1.0,"a\\"":1.0,"b":1.0,"\ue000":1.0,"😀":1.0}');
    assert.equal(
      (await server.send('GET', `${KEYS}?values=true&reverse=false`)).headers['content-type'],
      'application/json; charset=utf-8',
    );
  }));

test('prefix, start, end and reverse select keys', () =>
  withServer(async (server) => {
    fill(server, ['a', 'b/1', 'b/2', 'b/3', 'c', 'd e', '+']);
    assert.deepEqual(await keysOf(server, 'prefix=b/'), ['b/1', 'b/2', 'b/3']);
    assert.deepEqual(await keysOf(server, 'start=b/2&end=c'), ['b/2', 'b/3']);
    assert.deepEqual(await keysOf(server, 'start=b/2&end=c&reverse=true'), ['b/3', 'b/2']);
    assert.deepEqual(await keysOf(server, 'prefix=d+'), ['d e']);
    assert.deepEqual(await keysOf(server, 'prefix=%2B'), ['+']);
  }));

test('pages linked by Link contain every key exactly once', () =>
  withServer(async (server) => {
    const keys = Array.from({ length: 25 }, (_, index) => `ü key/${String(index).padStart(2, '0')}`);
    fill(server, keys);
    for (const [query, expected] of [
      ['prefix=%C3%BC+&limit=10', keys],
      ['limit=7&reverse=true', keys.toReversed()],
      ['limit=25&start=%C3%BC', keys],
    ] as const) {
      let path: string | undefined = `${KEYS}?${query}&values=false`;
      const seen: string[] = [];
      for (let page = 0; path !== undefined && page < 10; page += 1) {
        const answer = await server.send('GET', path);
        seen.push(...(JSON.parse(answer.text) as string[]));
        const link = answer.headers['link'];
        path = link === undefined ? undefined : /^<([^>]+)>; rel="next"$/.exec(String(link))?.[1];
      }
      assert.deepEqual(seen, expected, query);
    }
  }));

test('long listings are built from pieces of at most 1,000 keys', () =>
  withServer(async (server) => {
    const keys = Array.from({ length: 2500 }, (_, index) => `k${String(index).padStart(5, '0')}`);
    fill(server, keys);
    const { values } = server.projects.fakeStore('alpha');
    let pieces = 0;
    values.onPiece = () => {
      pieces += 1;
    };
    assert.deepEqual(Object.keys(JSON.parse((await server.send('GET', KEYS)).text) as object), keys);
    assert.equal(pieces, 3);
    assert.deepEqual(await keysOf(server, 'limit=2500'), keys);
    assert.equal(pieces, 6);
  }));

test('a key deleted between the pieces of a page is left out, one that stays is listed once', () =>
  withServer(async (server) => {
    const keys = Array.from({ length: 1500 }, (_, index) => `k${String(index).padStart(5, '0')}`);
    fill(server, keys);
    const { values } = server.projects.fakeStore('alpha');
    let pieces = 0;
    values.onPiece = () => {
      pieces += 1;
      if (pieces === 2) for (const key of ['k00000', 'k01400']) values.entries.delete(key);
    };
    const page = Object.keys(JSON.parse((await server.send('GET', `${KEYS}?limit=1500`)).text) as object);
    assert.deepEqual(
      page,
      keys.filter((key) => key !== 'k00000' && key !== 'k01400'),
    );
  }));

test('HEAD of a listing has its headers and no body', () =>
  withServer(async (server) => {
    fill(server, ['a', 'b']);
    const answer = await server.send('HEAD', `${KEYS}?limit=1`);
    assert.equal(answer.status, 200);
    assert.match(String(answer.headers['link']), /rel="next"/);
    assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
    assert.equal(answer.bytes.length, 0);
  }));

test('count=true answers the number of keys of a range and the seq at which it holds', () =>
  withServer(async (server) => {
    const count = async (query: string): Promise<unknown> => JSON.parse((await server.send('GET', `${KEYS}?count=true${query}`)).text);
    assert.deepEqual(await count(''), { count: 0, seq: 1 });
    fill(server, ['a', 'b/1', 'b/2', 'b/3', 'c', 'd e', '+']);
    server.projects.fakeStore('alpha').seq = 8;
    assert.deepEqual(await count(''), { count: 7, seq: 8 });
    assert.deepEqual(await count('&prefix=b/'), { count: 3, seq: 8 });
    assert.deepEqual(await count('&start=b/2&end=c'), { count: 2, seq: 8 });
    assert.deepEqual(await count('&prefix=x'), { count: 0, seq: 8 });
    assert.deepEqual(await count('&start=c&end=b'), { count: 0, seq: 8 });
    const head = await server.send('HEAD', `${KEYS}?count=true`);
    assert.deepEqual([head.status, head.headers['content-length'], head.bytes.length], [200, String('{"count":7,"seq":8}'.length), 0]);
  }));

const ENTRIES = `${KEYS}?values=entries`;
const LINES = { headers: { Accept: 'application/x-ndjson' } };

test('values=entries lists key, version, time and value, the value last and token for token', () =>
  withServer(async (server) => {
    const empty = await server.send('GET', ENTRIES);
    assert.deepEqual([empty.text, empty.headers['content-type'], empty.headers.vary], ['[]', 'application/json; charset=utf-8', 'Accept']);
    const { entries } = server.projects.fakeStore('alpha').values;
    entries.set('9', { value: '{"a":1.0,"a":2}', seq: 7, tag: 0, timeMs: FAKE_TIME_MS, expiresAtMs: null });
    entries.set('10', { value: 'null', seq: 3, tag: 0, timeMs: 0, expiresAtMs: null });
    entries.set('a"\u2028', { value: '"\\ud800"', seq: 8, tag: 0, timeMs: 1, expiresAtMs: null });
    const expected = [
      '{"key":"10","seq":3,"modified_at":"1970-01-01T00:00:00.000Z","expires_at":null,"value":null}',
      '{"key":"9","seq":7,"modified_at":"2026-11-22T10:00:00.123Z","expires_at":null,"value":{"a":1.0,"a":2}}',
      '{"key":"a\\"\u2028","seq":8,"modified_at":"1970-01-01T00:00:00.001Z","expires_at":null,"value":"\\ud800"}',
    ];
    assert.equal((await server.send('GET', ENTRIES)).text, `[${expected.join(',')}]`);
    assert.equal((await server.send('GET', `${ENTRIES}&reverse=true`)).text, `[${expected.toReversed().join(',')}]`);
    assert.equal((await server.send('GET', `${ENTRIES}&start=9`)).text, `[${expected.slice(1).join(',')}]`);
    const lines = await server.send('GET', ENTRIES, LINES);
    assert.equal(lines.text, expected.map((line) => `${line}\n`).join(''));
    assert.deepEqual([lines.headers['content-type'], lines.headers.vary], ['application/x-ndjson; charset=utf-8', 'Accept']);
    assert.equal((await server.send('GET', `${ENTRIES}&prefix=x`, LINES)).text, '');
  }));

test('entries come in pages with a link, in either form', () =>
  withServer(async (server) => {
    const keys = Array.from({ length: 25 }, (_, index) => `k${String(index).padStart(2, '0')}`);
    fill(server, keys);
    for (const form of [{}, LINES]) {
      let path: string | undefined = `${ENTRIES}&limit=10`;
      const seen: string[] = [];
      for (let page = 0; path !== undefined && page < 10; page += 1) {
        const answer = await server.send('GET', path, form);
        const text = form === LINES ? `[${answer.text.trimEnd().split('\n').join(',')}]` : answer.text;
        seen.push(...(JSON.parse(text) as { key: string }[]).map(({ key }) => key));
        path = /^<([^>]+)>; rel="next"$/.exec(String(answer.headers['link']))?.[1];
      }
      assert.deepEqual(seen, keys);
    }
    const head = await server.send('HEAD', `${ENTRIES}&limit=10`, LINES);
    assert.deepEqual([head.status, head.headers['content-type'], head.bytes.length], [200, 'application/x-ndjson; charset=utf-8', 0]);
    assert.match(String(head.headers['link']), /values=entries&limit=10&cursor=.*rel="next"/);
  }));

test('a long listing of entries has every entry once, in either form', () =>
  withServer(async (server) => {
    const keys = Array.from({ length: 2500 }, (_, index) => `k${String(index).padStart(5, '0')}`);
    fill(server, keys);
    for (const query of ['', '&limit=2500']) {
      const array = JSON.parse((await server.send('GET', `${ENTRIES}${query}`)).text) as { key: string; value: string }[];
      assert.deepEqual(array.map(({ key }) => key), keys, query);
      assert.deepEqual(array.map(({ value }) => value), keys, query);
      const lines = (await server.send('GET', `${ENTRIES}${query}`, LINES)).text.split('\n');
      assert.equal(lines.pop(), '');
      assert.deepEqual(lines.map((line) => (JSON.parse(line) as { key: string }).key), keys, query);
    }
  }));

test('entries that Accept does not allow are 406, and other listings are JSON whatever it says', () =>
  withServer(async (server) => {
    for (const method of ['GET', 'HEAD']) {
      const answer = await server.send(method, ENTRIES, { headers: { Accept: 'text/html' } });
      assert.deepEqual([answer.status, answer.headers.vary], [406, 'Accept'], method);
      if (method === 'GET') assert.equal(problemOf(answer)['code'], 'not_acceptable');
      for (const query of ['', '?values=false', '?count=true']) {
        const other = await server.send(method, `${KEYS}${query}`, { headers: { Accept: 'text/html' } });
        assert.deepEqual([other.status, other.headers.vary], [200, undefined], `${method} ${query}`);
      }
    }
    // The API key and the query are checked before.
    const headers = { Accept: 'text/html' };
    assert.equal((await server.send('GET', ENTRIES, { headers, key: null })).status, 401);
    assert.equal((await server.send('GET', `${ENTRIES}&x=1`, { headers })).status, 400);
  }));

test('a count is exact at its seq, while keys are added', () =>
  withServer(async (server) => {
    const store = await storeInMemory();
    server.projects.realStores.set('alpha', store);
    let isOver = false;
    const writer = (async () => {
      for (let index = 0; !isOver; index += 1) {
        await store.submit(set(`k${index % 2}/${index}`), CONTEXT);
        // A log in memory answers without a turn of the event loop, which the requests need.
        await nextTurn();
      }
    })();
    for (let round = 0; round < 50; round += 1) {
      const [query, share] = round % 2 === 0 ? ['', 1] : ['&prefix=k1/', 2];
      const { count, seq } = JSON.parse((await server.send('GET', `${KEYS}?count=true${query}`)).text) as { count: number; seq: number };
      // The project was created by seq 1, and each line after it added a key, by turns with both prefixes.
      assert.equal(count, Math.floor((seq - 1) / share));
    }
    isOver = true;
    await writer;
  }));

test('invalid, repeated, empty and unknown parameters are refused', () =>
  withServer(async (server) => {
    const queries = [
      'limit=0',
      'limit=10001',
      'limit=-1',
      'limit=1.0',
      'limit=01',
      'limit=1e3',
      'limit=',
      'limit',
      'limit=1&limit=2',
      'prefix=',
      'unknown=1',
      'values=no',
      'values=Entries',
      'reverse=1',
      'reverse=TRUE',
      'cursor=*',
      'cursor=',
      'cursor=_w',
      'cursor=YQ==',
      'cursor=YR',
      'cursor=AA',
      'cursor=gIA',
      'Prefix=a',
      'prefix=%ff',
      'prefix=%',
      '&limit=1',
      'verbose',
      'count',
      'count=1',
      'count=TRUE',
      'count=true&count=true',
      'count=true&limit=1',
      'count=true&cursor=YQ',
      'count=true&values=true',
      'count=true&values=entries',
      'count=true&values=false',
      'count=true&reverse=false',
    ];
    for (const query of queries) assert.equal(problemOf(await server.send('GET', `${KEYS}?${query}`))['code'], 'invalid_query', query);
    for (const query of ['count=false&limit=1', 'count=true', 'limit=10000', 'limit=1', 'cursor=YQ', ''])
      assert.equal((await server.send('GET', `${KEYS}?${query}`)).status, 200, query);
  }));

test('a client that stops reading stops the listing, and one that disconnects ends it', () =>
  withServer(async (server) => {
    const keys = Array.from({ length: 20_000 }, (_, index) => `k${String(index).padStart(5, '0')}`);
    const value = JSON.stringify('x'.repeat(2000));
    fill(server, keys, () => value);
    const { values } = server.projects.fakeStore('alpha');
    let pieces = 0;
    values.onPiece = () => {
      pieces += 1;
    };
    const socket = connect({ port: server.port, host: '127.0.0.1' });
    socket.write(`GET ${KEYS} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${server.alphaKey}\r\nX-Request-Id: slow\r\n\r\n`);
    await new Promise((resolve) => socket.once('readable', resolve));
    await new Promise((resolve) => setTimeout(resolve, 500));
    const piecesWhileWaiting = pieces;
    assert.ok(piecesWhileWaiting < 15, `${piecesWhileWaiting} of 20 pieces were made for a client that reads nothing`);
    socket.destroy();
    assert.equal((await server.lineOf('slow'))['aborted'], true);
    assert.ok(pieces <= piecesWhileWaiting + 1);
  }));

test('an error in the middle of a listing cuts it off instead of ending it normally', () =>
  withServer(async (server) => {
    fill(
      server,
      Array.from({ length: 5000 }, (_, index) => `k${String(index).padStart(5, '0')}`),
      () => JSON.stringify('x'.repeat(100)),
    );
    const { values } = server.projects.fakeStore('alpha');
    let pieces = 0;
    values.onPiece = () => {
      pieces += 1;
      // The first four are sent together.
      if (pieces === 5) throw new Error('a defect');
    };
    await assert.rejects(server.send('GET', KEYS));
    values.onPiece = () => {
      throw new Error('a defect');
    };
    const answer = await server.send('GET', KEYS);
    assert.equal(problemOf(answer)['code'], 'internal_error');
  }));

test('readListingQuery() selects everything, ascending and with values, by default', () => {
  assert.deepEqual(readListingQuery({}), { range: { reverse: false }, what: 'members', limit: undefined, at: undefined });
});

test('readListingQuery() parses every parameter', () => {
  const query = readListingQuery(parametersOf('prefix=a&start=b&end=c&limit=10&cursor=YQ&reverse=true&values=false&at=57'));
  const range = { prefix: 'a', start: 'b', end: 'c', after: 'a', reverse: true };
  assert.deepEqual(query, { range, what: 'names', limit: 10, at: '57' });
  for (const [text, what] of Object.entries({ 'values=true': 'members', 'values=entries': 'entries', 'count=true': 'count' })) {
    assert.equal(readListingQuery(parametersOf(text)).what, what);
  }
});

test('a cursor encodes any key, and the link keeps the rest of the query', () => {
  const key = fc.string({ minLength: 1, maxLength: 50, unit: 'grapheme' }).filter((text) => findKeyFault(text) === undefined);
  fc.assert(
    fc.property(key, key, (last, prefix) => {
      const entries = parseQuery(`prefix=${encodeURIComponent(prefix)}&limit=5&cursor=${encodeCursor('old')}`);
      const target = /^<\/p\?(.*)>; rel="next"$/.exec(nextLink('/p', entries, last))?.[1] ?? '';
      assert.match(target, /^[\x21-\x7e]+$/);
      const { range, limit } = readListingQuery(parametersOf(target));
      assert.deepEqual([range.after, range.prefix, limit], [last, prefix, 5]);
    }),
  );
});

test.run();
