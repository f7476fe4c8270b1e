/**
 * Compaction of one project: a snapshot is built from files by a background task, compared with what the live project knows,
 * committed, and then what it makes obsolete goes. Writes and reads go on all the while.
 *
 * What a crash leaves: before the manifest, data files without one, which do not count; after it, a generation that counts,
 * and older ones or segments that the next compaction removes.
 */
import { AppError } from '../base/app-error.js';
import type { Clock } from '../base/clock.js';
import { invariant } from '../base/invariant.js';
import { logFailure } from '../base/log-failure.js';
import type { Logger } from '../base/logger.js';
import { randomHexId } from '../base/random-id.js';
import { ACTOR_SERVER } from '../events/actor.js';
import type { Log } from '../log/log.js';
import { SnapshotCorruptError } from '../projections/snapshot/snapshot-errors.js';
import type { SnapshotFolder } from '../projections/snapshot/snapshot-folder.js';
import type { SnapshotManifest } from '../projections/snapshot/snapshot.js';
import { obsoleteGenerations } from '../projections/snapshot/obsolete-generations.js';
import { versionsInSnapshot } from '../projections/value-place.js';
import type { CommandContext } from '../store/command.js';
import type { ProjectStore, StoreCheckpoint } from '../store/project-store.js';
import type { BuiltGeneration } from '../projections/snapshot/file-work.js';
import type { BackgroundTasks } from './background-tasks.js';
import type { CompactionResult } from './projects.js';
import { damageOf, hasLines, irreplaceable, isDamage, readFromBefore } from './damaged-snapshot.js';
import type { FoundDamage } from './found-damage.js';
import { ReadableUpkeep } from './readable-upkeep.js';
import { applyRetention } from './retention.js';
import type { ServerJournal } from './server-journal.js';

/** A snapshot up to this size is made anew whenever something has changed, in bytes. */
const SMALL_SNAPSHOT_BYTES = 4_194_304;
/** A larger one when the log since it has this part of its size. */
const LOG_SHARE_DUE = 0.5;

const LEFT_BEHIND = 'a snapshot is damaged; what it held is read from before it, and a new one is made';
const SOUND_AGAIN = 'a snapshot that was reported as damaged was read once more and is sound';
/** How often a build is tried at most: each time the snapshot that it was to go on from has gone since, or was read again and is sound. */
const BUILDS_MAX = 4;

/** What compacting a project takes. */
export interface CompactionParts {
  readonly store: ProjectStore;
  readonly snapshots: SnapshotFolder;
  readonly tasks: BackgroundTasks;
  readonly journal: ServerJournal;
  /** Where damage is reported. */
  readonly damage: FoundDamage;
  /** Where the files are, absolute. */
  readonly dataFolder: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What was built is not what the project amounts to: nothing of it is used. */
export class SnapshotMismatchError extends Error {
  override readonly name = 'SnapshotMismatchError';

  constructor(what: string, expected: string | number, found: string | number) {
    super(`Cannot use the snapshot: its ${what} is ${found}, and that of the project is ${expected}`);
  }
}

/** Compacts one project. One call of `run` at a time. */
export class ProjectCompaction {
  readonly #parts: CompactionParts;
  /** Committed generations of which no damage is known, newest first. */
  #generations: readonly SnapshotManifest[];
  /** Segments that proved damaged when retention was about to touch them, by first seq. */
  readonly #heldBack = new Set<number>();
  readonly #readable: ReadableUpkeep;
  #isOverdue: boolean;

  /**
   * @param generations what is committed already, newest first
   * @param isOverdue true: what the start went on from is not to be relied on for another one
   */
  constructor(parts: CompactionParts, generations: readonly SnapshotManifest[], isOverdue = false) {
    this.#parts = parts;
    this.#readable = new ReadableUpkeep(parts);
    this.#generations = generations;
    this.#isOverdue = isOverdue;
  }

  /** The project's store. */
  get store(): ProjectStore {
    return this.#parts.store;
  }

  /** Whether `<project>.json` could not be brought up to date when it was last tried. */
  get isReadableFailing(): boolean {
    return this.#readable.isFailing;
  }

  /** Whether a snapshot is due at once, however little has changed and whatever the interval. */
  get isOverdue(): boolean {
    return this.#isOverdue && this.#generations[0]?.seq !== this.#parts.store.seq;
  }

  /** Whether damage was reported of a committed snapshot. */
  get hasDamagedSnapshot(): boolean {
    return this.#generations.some((each) => this.#isReported(each));
  }

