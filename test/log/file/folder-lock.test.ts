import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, link, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { FolderLock, FolderLockedError, LOCK_NAME, holderOf } from '../../../src/log/file/folder-lock.js';
import { suite } from '../../suite.js';
import { withFolder } from '../../disk/temporary-folder.js';

const test = suite('FolderLock');
const CHILD = fileURLToPath(new URL('./lock-child.js', import.meta.url));
const US = { pid: process.pid, config: '/etc/simplekv/config.json' };

/** A process that tries to take the lock, and its first output. */
interface Contender {
  readonly child: ChildProcess;
  readonly said: string;
}

async function contend(folder: string): Promise<Contender> {
  const child = spawn(process.execPath, [CHILD, folder, 'child.json'], { stdio: ['pipe', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout })) return { child, said: line };
  throw new Error('The child said nothing');
}

async function end(child: ChildProcess, signal: 'SIGKILL' | 'input'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  if (signal === 'SIGKILL') child.kill('SIGKILL');
  else child.stdin?.end();
  await exited;
}

test('the second process is refused and learns who holds the folder', () => withFolder(async (folder) => {
  const lock = await FolderLock.acquire(folder, US);
  await assert.rejects(FolderLock.acquire(folder, { pid: 1, config: 'other' }), (error) => {
    assert.ok(error instanceof FolderLockedError);
    assert.deepEqual(error.holder, US);
    assert.match(error.message, new RegExp(`pid ${process.pid}, configuration "/etc/simplekv/config.json"`));
    return true;
  });
  await lock.release();
}));

test('a process that finds a repair running reports the repair, not a server', () => withFolder(async (folder) => {
  const lock = await FolderLock.acquire(folder, { pid: 7, config: holderOf('repair') });
  await assert.rejects(FolderLock.acquire(folder, US), (error) => {
    assert.match(String(error), /: a repair \(pid 7\) is running on it\. Try again when it has finished$/);
    return true;
  });
  await lock.release();
}));

test('releasing removes the name and admits the next process; nothing else is left', () => withFolder(async (folder) => {
  for (let round = 0; round < 3; round += 1) {
    const lock = await FolderLock.acquire(folder, US);
    assert.deepEqual(await readdir(folder), [LOCK_NAME]);
    await assert.rejects(FolderLock.acquire(folder, US), FolderLockedError);
    await lock.release();
    assert.deepEqual(await readdir(folder), []);
  }
}));

test('releasing leaves a name alone that refers to another socket', () => withFolder(async (folder) => {
  const lock = await FolderLock.acquire(folder, US);
  await rm(path.join(folder, LOCK_NAME));
  await writeFile(path.join(folder, LOCK_NAME), 'of another owner');
  await lock.release();
  await access(path.join(folder, LOCK_NAME));
}));

test('a client that connects and never hangs up does not block the release', () => withFolder(async (folder) => {
  const lock = await FolderLock.acquire(folder, US);
  const idle = connect({ path: path.join(folder, LOCK_NAME), allowHalfOpen: true });
  await once(idle, 'connect');
  await lock.release();
  idle.destroy();
}), { timeoutMs: 10_000 });

test('a folder whose path is longer than a socket\'s can be is locked like any other', () => withFolder(async (top) => {
  const folder = path.join(top, 'x'.repeat(60), 'y'.repeat(60));
  await mkdir(folder, { recursive: true });
  const lock = await FolderLock.acquire(folder, US);
  await assert.rejects(FolderLock.acquire(folder, US), (error) => error instanceof FolderLockedError && error.holder?.pid === process.pid);
  assert.deepEqual(await readdir(folder), [LOCK_NAME]);
  await lock.release();
  const { child, said } = await contend(folder);
  assert.equal(said, 'held');
  await end(child, 'SIGKILL');
  await (await FolderLock.acquire(folder, US)).release();
}));

test('the lock of a killed process is taken over', () => withFolder(async (folder) => {
  const { child, said } = await contend(folder);
  assert.equal(said, 'held');
  await assert.rejects(FolderLock.acquire(folder, US), (error) => error instanceof FolderLockedError && error.holder?.pid === child.pid);
  await end(child, 'SIGKILL');
  assert.deepEqual(await readdir(folder), [LOCK_NAME]);
  const lock = await FolderLock.acquire(folder, US);
  assert.deepEqual(await readdir(folder), [LOCK_NAME]);
  await lock.release();
}));

test('a process that exits normally leaves no name', () => withFolder(async (folder) => {
  const { child, said } = await contend(folder);
  assert.equal(said, 'held');
  await end(child, 'input');
  assert.deepEqual(await readdir(folder), []);
}));

