/** The rates of requests: the bucket against a model, and what requests are answered when they draw on one. */
import assert from 'node:assert/strict';
import type { QuotaSettings } from '../../src/events/project-settings.js';
import { RateLimits } from '../../src/http/rate-limits.js';
import { ManualClock } from '../base/manual-clock.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';
import { exchange } from './raw-client.js';
import { type Answer, problemOf, type TestServer, type TestServerOptions, withServer } from './test-server.js';

const test = suite('rate-limits');

const PROJECT = '/api/v1/projects/alpha';
const KEY = `${PROJECT}/keys/k`;
const READS = 'reads_per_second';
const WRITES = 'writes_per_second';

/** A bucket that fills millisecond by millisecond, in thousandths of a token. */
class PlainBucket {
  #parts: number;
  readonly #rate: number;

  constructor(rate: number) {
    this.#rate = rate;
    this.#parts = rate * 1000;
  }

  advance(durationMs: number): void {
    for (let ms = 0; ms < durationMs; ms += 1) this.#parts = Math.min(this.#rate * 1000, this.#parts + this.#rate);
  }

  take(): boolean {
    if (this.#parts < 1000) return false;
    this.#parts -= 1000;
    return true;
  }

  takeMore(count: number): void {
    this.#parts -= count * 1000;
  }

  get remaining(): number {
    return Math.max(0, Math.floor(this.#parts / 1000));
  }
}

const step = fc.oneof(
  { weight: 5, arbitrary: fc.constant({ kind: 'take', amount: 1 } as const) },
  { weight: 1, arbitrary: fc.nat({ max: 40 }).map((amount) => ({ kind: 'more', amount }) as const) },
  { weight: 3, arbitrary: fc.nat({ max: 900 }).map((amount) => ({ kind: 'wait', amount }) as const) },
);

test('a bucket gives what a plain one gives that fills every millisecond', () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 50 }), fc.array(step, { maxLength: 60 }), (rate, steps) => {
    const clock = new ManualClock();
    const draw = new RateLimits(clock).draw('caller', WRITES, rate);
    const model = new PlainBucket(rate);
    for (const { kind, amount } of steps) {
      if (kind === 'wait') {
        clock.advance(amount);
        model.advance(amount);
      } else if (kind === 'more') {
        draw.takeMore(amount);
        model.takeMore(amount);
      } else {
        assert.equal(draw.take(), model.take());
      }
      assert.equal(draw.remaining, model.remaining);
    }
  }));
});

test('a caller that waits as long as it is asked to gets through, and with a second less it does not', () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 50 }), fc.nat({ max: 500 }), (rate, debt) => {
    const clock = new ManualClock();
    const draw = new RateLimits(clock).draw('caller', WRITES, rate);
    draw.takeMore(rate + debt);
    const { waitSeconds } = draw;
    clock.advance((waitSeconds - 1) * 1000);
    if (waitSeconds > 1) assert.equal(draw.take(), false);
    clock.advance(1000);
    assert.equal(draw.take(), true);
  }));
});

test('in any time no more requests get through than the rate allows, beside one full bucket', () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 20 }), fc.array(fc.nat({ max: 200 }), { maxLength: 200 }), (rate, waits) => {
    const clock = new ManualClock();
    const draw = new RateLimits(clock).draw('caller', READS, rate);
    let taken = 0;
    for (const waitMs of waits) {
      clock.advance(waitMs);
      if (draw.take()) taken += 1;
    }
    assert.ok(taken <= rate + (clock.monotonicMs() * rate) / 1000);
  }));
});

test('a lower rate takes effect at once on a full bucket, and a debt is paid at the new one', () => {
  const clock = new ManualClock();
  const limits = new RateLimits(clock);
  assert.equal(limits.draw('caller', WRITES, 100).remaining, 100);
  assert.equal(limits.draw('caller', WRITES, 3).remaining, 3);
  limits.draw('caller', WRITES, 3).takeMore(13);
  assert.equal(limits.draw('caller', WRITES, 1).waitSeconds, 11);
  assert.equal(limits.draw('caller', WRITES, 100).waitSeconds, 1);
});

