/**
 * `<project>.json` beside the log: the values of the newest snapshot as a file of its own. An output for people and their tools, and
 * never an input: it shares no byte with a generation, so that whatever is done to it reaches nothing that the server reads.
 *
 * It is written under a temporary name in the project's folder and put in place by a rename, so that there is the one before or the
 * new one. A crash in between leaves the temporary file, which the next start drops, and the file of the snapshot before. What is
 * copied is compared with the digest that the manifest names before it gets its name: a damaged generation is never shown.
 *
 * The copy has the modification time of its original, as `cp -p` makes one, so a start can tell without reading whether it is the copy
 * of this generation that has not been edited since. A loss of power may take that time from it; then it is written anew.
 */
import { dirname, join } from 'node:path';
import { withDiskFull } from '../../base/app-error.js';
import { copyFile } from '../../disk/copy-file.js';
import { changeFolder, type Disk, TIME_ROUNDING_MS } from '../../disk/disk.js';
import { checkWhole } from './data-file-reader.js';
import type { SnapshotManifest } from './snapshot.js';
import { snapshotName } from './snapshot-names.js';

/** What is shown: a generation that is committed. */
export type ShownGeneration = Pick<SnapshotManifest, 'seq' | 'json'>;

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
   * Writes it, unless it is there as it was written for that generation: of its size and its times. An edit that kept the size and put
   * the time back is not seen here; `verify` compares the content.
   *
   * @param newest the newest generation
   * @throws as {@link write}
   */
  async refresh(newest: ShownGeneration, signal?: AbortSignal): Promise<void> {
    if (!(await this.#isCurrent(newest))) await this.write(newest, signal);
  }

  /** What an older version left here is a second name of the generation's own file, and never current. */
  async #isCurrent({ seq, json }: ShownGeneration): Promise<boolean> {
    const shown = await this.#disk.status(this.#path);
    const values = await this.#disk.status(join(this.#folder, snapshotName(seq, 'json')));
    if (shown === undefined || values === undefined || shown.isFolder || shown.isLink || shown.inode === values.inode) return false;
    if (shown.sizeBytes !== json.sizeBytes || Math.abs(shown.modifiedMs - values.modifiedMs) >= TIME_ROUNDING_MS) return false;
    // Made after the generation: where times are coarse, that of the snapshot before can have the same modification time.
    return shown.changedMs > values.modifiedMs;
  }

  /**
   * Writes it. Where that fails, the file is as it was.
   *
   * @param newest the newest generation
   * @throws {AppError} with `disk_full` when the disk has no room
   * @throws {SnapshotCorruptError} when the generation's values are not those that were written
   */
  async write({ seq, json }: ShownGeneration, signal?: AbortSignal): Promise<void> {
    const source = snapshotName(seq, 'json');
    const name = snapshotName(seq, 'copy-new');
    const temporary = join(this.#folder, name);
    try {
      await this.#disk.unlink(temporary);
      const values = await this.#disk.status(join(this.#folder, source));
      await copyFile(this.#disk, { from: join(this.#folder, source), to: temporary }, signal);
      await checkWhole(this.#disk, { folder: this.#folder, name, shownName: source, content: json }, { signal });
      if (values !== undefined) await this.#disk.setModified(temporary, values.modifiedMs);
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
