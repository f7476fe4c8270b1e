/** Files of projects that are gone, and that the folder does not let out of the way. */
import assert from 'node:assert/strict';
import { readdir, rename as moveAway } from 'node:fs/promises';
import path from 'node:path';
import { NodeDisk } from '../../../src/disk/node-disk.js';
import type { LogHome } from '../../../src/log/log-home.js';
import { inFolder } from '../../config/config-folder.js';
import { suite } from '../../suite.js';
import { HomeFaults } from '../faulty-home.js';
import { beginLife, CONTEXT, type Life, refusalOf, setValue, valuesOf } from '../lives-fixture.js';

const test = suite('unmoved-files');

const P = 'first_project';
const IMMUTABLE = Object.assign(new Error('EPERM: operation not permitted, rename'), { code: 'EPERM', errno: -1 });

interface Faulty {
  readonly life: Life;
  readonly home: HomeFaults;
  /** Names in the data folder. */
  names(): Promise<string[]>;
}

/** A project that has gone to memory while the data folder took no change of names. */
async function withLeftFiles(body: (faulty: Faulty) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const home = new HomeFaults();
    const life = await beginLife(folder, { wrapHome: (real: LogHome) => home.over(real) });
    try {
      await setValue(life, P, ['k', '1']);
      home.leaves.set(P, IMMUTABLE);
      const { details } = await life.lives.update(P, { storage: { on_disk: false } }, CONTEXT);
      assert.deepEqual([details.state, await valuesOf(life, P)], ['serving', { k: '1' }]);
      await body({ life, home, names: async () => await readdir(path.join(folder, 'data')) });
    } finally {
      await life.lives.close();
    }
  });
}

function detailOf({ lives }: Life): string | undefined {
  const check = lives.readiness().checks.find(({ name }) => name === 'unmoved_files');
  return check?.ok === false ? check.detail : undefined;
}

test('a move to memory whose files stay is an error in the server log and a failed check, until they have moved',
  () => withLeftFiles(async ({ life, home, names }) => {
  assert.match(detailOf(life) ?? '', /^1 project /);
  const logged = life.logged.filter(({ level, project }) => level === 'error' && project === P);
  const message = 'the files of a project that was moved to memory could not be moved away; the next startup retries';
  assert.deepEqual(logged.map(({ msg }) => msg), [message]);
  home.leaves.clear();
  await life.lives.update(P, { storage: { on_disk: true } }, CONTEXT);
  assert.equal(detailOf(life), undefined);
  assert.deepEqual(await valuesOf(life, P), { k: '1' });
  assert.ok((await names()).includes('_left'), 'what had left is kept');
}));

test('a deletion is answered only when such files have moved, and says until then that it is in force',
  () => withLeftFiles(async ({ life, home, names }) => {
  for (let attempt = 0; attempt < 2; attempt += 1) {
    const refusal = await refusalOf(life.lives.delete(P, CONTEXT));
    assert.deepEqual([refusal.code, refusal.facts['applied']], ['disk_failed', true]);
    assert.match(detailOf(life) ?? '', /^1 project /);
  }
  assert.equal((await refusalOf(life.lives.create({ id: P }, CONTEXT))).code, 'disk_failed');
  home.leaves.clear();
  await life.lives.delete(P, CONTEXT);
  assert.equal(detailOf(life), undefined);
  assert.deepEqual((await names()).filter((name) => name.startsWith(P)), []);
  assert.equal((await refusalOf(life.lives.delete(P, CONTEXT))).code, 'project_not_found');
}));

test('a new project of the name moves such files first', () => withLeftFiles(async ({ life, home }) => {
  await refusalOf(life.lives.delete(P, CONTEXT));
  home.leaves.clear();
  await life.lives.create({ id: P }, CONTEXT);
  assert.deepEqual([await valuesOf(life, P), detailOf(life)], [{}, undefined]);
}));