test('no more buckets are kept than fit, and the one that was used longest ago goes first', () => {
  const limits = new RateLimits(new ManualClock(), 2);
  for (const caller of ['a', 'b', 'a', 'c']) limits.draw(caller, WRITES, 5).take();
  assert.deepEqual(['a', 'c', 'b'].map((caller) => limits.draw(caller, WRITES, 5).remaining), [3, 4, 5]);
});

interface RatedServer {
  readonly server: TestServer;
  readonly clock: ManualClock;
}

/** A server on which `alpha` has quotas, with a clock that stands still. */
async function withRates(
  quota: Partial<QuotaSettings>, body: (rated: RatedServer) => Promise<void>, options: TestServerOptions = {},
): Promise<void> {
  const clock = new ManualClock();
  for (const hotPath of [true, false]) {
    await withServer(async (server) => {
      await server.projects.update('alpha', { quota }, { actor: 'anonymous', requestId: 'r' });
      await body({ server, clock });
    }, { ...options, clock, hotPath });
  }
}

function statusesOf(answers: readonly Answer[]): number[] {
  return answers.map(({ status }) => status);
}

async function several(count: number, send: () => Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let sent = 0; sent < count; sent += 1) answers.push(await send());
  return answers;
}

function rateHeadersOf({ headers }: Answer): unknown {
  return [headers['ratelimit-policy'], headers['ratelimit'], headers['retry-after']];
}

test('as many writes as the rate allows get through, the answer to the next says when to come again, and then it gets through', () =>
  withRates({ writes_per_second: 3 }, async ({ server, clock }) => {
    const put = (): Promise<Answer> => server.send('PUT', KEY, { key: server.alphaKey, body: '1' });
    const answers = await several(4, put);
    assert.deepEqual(statusesOf(answers), [201, 200, 200, 429]);
    const policy = `"${WRITES}";q=3;w=1`;
    assert.deepEqual(answers.map(rateHeadersOf), [
      [policy, `"${WRITES}";r=2;t=1`, undefined], [policy, `"${WRITES}";r=1;t=1`, undefined],
      [policy, `"${WRITES}";r=0;t=1`, undefined], [policy, `"${WRITES}";r=0;t=1`, '1'],
    ]);
    const { code, quota, limit, retry_after_seconds: seconds } = problemOf(answers[3] as Answer);
    assert.deepEqual([code, quota, limit, seconds], ['rate_limited', WRITES, 3, 1]);
    clock.advance(333);
    assert.equal((await put()).status, 429);
    clock.advance(1);
    assert.deepEqual(statusesOf(await several(2, put)), [200, 429]);
    clock.advance(60_000);
    assert.deepEqual(statusesOf(await several(4, put)), [200, 200, 200, 429]);
  }));

test('reads and writes draw on rates of their own, and a route that draws on none has no headers of one', () =>
  withRates({ reads_per_second: 2 }, async ({ server }) => {
    const key = server.alphaKey;
    const writes = await several(5, () => server.send('PUT', KEY, { key, body: '1' }));
    assert.deepEqual(writes.map((answer) => [answer.status < 300, rateHeadersOf(answer)]), writes.map(() => [
      true, [undefined, undefined, undefined],
    ]));
    const reads = [await server.send('HEAD', KEY, { key }), await server.send('GET', `${PROJECT}/keys`, { key })];
    assert.deepEqual(statusesOf(reads), [200, 200]);
    const refused = [
      await server.send('GET', KEY, { key }), await server.send('POST', `${PROJECT}/read`, { key, body: '{"keys":["k"]}' }),
      await server.send('GET', `${PROJECT}/events`, { key }), await server.send('GET', `${PROJECT}/checkpoint`, { key }),
      await server.send('GET', `${PROJECT}/receipts?seq=1&hash=${'0'.repeat(64)}`, { key }),
    ];
    assert.deepEqual(statusesOf(refused), [429, 429, 429, 429, 429]);
    for (const path of [PROJECT, `${PROJECT}/limits`]) {
      const answer = await server.send('GET', path, { key });
      assert.deepEqual([answer.status, rateHeadersOf(answer)], [200, [undefined, undefined, undefined]]);
    }
    const other = await server.send('GET', '/api/v1/projects/beta/keys', { key: server.betaKey });
    assert.deepEqual([other.status, rateHeadersOf(other)], [200, [undefined, undefined, undefined]]);
  }));

