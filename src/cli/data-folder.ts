/**
 * Which data folder a command works on: the one that a configuration names, or one that is named itself.
 */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { isErrno } from '../base/app-error.js';
import { ConfigError } from '../config/config-error.js';
import { loadConfig, type LoadedConfig } from '../config/load-config.js';
import { resolveServerOptions } from '../config/server-options.js';

/** Where the configuration is looked for when nothing is said. */
export const DEFAULT_CONFIG_PATH = 'config.json';

/** What the command line says of it. */
export interface FolderOptions {
  readonly config?: string;
  readonly data?: string;
}

/** A data folder. */
export interface FoundFolder {
  /** Absolute. */
  readonly dataFolder: string;
  /** Undefined where the folder was named itself. */
  readonly config: LoadedConfig | undefined;
}

/** The command line asks for what does not go together, or for what is not there. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** There is no data where the command should look. */
export class MissingDataError extends Error {
  override readonly name = 'MissingDataError';
}

/**
 * Finds the data folder.
 *
 * @throws {ConfigError} when the configuration cannot be used
 * @throws {UsageError} when both are named
 * @throws {MissingDataError} when there is no such folder
 */
export async function findDataFolder(options: FolderOptions): Promise<FoundFolder> {
  if (options.config !== undefined && options.data !== undefined) throw new UsageError('Cannot take both --config and --data');
  if (options.data !== undefined) return { dataFolder: await existing(path.resolve(options.data)), config: undefined };
  const file = options.config ?? DEFAULT_CONFIG_PATH;
  const config = await loadConfig(file);
  if (config === undefined) {
    const expected = 'there is no such file. Name another one with --config, or the data folder itself with --data';
    throw new ConfigError({ pointer: '', expected, kind: 'stated' }, { file: path.resolve(file) });
  }
  return { dataFolder: await existing(resolveServerOptions(config.document, config.folder).dataFolder), config };
}

async function existing(folder: string): Promise<string> {
  let isFolder = false;
  try {
    isFolder = (await stat(folder)).isDirectory();
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'ENOTDIR')) throw error;
    const message = `Cannot find the data folder "${folder}": there is no such folder. Is the volume mounted?`;
    throw new MissingDataError(message, { cause: error });
  }
  if (isFolder) return folder;
  throw new MissingDataError(`Cannot use "${folder}" as a data folder: it is a file`);
}
