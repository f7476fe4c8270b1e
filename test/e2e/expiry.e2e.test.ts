/** Keys that expire, on a real server: while it runs, over a kill, and while it is down. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from '../suite.js';
import { type ServerUnderTest, withWorkbench } from './server-under-test.js';

const test = suite('expiry');
const TIMEOUT = { timeoutMs: 120_000 };
const PROJECT = '/api/v1/projects/shop';
const TRIES = 200;

interface Event {
  readonly seq: number;
  readonly op: string;
  readonly actor: string;
  readonly time: string;
  readonly keys?: readonly string[];
}

async function eventsOf(server: ServerUnderTest, query: string): Promise<readonly Event[]> {
  return (JSON.parse((await server.send('GET', `${PROJECT}/events?${query}`)).text) as { events: Event[] }).events;
}

/** Waits until the log says that a key has expired. */
async function untilExpired(server: ServerUnderTest, key: string): Promise<Event> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const [event] = await eventsOf(server, `key=${key}&op=expire`);
    if (event !== undefined) return event;
    await sleep(50);
  }
  throw new Error(`the expiry of "${key}" did not come`);
}

for (const isOnDisk of [true, false]) {
  test(`a key expires without anyone asking, in a project ${isOnDisk ? 'on disk' : 'in memory'}`, () => withWorkbench(async (bench) => {
    bench.configure([{ id: 'shop', storage: { on_disk: isOnDisk, cache_in_memory: !isOnDisk }, authentication: { enabled: false } }]);
    const server = await bench.start();
    await server.send('PUT', `${PROJECT}/keys/a?ttl_seconds=1`, { body: '1' });
    await server.send('PUT', `${PROJECT}/keys/b?ttl_seconds=100`, { body: '2' });
    assert.equal((await server.send('GET', `${PROJECT}/keys/a`)).status, 200);
    const expired = await untilExpired(server, 'a');
    assert.deepEqual([expired.actor, expired.keys], ['server', ['a']]);
    assert.equal((await server.send('GET', `${PROJECT}/keys/a`)).status, 404);
    assert.equal((await server.send('GET', `${PROJECT}/keys`)).text, '{"b":2}');
    await server.stop();
  }), TIMEOUT);
}

test('what expires while the server is down is gone when it is up again, and the log says so', () => withWorkbench(async (bench) => {
  bench.configure([{ id: 'shop', authentication: { enabled: false } }]);
  const first = await bench.start();
  await first.send('PUT', `${PROJECT}/keys/a?ttl_seconds=2`, { body: '1' });
  const set = { ops: [{ op: 'set', key: 'b', value: 2 }, { op: 'set', key: 'c', value: 3, ttl_seconds: 2 }] };
  await first.send('POST', `${PROJECT}/batch`, { body: JSON.stringify(set) });
  const touched = { ops: [{ op: 'touch', key: 'c', expires_at: null }, { op: 'touch', key: 'b', ttl_seconds: 2 }] };
  await first.send('POST', `${PROJECT}/batch`, { body: JSON.stringify(touched) });
  await first.kill();
  await sleep(2100);
  const second = await bench.start();
  assert.equal((await second.send('GET', `${PROJECT}/keys`)).text, '{"c":3}');
  assert.equal((await second.send('PUT', `${PROJECT}/keys/a`, { body: '4', headers: { 'If-None-Match': '*' } })).status, 201);
  const [expired, again] = await eventsOf(second, 'key=a&since=4');
  assert.ok(expired?.op === 'expire' && expired.keys?.includes('a') === true && again?.op === 'set' && expired.seq < again.seq);
  await untilExpired(second, 'b');
  await second.stop();
}), TIMEOUT);

test.run();
