/**
 * The first step of startup: reads the configuration, or creates that of a first run, and checks everything that can be checked before
 * the server takes a lock or a port.
 */
import { lstat, stat } from 'node:fs/promises';
import path from 'node:path';
import { isErrno } from '../base/app-error.js';
import { countText } from '../base/count-text.js';
import { programCommand } from '../base/program-command.js';
import { ConfigError } from './config-error.js';
import { ConfigFile } from './config-file.js';
import { effectiveSettings } from './effective-settings.js';
import { configWithoutProjects, type FirstConfig, firstConfig, withGlobalKey } from './first-config.js';
import { readGlobalKey, type GlobalKeySource } from './global-key-file.js';
import { checkPlaces, type LoadedConfig, loadConfig } from './load-config.js';
import { attributed, inForce, type OutsideSetting } from './outside-settings.js';
import { mustRefuseToStart } from './reconcile.js';
import { resolveServerOptions, type ServerOptions } from './server-options.js';
import { readTlsFiles, type TlsFiles } from './tls-files.js';

/** Projects that a message names. */
const NAMED_MAX = 20;

/** The setting that names the data folder. */
const DATA_FOLDER_SETTING = 'default.storage.persistent_file_path';

/** What {@link readStartSource} reads. */
interface StartRequest {
  /** Path of the configuration file. */
  readonly configPath: string;
  /** True: projects without an entry get one. */
  readonly adopt: boolean;
  /** Settings that override those of the file. @default none */
  readonly outside?: readonly OutsideSetting[] | undefined;
  /** Where the global API key of a first run is; undefined: it is generated. */
  readonly globalKey?: GlobalKeySource | undefined;
  /** Finds the ids of the projects in a data folder. */
  readonly findProjects: (dataFolder: string) => Promise<readonly string[]>;
  /** Finds the ids of the live projects of a data folder; none if its registry knows any of the configured ids. */
  readonly findForeign: (dataFolder: string, configured: readonly string[]) => Promise<readonly string[]>;
  /** Whether a data folder has a registry. */
  readonly hasRegistry: (dataFolder: string) => Promise<boolean>;
  /** The present time. */
  readonly nowMs: number;
}

/** A configuration to start with. */
export interface StartSource {
  /** Absolute. */
  readonly path: string;
  /** Undefined on a first run. */
  readonly loaded: LoadedConfig | undefined;
  /** Undefined if the file exists. */
  readonly first: FirstConfig | undefined;
  readonly options: ServerOptions;
  /** Null: plain HTTP. */
  readonly tls: TlsFiles | null;
  /** Projects that get an entry if they have none. */
  readonly adopted: readonly string[];
  /** The settings that override those of the file. */
  readonly outside: readonly OutsideSetting[];
}

/**
 * Reads the configuration, or creates that of a first run. Writes nothing.
 *
 * @throws {ConfigError} for any fault of it, and when the data folder has projects but the file is missing or names none of them
 */
export async function readStartSource(request: StartRequest): Promise<StartSource> {
  const absolute = path.resolve(request.configPath);
  const { outside = [] } = request;
  try {
    const loaded = await loadConfig(absolute, outside);
    return loaded === undefined ? await firstSource(request, absolute, outside) : await foundSource(request, loaded, outside);
  } catch (error) {
    const named = attributed(error, outside);
    throw named instanceof ConfigError ? named.inFile(absolute) : named;
  }
}

async function foundSource(
  request: StartRequest, loaded: LoadedConfig, outside: readonly OutsideSetting[],
): Promise<StartSource> {
  const options = resolveServerOptions(loaded.inForce, loaded.folder);
  // Checked again under the lock. Here it detects a volume that is not mounted before anything is created.
  const hasRegistry = await request.hasRegistry(options.dataFolder);
  const refusal = mustRefuseToStart(loaded.document.projects, hasRegistry, loaded.path);
  if (refusal !== undefined) throw refusal;
  if (!request.adopt) await refuseForeignFolder(request, loaded, options.dataFolder);
  const tls = options.tls === null ? null : await readTlsFiles(options.tls, request.nowMs);
  const adopted = request.adopt ? await request.findProjects(options.dataFolder) : [];
  return { path: loaded.path, loaded, first: undefined, options, tls, adopted, outside };
}

async function firstSource(request: StartRequest, absolute: string, outside: readonly OutsideSetting[]): Promise<StartSource> {
  const folder = path.dirname(absolute);
  // A first run creates the file, not its folder: a mistyped path must not become a tree of empty folders.
  if (!(await isFolder(folder))) throw new ConfigError({ pointer: '', expected: 'a file in a folder that exists' });
  const { dataFolder } = resolveServerOptions(inForce(configWithoutProjects().document, outside), folder);
  const adopted = await request.findProjects(dataFolder);
  if (adopted.length > 0 && !request.adopt) throw missingConfig(absolute, dataFolder, adopted);
  const made = adopted.length === 0 ? firstConfig() : configWithoutProjects();
  const options = resolveServerOptions(inForce(made.document, outside), folder);
  await checkPlaces(absolute, options);
  const tls = options.tls === null ? null : await readTlsFiles(options.tls, request.nowMs);
  const first = request.globalKey === undefined ? made : await withGlobalKey(made, await readGlobalKey(request.globalKey));
  return { path: absolute, loaded: undefined, first, options, tls, adopted, outside };
}

/**
 * Opens the configuration that was read, once the data folder is locked: until then the server that held the lock may have changed it.
 *
 * @returns undefined on a first run
 * @throws {ConfigError} when the file changed since it was read
 */
export async function openFoundConfig({ path: file, loaded }: StartSource): Promise<ConfigFile | undefined> {
  if (loaded !== undefined) return await ConfigFile.open(loaded);
  if (await lstat(file).catch(() => undefined) === undefined) return undefined;
  throw new ConfigError({ pointer: '', expected: 'a file that does not change while the server starts: start it again' });
}

/**
 * A configuration without projects on disk fits any data folder: the server starts and logs the projects in the folder that it does
 * not serve.
 */
async function refuseForeignFolder(request: StartRequest, { path: file, document }: LoadedConfig, dataFolder: string): Promise<void> {
  const { projects } = document;
  if (!projects.some((entry) => effectiveSettings(entry, document).storage.on_disk)) return;
  const found = await request.findForeign(dataFolder, projects.map(({ id }) => id));
  if (found.length > 0) throw foreignFolder(file, dataFolder, found);
}

/** The server would create the projects of this configuration among those of another one, and serve none of the latter. */
function foreignFolder(file: string, dataFolder: string, projects: readonly string[]): ConfigError {
  const there = `${JSON.stringify(dataFolder)}, which holds ${countText(projects.length, 'project')} (${namesOf(projects)})`;
  const expected = `entries of projects of the data folder ${there}, and it names none of them. Name the right file with --config, or `
    + `another folder in ${DATA_FOLDER_SETTING}; or add them to this file, with a new API key for each that requires one: `
    + `"${programCommand(['serve', '--config', file, '--adopt'])}"`;
  return new ConfigError({ pointer: '/projects', expected });
}

/** A new configuration would serve none of these projects, and would have other API keys than their clients. */
function missingConfig(file: string, dataFolder: string, projects: readonly string[]): ConfigError {
  const expected = `the configuration of the projects in ${JSON.stringify(dataFolder)} (${namesOf(projects)}), but there is no such file. `
    + 'Name the right one with --config, or restore it from a backup; if it is lost, '
    + `"${programCommand(['serve', '--config', file, '--adopt'])}" writes a new one, with a new API key for each project that requires one`;
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
