import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, lstat, mkdir, readdir, readFile, rename, rm, stat, symlink, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { AppError } from '../../src/base/app-error.js';
import { type ConfigDisk, systemConfigDisk } from '../../src/config/config-disk.js';
import type { ConfigDocument } from '../../src/config/config-document.js';
import { ConfigError } from '../../src/config/config-error.js';
import { ConfigFile, formatConfig } from '../../src/config/config-file.js';
import { firstConfig } from '../../src/config/first-config.js';
import { loadConfig, type LoadedConfig } from '../../src/config/load-config.js';
import { suite } from '../suite.js';
import { inFolder } from './config-folder.js';

const test = suite('config-file');

const OLD: ConfigDocument = firstConfig().document;
const PERMISSION_BITS = 0o777;

const withPort = (port: number) => (document: ConfigDocument): ConfigDocument => ({ ...document, server_port: port });

async function loaded(file: string): Promise<LoadedConfig> {
  return (await loadConfig(file)) ?? assert.fail('there is a file');
}

async function writeOld(folder: string): Promise<string> {
  const file = path.join(folder, 'config.json');
  await writeFile(file, formatConfig(OLD), { mode: 0o600 });
  return file;
}

test('a change is in memory and in the file when update() resolves', async () => {
  await inFolder(async (folder) => {
    const file = await ConfigFile.open(await loaded(await writeOld(folder)));
    await file.update(withPort(8080));
    assert.equal(file.document.server_port, 8080);
    assert.deepEqual((await loaded(file.path)).document, { ...OLD, server_port: 8080 });
    assert.deepEqual(await readdir(folder), ['config.json']);
  });
});

test('the file is indented text, private to its owner', async () => {
  await inFolder(async (folder) => {
    const file = await ConfigFile.open(await loaded(await writeOld(folder)));
    await chmod(file.path, 0o644);
    await file.update(withPort(8080));
    assert.match(await readFile(file.path, 'utf8'), /^\{\n {2}"version": 1,\n {2}"server_port": 8080,\n[^]*\n\}\n$/);
    assert.equal((await stat(file.path)).mode & PERMISSION_BITS, 0o600);
  });
});

test('a document over the size limit is refused, and the file is unchanged', async () => {
  await inFolder(async (folder) => {
    const file = await ConfigFile.open(await loaded(await writeOld(folder)));
    const authentication = { enabled: true, save_api_key_to_file: true, api_key: 'x'.repeat(512), api_key_hash: null };
    const projects = Array.from({ length: 100_000 }, (_, index) => ({ id: `p${index}`.padEnd(63, '-'), authentication }));
    await assert.rejects(file.update((document) => ({ ...document, projects })), (error) => {
      assert.ok(error instanceof AppError);
      assert.match(error.message, /^Cannot save the configuration: it would have \d+ bytes, more than the limit of 67108864$/);
      return error.code === 'config_write_failed';
    });
    assert.deepEqual([file.document, (await loaded(file.path)).document], [OLD, OLD]);
    assert.deepEqual(await readdir(folder), ['config.json']);
  });
});

test('concurrent changes run one after another, and none is lost', async () => {
  await inFolder(async (folder) => {
    const file = await ConfigFile.open(await loaded(await writeOld(folder)));
    const add = (id: string) => (document: ConfigDocument): ConfigDocument => ({ ...document, projects: [...document.projects, { id }] });
    await Promise.all(Array.from({ length: 20 }, (_, index) => file.update(add(`p${index}`))));
    const ids = (await loaded(file.path)).document.projects.map((project) => project.id);
    assert.deepEqual(ids, ['first_project', ...Array.from({ length: 20 }, (_, index) => `p${index}`)]);
  });
});

test('a change that changes nothing writes nothing', async () => {
  await inFolder(async (folder) => {
    const file = await ConfigFile.open(await loaded(await writeOld(folder)));
    const before = await stat(file.path);
    await file.update((document) => document);
    assert.equal((await stat(file.path)).ino, before.ino);
  });
});

test('a change that throws or gives an invalid document changes nothing', async () => {
  await inFolder(async (folder) => {
    const file = await ConfigFile.open(await loaded(await writeOld(folder)));
    await assert.rejects(file.update(() => { throw new Error('no'); }), /^Error: no$/);
    await assert.rejects(file.update(withPort(70_000)), ConfigError);
    assert.deepEqual(file.document, OLD);
    assert.deepEqual((await loaded(file.path)).document, OLD);
    await file.update(withPort(8080));
    assert.equal(file.document.server_port, 8080);
  });
});

