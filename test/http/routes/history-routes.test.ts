/** Differences and reverts over a real store in memory: each form of their answers, and each refusal. */
import assert from 'node:assert/strict';
import { AppError } from '../../../src/base/app-error.js';
import type { ErrorCode } from '../../../src/base/error-codes.js';
import { ProjectModel } from '../../../src/projections/project-model.js';
import { LINE_BYTES_MAX } from '../../../src/log/log.js';
import { MemoryLog } from '../../../src/log/memory-log.js';
import type { PastSlice, PastState } from '../../../src/store/past-state.js';
import { ProjectStore } from '../../../src/store/project-store.js';
import { redactedLineOf } from '../../../src/store/redacted-line.js';
import { CONTEXT, create, remove, set } from '../../store/created-store.js';
import { suite } from '../../suite.js';
import { type Answer, problemOf, type Sent, withServer, type TestServer } from '../test-server.js';

const test = suite('history-routes');

const PATH = '/api/v1/projects/alpha';
const MANY_KEYS = 30_000;
const LINES = { Accept: 'application/x-ndjson' };

async function makeReal({ projects }: TestServer): Promise<ProjectStore> {
  const log = new MemoryLog({ project: 'alpha', logId: '0123456789abcdef0123456789abcdef' });
  const store = new ProjectStore({ log, model: new ProjectModel() });
  projects.realStores.set('alpha', store);
  for (const command of [create(), set('a', '1.0'), set('b', '[ ]'), set('c')]) await store.submit(command, CONTEXT);
  return store;
}

async function ask(server: TestServer, method: string, target: string, sent: Sent = {}): Promise<Answer> {
  return await server.send(method, PATH + target, { key: server.alphaKey, ...sent });
}

async function revert(server: TestServer, body: object, headers: Record<string, string> = {}): Promise<Answer> {
  return await ask(server, 'POST', '/revert', { body: JSON.stringify(body), headers });
}

function refuse(server: TestServer, code: ErrorCode): void {
  const facts = code === 'history_gone' ? { oldest_seq: 3, snapshot_seq: null } : { limit: 1 };
  server.projects.pastState = () => Promise.reject(new AppError(code, `Cannot build it: ${code}`, { facts }));
}

test('a page has changes with and without values, and lines have the same', () => withServer(async (server) => {
  const store = await makeReal(server);
  await store.submit(set('a', '2'), CONTEXT);
  await store.submit(remove('b'), CONTEXT);
  await store.submit(set('d'), CONTEXT);
  const page = await ask(server, 'GET', '/diff?from=4');
  const { changes, ...ends } = JSON.parse(page.text) as { changes: Record<string, unknown>[] };
  assert.deepEqual(ends, { from: 4, to: 7 });
  assert.deepEqual(changes.map(({ key, change, seq, op }) => [key, change, seq, op]), [
    ['a', 'changed', 5, 'set'], ['b', 'removed', 6, 'delete'], ['d', 'added', 7, 'set'],
  ]);
  assert.deepEqual([page.headers['simplekv-from'], page.headers['simplekv-at'], page.headers.vary], ['4', '7', 'Accept']);
  const lines = await ask(server, 'GET', '/diff?from=4&to=7&values=true', { headers: LINES });
  assert.match(lines.text, /"before":\{[^}]*"value":1\.0\},"after":\{[^}]*"value":2\}\}\n/);
  assert.match(lines.text, /"before":\{[^}]*"value":\[ \]\},"after":null\}\n/);
  const first = await ask(server, 'GET', '/diff?from=4&limit=1');
  assert.match(String(first.headers['link']), /\/diff\?from=4&to=7&limit=1&cursor=YQ>; rel="next"$/);
  assert.equal((await ask(server, 'GET', '/diff?from=4&to=4')).text, '{"from":4,"to":4,"changes":[]}');
  for (const headers of [{}, LINES]) {
    const head = await ask(server, 'HEAD', '/diff?from=4', { headers });
    assert.deepEqual([head.status, head.text, head.headers['simplekv-at']], [200, '', '7']);
  }
}));

test('a stream has all changes of many keys in their order, with the line of each', () => withServer(async (server) => {
  const store = await makeReal(server);
  const from = store.seq;
  for (let first = 0; first < MANY_KEYS; first += 1000) {
    const steps = Array.from({ length: 1000 }, (_, at) => ({ op: 'set' as const, key: `k${(first + at) % 97}/${first + at}`, value: '1' }));
    await store.submit({ type: 'batch', steps }, CONTEXT);
  }
  const written = await ask(server, 'GET', `/diff?from=${from}&prefix=k`, { headers: LINES });
  const to = store.seq;
  await store.submit({ type: 'clear' }, CONTEXT);
  const cleared = await ask(server, 'GET', `/diff?from=${to}&prefix=k`, { headers: LINES });
  for (const [answer, change] of [[written, 'added'], [cleared, 'removed']] as const) {
    const lines = answer.text.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
    const keys = lines.map((line) => String(line['key']));
    assert.equal(new Set(keys).size, MANY_KEYS);
    assert.deepEqual(keys, [...keys].sort());
    for (const { key, seq, change: kind } of lines) {
      const number = Number(String(key).split('/')[1]);
      assert.deepEqual([kind, seq], [change, change === 'added' ? from + 1 + Math.floor(number / 1000) : to + 1]);
    }
  }
}), { timeoutMs: 240_000 });

