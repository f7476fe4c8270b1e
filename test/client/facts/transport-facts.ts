/** Facts about failures: what is sent again, what is not, and what an error says. */
import { SimpleKvError } from '../../../src/client/index.js';
import type { Fact } from './fact.js';
import { failingFirst, losesAnswer, networkFailure, problem, watchedFetch } from './fake-fetch.js';
import { all, fails, holds, rejection, same } from './expect.js';

const QUICK = { retry: { minMs: 1, maxMs: 2 } } as const;

/** They hold in every environment. */
export const TRANSPORT_FACTS: readonly Fact[] = [
  ['an error has the code, status, facts and request of the answer', async ({ kv, client }) => {
    const error = await fails(kv.set('x'.repeat(1025), 1), 'invalid_key');
    same([error.status, error.facts.limit, error.name, error.isRetryable], [400, 1024, 'SimpleKvError', false]);
    holds(typeof error.requestId === 'string' && error.requestId.startsWith('idem:'), 'the error names its request');
    same((await fails(client({ key: 'skv_p_wrong' }).get('a'), 'unauthorized')).status, 401);
    same((await fails(client({ project: 'other-project' }).get('a'), 'forbidden')).status, 403);
  }],
  ['a read is sent again after a failure of the network, so often and no more', async ({ client }) => {
    const some = watchedFetch(failingFirst(3, async () => Promise.reject(networkFailure())));
    same(await client({ ...QUICK, fetch: some.fetch }).get('a'), undefined);
    same(some.asked.length, 4);
    const none = watchedFetch(async () => Promise.reject(networkFailure()));
    const error = await fails(client({ ...QUICK, fetch: none.fetch }).get('a'), 'network_error');
    same([none.asked.length, error.status, error.isRetryable, error.isUnanswered], [4, 0, true, true]);
    const once = watchedFetch(async () => Promise.reject(networkFailure()));
    await fails(client({ retry: false, fetch: once.fetch }).get('a'), 'network_error');
    same(once.asked.length, 1);
  }],
  ['a write whose answer was lost is sent again with its key, and takes effect once', async ({ client, kv }) => {
    const loses = failingFirst(2, losesAnswer);
    const { fetch, asked } = watchedFetch((one, forward) => (one.method === 'PUT' ? loses(one, forward) : forward()));
    const lossy = client({ ...QUICK, fetch });
    const receipt = await lossy.set('a', 1);
    const puts = asked.filter(({ method }) => method === 'PUT');
    same([puts.length, new Set(puts.map(({ headers }) => headers.get('Idempotency-Key'))).size], [3, 1]);
    same([receipt.created, (await kv.getEntry('a'))?.etag], [true, receipt.etag]);
    same((await all(kv.history('a'))).length, 1);
    const batch = client({ ...QUICK, fetch: watchedFetch(failingFirst(1, losesAnswer)).fetch });
    same((await batch.batch().set('a', 2).commit()).hash?.length, 64);
    const deleted = client({ ...QUICK, fetch: watchedFetch(failingFirst(1, losesAnswer)).fetch });
    same((await deleted.delete('a'))?.key, 'a');
    same((await all(kv.history('a'))).map(({ op }) => op), ['delete', 'set', 'set']);
  }],
  ['what the server refuses for good, or does not know, is never sent again', async ({ client }) => {
    for (const [status, code] of [[503, 'outcome_unknown'], [507, 'disk_full'], [507, 'quota_exceeded'], [412, 'precondition_failed'],
      [503, 'log_failed'], [500, 'internal_error']] as const) {
      const { fetch, asked } = watchedFetch(async () => problem(status, code, { 'Retry-After': '0' }));
      const error = await fails(client({ ...QUICK, fetch }).set('a', 1), code);
      same([asked.length, error.isRetryable], [1, false], code);
    }
  }],
  ['what the server refuses for now is sent again, after the time that it asks for', async ({ client, kv }) => {
    for (const [status, code] of [[429, 'rate_limited'], [503, 'starting'], [503, 'shutting_down'], [503, 'queue_full']] as const) {
      const { fetch, asked } = watchedFetch(failingFirst(2, async () => problem(status, code)));
      await client({ ...QUICK, fetch }).set(code, 1);
      same([asked.length, await kv.get(code)], [3, 1], code);
    }
    const { fetch } = watchedFetch(failingFirst(1, async () => problem(429, 'rate_limited', { 'Retry-After': '1' })));
    const startMs = performance.now();
    await client({ ...QUICK, fetch }).set('late', 1);
    holds(performance.now() - startMs >= 950, 'the second is waited for');
    const far = watchedFetch(async () => problem(429, 'rate_limited', { 'Retry-After': '61' }));
    same((await fails(client({ ...QUICK, fetch: far.fetch }).get('a'), 'rate_limited')).retryAfterMs, 61_000);
    same(far.asked.length, 1);
  }],
  ['a refusal after an attempt without an answer does not hide that the write may have been made', async ({ client }) => {
    const { fetch } = watchedFetch(failingFirst(1, losesAnswer));
    let count = 0;
    const kv = client({ ...QUICK, fetch: async (...request) => {
      count += 1;
      return count === 1 || String(request[0]).endsWith('/limits') ? await fetch(...request) : problem(503, 'queue_full');
    } });
    await fails(kv.set('a', 1), 'network_error');
  }],
  ['without idempotency on the server, a write without a condition is not sent again when it may have arrived', async ({ client }) => {
    const old = (lost: number): ReturnType<typeof watchedFetch> => {
      const loses = failingFirst(lost, losesAnswer);
      return watchedFetch(async (asked, forward) => {
        if (asked.url.endsWith('/limits')) return problem(404, 'not_found');
        return await (asked.method === 'GET' ? forward() : loses(asked, forward));
      });
    };
    const plain = old(1);
    await fails(client({ ...QUICK, fetch: plain.fetch }).set('a', 1), 'network_error');
    same(plain.asked.filter(({ method }) => method === 'PUT').length, 1);
    const conditional = old(1);
    await client({ ...QUICK, fetch: conditional.fetch }).set('b', 1, { ifSeq: 0 });
    same(conditional.asked.filter(({ method }) => method === 'PUT').length, 2);
  }],
  ['changes of projects are not sent again when they may have arrived', async ({ url, globalKey, admin, project }) => {
    const { SimpleKvAdmin } = await import('../../../src/client/index.js');
    const { fetch, asked } = watchedFetch(failingFirst(1, losesAnswer));
    const lossy = new SimpleKvAdmin({ ...QUICK, url, key: globalKey, fetch });
    await fails(lossy.projects.create({ id: `${project}-twin` }), 'network_error');
    same([asked.length, (await admin.projects.get(`${project}-twin`)).state], [1, 'serving']);
  }],
  ['an attempt has a time limit, and a call can be ended', async ({ client, kv }) => {
    const hangs = watchedFetch(async ({ signal }) => await new Promise((_, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason as Error));
    }));
    const slow = client({ ...QUICK, fetch: hangs.fetch, timeoutMs: 20 });
    await fails(slow.get('a'), 'timeout');
    same(hangs.asked.length, 4);
    const reason = new Error('enough');
    same(await rejection(kv.get('a', { signal: AbortSignal.abort(reason) })) === reason, true);
    const controller = new AbortController();
    const call = rejection(client({ fetch: hangs.fetch }).set('a', 1, { signal: controller.signal }));
    controller.abort(reason);
    same(await call === reason, true);
    const waiting = new AbortController();
    const late = client({ fetch: watchedFetch(async () => problem(429, 'rate_limited', { 'Retry-After': '30' })).fetch });
    const waits = rejection(late.get('a', { signal: waiting.signal }));
    setTimeout(() => waiting.abort(reason), 5);
    same(await waits === reason, true);
  }],
  ['what is not SimpleKV is a bad answer, and a proxy that cannot reach it is tried again', async ({ client }) => {
    const page = watchedFetch(async () => new Response('<html>', { status: 200 }));
    await fails(client({ fetch: page.fetch }).count(), 'bad_answer');
    await fails(client({ fetch: page.fetch }).getMany(['a']), 'bad_answer');
    await fails(client({ fetch: page.fetch }).getEntry('a'), 'bad_answer');
    same(page.asked.length, 3);
    const moved = watchedFetch(async () => new Response('', { status: 301, headers: { Location: 'https://kv.example/' } }));
    const { message } = await fails(client({ fetch: moved.fetch }).set('a', 1), 'bad_answer');
    holds(message.includes('301 https://kv.example/'), `the message says where: ${message}`);
    same(moved.asked.length, 1);
    const proxy = watchedFetch(failingFirst(2, async () => new Response('Bad gateway', { status: 502 })));
    same(await client({ ...QUICK, fetch: proxy.fetch }).get('a'), undefined);
  }],
  ['the API key is asked for before each attempt, and never quoted', async ({ client, key, url }) => {
    const keys = ['skv_p_wrong', key];
    const changing = client({ key: async () => keys.shift() ?? key });
    await fails(changing.get('a'), 'unauthorized');
    same(await changing.get('a'), undefined);
    const failure = new Error('no key today');
    same(await rejection(client({ key: () => Promise.reject(failure) }).get('a')) === failure, true);
    const bad = await rejection(client({ key: 'secret\nkey' }).get('a'));
    holds(bad instanceof TypeError && !bad.message.includes('secret'), 'a key that no header can have is refused');
    for (const wrong of ['ftp://host', url.replace('//', '//user:secret@'), `${url}/?a=1`, 'nothing']) {
      try {
        client({ url: wrong });
        throw new Error(`${wrong} is taken`);
      } catch (error) {
        holds(error instanceof TypeError && !error.message.includes('secret'), `${wrong} is refused`);
      }
    }
    same(await client({ url: `${url}/api/v1/` }).get('a'), undefined);
    const { fetch, asked } = watchedFetch();
    await client({ fetch, headers: { 'X-Request-Id': 'mine' } }).get('a');
    same(asked[0]?.headers.get('X-Request-Id'), 'mine');
  }],
  ['a tag that a proxy has weakened is still the version', async ({ client }) => {
    const { fetch } = watchedFetch(async (_, forward) => {
      const answer = await forward();
      const headers = new Headers(answer.headers);
      if (headers.has('ETag')) headers.set('ETag', `W/${headers.get('ETag') ?? ''}`);
      return new Response(await answer.text(), { status: answer.status, headers });
    });
    const kv = client({ fetch });
    const { etag } = await kv.set('a', 1);
    same((await kv.getEntry('a'))?.etag, etag);
    await kv.update<number>('a', (value = 0) => value + 1);
    same((await fails(kv.set('a', 3, { ifEtag: etag }), 'precondition_failed')).facts.etag, (await kv.getEntry('a'))?.etag);
  }],
  ['an iteration asks for one page ahead at most, and a break ends that request', async ({ client, kv }) => {
    const batch = kv.batch();
    for (let index = 0; index < 10; index += 1) batch.set(`k${index}`, index);
    await batch.commit();
    const { fetch, asked } = watchedFetch();
    const watched = client({ fetch });
    let count = 0;
    for await (const key of watched.keys({ pageSize: 2 })) {
      count += 1;
      holds(asked.length <= Math.ceil(count / 2) + 1, `${asked.length} pages were asked for at ${key}`);
    }
    same([count, asked.length], [10, 5]);
    const pending = watchedFetch(async ({ url }, forward) => (
      url.includes('cursor') ? await new Promise(() => undefined) : await forward()
    ));
    for await (const key of client({ fetch: pending.fetch }).entries({ pageSize: 2 })) {
      same(key.key, 'k0');
      break;
    }
    same([pending.asked.length, pending.asked[1]?.signal?.aborted], [2, true]);
    const reason = new SimpleKvError('busy', 'stop');
    const controller = new AbortController();
    const stopped = (async () => {
      for await (const key of kv.keys({ pageSize: 2, signal: controller.signal })) if (key === 'k3') controller.abort(reason);
    })();
    same(await rejection(stopped) === reason, true);
  }],
];