test('a file that was edited meanwhile is not overwritten', async () => {
  await inFolder(async (folder) => {
    const file = await ConfigFile.open(await loaded(await writeOld(folder)));
    const edited = formatConfig({ ...OLD, server_port: 1 });
    await writeFile(file.path, edited);
    for (const refused of [file.update(withPort(8080)), file.requireUnedited()]) {
      await assert.rejects(refused, { name: AppError.name, code: 'config_changed', message: /Reload it first/ });
    }
    assert.equal(await readFile(file.path, 'utf8'), edited);
    assert.deepEqual(file.document, OLD);
    assert.deepEqual(await readdir(folder), ['config.json']);
  });
});

test('an edit that is saved while the new content is synced is not overwritten', async () => {
  await inFolder(async (folder) => {
    const name = await writeOld(folder);
    const edited = formatConfig({ ...OLD, server_port: 9090 });
    const disk: ConfigDisk = {
      ...systemConfigDisk,
      open: async (file) => {
        const made = await systemConfigDisk.open(file);
        return {
          ...made,
          sync: async () => {
            await made.sync();
            await writeFile(`${name}.new`, edited);
            await rename(`${name}.new`, name);
          },
        };
      },
    };
    const file = await ConfigFile.open(await loaded(name), disk);
    await assert.rejects(file.update(withPort(8080)), (error) => error instanceof AppError && error.code === 'config_changed');
    assert.equal(await readFile(name, 'utf8'), edited);
    assert.deepEqual(await readdir(folder), ['config.json']);
  });
});

test('a link that leads elsewhere or nowhere, a folder and a pipe in place of the file are edits', async () => {
  await inFolder(async (folder) => {
    const at = (name: string): string => path.join(folder, name);
    const [name, first, second] = [at('config.json'), at('first.json'), at('second.json')] as const;
    for (const file of [first, second]) await writeFile(file, formatConfig(OLD), { mode: 0o600 });
    await symlink('first.json', name);
    const file = await ConfigFile.open(await loaded(name));
    const replacements = [
      () => symlink('second.json', name), () => symlink('none.json', name), () => mkdir(name),
      async () => void await promisify(execFile)('mkfifo', [name]),
    ];
    for (const replace of replacements) {
      await rm(name, { recursive: true });
      await replace();
      for (const change of [() => file.requireUnedited(), () => file.update(withPort(8080))]) {
        await assert.rejects(change(), (error) => error instanceof AppError && error.code === 'config_changed', String(replace));
      }
    }
    for (const kept of [first, second]) assert.equal(await readFile(kept, 'utf8'), formatConfig(OLD));
  });
});

test('an edit that is taken over becomes the content, and can be given back', async () => {
  await inFolder(async (folder) => {
    const file = await ConfigFile.open(await loaded(await writeOld(folder)));
    await writeFile(file.path, formatConfig({ ...OLD, server_port: 1 }));
    const edit = await loaded(file.path);
    const undo = await file.take(edit);
    await file.requireUnedited();
    assert.equal(file.document.server_port, 1);
    undo();
    assert.deepEqual(file.document, OLD);
    await assert.rejects(file.requireUnedited(), { code: 'config_changed' });
    await file.take(edit);
    await file.update((document) => ({ ...document, log_level: 'warn' }));
    assert.deepEqual((await loaded(file.path)).document, { ...OLD, server_port: 1, log_level: 'warn' });
  });
});

test('an edit that was edited again since it was loaded is not taken over', async () => {
  await inFolder(async (folder) => {
    const file = await ConfigFile.open(await loaded(await writeOld(folder)));
    await writeFile(file.path, formatConfig({ ...OLD, server_port: 1 }));
    const edit = await loaded(file.path);
    await writeFile(file.path, formatConfig({ ...OLD, server_port: 2 }));
    await assert.rejects(file.take(edit), /reload it again/);
    assert.deepEqual(file.document, OLD);
  });
});

test('an edit that was undone, or saved without a change, does not block updates', async () => {
  await inFolder(async (folder) => {
    const file = await ConfigFile.open(await loaded(await writeOld(folder)));
    await writeFile(file.path, 'something else');
    await writeFile(file.path, formatConfig(OLD));
    await file.update(withPort(8080));
    assert.equal((await loaded(file.path)).document.server_port, 8080);
  });
});

test('a file that was removed meanwhile is recreated', async () => {
  await inFolder(async (folder) => {
    const file = await ConfigFile.open(await loaded(await writeOld(folder)));
    await unlink(file.path);
    await file.update(withPort(8080));
    assert.equal((await loaded(file.path)).document.server_port, 8080);
  });
});

test('a file with another formatting does not count as edited', async () => {
  await inFolder(async (folder) => {
    const name = path.join(folder, 'config.json');
    await writeFile(name, JSON.stringify(OLD));
    const file = await ConfigFile.open(await loaded(name));
    await file.update(withPort(8080));
    await file.update(withPort(8081));
    assert.equal((await loaded(name)).document.server_port, 8081);
  });
});