test('a difference between states that cannot be built is refused', () => withServer(async (server) => {
  await makeReal(server);
  assert.equal(problemOf(await ask(server, 'GET', '/diff?from=1', { headers: { Accept: 'text/csv' } }))['code'], 'not_acceptable');
  for (const [code, status] of [
    ['history_gone', 410], ['busy', 503], ['state_too_large', 507], ['disk_full', 507], ['disk_failed', 503],
  ] as const) {
    refuse(server, code);
    const answer = await ask(server, 'GET', '/diff?from=2');
    assert.deepEqual([answer.status, problemOf(answer)['code']], [status, code]);
  }
}));

test('a key of which the value was erased, and a listing of which the state is gone, are refused', () => withServer(async (server) => {
  const store = await makeReal(server);
  const { seq } = await store.submit(set('a', '2'), CONTEXT);
  const line = redactedLineOf(await store.feed.lineAt(2));
  assert.ok(line);
  await store.submit({ type: 'redact', reason: 'asked', lines: [line] }, CONTEXT);
  const erased = await ask(server, 'GET', `/keys/a?at=${seq - 1}`);
  assert.deepEqual([erased.status, problemOf(erased)['code'], problemOf(erased)['seq']], [410, 'value_redacted', 2]);
  assert.equal((await ask(server, 'GET', `/keys/a?at=${seq}`)).text, '2');
  refuse(server, 'history_gone');
  const gone = await ask(server, 'GET', '/keys?at=2');
  assert.deepEqual([gone.status, problemOf(gone)['code'], problemOf(gone)['oldest_seq']], [410, 'history_gone', 3]);
}));

test('a revert answers a receipt, or what it would do', () => withServer(async (server) => {
  const store = await makeReal(server);
  await store.submit(set('a', '2'), CONTEXT);
  const dry = JSON.parse((await revert(server, { to: 4, dry_run: true })).text) as { changes: { before: unknown; after: unknown }[] };
  assert.deepEqual([dry.changes.length, store.seq], [1, 5]);
  const done = JSON.parse((await revert(server, { to: 4 })).text) as Record<string, unknown>;
  assert.deepEqual([done['to'], done['reverted'], done['seq'], typeof done['hash']], [4, 1, 6, 'string']);
  const none = await revert(server, { to: 6 });
  assert.deepEqual(JSON.parse(none.text), { to: 6, reverted: 0, seq: 6 });
}));

test('a revert that cannot be done is refused, and changes nothing', () => withServer(async (server) => {
  const store = await makeReal(server);
  const { seq } = store;
  await store.submit({ type: 'clear' }, CONTEXT);
  await store.submit(set('a', '3'), CONTEXT);
  const last = store.seq;
  const refused = async (body: object, headers: Record<string, string> = {}): Promise<readonly unknown[]> => {
    const answer = await revert(server, body, headers);
    return [answer.status, problemOf(answer)['code']];
  };
  assert.deepEqual(await refused({ to: seq, if_seq: last - 1, keys: ['a'] }), [412, 'precondition_failed']);
  const entry = { key: 'a', tag: 0, timeMs: 1, expiresAtMs: null, sizeBytes: LINE_BYTES_MAX };
  server.projects.pastState = (_id, at) => {
    const slice = (): Promise<PastSlice> => Promise.resolve({ entries: [{ ...entry, seq: at }], isLast: true });
    const state: PastState = {
      seq: at, timeMs: 1, count: 1, slice, get: () => Promise.resolve(undefined), countIn: () => Promise.resolve(1),
      load: (entries) => Promise.resolve(entries.map(({ seq: version }) => `${version}`)),
    };
    return Promise.resolve({ state, release: () => undefined });
  };
  assert.deepEqual(await refused({ to: seq }), [413, 'line_too_large']);
  assert.deepEqual(await refused({ to: 'now' }), [400, 'invalid_body']);
  assert.deepEqual(await refused({ to: 1, keys: ['\u0001'] }), [400, 'invalid_key']);
  const csv = await ask(server, 'POST', '/revert', { body: 'to=1', headers: { 'Content-Type': 'text/csv' } });
  assert.deepEqual([csv.status, problemOf(csv)['code']], [415, 'unsupported_media_type']);
  for (const [code, status] of [['history_gone', 410], ['busy', 503], ['state_too_large', 507]] as const) {
    refuse(server, code);
    assert.deepEqual(await refused({ to: 4 }), [status, code]);
  }
  assert.equal(store.seq, last);
}));

test('a revert whose Idempotency-Key was used for something else is refused', () => withServer(async (server) => {
  const store = await makeReal(server);
  await store.submit(set('a', '2'), CONTEXT);
  const headers = { 'Idempotency-Key': 'once' };
  assert.equal((await revert(server, { to: 4 }, headers)).status, 200);
  const other = await revert(server, { to: 1 }, headers);
  assert.deepEqual([other.status, problemOf(other)['code']], [422, 'idempotency_key_reused']);
}));

test.run();
