/** Facts about the log of a project: its past, its events, and following them. */
import type { ChangeEvent, WatchConnection, WatchEvent } from '../../../src/client/index.js';
import type { Fact } from './fact.js';
import { networkFailure, problem, watchedFetch } from './fake-fetch.js';
import { all, fails, holds, rejection, same } from './expect.js';

const QUICK = { retry: { minMs: 1, maxMs: 2 } } as const;

function isChange(event: WatchEvent): event is ChangeEvent {
  return 'line' in event;
}

/** A stream that breaks after so many pieces. */
function cutAfter(answer: Response, pieces: number): Response {
  let left = pieces;
  const cut = new TransformStream<Uint8Array, Uint8Array>({
    transform(piece, controller) {
      controller.enqueue(piece);
      left -= 1;
      if (left <= 0) controller.error(networkFailure());
    },
  });
  return new Response(answer.body?.pipeThrough(cut) ?? null, { status: answer.status, headers: answer.headers });
}

/** They hold in every environment. */
export const LOG_FACTS: readonly Fact[] = [
  ['the past is read as it was, by seq and by time', async ({ kv }) => {
    const first = await kv.set('a', { n: 1 });
    await kv.set('.', 'dot');
    const { seq } = await kv.set('b', 2);
    await kv.set('a', 3);
    await kv.delete('.');
    const then = kv.at(seq);
    same([await then.get('a'), await then.getText('.'), await then.has('b'), await then.count()], [{ n: 1 }, '"dot"', true, 3]);
    same(await all(then.keys({ pageSize: 1 })), ['.', 'a', 'b']);
    same((await all(then.entries({ pageSize: 2 }))).map(({ value }) => value), ['dot', { n: 1 }, 2]);
    same([(await then.getEntry('a'))?.etag, (await then.getEntry('.'))?.value], [first.etag, 'dot']);
    same([...await then.getMany(['a', 'b'])], [['a', { n: 1 }], ['b', 2]]);
    same(await kv.get('a', { at: first.seq }), { n: 1 });
    same(await kv.at(0).get('a'), undefined);
    const time = (await all(kv.history('a')))[0]?.time ?? new Date();
    await new Promise((resolve) => setTimeout(resolve, 5));
    await kv.set('a', 4);
    same(await kv.at(new Date(time.getTime() + 1)).get('a'), 3);
    await fails(kv.at(10_000).get('a'), 'invalid_query');
  }],
  ['the history of a key is newest first, in pages, up to a limit', async ({ kv }) => {
    for (let value = 1; value <= 5; value += 1) await kv.set('a', value);
    await kv.batch().set('a', 6).set('b', 1).commit();
    await kv.delete('a');
    same((await all(kv.history('a'))).map(({ op, value }) => [op, value]).slice(0, 4), [
      ['delete', undefined], ['batch', undefined], ['set', 5], ['set', 4],
    ]);
    same((await all(kv.history('a', { limit: 3 }))).length, 3);
    const [, batch] = await all(kv.history('a', { limit: 2 }));
    same(batch?.changes?.map(({ op, key, value, text }) => [op, key, value, text]), [['set', 'a', 6, '6'], ['set', 'b', 1, '1']]);
    const sets = await all(kv.events({ op: 'set', key: 'a' }));
    same(sets.map(({ value }) => value), [1, 2, 3, 4, 5, undefined]);
    holds(sets.every((event) => event.position === `${event.seq}-${event.hash.slice(0, 8)}`), 'each event has its position');
    const after = await all(kv.events({ since: sets[3]?.position, until: sets[4]?.seq }));
    same(after.map(({ value }) => value), [5]);
    const first = await all(kv.events({ limit: 1 }));
    same([first[0]?.op, first[0]?.key, first[0]?.value], ['project.create', undefined, undefined]);
  }],
  ['events tell of expiry, and of other values token for token', async ({ kv }) => {
    const at = new Date(Math.ceil(Date.now() / 1000) * 1000 + 3_600_000);
    await kv.setText('a', '1.00', { expiresAt: at });
    await kv.batch().touch('a').commit();
    const [touched, set] = await all(kv.history('a'));
    same([set?.op, set?.expiresAt, set?.text, set?.value], ['set.until', at, '1.00', 1]);
    same([touched?.op, touched?.expiresAt, touched?.key], ['touch', null, 'a']);
  }],
  ['a watch yields what there is, then says that it is live, then what comes', async ({ kv }) => {
    await kv.set('a', 1);
    const seen: (string | unknown)[] = [];
    for await (const event of kv.watch({ since: 0 })) {
      seen.push(event.op === 'live' ? 'live' : isChange(event) ? event.value ?? event.op : event.op);
      if (event.op === 'live') await kv.set('a', 2);
      if (isChange(event) && event.value === 2) break;
    }
    same(seen.filter((one) => one !== 'project.create' && one !== 'project.key'), [1, 'live', 2]);
  }],
  ['a watch yields every event once though each connection breaks', async ({ kv, client }) => {
    const { fetch, asked } = watchedFetch(async ({ url }, forward) => {
      const answer = await forward();
      return url.includes('/events') && answer.ok ? cutAfter(answer, 2) : answer;
    });
    const states: WatchConnection[] = [];
    const seqs: number[] = [];
    const values: unknown[] = [];
    let writing: Promise<void> | undefined;
    const onConnection = (state: WatchConnection): void => void states.push(state);
    for await (const event of client({ ...QUICK, fetch }).watch({ key: 'n', onConnection })) {
      if (event.op === 'live') {
        writing = (async () => {
          for (let value = 1; value <= 30; value += 1) await kv.set('n', value);
        })();
      }
      if (!isChange(event)) continue;
      seqs.push(event.seq);
      values.push(event.value);
      if (event.value === 30) break;
    }
    await writing;
    same(values, Array.from({ length: 30 }, (_, index) => index + 1));
    same([...new Set(seqs)].sort((a, b) => a - b), seqs);
    const resumed = asked.filter(({ headers }) => headers.has('Last-Event-ID'));
    holds(resumed.length > 1 && asked[0]?.url.includes('since=now') === true, 'it went on where it stopped');
    holds(states.some(({ state }) => state === 'waiting'), 'each break is reported');
  }],
  ['a watch filters by key, prefix and operations', async ({ kv }) => {
    const wanted = async (options: Parameters<typeof kv.watch>[0]): Promise<unknown[]> => {
      const found: unknown[] = [];
      for await (const event of kv.watch({ since: 0, ...options })) {
        if (event.op === 'live') break;
        if (isChange(event)) found.push(event.key ?? event.op);
      }
      return found;
    };
    await kv.set('a/1', 1);
    await kv.set('b', 1);
    await kv.delete('a/1');
    await kv.batch().set('a/2', 1).delete('b').commit();
    same(await wanted({ prefix: 'a/' }), ['a/1', 'a/1', 'batch']);
    same(await wanted({ key: 'b' }), ['b', 'batch']);
    same(await wanted({ ops: ['delete'] }), ['a/1', 'batch']);
    same(await wanted({ ops: ['set', 'touch'], prefix: 'a/' }), ['a/1', 'batch']);
    same(await wanted({ actor: 'no such actor' }), []);
  }],
  ['a position that is not in this log is a reset, which is yielded, and the watch goes on after it', async ({ kv }) => {
    const { seq } = await kv.set('a', 1);
    const seen: string[] = [];
    for await (const event of kv.watch({ since: `${seq}-00000000` })) {
      seen.push(event.op);
      if (event.op === 'reset') {
        same(event.lastSeq, seq);
        await kv.set('a', 2);
      }
      if (isChange(event)) {
        same([event.seq, event.value], [seq + 1, 2]);
        break;
      }
    }
    same(seen.filter((op) => op !== 'live'), ['reset', 'set']);
  }],
  ['a watch ends with the reason of its signal, with a refusal, and its request with the loop', async ({ kv, client, url }) => {
    const reason = new Error('enough');
    const controller = new AbortController();
    const watching = (async () => {
      for await (const event of kv.watch({ signal: controller.signal })) {
        if (event.op === 'live') setTimeout(() => controller.abort(reason), 5);
      }
    })();
    same(await rejection(watching) === reason, true);
    await fails(client({ key: 'skv_p_wrong' }).watch().next(), 'unauthorized');
    await fails(client({ project: 'none' }).watch().next(), 'forbidden');
    const { fetch, asked } = watchedFetch();
    for await (const event of client({ fetch }).watch()) if (event.op === 'live') break;
    same([asked.length, asked[0]?.signal?.aborted, asked[0]?.url.startsWith(url)], [1, true, true]);
    const busy = watchedFetch(async () => problem(503, 'starting'));
    await fails(client({ retry: false, fetch: busy.fetch }).watch().next(), 'starting');
  }],
  ['a watch ends when its API key does', async ({ kv, admin, project, client }) => {
    const { id, api_key: key } = await admin.apiKeys.create(project, { name: 'short', permissions: ['history'] });
    const watching = (async () => {
      for await (const event of client({ ...QUICK, key }).watch()) if (event.op === 'live') await admin.apiKeys.revoke(project, id);
    })();
    await fails(watching, 'unauthorized');
    await kv.set('a', 1);
  }],
];
