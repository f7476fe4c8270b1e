import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { ConfigError } from '../../src/config/config-error.js';
import { formatConfig } from '../../src/config/config-file.js';
import { firstConfig } from '../../src/config/first-config.js';
import { checkDataFolder, loadConfig } from '../../src/config/load-config.js';
import { suite } from '../suite.js';
import { inFolder } from './config-folder.js';

const test = suite('load-config');

const PRIVATE = { mode: 0o600 };
const SOUND = formatConfig(firstConfig().document);

async function faultOf(file: string): Promise<ConfigError> {
  try {
    await loadConfig(file);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error;
  }
  return assert.fail('nothing is wrong with the file');
}

/** Writes the bytes, expects the load to fail, and to leave the bytes as they are. */
async function refuse(bytes: string | Buffer): Promise<ConfigError> {
  let fault: ConfigError | undefined;
  await inFolder(async (folder) => {
    const file = path.join(folder, 'config.json');
    await writeFile(file, bytes, PRIVATE);
    fault = await faultOf(file);
    assert.equal(fault.file, file);
    assert.ok(fault.message.includes(JSON.stringify(file)), fault.message);
    assert.deepEqual(await readFile(file), Buffer.from(bytes));
  });
  return fault ?? assert.fail('the body ran');
}

test('a missing file is distinguished from a faulty one', async () => {
  await inFolder(async (folder) => {
    assert.equal(await loadConfig(path.join(folder, 'config.json')), undefined);
    assert.equal(await loadConfig(path.join(folder, 'no', 'config.json')), undefined);
  });
});

test('a valid file is loaded with its text, its folder and no warning', async () => {
  await inFolder(async (folder) => {
    const file = path.join(folder, 'config.json');
    await writeFile(file, SOUND, PRIVATE);
    const loaded = await loadConfig(file);
    const document = JSON.parse(SOUND) as unknown;
    assert.deepEqual(loaded, { path: file, folder, document, inForce: document, text: SOUND, warnings: [] });
  });
});

test('an empty file is refused', async () => {
  assert.match((await refuse('')).message, /the file is empty/);
});

test('blanks alone are refused', async () => {
  assert.match((await refuse(' \n')).message, /JSON; line 2, column 1/);
});

test('a file truncated anywhere is refused', async () => {
  await inFolder(async (folder) => {
    const file = path.join(folder, 'config.json');
    for (let length = 0; length < SOUND.trimEnd().length; length += 7) {
      await writeFile(file, SOUND.slice(0, length), PRIVATE);
      await faultOf(file);
    }
  });
});

test('a syntax error is reported by line and column, without the text', async () => {
  const error = await refuse('{\n  "version": 1,\n  "api_key": "open-sesame" oops\n}');
  assert.match(error.message, /line 3, column 28/);
  assert.ok(!error.message.includes('sesame') && !error.message.includes('oops'), error.message);
});

test('invalid UTF-8 and a byte order mark are refused', async () => {
  assert.match((await refuse(Buffer.from([0x7b, 0xff, 0x7d]))).message, /UTF-8/);
  assert.match((await refuse(`\ufeff${SOUND}`)).message, /byte order mark/);
});

test('a fault of the content has its pointer', async () => {
  const error = await refuse('{"version":1,"projects":[],"server_port":-1}');
  assert.deepEqual([error.pointer, error.found], ['/server_port', '-1']);
});

test('a repeated member is refused', async () => {
  assert.equal((await refuse('{"version":1,"projects":[{"id":"a"}],"projects":[]}')).pointer, '/projects');
});

test('a folder, a pipe and a file that is too long are refused', async () => {
  await inFolder(async (folder) => {
    await mkdir(path.join(folder, 'config.json'));
    assert.match((await faultOf(path.join(folder, 'config.json'))).message, /a file/);
    await promisify(execFile)('mkfifo', [path.join(folder, 'pipe')]);
    assert.match((await faultOf(path.join(folder, 'pipe'))).message, /a file/);
    await promisify(execFile)('truncate', ['-s', '67108865', path.join(folder, 'long.json')]);
    assert.match((await faultOf(path.join(folder, 'long.json'))).message, /67108864 bytes/);
  });
});

test('a path through a file is a fault with its cause, not a missing file', async () => {
  await inFolder(async (folder) => {
    await writeFile(path.join(folder, 'a'), '');
    const error = await faultOf(path.join(folder, 'a', 'config.json'));
    assert.match(error.message, /ENOTDIR/);
    assert.ok(error.cause instanceof Error);
  });
});

test('a file that other users can read or change is loaded with a warning', async () => {
  for (const [mode, warned] of [[0o600, false], [0o400, false], [0o640, true], [0o604, true], [0o620, true], [0o666, true]] as const) {
    await inFolder(async (folder) => {
      const file = path.join(folder, 'config.json');
      await writeFile(file, SOUND);
      await chmod(file, mode);
      const warnings = (await loadConfig(file))?.warnings ?? [];
      assert.equal(warnings.length, warned ? 1 : 0, mode.toString(8));
      const verb = (mode & 0o044) === 0 ? 'changed' : 'read';
      if (warned) assert.match(warnings[0] ?? '', new RegExp(`can be ${verb} by other users.*mode 0${mode.toString(8)}`));
    });
  }
});

