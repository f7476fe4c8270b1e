/** What a deletion erases: what this server wrote for that log, and nothing that lies beside it or in its place. */
import assert from 'node:assert/strict';
import { cp, lstat, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ServerEvent } from '../../../src/events/event.js';
import { Registry } from '../../../src/projects/registry.js';
import { suite } from '../../suite.js';
import { inFolder } from '../../config/config-folder.js';
import { beginLife, CONTEXT, type Life, prepareLife, refusalOf, setValue, valuesOf } from '../lives-fixture.js';

const test = suite('delete-project');

/** Adds an entry by hand, as a person who edits the file while the server is stopped. */
async function addEntry(folder: string, id: string): Promise<void> {
  const file = path.join(folder, 'config.json');
  const document = JSON.parse(await readFile(file, 'utf8')) as { projects: object[] };
  document.projects.push({ id });
  await writeFile(file, JSON.stringify(document));
}

/** All files of the data folder but the server's own, with their contents. */
async function filesOf(folder: string): Promise<Map<string, string>> {
  const data = path.join(folder, 'data');
  const names = await readdir(data, { recursive: true });
  const found = new Map<string, string>();
  for (const name of names.filter((one) => !one.startsWith('_')).sort()) {
    if ((await lstat(path.join(data, name))).isFile()) found.set(name, await readFile(path.join(data, name), 'latin1'));
  }
  return found;
}

async function withLife(folder: string, body: (life: Life) => Promise<void>): Promise<void> {
  const life = await beginLife(folder);
  try {
    await body(life);
  } finally {
    await life.lives.close();
  }
}

/** Records events as earlier servers did, while none runs. */
async function withRegistry(folder: string, body: (record: (event: ServerEvent) => Promise<void>) => Promise<void>): Promise<void> {
  const { resources } = await prepareLife(folder);
  const registry = await Registry.open(resources) ?? assert.fail('there is no registry');
  await body((event) => registry.record(event, CONTEXT));
  await registry.close();
  await resources.diskHome.close();
}

/** What a stranger may have put where an entry of that id would have its files. */
const STRANGERS: Readonly<Record<string, { readonly names: readonly string[]; put(data: string): Promise<void> }>> = {
  'a folder with a file of its own': {
    names: ['backup/important.txt'],
    put: async (data) => {
      await mkdir(path.join(data, 'backup'));
      await writeFile(path.join(data, 'backup/important.txt'), 'important');
    },
  },
  'a folder in the folder': {
    names: ['backup/2026'],
    put: async (data) => {
      await mkdir(path.join(data, 'backup/2026'), { recursive: true });
      await writeFile(path.join(data, 'backup/2026/important.txt'), 'important');
    },
  },
  'a file with the name of a snapshot': {
    names: ['backup.json'], put: (data) => writeFile(path.join(data, 'backup.json'), '{"important":true}'),
  },
  'a file with the name of a log': {
    names: ['backup.jsonl'], put: (data) => writeFile(path.join(data, 'backup.jsonl'), '{"important":true}\n'),
  },
  'a copy of the log of another project': {
    names: ['backup.jsonl', 'backup/head'],
    put: async (data) => {
      await cp(path.join(data, 'first_project.jsonl'), path.join(data, 'backup.jsonl'));
      await mkdir(path.join(data, 'backup'));
      await cp(path.join(data, 'first_project/head'), path.join(data, 'backup/head'));
    },
  },
};

for (const [what, { names, put }] of Object.entries(STRANGERS)) {
  test(`DELETE of an entry that was never registered erases nothing of ${what}, and works once that is moved away`,
    () => inFolder(async (folder) => {
    await withLife(folder, async () => undefined);
    await put(path.join(folder, 'data'));
    await addEntry(folder, 'backup');
    const before = await filesOf(folder);
    await withLife(folder, async (life) => {
      assert.equal(life.lives.details('backup').state, 'corrupt');
      const refusal = await refusalOf(life.lives.delete('backup', CONTEXT));
      assert.equal(refusal.code, 'project_files_exist');
      assert.deepEqual(refusal.facts['files'], names);
      assert.deepEqual(await filesOf(folder), before);
      assert.ok(life.config.document.projects.some(({ id }) => id === 'backup'));
      for (const name of ['backup', 'backup.json', 'backup.jsonl']) {
        await rename(path.join(folder, 'data', name), path.join(folder, name)).catch(() => undefined);
      }
      await life.lives.delete('backup', CONTEXT);
      assert.deepEqual(life.lives.list().map(({ id }) => id), ['first_project']);
    });
    await withLife(folder, async (life) => {
      assert.deepEqual(life.lives.list().map(({ id, state }) => [id, state]), [['first_project', 'serving']]);
    });
  }));
}

