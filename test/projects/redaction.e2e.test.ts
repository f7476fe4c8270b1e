/** Erasing values over HTTP: who may, what is answered, and what every other route then shows. */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { NodeDisk } from '../../src/disk/node-disk.js';
import { bisectKey } from '../../src/offline/replay/bisect-key.js';
import { verifyFolder } from '../../src/offline/verify/verify-folder.js';
import { suite } from '../suite.js';
import { type Answer, type ServedFolder, withShop } from './served-folder.js';

const test = suite('redaction.e2e');

const SECRET = 'Ada Lovelace';
const REASON = 'asked by the customer';

async function redact(served: ServedFolder, body: unknown, scope = 'global'): Promise<Answer> {
  return await served.ask('POST', '/projects/shop/redact', { key: served.key(scope), body });
}

async function set(served: ServedFolder, value: unknown): Promise<{ readonly seq: number; readonly hash: string }> {
  const { body } = await served.set('shop', ['person', value], served.key('shop'));
  return body as { readonly seq: number; readonly hash: string };
}

test('the values of lines are erased, and the log, its receipts and its history say so', async () => {
  await withShop(async (served) => {
    const old = await set(served, SECRET);
    await set(served, 'new');
    const { status, body } = await redact(served, { seqs: [old.seq, 1], reason: REASON });
    assert.equal(status, 200);
    assert.deepEqual([body['erased'], body['already_erased'], body['without_value']], [[old.seq], [], [1]]);
    const key = served.key('shop');
    const receipts = await Promise.all([old, body as unknown as typeof old].map(({ seq, hash }) => (
      served.ask('GET', `/projects/shop/receipts?seq=${seq}&hash=${hash}`, { key })
    )));
    assert.deepEqual(receipts.map((receipt) => [receipt.status, receipt.body['op']]), [[200, 'set'], [200, 'redact']]);
    const events = await served.ask('GET', '/projects/shop/events?key=person', { key });
    const found = events.body['events'] as readonly Record<string, unknown>[];
    assert.deepEqual(found.map(({ op, erased, reason }) => [op, erased, reason]), [
      ['set', true, undefined], ['set', undefined, undefined], ['redact', undefined, REASON],
    ]);
    assert.ok(!(await served.ask('GET', '/projects/shop/events', { key })).text.includes(SECRET));
    assert.ok([...(await served.dataFiles()).values()].every((text) => !text.includes(SECRET)));
    const again = await redact(served, { seqs: [old.seq], reason: REASON });
    assert.deepEqual([again.status, again.body], [200, { erased: [], already_erased: [old.seq], without_value: [] }]);
    await served.restart();
    assert.equal((await served.ask('GET', '/projects/shop/keys/person', { key: served.key('shop') })).text, '"new"');
    const source = { disk: new NodeDisk(), dataFolder: served.dataFolder, project: 'shop' };
    const held: (string | null | undefined)[] = [];
    const { line } = await bisectKey({ ...source, key: 'person', holds: (value) => held.push(value) > 0 && value === '"new"' });
    assert.deepEqual([line?.seq, held], [old.seq + 1, [undefined, null, '"new"']]);
    const scratchFolder = path.join(served.folder, 'scratch');
    await mkdir(scratchFolder);
    for await (const { project, findings, notes } of verifyFolder({ disk: new NodeDisk(), dataFolder: served.dataFolder, scratchFolder })) {
      assert.deepEqual([findings, notes.filter((note) => note.includes('erased'))], [[], []], project);
    }
  });
});

