/**
 * Reading single values out of the data files of generations, with few descriptors however many reads there are. Knows nothing
 * of what a value says; its CRC is checked by who knows it.
 */
import { join } from 'node:path';
import { isErrno } from '../../base/app-error.js';
import { countText } from '../../base/count-text.js';
import type { Disk } from '../../disk/disk.js';
import { faultOf } from '../../disk/disk-fault.js';
import { FilePool } from '../../disk/file-pool.js';
import type { IdleFiles } from '../../disk/idle-files.js';
import { SnapshotCorruptError } from './snapshot-errors.js';
import { snapshotName } from './snapshot-names.js';

/** Files that are open at most. A project seldom has more generations than three. */
const FILES_OPEN_MAX = 4;

/** The data files of one project's generations, opened when they are read. */
export class ValueFiles {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #files: FilePool;

  /** @param idleFiles closes files that are not read @default one of its own */
  constructor(disk: Disk, folder: string, idleFiles?: IdleFiles) {
    this.#disk = disk;
    this.#folder = folder;
    this.#files = new FilePool(FILES_OPEN_MAX, idleFiles);
  }

  /**
   * Reads a value.
   *
   * @param offset where the value begins, in bytes
   * @param sizeBytes its length in bytes
   * @returns the bytes as they are on disk now, unchecked
   * @throws {SnapshotCorruptError} when they are not there
   */
  async read(seq: number, offset: number, sizeBytes: number): Promise<Buffer> {
    const name = snapshotName(seq, 'json');
    try {
      return await this.#files.use(seq, () => this.#disk.open(join(this.#folder, name), 'read'), async (file) => {
        const bytes = Buffer.allocUnsafe(sizeBytes);
        const count = await file.read(bytes, offset);
        if (count === sizeBytes) return bytes;
        throw new SnapshotCorruptError({ file: name, offset }, countText(sizeBytes, 'byte'), countText(count, 'byte'));
      });
    } catch (error) {
      if (isErrno(error, 'ENOENT')) throw new SnapshotCorruptError({ file: name, offset: 0 }, 'a file', 'none of that name');
      if (isErrno(error) && faultOf(error) === 'disk') {
        throw new SnapshotCorruptError({ file: name, offset }, `${sizeBytes} bytes to read`, error.code ?? 'none');
      }
      throw error;
    }
  }

  /** Releases a generation's file; a read under way keeps it until it is over. */
  async release(seq: number): Promise<void> {
    await this.#files.drop(seq);
  }

  /** Releases every file, each once it is not being read. They are opened again when they are read. */
  async close(): Promise<void> {
    await this.#files.close();
  }
}
