/** Checkpoints and receipts over real stores, in memory and on disk. */
import assert from 'node:assert/strict';
import { AppError } from '../../../src/base/app-error.js';
import type { Checkpoint } from '../../../src/events/checkpoint.js';
import type { Log } from '../../../src/log/log.js';
import { MemoryLog } from '../../../src/log/memory-log.js';
import type { ProjectStore } from '../../../src/store/project-store.js';
import { ManualClock } from '../../base/manual-clock.js';
import { emptyDisk, homeOn, LOG_ID, SMALL_SEGMENTS } from '../../log/file/log-fixture.js';
import { CONTEXT, create, set, storeOver } from '../../store/created-store.js';
import { suite } from '../../suite.js';
import { problemOf, withServer, type TestServer } from '../test-server.js';

const test = suite('proof-routes');
const PROJECT = '/api/v1/projects/alpha';

/** Serves the project `alpha` with so many lines from a log. */
async function serve(server: TestServer, log: Log, lines: number): Promise<ProjectStore> {
  const store = storeOver(log);
  await store.submit(create(), CONTEXT);
  for (let seq = 2; seq <= lines; seq += 1) await store.submit(set(`k${seq}`, `"${'x'.repeat(50)}"`), CONTEXT);
  server.projects.realStores.set('alpha', store);
  return store;
}

function inMemory(keptBytesMax = 1_000_000): Log {
  return new MemoryLog({ project: 'alpha', logId: LOG_ID, keptBytesMax, clock: new ManualClock() });
}

function onDisk(): Promise<Log> {
  return homeOn(emptyDisk(), { clock: new ManualClock() }).create('alpha', { ...SMALL_SEGMENTS, logId: LOG_ID });
}

/** The hashes of all lines, that of seq 1 first. */
async function hashesOf(store: ProjectStore): Promise<string[]> {
  const hashes: string[] = [];
  const { oldestSeq, end } = store.feed;
  for await (const { events } of store.feed.read({ afterSeq: oldestSeq - 1, untilSeq: end.seq })) {
    hashes.push(...events.map(({ hash }) => hash));
  }
  return hashes;
}

async function refusal(server: TestServer, query: string): Promise<readonly unknown[]> {
  const problem = problemOf(await server.send('GET', `${PROJECT}/receipts?${query}`));
  return [problem['status'], problem['code']];
}

test('a checkpoint is the newest line', () => withServer(async (server) => {
  const store = await serve(server, await onDisk(), 3);
  const answer = await server.send('GET', `${PROJECT}/checkpoint`);
  const { timeMs } = await store.feed.lineAt(3);
  const expected = { project: 'alpha', log_id: LOG_ID, seq: 3, hash: store.hash, time: new Date(timeMs).toISOString() };
  assert.deepEqual([answer.status, JSON.parse(answer.text)], [200, expected]);
  assert.equal(answer.headers['cache-control'], 'no-store');
  await store.submit(set('more'), CONTEXT);
  assert.equal((JSON.parse((await server.send('GET', `${PROJECT}/checkpoint`)).text) as Checkpoint).seq, 4);
  const head = await server.send('HEAD', `${PROJECT}/checkpoint`);
  assert.deepEqual([head.status, head.text], [200, '']);
}));

test('a checkpoint is the line that was newest when it was asked for, and is given once it is on disk', () => withServer(async (server) => {
  const log = await onDisk();
  const store = await serve(server, log, 3);
  let resolve = (): void => undefined;
  const promise = new Promise<void>((given) => (resolve = given));
  const steps: string[] = [];
  log.sync = async () => {
    steps.push('sync');
    await promise;
    steps.push('synced');
  };
  const asked = server.send('GET', `${PROJECT}/checkpoint`).then((answer) => {
    steps.push('answer');
    return answer;
  });
  while (steps.length === 0) await new Promise((next) => setImmediate(next));
  await store.submit(set('later'), CONTEXT);
  resolve();
  assert.equal((JSON.parse((await asked).text) as Checkpoint).seq, 3);
  assert.deepEqual(steps, ['sync', 'synced', 'answer']);
}));

test('without a sync there is no checkpoint', () => withServer(async (server) => {
  const log = await onDisk();
  await serve(server, log, 3);
  for (const [error, code] of [
    [new AppError('log_failed', 'Cannot sync'), 'log_failed'],
    [Object.assign(new Error('too many'), { code: 'EMFILE', errno: -24 }), 'disk_failed'],
  ] as const) {
    log.sync = () => Promise.reject(error);
    const problem = problemOf(await server.send('GET', `${PROJECT}/checkpoint`));
    assert.deepEqual([problem['status'], problem['code']], [503, code]);
  }
}));

test('a project in memory has no checkpoint: verification would call its log replaced', () => withServer(async (server) => {
  await serve(server, inMemory(), 3);
  const problem = problemOf(await server.send('GET', `${PROJECT}/checkpoint`));
  assert.deepEqual([problem['status'], problem['code']], [409, 'not_on_disk']);
  assert.match(String(problem['detail']), /^Cannot make a checkpoint of the project "alpha": it is in memory only, .*storage\.on_disk/);
}));

