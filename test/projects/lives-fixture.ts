/** The lives of projects over a folder of the real disk: everything of a server but its lock and HTTP. */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { Keyring } from '../../src/auth/keyring.js';
import { AppError } from '../../src/base/app-error.js';
import { type Clock, systemClock } from '../../src/base/clock.js';
import type { Logger } from '../../src/base/logger.js';
import { createLogger } from '../../src/base/server-log.js';
import { listedKeyOf } from '../../src/config/api-key-entries.js';
import { adoptKeys } from '../../src/config/adopt-keys.js';
import type { ConfigDocument } from '../../src/config/config-document.js';
import type { ConfigDisk } from '../../src/config/config-disk.js';
import { ConfigFile } from '../../src/config/config-file.js';
import { firstConfig } from '../../src/config/first-config.js';
import { loadConfig } from '../../src/config/load-config.js';
import type { Disk } from '../../src/disk/disk.js';
import { FileHome } from '../../src/log/file/file-home.js';
import { NodeDisk } from '../../src/disk/node-disk.js';
import { LogPaths } from '../../src/log/file/log-paths.js';
import type { LogHome } from '../../src/log/log-home.js';
import { memoryHome } from '../../src/log/memory-home.js';
import { InlineTasks } from '../offline/tasks/inline-tasks.js';
import { ScratchFolder } from '../../src/projections/snapshot/scratch-folder.js';
import { SnapshotFolder } from '../../src/projections/snapshot/snapshot-folder.js';
import { backupContent } from '../../src/offline/backup/backup-content.js';
import { ValueCache } from '../../src/projections/value-cache.js';
import type { BackgroundTasks } from '../../src/projects/background-tasks.js';
import { ProjectManager } from '../../src/projects/project-manager.js';
import type { ProjectResources } from '../../src/projects/project-resources.js';
import type { CommandContext } from '../../src/store/command.js';
import { ProjectTable } from '../../src/store/project-table.js';
import { AMPLE_SPACE } from '../disk/ample-space.js';
import { readKey } from '../store/read-key.js';

/** Who asks in these tests. */
export const CONTEXT: CommandContext = { actor: 'global#0123456789abcdef', requestId: 'request-of-a-test' };

/** A line of the server log. */
export interface LoggedLine {
  readonly level: string;
  readonly msg: string;
  readonly project?: string;
  readonly [name: string]: unknown;
}

/** What a life is lived on. */
export interface LifeOptions {
  readonly disk?: Disk;
  readonly configDisk?: ConfigDisk;
  /** Puts something between the lives and the home of the logs. */
  readonly wrapHome?: (home: LogHome) => LogHome;
  /** Puts something between the lives and the work in the background. */
  readonly wrapTasks?: (tasks: BackgroundTasks) => BackgroundTasks;
  readonly clock?: Clock;
  /** @default some megabytes */
  readonly pastBytesMax?: number;
  /** Told of every key that is shown, with its scope: `global` or a project's id. */
  readonly announce?: (scope: string, key: string) => void;
  /** True: keys of projects cannot be shown. @default false */
  readonly isConsoleGone?: boolean;
}

/** Space for past states, in bytes. */
const PAST_BYTES_MAX = 10_000_000;

/** A server without HTTP. */
export interface Life {
  readonly lives: ProjectManager;
  readonly config: ConfigFile;
  readonly table: ProjectTable;
  readonly keyring: Keyring;
  readonly resources: ProjectResources;
  /** Keys that were shown, by scope. */
  readonly shown: Map<string, string>;
  readonly logged: LoggedLine[];
}

/**
 * Makes a logger that collects.
 *
 * @param lines Gets every line
 * @returns The logger
 */
export function collectingLogger(lines: LoggedLine[]): Logger {
  const write = (text: string): void => {
    for (const line of text.trimEnd().split('\n')) lines.push(JSON.parse(line) as LoggedLine);
  };
  return createLogger({ level: 'debug', destination: { write } });
}

/**
 * Starts on a folder, with a first run where it has no configuration.
 *
 * @param folder Where `config.json` and `data` are
 * @param options The disks
 * @returns What was started
 */
export async function beginLife(folder: string, options: LifeOptions = {}): Promise<Life> {
  const life = await prepareLife(folder, options);
  await life.lives.start();
  return life;
}

/**
 * Does all of a start but opening the projects.
 *
 * @param folder Where `config.json` and `data` are
 * @param options The disks
 * @returns What `lives.start()` is to be called on
 */
