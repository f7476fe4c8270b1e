/** Erasing values: they are gone from every file, everything else stays as it was, and what must not be erased is refused. */
import assert from 'node:assert/strict';
import type { StorageChange } from '../../../src/events/project-settings.js';
import { LogErasures } from '../../../src/log/file/reading/log-erasures.js';
import { readStoredKey } from '../../../src/offline/replay/read-stored-key.js';
import { replayState } from '../../../src/offline/replay/replay-state.js';
import { LogPaths } from '../../../src/log/file/log-paths.js';
import { suite } from '../../suite.js';
import { contentOf, DATA, namesIn, openCompacted, PROJECT } from '../compacted-project.js';
import { CONTEXT } from '../lives-fixture.js';
import { assertErased, filesWith, openWithSecrets, redact, REQUEST, SECRET, SECRET_KEYS, SECRET_SEQS } from './erasing-project.js';

const test = suite('ProjectErasure');

const STORAGES: Readonly<Record<string, StorageChange>> = {
  'under fsync': {},
  'under interval': { durability: 'interval' },
  'with values on disk': { cache_in_memory: false },
  'with compressed segments': { retention: { max_age_seconds: null, max_bytes: null, compress: 'gzip' } },
};

for (const [how, storage] of Object.entries(STORAGES)) {
  test(`no file has an erased value any more, ${how}`, async () => {
    const project = await openWithSecrets(storage);
    assert.ok(filesWith(project.disk, SECRET).length >= 6, filesWith(project.disk, SECRET).join());
    const before = await contentOf(project.store);
    const result = await redact(project);
    assert.deepEqual([result.erased, result.alreadyErased, result.withoutValue], [[...SECRET_SEQS], [], []]);
    assert.deepEqual(result.line, { seq: project.store.seq, hash: project.store.hash });
    await assertErased(project);
    assert.equal(await contentOf(project.store), before);
    const again = await project.reopen();
    await assertErased(again);
    assert.equal(await contentOf(again.store), before);
    await again.close();
  });
}

test('the log keeps its hashes, the sizes of its segments and all other lines', async () => {
  const project = await openWithSecrets();
  const linesNow = async (): Promise<{ seq: number; hash: string; text: string; left: string | undefined }[]> => {
    const found = [];
    for await (const { events } of project.store.feed.read({ afterSeq: 0, untilSeq: 14 })) found.push(...events);
    return found.map(({ seq, hash, text, left }) => ({ seq, hash, text: text.toString(), left }));
  };
  const before = await linesNow();
  const sizes = project.log.sealed?.list().map(({ firstSeq, sizeBytes }) => [firstSeq, sizeBytes]);
  await redact(project);
  const after = await linesNow();
  assert.deepEqual(project.log.sealed?.list().slice(0, sizes?.length).map(({ firstSeq, sizeBytes }) => [firstSeq, sizeBytes]), sizes);
  for (const [index, line] of after.entries()) {
    const old = before[index];
    assert.deepEqual([line.seq, line.hash, Buffer.byteLength(line.text)], [old?.seq, old?.hash, Buffer.byteLength(old?.text ?? '')]);
    const isErased = (SECRET_SEQS as readonly number[]).includes(line.seq);
    if (isErased) assert.match(line.text, /,"durable":\d+,"erased":true +,"hash":"[0-9a-f]{64}"\}$/);
    else assert.equal(line.text, old?.text);
    assert.equal(line.left !== undefined, isErased);
  }
  assert.equal(after[2]?.left, `"key":"${SECRET_KEYS[0]}"`);
  assert.equal(after[5]?.left, `"ops":[{"op":"set","key":"${SECRET_KEYS[2]}"},{"op":"set","key":"other"}]`);
  await project.close();
});