test('a suspended process still holds its lock', () => withFolder(async (folder) => {
  const { child, said } = await contend(folder);
  assert.equal(said, 'held');
  child.kill('SIGSTOP');
  try {
    await assert.rejects(FolderLock.acquire(folder, US), (error) => error instanceof FolderLockedError && error.holder === undefined);
  } finally {
    child.kill('SIGCONT');
    await end(child, 'SIGKILL');
  }
}));

test('of ten processes that race for the lock of a dead one, exactly one gets it', () => withFolder(async (folder) => {
  const first = await contend(folder);
  await end(first.child, 'SIGKILL');
  await assertOneWins(folder);
}));

test('of ten processes that race past a takeover that was interrupted, exactly one gets the lock', () => withFolder(async (folder) => {
  const first = await contend(folder);
  await end(first.child, 'SIGKILL');
  await link(path.join(folder, LOCK_NAME), path.join(folder, `${LOCK_NAME}.takeover`));
  await assertOneWins(folder);
}));

async function assertOneWins(folder: string): Promise<void> {
  const contenders = await Promise.all(Array.from({ length: 10 }, () => contend(folder)));
  const answers = contenders.map(({ said }) => said).sort();
  await Promise.all(contenders.map(({ child }) => end(child, 'SIGKILL')));
  assert.deepEqual(answers, ['held', ...Array.from({ length: 9 }, () => 'refused')]);
}

test('of many calls in one process that race for a dead lock, exactly one gets it', () => withFolder(async (folder) => {
  const first = await contend(folder);
  await end(first.child, 'SIGKILL');
  for (let round = 0; round < 5; round += 1) {
    const tries = await Promise.allSettled(Array.from({ length: 8 }, () => FolderLock.acquire(folder, US)));
    const held = tries.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    assert.equal(held.length, 1);
    for (const one of tries) assert.ok(one.status === 'fulfilled' || one.reason instanceof FolderLockedError);
    await held[0]?.release();
  }
}));

test('a takeover that was interrupted is taken over too, by a process that comes alone', () => withFolder(async (folder) => {
  const { child } = await contend(folder);
  await end(child, 'SIGKILL');
  await link(path.join(folder, LOCK_NAME), path.join(folder, `${LOCK_NAME}.takeover`));
  const lock = await FolderLock.acquire(folder, US);
  assert.deepEqual(await readdir(folder), [LOCK_NAME]);
  await lock.release();
}));

test('a folder in the place of the takeover is left alone, and the error names it', () => withFolder(async (folder) => {
  const { child } = await contend(folder);
  await end(child, 'SIGKILL');
  const takeover = path.join(folder, `${LOCK_NAME}.takeover`);
  await mkdir(takeover);
  await assert.rejects(FolderLock.acquire(folder, US), (error) => String(error).includes(takeover));
  assert.deepEqual((await readdir(folder)).sort(), [LOCK_NAME, `${LOCK_NAME}.takeover`]);
}));

test('a lock whose name leads nowhere is not taken, since its holder cannot be asked', () => withFolder(async (folder) => {
  await symlink(path.join(folder, 'nowhere'), path.join(folder, LOCK_NAME));
  await assert.rejects(FolderLock.acquire(folder, US), (error) => {
    assert.ok(error instanceof FolderLockedError);
    assert.match(error.message, /in use by another server, which does not respond\. Stop that server/);
    return true;
  });
  assert.deepEqual(await readdir(folder), [LOCK_NAME]);
}));

test('a missing folder is not locked', () => withFolder(async (folder) => {
  await assert.rejects(FolderLock.acquire(path.join(folder, 'none'), US), { code: 'ENOENT' });
}));

test('a holder that reports nothing, or nonsense, still holds the lock', () => withFolder(async (folder) => {
  for (const text of ['', '{"pid":"x","config":1}\n', 'null\n', 'not JSON', '{"pid":1}\n', `{"pid":1,"config":"${'x'.repeat(9000)}"}\n`]) {
    const server = createServer((socket) => socket.end(text));
    server.listen(path.join(folder, LOCK_NAME));
    await once(server, 'listening');
    await assert.rejects(FolderLock.acquire(folder, US), (error) => error instanceof FolderLockedError && error.holder === undefined);
    server.close();
    await once(server, 'close');
  }
}));

test('a file under the name of the lock that is not a socket is left alone', () => withFolder(async (folder) => {
  await mkdir(path.join(folder, LOCK_NAME));
  await assert.rejects(FolderLock.acquire(folder, US));
  assert.deepEqual(await readdir(folder), [LOCK_NAME]);
}));

test.run();
