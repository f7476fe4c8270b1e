/**
 * Leases on files of a project that are being copied: while one lasts, the compaction removes and compresses none of them. Copies may take
 * hours, so what is leased is left for a later compaction instead of being waited for.
 */

import { AppError } from '../../base/app-error.js';

/** A file that a compaction would remove or replace. */
type LeasedFile = { readonly segment: number } | { readonly snapshot: number };

/** A lease. */
interface FileLease {
  /**
   * Keeps only these files from now on. Until then the lease keeps all.
   *
   * @param snapshots seqs of snapshots
   * @param lastSegment first seq of the youngest segment
   */
  keepOnly(snapshots: readonly number[], lastSegment: number): void;
  /** Ends the lease. Idempotent. */
  release(): void;
}

/** The leases on the files of one project. */
export class FileLeases {
  readonly #isKept = new Set<{ test: (file: LeasedFile) => boolean }>();
  #removing: Promise<unknown> = Promise.resolve();
  /** Exclusions in force. */
  #exclusions = 0;

  /**
   * Takes a lease on all files.
   *
   * @returns resolves once no file is being removed or replaced
   * @throws {AppError} `busy` while leases are excluded
   */
  async take(): Promise<FileLease> {
    if (this.#exclusions > 0) throw new AppError('busy', 'Cannot copy the files of the project: lines in them are being erased');
    const kept = { test: (_file: LeasedFile): boolean => true };
    this.#isKept.add(kept);
    await this.#removing;
    return {
      keepOnly: (snapshots, lastSegment) => {
        kept.test = (file) => ('segment' in file ? file.segment <= lastSegment : snapshots.includes(file.snapshot));
      },
      release: () => this.#isKept.delete(kept),
    };
  }

  /**
   * Excludes leases, for work that changes files which a copy might read: the copy could have a part of it.
   *
   * @returns ends the exclusion
   * @throws {AppError} `busy` while there is a lease
   */
  exclude(): () => void {
    if (this.#isKept.size > 0) throw new AppError('busy', 'Cannot erase lines of the project: a backup is reading its files');
    this.#exclusions += 1;
    let isOver = false;
    return () => {
      if (!isOver) this.#exclusions -= 1;
      isOver = true;
    };
  }

  /** Whether a lease keeps a file. */
  keeps(file: LeasedFile): boolean {
    return [...this.#isKept].some(({ test }) => test(file));
  }

  /**
   * Removes or replaces a file unless a lease keeps it. One call at a time.
   *
   * @returns false if a lease keeps it
   */
  async remove(file: LeasedFile, work: () => Promise<void>): Promise<boolean> {
    if (this.keeps(file)) return false;
    const removing = work();
    this.#removing = removing.catch(() => undefined);
    await removing;
    return true;
  }
}
