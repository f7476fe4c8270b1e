/**
 * Snapshots of the registry, so that startup does not replay years of it. Its content is small, so the appender writes it from memory
 * between two appends.
 */
import { invariant } from '../base/invariant.js';
import { logFailure } from '../base/log-failure.js';
import type { Logger } from '../base/logger.js';
import { versionTag } from '../events/key-version.js';
import type { KnownPosition, Log } from '../log/log.js';
import { Registrations } from '../projections/registrations.js';
import { SnapshotCorruptError, SnapshotVersionError } from '../projections/snapshot/snapshot-errors.js';
import type { ShownGeneration } from '../projections/snapshot/readable-snapshot.js';
import type { SnapshotFolder } from '../projections/snapshot/snapshot-folder.js';
import { obsoleteGenerations } from '../projections/snapshot/obsolete-generations.js';

/** Lines between two snapshots. */
export const REGISTRY_SNAPSHOT_LINES = 1000;

/** The content of a snapshot, and the position that the replay continues from. */
interface LoadedRegistry {
  readonly registrations: Registrations;
  /** Absent if there is no snapshot. */
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
   * Loads the newest sound snapshot of a log.
   *
   * @returns its content; empty if there is none
   */
  async load(logId: string): Promise<LoadedRegistry> {
    const { committed, unreadable } = await this.#folder.list();
    for (const { seq, error } of unreadable) this.#reportUnusable(seq, error);
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
        this.#reportUnusable(manifest.seq, error);
      }
    }
    return { registrations: new Registrations() };
  }

  /** Updates `_server.json`. It is an output only: the next snapshot or startup retries a failed update. */
  async #show(newest: ShownGeneration, isOutdated = false): Promise<void> {
    const { readable } = this.#folder;
    const message = 'the readable snapshot of the registry is not up to date; the next snapshot or startup retries';
    await (isOutdated ? readable.write(newest) : readable.refresh(newest)).catch(logFailure(this.#logger, 'warn', {}, message));
  }

  #reportUnusable(seq: number, error: unknown): void {
    this.#logger.error({ seq, err: error }, 'a snapshot of the registry cannot be used; startup reads more of its log instead');
  }

  /**
   * Makes a snapshot if it is due. A failure is logged and retried after as many lines.
   *
   * @param log the registry; nothing is appended meanwhile
   * @param timeMs time of its last line, in milliseconds since 1970
   */
  async makeIfDue(log: Log, registrations: Registrations, timeMs: number): Promise<void> {
    const { seq } = log.position();
    if (seq - this.#newestSeq < REGISTRY_SNAPSHOT_LINES) return;
    this.#newestSeq = seq;
    const message = 'a snapshot of the registry could not be made; startups take longer';
    await this.#make(log, registrations, timeMs).catch(logFailure(this.#logger, 'warn', {}, message));
  }

  async #make(log: Log, registrations: Registrations, timeMs: number): Promise<void> {
    const { seq, hash } = log.position();
    await this.#folder.dropUnfinished();
    const writer = await this.#folder.begin(seq);
    const version = { seq, tag: versionTag(hash), timeMs, expiresAtMs: null };
    for (const [key, value] of registrations.save()) await writer.add({ key, value, ...version });
    const data = await writer.finish();
    invariant(log.position().seq === seq, 'nothing is appended while the snapshot is written');
    const identity = { project: log.project, logId: log.logId, seq, hash, timeMs };
    await this.#folder.commit({ ...data, ...identity, requests: null, isBase: false, segments: [], state: null });
    const { committed } = await this.#folder.list();
    for (const old of obsoleteGenerations(committed, false)) await this.#folder.remove(old.seq);
    await this.#show({ seq, json: data.json }, true);
  }

  /** Releases every descriptor. */
  async close(): Promise<void> {
    await this.#folder.close();
  }
}