test('every receipt is found, in the active segment, in sealed ones and in compressed ones', () => withServer(async (server) => {
  const disk = emptyDisk();
  const log = await homeOn(disk, { clock: new ManualClock() }).create('alpha', { ...SMALL_SEGMENTS, logId: LOG_ID });
  const store = await serve(server, log, 60);
  const sealed = log.sealed?.list() ?? [];
  assert.ok(sealed.length >= 4, 'several segments');
  for (const { firstSeq } of sealed.slice(0, 2)) await log.sealed?.compress(firstSeq);
  const hashes = await hashesOf(store);
  for (const [index, hash] of hashes.entries()) {
    const seq = index + 1;
    const answer = await server.send('GET', `${PROJECT}/receipts?seq=${seq}&hash=${hash}`);
    const { timeMs, op } = await store.feed.lineAt(seq);
    assert.deepEqual(JSON.parse(answer.text), { seq, time: new Date(timeMs).toISOString(), op, found: true });
    const other = hashes[(index + 1) % hashes.length] ?? '';
    assert.deepEqual(await refusal(server, `seq=${seq}&hash=${other}`), [404, 'receipt_not_found']);
  }
  assert.equal((await server.send('GET', `${PROJECT}/receipts?seq=9&hash=${hashes[8]?.toUpperCase() ?? ''}`)).status, 200);
  await log.close();
}));

test('a receipt is looked for in one segment only', () => withServer(async (server) => {
  const disk = emptyDisk();
  const log = await homeOn(disk, { clock: new ManualClock() }).create('alpha', { ...SMALL_SEGMENTS, logId: LOG_ID });
  const hashes = await hashesOf(await serve(server, log, 60));
  const before = disk.calls.length;
  assert.equal((await server.send('GET', `${PROJECT}/receipts?seq=1&hash=${hashes[0] ?? ''}`)).status, 200);
  const read = disk.calls.slice(before).filter(({ method }) => method === 'read').map(({ path }) => path);
  assert.deepEqual([...new Set(read)].map((path) => path.split('/').at(-1)), ['00000000000000000001.jsonl']);
  await log.close();
}));

test('a receipt beyond the end of the log is not found', () => withServer(async (server) => {
  const store = await serve(server, inMemory(), 5);
  for (const seq of ['6', '9007199254740991', '9007199254740993', '9999999999999999']) {
    const problem = problemOf(await server.send('GET', `${PROJECT}/receipts?seq=${seq}&hash=${store.hash}`));
    assert.deepEqual([problem['status'], problem['code'], problem['last_seq']], [404, 'receipt_not_found', 5]);
    assert.match(String(problem['detail']), new RegExp(`^Cannot find the receipt of seq ${seq}: `));
  }
}));

test('a receipt of a line that is no longer kept is gone', () => withServer(async (server) => {
  const store = await serve(server, inMemory(2000), 40);
  const { oldestSeq } = store.feed;
  assert.ok(oldestSeq > 20);
  const problem = problemOf(await server.send('GET', `${PROJECT}/receipts?seq=${oldestSeq - 1}&hash=${store.hash}`));
  assert.deepEqual([problem['status'], problem['code'], problem['oldest_seq']], [410, 'history_gone', oldestSeq]);
  assert.ok(String(problem['detail']).includes(`simplekv receipt ${store.hash} --data FOLDER`));
  const [hash = ''] = await hashesOf(store);
  assert.equal((await server.send('GET', `${PROJECT}/receipts?seq=${oldestSeq}&hash=${hash}`)).status, 200);
}));

test('a line that retention removes during the request is gone too', () => withServer(async (server) => {
  const log = inMemory();
  const store = await serve(server, log, 5);
  log.scan = () => {
    throw Object.assign(new Error('removed'), { name: 'LinesDroppedError' });
  };
  assert.deepEqual(await refusal(server, `seq=2&hash=${store.hash}`), [410, 'history_gone']);
}));

test('a query that is not exactly a seq and a hash is refused', () => withServer(async (server) => {
  const { hash } = await serve(server, inMemory(), 5);
  for (const query of [
    '', 'seq=5', `hash=${hash}`, `seq=0&hash=${hash}`, `seq=05&hash=${hash}`, `seq=-1&hash=${hash}`, `seq=5&hash=${hash.slice(1)}`,
    `seq=5&hash=${hash.slice(1)}g`, `seq=5&hash=${hash}&seq=5`, `seq=5&hash=${hash}&limit=1`, `seq=&hash=${hash}`,
  ]) assert.deepEqual(await refusal(server, query), [400, 'invalid_query'], query);
  const missing = problemOf(await server.send('GET', `${PROJECT}/receipts?seq=5`));
  assert.equal(missing['detail'], 'Cannot use the query: the parameter "hash" is missing');
  assert.equal((await server.send('GET', `${PROJECT}/checkpoint?seq=5`)).status, 400);
}));

test('both routes need the API key of the project, or none on an open project', () => withServer(async (server) => {
  const { hash } = await serve(server, await onDisk(), 5);
  const targets = [`${PROJECT}/checkpoint`, `${PROJECT}/receipts?seq=5&hash=${hash}`];
  for (const target of targets) {
    const callers = [[server.alphaKey, 200], [server.globalKey, 200], [server.betaKey, 403], [null, 401], ['wrong', 401]] as const;
    for (const [key, status] of callers) {
      assert.equal((await server.send('GET', target, { key })).status, status, `${target} ${String(key)}`);
    }
  }
  server.projects.add('alpha', { authentication: { enabled: false } });
  for (const target of targets) assert.equal((await server.send('GET', target, { key: null })).status, 200, target);
}));

test.run();
