/** The event route over a real store in memory: pages, their query, and the choice of the media type. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { MemoryLog } from '../../../src/log/memory-log.js';
import type { ProjectStore } from '../../../src/store/project-store.js';
import { CONTEXT, create, remove, set, storeOver } from '../../store/created-store.js';
import { suite } from '../../suite.js';
import { problemOf, withServer, type Answer, type Sent, type TestServer, type TestServerOptions } from '../test-server.js';

const test = suite('events-routes');
const EVENTS = '/api/v1/projects/alpha/events';

interface Page {
  readonly events: readonly { readonly seq: number; readonly op: string; readonly key?: string; readonly hash: string }[];
  readonly last_seq: number;
}

/** Gives `alpha` a store over a log in memory that keeps so many bytes. */
async function realStore(server: TestServer, keptBytesMax = 1_000_000, base?: { seq: number; hash: string }): Promise<ProjectStore> {
  const log = new MemoryLog({
    project: 'alpha', logId: '0123456789abcdef0123456789abcdef', keptBytesMax, ...(base === undefined ? {} : { base }),
  });
  const store = storeOver(log);
  await store.submit(create(), CONTEXT);
  server.projects.realStores.set('alpha', store);
  return store;
}

/** Runs a test on a project with 20 events: its creation, and then `k0` to `k4` in turn, every fifth a deletion. */
function withEvents(body: (server: TestServer, store: ProjectStore) => Promise<void>, options: TestServerOptions = {}): Promise<void> {
  return withServer(async (server) => {
    const store = await realStore(server);
    for (let seq = 2; seq <= 20; seq += 1) {
      const key = `k${seq % 4}`;
      await store.submit(seq % 10 === 0 ? remove(key) : set(key, `{"n": ${seq}, "x":1.0}`), CONTEXT);
    }
    await body(server, store);
  }, options);
}

async function pageOf(server: TestServer, query: string, sent: Sent = {}): Promise<Page & { readonly answer: Answer }> {
  const answer = await server.send('GET', `${EVENTS}?${query}`, sent);
  assert.equal(answer.status, 200, `${query}: ${answer.text}`);
  return { ...(JSON.parse(answer.text) as Page), answer };
}

const seqsOf = ({ events }: Page): number[] => events.map(({ seq }) => seq);
const upTo = (last: number, first = 1): number[] => Array.from({ length: last - first + 1 }, (_, index) => first + index);

test('a page has the lines of the log token for token', () => withEvents(async (server, store) => {
  const { answer, ...page } = await pageOf(server, 'since=18');
  assert.deepEqual([seqsOf(page), page.last_seq], [[19, 20], 20]);
  const texts: string[] = [];
  for await (const { events } of store.feed.read({ afterSeq: 18, untilSeq: 20 })) texts.push(...events.map(({ text }) => text.toString()));
  assert.equal(answer.text, `{"events":[${texts.join(',')}],"last_seq":20}`);
  assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
  assert.equal(answer.headers['vary'], 'Accept');
  assert.equal(answer.headers['cache-control'], 'no-store');
  assert.equal(answer.headers['link'], undefined);
  assert.ok(answer.text.includes('"value":{"n": 19, "x":1.0}'));
  const head = await server.send('HEAD', `${EVENTS}?since=18`);
  assert.deepEqual([head.status, head.text, head.headers['content-type']], [200, '', answer.headers['content-type']]);
}));

test('pages linked by Link have every event once, in either order, with any filter', () => withEvents(async (server) => {
  for (const [query, expected] of [
    ['limit=3', upTo(20)], ['limit=7&order=desc', upTo(20).reverse()], ['limit=2&key=k3', [3, 7, 11, 15, 19]],
    ['limit=2&key=k3&order=desc', [19, 15, 11, 7, 3]], ['limit=1&prefix=k&since=4&until=9', upTo(9, 5)],
    ['limit=4&op=delete', [10, 20]], ['limit=20', upTo(20)], ['limit=1&op=project.create&order=desc', [1]],
    ['actor=anonymous&limit=19', upTo(20)], ['actor=other', []], ['key=absent&order=desc', []],
  ] as const) {
    let path: string | undefined = `${EVENTS}?${query}`;
    const seen: number[] = [];
    for (let pages = 0; path !== undefined && pages < 40; pages += 1) {
      const answer: Answer = await server.send('GET', path);
      assert.equal(answer.status, 200, answer.text);
      seen.push(...seqsOf(JSON.parse(answer.text) as Page));
      path = /^<([^>]+)>; rel="next"$/.exec(String(answer.headers['link']))?.[1];
    }
    assert.equal(path, undefined, query);
    assert.deepEqual(seen, expected, query);
  }
}));