test('a symbolic link stays, and its target is replaced', async () => {
  await inFolder(async (folder) => {
    await mkdir(path.join(folder, 'real'));
    const real = await writeOld(path.join(folder, 'real'));
    const link = path.join(folder, 'config.json');
    await symlink('real/config.json', link);
    const file = await ConfigFile.open(await loaded(link));
    await file.update(withPort(8080));
    assert.ok((await lstat(link)).isSymbolicLink());
    assert.equal((await loaded(real)).document.server_port, 8080);
    assert.equal(file.path, link);
    assert.deepEqual(await readdir(path.join(folder, 'real')), ['config.json']);
  });
});

test('open() removes the temporary files of a crash, and nothing else', async () => {
  await inFolder(async (folder) => {
    const name = await writeOld(folder);
    const kept = ['.config.json.0123.tmp', '.config.json.swp', '.other.json.0123456789abcdef.tmp', 'config.json.0123456789abcdef.tmp'];
    const removed = ['.config.json.0123456789abcdef.tmp', '.config.json.fedcba9876543210.tmp'];
    for (const other of [...kept, ...removed]) await writeFile(path.join(folder, other), '');
    await ConfigFile.open(await loaded(name));
    assert.deepEqual((await readdir(folder)).sort(), [...kept, 'config.json'].sort());
  });
});

test('open() of a removed file is a ConfigError', async () => {
  await inFolder(async (folder) => {
    const source = await loaded(await writeOld(folder));
    await unlink(source.path);
    await assert.rejects(ConfigFile.open(source), ConfigError);
  });
});

test('open() of a file that changed since it was loaded is a ConfigError', async () => {
  await inFolder(async (folder) => {
    const source = await loaded(await writeOld(folder));
    await writeFile(source.path, formatConfig({ ...OLD, server_port: 1 }));
    await assert.rejects(ConfigFile.open(source), (error) => error instanceof ConfigError && error.file === source.path);
    await ConfigFile.open(await loaded(source.path));
  });
});

test('create() writes a loadable file, private to its owner', async () => {
  await inFolder(async (folder) => {
    const name = path.join(folder, 'config.json');
    await writeFile(path.join(folder, '.config.json.0123456789abcdef.tmp'), 'left by a crash');
    const file = await ConfigFile.create(name, OLD);
    assert.equal(file.path, name);
    assert.deepEqual((await loaded(name)).document, OLD);
    assert.equal((await stat(name)).mode & PERMISSION_BITS, 0o600);
    assert.deepEqual(await readdir(folder), ['config.json']);
    await file.update(withPort(8080));
    assert.equal((await loaded(name)).document.server_port, 8080);
  });
});

test('create() announces before the file gets its name', async () => {
  await inFolder(async (folder) => {
    let present: readonly string[] = [];
    const { readdirSync } = await import('node:fs');
    await ConfigFile.create(path.join(folder, 'config.json'), OLD, () => { present = readdirSync(folder); });
    assert.equal(present.length, 1);
    assert.match(present[0] ?? '', /^\.config\.json\.[0-9a-f]{16}\.tmp$/);
  });
});

test('create() whose announcement fails leaves nothing', async () => {
  await inFolder(async (folder) => {
    const fail = (): never => { throw new Error('the console is gone'); };
    await assert.rejects(ConfigFile.create(path.join(folder, 'config.json'), OLD, fail), /the console is gone/);
    assert.deepEqual(await readdir(folder), []);
  });
});

test('create() never overwrites', async () => {
  await inFolder(async (folder) => {
    const name = path.join(folder, 'config.json');
    await writeFile(name, 'precious');
    await assert.rejects(ConfigFile.create(name, OLD), (error) => error instanceof ConfigError && /another program/.test(error.message));
    assert.equal(await readFile(name, 'utf8'), 'precious');
    assert.deepEqual(await readdir(folder), ['config.json']);
  });
});

test('of many concurrent create() calls one wins, and the file is its own', async () => {
  await inFolder(async (folder) => {
    const name = path.join(folder, 'config.json');
    const documents = Array.from({ length: 8 }, (_, port) => ({ ...OLD, server_port: port }));
    const results = await Promise.allSettled(documents.map((document) => ConfigFile.create(name, document)));
    const winners = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    assert.equal(winners.length, 1);
    assert.deepEqual((await loaded(name)).document, winners[0]?.document);
  });
});

test('create() in a folder that does not exist is a ConfigError', async () => {
  await inFolder(async (folder) => {
    const created = ConfigFile.create(path.join(folder, 'no', 'config.json'), OLD);
    await assert.rejects(created, (error) => error instanceof ConfigError && /ENOENT/.test(error.message));
  });
});

test.run();
