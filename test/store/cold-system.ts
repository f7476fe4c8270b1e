/** A store whose values lie in a log and in snapshots, both in memory, with everything that moves them about. */
import assert from 'node:assert/strict';
import { isProjectEvent } from '../../src/events/event.js';
import type { ProjectSettings } from '../../src/events/project-settings.js';
import type { Log } from '../../src/log/log.js';
import { MemoryLog } from '../../src/log/memory-log.js';
import { ProjectModel } from '../../src/projections/project-model.js';
import { ValueCache } from '../../src/projections/value-cache.js';
import { placeInSnapshot, touchedSinceSnapshot, versionsInSnapshot } from '../../src/projections/value-place.js';
import { ProjectStore } from '../../src/store/project-store.js';
import { replayInto } from '../../src/projects/replay-into.js';
import { CONTEXT } from './created-store.js';
import { PlacedLog } from './placed-log.js';
import { censusOf, entriesOf, inGroups, SnapshotShelf } from './snapshot-shelf.js';
import type { StoreSystem } from './store-system.js';

/** So small that most values are read from where they lie. */
const CACHE_BYTES = 4096;
const GROUP = 3;

/** See above. */
export class ColdSystem implements StoreSystem {
  readonly shelf = new SnapshotShelf();
  readonly #cache = new ValueCache(CACHE_BYTES);
  #log: Log = new PlacedLog();
  #made = 0;
  store: ProjectStore;

  constructor() {
    this.store = this.#storeOver(new ProjectModel({ isCaching: false }));
  }

  static async start(settings: ProjectSettings): Promise<ColdSystem> {
    const system = new ColdSystem();
    await system.store.submit({ type: 'project.create', settings, keyId: null }, CONTEXT);
    return system;
  }

  #storeOver(model: ProjectModel): ProjectStore {
    return new ProjectStore({ log: this.#log, model, readSnapshotValue: this.shelf.readValue, cache: this.#cache });
  }

  /** A new model from the newest snapshot and the lines after it. */
  async restart(): Promise<void> {
    const model = new ProjectModel({ isCaching: this.store.isCaching });
    const newest = this.shelf.newest;
    if (newest !== undefined) {
      model.restore(newest.point, JSON.parse(JSON.stringify(newest.point.state)));
      for (const entry of entriesOf(newest)) {
        model.values.restore(entry.key, model.values.isCaching ? entry : { ...entry, value: placeInSnapshot(newest.point.seq, entry) });
      }
    }
    const replay = replayInto(model, 'a project', isProjectEvent);
    for await (const line of this.#log.read({ fromSeq: model.lastSeq + 1 })) replay(line);
    this.store = this.#storeOver(model);
  }

  async crash(): Promise<void> {
    await this.restart();
  }

  /** Makes a snapshot, moves the values there, and takes away every file that none may lie in any more. */
  async compact(): Promise<void> {
    const { store, shelf } = this;
    const snapshot = await shelf.take(store);
    const { point, index } = snapshot;
    assert.deepEqual(censusOf(index), { keyCount: point.keyCount, keySum: point.keySum });
    store.noteSnapshot(point);
    await store.reads.relocate(versionsInSnapshot(inGroups(index, GROUP), point.seq), touchedSinceSnapshot(() => false));
    await store.reads.settleReads();
    for (const seq of shelf.generations.keys()) if (seq < point.seq) shelf.generations.delete(seq);
    if (this.#log instanceof PlacedLog) this.#log.dropSegments(point.seq);
  }

  /** Switches caching on with everything read into memory, or off with everything moved out of it. */
  async cache(isCaching: boolean): Promise<void> {
    this.store.setCaching(isCaching);
    if (isCaching) await this.store.reads.loadAll();
    // Only a log with places has somewhere for the values to be.
    else if (this.#log instanceof PlacedLog) await this.compact();
  }

  /** From a log with places to one without, or back. */
  async replaceLog(): Promise<void> {
    if (this.store.values.placedCount > 0) await this.cache(true);
    const release = await this.store.hold();
    this.#made += 1;
    const identity = { logId: this.#made.toString(16).padStart(32, '0'), base: { seq: this.store.seq, hash: this.store.hash } };
    const log = this.#log instanceof PlacedLog ? new MemoryLog({ project: 'alpha', ...identity }) : new PlacedLog(identity);
    // What came before the new log is in a snapshot only.
    await this.shelf.take(this.store);
    await this.store.reads.settleReads();
    const replaced = this.store.replaceLog(log);
    assert.equal(replaced, this.#log);
    this.#log = log;
    release();
    await replaced.close();
  }

  async sealedCount(): Promise<number> {
    return await Promise.resolve(0);
  }

  async stop(): Promise<void> {
    await this.store.close();
  }
}
