import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, chmod, copyFile, mkdir, rename, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { NodeDisk } from '../../src/disk/node-disk.js';
import { ManualClock } from '../base/manual-clock.js';
import { hasCommands } from '../docs/shell-session.js';
import { suite } from '../suite.js';
import { testDiskContract } from './disk-contract.js';
import { collect, createLog, drafts, openLog, OPTIONS, PROJECT, recordingLogger } from '../log/file/log-fixture.js';
import { withFolder } from './temporary-folder.js';

testDiskContract('the real one', (body) => withFolder((folder) => body({ disk: new NodeDisk(), folder })));
testDiskContract('the real one, blocking', (body) => withFolder((folder) => body({ disk: NodeDisk.blocking(), folder })));

const test = suite('NodeDisk');

test('files are readable by their group and not by others, folders likewise', () => withFolder(async (folder) => {
  const disk = new NodeDisk();
  await (await disk.open(path.join(folder, 'a'), 'create')).close();
  await disk.makeFolder(path.join(folder, 'b'));
  assert.equal((await stat(path.join(folder, 'a'))).mode & 0o027, 0);
  assert.equal((await stat(path.join(folder, 'a'))).mode & 0o600, 0o600);
  assert.equal((await stat(path.join(folder, 'b'))).mode & 0o027, 0);
}));

test('opening a pipe that has no writer waits for none, in any mode', () => withFolder(async (folder) => {
  const pipe = path.join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  for (const mode of ['read', 'append', 'overwrite'] as const) {
    const opening = new NodeDisk().open(pipe, mode);
    const isLate = await Promise.race([opening, sleep(5000, true, { ref: false })]);
    // A writer, so that the thread can end.
    if (isLate === true) execFileSync('sh', ['-c', ': > "$0"', pipe]);
    await (await opening).close();
    assert.notEqual(isLate, true, mode);
  }
}));

test('only a missing name is treated as one', () => withFolder(async (folder) => {
  const disk = new NodeDisk();
  await writeFile(path.join(folder, 'a'), '');
  const below = path.join(folder, 'a/b');
  const calls: readonly (() => Promise<unknown>)[] = [
    () => disk.status(below), () => disk.list(path.join(folder, 'a')), () => disk.unlink(below), () => disk.removeFolder(below),
  ];
  for (const call of calls) await assert.rejects(call(), { code: 'ENOTDIR' });
}));

test('a folder that cannot be created is refused at once, also if its parent exists', () => withFolder(async (folder) => {
  const disk = new NodeDisk();
  await symlink(path.join(folder, 'none'), path.join(folder, 'dangling'));
  await writeFile(path.join(folder, 'file'), '');
  const refused: Readonly<Record<string, string>> = {
    ...(existsSync('/proc/self') && { '/proc/nope': 'ENOENT', '/proc/nope/data': 'ENOENT' }),
    [path.join(folder, 'dangling/data')]: 'EEXIST', [path.join(folder, 'file/data')]: 'ENOTDIR', [path.join(folder, 'file')]: 'EEXIST',
  };
  for (const [place, code] of Object.entries(refused)) await assert.rejects(disk.makeFolder(place), { code }, place);
  await disk.makeFolder(path.join(folder, 'a/b/c'));
  await disk.makeFolder(path.join(folder, 'a/b/c'));
  assert.equal((await stat(path.join(folder, 'a/b'))).mode & 0o027, 0);
}));

test('a symbolic link is distinguished from its target, also if that does not exist', () => withFolder(async (folder) => {
  const disk = new NodeDisk();
  const [file, link, dangling] = ['file', 'link', 'dangling'].map((name) => path.join(folder, name)) as [string, string, string];
  await writeFile(file, 'abc');
  await symlink(file, link);
  await symlink(path.join(folder, 'none'), dangling);
  assert.deepEqual(await disk.status(link), { ...await disk.status(file), isLink: true });
  const status = await disk.status(dangling);
  assert.deepEqual([status?.isLink, status?.isFolder], [true, false]);
}));

test('concurrent syncs all take effect', () => withFolder(async (folder) => {
  const disk = new NodeDisk();
  const files = await Promise.all(Array.from({ length: 12 }, (_, index) => disk.open(path.join(folder, `f${index}`), 'create')));
  await Promise.all(files.map(async (file) => {
    await file.append(Buffer.from('x'));
    await file.datasync();
    await file.close();
  }));
  assert.equal((await disk.list(folder)).length, 12);
}));

