/** A process that takes the lock of a folder, reports the result on standard output, and holds the lock until its input ends. */
import { FolderLock, FolderLockedError } from '../../../src/log/file/folder-lock.js';

const [, , folder = '', config = ''] = process.argv;

try {
  const lock = await FolderLock.acquire(folder, { pid: process.pid, config });
  process.stdout.write('held\n');
  for await (const piece of process.stdin) void piece;
  await lock.release();
} catch (error) {
  process.stdout.write(error instanceof FolderLockedError ? 'refused\n' : `failed ${String(error)}\n`);
  process.exitCode = 1;
}
