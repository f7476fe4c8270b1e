/**
 * What goes on around the projects that are served: compaction, the scrub, and moving values between memory and disk. It
 * begins with serving a project and ends before its log is closed or its files move.
 */
import type { CommandContext } from '../store/command.js';
import type { ProjectStore } from '../store/project-store.js';
import type { OpenedProject } from './open-project.js';
import { Compactor } from './compactor.js';
import { FoundDamage } from './found-damage.js';
import { ProjectCompaction } from './project-compaction.js';
import type { ProjectResources } from './project-resources.js';
import type { CompactionResult } from './projects.js';
import { Scrubber } from './scrubber.js';
import type { ServerJournal } from './server-journal.js';
import { UnmovedFiles } from './unmoved-files.js';

/** How the work in the background stands. */
export interface MaintenanceState {
  /** How many projects could not be compacted when it was last tried. */
  readonly compactionsFailing: number;
  /** How many projects have a readable snapshot that could not be brought up to date. */
  readonly readableFailing: number;
  /** How many projects have damage in their files. */
  readonly scrubsDamaged: number;
  /** How many projects were deleted or left the disk and have files that could not be moved out of the way. */
  readonly filesUnmoved: number;
}

/** Keeps projects. */
export class ProjectMaintenance {
  /** Moves files of projects that are gone out of the way. */
  readonly unmoved: UnmovedFiles;
  readonly #resources: ProjectResources;
  readonly #journal: ServerJournal;
  readonly #compactor: Compactor;
  readonly #scrubber: Scrubber;
  readonly #damage = new FoundDamage();
  /** Values that are being read into memory, by project. */
  readonly #loads = new Map<string, { readonly abort: AbortController; readonly done: Promise<void> }>();

  constructor(resources: ProjectResources, journal: ServerJournal) {
    this.#resources = resources;
    this.#journal = journal;
    this.unmoved = new UnmovedFiles(resources.diskHome);
    this.#compactor = new Compactor({ ...resources, configPath: resources.config.path });
    this.#scrubber = new Scrubber({ ...resources, damage: this.#damage });
  }

  /** How it stands. */
  get state(): MaintenanceState {
    const { failingCount: compactionsFailing, readableFailingCount: readableFailing } = this.#compactor;
    return { compactionsFailing, readableFailing, scrubsDamaged: this.#damage.projectCount, filesUnmoved: this.unmoved.projectCount };
  }

  /** Begins: all projects that the start serves are kept already. */
  start(): void {
    this.#compactor.start();
    const { registry, dataFolder } = this.#resources;
    this.#scrubber.start(() =>
      registry.list().flatMap((project) =>
        project.kind === 'served' && project.store.isOnDisk ? [{ dataFolder, project: project.store.id, logId: project.store.logId }] : [],
      ),
    );
  }

  /** Serves a project, and keeps it. */
  serve(opened: OpenedProject): void {
    this.#resources.registry.serve(opened.store);
    this.keep(opened);
  }

  /** Keeps a project that is served. One in memory needs nothing. */
  keep({ store, log, generations, isSnapshotOverdue }: OpenedProject): void {
    if (!store.isOnDisk) return;
    const { snapshots, tasks, dataFolder, clock, logger } = this.#resources;
    const parts = { store, snapshots: snapshots(store.id), tasks, journal: this.#journal, damage: this.#damage, dataFolder, clock, logger };
    this.#compactor.watch(new ProjectCompaction(parts, generations, isSnapshotOverdue), log);
  }

  /**
   * Leaves a project alone: when it resolves, nothing of this touches its files any more.
   *
   * @returns goes on with the project, where what it was left alone for did not happen
   */
  async release(id: string): Promise<() => void> {
    const load = this.#loads.get(id);
    load?.abort.abort();
    await load?.done;
    await this.#scrubber.release(id);
    const resume = await this.#compactor.release(id);
    await this.#resources.snapshots(id).close();
    return resume;
  }

  /**
   * Compacts a project now.
   *
   * @throws {AppError} `not_on_disk`, `disk_full`, `project_corrupt`, `compaction_failed`
   */
  async compact(id: string, context: CommandContext): Promise<CompactionResult> {
    return await this.#compactor.compact(id, context);
  }

  /** Carries out what a project's settings say of its values and its readable snapshot. */
  applyStorage(store: ProjectStore): void {
    this.#applyCaching(store);
    this.#compactor.refreshReadable(store.id);
  }

  /**
   * Lets a project hold its values in memory or on disk. What is written from now on follows at once;
   * what is there already moves in the background, while it is read and written.
   */
  #applyCaching(store: ProjectStore): void {
    const { cache_in_memory: inMemory } = store.settings.storage;
    const isSettled = store.values.placedCount === (inMemory ? 0 : store.values.count);
    const isUnderWay = inMemory && this.#loads.has(store.id);
    if (store.isCaching === inMemory && (isSettled || isUnderWay)) return;
    store.setCaching(inMemory);
    if (inMemory) {
      this.#load(store);
      return;
    }
    this.#loads.get(store.id)?.abort.abort();
    // A snapshot gives every value a place on disk, and takes the text out of memory.
    this.#compactor.request(store.id, true);
  }

  /** One loading at a time: an earlier one, of before values were to be on disk in between, has gone past what is there now. */
  #load(store: ProjectStore): void {
    const earlier = this.#loads.get(store.id);
    earlier?.abort.abort();
    const abort = new AbortController();
    const done = this.#loadAfter(earlier?.done, store, abort.signal)
      .catch((error: unknown) => {
        if (abort.signal.aborted) return;
        const message = 'not every value could be read into memory; the others are read from disk';
        this.#resources.logger.error({ project: store.id, err: error }, message);
      })
      .finally(() => {
        if (this.#loads.get(store.id)?.abort === abort) this.#loads.delete(store.id);
      });
    this.#loads.set(store.id, { abort, done });
  }

  async #loadAfter(earlier: Promise<void> | undefined, store: ProjectStore, signal: AbortSignal): Promise<void> {
    await earlier;
    signal.throwIfAborted();
    await store.loadAll(signal);
  }

  /**
   * Ends everything; snapshots that are due are made while time allows.
   *
   * @param limitMs how long that may take, in milliseconds
   */
  async close(limitMs: number): Promise<void> {
    await this.#scrubber.close();
    for (const { abort } of this.#loads.values()) abort.abort();
    await Promise.all([...this.#loads.values()].map(({ done }) => done));
    await this.#compactor.close(limitMs);
    const { registry, snapshots } = this.#resources;
    await Promise.all(registry.list().map((project) => (project.kind === 'served' ? snapshots(project.store.id).close() : undefined)));
  }
}