const FOREIGN: Readonly<Record<string, (file: string) => Promise<unknown>>> = {
  'cut': (file) => truncate(file, 300),
  'grown': (file) => appendFile(file, 'x'),
  'removed': (file) => rm(file),
  'moved': (file) => rename(file, `${file}.old`),
  'replaced by a copy': async (file) => {
    await copyFile(file, `${file}.copy`);
    await rename(`${file}.copy`, file);
  },
};
for (const [name, change] of Object.entries(FOREIGN)) {
  test(`a file that another program has ${name} is noticed within a second and not written to`, () => withFolder(async (folder) => {
    const clock = new ManualClock();
    const { logger, lines } = recordingLogger();
    const log = await createLog(new NodeDisk(), OPTIONS, { folder, clock, logger });
    await log.append(drafts(1, 2), 0);
    await change(path.join(folder, `${PROJECT}.jsonl`));
    clock.advance(1001);
    await assert.rejects(log.append(drafts(3, 3), 2), { code: 'log_failed' });
    assert.equal(log.state(), 'failed');
    await assert.rejects(log.append(drafts(3, 3), 2), { code: 'log_failed' });
    assert.ok(lines.some(({ level }) => level === 'error'));
    await log.close();
  }));
}

test('an untouched file passes the same check', () => withFolder(async (folder) => {
  const clock = new ManualClock();
  const log = await createLog(new NodeDisk(), { ...OPTIONS, segmentBytes: 700 }, { folder, clock });
  for (let seq = 0; seq < 6; seq += 1) {
    clock.advance(1001);
    await log.append(drafts(seq + 1, seq + 1), seq);
  }
  assert.equal((await collect(log.read({ fromSeq: 1 }))).length, 6);
  await log.close();
}));

test('a torn tail on the real disk is cut, and the log continues', () => withFolder(async (folder) => {
  const disk = new NodeDisk();
  const log = await createLog(disk, OPTIONS, { folder });
  await log.append(drafts(1, 2), 0);
  await log.close();
  await appendFile(path.join(folder, `${PROJECT}.jsonl`), '{"seq":3,"time"');
  const again = await openLog(disk, OPTIONS, { folder });
  assert.equal(again.replayed.length, 2);
  await again.log.append(drafts(3, 3), 2);
  await again.log.close();
  const names = await disk.list(path.join(folder, PROJECT));
  assert.ok(names.some((one) => one.startsWith('torn-3-')));
  const third = await openLog(disk, OPTIONS, { folder });
  assert.equal(third.replayed.length, 3);
  await third.log.close();
}));

test('a home whose folder cannot be written to creates nothing', () => withFolder(async (folder) => {
  const home = path.join(folder, 'home');
  await mkdir(home);
  await writeFile(path.join(home, PROJECT), 'a file where the folder should be');
  await chmod(home, 0o500);
  await assert.rejects(createLog(new NodeDisk(), OPTIONS, { folder: home }));
  await chmod(home, 0o700);
}));

/** Takes all descriptors and releases them after a while, if at all; prints the results of calls made meanwhile. */
const SHORTAGE_SCRIPT = `
  import { closeSync, openSync } from 'node:fs';
  const [, module, folder, givenBackMs] = process.argv;
  const { NodeDisk } = await import(module);
  const disk = new NodeDisk();
  await Promise.allSettled([disk.open(folder + '/a', 'read').then((file) => file.close()), disk.list(folder)]);
  const taken = [];
  try {
    for (;;) taken.push(openSync('/dev/null'));
  } catch {
    if (givenBackMs !== 'never') setTimeout(() => taken.forEach((fd) => closeSync(fd)), Number(givenBackMs));
  }
  const codes = [disk.open(folder + '/a', 'read'), disk.open(folder + '/new', 'create'), disk.list(folder)]
    .map((call) => call.then(async (opened) => (await opened.close?.(), 'done'), ({ code }) => code));
  const text = JSON.stringify(await Promise.all(codes));
  // Printing needs descriptors.
  if (givenBackMs === 'never') taken.slice(0, 4).forEach((fd) => closeSync(fd));
  console.log(text);
`;

function underShortage(folder: string, givenBackMs: number | 'never'): unknown {
  const module = new URL('../../src/disk/node-disk.js', import.meta.url).href;
  const args = ['--nofile=64:64', process.execPath, '--input-type=module', '-e', SHORTAGE_SCRIPT, module, folder, String(givenBackMs)];
  // Coverage would need descriptors.
  const env = { ...process.env, NODE_V8_COVERAGE: '' };
  return JSON.parse(execFileSync('prlimit', args, { encoding: 'utf8', env }));
}

test('a temporary lack of descriptors is waited out, and a lasting one is reported', () => withFolder(async (folder) => {
  if (!hasCommands(['prlimit'])) return;
  await writeFile(path.join(folder, 'a'), '');
  assert.deepEqual(underShortage(folder, 200), ['done', 'done', 'done']);
  await rm(path.join(folder, 'new'));
  assert.deepEqual(underShortage(folder, 'never'), ['EMFILE', 'EMFILE', 'EMFILE']);
  assert.equal(existsSync(path.join(folder, 'new')), false);
}));

test.run();