test('a batch is one event, and belongs to the history of each of its keys', () => withEvents(async (server, store) => {
  const steps = [
    { op: 'set', key: 'k1', value: '{"key":"k9"}' }, { op: 'delete', key: 'k3' }, { op: 'set', key: 'new/ü', value: '1.0' },
  ] as const;
  await store.submit({ type: 'batch', steps }, CONTEXT);
  for (const [query, expected] of [
    ['key=k1', [21]], ['key=k1&order=desc', [21]], ['key=k3', [21]], [`key=${encodeURIComponent('new/ü')}`, [21]], ['key=k2', []],
    ['key=k9', []], ['prefix=new/', [21]], ['op=batch', [21]], ['op=set', [21]], ['op=delete', [21]], ['op=delete&key=k3', [21]],
    ['op=delete&key=k1', []], ['op=clear', []],
  ] as const) assert.deepEqual(seqsOf(await pageOf(server, `since=20&${query}`)), expected, query);
  const { answer } = await pageOf(server, 'since=20&key=k1');
  const ops = '"ops":[{"op":"set","key":"k1","value":{"key":"k9"}},{"op":"delete","key":"k3"},{"op":"set","key":"new/ü","value":1.0}]';
  assert.ok(answer.text.includes(ops), answer.text);
}));

test('last_seq moves although nothing matched', () => withEvents(async (server) => {
  assert.equal((await pageOf(server, 'key=absent')).last_seq, 20);
  assert.equal((await pageOf(server, 'since=now')).last_seq, 20);
  assert.equal((await pageOf(server, 'since=5&until=7&op=clear')).last_seq, 7);
  assert.equal((await pageOf(server, 'limit=2&key=k3')).last_seq, 7);
  assert.equal((await pageOf(server, 'limit=2&key=k3&order=desc')).last_seq, 20);
}));

test('a position may be a seq, a seq with a hash, a time or now', () => withEvents(async (server, store) => {
  const { events } = await pageOf(server, 'limit=1000');
  const id = (seq: number): string => `${seq}-${events[seq - 1]?.hash.slice(0, 8) ?? ''}`;
  assert.deepEqual(seqsOf(await pageOf(server, `since=${id(18)}`)), [19, 20]);
  assert.deepEqual(seqsOf(await pageOf(server, `since=${id(20)}`)), []);
  assert.deepEqual(seqsOf(await pageOf(server, `since=17&until=${id(19)}`)), [18, 19]);
  assert.equal((await pageOf(server, `since=0-${await store.feed.hashAt(0).then((hash) => hash.slice(0, 8))}`)).events.length, 20);
  assert.equal((await pageOf(server, 'since=2020-01-01T00:00:00Z')).events.length, 20);
  assert.equal((await pageOf(server, 'since=2999-01-01T00:00:00Z')).events.length, 0);
  assert.equal((await pageOf(server, 'until=2020-01-01T00:00:00Z')).events.length, 0);
  for (const [query, facts] of [
    ['since=21', 'beyond'], ['until=21', 'beyond'], ['since=18-00000000', 'another'], ['since=9007199254740991', 'beyond'],
  ] as const) {
    const problem = problemOf(await server.send('GET', `${EVENTS}?${query}`));
    assert.deepEqual([problem['status'], problem['code']], [409, 'ahead_of_log'], query);
    assert.ok(String(problem['detail']).includes(facts), query);
    assert.deepEqual([problem['oldest_seq'], problem['last_seq'], problem['log_id']], [1, 20, store.logId]);
  }
}));

test('a refusal that a request for another type would not get varies by Accept', () => withEvents(async (server) => {
  for (const [query, accept, status] of [
    ['since=21', 'application/json', 409], ['follow=true', 'application/json', 400], ['limit=2', 'text/event-stream', 400],
  ] as const) {
    const answer = await server.send('GET', `${EVENTS}?${query}`, { headers: { accept } });
    assert.deepEqual([answer.status, answer.headers['vary']], [status, 'Accept'], query);
  }
}));