function withDataFolder(folder: string): string {
  return JSON.stringify({ version: 1, projects: [], default: { storage: { persistent_file_path: folder } } });
}

test("the configuration's own folder is refused as the data folder, however it is written", async () => {
  await inFolder(async (folder) => {
    const file = path.join(folder, 'config.json');
    await mkdir(path.join(folder, 'sub'));
    await symlink(folder, path.join(folder, 'link'));
    for (const written of ['.', './', folder, 'sub/..', 'link', 'link/link/']) {
      await writeFile(file, withDataFolder(written), PRIVATE);
      assert.equal((await faultOf(file)).pointer, '/default/storage/persistent_file_path', written);
    }
    for (const written of ['data/', 'sub', 'link/data/not/yet', '..']) {
      await writeFile(file, withDataFolder(written), PRIVATE);
      assert.notEqual(await loadConfig(file), undefined, written);
    }
  });
});

test('the folder behind a symbolic link to the configuration is refused as well', async () => {
  await inFolder(async (folder) => {
    await mkdir(path.join(folder, 'real'));
    await writeFile(path.join(folder, 'real', 'config.json'), withDataFolder('real'), PRIVATE);
    await symlink('real/config.json', path.join(folder, 'config.json'));
    assert.equal((await faultOf(path.join(folder, 'config.json'))).pointer, '/default/storage/persistent_file_path');
  });
});

test('relative paths start at the folder of the symbolic link, not of its target', async () => {
  await inFolder(async (folder) => {
    await mkdir(path.join(folder, 'real'));
    await writeFile(path.join(folder, 'real', 'config.json'), SOUND, PRIVATE);
    await symlink('real/config.json', path.join(folder, 'config.json'));
    assert.equal((await loadConfig(path.join(folder, 'config.json')))?.folder, folder);
  });
});

test('a checkpoint file in the data folder, or in place of a file of the configuration, is refused, however it is written', async () => {
  await inFolder(async (folder) => {
    const file = path.join(folder, 'config.json');
    await mkdir(path.join(folder, 'data', 'sub'), { recursive: true });
    await mkdir(path.join(folder, 'elsewhere'));
    await symlink(path.join(folder, 'data'), path.join(folder, 'link'));
    await symlink(path.join(folder, 'data', 'in-data'), path.join(folder, 'elsewhere', 'link'));
    await writeFile(path.join(folder, 'data', 'in-data'), '');
    const load = async (written: string): Promise<unknown> => {
      await writeFile(file, JSON.stringify({ version: 1, projects: [], default: { checkpoints: { file: written } } }), PRIVATE);
      return await loadConfig(file);
    };
    const wrong = [
      'data', 'data/c.jsonl', 'data/sub/c.jsonl', 'data/..c', 'link/c.jsonl', 'elsewhere/link', 'elsewhere/../data/c', 'config.json',
      'config.json.known-keys', 'elsewhere/../config.json',
    ];
    for (const written of wrong) {
      const isRefused = (error: unknown): boolean => error instanceof ConfigError && error.pointer === '/default/checkpoints/file';
      await assert.rejects(load(written), isRefused, written);
    }
    const right = [
      'c.jsonl', 'data.jsonl', '..c', 'elsewhere/c.jsonl', 'not/there/yet.jsonl', 'config.json/not/a/folder', '../c.jsonl', 'config.json-c',
    ];
    for (const written of right) assert.ok(await load(written), written);
  });
});

test('a folder, a pipe and a device are refused as the checkpoint file', async () => {
  await inFolder(async (folder) => {
    const file = path.join(folder, 'config.json');
    await mkdir(path.join(folder, 'folder'));
    await promisify(execFile)('mkfifo', [path.join(folder, 'pipe')]);
    await symlink(path.join(folder, 'pipe'), path.join(folder, 'link'));
    for (const written of ['folder', 'pipe', 'link', '/dev/null']) {
      await writeFile(file, JSON.stringify({ version: 1, projects: [], default: { checkpoints: { file: written } } }), PRIVATE);
      const { message } = await faultOf(file);
      assert.match(message, /\/default\/checkpoints\/file .*expected a file, or a name for one, not a folder, pipe or device/, written);
      assert.ok(message.includes(written), message);
    }
  });
});

test('a data folder that cannot be accessed is refused', async () => {
  await inFolder(async (folder) => {
    const file = path.join(folder, 'config.json');
    await symlink('loop', path.join(folder, 'loop'));
    await writeFile(file, withDataFolder('loop/data'), PRIVATE);
    assert.match((await faultOf(file)).message, /persistent_file_path .*ELOOP/);
  });
});

test('checkDataFolder() compares whole paths', () => {
  checkDataFolder('/srv/data', ['/srv', '/etc']);
  checkDataFolder('/srv', ['/srv/data']);
  assert.throws(() => checkDataFolder('/srv', ['/etc', '/srv']), ConfigError);
});

test.run();
