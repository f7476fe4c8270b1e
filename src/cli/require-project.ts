/**
 * Makes sure that there is something to work on: a data folder with data in it, and in it the project that was named.
 */
import type { Disk } from '../disk/disk.js';
import { findKnownProjects, type KnownProjects } from '../offline/folder-projects.js';
import { findOlderLogs } from '../offline/replay/older-logs.js';
import { REGISTRY } from '../offline/registry.js';
import { isProjectName } from '../offline/verify/verify-folder.js';
import { type FoundFolder, MissingDataError, UsageError } from './data-folder.js';
import { programCommand } from '../base/program-command.js';

/** Names that a message lists; where there are more, it says so. */
const NAMES_SHOWN_MAX = 20;

/** What is about to be done. */
export interface Intent {
  /** The command, such as `replay`. */
  readonly command: 'verify' | 'replay' | 'repair';
  readonly disk: Disk;
  readonly signal: AbortSignal;
}

/**
 * Refuses a name that cannot be a project's, before anything is looked at.
 *
 * @throws {UsageError} when no project can have that id
 */
export function requireProjectName(project: string, command: Intent['command']): void {
  if (isProjectName(project)) return;
  throw new UsageError(`Cannot ${command} "${project}": that is no project's id (lower-case letters, digits, "_" and "-")`);
}

/**
 * Refuses a folder that holds no data, and a project that is not in it.
 *
 * @param project the project's id, or `_server`; undefined: all of them
 * @throws {MissingDataError} when the folder is no data folder, or an empty one
 * @throws {UsageError} when the project is not in it
 */
export async function requireProject(project: string | undefined, { dataFolder, config }: FoundFolder, intent: Intent): Promise<void> {
  const known = await findKnownProjects(intent.disk, dataFolder, intent.signal);
  if (!known.hasRegistry && known.ids.length === 0) {
    throw new MissingDataError(
      `Cannot find data in "${dataFolder}": neither _server.jsonl nor the log of a project is there. ` +
        'Is it the folder that persistent_file_path names, and is its volume mounted?',
    );
  }
  if (project === undefined || project === REGISTRY || known.ids.includes(project)) return;
  const entry = config?.document.projects.find(({ id }) => id === project);
  const isInMemory = entry !== undefined && (entry.storage?.on_disk ?? config?.document.default?.storage?.on_disk) === false;
  const why = await whyMissing(project, known, { dataFolder, intent });
  const kept = isInMemory ? ' The configuration keeps it in memory, so it has no files.' : '';
  throw new UsageError(`Cannot ${intent.command} "${project}": ${why}.${kept} There are: ${namesOf(known.ids)}`);
}

async function whyMissing(
  project: string, { registrations }: KnownProjects, { dataFolder, intent }: { readonly dataFolder: string; readonly intent: Intent },
): Promise<string> {
  const state = registrations.get(project)?.state;
  const older = await findOlderLogs(intent.disk, dataFolder, project);
  const commands = older.map((log) => programCommand([intent.command, project, '--data', log.dataFolder]));
  const elsewhere = commands.length === 0 ? '' : `; older files of it can be read with: ${commands.join('; ')}`;
  if (state === 'deleted') return `the registry says that it was deleted${elsewhere}`;
  if (state === 'left') return `the registry says that it left the disk${elsewhere}`;
  return `no such project is in "${dataFolder}"${elsewhere}`;
}

function namesOf(ids: readonly string[]): string {
  const names = [...ids.slice(0, NAMES_SHOWN_MAX), ...(ids.length > NAMES_SHOWN_MAX ? [`${ids.length - NAMES_SHOWN_MAX} more`] : [])];
  return [...names, REGISTRY].join(', ');
}
