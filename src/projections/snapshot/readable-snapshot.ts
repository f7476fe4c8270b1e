/**
 * `<project>.json` beside the log: a copy of the values of the newest snapshot. An output for people and their tools, never an input: it
 * shares no byte with a generation, so that changing it affects nothing that the server reads.
 *
 * It is written under a temporary name in the project's folder and renamed, so that either the previous or the new one exists. A crash in
 * between leaves the temporary file, which the next startup drops, and the previous copy. The copy is compared with the digest in the
 * manifest before the rename: a damaged generation is never published.
 *
 * The copy has the modification time of its original, like one of `cp -p`, so that startup can tell without reading whether it is an
 * unedited copy of this generation. A power loss may lose that time; then the copy is rewritten.
 */
import { dirname, join } from 'node:path';
import { withDiskFull } from '../../base/app-error.js';
import { copyFile } from '../../disk/copy-file.js';
import { changeFolder, type Disk, TIME_ROUNDING_MS } from '../../disk/disk.js';
import { checkWhole } from './data-file-reader.js';
import type { SnapshotManifest } from './snapshot.js';
import { snapshotName } from './snapshot-names.js';

/** A committed generation to copy. */
export type ShownGeneration = Pick<SnapshotManifest, 'seq' | 'json'>;

/** The readable snapshot of one project. One change at a time. */
export class ReadableSnapshot {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #path: string;

  /**
   * @param folder the project's folder, absolute
   * @param path `<project>.json` beside the log, absolute
   */
  constructor(disk: Disk, folder: string, path: string) {
    this.#disk = disk;
    this.#folder = folder;
    this.#path = path;
  }

  /**
   * Writes the copy unless it exists with the size and times of a copy of this generation. Does not notice an edit that kept the size and
   * reset the time; `verify` compares the content.
   *
   * @param newest the newest generation
   * @throws as {@link write}
   */
  async refresh(newest: ShownGeneration, signal?: AbortSignal): Promise<void> {
    if (!(await this.#isCurrent(newest))) await this.write(newest, signal);
  }

  /** A hard link to the generation's own file, which an older version left, is never current. */
  async #isCurrent({ seq, json }: ShownGeneration): Promise<boolean> {
    const shown = await this.#disk.status(this.#path);
    const values = await this.#disk.status(join(this.#folder, snapshotName(seq, 'json')));
    if (shown === undefined || values === undefined || shown.isFolder || shown.isLink || shown.inode === values.inode) return false;
    if (shown.sizeBytes !== json.sizeBytes || Math.abs(shown.modifiedMs - values.modifiedMs) >= TIME_ROUNDING_MS) return false;
    // Must be newer than the generation: if times are coarse, the previous copy can have the same modification time.
    return shown.changedMs > values.modifiedMs;
  }

  /**
   * Writes the copy. On failure, the file stays as it was.
   *
   * @param newest the newest generation
   * @throws {AppError} `disk_full`
   * @throws {SnapshotCorruptError} when the generation is damaged
   */
  async write({ seq, json }: ShownGeneration, signal?: AbortSignal): Promise<void> {
    const source = snapshotName(seq, 'json');
    const name = snapshotName(seq, 'copy-new');
    const temporary = join(this.#folder, name);
    try {
      await this.#disk.unlink(temporary);
      const values = await this.#disk.status(join(this.#folder, source));
      await copyFile(this.#disk, join(this.#folder, source), temporary, signal);
      await checkWhole(this.#disk, { folder: this.#folder, name, shownName: source, content: json }, { signal });
      if (values !== undefined) await this.#disk.setModified(temporary, values.modifiedMs);
      await changeFolder(this.#disk, dirname(this.#path), () => this.#disk.rename(temporary, this.#path));
    } catch (error) {
      await this.#disk.unlink(temporary).catch(() => undefined);
      throw withDiskFull(error, 'Cannot write the readable snapshot');
    }
  }

  /** Removes the copy. A power loss may bring it back; the next startup removes it again. */
  async remove(): Promise<void> {
    await this.#disk.unlink(this.#path);
  }
}