test('each API key has a bucket of its own, and callers without one have one for each network', () =>
  withRates({ reads_per_second: 1 }, async ({ server }) => {
    const get = (key: string | null, address = '192.0.2.1'): Promise<Answer> => (
      server.send('GET', `${PROJECT}/keys`, { key, headers: { 'X-Forwarded-For': address } })
    );
    assert.deepEqual(statusesOf([await get(server.alphaKey), await get(server.alphaKey, '192.0.2.2')]), [200, 429]);
    assert.deepEqual(statusesOf(await several(2, () => get(server.globalKey))), [200, 429]);
    await server.projects.update('alpha', { authentication: { enabled: false } }, { actor: 'anonymous', requestId: 'r' });
    const addresses = ['192.0.2.1', '192.0.2.1', '192.0.2.2', '2001:db8::1', '2001:db8::ffff:2', '2001:db8:0:1::1'];
    const answers: Answer[] = [];
    for (const address of addresses) answers.push(await get(null, address));
    assert.deepEqual(statusesOf(answers), [200, 429, 200, 200, 429, 200]);
  }, { http: { trustedProxies: ['127.0.0.1'] } }));

test('a batch takes a token for each operation, may go below zero, and the next request waits for all of them', () =>
  withRates({ writes_per_second: 10 }, async ({ server, clock }) => {
    const key = server.alphaKey;
    const batch = (count: number): Promise<Answer> => {
      const ops = Array.from({ length: count }, (_, index) => ({ op: 'set', key: `k${index}`, value: 1 }));
      return server.send('POST', `${PROJECT}/batch`, { key, body: JSON.stringify({ ops }) });
    };
    const put = (): Promise<Answer> => server.send('PUT', KEY, { key, body: '1' });
    assert.deepEqual(rateHeadersOf(await batch(4)), [`"${WRITES}";q=10;w=1`, `"${WRITES}";r=6;t=1`, undefined]);
    const large = await batch(30);
    assert.deepEqual([large.status, large.headers['ratelimit']], [200, `"${WRITES}";r=0;t=3`]);
    const refused = await put();
    assert.deepEqual([refused.status, rateHeadersOf(refused)], [429, [`"${WRITES}";q=10;w=1`, `"${WRITES}";r=0;t=3`, '3']]);
    assert.equal((await batch(1)).status, 429);
    clock.advance(2499);
    assert.equal((await put()).status, 429);
    clock.advance(1);
    assert.equal((await put()).status, 201);
  }));

test('a batch that cannot be read has taken one token', () =>
  withRates({ writes_per_second: 10 }, async ({ server }) => {
    const answer = await server.send('POST', `${PROJECT}/batch`, { key: server.alphaKey, body: '{"ops":[]}' });
    assert.deepEqual([answer.status, answer.headers['ratelimit']], [400, `"${WRITES}";r=9;t=1`]);
  }));

