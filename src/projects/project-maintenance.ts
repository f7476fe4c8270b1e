/**
 * The background work on served projects: compaction, the scrub, loading values into memory, and past states. It begins once a project is
 * served and ends before its log is closed or its files move.
 */
import type { ProjectStore } from '../store/project-store.js';
import type { ProjectLease } from './backup.js';
import { UnmovedFiles } from './changes/unmoved-files.js';
import { Compactor } from './compaction/compactor.js';
import { FoundDamage } from './found-damage.js';
import type { OpenedProject } from './open-project.js';
import { PastStates } from './past/past-states.js';
import type { ProjectResources } from './project-resources.js';
import type { Registry } from './registry.js';
import { Scrubber } from './scrubber.js';

/** The state of the background work. */
export interface MaintenanceState {
  /** Number of projects whose last compaction failed. */
  readonly compactionsFailing: number;
  /** Number of projects whose readable snapshot could not be updated. */
  readonly readableFailing: number;
  /** Number of projects with damaged files. */
  readonly scrubsDamaged: number;
  /** Number of projects that were deleted or moved to memory and whose files could not be moved away. */
  readonly filesUnmoved: number;
}

/** Maintains the served projects. */
export class ProjectMaintenance {
  readonly compactor: Compactor;
  readonly unmoved: UnmovedFiles;
  /** The past states of all projects. */
  readonly past: PastStates;
  readonly #resources: ProjectResources;
  readonly #scrubber: Scrubber;
  readonly #damage = new FoundDamage();
  /** Values being loaded into memory, by project. */
  readonly #loads = new Map<string, { readonly abort: AbortController; readonly done: Promise<void> }>();

  constructor(resources: ProjectResources, registry: Registry) {
    this.#resources = resources;
    this.unmoved = new UnmovedFiles(resources.diskHome);
    const erasers = [(project: string): Promise<void> => this.past.dropAll(project)];
    this.compactor = new Compactor({ ...resources, registry, damage: this.#damage, configPath: resources.config.path, erasers });
    const leaseFiles = (project: string): Promise<ProjectLease | undefined> => this.compactor.lease(project);
    this.past = new PastStates({ ...resources, bytesMax: resources.pastBytesMax, leaseFiles });
    this.#scrubber = new Scrubber({ ...resources, damage: this.#damage });
  }

  /** The state of the work now. */
  get state(): MaintenanceState {
    const { failingCount: compactionsFailing, readableFailingCount: readableFailing } = this.compactor;
    return { compactionsFailing, readableFailing, scrubsDamaged: this.#damage.projectCount, filesUnmoved: this.unmoved.projectCount };
  }

  /** Starts the work, after startup has opened all projects. */
  start(): void {
    this.compactor.start();
    const { table, dataFolder } = this.#resources;
    this.#scrubber.start(() =>
      table.list().flatMap((project) =>
        project.kind === 'served' && project.store.isOnDisk ? [{ dataFolder, project: project.store.id, logId: project.store.logId }] : [],
      ),
    );
  }

  /** Serves a project and maintains it. */
  serve(opened: OpenedProject): void {
    this.#resources.table.serve(opened.store);
    this.keep(opened);
  }

  /** Maintains a served project. One in memory needs no maintenance. */
  keep(opened: OpenedProject): void {
    if (opened.store.isOnDisk) this.compactor.watch(opened);
  }

  /**
   * Stops the work on a project. After it resolves, none of it uses the project's files.
   *
   * @returns resumes, for a caller whose own change did not happen
   */
  async release(id: string): Promise<() => void> {
    const load = this.#loads.get(id);
    load?.abort.abort();
    await load?.done;
    await this.past.dropAll(id);
    await this.#scrubber.release(id);
    const resume = await this.compactor.release(id);
    await this.#resources.snapshots(id).close();
    return resume;
  }

  /** Applies the settings for values and for the readable snapshot. */
  applyStorage(store: ProjectStore): void {
    this.#applyCaching(store);
    this.compactor.refreshReadable(store.id);
  }

  /** Switches whether values stay in memory. New values follow at once; existing ones move in the background, while they are used. */
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
    // A snapshot gives every value a place on disk and releases its text from memory.
    this.compactor.request(store.id, true);
  }

  /** One load at a time. An earlier one may have passed values that moved to disk since, so it is replaced. */
  #load(store: ProjectStore): void {
    const earlier = this.#loads.get(store.id);
    earlier?.abort.abort();
    const abort = new AbortController();
    const done = this.#loadAfter(earlier?.done, store, abort.signal)
      .catch((error: unknown) => {
        if (abort.signal.aborted) return;
        const message = 'not every value could be loaded into memory; the others are read from disk';
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
    await store.reads.loadAll(signal);
  }

  /**
   * Ends all work; due snapshots are made while time allows.
   *
   * @param limitMs time for the due snapshots, in milliseconds
   */
  async close(limitMs: number): Promise<void> {
    await this.past.close();
    await this.#scrubber.close();
    for (const { abort } of this.#loads.values()) abort.abort();
    await Promise.all([...this.#loads.values()].map(({ done }) => done));
    await this.compactor.close(limitMs);
    const { table, snapshots } = this.#resources;
    await Promise.all(table.list().map((project) => (project.kind === 'served' ? snapshots(project.store.id).close() : undefined)));
  }
}
