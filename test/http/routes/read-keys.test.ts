/** Reads of many keys at once, over real stores: one in memory, one with its values on disk. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { generateApiKey } from '../../../src/auth/api-key.js';
import { AppError } from '../../../src/base/app-error.js';
import { hashGenerated } from '../../../src/auth/key-hash.js';
import { ProjectModel } from '../../../src/projections/project-model.js';
import { ValueCache } from '../../../src/projections/value-cache.js';
import { ProjectStore } from '../../../src/store/project-store.js';
import { redactedLineOf } from '../../../src/store/redacted-line.js';
import { CONTEXT, create, remove, set } from '../../store/created-store.js';
import { PlacedLog } from '../../store/placed-log.js';
import { suite } from '../../suite.js';
import { type Answer, problemOf, withServer, type TestServer } from '../test-server.js';

const test = suite('read-keys');

const READ = '/api/v1/projects/alpha/read';
const ALPHA = { kind: 'project', project: 'alpha' } as const;

interface Entry {
  readonly key: string;
  readonly seq: number;
  readonly etag?: string;
  readonly expires_at?: null;
  readonly value?: unknown;
}

interface ReadAnswer {
  readonly seq: number;
  readonly entries: readonly Entry[];
}

/** Gives the project `alpha` a real store. */
async function makeReal(server: TestServer, isCaching: boolean, values: Readonly<Record<string, string>>): Promise<PlacedLog> {
  const log = new PlacedLog();
  const store = new ProjectStore({ log, model: new ProjectModel({ isCaching }), cache: new ValueCache(1) });
  await store.submit(create(), CONTEXT);
  for (const [key, value] of Object.entries(values)) await store.submit(set(key, value), CONTEXT);
  server.projects.realStores.set('alpha', store);
  return log;
}

/** The ETag of a key of the real store. */
function etagOf(server: TestServer, key: string): string {
  const { seq = 0, tag = 0 } = server.projects.realStores.get('alpha')?.values.get(key) ?? {};
  return `"${seq}-${tag.toString(16).padStart(8, '0')}"`;
}

async function read(server: TestServer, body: object): Promise<ReadAnswer> {
  const answer = await server.send('POST', READ, { body: JSON.stringify(body) });
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual([answer.headers['content-type'], answer.headers['cache-control']], ['application/json; charset=utf-8', 'no-store']);
  return JSON.parse(answer.text) as ReadAnswer;
}

