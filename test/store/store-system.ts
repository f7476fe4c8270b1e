/** A store over a log in memory or in files that can be stopped, killed and started again. */
import { cp, readdir } from 'node:fs/promises';
import path from 'node:path';
import { invariant } from '../../src/base/invariant.js';
import { silentLogger } from '../../src/base/logger.js';
import { decodeEvent } from '../../src/events/codec.js';
import type { ProjectEvent } from '../../src/events/event.js';
import type { ProjectSettings } from '../../src/events/project-settings.js';
import { FileHome } from '../../src/log/file/file-home.js';
import { NodeDisk } from '../../src/disk/node-disk.js';
import { MemoryLog } from '../../src/log/memory-log.js';
import { openNewProject, openProject, type OpenProjectOptions } from '../../src/projects/open-project.js';
import { ProjectModel } from '../../src/projections/project-model.js';
import { SnapshotFolder } from '../../src/projections/snapshot/snapshot-folder.js';
import { ValueCache } from '../../src/projections/value-cache.js';
import { DEFAULT_STORE_LIMITS, ProjectStore } from '../../src/store/project-store.js';
import { AMPLE_SPACE } from '../disk/ample-space.js';
import { CONTEXT } from './created-store.js';

const PROJECT = 'alpha';
const CACHE_BYTES = 16_384;
const LOG_ID = '0123456789abcdef0123456789abcdef';

/** What a test by model gives commands to. */
export interface StoreSystem {
  /** The store as of the last start. */
  readonly store: ProjectStore;
  /** Stops in an orderly way and starts again. */
  restart(): Promise<void>;
  /** Ends as a killed process does, with nothing written or closed, and starts again. */
  crash(): Promise<void>;
  /** How many sealed segments there are. */
  sealedCount(): Promise<number>;
  /** Closes everything. */
  stop(): Promise<void>;
}

/** A log in memory outlives its readers: starting again replays its lines into a new model. */
export class MemorySystem implements StoreSystem {
  readonly #log = new MemoryLog({ project: PROJECT, logId: LOG_ID });
  store = new ProjectStore({ log: this.#log, model: new ProjectModel() });

  static async start(settings: ProjectSettings): Promise<MemorySystem> {
    const system = new MemorySystem();
    await system.store.submit({ type: 'project.create', settings, keyId: null }, CONTEXT);
    return system;
  }

  async restart(): Promise<void> {
    const model = new ProjectModel();
    for await (const line of this.#log.read({ fromSeq: 1 })) {
      const event = decodeEvent(line.op, line.body) as ProjectEvent;
      model.apply({ event, seq: line.seq, timeMs: line.timeMs, hash: line.hash, actor: line.actor });
    }
    this.store = new ProjectStore({ log: this.#log, model });
  }

  async crash(): Promise<void> {
    await this.restart();
  }

  async sealedCount(): Promise<number> {
    return await Promise.resolve(0);
  }

  async stop(): Promise<void> {
    await this.store.close();
  }
}

function partsIn(folder: string): Omit<OpenProjectOptions, 'settings'> {
  const disk = new NodeDisk();
  return {
    home: new FileHome({ folder, disk, logger: silentLogger }),
    snapshots: new SnapshotFolder({ disk, folder: path.join(folder, PROJECT), readable: path.join(folder, `${PROJECT}.json`) }),
    limits: DEFAULT_STORE_LIMITS,
    // So small that most values are read from their file.
    cache: new ValueCache(CACHE_BYTES),
    space: AMPLE_SPACE,
    logger: silentLogger,
  };
}

/** Logs in files. Each start has a folder of its own, since a killed writer cannot be made to forget its files. */
export class FileSystem implements StoreSystem {
  readonly #root: string;
  #starts = 0;
  #folder: string;
  store: ProjectStore;

  private constructor(root: string, folder: string, store: ProjectStore) {
    this.#root = root;
    this.#folder = folder;
    this.store = store;
  }

  static async start(root: string, settings: ProjectSettings): Promise<FileSystem> {
    const folder = path.join(root, '0');
    const disk = new NodeDisk();
    await disk.makeFolder(folder);
    const { store } = await openNewProject(PROJECT, { ...partsIn(folder), settings, logId: LOG_ID });
    await store.submit({ type: 'project.create', settings, keyId: null }, CONTEXT);
    return new FileSystem(root, folder, store);
  }

  async restart(): Promise<void> {
    await this.store.close();
    await this.#open();
  }

  /** What a killed process leaves is what stands in its files now; the writer that is still there gets to keep another copy. */
  async crash(): Promise<void> {
    this.#starts += 1;
    const copy = path.join(this.#root, String(this.#starts));
    await cp(this.#folder, copy, { recursive: true });
    await this.store.close();
    this.#folder = copy;
    await this.#open();
  }

  async #open(): Promise<void> {
    const opened = await openProject(PROJECT, { ...partsIn(this.#folder), settings: this.store.settings, expectedLogId: LOG_ID });
    invariant(opened !== undefined, 'the log that was written is there');
    this.store = opened.store;
  }

  async sealedCount(): Promise<number> {
    return (await readdir(path.join(this.#folder, PROJECT))).filter((name) => name.endsWith('.jsonl')).length;
  }

  async stop(): Promise<void> {
    await this.store.close();
  }
}
