/**
 * Keeping `<project>.json` beside the log up to date with the newest snapshot and the settings. It is an output: a failure is reported,
 * fails nothing, and is made up for. A snapshot that proves damaged while it is copied is reported as any other that does.
 */
import { isErrno } from '../base/app-error.js';
import type { Logger } from '../base/logger.js';
import { SnapshotCorruptError } from '../projections/snapshot/snapshot-errors.js';
import type { SnapshotFolder } from '../projections/snapshot/snapshot-folder.js';
import type { SnapshotManifest } from '../projections/snapshot/snapshot.js';
import type { ProjectStore } from '../store/project-store.js';
import type { FoundDamage } from './found-damage.js';

const FAULT = 'the readable snapshot beside the log is not up to date; no data is affected, and the next snapshot or start tries again';

/** What it takes. */
export interface ReadableUpkeepParts {
  readonly store: ProjectStore;
  readonly snapshots: SnapshotFolder;
  /** Where damage is reported. */
  readonly damage: FoundDamage;
  readonly logger: Logger;
}

/** How the file is brought up to date. */
export interface RefreshOptions {
  /** Ends it. */
  readonly signal: AbortSignal;
  /** True: the file is known to be older than the newest snapshot. @default false */
  readonly isOutdated?: boolean;
}

/** Keeps the readable snapshot of one project. One call at a time. */
export class ReadableUpkeep {
  readonly #parts: ReadableUpkeepParts;
  #isFailing = false;

  /** @param parts store, snapshots, where damage and failures are reported */
  constructor(parts: ReadableUpkeepParts) {
    this.#parts = parts;
  }

  /** Whether the file could not be brought up to date when it was last tried. */
  get isFailing(): boolean {
    return this.#isFailing;
  }

  /**
   * Brings the file up to date, or removes it where the settings do without it.
   *
   * @param newest the newest snapshot; undefined where there is none
   * @param options what ends it, and whether the file is known to be outdated
   */
  async refresh(newest: SnapshotManifest | undefined, { signal, isOutdated = false }: RefreshOptions): Promise<void> {
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

  /** Whether the snapshot is at fault: it is read once more, since what failed may have been the copy, or a reading that failed once. */
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