test('a rate is looked at before the headers of a body and before the body, and after project, key and query', () =>
  withRates({ writes_per_second: 1 }, async ({ server }) => {
    const send = async (target: string, ...headers: readonly string[]): Promise<string> => {
      const lines = [`PUT ${target} HTTP/1.1`, 'Host: x', `X-API-Key: ${server.alphaKey}`, 'Connection: close', ...headers];
      return (await exchange(server.port, `${lines.join('\r\n')}\r\n\r\n`)).text;
    };
    assert.match(await send(`${KEY}?if_seq=x`, 'Content-Length: 1'), / 400 [^]*invalid_query/);
    assert.match(await send('/api/v1/projects/alpha/keys/%00', 'Content-Length: 1'), / 400 [^]*invalid_key/);
    assert.match(await send('/api/v1/projects/none/keys/k', 'Content-Length: 1'), / 403 /);
    assert.match(await send(KEY, 'Content-Type: text/plain', 'Content-Length: 1'), / 415 [^]*r=0;t=1[^]*unsupported_media_type/);
    assert.match(await send(KEY, 'Content-Type: text/plain', 'Content-Length: 1'), / 429 /);
    const waiting = await send(KEY, 'Content-Type: application/json', 'Content-Length: 1', 'Expect: 100-continue');
    assert.match(waiting, /^HTTP\/1\.1 429 [^]*rate_limited/);
    assert.match(await send(KEY, 'Content-Type: application/json', 'Content-Length: 1', 'If-Match: nonsense'), / 429 /);
  }));

test('problems after the rate have its headers too, and a request too many is no failed API key', () =>
  withRates({ writes_per_second: 2 }, async ({ server }) => {
    const gone = await server.send('DELETE', KEY, { key: server.alphaKey });
    assert.deepEqual([gone.status, gone.headers['ratelimit']], [404, `"${WRITES}";r=1;t=1`]);
    const held = await server.send('PUT', `${KEY}?if_seq=9`, { key: server.alphaKey, body: '1' });
    assert.deepEqual([held.status, held.headers['ratelimit']], [412, `"${WRITES}";r=0;t=1`]);
    const refused = await several(5, () => server.send('PUT', KEY, { key: server.alphaKey, body: '1' }));
    assert.deepEqual(statusesOf(refused), [429, 429, 429, 429, 429]);
    assert.deepEqual(refused.map((answer) => problemOf(answer)['code']), refused.map(() => 'rate_limited'));
    assert.equal((await server.send('PUT', KEY, { key: 'unknown', body: '1' })).status, 401);
  }, { failuresPerMinute: 2 }));

test('a rate that is set, changed or taken away holds from the next request on', () =>
  withRates({}, async ({ server }) => {
    const put = (): Promise<Answer> => server.send('PUT', KEY, { key: server.alphaKey, body: '1' });
    const limit = (writes: number | null): Promise<Answer> => (
      server.send('PUT', PROJECT, { body: JSON.stringify({ quota: { writes_per_second: writes } }) })
    );
    assert.equal((await put()).headers['ratelimit'], undefined);
    assert.equal((await limit(1)).status, 200);
    assert.deepEqual(statusesOf(await several(2, put)), [200, 429]);
    await limit(5);
    assert.equal((await put()).headers['ratelimit-policy'], `"${WRITES}";q=5;w=1`);
    await limit(null);
    const free = await put();
    assert.deepEqual([free.status, rateHeadersOf(free)], [200, [undefined, undefined, undefined]]);
  }));

test('a batch that is sent again with its Idempotency-Key takes one token', () =>
  withRates({ writes_per_second: 10 }, async ({ server }) => {
    const ops = Array.from({ length: 4 }, (_, index) => ({ op: 'set', key: `k${index}`, value: 1 }));
    const sent = { body: JSON.stringify({ ops }), headers: { 'Idempotency-Key': 'r1' } };
    const remaining: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      const { headers } = await server.send('POST', `${PROJECT}/batch`, sent);
      remaining.push(/r=(\d+)/.exec(String(headers['ratelimit']))?.[1] ?? '');
    }
    assert.deepEqual(remaining, ['6', '5', '4']);
  }));

test.run();
