/**
 * The folder of generations that are kept for a while: past states of projects. Nothing in it is the only copy of anything, nothing of it
 * outlives the process, and no name in it means anything to another process.
 *
 * Each generation has a folder of its own, named by a number. A crash leaves folders, which the next startup clears.
 */
import { join } from 'node:path';
import { withDiskCode } from '../../base/app-error.js';
import type { Disk } from '../../disk/disk.js';
import type { IdleFiles } from '../../disk/idle-files.js';
import { GenerationKeys, type MarkedGeneration } from './generation-keys.js';
import { parseSnapshotName } from './snapshot-names.js';

/** Its name in the data folder. No project id begins with `_`. */
const SCRATCH_FOLDER = '_past';

const NUMBER = /^[1-9]\d{0,15}$/;

/** Where generations are kept for a while. */
export class ScratchFolder {
  readonly #disk: Disk;
  readonly #idleFiles: IdleFiles | undefined;
  readonly #folder: string;
  #count = 0;

  /**
   * @param dataFolder absolute
   * @param idleFiles closes idle files; shared with other pools @default one of its own
   */
  constructor(disk: Disk, dataFolder: string, idleFiles?: IdleFiles) {
    this.#disk = disk;
    this.#folder = join(dataFolder, SCRATCH_FOLDER);
    this.#idleFiles = idleFiles;
  }

  /**
   * Removes what earlier processes left. Call it before {@link make}.
   *
   * @returns names that this program does not use, which stay; relative to the data folder
   */
  async clear(): Promise<readonly string[]> {
    const kept: string[] = [];
    for (const name of await this.#disk.list(this.#folder)) {
      const path = join(this.#folder, name);
      const status = await this.#disk.status(path);
      const isOwn = NUMBER.test(name) && status?.isFolder === true && !status.isLink;
      kept.push(...(isOwn ? await this.#empty(path) : [path]));
    }
    if (kept.length === 0) await this.#disk.removeFolder(this.#folder);
    return kept.map((path) => join(SCRATCH_FOLDER, path.slice(this.#folder.length + 1)));
  }

  /**
   * Makes an empty folder for a generation.
   *
   * @returns its path, absolute
   * @throws {AppError} `disk_full`, `disk_failed`
   */
  async make(): Promise<string> {
    this.#count += 1;
    const path = join(this.#folder, `${this.#count}`);
    try {
      await this.#disk.makeFolder(path);
    } catch (error) {
      throw withDiskCode(error, 'Cannot make a folder for a past state');
    }
    return path;
  }

  /** Reads a generation in such a folder. */
  open(path: string, generation: MarkedGeneration): GenerationKeys {
    return new GenerationKeys({ disk: this.#disk, folder: path, generation, idleFiles: this.#idleFiles });
  }

  /** Removes such a folder with all files, whether or not its generation is complete. */
  async remove(path: string): Promise<void> {
    await this.#empty(path);
  }

  /** Removes the files of a generation and their folder; returns the paths of other names, which stay. */
  async #empty(path: string): Promise<readonly string[]> {
    const kept: string[] = [];
    for (const name of await this.#disk.list(path)) {
      const file = join(path, name);
      const status = await this.#disk.status(file);
      if (parseSnapshotName(name) === undefined || status?.isFolder === true || status?.isLink === true) kept.push(file);
      else await this.#disk.unlink(file);
    }
    if (kept.length === 0) await this.#disk.removeFolder(path);
    return kept;
  }
}
