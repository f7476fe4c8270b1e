/** Redaction through project management: in memory, on disk, in the snapshot that a log continues from, and beside moves. */
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isErrno } from '../../src/base/app-error.js';
import { NodeDisk } from '../../src/disk/node-disk.js';
import { verifyProject } from '../../src/offline/verify/verify-project.js';
import { inFolder } from '../config/config-folder.js';
import { readKey } from '../store/read-key.js';
import { suite } from '../suite.js';
import { beginLife, CONTEXT, type Life, setValue } from './lives-fixture.js';

const test = suite('redaction');

const P = 'first_project';
const SECRET = 'Ada Lovelace';
const REASON = 'asked by the customer';

async function withLife(body: (life: Life, folder: string, again: () => Promise<Life>) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    let life = await beginLife(folder);
    const again = async (): Promise<Life> => {
      await life.lives.close();
      life = await beginLife(folder);
      return life;
    };
    try {
      await body(life, folder, again);
    } finally {
      await life.lives.close();
    }
  });
}

/** Files below a folder that have a text. */
async function filesWith(folder: string, text: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const found: string[] = [];
  for (const entry of entries.filter((each) => each.isFile())) {
    const file = path.join(entry.parentPath, entry.name);
    // A temporary file of the copy that people read may be gone by now.
    const bytes = await readFile(file).catch((error: unknown) => {
      if (isErrno(error, 'ENOENT')) return Buffer.alloc(0);
      throw error;
    });
    if (bytes.includes(text)) found.push(path.relative(folder, file));
  }
  return found.sort();
}

async function assertSound(folder: string): Promise<void> {
  const scratchFolder = path.join(folder, '..', `${path.basename(folder)}-scratch`);
  await mkdir(scratchFolder, { recursive: true });
  const options = { disk: new NodeDisk(), dataFolder: path.join(folder, 'data'), scratchFolder };
  assert.deepEqual((await verifyProject(P, () => Promise.resolve(undefined), options)).findings, []);
}

/** The lines of a project, as readers get them. */
async function linesOf({ lives }: Life): Promise<readonly { readonly seq: number; readonly text: string }[]> {
  const { feed } = lives.store(P);
  const found: { seq: number; text: string }[] = [];
  for await (const { events } of feed.read({ afterSeq: feed.oldestSeq - 1, untilSeq: feed.end.seq })) {
    for (const { seq, text } of events) found.push({ seq, text: text.toString() });
  }
  return found;
}

test('a project in memory erases its lines in memory, and they stay readable', async () => {
  await withLife(async (life) => {
    await life.lives.update(P, { storage: { on_disk: false } }, CONTEXT);
    await setValue(life, P, ['a', JSON.stringify(SECRET)]);
    await setValue(life, P, ['a', '1']);
    const { seq } = life.lives.store(P);
    const cursor = life.lives.store(P).feed.follow(seq - 2, {});
    const result = await life.lives.redact(P, { seqs: [seq - 1], reason: REASON }, CONTEXT);
    assert.deepEqual([result.erased, result.line?.seq], [[seq - 1], seq + 1]);
    const lines = await linesOf(life);
    assert.ok(lines.every(({ text }) => !text.includes(SECRET)));
    assert.match(lines.find((line) => line.seq === seq - 1)?.text ?? '', /"erased":true +,"hash":/);
    assert.deepEqual((await cursor.next())?.events.map((line) => line.text.includes(SECRET)), [false, false, false]);
    await cursor.close();
    const again = await life.lives.redact(P, { seqs: [seq - 1], reason: REASON }, CONTEXT);
    assert.deepEqual([again.line, again.alreadyErased], [undefined, [seq - 1]]);
    assert.deepEqual(life.lives.store(P).redactions.unfinished, []);
  });
});