test('a segment of format 1 in which lines are erased says that it is of format 2', async () => {
  const project = await openWithSecrets();
  const name = `${DATA}/${PROJECT}/00000000000000000001.jsonl`;
  assert.match(project.disk.bytesOf(name).toString(), /^\{"format":"simplekv\/1",/);
  await redact(project);
  assert.match(project.disk.bytesOf(name).toString(), /^\{"format":"simplekv\/2",/);
  await project.close();
});

test('what was erased is not erased again, and what has no value stays', async () => {
  const project = await openWithSecrets();
  await redact(project, { ...REQUEST, seqs: [3] });
  const { seq } = project.store;
  const deletion = seq - 1;
  assert.deepEqual(await redact(project, { ...REQUEST, seqs: [deletion, 3, 3, 1] }), {
    line: undefined, erased: [], alreadyErased: [3], withoutValue: [1, deletion],
  });
  assert.equal(project.store.seq, seq);
  const { line, erased, alreadyErased } = await redact(project, { ...REQUEST, seqs: [6, 4, 3] });
  assert.deepEqual([line?.seq, erased, alreadyErased], [seq + 1, [4, 6], [3]]);
  await assertErased(project);
  await project.close();
});

test('a value that a key has now is not erased, and the refusal names the key', async () => {
  const project = await openWithSecrets();
  const { seq } = project.store;
  const current = project.store.values.get(SECRET_KEYS[0])?.seq ?? 0;
  await assert.rejects(redact(project, { ...REQUEST, seqs: [3, current] }), (error: unknown) => {
    assert.deepEqual([Reflect.get(error as object, 'code'), Reflect.get(error as object, 'facts')], [
      'value_in_use', { keys: [SECRET_KEYS[0]] },
    ]);
    return true;
  });
  assert.deepEqual([project.store.seq, project.compaction.isErasing], [seq, false]);
  assert.ok(filesWith(project.disk, SECRET).length > 0);
  await project.close();
});

test('a line that the log does not have is refused, and nothing is erased', async () => {
  const project = await openWithSecrets();
  const { seq } = project.store;
  await assert.rejects(redact(project, { ...REQUEST, seqs: [3, seq + 1] }), { code: 'ahead_of_log' });
  assert.equal(project.store.seq, seq);
  await project.close();
});

test('no line is erased while a backup reads the files, and no backup begins while lines are erased', async () => {
  const project = await openWithSecrets();
  const lease = await project.compaction.lease();
  lease.fix();
  await assert.rejects(redact(project), { code: 'busy' });
  assert.equal(project.compaction.isErasing, false);
  lease.release();
  const erasing = redact(project);
  await assert.rejects(project.compaction.lease(), { code: 'busy' });
  await erasing;
  (await project.compaction.lease()).release();
  await assertErased(project);
  await project.close();
});

test('a reader that began before goes on, and sees each line as it was or erased', async () => {
  const project = await openWithSecrets();
  const reading = project.log.read({ fromSeq: 1 })[Symbol.asyncIterator]();
  await reading.next();
  const cursor = project.store.feed.follow(0, {});
  await redact(project);
  let count = 1;
  while ((await reading.next()).done !== true) count += 1;
  assert.equal(count, project.store.seq - 1);
  const seen: number[] = [];
  for (let block = await cursor.next(); block !== undefined; block = await cursor.next()) seen.push(...block.events.map(({ seq }) => seq));
  assert.deepEqual(seen, Array.from({ length: project.store.seq }, (_, index) => index + 1));
  await cursor.close();
  await project.close();
});

test('the history of a key has its erased lines and the line that erased them', async () => {
  const project = await openWithSecrets();
  const history = async (): Promise<number[]> => {
    const seqs: number[] = [];
    const range = { afterSeq: 0, untilSeq: project.store.seq, key: SECRET_KEYS[0], isNewestFirst: true };
    for await (const { events } of project.store.feed.read(range)) seqs.push(...events.map(({ seq }) => seq));
    return seqs;
  };
  const [newest = 0, ...older] = await history();
  assert.deepEqual(older, [3]);
  await redact(project);
  assert.deepEqual(await history(), [project.store.seq, newest, 3]);
  assert.deepEqual(await history(), [project.store.seq, newest, 3]);
  await project.close();
});

test('a read that holds an older version of a key answers it although it is erased meanwhile', async () => {
  const project = await openCompacted({ storage: { segment_bytes: 4096, cache_in_memory: false, compaction: { interval_seconds: 0 } } });
  await project.store.submit({ type: 'set', key: 'a', value: '"old"' }, CONTEXT);
  const held = project.store.reads.hold(['a']);
  await project.store.submit({ type: 'set', key: 'a', value: '"new"' }, CONTEXT);
  await redact(project, { seqs: [2], reason: 'r' });
  const { entries } = await held.read(0, () => undefined);
  assert.equal(entries[0]?.[1].value, '"old"');
  held.release();
  assert.deepEqual(filesWith(project.disk, '"old"'), []);
  await project.close();
});

test('a state of an earlier time counts the values that were erased since', async () => {
  const project = await openWithSecrets();
  await project.store.submit({ type: 'batch', steps: [{ op: 'touch', key: SECRET_KEYS[2], expiry: { kind: 'never' } }] }, CONTEXT);
  await redact(project);
  await project.disk.makeFolder('/replay');
  const erasedAt = async (seq: number): Promise<[number, string]> => {
    const state = await replayState({ disk: project.disk, dataFolder: DATA, project: PROJECT, until: { seq }, scratchFolder: '/replay' });
    const text = project.disk.bytesOf(state.path).toString();
    for (const name of await project.disk.list('/replay')) await project.disk.unlink(`/replay/${name}`);
    return [state.erasedCount, text];
  };
  assert.equal((await erasedAt(2))[0], 0);
  const [count, text] = await erasedAt(6);
  assert.equal(count, 4);
  assert.match(text, /"person\/1":null,\n"person\/2":null,\n"person\/3":null/);
  assert.equal((await erasedAt(11))[0], 3);
  assert.equal((await erasedAt(project.store.seq))[0], 0);
  const source = { disk: project.disk, dataFolder: DATA, project: PROJECT };
  const keyAt = async (seq: number): Promise<boolean | undefined> => (await readStoredKey(source, SECRET_KEYS[0], { seq }))?.isErased;
  assert.deepEqual([await keyAt(2), await keyAt(6), await keyAt(project.store.seq)], [undefined, true, undefined]);
  await project.close();
});

test('the snapshots from before are gone, and the next compactions make two again', async () => {
  const project = await openWithSecrets();
  await redact(project);
  const generations = async (): Promise<number> => (await namesIn(project.disk)).filter((name) => name.endsWith('.manifest')).length;
  assert.equal(await generations(), 1);
  await project.fill(9, 9);
  await project.compact();
  assert.equal(await generations(), 2);
  await project.close();
});

test('what the log records to be erased is found once, and again what came since', async () => {
  const project = await openWithSecrets();
  await redact(project, { ...REQUEST, seqs: [3] });
  const erasures = new LogErasures(project.disk, new LogPaths(DATA, PROJECT));
  await erasures.load();
  assert.deepEqual([erasures.find(3)?.by.seq, erasures.isGone(3)], [project.store.seq, false]);
  await redact(project, { ...REQUEST, seqs: [4] });
  assert.equal(erasures.find(4), undefined);
  await erasures.load();
  assert.equal(erasures.find(4)?.by.seq, project.store.seq);
  assert.equal(erasures.find(5), undefined);
  await project.close();
});

test.run();