export async function prepareLife(folder: string, options: LifeOptions = {}): Promise<Life> {
  const shown = new Map<string, string>();
  const announce = (scope: string, key: string): boolean => {
    shown.set(scope, key);
    options.announce?.(scope, key);
    return options.isConsoleGone !== true;
  };
  const dataFolder = path.join(folder, 'data');
  await mkdir(dataFolder, { recursive: true });
  const config = await takeConfigOver(path.join(folder, 'config.json'), announce, options.configDisk);
  const logged: LoggedLine[] = [];
  const logger = collectingLogger(logged);
  const keyring = new Keyring(options.clock === undefined ? {} : { clock: options.clock });
  const global = config.document.default?.authentication;
  if (global?.api_key_hash != null) keyring.setKey({ kind: 'global' }, { hash: global.api_key_hash, plain: global.api_key ?? null });
  keyring.setListed({ kind: 'global' }, (global?.api_keys ?? []).map(listedKeyOf));
  const resources: ProjectResources = {
    ...partsOnDisk(dataFolder, logger, options),
    table: new ProjectTable(),
    config,
    keyring,
    memoryHome: memoryHome(),
    cache: new ValueCache(),
    space: { ...AMPLE_SPACE },
    limits: { queueCommandsMax: 1000, queueBytesMax: 10_000_000 },
    logger,
    announceKey: announce,
  };
  return { lives: new ProjectManager(resources), config, table: resources.table, keyring, resources, shown, logged };
}

type PartsOnDisk = Pick<
  ProjectResources, 'diskHome' | 'snapshots' | 'scratch' | 'pastBytesMax' | 'dataFolder' | 'tasks' | 'backups' | 'clock'
>;

/** What is done to the data folder, all of it on one disk and in one thread. */
function partsOnDisk(dataFolder: string, logger: Logger, options: LifeOptions): PartsOnDisk {
  const { disk = new NodeDisk(), clock = systemClock } = options;
  const home = new FileHome({ folder: dataFolder, disk, logger, clock });
  const tasks = new InlineTasks(disk);
  return {
    diskHome: options.wrapHome?.(home) ?? home,
    snapshots: snapshotFolders(disk, dataFolder),
    scratch: new ScratchFolder(disk, dataFolder),
    pastBytesMax: options.pastBytesMax ?? PAST_BYTES_MAX,
    dataFolder,
    tasks: options.wrapTasks?.(tasks) ?? tasks,
    backups: (plan) => backupContent(disk, dataFolder, plan),
    clock,
  };
}

/**
 * Makes what finds a project's snapshots, one object for each project as in the server.
 *
 * @param disk The disk
 * @param dataFolder The data folder
 * @returns The snapshots of a project, by its id
 */
export function snapshotFolders(disk: Disk, dataFolder: string): (project: string) => SnapshotFolder {
  const folders = new Map<string, SnapshotFolder>();
  return (project) => {
    const { folder, snapshot } = new LogPaths(dataFolder, project);
    const known = folders.get(project) ?? new SnapshotFolder({ disk, folder, readable: snapshot });
    folders.set(project, known);
    return known;
  };
}

async function takeConfigOver(file: string, announce: (scope: string, key: string) => void, disk?: ConfigDisk): Promise<ConfigFile> {
  const loaded = await loadConfig(file);
  if (loaded === undefined) {
    const { document, globalKey, projectKey } = firstConfig();
    const showBoth = (): void => {
      announce('global', globalKey);
      announce('first_project', projectKey);
    };
    return await ConfigFile.create(file, document, showBoth, disk);
  }
  const config = await ConfigFile.open(loaded, disk);
  const adopted = await adoptKeys(loaded.document);
  for (const { scope, key } of adopted.generated) announce(scope.kind === 'global' ? 'global' : scope.project, key);
  if (adopted.changed) await config.update(() => adopted.document);
  return config;
}

/**
 * Finds a project's entry.
 *
 * @param document The configuration
 * @param id The project's id
 * @returns The entry; fails where there is none
 */
export function entryOf(document: ConfigDocument, id: string): ConfigDocument['projects'][number] {
  return document.projects.find((entry) => entry.id === id) ?? assert.fail(`no entry of "${id}"`);
}

/**
 * Gives a key of a project a value.
 *
 * @param life Where
 * @param id The project
 * @param pair Key and value, the value as JSON text
 */
export async function setValue(life: Life, id: string, pair: readonly [key: string, value: string]): Promise<void> {
  await life.lives.store(id).submit({ type: 'set', key: pair[0], value: pair[1] }, CONTEXT);
}

/**
 * Reads every value of a project, wherever it is kept.
 *
 * @param life Where
 * @param id The project
 * @returns Values by key, as JSON text
 */
export async function valuesOf(life: Life, id: string): Promise<Record<string, string>> {
  const store = life.lives.store(id);
  const values: Record<string, string> = {};
  for (const key of store.values.keys({}, store.values.count + 1)) values[key] = (await readKey(store, key))?.value ?? 'gone meanwhile';
  return values;
}

/**
 * Says what a presented key opens.
 *
 * @param life Where
 * @param key The key
 * @returns `global`, a project's id, or null for an unknown key
 */
export async function scopeOfKey(life: Life, key: string): Promise<string | null> {
  const principal = await life.keyring.identify(key, { address: '127.0.0.1', project: null });
  if (principal === null) return null;
  return principal.kind === 'project' ? principal.project : principal.kind;
}

/**
 * Waits for a refusal.
 *
 * @param work What must be refused
 * @returns The refusal; fails when there is none, or another kind of error
 */
export async function refusalOf(work: Promise<unknown>): Promise<AppError> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof AppError, `not a refusal: ${String(error)}`);
    return error;
  }
  return assert.fail('it was not refused');
}
