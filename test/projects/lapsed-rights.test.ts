/** Changes of projects whose right ends while they wait behind another change. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../../src/base/app-error.js';
import type { CommandContext } from '../../src/store/command.js';
import { inFolder } from '../config/config-folder.js';
import { suite } from '../suite.js';
import { beginLife, CONTEXT, type Life, refusalOf } from './lives-fixture.js';

const test = suite('lapsed rights of projects');

const ID = 'first_project';
const OPEN = { authentication: { enabled: false } };

async function withLife(body: (life: Life, folder: string) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const life = await beginLife(folder);
    try {
      await body(life, folder);
    } finally {
      await life.lives.close();
    }
  });
}

/** The context of a caller who may as long as something is so. */
function allowedWhile(holds: () => boolean, actor = 'anonymous'): CommandContext {
  const assertAllowed = (): void => {
    if (!holds()) throw new AppError('unauthorized', 'Cannot do this any more');
  };
  return { actor, requestId: 'request-of-a-test', assertAllowed };
}

test('a change that waits behind one that ends its right does nothing, whatever change it is', () => withLife(async (life, folder) => {
  const { lives, keyring, config } = life;
  await lives.create({ id: 'other' }, CONTEXT);
  const keyId = keyring.keyId({ kind: 'project', project: ID });
  const context = allowedWhile(() => keyring.keyId({ kind: 'project', project: ID }) === keyId);
  const waiting = [
    lives.regenerateKey(ID, CONTEXT),
    lives.update(ID, OPEN, context), lives.update(ID, { storage: { on_disk: false } }, context), lives.regenerateKey(ID, context),
    lives.create({ id: 'new' }, context), lives.delete('other', context),
  ];
  const outcomes = (await Promise.allSettled(waiting)).map((one) => (one.status === 'fulfilled' ? 'done' : (one.reason as AppError).code));
  assert.deepEqual(outcomes, ['done', ...waiting.slice(1).map(() => 'unauthorized')]);
  assert.equal((await refusalOf(lives.compact(ID, context))).code, 'unauthorized');
  assert.deepEqual([lives.store(ID).seq, lives.details(ID).authentication.enabled], [2, true]);
  assert.deepEqual(lives.list().map(({ id }) => id), [ID, 'other']);
  assert.deepEqual(config.document.projects.map(({ id }) => id), [ID, 'other']);
  const lines = (await readFile(path.join(folder, 'data', `${ID}.jsonl`), 'utf8')).trimEnd().split('\n').slice(1);
  assert.deepEqual(lines.map((line) => (JSON.parse(line) as { op: string }).op), ['project.create', 'project.key']);
}));

test('a change that ends its own right is carried out to its end', () => withLife(async ({ lives }) => {
  await lives.update(ID, OPEN, CONTEXT);
  const context = allowedWhile(() => !lives.details(ID).authentication.enabled);
  const { details } = await lives.update(ID, { authentication: { enabled: true }, storage: { on_disk: false } }, context);
  assert.deepEqual([details.authentication.enabled, details.storage.on_disk], [true, false]);
}));

test('no write of an old key stands behind the event that replaced it', () => withLife(async (life, folder) => {
  const { lives, keyring } = life;
  const keyId = keyring.keyId({ kind: 'project', project: ID });
  const context = allowedWhile(() => keyring.keyId({ kind: 'project', project: ID }) === keyId, `project:${ID}#${keyId ?? ''}`);
  const store = lives.store(ID);
  let isReplaced = false;
  const replaced = lives.regenerateKey(ID, CONTEXT).then(() => void (isReplaced = true));
  const writes: Promise<unknown>[] = [];
  for (let index = 0; !isReplaced; index += 1) {
    writes.push(store.submit({ type: 'set', key: `k${index % 10}`, value: String(index) }, context).catch((error: unknown) => error));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await replaced;
  await Promise.all(writes);
  const lines = (await readFile(path.join(folder, 'data', `${ID}.jsonl`), 'utf8')).trimEnd().split('\n').slice(1);
  const ops = lines.map((line) => (JSON.parse(line) as { op: string }).op);
  assert.ok(ops.includes('set'), 'some writes came before');
  assert.equal(ops.at(-1), 'project.key');
}));

test('a project keeps its identity through moves, and one of its id that is made later has another', () => withLife(async ({ lives }) => {
  const identity = lives.identity(ID);
  assert.equal(typeof identity, 'symbol');
  const logIds = new Set([lives.store(ID).logId]);
  for (const onDisk of [false, true]) {
    await lives.update(ID, { storage: { on_disk: onDisk } }, CONTEXT);
    logIds.add(lives.store(ID).logId);
    assert.equal(lives.identity(ID), identity);
  }
  assert.equal(logIds.size, 3);
  await lives.delete(ID, CONTEXT);
  assert.equal(lives.identity(ID), undefined);
  await lives.create({ id: ID }, CONTEXT);
  assert.notEqual(lives.identity(ID), identity);
}));

test.run();