test('DELETE of a log that was never registered erases it where its header, or its head, proves whose it is', async () => {
  for (const damage of [false, true]) {
    await inFolder(async (folder) => {
      await withLife(folder, async () => undefined);
      // A copy of the whole, without the registry: nothing knows the log any more.
      for (const name of ['_server.jsonl', '_server']) await rm(path.join(folder, 'data', name), { recursive: true });
      const file = path.join(folder, 'config.json');
      await writeFile(file, (await readFile(file, 'utf8')).replace(/,?\s*"revision": \d+/, ''));
      const log = path.join(folder, 'data/first_project.jsonl');
      const text = await readFile(log, 'utf8');
      const [sound, spoilt] = damage ? ['{"format"', '{"fXrmat"'] : ['"op":"project.create"', '"op":"project.crXate"'];
      await writeFile(log, text.replace(sound, spoilt));
      await withLife(folder, async (life) => {
        assert.equal(life.lives.details('first_project').state, 'corrupt');
        await life.lives.delete('first_project', CONTEXT);
      });
      assert.deepEqual([...await filesOf(folder)], []);
    });
  }
});

test('DELETE of a project that is served is refused while a file in its folder is not the server\'s, and takes nothing from it',
  () => inFolder((folder) => withLife(folder, async (life) => {
  await setValue(life, 'first_project', ['k', '1']);
  const note = path.join(folder, 'data/first_project/notes.txt');
  await writeFile(note, 'mine');
  const refusal = await refusalOf(life.lives.delete('first_project', CONTEXT));
  assert.deepEqual([refusal.code, refusal.facts['files']], ['project_files_exist', ['first_project/notes.txt']]);
  await setValue(life, 'first_project', ['k', '2']);
  assert.deepEqual(await valuesOf(life, 'first_project'), { k: '2' });
  await rm(note);
  await life.lives.delete('first_project', CONTEXT);
  assert.deepEqual(life.lives.list(), []);
})));

test('a folder that is a symbolic link is not followed by a deletion, nor moved away from', () => inFolder(async (folder) => {
  await withLife(folder, async () => undefined);
  const [link, target] = [path.join(folder, 'data/first_project'), path.join(folder, 'elsewhere')];
  await rename(link, target);
  await symlink(target, link);
  const before = await readdir(target);
  await withLife(folder, async (life) => {
    assert.equal(life.lives.details('first_project').state, 'serving');
    const refusal = await refusalOf(life.lives.delete('first_project', CONTEXT));
    assert.deepEqual([refusal.code, refusal.facts['files']], ['project_files_exist', ['first_project']]);
  });
  assert.deepEqual(await readdir(target), before);
  assert.ok((await lstat(link)).isSymbolicLink());
}));

test('DELETE is refused if another log has taken the place of the project, and that log stays', () => inFolder(async (folder) => {
  await withLife(folder, async (life) => {
    await life.lives.create({ id: 'other' }, CONTEXT);
  });
  const data = path.join(folder, 'data');
  const header = (await readFile(path.join(data, 'first_project.jsonl'), 'utf8')).split('\n')[0] ?? '';
  await writeFile(path.join(data, 'first_project.jsonl'), `${header}\n`);
  await cp(path.join(data, 'other.jsonl'), path.join(data, 'first_project.jsonl'));
  const before = await filesOf(folder);
  await withLife(folder, async (life) => {
    const refusal = await refusalOf(life.lives.delete('first_project', CONTEXT));
    assert.equal(refusal.code, 'project_files_exist');
    assert.match(refusal.message, /another log/);
  });
  assert.deepEqual(await filesOf(folder), before);
}));

