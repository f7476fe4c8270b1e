/** A server without HTTP, lock and threads whose every byte, the configuration's too, is on one disk that fails on purpose. */
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { Keyring } from '../../../src/auth/keyring.js';
import { systemClock } from '../../../src/base/clock.js';
import { adoptKeys } from '../../../src/config/adopt-keys.js';
import { checkConfig } from '../../../src/config/check-config.js';
import type { ConfigDocument } from '../../../src/config/config-document.js';
import { ConfigFile, formatConfig } from '../../../src/config/config-file.js';
import { FileHome } from '../../../src/log/file/file-home.js';
import { memoryHome } from '../../../src/log/memory-home.js';
import { InlineTasks } from '../../offline/tasks/inline-tasks.js';
import { backupContent } from '../../../src/offline/backup/backup-content.js';
import { ScratchFolder } from '../../../src/projections/snapshot/scratch-folder.js';
import { ValueCache } from '../../../src/projections/value-cache.js';
import { ProjectManager } from '../../../src/projects/project-manager.js';
import type { ProjectResources } from '../../../src/projects/project-resources.js';
import type { ProjectStore } from '../../../src/store/project-store.js';
import { ProjectTable } from '../../../src/store/project-table.js';
import { AMPLE_SPACE } from '../../disk/ample-space.js';
import { FaultDisk } from '../../disk/fault-disk.js';
import { collectingLogger, type LoggedLine, snapshotFolders } from '../../projects/lives-fixture.js';
import { configDiskOn } from './disk-config.js';

/** Where the logs are. */
export const DATA = '/srv/data';

/** The configuration asks the real system which file a path means, so the path has to be that of a file that is there. */
const CONFIG = fileURLToPath(import.meta.url);

/** As on the real disk: two syncs at a time, and other work meanwhile. */
const SYNCS = { inFlightMax: 2, rounds: 2 } as const;

/** How often a log that found the disk full looks for room, in milliseconds. */
export const PROBE_MS = 2;

const SNAPSHOTS_AT_STOP_MS = 600_000;

/** A server that runs. */
export interface FaultedLife {
  readonly lives: ProjectManager;
  readonly resources: ProjectResources;
  readonly logged: readonly LoggedLine[];
  /** A project that is served, undefined for any other. */
  served(id: string): ProjectStore | undefined;
}

/**
 * A disk with a configuration and nothing else.
 *
 * @param document what the configuration says
 * @returns the disk; all of it is synced
 */
export function diskWithConfig(document: ConfigDocument): FaultDisk {
  const disk = new FaultDisk();
  disk.slowSyncs(SYNCS);
  disk.tree.makeFolder(DATA);
  disk.tree.makeFolder(path.posix.dirname(CONFIG));
  disk.put(CONFIG, formatConfig(document));
  return disk;
}

/**
 * Puts another configuration in the place of the one that is there, as a person does.
 *
 * @param disk the disk, not in use
 * @param change gives the new one
 */
export function editConfig(disk: FaultDisk, change: (document: ConfigDocument) => ConfigDocument): void {
  disk.put(CONFIG, formatConfig(change(checkConfig(JSON.parse(disk.bytesOf(CONFIG).toString('utf8'))))));
}

/**
 * Starts.
 *
 * @param disk with a configuration on it
 * @returns what runs
 */
export async function startLife(disk: FaultDisk): Promise<FaultedLife> {
  const text = disk.bytesOf(CONFIG).toString('utf8');
  const loaded = { path: CONFIG, document: checkConfig(JSON.parse(text)), text };
  const config = await ConfigFile.open(loaded, configDiskOn(disk));
  const adopted = await adoptKeys(loaded.document);
  if (adopted.changed) await config.update(() => adopted.document);
  const logged: LoggedLine[] = [];
  const logger = collectingLogger(logged);
  const table = new ProjectTable();
  const resources: ProjectResources = {
    diskHome: new FileHome({ folder: DATA, disk, logger, clock: systemClock, probeIntervalMs: PROBE_MS }),
    memoryHome: memoryHome(),
    snapshots: snapshotFolders(disk, DATA),
    scratch: new ScratchFolder(disk, DATA),
    pastBytesMax: 10_000_000,
    dataFolder: DATA,
    tasks: new InlineTasks(disk),
    backups: (plan) => backupContent(disk, DATA, plan),
    table,
    config,
    keyring: new Keyring(),
    cache: new ValueCache(),
    space: { ...AMPLE_SPACE },
    limits: { queueCommandsMax: 1000, queueBytesMax: 10_000_000 },
    clock: systemClock,
    logger,
    announceKey: () => true,
    // A busy machine must not change what a stop leaves.
    snapshotsAtStopMs: SNAPSHOTS_AT_STOP_MS,
  };
  const lives = new ProjectManager(resources);
  try {
    await lives.start();
  } catch (error) {
    await lives.close().catch(() => undefined);
    throw error;
  }
  const served = (id: string): ProjectStore | undefined => {
    const project = table.get(id);
    return project?.kind === 'served' ? project.store : undefined;
  };
  return { lives, resources, logged, served };
}