test('a value in the snapshot that the log continues from is erased there, and the project starts again', async () => {
  await withLife(async (life, folder, again) => {
    await life.lives.update(P, { storage: { on_disk: false } }, CONTEXT);
    await setValue(life, P, ['a', JSON.stringify(SECRET)]);
    await setValue(life, P, ['b', '7']);
    await setValue(life, P, ['c', '"stays"']);
    const { seq } = life.lives.store(P);
    await life.lives.update(P, { storage: { on_disk: true } }, CONTEXT);
    for (const key of ['a', 'b']) await setValue(life, P, [key, '"new"']);
    assert.ok((await filesWith(path.join(folder, 'data'), SECRET)).some((name) => name.endsWith('.json')));
    const { line, erased } = await life.lives.redact(P, { seqs: [seq - 2, seq - 1], reason: REASON }, CONTEXT);
    assert.deepEqual(erased, [seq - 2, seq - 1]);
    const redact = (await linesOf(life)).find((each) => each.seq === line?.seq)?.text ?? '';
    assert.match(redact, /"digest":null,"bytes":null,"left":\{"key":"a"\}\}.*"base":\{"old":"[0-9a-f]{64}","new":"[0-9a-f]{64}"\}/);
    assert.deepEqual(await filesWith(folder, SECRET), []);
    await assertSound(folder);
    const later = await again();
    assert.equal((await readKey(later.lives.store(P), 'c'))?.value, '"stays"');
    assert.deepEqual((await later.lives.redact(P, { seqs: [seq - 2], reason: REASON }, CONTEXT)).alreadyErased, [seq - 2]);
    // Another value there, erased later: the base is made again a second time.
    await setValue(later, P, ['c', '"new"']);
    assert.deepEqual((await later.lives.redact(P, { seqs: [seq], reason: REASON }, CONTEXT)).erased, [seq]);
    assert.deepEqual(await filesWith(folder, '"stays"'), []);
    await assertSound(folder);
    const last = await again();
    assert.equal((await readKey(last.lives.store(P), 'c'))?.value, '"new"');
  });
});

test('a log of which only the base is left starts with one that was made again', async () => {
  await withLife(async (life, folder, again) => {
    await life.lives.update(P, { storage: { on_disk: false } }, CONTEXT);
    await setValue(life, P, ['a', JSON.stringify(SECRET)]);
    const { seq } = life.lives.store(P);
    await life.lives.update(P, { storage: { on_disk: true, compaction: { interval_seconds: 0 } } }, CONTEXT);
    await setValue(life, P, ['a', '"new"']);
    await life.lives.redact(P, { seqs: [seq], reason: REASON }, CONTEXT);
    await life.lives.close();
    const data = path.join(folder, 'data');
    const manifests = (await readdir(path.join(data, P))).filter((name) => name.endsWith('.manifest')).sort();
    const spoiled = path.join(data, P, manifests.at(-1) ?? '');
    await writeFile(spoiled, (await readFile(spoiled, 'utf8')).replace('"key_count":1', '"key_count":2'));
    const later = await again();
    assert.equal((await readKey(later.lives.store(P), 'a'))?.value, '"new"');
    assert.deepEqual(await filesWith(folder, SECRET), []);
  });
});

test('a line that neither the log nor a snapshot has is refused', async () => {
  await withLife(async (life) => {
    await life.lives.update(P, { storage: { on_disk: false } }, CONTEXT);
    await setValue(life, P, ['a', '1']);
    await setValue(life, P, ['a', '2']);
    const { seq } = life.lives.store(P);
    await life.lives.update(P, { storage: { on_disk: true } }, CONTEXT);
    await assert.rejects(life.lives.redact(P, { seqs: [seq - 1], reason: REASON }, CONTEXT), { code: 'history_gone' });
  });
});

test('a value that only got another expiry since is still in use', async () => {
  await withLife(async (life) => {
    const store = life.lives.store(P);
    await store.submit({ type: 'set', key: 'a', value: '1' }, CONTEXT);
    const { seq } = store;
    await store.submit({ type: 'batch', steps: [{ op: 'touch', key: 'a', expiry: { kind: 'after', seconds: 3600 } }] }, CONTEXT);
    assert.notEqual(store.values.versionOf('a'), seq);
    await assert.rejects(life.lives.redact(P, { seqs: [seq], reason: REASON }, CONTEXT), { code: 'value_in_use' });
    await store.submit({ type: 'delete', key: 'a' }, CONTEXT);
    assert.deepEqual((await life.lives.redact(P, { seqs: [seq], reason: REASON }, CONTEXT)).erased, [seq]);
  });
});

test('a project that is being erased does not move to memory, and one that was erased does', async () => {
  await withLife(async (life, folder) => {
    await setValue(life, P, ['a', JSON.stringify(SECRET)]);
    await setValue(life, P, ['a', '1']);
    const { seq } = life.lives.store(P);
    const erasing = life.lives.redact(P, { seqs: [seq - 1], reason: REASON }, CONTEXT);
    await erasing;
    await life.lives.update(P, { storage: { on_disk: false } }, CONTEXT);
    assert.deepEqual(await filesWith(folder, SECRET), []);
    assert.ok((await readdir(path.join(folder, 'data', '_left'))).length > 0);
  });
});

test.run();