test('a value that was erased is not read at an earlier moment, on disk and in memory', async () => {
  await withShop(async (served) => {
    const key = served.key('global');
    await served.create('memory', { storage: { on_disk: false } });
    for (const id of ['shop', 'memory']) {
      const put = async (value: unknown): Promise<number> => Number((await served.set(id, ['person', value], key)).body['seq']);
      await served.set(id, ['other', 'stays'], key);
      const old = await put(SECRET);
      const ops = [{ op: 'touch', key: 'person', ttl_seconds: 3600 }];
      const touched = Number((await served.ask('POST', `/projects/${id}/batch`, { key, body: { ops } })).body['seq']);
      await put(null);
      const newest = await put('new');
      const at = async (seq: number, target = 'keys/person?'): Promise<Answer> => (
        await served.ask('GET', `/projects/${id}/${target}at=${seq}`, { key })
      );
      assert.deepEqual([(await at(old)).status, (await at(old, 'keys?')).status], [200, 200]);
      const erased = await served.ask('POST', `/projects/${id}/redact`, { key, body: { seqs: [old], reason: REASON } });
      assert.equal(erased.status, 200);
      for (const seq of [old, touched]) {
        const answer = await at(seq);
        assert.deepEqual([answer.status, answer.body['code'], answer.body['seq']], [410, 'value_redacted', old]);
        const listing = await at(seq, 'keys?');
        assert.deepEqual([listing.status, listing.body['code']], [410, 'value_redacted']);
        assert.deepEqual(JSON.parse((await at(seq, 'keys?values=false&')).text), ['other', 'person']);
      }
      assert.deepEqual((await at(newest - 1, 'keys?')).body, { other: 'stays', person: null });
      assert.deepEqual((await at(newest)).text, '"new"');
    }
  });
});

test('a revert brings back no value that was erased, and knows what was erased on the way', async () => {
  await withShop(async (served) => {
    const key = served.key('global');
    const write = async (ops: readonly object[]): Promise<number> => (
      Number((await served.ask('POST', '/projects/shop/batch', { key, body: { ops } })).body['seq'])
    );
    const people = Array.from({ length: 8 }, (_, index) => `person/${index}`);
    const put = async (name: string, value: unknown): Promise<number> => await write([{ op: 'set', key: name, value }]);
    await put('other', 'old');
    const before = await write(people.slice(1).map((name) => ({ op: 'set', key: name, value: 'first' })));
    const old = await put('person/0', SECRET);
    await write(people.map((name) => ({ op: 'set', key: name, value: 'second' })));
    await put('other', 'new');
    assert.equal((await redact(served, { seqs: [old], reason: REASON })).status, 200);
    const revert = async (body: object): Promise<Answer> => (
      await served.ask('POST', '/projects/shop/revert', { key, body: { ...body } })
    );
    for (const wanted of [{ keys: ['person/0'] }, { keys: people }, { prefix: 'person/' }, { prefix: '' }]) {
      const answer = await revert({ to: old, ...wanted });
      assert.deepEqual([answer.status, answer.body['code'], answer.body['seq']], [410, 'value_redacted', old], JSON.stringify(wanted));
    }
    assert.equal((await revert({ to: old, keys: ['person/1', 'other'] })).status, 200);
    assert.equal((await revert({ to: before, prefix: 'person/' })).status, 200);
    const { body } = await served.ask('GET', '/projects/shop/keys', { key });
    assert.deepEqual(body, { other: 'old', ...Object.fromEntries(people.slice(1).map((name) => [name, 'first'])) });
  });
});

test('a value that is older than the log keeps its protection and its erasure when only its expiry was changed since', async () => {
  await withShop(async (served) => {
    const key = served.key('global');
    await served.create('moved', { storage: { on_disk: false } });
    const ask = async (method: string, target: string, body?: unknown): Promise<Answer> => (
      await served.ask(method, `/projects/moved${target}`, { key, ...(body !== undefined && { body }) })
    );
    const old = Number((await served.set('moved', ['person', SECRET], key)).body['seq']);
    assert.equal((await ask('PUT', '', { storage: { on_disk: true } })).status, 200);
    const ops = [{ op: 'touch', key: 'person', ttl_seconds: 3600 }];
    const touched = Number((await ask('POST', '/batch', { ops })).body['seq']);
    const refused = await ask('POST', '/redact', { seqs: [old], reason: REASON });
    assert.deepEqual([refused.status, refused.body['code'], refused.body['keys']], [409, 'value_in_use', ['person']]);
    assert.equal((await ask('GET', '/keys/person')).text, JSON.stringify(SECRET));
    await served.set('moved', ['person', null], key);
    const erased = await ask('POST', '/redact', { seqs: [old], reason: REASON });
    assert.deepEqual([erased.status, erased.body['erased']], [200, [old]]);
    for (const [method, target, body] of [
      ['GET', `/keys/person?at=${touched}`], ['GET', `/keys?at=${touched}`], ['GET', `/diff?from=${touched}&values=true`],
      ['POST', '/revert', { to: touched }], ['POST', '/revert', { to: touched, keys: ['person'] }],
    ] as const) {
      const answer = await ask(method, target, body);
      assert.deepEqual([answer.status, answer.body['code'], answer.body['seq']], [410, 'value_redacted', old], `${method} ${target}`);
    }
    assert.equal((await ask('GET', '/keys/person')).text, 'null');
    assert.equal((await ask('GET', `/keys?at=${touched + 1}`)).text, '{"person":null}');
  });
});

