/** One project with its snapshots and the registry on a disk in memory, so that a compaction can be failed at every call. */
import assert from 'node:assert/strict';
import { randomHexId } from '../../src/base/random-id.js';
import { BUILT_IN_SETTINGS, mergeSettings, type ProjectSettings, type StorageChange } from '../../src/events/project-settings.js';
import { FileHome } from '../../src/log/file/file-home.js';
import { InlineTasks } from '../offline/tasks/inline-tasks.js';
import type { SnapshotFolder } from '../../src/projections/snapshot/snapshot-folder.js';
import { ValueCache } from '../../src/projections/value-cache.js';
import type { BackgroundTasks } from '../../src/projects/background-tasks.js';
import { openNewProject, openProject, type OpenedProject } from '../../src/projects/open-project.js';
import { FoundDamage } from '../../src/projects/found-damage.js';
import type { CompactorOptions } from '../../src/projects/compaction/compactor.js';
import { ProjectCompaction } from '../../src/projects/compaction/project-compaction.js';
import type { CompactionResult } from '../../src/projects/projects.js';
import { Registry } from '../../src/projects/registry.js';
import { DEFAULT_STORE_LIMITS, type ProjectStore } from '../../src/store/project-store.js';
import { AMPLE_SPACE } from '../disk/ample-space.js';
import { ManualClock } from '../base/manual-clock.js';
import { FaultDisk } from '../disk/fault-disk.js';
import { collectingLogger, CONTEXT, type LoggedLine, snapshotFolders } from './lives-fixture.js';
import { readKey } from '../store/read-key.js';

/** The data folder on the disk in memory. */
export const DATA = '/data';
/** The configuration's path, as advice names it. */
export const CONFIG_PATH = '/etc/config.json';
/** The project. */
export const PROJECT = 'p1';

/** How a compacted project differs from the usual. */
export interface CompactedOptions {
  readonly disk?: FaultDisk;
  readonly clock?: ManualClock;
  readonly storage?: StorageChange;
  /** Puts something between the compaction and the work in the background. */
  readonly wrapTasks?: (tasks: BackgroundTasks) => BackgroundTasks;
}

/** A project that is open. */
export interface CompactedProject extends OpenedProject {
  readonly disk: FaultDisk;
  readonly clock: ManualClock;
  readonly registry: Registry;
  readonly snapshots: SnapshotFolder;
  readonly compaction: ProjectCompaction;
  readonly tasks: BackgroundTasks;
  readonly damage: FoundDamage;
  /** For a {@link Compactor} of this project. */
  readonly compactorOptions: CompactorOptions;
  readonly logged: LoggedLine[];
  /** Compacts it. */
  compact(signal?: AbortSignal): Promise<CompactionResult>;
  /** Gives keys `k<from>` to `k<to>` a value of about 1,500 bytes each, one write after another. */
  fill(from: number, to: number): Promise<void>;
  /** Stops, and starts again on what the disk holds then. */
  reopen(options?: Omit<CompactedOptions, 'disk' | 'clock'>): Promise<CompactedProject>;
  /** Closes everything. */
  close(): Promise<void>;
}

/** Three lines to a segment, and no compaction but those that a test asks for. */
export const SMALL_SEGMENTS: StorageChange = { segment_bytes: 4096, compaction: { interval_seconds: 0 } };

/**
 * The value that {@link CompactedProject.fill} gives a key.
 *
 * @param number The key's number
 * @returns JSON text
 */
export function longValue(number: number): string {
  return JSON.stringify(`value ${number} `.repeat(150));
}

/**
 * Opens the project on a disk, and makes it where it is not there.
 *
 * @param options Disk, clock, settings of a new project
 * @returns The project
 */
