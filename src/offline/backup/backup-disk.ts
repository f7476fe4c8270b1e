/**
 * A disk on which a backup is a folder: the files in it can be read under the path of the backup, as if it were extracted there. Everything
 * else is on the disk below, so that states can be rebuilt in another folder.
 */
import { constants } from 'node:os';
import { AppError } from '../../base/app-error.js';
import type { Disk, DiskFile, DiskFolder, DiskSpace, NameStatus, OpenMode } from '../../disk/disk.js';

/** Where a file is in the backup. */
export interface ArchivedFile {
  /** Of its content, in bytes. */
  readonly offset: number;
  readonly sizeBytes: number;
}

/** Reads the files of one backup. */
export class BackupDisk implements Disk {
  readonly #below: Disk;
  readonly #path: string;
  readonly #files: ReadonlyMap<string, ArchivedFile>;
  /** Names by the folder that they are in; the top is `''`. A log may have many thousands of segments. */
  readonly #names = new Map<string, Set<string>>();

  /**
   * @param path of the backup, absolute
   * @param files by name
   */
  constructor(below: Disk, path: string, files: ReadonlyMap<string, ArchivedFile>) {
    this.#below = below;
    this.#path = path;
    this.#files = files;
    for (const file of files.keys()) {
      const [first = '', second] = file.split('/', 2);
      this.#addName('', first);
      if (second !== undefined) this.#addName(first, second);
    }
  }

  #addName(folder: string, name: string): void {
    const names = this.#names.get(folder) ?? new Set();
    this.#names.set(folder, names.add(name));
  }

  /** The path relative to the backup, without a slash in front; undefined if it is not in the backup. */
  #nameIn(path: string): string | undefined {
    if (path === this.#path) return '';
    return path.startsWith(`${this.#path}/`) ? path.slice(this.#path.length + 1) : undefined;
  }

  #refuseIn(...paths: readonly string[]): void {
    const inside = paths.find((path) => this.#nameIn(path) !== undefined);
    if (inside !== undefined) throw new AppError('disk_failed', `Cannot change "${inside}": a backup can only be read`);
  }

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    const name = this.#nameIn(path);
    if (name === undefined) return await this.#below.open(path, mode);
    if (mode !== 'read') this.#refuseIn(path);
    const found = this.#files.get(name);
    if (found === undefined) throw notFound(path);
    const file = await this.#below.open(this.#path, 'read');
    const { offset: start, sizeBytes } = found;
    const read = async (into: Buffer, offset: number): Promise<number> => (
      await file.read(into.subarray(0, Math.max(0, Math.min(into.length, sizeBytes - offset))), start + offset)
    );
    const refuse = (): never => {
      throw new AppError('disk_failed', `Cannot change "${path}": a backup can only be read`);
    };
    return {
      read, status: () => Promise.resolve({ sizeBytes, inode: start }), close: () => file.close(),
      append: refuse, overwrite: refuse, datasync: refuse, truncate: refuse,
    };
  }

  async list(path: string): Promise<readonly string[]> {
    const name = this.#nameIn(path);
    if (name === undefined) return await this.#below.list(path);
    return [...(this.#names.get(name) ?? [])];
  }

  async status(path: string): Promise<NameStatus | undefined> {
    const name = this.#nameIn(path);
    if (name === undefined) return await this.#below.status(path);
    const found = this.#files.get(name);
    const isFolder = found === undefined && this.#names.has(name);
    if (found === undefined && !isFolder) return undefined;
    return { isFolder, isLink: false, sizeBytes: found?.sizeBytes ?? 0, inode: found?.offset ?? 0, modifiedMs: 0, changedMs: 0 };
  }

  async openFolder(path: string): Promise<DiskFolder> {
    this.#refuseIn(path);
    return await this.#below.openFolder(path);
  }

  async makeFolder(path: string): Promise<void> {
    this.#refuseIn(path);
    await this.#below.makeFolder(path);
  }

  async link(path: string, newPath: string): Promise<void> {
    this.#refuseIn(path, newPath);
    await this.#below.link(path, newPath);
  }

  async clone(path: string, newPath: string): Promise<boolean> {
    this.#refuseIn(newPath);
    return this.#nameIn(path) === undefined && (await this.#below.clone(path, newPath));
  }

  async setModified(path: string, modifiedMs: number): Promise<void> {
    this.#refuseIn(path);
    await this.#below.setModified(path, modifiedMs);
  }

  async rename(path: string, newPath: string): Promise<void> {
    this.#refuseIn(path, newPath);
    await this.#below.rename(path, newPath);
  }

  async unlink(path: string): Promise<void> {
    this.#refuseIn(path);
    await this.#below.unlink(path);
  }

  async removeFolder(path: string): Promise<void> {
    this.#refuseIn(path);
    await this.#below.removeFolder(path);
  }

  async space(path: string): Promise<DiskSpace> {
    this.#refuseIn(path);
    return await this.#below.space(path);
  }
}

function notFound(path: string): Error {
  const message = `ENOENT: no such file or directory, open '${path}'`;
  return Object.assign(new Error(message), { code: 'ENOENT', errno: -constants.errno.ENOENT, syscall: 'open', path });
}