test('a search of files takes no value for one that was erased in the snapshot that the log continues from', async () => {
  await withShop(async (served) => {
    const key = served.key('global');
    await served.create('moved', { storage: { on_disk: false } });
    const old = Number((await served.set('moved', ['person', SECRET], key)).body['seq']);
    assert.equal((await served.ask('PUT', '/projects/moved', { key, body: { storage: { on_disk: true } } })).status, 200);
    await served.set('moved', ['person', 'new'], key);
    assert.equal((await served.ask('POST', '/projects/moved/redact', { key, body: { seqs: [old], reason: REASON } })).status, 200);
    const seen: unknown[] = [];
    const holds = (value: unknown): boolean => seen.push(value) < 0;
    await bisectKey({ disk: new NodeDisk(), dataFolder: served.dataFolder, project: 'moved', key: 'person', holds });
    assert.deepEqual(seen, [null, '"new"']);
  });
});

test('what cannot be erased is refused, with its reason', async () => {
  await withShop(async (served) => {
    const { seq } = await set(served, SECRET);
    const refusals: readonly (readonly [unknown, number, string])[] = [
      [{ seqs: [seq], reason: REASON }, 409, 'value_in_use'],
      [{ seqs: [seq + 1], reason: REASON }, 409, 'ahead_of_log'],
      [{ seqs: [], reason: REASON }, 400, 'invalid_body'],
      [{ seqs: [0], reason: REASON }, 400, 'invalid_body'],
      [{ seqs: [1.5], reason: REASON }, 400, 'invalid_body'],
      [{ seqs: ['1'], reason: REASON }, 400, 'invalid_body'],
      [{ seqs: Array.from({ length: 1001 }, (_, index) => index + 1), reason: REASON }, 400, 'invalid_body'],
      [{ seqs: [seq] }, 400, 'invalid_body'],
      [{ seqs: [seq], reason: '' }, 400, 'invalid_body'],
      [{ seqs: [seq], reason: 'x'.repeat(501) }, 400, 'invalid_body'],
      [{ seqs: [seq], reason: REASON, keys: ['person'] }, 400, 'invalid_body'],
      [[seq], 400, 'invalid_body'],
    ];
    for (const [sent, status, code] of refusals) {
      const answer = await redact(served, sent);
      assert.deepEqual([answer.status, answer.body['code']], [status, code], JSON.stringify(sent).slice(0, 80));
    }
    assert.deepEqual((await redact(served, { seqs: [seq], reason: REASON })).body['keys'], ['person']);
    assert.equal((await redact(served, { seqs: [seq], reason: REASON }, 'shop')).status, 403);
    const unknown = await served.ask('POST', '/projects/none/redact', { key: served.key('global'), body: { seqs: [1], reason: 'r' } });
    assert.equal(unknown.status, 404);
    assert.equal((await served.ask('GET', '/projects/shop/keys/person', { key: served.key('shop') })).text, JSON.stringify(SECRET));
  });
});

test('a line that is gone, and a line of a project in memory', async () => {
  await withShop(async (served) => {
    const key = served.key('global');
    await served.ask('PUT', '/projects/shop', { key, body: { storage: { on_disk: false } } });
    const old = await set(served, SECRET);
    await set(served, 'new');
    assert.deepEqual((await redact(served, { seqs: [old.seq], reason: REASON })).body['erased'], [old.seq]);
    assert.ok(!(await served.ask('GET', '/projects/shop/events', { key })).text.includes(SECRET));
    const gone = await redact(served, { seqs: [2], reason: REASON });
    assert.deepEqual([gone.status, gone.body['code']], [410, 'history_gone']);
  });
});

test.run();