test('a live log is not moved to where an earlier one of its name was left, although that place is empty and its own header is damaged',
  () => inFolder(async (folder) => {
  const storage = (on: boolean): { storage: { on_disk: boolean } } => ({ storage: { on_disk: on } });
  await withLife(folder, async (life) => {
    await life.lives.update('first_project', storage(false), CONTEXT);
    await life.lives.update('first_project', storage(true), CONTEXT);
    await setValue(life, 'first_project', ['k', '1']);
  });
  const data = path.join(folder, 'data');
  const [left = ''] = await readdir(path.join(data, '_left'));
  for (const name of await readdir(path.join(data, '_left', left))) await rm(path.join(data, '_left', left, name), { recursive: true });
  const log = path.join(data, 'first_project.jsonl');
  const sound = await readFile(log);
  await writeFile(log, Buffer.concat([Buffer.from('X'), sound.subarray(1)]));
  const before = await filesOf(folder);
  await withLife(folder, async (life) => {
    assert.equal(life.lives.details('first_project').state, 'corrupt');
  });
  assert.deepEqual(await filesOf(folder), before);
  assert.deepEqual(await readdir(path.join(data, '_left', left)), []);
  await writeFile(log, sound);
  await withLife(folder, async (life) => {
    assert.deepEqual(await valuesOf(life, 'first_project'), { k: '1' });
  });
}));

test('a log that came back after its deletion and then left the disk is kept by a start', () => inFolder(async (folder) => {
  let logId = '';
  await withLife(folder, async (life) => {
    await setValue(life, 'first_project', ['k', '1']);
    ({ logId } = life.lives.store('first_project'));
  });
  const before = await filesOf(folder);
  await withRegistry(folder, async (record) => {
    const end = { id: 'first_project', log_id: logId, last_seq: 2, last_hash: '' };
    await record({ op: 'project.deleted', ...end });
    await record({ op: 'project.repaired', ...end, previous_log_id: '', dropped_bytes: 0, copy: '_repair/first_project' });
    // A crash came before its files were moved.
    await record({ op: 'project.left', ...end });
  });
  await withLife(folder, async () => undefined);
  const kept = path.join(folder, 'data', '_left', `first_project-${logId}`, 'first_project.jsonl');
  assert.equal(await readFile(kept, 'latin1'), before.get('first_project.jsonl'));
}));

test('files of a deleted log that are put back after the name had another one are not erased by a start', () => inFolder(async (folder) => {
  const copy = path.join(folder, 'copy');
  await withLife(folder, (life) => setValue(life, 'first_project', ['k', '1']));
  await mkdir(copy);
  const mine = (name: string): boolean => name.startsWith('first_project');
  const data = path.join(folder, 'data');
  for (const name of (await readdir(data)).filter(mine)) await cp(path.join(data, name), path.join(copy, name), { recursive: true });
  await withLife(folder, async (life) => {
    await life.lives.delete('first_project', CONTEXT);
    await life.lives.create({ id: 'first_project' }, CONTEXT);
    await life.lives.delete('first_project', CONTEXT);
  });
  await cp(copy, data, { recursive: true });
  const before = await filesOf(folder);
  assert.ok(before.has('first_project.jsonl'));
  await addEntry(folder, 'first_project');
  await withLife(folder, async (life) => assert.deepEqual(await valuesOf(life, 'first_project'), { k: '1' }));
}));

test('what fails to be created takes nothing away that appeared under its name meanwhile', () => inFolder((folder) => withLife(folder,
  async (life) => {
  const { diskHome } = life.resources;
  const file = path.join(folder, 'data/a/important.txt');
  const namesOf = diskHome.namesOf.bind(diskHome);
  diskHome.namesOf = async (project) => {
    const names = await namesOf(project);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, 'important');
    return names;
  };
  assert.equal((await refusalOf(life.lives.create({ id: 'a' }, CONTEXT))).code, 'project_files_exist');
  diskHome.namesOf = namesOf;
  await diskHome.close();
  assert.equal(await readFile(file, 'utf8'), 'important');
})));

test.run();
