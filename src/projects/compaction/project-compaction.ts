/**
 * Compaction of one project: a background task builds a snapshot from files; it is compared with the live project and committed; then
 * whatever it makes obsolete is removed. Reads and writes continue throughout.
 *
 * What a crash leaves: before the manifest is written, data files without one, which do not count; after it, a valid generation, and
 * older ones or segments that the next compaction removes.
 */
import type { Clock } from '../../base/clock.js';
import { invariant } from '../../base/invariant.js';
import { logFailure } from '../../base/log-failure.js';
import type { Logger } from '../../base/logger.js';
import { randomHexId } from '../../base/random-id.js';
import { ACTOR_SERVER } from '../../events/actor.js';
import type { Log } from '../../log/log.js';
import type { LogHome } from '../../log/log-home.js';
import type { FixedProject } from '../../log/fixed-log.js';
import type { BuiltGeneration } from '../../projections/snapshot/file-work.js';
import { obsoleteGenerations } from '../../projections/snapshot/obsolete-generations.js';
import { SnapshotCorruptError } from '../../projections/snapshot/snapshot-errors.js';
import type { SnapshotFolder } from '../../projections/snapshot/snapshot-folder.js';
import type { SnapshotManifest } from '../../projections/snapshot/snapshot.js';
import { touchedSinceSnapshot, versionsInSnapshot } from '../../projections/value-place.js';
import type { CommandContext } from '../../store/command.js';
import type { ProjectStore } from '../../store/project-store.js';
import type { ProjectLease } from '../backup.js';
import type { BackgroundTasks } from '../background-tasks.js';
import { keepsBase } from '../erasure-due.js';
import type { FoundDamage } from '../found-damage.js';
import type { CompactionResult } from '../projects.js';
import type { RedactionRequest, RedactionResult } from '../redaction.js';
import type { Registry } from '../registry.js';
import { damageOf, hasLines, irreplaceable, isDamage, relocateToOlderSources } from './damaged-snapshot.js';
import { ReadableUpkeep } from './readable-upkeep.js';
import { FileLeases } from './file-leases.js';
import { ProjectErasure, type ValueEraser } from './project-erasure.js';
import { applyRetention } from './retention.js';
import { recordSnapshot } from './record-snapshot.js';
import { refuseMismatch } from './snapshot-mismatch.js';

/** A snapshot up to this size is rebuilt whenever something has changed, in bytes. */
const SMALL_SNAPSHOT_BYTES = 4_194_304;
/** A larger one is rebuilt once the log since then has grown to this share of its size. */
const LOG_SHARE_DUE = 0.5;
/** Attempts to build one snapshot: each retry follows a base snapshot that was discarded, or that a second reading found sound. */
const BUILDS_MAX = 4;

const DISCARDED = 'a snapshot is damaged and no longer used; every value is in another snapshot or in the log';
const SOUND_AGAIN = 'a snapshot that was reported as damaged was read again and is sound';

/** A project, and the services that its compaction uses. */
export interface CompactionParts {
  readonly store: ProjectStore;
  /** The log of the project: on disk, and not replaced while the project is compacted. */
  readonly log: Log;
  readonly snapshots: SnapshotFolder;
  readonly tasks: BackgroundTasks;
  /** The home of the log. */
  readonly diskHome: Pick<LogHome, 'eraseCopies'>;
  /** What else keeps values in files. @default nothing */
  readonly erasers?: readonly ValueEraser[];
  readonly registry: Registry;
  /** Where damage is reported. */
  readonly damage: FoundDamage;
  /** Absolute path of the data folder. */
  readonly dataFolder: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Compacts one project. One call of `run` at a time. */
export class ProjectCompaction {
  readonly #parts: CompactionParts;
  /** Committed generations without known damage, newest first. */
  #generations: readonly SnapshotManifest[];
  /** First seqs of segments that retention found damaged. */
  readonly #heldBack = new Set<number>();
  readonly #leases = new FileLeases();
  readonly #readable: ReadableUpkeep;
  readonly #erasure: ProjectErasure;
  #isOverdue: boolean;

