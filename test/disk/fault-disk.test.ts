import assert from 'node:assert/strict';
import { suite } from '../suite.js';
import { testDiskContract } from './disk-contract.js';
import { FaultDisk, KilledError } from './fault-disk.js';
import { closedGate, emptyDisk, HOME } from '../log/file/log-fixture.js';

for (const canClone of [false, true]) {
  testDiskContract(`in memory, where files ${canClone ? 'can' : 'cannot'} share blocks`, async (body) => {
    const disk = emptyDisk();
    disk.canClone = canClone;
    await body({ disk, folder: HOME });
    assert.deepEqual(disk.openPaths, []);
  });
}

const test = suite('FaultDisk');
const PLACE = `${HOME}/a`;

/** A disk with one synced file of three bytes. */
function diskWithFile(): FaultDisk {
  const disk = emptyDisk();
  disk.put(PLACE, 'abc');
  return disk;
}

function textOf(disk: FaultDisk, place = PLACE): string {
  return disk.bytesOf(place).toString();
}

test('a crash keeps or loses content, size and names independently', async () => {
  const disk = diskWithFile();
  const file = await disk.open(PLACE, 'append');
  await file.append(Buffer.from('de'));
  await disk.link(PLACE, `${HOME}/b`);
  const survivors = (['cached', 'synced'] as const).flatMap((content) => (['cached', 'synced'] as const).map((size) => (
    textOf(disk.crash({ content, size, names: 'synced' }))
  )));
  assert.deepEqual(survivors, ['abcde', 'abc', 'abc\0\0', 'abc']);
  assert.deepEqual([...disk.crash({ content: 'cached', size: 'cached', names: 'synced' }).contents().keys()], [PLACE]);
  assert.deepEqual([...disk.crash().contents().keys()], [PLACE, `${HOME}/b`]);
});

test('synced data survives, and later data does not', async () => {
  const disk = diskWithFile();
  const file = await disk.open(PLACE, 'append');
  await file.append(Buffer.from('d'));
  await file.datasync();
  await file.append(Buffer.from('e'));
  await disk.rename(PLACE, `${HOME}/b`);
  const all = { content: 'synced', size: 'synced', names: 'synced' } as const;
  assert.equal(textOf(disk.crash(all)), 'abcd');
  const folder = await disk.openFolder(HOME);
  await folder.sync();
  assert.deepEqual([...disk.crash(all).contents()].map(([name, bytes]) => [name, bytes.toString()]), [[`${HOME}/b`, 'abcd']]);
});

test('a disk and its state after a crash share nothing, and two names stay one file', async () => {
  const disk = diskWithFile();
  await disk.link(PLACE, `${HOME}/b`);
  const survivor = disk.crash();
  assert.equal((await survivor.status(PLACE))?.inode, (await survivor.status(`${HOME}/b`))?.inode);
  const file = await survivor.open(PLACE, 'append');
  await file.append(Buffer.from('d'));
  assert.equal(textOf(survivor, `${HOME}/b`), 'abcd');
  assert.equal(textOf(disk), 'abc');
});

test('calls are numbered, and a fault strikes by number, by method and path, or by count', async () => {
  const disk = diskWithFile();
  disk.fail({ number: 2, action: { kind: 'errno', code: 'EIO' } });
  disk.fail({ method: 'status', path: '/a', nth: 3, times: 2, action: { kind: 'errno', code: 'ENOMEM' } });
  disk.fail({ path: /b$/, action: { kind: 'errno', code: 'EACCES' } });
  const codes: (string | undefined)[] = [];
  for (const place of ['a', 'a', 'a', 'a', 'a', 'b', 'b']) {
    codes.push(await disk.status(`${HOME}/${place}`).then(() => 'done', (error: NodeJS.ErrnoException) => error.code));
  }
  assert.deepEqual(codes, ['done', 'EIO', 'ENOMEM', 'ENOMEM', 'done', 'EACCES', 'done']);
  assert.deepEqual(disk.calls.map((call) => call.number), [1, 2, 3, 4, 5, 6, 7]);
});

test('a removed fault no longer strikes', async () => {
  const disk = diskWithFile();
  const clear = disk.fail({ method: 'list', times: Number.POSITIVE_INFINITY, action: { kind: 'errno', code: 'EIO' } });
  await assert.rejects(disk.list(HOME), { code: 'EIO' });
  clear();
  assert.deepEqual(await disk.list(HOME), ['a']);
});

test('writes can be short, torn, refused, or carried out and reported as failed', async () => {
  const written = async (action: Parameters<FaultDisk['fail']>[0]['action']): Promise<unknown> => {
    const disk = diskWithFile();
    disk.fail({ method: 'append', action });
    const file = await disk.open(PLACE, 'append');
    const result = await file.append(Buffer.from('defg')).catch((error: NodeJS.ErrnoException) => error.code);
    return [result, textOf(disk)];
  };
  assert.deepEqual(await written({ kind: 'short', bytes: 2 }), [2, 'abcde']);
  assert.deepEqual(await written({ kind: 'torn', bytes: 1, code: 'EIO' }), ['EIO', 'abcd']);
  assert.deepEqual(await written({ kind: 'errno', code: 'ENOSPC' }), ['ENOSPC', 'abc']);
  assert.deepEqual(await written({ kind: 'errno', code: 'EIO', carriedOut: true }), ['EIO', 'abcdefg']);
});