export async function openCompacted(options: CompactedOptions = {}): Promise<CompactedProject> {
  const { disk = new FaultDisk(), clock = new ManualClock() } = options;
  if (disk.tree.find(DATA) === undefined) {
    disk.tree.makeFolder(DATA);
    disk.tree.syncAll();
  }
  const logged: LoggedLine[] = [];
  const logger = collectingLogger(logged);
  const home = new FileHome({ folder: DATA, disk, logger, clock });
  const folders = snapshotFolders(disk, DATA);
  const place = { diskHome: home, snapshots: folders, logger };
  const registry = (await Registry.open(place)) ?? (await Registry.create(place));
  const built: ProjectSettings = BUILT_IN_SETTINGS;
  const settings = mergeSettings(built, { storage: options.storage ?? SMALL_SEGMENTS });
  const snapshots = folders(PROJECT);
  const parts = {
    home, settings, limits: DEFAULT_STORE_LIMITS, snapshots, cache: new ValueCache(), space: AMPLE_SPACE, logger,
  };
  const known = registry.registrations.get(PROJECT);
  let opened: OpenedProject | undefined;
  if (known === undefined) {
    opened = await openNewProject(PROJECT, { ...parts, logId: randomHexId() });
    await opened.store.submit({ type: 'project.create', settings, keyId: null }, CONTEXT);
    await registry.record({ op: 'project.created', id: PROJECT, log_id: opened.log.logId }, CONTEXT);
  } else opened = await openProject(PROJECT, { ...parts, expectedLogId: known.logId, firstKeptSeq: known.firstKeptSeq });
  assert.ok(opened !== undefined, 'the log that was written is there');
  const { store, log, generations, isSnapshotOverdue } = opened;
  const inline = new InlineTasks(disk);
  const tasks = options.wrapTasks?.(inline) ?? inline;
  const damage = new FoundDamage();
  const shared = { tasks, registry, damage, dataFolder: DATA, diskHome: home, clock, logger };
  const compaction = new ProjectCompaction({ ...shared, store, log, snapshots }, generations, isSnapshotOverdue);
  const compactorOptions = { ...shared, snapshots: () => snapshots, configPath: CONFIG_PATH };
  const close = async (): Promise<void> => {
    await store.close();
    await registry.close();
    await snapshots.close();
  };
  return {
    disk, clock, registry, snapshots, compaction, compactorOptions, tasks, damage, logged, store, log, generations, close,
    compact: (signal = new AbortController().signal) => compaction.run(signal, CONTEXT),
    fill: (from, to) => fillStore(store, from, to),
    reopen: async (again = {}) => {
      await close();
      return await openCompacted({ ...options, ...again, disk, clock });
    },
  };
}

async function fillStore(store: ProjectStore, from: number, to: number): Promise<void> {
  for (let number = from; number <= to; number += 1) {
    await store.submit({ type: 'set', key: `k${number}`, value: longValue(number) }, CONTEXT);
  }
}

/**
 * Everything that can be asked of a project: each key with its value, version and time, in their order, and the settings.
 *
 * @param store The project's store
 * @returns Text that differs where anything differs
 */
export async function everythingOf(store: ProjectStore): Promise<string> {
  return JSON.stringify([store.seq, store.hash, store.lastTimeMs, store.version, await contentOf(store)]);
}

/**
 * What is the same wherever a project is: each key with its value, version and time, in their order, and when it was created.
 *
 * @param store The project's store
 * @returns Text that differs where anything differs
 */
export async function contentOf(store: ProjectStore): Promise<string> {
  const keys = store.values.keys({}, store.values.count + 1);
  return JSON.stringify([store.createdAtMs, await Promise.all(keys.map(async (key) => [key, await readKey(store, key)]))]);
}

/**
 * Names in the project's folder.
 *
 * @param disk The disk
 * @returns All but the head, sorted
 */
export async function namesIn(disk: FaultDisk): Promise<string[]> {
  return [...(await disk.list(`${DATA}/${PROJECT}`))].filter((name) => name !== 'head').sort();
}

/**
 * Spoils a byte in the middle of a file.
 *
 * @param disk The disk
 * @param place The file
 */
export function spoil(disk: FaultDisk, place: string): void {
  const bytes = disk.bytesOf(place);
  bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 1, bytes.length >> 1);
  disk.put(place, bytes);
}

/**
 * Lines of a log on the disk that say a certain thing.
 *
 * @param disk The disk
 * @param op The operation
 * @returns The events, oldest first
 */
export function registryLines(disk: FaultDisk, op: string): Record<string, unknown>[] {
  const lines = disk.bytesOf(`${DATA}/_server.jsonl`).toString().trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter((line) => line['op'] === op);
}
