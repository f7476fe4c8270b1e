/** The folder of the configuration after one step of writing it fails, or is the last one before a crash. */
import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../../src/base/app-error.js';
import type { ConfigDocument } from '../../src/config/config-document.js';
import { ConfigError } from '../../src/config/config-error.js';
import { ConfigFile, formatConfig } from '../../src/config/config-file.js';
import { firstConfig } from '../../src/config/first-config.js';
import { loadConfig, type LoadedConfig } from '../../src/config/load-config.js';
import { suite } from '../suite.js';
import { inFolder } from './config-folder.js';
import { faultyConfigDisk, type ConfigDiskFault, type ConfigDiskStep } from './faulty-config-disk.js';

const test = suite('config-file.crash');

const OLD: ConfigDocument = firstConfig().document;
const NEW: ConfigDocument = { ...OLD, server_port: 8080 };

async function loaded(file: string): Promise<LoadedConfig> {
  return (await loadConfig(file)) ?? assert.fail('there is a file');
}

async function failureOf(work: Promise<unknown>): Promise<Error> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof Error);
    return error;
  }
  return assert.fail('the step was made to fail');
}

interface UpdateRow {
  readonly fault: ConfigDiskFault;
  /** Which content the file has afterwards. */
  readonly holds: 'old' | 'new';
  /** Whether a temporary file stays until the next start. */
  readonly leavesTemporary: boolean;
}

const UPDATE_ROWS: readonly UpdateRow[] = [
  { fault: { step: 'read', code: 'EACCES' }, holds: 'old', leavesTemporary: false },
  { fault: { step: 'openFolder', code: 'EMFILE' }, holds: 'old', leavesTemporary: false },
  { fault: { step: 'open', code: 'EROFS' }, holds: 'old', leavesTemporary: false },
  { fault: { step: 'write', code: 'ENOSPC' }, holds: 'old', leavesTemporary: false },
  { fault: { step: 'write', code: 'ENOSPC', isCrash: true }, holds: 'old', leavesTemporary: true },
  { fault: { step: 'sync', code: 'EIO' }, holds: 'old', leavesTemporary: false },
  { fault: { step: 'sync', code: 'EIO', isCrash: true }, holds: 'old', leavesTemporary: true },
  { fault: { step: 'close', code: 'EIO', isCrash: true }, holds: 'old', leavesTemporary: true },
  { fault: { step: 'rename', code: 'EBUSY' }, holds: 'old', leavesTemporary: false },
  { fault: { step: 'rename', code: 'EIO', isCrash: true }, holds: 'old', leavesTemporary: true },
  // The rename happened, and is taken back: what failed must not be what the next start reads.
  { fault: { step: 'syncFolder', code: 'EIO' }, holds: 'old', leavesTemporary: false },
  { fault: { step: 'syncFolder', code: 'EIO', isCrash: true }, holds: 'new', leavesTemporary: false },
];

for (const { fault, holds, leavesTemporary } of UPDATE_ROWS) {
  const how = `${fault.step} with ${fault.code}${fault.isCrash === true ? ', and nothing after it works' : ''}`;
  test(`update() that fails at ${how} leaves the ${holds} file, whole, and memory unchanged`, async () => {
    await inFolder(async (folder) => {
      const name = path.join(folder, 'config.json');
      await writeFile(name, formatConfig(OLD), { mode: 0o600 });
      const { disk, steps, setFault } = faultyConfigDisk();
      const file = await ConfigFile.open(await loaded(name), disk);
      setFault(fault);
      const error = await failureOf(file.update(() => NEW));
      assert.ok(error instanceof AppError && error.code === 'config_write_failed' && steps.includes(fault.step), String(error));
      assert.ok(error.cause instanceof Error && 'code' in error.cause && error.cause.code === fault.code);
      assert.ok(!error.message.includes(folder));
      assert.deepEqual(file.document, OLD);
      assert.deepEqual((await loaded(name)).document, holds === 'old' ? OLD : NEW);
      assert.equal((await readdir(folder)).length, leavesTemporary ? 2 : 1);

      // The machine comes back: either this server goes on, or another is started.
      setFault(undefined);
      await file.update(() => ({ ...OLD, server_port: 1 }));
      assert.equal((await loaded(name)).document.server_port, 1);
      const next = await ConfigFile.open(await loaded(name));
      await next.update(() => NEW);
      assert.deepEqual(await readdir(folder), ['config.json']);
      assert.deepEqual((await loaded(name)).document, NEW);
    });
  });
}

