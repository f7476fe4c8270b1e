/**
 * Finds what a command works on: the data folder that a configuration names or that is named itself, and in it the named project.
 */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { isErrno } from '../base/app-error.js';
import { programCommand } from '../base/program-command.js';
import { ConfigError } from '../config/config-error.js';
import { loadConfig, type LoadedConfig } from '../config/load-config.js';
import { resolveServerOptions } from '../config/server-options.js';
import type { Disk } from '../disk/disk.js';
import { NodeDisk } from '../disk/node-disk.js';
import { faultOfBackup, openBackup, type OpenedBackup } from '../offline/backup/read-backup.js';
import { findKnownProjects, type KnownProjects } from '../offline/folder-projects.js';
import { REGISTRY } from '../offline/registry.js';
import { findOlderLogs } from '../offline/replay/older-logs.js';
import { isProjectName } from '../offline/verify/verify-folder.js';
import { MissingDataError, UsageError } from './exit-codes.js';
import { configPathOf, outsideOf } from './outside-options.js';
import { withProgress } from './progress.js';
import type { FolderOptions } from './run-command.js';

/** Project names that a message lists. */
const NAMES_SHOWN_MAX = 20;

/** A data folder, or a backup. */
export interface FoundData {
  /** Absolute; of a backup, its file. */
  readonly dataFolder: string;
  /** Has the data under {@link FoundData.dataFolder}. */
  readonly disk: Disk;
  /** Set if the data is in a backup, which is complete and unchanged. */
  readonly backup: OpenedBackup | undefined;
  /** Undefined if the folder was named itself. */
  readonly config: LoadedConfig | undefined;
}

/** What each command does with a project, in messages. */
const VERBS = {
  verify: 'verify', replay: 'replay', repair: 'repair', log: 'read', receipt: 'search', get: 'read', list: 'list', bisect: 'search',
  diff: 'compare', backup: 'back up', export: 'export',
} as const;

/** The command and the project it was given. */
interface Target {
  readonly command: keyof typeof VERBS;
  /** The project's id, or `_server`; undefined: all of them. */
  readonly project: string | undefined;
  /** The words of the command, without options. @default the command and the project */
  readonly words?: readonly string[];
}

/**
 * Finds the data folder and makes sure that it holds the project.
 *
 * @throws {ConfigError} when the configuration cannot be used
 * @throws {UsageError} when the options contradict each other, or the folder has no such project
 * @throws {MissingDataError} when the folder does not exist or holds no data
 */
export async function findData(target: Target, options: FolderOptions, signal: AbortSignal): Promise<FoundData> {
  const { command, project } = target;
  const verb = VERBS[command];
  if (project !== undefined && !isProjectName(project)) {
    throw new UsageError(`Cannot ${verb} "${project}": not a project id (lower-case letters, digits, "_" and "-")`);
  }
  const found = await findFolder(options, new NodeDisk(), signal);
  const { dataFolder, config, disk, backup } = found;
  if (backup !== undefined && command === 'repair') throw new UsageError(`Cannot repair "${dataFolder}": it is a backup`);
  const known = await findKnownProjects(disk, dataFolder, signal);
  if (!known.hasRegistry && known.ids.length === 0) {
    throw new MissingDataError(
      `Cannot find data in "${dataFolder}": it contains neither _server.jsonl nor the log of a project. ` +
        'Is it the folder that persistent_file_path names, and is its volume mounted?',
    );
  }
  if (project === undefined || project === REGISTRY || known.ids.includes(project)) return found;
  const entry = config?.document.projects.find(({ id }) => id === project);
  const isInMemory = entry !== undefined && (entry.storage?.on_disk ?? config?.document.default?.storage?.on_disk) === false;
  const reason = reasonMissing(project, known, dataFolder);
  const words = target.words ?? [command, project];
  const older = await findOlderLogs(disk, dataFolder, project);
  const commands = older.map((log) => programCommand([...words, '--data', log.dataFolder]));
  const elsewhere = commands.length === 0 ? '' : `; its older files can be read with: ${commands.join('; ')}`;
  const inMemory = isInMemory ? ' The configuration keeps it in memory, so it has no files.' : '';
  throw new UsageError(`Cannot ${verb} "${project}": ${reason}${elsewhere}.${inMemory} Known projects: ${namesOf(known.ids)}`);
}

async function findFolder(options: FolderOptions, disk: Disk, signal: AbortSignal): Promise<FoundData> {
  if (options.config !== undefined && options.data !== undefined) throw new UsageError('Use either --config or --data, not both');
  if (options.data !== undefined) {
    const dataFolder = path.resolve(options.data);
    if (await isFolder(dataFolder)) return { dataFolder, disk, backup: undefined, config: undefined };
    const backup = await withProgress(path.basename(dataFolder), (onProgress) => openBackup(disk, dataFolder, { signal, onProgress }))
      .catch((error: unknown) => {
        // Nothing of it looks like a backup.
        const fault = faultOfBackup(error);
        if (fault?.offset !== 0) throw error;
        const message = `Cannot use "${dataFolder}" as a data folder: it is a file, and no backup, but ${fault.found}`;
        throw new MissingDataError(message, { cause: error });
      });
    return { ...backup, backup, config: undefined };
  }
  const file = configPathOf(options);
  const config = await loadConfig(file, outsideOf());
  if (config === undefined) {
    const expected = 'there is no such file. Name another one with --config, or the data folder itself with --data';
    throw new ConfigError({ pointer: '', expected, kind: 'stated' }, { file: path.resolve(file) });
  }
  const { dataFolder } = resolveServerOptions(config.inForce, config.folder);
  if (!(await isFolder(dataFolder))) throw new MissingDataError(`Cannot use "${dataFolder}" as a data folder: it is a file`);
  return { dataFolder, disk, backup: undefined, config };
}

async function isFolder(folder: string): Promise<boolean> {
  try {
    return (await stat(folder)).isDirectory();
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'ENOTDIR')) throw error;
    const message = `Cannot find the data folder "${folder}": there is no such folder. Is the volume mounted?`;
    throw new MissingDataError(message, { cause: error });
  }
}

function reasonMissing(project: string, { registrations }: KnownProjects, dataFolder: string): string {
  const state = registrations.get(project)?.state;
  if (state === 'deleted') return 'the registry says that it was deleted';
  if (state === 'left') return 'the registry says that it was moved to memory';
  return `no such project is in "${dataFolder}"`;
}

function namesOf(ids: readonly string[]): string {
  const more = ids.length > NAMES_SHOWN_MAX ? [`${ids.length - NAMES_SHOWN_MAX} more`] : [];
  return [...ids.slice(0, NAMES_SHOWN_MAX), ...more, REGISTRY].join(', ');
}