  /**
   * @param generations the committed generations, newest first
   * @param isOverdue true: the next startup must not depend on the snapshot that this one used
   */
  constructor(parts: CompactionParts, generations: readonly SnapshotManifest[], isOverdue = false) {
    this.#parts = parts;
    this.#readable = new ReadableUpkeep(parts);
    this.#generations = generations;
    this.#erasure = new ProjectErasure(parts, this.#leases, {
      list: () => this.#generations,
      replace: (seq, manifest) => {
        this.#generations = this.#generations.flatMap((each) => (each.seq === seq ? manifest ?? [] : each));
      },
    });
    this.#isOverdue = isOverdue;
  }

  get store(): ProjectStore {
    return this.#parts.store;
  }

  /** Whether the last update of `<project>.json` failed. */
  get isReadableFailing(): boolean {
    return this.#readable.isFailing;
  }

  /** Whether a snapshot is due at once, however little has changed and whatever the interval. */
  get isOverdue(): boolean {
    return this.isErasing || (this.#isOverdue && this.#generations[0]?.seq !== this.#parts.store.seq);
  }

  /** {@inheritDoc ProjectErasure.isDue} */
  get isErasing(): boolean {
    return this.#erasure.isDue;
  }

  /** Whether a committed snapshot was reported as damaged. */
  get hasDamagedSnapshot(): boolean {
    return this.#generations.some((each) => this.#isReported(each));
  }

  #isReported({ seq }: SnapshotManifest): boolean {
    const { store, damage } = this.#parts;
    return store.reads.damagedSnapshots.has(seq) || damage.hasSnapshot(store.id, seq);
  }

  /** Whether a snapshot is due: something changed, and the snapshot is small or the log since then long. */
  get isDue(): boolean {
    const { store } = this.#parts;
    if (this.isErasing) return true;
    const newest = this.#generations[0];
    if (newest === undefined) return store.seq > 0;
    if (store.seq === newest.seq) return false;
    if (this.#isOverdue) return true;
    const sizeBytes = newest.json.sizeBytes + newest.index.sizeBytes;
    return sizeBytes <= SMALL_SNAPSHOT_BYTES || store.changedBytes >= sizeBytes * LOG_SHARE_DUE;
  }

  /**
   * Makes a snapshot of everything that is durable now and removes what it replaces. If nothing has changed since the newest
   * snapshot, that one is rebuilt only if it is damaged.
   *
   * @param signal aborts; the attempt leaves nothing that counts
   * @returns the newest generation
   * @throws {AppError} `disk_full`, `compaction_failed`; `project_corrupt` if files that it needs are damaged
   */
  async run(signal: AbortSignal, context?: CommandContext): Promise<CompactionResult> {
    await this.#discardDamaged(signal);
    // A client that asks although nothing has changed wants a sound snapshot, and only reading finds unreported damage.
    if (context !== undefined && this.#generations[0]?.seq === this.store.seq) await this.#discardIfDamaged(signal);
    try {
      return await this.#attempt(signal, context);
    } catch (error) {
      if (!(error instanceof SnapshotCorruptError)) throw error;
      // The newest snapshot proved damaged while places were read from its index.
      await this.#discardDamaged(signal, this.#generations[0]);
      return await this.#attempt(signal, context);
    }
  }

  /**
   * Erases the values of lines: records it in the log, then carries it out with a new snapshot.
   *
   * @throws {AppError} the refusal, `busy`; with `applied: true` if it was recorded and could not be completed: the next compaction goes on
   */
  async redact(request: RedactionRequest, signal: AbortSignal, context: CommandContext): Promise<RedactionResult> {
    return await this.#erasure.redact(request, context, () => this.run(signal, context));
  }

  async #attempt(signal: AbortSignal, context: CommandContext | undefined): Promise<CompactionResult> {
    const makeSnapshot = (): Promise<CompactionResult> => this.#makeSnapshot(signal, context);
    return this.isErasing ? await this.#erasure.during(signal, makeSnapshot) : await makeSnapshot();
  }

  async #makeSnapshot(signal: AbortSignal, context: CommandContext | undefined): Promise<CompactionResult> {
    const [{ isErasing }, startMs] = [this, this.#parts.clock.monotonicMs()];
    const isNew = this.#generations[0]?.seq !== this.#parts.store.seq;
    const manifest = isNew ? await this.#commitNew(signal) : this.#generations[0];
    invariant(manifest !== undefined, 'a project has an event');
    const durationMs = Math.round(this.#parts.clock.monotonicMs() - startMs);
    const result = { seq: manifest.seq, key_count: manifest.keyCount, bytes: manifest.json.sizeBytes, duration_ms: durationMs };
    if (isNew) await recordSnapshot(this.#parts, { manifest, durationMs }, context ?? serverContext());
    await this.#relocate(manifest);
    if (isErasing) {
      // Before the older snapshots go, without which nothing is known to be due.
      await this.#readable.refresh(manifest, signal, isNew);
      if (this.#readable.isFailing) await this.#parts.snapshots.readable.remove();
      await this.#erasure.eraseSnapshots(manifest, signal);
    }
    await this.#clean(manifest, signal);
    // Last, so that it can use the freed space and delays nothing that counts.
    if (!isErasing) await this.#readable.refresh(manifest, signal, isNew);
    return result;
  }

  /**
   * Takes a lease on the files of the project, for a copy of them.
   *
   * @returns resolves once none is being removed or replaced
   */
  async lease(): Promise<ProjectLease> {
    const { log } = this.#parts;
    const lease = await this.#leases.take();
    const fix = (): FixedProject => {
      const extent = log.extent?.();
      invariant(extent !== undefined, 'a compacted project has its log in files');
      const snapshots = this.#generations.map(({ seq }) => seq);
      lease.keepOnly(snapshots, extent.active.firstSeq);
      return { ...extent, snapshots };
    };
    return { fix, sync: () => log.sync(), release: lease.release };
  }

  /** Updates `<project>.json` to the newest snapshot and the settings; see {@link ReadableUpkeep.refresh}. */
  async refreshReadable(signal: AbortSignal): Promise<void> {
    await this.#readable.refresh(this.#generations[0], signal);
  }

  /**
   * Removes damaged snapshots, which frees their names, but only once their values are read from older snapshots or the log.
   *
   * @param suspected a snapshot to check besides the reported ones
   * @throws {AppError} `project_corrupt` if some of it exists nowhere else: nothing has changed, and no other snapshot can be made
   */
  async #discardDamaged(signal: AbortSignal, suspected?: SnapshotManifest): Promise<void> {
    const damages = new Map<SnapshotManifest, SnapshotCorruptError>();
    const suspects = this.#generations.filter((each) => each === suspected || this.#isReported(each));
    for (const suspect of suspects) await this.#confirm(suspect, damages, signal);
    const [newest] = this.#generations;
    if (damages.size === 0 || newest === undefined) return;
    const { store, log, snapshots, damage, logger } = this.#parts;
    const kept = await this.#findFallback(damages, signal);
    if (kept === undefined) {
      for (const [{ seq }, found] of damages) damage.addSnapshot(store.id, seq, found);
      throw irreplaceable(store.id, [...damages.values()]);
    }
    const discarded = this.#generations.filter((each) => !kept.includes(each));
    logger.error({ project: store.id, seqs: discarded.map(({ seq }) => seq), fallback_seq: kept[0]?.seq ?? 0 }, DISCARDED);
    if (discarded.includes(newest)) await relocateToOlderSources(this.#parts, kept[0], signal);
    this.#generations = kept;
    for (const { seq } of discarded) {
      // The base of the log stays: a person may want the parts that can still be read.
      if (seq !== log.base?.seq) await snapshots.remove(seq);
      this.#forgetDamage(seq);
    }
  }

  #forgetDamage(seq: number): void {
    const { store, damage } = this.#parts;
    store.reads.forgetDamaged(seq);
    damage.forgetSnapshot(store.id, seq);
  }

  /** Reads the newest snapshot and its fallback, and discards those that are damaged. */
  async #discardIfDamaged(signal: AbortSignal): Promise<void> {
    const [newest] = this.#generations;
    if (newest !== undefined && (await damageOf(this.#parts, newest, signal)) !== undefined) {
      await this.#discardDamaged(signal, newest);
    }
    await this.#proveFallback(signal);
  }

  /**
   * Reads the snapshot that startup falls back on if the newest is damaged. A damaged one is discarded, and the one before takes its
   * place.
   *
   * @returns its seq, 0 if there is none
   * @throws {AppError} `project_corrupt` if it is damaged and some of its content exists nowhere else
   */
  async #proveFallback(signal: AbortSignal): Promise<number> {
    for (;;) {
      const fallback = this.#generations[1];
      if (fallback === undefined) return 0;
      if ((await damageOf(this.#parts, fallback, signal)) === undefined) return fallback.seq;
      await this.#discardDamaged(signal, fallback);
    }
  }

  /** Reads a snapshot again. If it is sound, its damage is forgotten, and its values are read from the file that has its name now. */
  async #confirm(suspect: SnapshotManifest, damages: Map<SnapshotManifest, SnapshotCorruptError>, signal: AbortSignal): Promise<void> {
    const { store, snapshots, logger } = this.#parts;
    const found = await damageOf(this.#parts, suspect, signal);
    if (found !== undefined) {
      damages.set(suspect, found);
      return;
    }
    await snapshots.close();
    this.#forgetDamage(suspect.seq);
    logger.warn({ project: store.id, seq: suspect.seq }, SOUND_AGAIN);
  }

  /**
   * The generations that can be relied on; empty if the log alone has everything, undefined if nothing has. Adds damage found on the
   * way to `damages`.
   */
  async #findFallback(
    damages: Map<SnapshotManifest, SnapshotCorruptError>, signal: AbortSignal,
  ): Promise<readonly SnapshotManifest[] | undefined> {
    const { log } = this.#parts;
    const toSeq = this.#generations[0]?.seq ?? 0;
    for (const candidate of this.#generations) {
      const found = damages.get(candidate) ?? (await damageOf(this.#parts, candidate, signal));
      if (found !== undefined) damages.set(candidate, found);
      if (damages.has(candidate) || !(await hasLines(log, { afterSeq: candidate.seq, toSeq }, signal))) continue;
      return this.#generations.filter((each) => each.seq <= candidate.seq && !damages.has(each));
    }
    return (await hasLines(log, { afterSeq: 0, toSeq }, signal)) ? [] : undefined;
  }

  async #commitNew(signal: AbortSignal): Promise<SnapshotManifest> {
    const { store, log, snapshots, logger } = this.#parts;
    const point = store.snapshotPoint();
    // Under `interval` and `os` the last lines may not be on disk yet, and no snapshot may be ahead of its log.
    await log.sync();
    const built = await this.#build(point.seq, signal);
    try {
      refuseMismatch(point, built);
      signal.throwIfAborted();
      const requests = await snapshots.writeRequests(point.seq, point.requests);
      const manifest = {
        ...built, requests, project: store.id, logId: log.logId, seq: point.seq, state: point.state, isBase: false,
        segments: (log.sealed?.list() ?? []).filter(({ lastSeq }) => lastSeq <= point.seq)
          .map(({ firstSeq, sizeBytes }) => [firstSeq, sizeBytes] as const),
      };
      await snapshots.commit(manifest);
      this.#generations = [manifest, ...this.#generations];
      this.#isOverdue = false;
      store.noteSnapshot(point);
      return manifest;
    } catch (error) {
      if (this.#generations[0]?.seq !== point.seq) {
        const message = 'the files of an unfinished snapshot could not be removed; the next attempt removes them';
        await snapshots.dropUnfinished().catch(logFailure(logger, 'warn', { project: store.id }, message));
      }
      throw error;
    }
  }

  /** Builds on the newest sound generation, or on the whole log if there is none. Damage counts only if it is found twice. */
  async #build(toSeq: number, signal: AbortSignal): Promise<BuiltGeneration> {
    const { tasks, store, log, dataFolder } = this.#parts;
    const job = { dataFolder, project: store.id, logId: log.logId, toSeq };
    for (let build = 1; ; build += 1) {
      const [newest] = this.#generations;
      try {
        return await tasks.build({ ...job, previousSeq: newest?.seq }, signal);
      } catch (error) {
        const isSnapshot = error instanceof Error && error.name === 'SnapshotCorruptError' && newest !== undefined;
        if (build === BUILDS_MAX || !(isSnapshot || (isDamage(error) && build === 1))) throw error;
        if (isSnapshot) await this.#discardDamaged(signal, newest);
      }
    }
  }

  /** Points all values at the new generation, including those that are still to be loaded, and waits for readers of the old places. */
  async #relocate(manifest: SnapshotManifest): Promise<void> {
    const { store, snapshots, log } = this.#parts;
    // Asked for each key, because a segment may be sealed meanwhile.
    const isCovered = (segment: number): boolean => (log.sealed?.list() ?? []).some(({ firstSeq, lastSeq }) => (
      firstSeq === segment && lastSeq <= manifest.seq
    ));
    await store.reads.relocate(versionsInSnapshot(snapshots.readIndex(manifest), manifest.seq), touchedSinceSnapshot(isCovered));
    await store.reads.settleReads();
  }

  /** Removes older generations and, if the retention of the project says so, segments. A failure is logged and retried next time. */
  async #clean(newest: SnapshotManifest, signal: AbortSignal): Promise<void> {
    const { store, snapshots, logger } = this.#parts;
    try {
      const keepBase = keepsBase(this.#parts.log);
      let provenSeq: number | undefined;
      const proveFallback = async (): Promise<number> => (provenSeq ??= await this.#proveFallback(signal));
      // Nothing is removed in favour of an unread snapshot: if the newest were damaged too, startup would have nothing to use.
      if (obsoleteGenerations(this.#generations, keepBase).length > 0) await proveFallback();
      for (const { seq } of obsoleteGenerations(this.#generations, keepBase)) {
        await this.#leases.remove({ snapshot: seq }, async () => {
          await snapshots.remove(seq);
          this.#generations = this.#generations.filter((generation) => generation.seq !== seq);
        });
      }
      const covered = { newestSeq: newest.seq, fallbackSeq: this.#generations[1]?.seq ?? 0, proveFallback };
      const settings = store.settings.storage.retention;
      const own = { settings, leases: this.#leases, heldBack: this.#heldBack, context: serverContext(), signal };
      await applyRetention({ ...this.#parts, ...own }, covered);
    } catch (error) {
      if (signal.aborted) return;
      const message = 'files that a snapshot made obsolete could not be removed; the next compaction retries';
      logger.warn({ project: store.id, err: error }, message);
    }
  }
}

function serverContext(): CommandContext {
  return { actor: ACTOR_SERVER, requestId: `compaction-${randomHexId()}` };
}
