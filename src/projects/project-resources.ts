/**
 * What the management of projects is made of, handed from the composition root to those who need it.
 */
import type { Keyring } from '../auth/keyring.js';
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { ConfigFile } from '../config/config-file.js';
import type { ProjectSettings } from '../events/project-settings.js';
import type { LogHome } from '../log/log.js';
import type { SnapshotFolder } from '../projections/snapshot/snapshot-folder.js';
import type { ProjectRegistry } from '../store/project-registry.js';
import type { ValueCache } from '../projections/value-cache.js';
import type { StoreLimits } from '../store/project-store.js';
import type { DiskSpaceForGrowth } from '../store/disk-space-for-growth.js';
import type { BackgroundTasks } from './background-tasks.js';
import type { OpenProjectOptions } from './open-project.js';
import type { RoomReport } from './readiness.js';

/** How long a stop may take for the snapshots that are due, where nothing else is said, in milliseconds. */
export const SNAPSHOTS_AT_STOP_MS = 2500;

/** Everything that a project's life touches. */
export interface ProjectResources {
  readonly registry: ProjectRegistry;
  readonly config: ConfigFile;
  readonly keyring: Keyring;
  /** Where the logs of projects with `on_disk: true` and the registry are kept. */
  readonly diskHome: LogHome;
  /** Where the logs of projects with `on_disk: false` are kept. */
  readonly memoryHome: LogHome;
  /** The snapshots of a project, in the folder of its log. */
  readonly snapshots: (project: string) => SnapshotFolder;
  /** Where the files are, absolute. */
  readonly dataFolder: string;
  readonly tasks: BackgroundTasks;
  /** Values that were read from disk, of all projects. */
  readonly cache: ValueCache;
  /** Whether the disk has room for more. */
  readonly room: DiskSpaceForGrowth & RoomReport;
  readonly limits: StoreLimits;
  /** How long a stop may take for the snapshots that are due, in milliseconds. @default {@link SNAPSHOTS_AT_STOP_MS} */
  readonly snapshotsAtStopMs?: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Shows a person a key that was made for a project, once; gives false when it was not shown. */
  readonly announceKey: (project: string, key: string) => boolean;
}

/**
 * The home that a project's log belongs to.
 *
 * @param resources both homes
 */
export function homeOf(resources: Pick<ProjectResources, 'diskHome' | 'memoryHome'>, settings: ProjectSettings): LogHome {
  return settings.storage.on_disk ? resources.diskHome : resources.memoryHome;
}

/**
 * What opening or creating a project takes.
 *
 * @returns options for {@link OpenProjectOptions}
 */
export function openOptionsOf(resources: ProjectResources, id: string, settings: ProjectSettings): OpenProjectOptions {
  const { limits, cache, room, logger } = resources;
  return { home: homeOf(resources, settings), settings, limits, cache, room, logger, snapshots: resources.snapshots(id) };
}
