/**
 * Snapshots of the registry, so that a start need not replay years of it. What it amounts to is small, so it is written
 * from memory, by the appender, between two appends.
 */
import { invariant } from '../base/invariant.js';
import { logFailure } from '../base/log-failure.js';
import type { Logger } from '../base/logger.js';
import type { KnownPosition, Log } from '../log/log.js';
import { Registrations } from '../projections/registrations.js';
import { SnapshotCorruptError, SnapshotVersionError } from '../projections/snapshot/snapshot-errors.js';
import type { ShownGeneration } from '../projections/snapshot/readable-snapshot.js';
import type { SnapshotFolder } from '../projections/snapshot/snapshot-folder.js';
import { obsoleteGenerations } from '../projections/snapshot/obsolete-generations.js';

/** After how many lines another snapshot is made. */
export const REGISTRY_SNAPSHOT_LINES = 1000;

/** What a start goes on from. */
export interface LoadedRegistry {
  readonly registrations: Registrations;
  /** Absent where there is no snapshot. */
  readonly known?: KnownPosition;
}

/** The snapshots of the registry. */
export class RegistrySnapshots {
  readonly #folder: SnapshotFolder;
  readonly #logger: Logger;
  #newestSeq = 0;

  constructor(folder: SnapshotFolder, logger: Logger) {
    this.#folder = folder;
    this.#logger = logger;
  }

  /**
   * Loads the newest snapshot that holds.
   *
   * @param logId the log that it must be of
   * @returns what it amounts to; nothing, where there is none
   */
  async load(logId: string): Promise<LoadedRegistry> {
    const { committed, unreadable } = await this.#folder.list();
    for (const { seq, error } of unreadable) this.#tellDamage(seq, error);
    for (const manifest of committed.filter((generation) => generation.logId === logId)) {
      try {
        const registrations = new Registrations();
        for await (const entries of this.#folder.readEntries(manifest)) {
          for (const { key, value } of entries) registrations.restore(key, value);
        }
        this.#newestSeq = manifest.seq;
        await this.#show(manifest);
        return { registrations, known: { seq: manifest.seq, hash: manifest.hash, timeMs: manifest.timeMs } };
      } catch (error) {
        if (!(error instanceof SnapshotCorruptError) && !(error instanceof SnapshotVersionError)) throw error;
        this.#tellDamage(manifest.seq, error);
      }
    }
    return { registrations: new Registrations() };
  }

  /** An output only: what cannot be written now is made up for by the next snapshot or start. */
  async #show(newest: ShownGeneration, isOutdated = false): Promise<void> {
    const { readable } = this.#folder;
    const message = 'the readable snapshot of the registry is not up to date; the next snapshot or start tries again';
    await (isOutdated ? readable.write(newest) : readable.refresh(newest)).catch(logFailure(this.#logger, 'warn', {}, message));
  }

  #tellDamage(seq: number, error: unknown): void {
    this.#logger.error({ seq, err: error }, 'a snapshot of the registry is damaged; the start reads more of the log');
  }

  /**
   * Makes a snapshot if enough was written since the last one. A failure is logged, and tried again after as many lines.
   *
   * @param log the registry; nothing is appended meanwhile
   * @param timeMs time of its last line, in milliseconds since 1970
   */
  async makeIfDue(log: Log, registrations: Registrations, timeMs: number): Promise<void> {
    const { seq } = log.position();
    if (seq - this.#newestSeq < REGISTRY_SNAPSHOT_LINES) return;
    this.#newestSeq = seq;
    const message = 'a snapshot of the registry could not be made; starts take longer';
    await this.#make(log, registrations, timeMs).catch(logFailure(this.#logger, 'warn', {}, message));
  }

  async #make(log: Log, registrations: Registrations, timeMs: number): Promise<void> {
    const { seq, hash } = log.position();
    await this.#folder.dropUnfinished();
    const writer = await this.#folder.begin(seq);
    for (const [key, value] of registrations.save()) await writer.add({ key, value, seq, timeMs });
    const data = await writer.finish();
    invariant(log.position().seq === seq, 'nothing is appended while the snapshot is written');
    const identity = { project: log.project, logId: log.logId, seq, hash, timeMs };
    await this.#folder.commit({ ...data, ...identity, isBase: false, segments: [], state: null });
    const { committed } = await this.#folder.list();
    for (const old of obsoleteGenerations(committed, false)) await this.#folder.remove(old.seq);
    await this.#show({ seq, json: data.json }, true);
  }

  /** Releases every descriptor. */
  async close(): Promise<void> {
    await this.#folder.close();
  }
}