  #isReported({ seq }: SnapshotManifest): boolean {
    const { store, damage } = this.#parts;
    return store.damagedSnapshots.has(seq) || damage.hasSnapshot(store.id, seq);
  }

  /** Whether a snapshot is due: something changed, and the snapshot is small or the log since it long. */
  get isDue(): boolean {
    const { store } = this.#parts;
    const newest = this.#generations[0];
    if (newest === undefined) return store.seq > 0;
    if (store.seq === newest.seq) return false;
    if (this.#isOverdue) return true;
    const sizeBytes = newest.json.sizeBytes + newest.index.sizeBytes;
    return sizeBytes <= SMALL_SNAPSHOT_BYTES || store.changedBytes >= sizeBytes * LOG_SHARE_DUE;
  }

  /**
   * Makes a snapshot of what is durable now, also where one of this moment is there and has proved damaged, and removes what it
   * replaces.
   *
   * @param signal ends it; the attempt leaves nothing that counts
   * @returns the newest generation, also where nothing had changed
   * @throws {AppError} `disk_full`, `compaction_failed`; `project_corrupt` where files are damaged that it cannot do without
   */
  async run(log: Log, signal: AbortSignal, context?: CommandContext): Promise<CompactionResult> {
    await this.#leaveDamaged(log, signal);
    // A caller that asks although nothing has changed wants a sound snapshot; damage that was not reported shows only by reading.
    if (context !== undefined && this.#generations[0]?.seq === this.store.seq) await this.#leaveUnsound(log, signal);
    try {
      return await this.#attempt(log, signal, context);
    } catch (error) {
      if (!(error instanceof SnapshotCorruptError)) throw error;
      // The newest one proved damaged while places were taken from it.
      await this.#leaveDamaged(log, signal, this.#generations[0]);
      return await this.#attempt(log, signal, context);
    }
  }

  async #attempt(log: Log, signal: AbortSignal, context: CommandContext | undefined): Promise<CompactionResult> {
    const startMs = this.#parts.clock.monotonicMs();
    const isNew = this.#generations[0]?.seq !== this.#parts.store.seq;
    const manifest = isNew ? await this.#commitNew(log, signal) : this.#generations[0];
    invariant(manifest !== undefined, 'a project has an event');
    const durationMs = Math.round(this.#parts.clock.monotonicMs() - startMs);
    const result = { seq: manifest.seq, key_count: manifest.keyCount, bytes: manifest.json.sizeBytes, duration_ms: durationMs };
    if (isNew) await this.#record(manifest, durationMs, context ?? serverContext());
    await this.#relocate(manifest);
    await this.#clean(log, manifest, signal);
    // Last, so that it has the room that was made, and holds up nothing that counts.
    await this.#readable.refresh(manifest, { signal, isOutdated: isNew });
    return result;
  }

  /** Brings `<project>.json` up to date with the newest snapshot and the settings; see {@link ReadableUpkeep.refresh}. */
  async refreshReadable(signal: AbortSignal): Promise<void> {
    await this.#readable.refresh(this.#generations[0], { signal });
  }

  /**
   * A damaged snapshot goes, and gives its name free, only where all that it held has been read elsewhere just now.
   *
   * @throws {AppError} `project_corrupt` where it has not: nothing has changed, and no other snapshot can be made
   */
  async #leaveDamaged(log: Log, signal: AbortSignal, suspected?: SnapshotManifest): Promise<void> {
    const damages = new Map<SnapshotManifest, SnapshotCorruptError>();
    const suspects = this.#generations.filter((each) => each === suspected || this.#isReported(each));
    for (const suspect of suspects) await this.#confirm(suspect, damages, signal);
    const [newest] = this.#generations;
    if (damages.size === 0 || newest === undefined) return;
    const { store, snapshots, damage, logger } = this.#parts;
    const kept = await this.#findFallback(log, damages, signal);
    if (kept === undefined) throw this.#refuseToReplace(damages);
    const leaving = this.#generations.filter((each) => !kept.includes(each));
    logger.error({ project: store.id, seqs: leaving.map(({ seq }) => seq), fallback_seq: kept[0]?.seq ?? 0 }, LEFT_BEHIND);
    if (leaving.includes(newest)) await readFromBefore({ store, snapshots, log }, kept[0], signal);
    this.#generations = kept;
    for (const { seq } of leaving) {
      // What the log begins after stays: a person may want what can be read of it.
      if (seq !== log.base?.seq) await snapshots.remove(seq);
      store.forgetDamaged(seq);
      damage.forgetSnapshot(store.id, seq);
    }
  }

  /** Reads the newest snapshot and the one to fall back on, and leaves behind what is damaged. */
  async #leaveUnsound(log: Log, signal: AbortSignal): Promise<void> {
    const [newest] = this.#generations;
    if (newest !== undefined && (await damageOf(this.#parts.snapshots, newest, signal)) !== undefined) {
      await this.#leaveDamaged(log, signal, newest);
    }
    await this.#proveFallback(log, signal);
  }

  /**
   * Reads the snapshot that a start falls back on where the newest is damaged. One that proves damaged is left behind, and the one before
   * takes its place.
   *
   * @returns its seq, 0 where there is none
   * @throws {AppError} `project_corrupt` where it is damaged, and what it held is nowhere else
   */
  async #proveFallback(log: Log, signal: AbortSignal): Promise<number> {
    for (;;) {
      const fallback = this.#generations[1];
      if (fallback === undefined) return 0;
      if ((await damageOf(this.#parts.snapshots, fallback, signal)) === undefined) return fallback.seq;
      await this.#leaveDamaged(log, signal, fallback);
    }
  }

  /** Reads a snapshot once more. One that is sound is no longer reported, and its values are read from the file that has its name now. */
  async #confirm(suspect: SnapshotManifest, damages: Map<SnapshotManifest, SnapshotCorruptError>, signal: AbortSignal): Promise<void> {
    const { store, snapshots, damage, logger } = this.#parts;
    const found = await damageOf(snapshots, suspect, signal);
    if (found !== undefined) {
      damages.set(suspect, found);
      return;
    }
    await snapshots.close();
    store.forgetDamaged(suspect.seq);
    damage.forgetSnapshot(store.id, suspect.seq);
    logger.warn({ project: store.id, seq: suspect.seq }, SOUND_AGAIN);
  }

  /**
   * Those generations that can be relied on; empty where the log alone has everything, undefined where nothing has. Damage that is met on
   * the way is added.
   */
  async #findFallback(
    log: Log, damages: Map<SnapshotManifest, SnapshotCorruptError>, signal: AbortSignal,
  ): Promise<readonly SnapshotManifest[] | undefined> {
    const toSeq = this.#generations[0]?.seq ?? 0;
    for (const candidate of this.#generations) {
      const found = damages.get(candidate) ?? (await damageOf(this.#parts.snapshots, candidate, signal));
      if (found !== undefined) damages.set(candidate, found);
      if (damages.has(candidate) || !(await hasLines(log, { afterSeq: candidate.seq, toSeq }, signal))) continue;
      return this.#generations.filter((each) => each.seq <= candidate.seq && !damages.has(each));
    }
    return (await hasLines(log, { afterSeq: 0, toSeq }, signal)) ? [] : undefined;
  }

  #refuseToReplace(damages: ReadonlyMap<SnapshotManifest, SnapshotCorruptError>): AppError {
    const { store, damage } = this.#parts;
    for (const [{ seq }, found] of damages) damage.addSnapshot(store.id, seq, found);
    return irreplaceable(store.id, [...damages.values()]);
  }

  async #commitNew(log: Log, signal: AbortSignal): Promise<SnapshotManifest> {
    const { store, snapshots } = this.#parts;
    const point = store.checkpoint();
    // Under `interval` and `os` the disk may not have the last lines yet, and no snapshot may be ahead of its log.
    await log.sync();
    const built = await this.#build(log, point.seq, signal);
    try {
      refuseMismatch(point, built);
      signal.throwIfAborted();
      const manifest = {
        ...built, project: store.id, logId: log.logId, seq: point.seq, state: point.state, isBase: false,
        segments: (log.sealed?.list() ?? []).filter(({ lastSeq }) => lastSeq <= point.seq)
          .map(({ firstSeq, sizeBytes }) => [firstSeq, sizeBytes] as const),
      };
      await snapshots.commit(manifest);
      this.#generations = [manifest, ...this.#generations];
      this.#isOverdue = false;
      store.noteSnapshot(point.seq);
      return manifest;
    } catch (error) {
      if (this.#generations[0]?.seq !== point.seq) await this.#dropAttempt();
      throw error;
    }
  }

  /** Builds on the newest generation that holds, or on the whole log where none does. Damage counts when it is met a second time. */
  async #build(log: Log, toSeq: number, signal: AbortSignal): Promise<BuiltGeneration> {
    const { tasks, store, dataFolder } = this.#parts;
    const job = { dataFolder, project: store.id, logId: log.logId, toSeq };
    for (let build = 1; ; build += 1) {
      const [newest] = this.#generations;
      try {
        return await tasks.build({ ...job, previousSeq: newest?.seq }, signal);
      } catch (error) {
        const isSnapshot = error instanceof Error && error.name === 'SnapshotCorruptError' && newest !== undefined;
        if (build === BUILDS_MAX || !(isSnapshot || (isDamage(error) && build === 1))) throw error;
        if (isSnapshot) await this.#leaveDamaged(log, signal, newest);
      }
    }
  }

  async #dropAttempt(): Promise<void> {
    const message = 'the rest of a snapshot could not be removed; the next attempt does';
    await this.#parts.snapshots.dropUnfinished().catch(logFailure(this.#parts.logger, 'warn', { project: this.store.id }, message));
  }

  /** For audit: what cannot be recorded does not take the snapshot back. */
  async #record(manifest: SnapshotManifest, durationMs: number, context: CommandContext): Promise<void> {
    const { journal, logger } = this.#parts;
    const { project: id, logId, seq, keyCount, json } = manifest;
    const sizes = { bytes: json.sizeBytes, sha256: json.sha256, duration_ms: durationMs };
    logger.info({ project: id, seq, key_count: keyCount, ...sizes }, 'a snapshot was committed');
    if (journal.isCorrupt) return;
    await journal.record({ op: 'snapshot.committed', id, log_id: logId, last_seq: seq, key_count: keyCount, ...sizes }, context)
      .catch(logFailure(logger, 'warn', { project: id }, 'a snapshot could not be recorded in the registry'));
  }

