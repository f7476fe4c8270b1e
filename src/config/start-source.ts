/**
 * What a start begins from: the configuration as it was found, or as a first run makes it, with everything in it that can be
 * checked before the server takes a lock, a port or a folder.
 */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { isErrno } from '../base/app-error.js';
import { countText } from '../base/count-text.js';
import { programCommand } from '../base/program-command.js';
import { ConfigError } from './config-error.js';
import { effectiveSettings } from './effective-settings.js';
import { configWithoutProjects, type FirstConfig, firstConfig } from './first-config.js';
import { type LoadedConfig, loadConfig } from './load-config.js';
import { mustRefuseToStart } from './reconcile.js';
import { resolveServerOptions, type ServerOptions } from './server-options.js';
import { readTlsFiles, type TlsFiles } from './tls-files.js';

/** Most projects that a message names. */
const NAMED_MAX = 20;

/** The setting that names the data folder. */
const DATA_FOLDER_SETTING = 'default.storage.persistent_file_path';

/** How a start is asked for. */
export interface StartRequest {
  /** Path of the configuration file. */
  readonly configPath: string;
  /** True: projects without an entry get one. */
  readonly adopt: boolean;
  /** Gives the ids of the projects that lie in a data folder. */
  readonly findProjects: (dataFolder: string) => Promise<readonly string[]>;
  /** Gives the ids of the live projects of a data folder, where none of the configured ids is known to its registry. */
  readonly findForeign: (dataFolder: string, configured: readonly string[]) => Promise<readonly string[]>;
  /** Tells whether a data folder has a registry. */
  readonly hasRegistry: (dataFolder: string) => Promise<boolean>;
  /** The present time. */
  readonly nowMs: number;
}

/** What a start begins from. */
export interface StartSource {
  /** Absolute. */
  readonly path: string;
  /** Undefined on a first run. */
  readonly loaded: LoadedConfig | undefined;
  /** Undefined where a configuration was found. */
  readonly first: FirstConfig | undefined;
  readonly options: ServerOptions;
  /** Null: plain HTTP. */
  readonly tls: TlsFiles | null;
  /** Projects that are to get an entry where they have none. */
  readonly adopted: readonly string[];
}

/**
 * Reads the configuration, or makes the one of a first run. Writes nothing.
 *
 * @param request which file, and what may be done
 * @throws {ConfigError} for whatever is wrong with it, and when the data folder holds projects and it is missing or names none of them
 */
export async function readStartSource(request: StartRequest): Promise<StartSource> {
  const absolute = path.resolve(request.configPath);
  try {
    const loaded = await loadConfig(absolute);
    return loaded === undefined ? await firstSource(request, absolute) : await foundSource(request, loaded);
  } catch (error) {
    throw error instanceof ConfigError ? error.inFile(absolute) : error;
  }
}

async function foundSource(request: StartRequest, loaded: LoadedConfig): Promise<StartSource> {
  const options = resolveServerOptions(loaded.document, loaded.folder);
  // Asked again once the lock is held; asked here, a folder that is not mounted is found before anything is made.
  const isPresent = await request.hasRegistry(options.dataFolder);
  const refusal = mustRefuseToStart(loaded.document.projects, { isPresent, configPath: loaded.path });
  if (refusal !== undefined) throw refusal;
  if (!request.adopt) await refuseForeignFolder(request, loaded, options.dataFolder);
  const tls = options.tls === null ? null : await readTlsFiles(options.tls, request.nowMs);
  const adopted = request.adopt ? await request.findProjects(options.dataFolder) : [];
  return { path: loaded.path, loaded, first: undefined, options, tls, adopted };
}

async function firstSource(request: StartRequest, absolute: string): Promise<StartSource> {
  const folder = path.dirname(absolute);
  // A first run makes the file, not the folder: a mistyped path must not become a tree of empty folders.
  if (!(await isFolder(folder))) throw new ConfigError({ pointer: '', expected: 'a file in a folder that exists' });
  const { dataFolder } = resolveServerOptions(configWithoutProjects().document, folder);
  const adopted = await request.findProjects(dataFolder);
  if (adopted.length > 0 && !request.adopt) throw missingConfig(absolute, dataFolder, adopted);
  const first = adopted.length === 0 ? firstConfig() : configWithoutProjects();
  return { path: absolute, loaded: undefined, first, options: resolveServerOptions(first.document, folder), tls: null, adopted };
}

/**
 * Makes sure that the file is still the one that was read. Until the lock was ours, the server that had it before may have written
 * its last change, which must not be passed over.
 *
 * @throws {ConfigError} when it is another
 */
export async function refuseChangedConfig({ path: file, loaded }: StartSource): Promise<void> {
  if ((await loadConfig(file))?.text === loaded?.text) return;
  throw new ConfigError({ pointer: '', expected: 'a file that is not changed while the server starts: start it again' });
}

/**
 * Projects in memory say nothing of the data folder, and neither does a configuration without projects: such a one starts, and what
 * lies on the disk is named.
 */
async function refuseForeignFolder(request: StartRequest, { path: file, document }: LoadedConfig, dataFolder: string): Promise<void> {
  const { projects } = document;
  if (!projects.some((entry) => effectiveSettings(entry, document).storage.on_disk)) return;
  const found = await request.findForeign(dataFolder, projects.map(({ id }) => id));
  if (found.length > 0) throw foreignFolder(file, dataFolder, found);
}

/** A start would make the projects of this configuration among those of another one, and serve none of the latter. */
function foreignFolder(file: string, dataFolder: string, projects: readonly string[]): ConfigError {
  const there = `${JSON.stringify(dataFolder)}, which holds ${countText(projects.length, 'project')} (${namesOf(projects)})`;
  const expected = `entries of projects of the data folder ${there}, and it names none of them. Name the right file with --config, or `
    + `another folder in ${DATA_FOLDER_SETTING}; or give them entries in this file, with new API keys: `
    + `"${programCommand(['serve', '--config', file, '--adopt'])}"`;
  return new ConfigError({ pointer: '/projects', expected });
}

/** A new configuration would have other keys than those that its clients hold, and would serve none of these projects. */
function missingConfig(file: string, dataFolder: string, projects: readonly string[]): ConfigError {
  const expected = `the configuration of the projects in ${JSON.stringify(dataFolder)} (${namesOf(projects)}), but there is no such file. `
    + 'Name the right one with --config, or put it back from a copy; where it is lost, '
    + `"${programCommand(['serve', '--config', file, '--adopt'])}" writes a new one, with new keys for all of them`;
  return new ConfigError({ pointer: '', expected });
}

function namesOf(projects: readonly string[]): string {
  const more = projects.length > NAMED_MAX ? ` and ${projects.length - NAMED_MAX} more` : '';
  return `${projects.slice(0, NAMED_MAX).join(', ')}${more}`;
}

async function isFolder(folder: string): Promise<boolean> {
  try {
    return (await stat(folder)).isDirectory();
  } catch (error) {
    if (isErrno(error)) return false;
    throw error;
  }
}