test('after a kill every call rejects, and the killed call took effect as specified', async () => {
  const outcomes: string[] = [];
  for (const when of ['before', 'after', { bytes: 1 }] as const) {
    const disk = diskWithFile();
    disk.fail({ method: 'append', action: { kind: 'kill', when } });
    const file = await disk.open(PLACE, 'append');
    await assert.rejects(file.append(Buffer.from('de')), KilledError);
    await assert.rejects(file.datasync(), KilledError);
    await assert.rejects(disk.list(HOME), KilledError);
    assert.ok(disk.isKilled);
    outcomes.push(textOf(disk.crash()));
  }
  assert.deepEqual(outcomes, ['abc', 'abcde', 'abcd']);
});

test('a call under way when the process is killed has had its effect and is not answered', async () => {
  const disk = diskWithFile();
  const gate = closedGate();
  disk.fail({ method: 'datasync', action: { kind: 'hold', until: gate.promise } });
  const file = await disk.open(PLACE, 'append');
  await file.append(Buffer.from('d'));
  const syncing = file.datasync();
  disk.kill();
  gate.open();
  await assert.rejects(syncing, KilledError);
  assert.equal(textOf(disk.crash({ content: 'synced', size: 'synced', names: 'synced' })), 'abcd');
});

test('a power failure can keep the newest name of a folder and lose earlier ones', async () => {
  const disk = diskWithFile();
  await disk.link(PLACE, `${HOME}/b`);
  await disk.link(PLACE, `${HOME}/c`);
  await disk.unlink(PLACE);
  const namesAfter = async (names: 'cached' | 'synced' | 'newest'): Promise<readonly string[]> => (
    await disk.crash({ content: 'synced', size: 'synced', names }).list(HOME)
  );
  assert.deepEqual([await namesAfter('cached'), await namesAfter('synced'), await namesAfter('newest')], [['b', 'c'], ['a'], ['a', 'c']]);
});

test('a power failure can leave a file with two names, but a folder in one place', async () => {
  const disk = diskWithFile();
  for (const name of ['from', 'to']) await disk.makeFolder(`${HOME}/${name}`);
  await disk.makeFolder(`${HOME}/from/folder`);
  disk.tree.syncAll();
  await disk.rename(`${HOME}/from/folder`, `${HOME}/to/folder`);
  await disk.rename(PLACE, `${HOME}/to/a`);
  const target = await disk.openFolder(`${HOME}/to`);
  const namesAfter = async (): Promise<readonly string[]> => {
    const left = disk.crash({ content: 'synced', size: 'synced', names: 'synced' });
    const names = await Promise.all(['', '/from', '/to'].map((folder) => left.list(`${HOME}${folder}`)));
    return names.map((some) => [...some].sort().join());
  };
  assert.deepEqual(await namesAfter(), ['a,from,to', 'folder', '']);
  await target.sync();
  assert.deepEqual(await namesAfter(), ['a,from,to', '', 'a,folder']);
  await target.close();
});

test('a full disk accepts what fits, then nothing', async () => {
  const disk = diskWithFile();
  disk.roomBytes = 3;
  const file = await disk.open(PLACE, 'append');
  assert.equal(await file.append(Buffer.from('12')), 2);
  assert.equal(await file.append(Buffer.from('345')), 1);
  await assert.rejects(file.append(Buffer.from('4')), { code: 'ENOSPC' });
  assert.equal(textOf(disk), 'abc123');
});

test('closing an unused file does nothing, and closing happens once', async () => {
  const disk = diskWithFile();
  const file = await disk.open(PLACE, 'read');
  assert.deepEqual(disk.openPaths, [PLACE]);
  await file.close();
  assert.deepEqual(disk.openPaths, []);
  await assert.rejects(file.close(), { name: 'InvariantError' });
});

test('folders and files are distinguished', async () => {
  const disk = diskWithFile();
  await assert.rejects(disk.open(HOME, 'read'), { code: 'EISDIR' });
  await assert.rejects(disk.status(`${PLACE}/b`), { code: 'ENOTDIR' });
  await assert.rejects(disk.makeFolder(PLACE), { code: 'ENOTDIR' });
  await assert.rejects(disk.unlink(HOME), { code: 'EISDIR' });
  await disk.makeFolder(`${HOME}/c/d`);
  await assert.rejects(disk.rename(PLACE, `${HOME}/c`), { code: 'EISDIR' });
  await assert.rejects(disk.rename(`${HOME}/c`, PLACE), { code: 'ENOTDIR' });
  await disk.makeFolder(`${HOME}/e/f`);
  await assert.rejects(disk.rename(`${HOME}/e`, `${HOME}/c`), { code: 'ENOTEMPTY' });
  assert.throws(() => disk.put(HOME, ''), { code: 'EISDIR' });
});

test.run();