  /**
   * Places of values move to the new generation, those too that are still to be read into memory; a reader that began before
   * it is waited for.
   */
  async #relocate(manifest: SnapshotManifest): Promise<void> {
    const { store, snapshots } = this.#parts;
    await store.relocate(versionsInSnapshot(snapshots.readIndex(manifest), manifest.seq));
    await store.settleReads();
  }

  /** Removes older generations and, where the project's retention says so, segments. A failure is logged and tried again next time. */
  async #clean(log: Log, newest: SnapshotManifest, signal: AbortSignal): Promise<void> {
    const { store, snapshots, logger } = this.#parts;
    try {
      const firstSeq = log.sealed?.list()[0]?.firstSeq;
      // What the log goes on from must stay for as long as its first line does.
      const keepBase = log.base !== undefined && (firstSeq === undefined || firstSeq === log.base.seq + 1);
      let provenSeq: number | undefined;
      const proveFallback = async (): Promise<number> => (provenSeq ??= await this.#proveFallback(log, signal));
      // Nothing goes for a snapshot that was not read: a fault of the newest would then leave nothing to start from.
      if (obsoleteGenerations(this.#generations, keepBase).length > 0) await proveFallback();
      for (const { seq } of obsoleteGenerations(this.#generations, keepBase)) {
        await snapshots.remove(seq);
        this.#generations = this.#generations.filter((generation) => generation.seq !== seq);
      }
      const covered = { newestSeq: newest.seq, fallbackSeq: this.#generations[1]?.seq ?? 0, proveFallback };
      const settings = store.settings.storage.retention;
      const parts = { ...this.#parts, log, settings, heldBack: this.#heldBack, context: serverContext(), signal };
      await applyRetention(parts, covered);
    } catch (error) {
      if (signal.aborted) return;
      const message = 'what a snapshot made obsolete could not be removed; the next compaction tries again';
      logger.warn({ project: store.id, err: error }, message);
    }
  }
}

function serverContext(): CommandContext {
  return { actor: ACTOR_SERVER, requestId: `compaction-${randomHexId()}` };
}

function refuseMismatch(point: StoreCheckpoint, built: BuiltGeneration): void {
  const facts = [
    ['key count', point.keyCount, built.keyCount],
    ['sum over keys and versions', point.keySum, built.keySum],
    ['hash', point.hash, built.hash],
  ] as const;
  for (const [what, expected, found] of facts) if (expected !== found) throw new SnapshotMismatchError(what, expected, found);
}

/**
 * Turns whatever a compaction threw into an error that its caller may see.
 *
 * @returns `disk_full` and other known codes as they are, `project_corrupt` for damage, `compaction_failed` for the rest
 */
export function toCompactionError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (isDamage(error)) return new AppError('project_corrupt', error.message, { cause: error });
  return new AppError('compaction_failed', 'Cannot make the snapshot: the server log says why', { cause: error });
}
