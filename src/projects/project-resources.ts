/**
 * The dependencies of project management, assembled by the composition root.
 */
import type { Keyring } from '../auth/keyring.js';
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { ConfigFile } from '../config/config-file.js';
import type { ProjectSettings } from '../events/project-settings.js';
import type { LogHome } from '../log/log-home.js';
import type { ScratchFolder } from '../projections/snapshot/scratch-folder.js';
import type { SnapshotFolder } from '../projections/snapshot/snapshot-folder.js';
import type { WindowLimits } from '../projections/requests/request-window.js';
import type { ValueCache } from '../projections/value-cache.js';
import type { DiskSpaceForGrowth } from '../store/disk-space-for-growth.js';
import type { StoreLimits } from '../store/project-store.js';
import type { ProjectTable } from '../store/project-table.js';
import type { TurnObserver } from '../store/turn-observer.js';
import type { BackupMaker } from './backup.js';
import type { BackgroundTasks } from './background-tasks.js';
import type { MaintenanceObserver } from './maintenance-observer.js';
import type { OpenProjectOptions } from './open-project.js';
import type { ProjectMaintenance } from './project-maintenance.js';
import type { SpaceReport } from './readiness.js';
import type { Registry } from './registry.js';

/** Default time for the due snapshots at shutdown, in milliseconds. */
export const SNAPSHOTS_AT_STOP_MS = 2500;

/** What projects use before startup. */
export interface ProjectResources {
  readonly table: ProjectTable;
  readonly config: ConfigFile;
  readonly keyring: Keyring;
  /** Keeps the logs of projects with `on_disk: true`, and the registry. */
  readonly diskHome: LogHome;
  /** Keeps the logs of projects with `on_disk: false`. */
  readonly memoryHome: LogHome;
  /** The snapshots of a project, in the folder of its log. */
  readonly snapshots: (project: string) => SnapshotFolder;
  /** Where past states are kept. */
  readonly scratch: ScratchFolder;
  /** Space for past states, in bytes. */
  readonly pastBytesMax: number;
  /** Absolute path of the data folder. */
  readonly dataFolder: string;
  readonly tasks: BackgroundTasks;
  /** Makes the bytes of backups. */
  readonly backups: BackupMaker;
  /** Values read from disk, of all projects. */
  readonly cache: ValueCache;
  /** Decides whether the disk has space for growth. */
  readonly space: DiskSpaceForGrowth & SpaceReport;
  readonly limits: StoreLimits;
  /** How much is remembered of requests. @default that of the contract */
  readonly requests?: WindowLimits;
  /** Time for the due snapshots at shutdown, in milliseconds. @default {@link SNAPSHOTS_AT_STOP_MS} */
  readonly snapshotsAtStopMs?: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Measures the work. @default nothing does */
  readonly observer?: TurnObserver & MaintenanceObserver;
  /** Shows the key of a new project, once; returns false if it was not shown. */
  readonly announceKey: (project: string, key: string) => boolean;
}

/** What projects use once startup has opened the registry. */
export interface ProjectServices extends ProjectResources {
  readonly registry: Registry;
  readonly maintenance: ProjectMaintenance;
}

/** The options for opening or creating a project with given settings. */
export function openOptionsOf(resources: ProjectResources, id: string, settings: ProjectSettings): OpenProjectOptions {
  const { limits, requests, cache, space, logger, observer, diskHome, memoryHome } = resources;
  const home = settings.storage.on_disk ? diskHome : memoryHome;
  return { home, settings, limits, requests, cache, space, logger, observer, snapshots: resources.snapshots(id) };
}
