/**
 * Keeps `<project>.json` beside the log up to date with the newest snapshot and the settings. It is an output: a failed update is logged
 * and retried, and fails nothing else. A snapshot that proves damaged while it is copied is reported like any other damage.
 */
import { isErrno } from '../../base/app-error.js';
import { SnapshotCorruptError } from '../../projections/snapshot/snapshot-errors.js';
import type { SnapshotManifest } from '../../projections/snapshot/snapshot.js';
import type { CompactionParts } from './project-compaction.js';

const FAULT = 'the readable snapshot beside the log is not up to date; no data is affected, and the next snapshot or startup retries';

/** Keeps the readable snapshot of one project. One call at a time. */
export class ReadableUpkeep {
  readonly #parts: Pick<CompactionParts, 'store' | 'snapshots' | 'damage' | 'logger'>;
  #isFailing = false;

  constructor(parts: Pick<CompactionParts, 'store' | 'snapshots' | 'damage' | 'logger'>) {
    this.#parts = parts;
  }

  /** Whether the last update failed. */
  get isFailing(): boolean {
    return this.#isFailing;
  }

  /**
   * Updates the file, or removes it if the settings switch it off.
   *
   * @param newest the newest snapshot; undefined if there is none
   * @param signal aborts
   * @param isOutdated true: the file is known to be older than the newest snapshot
   */
  async refresh(newest: SnapshotManifest | undefined, signal: AbortSignal, isOutdated = false): Promise<void> {
    const { store, snapshots: { readable }, logger } = this.#parts;
    try {
      if (!store.settings.storage.readable_snapshot) await readable.remove();
      else if (newest !== undefined && isOutdated) await readable.write(newest, signal);
      else if (newest !== undefined) await readable.refresh(newest, signal);
      this.#isFailing = false;
    } catch (error) {
      if (signal.aborted) return;
      this.#isFailing = true;
      if (newest === undefined || !(await this.#isDamaged(newest, error, signal))) {
        logger.warn({ project: store.id, seq: newest?.seq, err: error }, FAULT);
      }
    }
  }

  /** Whether the snapshot is at fault. It is read again, because the copy may have failed, or a single read. */
  async #isDamaged(newest: SnapshotManifest, error: unknown, signal: AbortSignal): Promise<boolean> {
    if (!(error instanceof SnapshotCorruptError || isErrno(error, 'EIO', 'ENOENT'))) return false;
    const { store, snapshots, damage, logger } = this.#parts;
    try {
      await snapshots.verify(newest, { signal });
      return false;
    } catch (again) {
      if (!(again instanceof SnapshotCorruptError)) return false;
      const finding = damage.addSnapshot(store.id, newest.seq, again);
      logger.error({ project: store.id, ...finding }, 'a snapshot is damaged; the readable snapshot beside the log stays as it was');
      return true;
    }
  }
}