test('files of a deletion that could not be moved fail the check until it is repeated', () => withLeftFiles(async ({ life, home }) => {
  home.leaves.clear();
  await life.lives.create({ id: 'a' }, CONTEXT);
  home.removals.set('a', IMMUTABLE);
  assert.equal((await refusalOf(life.lives.delete('a', CONTEXT))).facts['applied'], true);
  assert.match(detailOf(life) ?? '', /^2 projects /);
  home.removals.clear();
  await life.lives.delete('a', CONTEXT);
  assert.match(detailOf(life) ?? '', /^1 project /);
}));

test('a start that cannot move such files says so in the check as well', () => inFolder(async (folder) => {
  const home = new HomeFaults();
  const options = { wrapHome: (real: LogHome): LogHome => home.over(real) };
  home.leaves.set(P, IMMUTABLE);
  const first = await beginLife(folder, options);
  await first.lives.update(P, { storage: { on_disk: false } }, CONTEXT);
  await first.lives.close();
  const second = await beginLife(folder, options);
  assert.match(detailOf(second) ?? '', /^1 project /);
  await second.lives.close();
  home.leaves.clear();
  const third = await beginLife(folder, options);
  assert.equal(detailOf(third), undefined);
  await third.lives.close();
}));

test('files of a deletion that a start cannot move are named, and the other projects are served', () => inFolder(async (folder) => {
  const disk = new NodeDisk();
  const rename = disk.rename.bind(disk);
  let isImmutable = true;
  disk.rename = async (from, to) => {
    if (isImmutable && path.basename(from).startsWith('gone')) throw IMMUTABLE;
    await rename(from, to);
  };
  const first = await beginLife(folder, { disk });
  await setValue(first, P, ['k', '1']);
  await first.lives.create({ id: 'gone' }, CONTEXT);
  await refusalOf(first.lives.delete('gone', CONTEXT));
  await first.lives.close();
  const second = await beginLife(folder, { disk });
  assert.deepEqual(await valuesOf(second, P), { k: '1' });
  const told = second.logged.filter(({ msg }) => msg.startsWith('the files of a deleted project could not be moved'));
  assert.deepEqual(told.map(({ level, project, folder: place }) => [level, project, place]), [['warn', 'gone', path.join(folder, 'data')]]);
  assert.match(String(told[0]?.['what_to_do']), /lsattr .*delete the project again, or restart/);
  assert.match(detailOf(second) ?? '', /^1 project /);
  isImmutable = false;
  await second.lives.delete('gone', CONTEXT);
  assert.equal(detailOf(second), undefined);
  await second.lives.close();
  assert.deepEqual((await readdir(path.join(folder, 'data'))).filter((name) => name.startsWith('gone')), []);
}));

for (const [what, use] of [
  ['created again', (life) => life.lives.create({ id: 'gone' }, CONTEXT)],
  ['created in memory and moved to the disk', async (life) => {
    await life.lives.create({ id: 'gone', storage: { on_disk: false } }, CONTEXT);
    await life.lives.update('gone', { storage: { on_disk: true } }, CONTEXT);
  }],
  ['deleted again', (life) => refusalOf(life.lives.delete('gone', CONTEXT))],
] as readonly (readonly [string, (life: Life) => Promise<unknown>])[]) {
  test(`files that a person moved away fail the check no longer once the project is ${what}`, () => inFolder(async (folder) => {
    const disk = new NodeDisk();
    const rename = disk.rename.bind(disk);
    disk.rename = async (from, to) => {
      if (path.basename(from).startsWith('gone') && to.includes('_trash')) throw IMMUTABLE;
      await rename(from, to);
    };
    const first = await beginLife(folder, { disk });
    await first.lives.create({ id: 'gone' }, CONTEXT);
    await refusalOf(first.lives.delete('gone', CONTEXT));
    await first.lives.close();
    const second = await beginLife(folder, { disk });
    assert.match(detailOf(second) ?? '', /^1 project /);
    const data = path.join(folder, 'data');
    for (const name of await readdir(data)) if (name.startsWith('gone')) await moveAway(path.join(data, name), path.join(folder, name));
    await use(second);
    assert.equal(detailOf(second), undefined);
    await second.lives.close();
  }));
}

test.run();