test('update() calls the disk in the order that makes the change durable', async () => {
  await inFolder(async (folder) => {
    const name = path.join(folder, 'config.json');
    await writeFile(name, formatConfig(OLD), { mode: 0o600 });
    const { disk, steps } = faultyConfigDisk();
    const file = await ConfigFile.open(await loaded(name), disk);
    steps.length = 0;
    await file.update(() => NEW);
    assert.deepEqual(steps, ['read', 'openFolder', 'open', 'write', 'sync', 'close', 'read', 'rename', 'syncFolder', 'closeFolder']);
  });
});

test('a failed change does not affect the one queued behind it', async () => {
  await inFolder(async (folder) => {
    const name = path.join(folder, 'config.json');
    await writeFile(name, formatConfig(OLD), { mode: 0o600 });
    const { disk, setFault } = faultyConfigDisk({ step: 'rename', code: 'EBUSY' });
    const file = await ConfigFile.open(await loaded(name), disk);
    const first = failureOf(file.update((document) => ({ ...document, server_port: 1 })));
    const second = file.update((document) => {
      setFault(undefined);
      return { ...document, server_host: '::1' };
    });
    await Promise.all([first, second]);
    assert.deepEqual((await loaded(name)).document, { ...OLD, server_host: '::1' });
  });
});

interface CreateRow {
  readonly step: ConfigDiskStep;
  readonly isCrash: boolean;
  readonly holdsFile: boolean;
  readonly announced: boolean;
}

const CREATE_ROWS: readonly CreateRow[] = [
  { step: 'openFolder', isCrash: false, holdsFile: false, announced: false },
  { step: 'open', isCrash: false, holdsFile: false, announced: false },
  { step: 'write', isCrash: true, holdsFile: false, announced: false },
  { step: 'sync', isCrash: false, holdsFile: false, announced: false },
  { step: 'sync', isCrash: true, holdsFile: false, announced: false },
  { step: 'link', isCrash: false, holdsFile: false, announced: true },
  { step: 'link', isCrash: true, holdsFile: false, announced: true },
  { step: 'syncFolder', isCrash: true, holdsFile: true, announced: true },
];

for (const { step, isCrash, holdsFile, announced } of CREATE_ROWS) {
  const how = `${step}${isCrash ? ', and nothing after it works,' : ''}`;
  test(`create() that fails at ${how} leaves ${holdsFile ? 'the whole file, and its keys were announced' : 'no file'}`, async () => {
    await inFolder(async (folder) => {
      const name = path.join(folder, 'config.json');
      const { disk } = faultyConfigDisk({ step, code: 'EIO', isCrash });
      let count = 0;
      const error = await failureOf(ConfigFile.create(name, OLD, () => { count += 1; }, disk));
      assert.ok(error instanceof ConfigError && /EIO/.test(error.message), String(error));
      assert.equal(count, announced ? 1 : 0);
      if (holdsFile) {
        assert.deepEqual((await loaded(name)).document, OLD);
        await ConfigFile.open(await loaded(name));
      } else {
        assert.equal(await loadConfig(name), undefined);
        await ConfigFile.create(name, OLD);
      }
      // Whatever was left, the next start has cleared it away.
      assert.deepEqual(await readdir(folder), ['config.json']);
      assert.equal(await readFile(name, 'utf8'), formatConfig(OLD));
    });
  });
}

test('leftovers that cannot be listed or removed do not prevent a startup', async () => {
  for (const step of ['list', 'unlink'] as const) {
    await inFolder(async (folder) => {
      const name = path.join(folder, 'config.json');
      await writeFile(name, formatConfig(OLD), { mode: 0o600 });
      await writeFile(path.join(folder, '.config.json.0123456789abcdef.tmp'), '');
      const { disk } = faultyConfigDisk({ step, code: 'EACCES' });
      assert.deepEqual((await ConfigFile.open(await loaded(name), disk)).document, OLD);
    });
  }
});

test('a second name of the temporary file that cannot be removed does not fail create()', async () => {
  await inFolder(async (folder) => {
    const name = path.join(folder, 'config.json');
    const { disk } = faultyConfigDisk({ step: 'unlink', code: 'EIO' });
    await ConfigFile.create(name, OLD, undefined, disk);
    assert.deepEqual((await loaded(name)).document, OLD);
  });
});

test.run();
