/**
 * `<project>.json` beside the log: the values of the newest snapshot as a file of its own. An output for people and their tools, and
 * never an input: it shares no byte with a generation, so that whatever is done to it reaches nothing that the server reads.
 *
 * It is written under a temporary name in the project's folder and put in place by a rename, so that there is the one before or the
 * new one. A crash in between leaves the temporary file, which the next start drops, and the file of the snapshot before, which is
 * then older than the newest generation and is written anew.
 */
import { dirname, join } from 'node:path';
import { withDiskFull } from '../../base/app-error.js';
import { copyFile } from '../../disk/copy-file.js';
import { changeFolder, type Disk } from '../../disk/disk.js';
import { snapshotName } from './snapshot-names.js';

/** Where the file is, and what it is made from. */
export interface ReadablePlace {
  readonly disk: Disk;
  /** The project's folder, absolute. */
  readonly folder: string;
  /** `<project>.json` beside the log, absolute. */
  readonly path: string;
}

/** The readable snapshot of one project. Changes one at a time. */
export class ReadableSnapshot {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #path: string;

  /** @param place where it is */
  constructor({ disk, folder, path }: ReadablePlace) {
    this.#disk = disk;
    this.#folder = folder;
    this.#path = path;
  }

  /**
   * Writes it, unless it is there, newer than the generation and of its size.
   *
   * @param seq the seq of the newest generation, which is committed
   * @param signal ends it with its reason
   * @throws {AppError} with `disk_full` when the disk has no room; the file is then as it was
   */
  async refresh(seq: number, signal?: AbortSignal): Promise<void> {
    if (!(await this.#isCurrent(seq))) await this.write(seq, signal);
  }

  /** What an older version left here is a second name of the generation's own file, and never current. */
  async #isCurrent(seq: number): Promise<boolean> {
    const shown = await this.#disk.status(this.#path);
    const values = await this.#disk.status(join(this.#folder, snapshotName(seq, 'json')));
    if (shown === undefined || values === undefined || shown.isFolder || shown.isLink || shown.inode === values.inode) return false;
    // Strictly newer: file systems keep times so coarsely that a file of the snapshot before can have the same one.
    return shown.sizeBytes === values.sizeBytes && shown.modifiedMs > values.modifiedMs;
  }

  /**
   * Writes it.
   *
   * @param seq the seq of the newest generation, which is committed
   * @param signal ends it with its reason
   * @throws {AppError} with `disk_full` when the disk has no room; the file is then as it was
   */
  async write(seq: number, signal?: AbortSignal): Promise<void> {
    const temporary = join(this.#folder, snapshotName(seq, 'copy-new'));
    try {
      await this.#disk.unlink(temporary);
      await copyFile(this.#disk, { from: join(this.#folder, snapshotName(seq, 'json')), to: temporary }, signal);
      await changeFolder(this.#disk, dirname(this.#path), () => this.#disk.rename(temporary, this.#path));
    } catch (error) {
      await this.#disk.unlink(temporary).catch(() => undefined);
      throw withDiskFull(error, 'Cannot write the readable snapshot');
    }
  }

  /** Removes it. A loss of power may bring it back; the next start removes it again. */
  async remove(): Promise<void> {
    await this.#disk.unlink(this.#path);
  }
}