test('events that are no longer kept are gone, and without a position the oldest comes first', () => withServer(async (server) => {
  const store = await realStore(server, 2000);
  for (let seq = 2; seq <= 40; seq += 1) await store.submit(set('k', String(seq)), CONTEXT);
  const oldest = store.feed.oldestSeq;
  assert.ok(oldest > 20);
  assert.deepEqual(seqsOf(await pageOf(server, '')), upTo(40, oldest));
  assert.deepEqual(seqsOf(await pageOf(server, `since=${oldest - 1}`)), upTo(40, oldest));
  assert.deepEqual(seqsOf(await pageOf(server, 'order=desc')), upTo(40, oldest).reverse());
  for (const query of ['since=0', `since=${oldest - 2}`, 'until=3', 'since=2020-01-01T00:00:00Z', `since=${oldest - 2}-00000000`]) {
    const problem = problemOf(await server.send('GET', `${EVENTS}?${query}`));
    const facts = [problem['status'], problem['code'], problem['oldest_seq'], problem['snapshot_seq']];
    assert.deepEqual(facts, [410, 'history_gone', oldest, null]);
  }
}));

test('a log that continues from a base begins after it', () => withServer(async (server) => {
  const base = { seq: 7, hash: 'ab'.repeat(32) };
  const log = new MemoryLog({ project: 'alpha', logId: '0123456789abcdef0123456789abcdef', base });
  await log.append([{ op: 'delete', actor: 'anonymous', request: 'r', body: '"key":"k"' }], 7);
  const store = await realStore(server);
  Object.defineProperty(store, 'feed', { value: new (await import('../../../src/store/event-feed.js')).EventFeed(() => log) });
  assert.deepEqual(seqsOf(await pageOf(server, '')), [8]);
  assert.deepEqual(seqsOf(await pageOf(server, 'since=7-abababab')), [8]);
  assert.equal((await server.send('GET', `${EVENTS}?since=7-00000000`)).status, 409);
  assert.equal((await server.send('GET', `${EVENTS}?since=6`)).status, 410);
}));

test('a page ends at 4 MiB, with one event at least', () => withServer(async (server) => {
  const store = await realStore(server, 20_000_000);
  for (const size of [5_000_000, ...Array.from({ length: 5 }, () => 1_000_000)]) {
    await store.submit(set('big', `"${'x'.repeat(size)}"`), CONTEXT);
  }
  const first = await pageOf(server, 'since=1');
  assert.deepEqual(seqsOf(first), [2]);
  assert.match(String(first.answer.headers['link']), /since=2-[0-9a-f]{8}>/);
  const second = await pageOf(server, 'since=2');
  assert.deepEqual([seqsOf(second), second.last_seq], [[3, 4, 5, 6], 6]);
}));

test('wait_seconds answers as soon as an event matches, and else with none', () => withEvents(async (server, store) => {
  const started = performance.now();
  const waiting = pageOf(server, 'since=now&key=wanted&wait_seconds=60');
  await delay(50);
  await store.submit(set('other'), CONTEXT);
  await store.submit(set('wanted'), CONTEXT);
  const page = await waiting;
  assert.deepEqual([seqsOf(page), page.last_seq], [[22], 22]);
  assert.ok(performance.now() - started < 20_000);
  assert.deepEqual(seqsOf(await pageOf(server, 'since=20&wait_seconds=60')), [21, 22], 'what exists is answered at once');
  const late = pageOf(server, 'since=now&key=absent&wait_seconds=1');
  await delay(20);
  await store.submit(set('other'), CONTEXT);
  const empty = await late;
  assert.deepEqual([seqsOf(empty), empty.last_seq], [[], 23]);
}));

test('what cannot be combined is refused', () => withEvents(async (server) => {
  const lines = { headers: { Accept: 'application/x-ndjson' } };
  const stream = { headers: { Accept: 'text/event-stream' } };
  for (const [query, sent] of [
    ['follow=true', {}], ['follow=true', stream], ['wait_seconds=1', lines], ['wait_seconds=1', stream],
    ['wait_seconds=1&order=desc', {}], ['wait_seconds=1&until=5', {}], ['follow=true&order=desc', lines], ['follow=true&until=5', lines],
    ['order=desc', stream], ['until=5', stream], ['limit=5', stream], ['follow=true&limit=5', lines],
  ] as const) {
    const problem = problemOf(await server.send('GET', `${EVENTS}?${query}`, sent));
    assert.deepEqual([problem['status'], problem['code']], [400, 'invalid_query'], `${query} ${JSON.stringify(sent)}`);
  }
  for (const query of ['since=', 'limit=0', 'unknown=1', 'limit=1&limit=2', 'key=%00']) {
    assert.equal((await server.send('GET', `${EVENTS}?${query}`)).status, 400, query);
  }
  const refused = problemOf(await server.send('GET', EVENTS, { headers: { Accept: 'text/html' } }));
  assert.deepEqual([refused['status'], refused['code']], [406, 'not_acceptable']);
  assert.equal((await server.send('GET', EVENTS, { headers: { 'If-None-Match': '*' } })).status, 400);
}));

test.run();
