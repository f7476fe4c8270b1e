/** Facts about reading and changing keys. */
import type { Fact } from './fact.js';
import { all, fails, holds, rejection, same } from './expect.js';

/** Names that a path could change on the way. */
const ODD_KEYS = [
  '.', '..', 'a/../b', '/', 'a/', '//', '%2F', '%', 'a b', 'a+b', '?x=1#y', 'é', 'e\u0301', '😀', '__proto__', 'constructor', '10', '2',
  '"', '\\', 'a,"value":1', '\u2028', '~!*()\'',
];

/** They hold in every environment. */
export const KEY_FACTS: readonly Fact[] = [
  ['a value that was set is read back, with its receipt', async ({ kv }) => {
    const value = { name: 'Ada', list: [1, null, 'é😀'], '': true };
    const receipt = await kv.set('user/1', value);
    same(await kv.get('user/1'), value);
    const entry = await kv.getEntry('user/1');
    same([receipt.key, receipt.created, receipt.durable, receipt.etag, receipt.seq], ['user/1', true, true, entry?.etag, entry?.seq]);
    holds(/^[0-9a-f]{64}$/.test(receipt.hash), 'the hash is one');
    same((await kv.set('user/1', 1)).created, false);
  }],
  ['a key that does not exist is undefined everywhere, and deleting it answers undefined', async ({ kv }) => {
    same(await kv.get('no'), undefined);
    same(await kv.getText('no'), undefined);
    same(await kv.getEntry('no'), undefined);
    same(await kv.has('no'), false);
    same(await kv.delete('no'), undefined);
    same(await kv.get('.'), undefined);
    same(await kv.getEntry('..'), undefined);
    same(await kv.delete('..'), undefined);
  }],
  ['every name of a key stays what it is, in paths, bodies and listings', async ({ kv }) => {
    for (const key of ODD_KEYS) {
      const receipt = await kv.set(key, { key });
      same([receipt.key, receipt.created], [key, true], key);
      same(await kv.get(key), { key }, key);
      const entry = await kv.getEntry(key);
      same([entry?.key, entry?.seq, entry?.etag, entry?.value], [key, receipt.seq, receipt.etag, { key }], key);
      holds(Math.abs((entry?.modifiedAt.getTime() ?? 0) - Date.now()) < 600_000, `${key} has the time of its version`);
      same(await kv.has(key), true, key);
    }
    const many = await kv.getMany(ODD_KEYS);
    same([...many.keys()], ODD_KEYS);
    const listed = await all(kv.keys({ pageSize: 3 }));
    same([...listed].sort(), [...ODD_KEYS].sort());
    const entries = await all(kv.entries<{ key: string }>({ pageSize: 4 }));
    same(entries.map(({ key }) => key), listed);
    holds(entries.every(({ key, value }) => value.key === key), 'each entry has its value');
    for (const key of ODD_KEYS) same((await kv.delete(key))?.key, key, key);
    same(await kv.count(), 0);
  }],
  ['keys that no path and no text can carry are refused before anything is sent', async ({ kv }) => {
    await fails(kv.set('', 1), 'invalid_key');
    await fails(kv.get('\ud800'), 'invalid_key');
    await fails(kv.getMany(['a', 'b\udc00']), 'invalid_key');
    await fails(kv.get('x'.repeat(1025)), 'invalid_key');
    await fails(kv.count({ prefix: '\ud800' }), 'invalid_key');
    same(await kv.count(), 0);
  }],
  ['the text of a value is kept token for token', async ({ kv }) => {
    const text = '{"n":1.0,"big":12345678901234567890,"e":1E5,"n":2, "s":"\\u0041\\"]}"}';
    for (const key of ['a', '.']) {
      await kv.setText(key, text);
      same(await kv.getText(key), text, key);
      same((await kv.getEntry(key))?.text, text, key);
    }
    const texts = (await all(kv.entries())).map((entry) => entry.text);
    same(texts, [text, text]);
    const events = await all(kv.history('a'));
    same(events.map((event) => event.text), [text]);
    await kv.batch().setText('b', text).commit();
    same(await kv.getText('b'), text);
  }],
  ['values are parsed and printed with the functions of the program', async ({ client }) => {
    const kv = client({ parse: (text) => `read ${text}`, stringify: (value) => `[${String(value)}]` });
    await kv.set('a', 1.5);
    await kv.set('.', 2);
    same([await kv.get('a'), await kv.get('.'), [...await kv.getMany(['a'])]], ['read [1.5]', 'read [2]', [['a', 'read [1.5]']]]);
    same((await all(kv.entries())).map(({ value }) => value), ['read [2]', 'read [1.5]']);
    same((await all(kv.history('a')))[0]?.value, 'read [1.5]');
  }],
  ['a value without a form in JSON is refused, and so is text that is not JSON', async ({ kv }) => {
    holds(await rejection(kv.set('a', undefined)) instanceof TypeError, 'undefined is refused');
    holds(await rejection(kv.set('a', () => 1)) instanceof TypeError, 'a function is refused');
    holds(await rejection(kv.setText('.', '1},{"op":"delete","key":"b"')) instanceof TypeError, 'no operation is smuggled in');
    await fails(kv.setText('a', '{'), 'invalid_json');
    same(await kv.count(), 0);
  }],
  ['conditions: by seq, by ETag, and for keys that do not exist', async ({ kv }) => {
    for (const key of ['a', '.']) {
      const first = await kv.create(key, 1);
      const again = await fails(kv.create(key, 2), 'precondition_failed');
      same([again.status, again.facts.current_seq], [412, first.seq], key);
      const second = await kv.set(key, 2, { ifSeq: first.seq });
      await fails(kv.set(key, 3, { ifEtag: first.etag }), 'precondition_failed');
      const third = await kv.set(key, 3, { ifEtag: second.etag });
      await fails(kv.delete(key, { ifSeq: second.seq }), 'precondition_failed');
      same(await kv.get(key), 3, key);
      same((await kv.delete(key, { ifEtag: `W/${third.etag}` }))?.key, key);
      same(await kv.has(key), false, key);
    }
    const { seq } = await kv.set('b', 1);
    const { facts } = await fails(kv.set('b', 2, { ifSeq: seq - 1 }), 'precondition_failed');
    same([facts.current_seq, facts.etag], [seq, (await kv.getEntry('b'))?.etag]);
  }],
  ['an entry that has not changed is not sent again', async ({ kv }) => {
    for (const key of ['a', '.']) {
      const { etag } = await kv.set(key, 1);
      same(await kv.getEntry(key, { ifNoneMatch: etag }), 'unchanged', key);
      await kv.set(key, 2);
      const entry = await kv.getEntry(key, { ifNoneMatch: etag });
      same(entry === 'unchanged' ? entry : entry?.value, 2, key);
    }
  }],
  ['values expire when they are to, and not before', async ({ kv }) => {
    const at = new Date(Math.ceil(Date.now() / 1000) * 1000 + 3_600_000);
    for (const key of ['a', '.']) {
      await kv.set(key, 1, { expiresAt: at });
      same((await kv.getEntry(key))?.expiresAt, at, key);
      await kv.set(key, 2, { keepTtl: true });
      same((await kv.getEntry(key))?.expiresAt, at, key);
      await kv.set(key, 3);
      same((await kv.getEntry(key))?.expiresAt, null, key);
      await kv.set(key, 4, { ttlMs: 1 });
      const expiresAt = (await all(kv.entries()).then((entries) => entries.find((entry) => entry.key === key)))?.expiresAt;
      holds(expiresAt === undefined || expiresAt instanceof Date, 'a part of a second is rounded up to one');
      await kv.delete(key);
    }
    await fails(kv.set('b', 1, { expiresAt: new Date(0) }), 'invalid_query');
    await fails(kv.set('b', 1, { ttlMs: 1000, keepTtl: true }), 'invalid_query');
  }],
  ['update computes again when the key was changed meanwhile, and deletes where it returns undefined', async ({ kv }) => {
    for (const key of ['n', '..']) {
      const add = (): Promise<unknown> => kv.update<number>(key, (value = 0) => value + 1, { attempts: 100 });
      await Promise.all(Array.from({ length: 8 }, add));
      same(await kv.get(key), 8, key);
      let calls = 0;
      await kv.update<number>(key, async (value, entry) => {
        calls += 1;
        same(entry?.value, value);
        if (calls === 1) await kv.set(key, 20);
        return (value ?? 0) + 1;
      });
      same([await kv.get(key), calls], [21, 2], key);
      same((await kv.update(key, () => undefined))?.key, key);
      same([await kv.has(key), await kv.update(key, () => undefined)], [false, undefined], key);
    }
    let count = 0;
    await fails(kv.update('m', async () => {
      count += 1;
      await kv.set('m', `other ${count}`);
      return 'mine';
    }, { attempts: 2 }), 'precondition_failed');
    same([count, await kv.get('m')], [2, 'other 2']);
  }],
  ['many keys are read at once, more than one request takes', async ({ kv }) => {
    const keys = Array.from({ length: 2100 }, (_, index) => `k${String(index).padStart(4, '0')}`);
    for (let from = 0; from < keys.length; from += 700) {
      const batch = kv.batch();
      for (const key of keys.slice(from, from + 700)) batch.set(key, key.length + from);
      same([batch.size, (await batch.commit()).results?.length], [700, 700]);
    }
    const read = await kv.getMany<number>([...keys.toReversed(), 'none', 'k0000']);
    same([read.size, [...read.keys()][0], read.get('k2099'), read.has('none')], [2100, 'k2099', 1405, false]);
    same((await kv.getMany([])).size, 0);
    same(await kv.count({ prefix: 'k00' }), 100);
    same(await all(kv.keys({ start: 'k0998', end: 'k1003' })), ['k0998', 'k0999', 'k1000', 'k1001', 'k1002']);
    same((await all(kv.keys({ pageSize: 500, reverse: true }))), keys.toReversed());
    same((await all(kv.entries({ prefix: 'k20', pageSize: 7 }))).map(({ key }) => key), keys.slice(2000, 2100));
  }],
  ['a batch is made whole or not at all, and its conditions name the operation', async ({ kv }) => {
    const { seq, etag } = await kv.set('stock', 9);
    const receipt = await kv.batch().check('stock', { seq }).set('stock', 8, { ifEtag: etag }).set('order', 1, { ifSeq: 0, ttlMs: 60_000 })
      .delete('basket').commit();
    same(receipt.results, [
      { key: 'stock', seq }, { key: 'stock', created: false }, { key: 'order', created: true }, { key: 'basket', existed: false },
    ]);
    const { facts } = await fails(kv.batch().set('a', 1).check('stock', { etag }).commit(), 'precondition_failed');
    same([facts.op_index, facts.key, facts.current_seq, await kv.has('a')], [1, 'stock', receipt.seq, false]);
    await fails(kv.batch().delete('none', { ifExists: true }).commit(), 'precondition_failed');
    same((await kv.batch().check('stock', { seq: receipt.seq }).commit()).hash, undefined);
    await kv.batch().touch('stock', { ttlMs: 60_000 }).touch('order').commit();
    holds((await kv.getEntry('stock'))?.expiresAt instanceof Date, 'the value expires');
    same((await kv.getEntry('order'))?.expiresAt, null);
    await fails(kv.batch().commit(), 'invalid_batch');
  }],
  ['a range of keys is deleted together, and everything only by name', async ({ kv }) => {
    await kv.batch().set('a/1', 1).set('a/2', 1).set('b', 1).commit();
    same((await kv.deleteRange({ prefix: 'a/', dryRun: true })).deleted, 2);
    await fails(kv.deleteRange({ prefix: 'a/', expectCount: 3 }), 'precondition_failed');
    holds(await rejection(kv.deleteRange({ prefix: '' })) instanceof TypeError, 'an empty prefix deletes nothing');
    holds(await rejection(kv.deleteRange({})) instanceof TypeError, 'no bound deletes nothing');
    const { deleted, hash } = await kv.deleteRange({ prefix: 'a/', expectCount: 2 });
    same([deleted, hash?.length, await kv.count()], [2, 64, 1]);
    same(await kv.deleteRange({ prefix: 'a/' }), { deleted: 0, seq: undefined, hash: undefined, durable: true });
    same([(await kv.clear()).deleted, await kv.count()], [1, 0]);
  }],
  ['a write that is sent again by the program takes effect once', async ({ kv }) => {
    const first = await kv.set('a', 1, { idempotencyKey: 'mine-1' });
    await kv.set('a', 2);
    const again = await kv.set('a', 1, { idempotencyKey: 'mine-1' });
    same([again, await kv.get('a')], [first, 2]);
    await fails(kv.set('a', 3, { idempotencyKey: 'mine-1' }), 'idempotency_key_reused');
    const made = await kv.batch().set('b', 1).commit({ idempotencyKey: 'mine-2' });
    same(await kv.batch().set('b', 1).commit({ idempotencyKey: 'mine-2' }), { ...made, results: undefined });
  }],
];