for (const isCaching of [true, false]) {
  const where = isCaching ? 'in memory' : 'on disk';

  test(`entries ${where} come in the order asked for, with the value last and token for token`, () =>
    withServer(async (server) => {
      await makeReal(server, isCaching, { b: '{"ü":1.0,  "ü":9007199254740993}', a: 'null', 'x"\u2028/': '"\\ud800"' });
      const keys = ['a', 'x"\u2028/', 'none', 'b', 'a'];
      const answer = await server.send('POST', READ, { body: JSON.stringify({ keys }) });
      const etagTextOf = (key: string): string => JSON.stringify(etagOf(server, key));
      const a = `{"key":"a","seq":3,"etag":${etagTextOf('a')},"expires_at":null,"value":null}`;
      assert.equal(answer.text, `{"seq":4,"entries":[${[
        a,
        `{"key":"x\\"\u2028/","seq":4,"etag":${etagTextOf('x"\u2028/')},"expires_at":null,"value":"\\ud800"}`,
        '{"key":"none","seq":0}',
        `{"key":"b","seq":2,"etag":${etagTextOf('b')},"expires_at":null,"value":{"ü":1.0,  "ü":9007199254740993}}`,
        a,
      ].join(',')}]}`);
      const { etag } = (await read(server, { keys: ['a'] })).entries[0] ?? {};
      assert.equal(etag, (await server.send('GET', '/api/v1/projects/alpha/keys/a')).headers.etag);
    }));

  test(`values:false leaves the value ${where} out, and reads nothing from disk`, () =>
    withServer(async (server) => {
      const log = await makeReal(server, isCaching, { a: '1' });
      assert.deepEqual(await read(server, { keys: ['none', 'a'], values: false }), {
        seq: 2, entries: [{ key: 'none', seq: 0 }, { key: 'a', seq: 2, etag: etagOf(server, 'a'), expires_at: null }],
      });
      assert.equal(log.reads.length, 0);
    }));

  test(`a long answer of values ${where} is of one moment, while all of them change`, () =>
    withServer(async (server) => {
      const keys = Array.from({ length: 400 }, (_, index) => `k${index}`);
      const value = `"${'x'.repeat(5000)}"`;
      await makeReal(server, isCaching, Object.fromEntries(keys.map((key) => [key, value])));
      const store = server.projects.store('alpha');
      let isOver = false;
      const writer = (async () => {
        for (let round = 0; !isOver; round += 1) {
          const key = keys[(round * 7) % keys.length] ?? '';
          await store.submit(round % 3 === 0 && store.values.versionOf(key) > 0 ? remove(key) : set(key, `"${round}"`), CONTEXT);
          if (round % 5 === 0) await new Promise((resolve) => setImmediate(resolve));
        }
      })();
      for (let round = 0; round < 5; round += 1) {
        const { seq, entries } = await read(server, { keys });
        assert.deepEqual(entries.map(({ key }) => key), keys);
        for (const entry of entries) {
          assert.ok(entry.seq <= seq, `${entry.key} of seq ${entry.seq} in a read of seq ${seq}`);
          assert.equal('value' in entry, entry.seq > 0);
          // The first values were written by the seqs up to the number of keys and the creation.
          if (entry.seq > 0) assert.equal(entry.value === value.slice(1, -1), entry.seq <= keys.length + 1);
        }
      }
      isOver = true;
      await writer;
    }));
}

test('a wrong body is refused by its type, size, syntax and shape', () =>
  withServer(async (server) => {
    const ask = async (body: string, headers: Readonly<Record<string, string>> = {}): Promise<readonly unknown[]> => {
      const answer = await server.send('POST', READ, { body, headers });
      const { code, limit, actual, pointer } = problemOf(answer);
      return [answer.status, code, pointer ?? limit, actual].filter((fact) => fact !== undefined);
    };
    const many = JSON.stringify({ keys: Array.from({ length: 1001 }, (_, index) => `k${index}`) });
    assert.deepEqual(await ask(many), [400, 'too_many_keys', 1000, 1001]);
    assert.deepEqual(await ask('{"keys":["a"],"x":1}'), [400, 'invalid_body', '/x']);
    assert.deepEqual(await ask('{"keys":["a"],"keys":["b"]}'), [400, 'invalid_body', '/keys']);
    assert.deepEqual(await ask('{"keys":[]}'), [400, 'invalid_body', '/keys']);
    assert.deepEqual(await ask(`{"keys":["a","${'x'.repeat(1025)}"]}`), [400, 'invalid_key', '/keys/1', 1025]);
    assert.deepEqual(await ask('{"keys":["\\u0007"]}'), [400, 'invalid_key', '/keys/0']);
    assert.deepEqual(await ask('{"keys":["a"'), [400, 'invalid_json']);
    assert.deepEqual(await ask('['.repeat(100_000)), [400, 'invalid_json']);
    assert.deepEqual(await ask(''), [400, 'empty_body']);
    assert.deepEqual(await ask('{"keys":["a"]}', { 'Content-Type': 'text/plain' }), [415, 'unsupported_media_type']);
    assert.deepEqual(await ask('{"keys":["a"]}', { 'Content-Encoding': 'gzip' }), [415, 'unsupported_content_encoding']);
    assert.deepEqual(await ask(' '.repeat(4_194_305)), [413, 'body_too_large', 4_194_304, 4_194_305]);
    assert.deepEqual(await ask('{"keys":["a"]}', { 'If-Match': '*' }), [400, 'invalid_precondition']);
    assert.equal(problemOf(await server.send('POST', `${READ}?values=false`, { body: '{"keys":["a"]}' }))['code'], 'invalid_query');
    assert.deepEqual((await server.send('POST', READ, { body: `{"keys":["a"]}${' '.repeat(4_194_290)}` })).status, 200);
    for (const method of ['GET', 'PUT', 'DELETE']) assert.equal((await server.send(method, READ)).headers.allow, 'POST, OPTIONS', method);
  }));

test('a caller whose API key is replaced while values are read from disk learns nothing', () =>
  withServer(async (server) => {
    const log = await makeReal(server, false, { a: '"secret"' });
    log.beforeRead = () => server.keyring.setKey(ALPHA, { hash: hashGenerated(generateApiKey('project')) });
    const answer = await server.send('POST', READ, { key: server.alphaKey, body: '{"keys":["a"]}' });
    assert.deepEqual([answer.status, problemOf(answer)['code']], [401, 'unauthorized']);
    assert.doesNotMatch(answer.text, /secret/);
  }));

test('a read of an earlier moment has the values of then, and is refused if one was erased or the state is gone', () =>
  withServer(async (server) => {
    await makeReal(server, true, { a: '"old"', b: '"erased"' });
    const store = server.projects.store('alpha');
    const { seq } = store;
    await store.submit(remove('b'), CONTEXT);
    const line = redactedLineOf(await store.feed.lineAt(seq));
    assert.ok(line);
    await store.submit({ type: 'redact', reason: 'asked', lines: [line] }, CONTEXT);
    const readThen = async (...keys: readonly string[]): Promise<Answer> => (
      await server.send('POST', `${READ}?at=${seq}`, { body: JSON.stringify({ keys }) })
    );
    const then = await readThen('a', 'none');
    assert.match(then.text, /^\{"seq":3,"entries":\[\{"key":"a","seq":2,.*"value":"old"\},\{"key":"none","seq":0\}\]\}$/);
    const erased = await readThen('a', 'b');
    assert.deepEqual([erased.status, problemOf(erased)['code'], problemOf(erased)['seq']], [410, 'value_redacted', seq]);
    const facts = { oldest_seq: 3, snapshot_seq: null };
    server.projects.pastState = () => Promise.reject(new AppError('history_gone', 'The lines of then are gone', { facts }));
    // More keys than are searched in their histories.
    const gone = await readThen('a', 'c', 'd', 'e', 'f');
    assert.deepEqual([gone.status, problemOf(gone)['code'], problemOf(gone)['oldest_seq']], [410, 'history_gone', 3]);
  }));

test('a damaged value at the start is a problem, one further on cuts the answer off', () =>
  withServer(async (server) => {
    const log = await makeReal(server, false, { a: '"first"', b: `"${'x'.repeat(200_000)}"`, c: '"last"' });
    await read(server, { keys: ['c'] });
    for (const place of log.reads.splice(0)) log.damage(place);
    assert.equal(problemOf(await server.send('POST', READ, { body: '{"keys":["c","a"]}' }))['code'], 'project_corrupt');
    await assert.rejects(server.send('POST', READ, { body: '{"keys":["a","b","c"]}' }));
    assert.equal((await read(server, { keys: ['c'], values: false })).entries.length, 1);
  }));

test('a client that reads nothing holds one piece of values, and nothing once it has left', () =>
  withServer(async (server) => {
    const keys = Array.from({ length: 100 }, (_, index) => `k${index}`);
    await makeReal(server, true, Object.fromEntries(keys.map((key) => [key, `"${'x'.repeat(100_000)}"`])));
    const store = server.projects.store('alpha');
    let looks = 0;
    const { values } = store;
    const get = values.get.bind(values);
    values.get = (key) => {
      looks += 1;
      return get(key);
    };
    const body = JSON.stringify({ keys });
    const socket = connect({ port: server.port, host: '127.0.0.1' });
    socket.write(`POST ${READ} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${server.alphaKey}\r\nX-Request-Id: slow\r\n`
      + `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    await new Promise((resolve) => socket.once('readable', resolve));
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.ok(looks < 150, `${looks} look-ups for a client that reads nothing`);
    const keptFor = async (key: string): Promise<number> => {
      looks = 0;
      await store.submit(set(key), CONTEXT);
      return looks;
    };
    // Kept before it changes, since the read still needs it.
    assert.equal(await keptFor('k99'), 1);
    socket.destroy();
    assert.equal((await server.lineOf('slow'))['aborted'], true);
    assert.equal(await keptFor('k98'), 0);
  }));

test.run();
