/**
 * Settings that the command line and the environment give: the path of the configuration, and what overrides its content.
 */
import { ConfigError } from '../config/config-error.js';
import type { GlobalKeySource } from '../config/global-key-file.js';
import {
  CONFIG_VARIABLE, environmentSettings, GLOBAL_KEY_FILE_VARIABLE, outsideSettings, type OutsideSetting, readSetting,
} from '../config/outside-settings.js';
import { UsageError } from './exit-codes.js';

/** Path of the configuration if nothing names one. */
export const DEFAULT_CONFIG_PATH = 'config.json';

/** The options that override settings of the file. */
export interface OverridingOptions {
  readonly port?: string;
  readonly host?: string;
  readonly data?: string;
}

/** The setting that each option overrides. */
const OVERRIDDEN: Readonly<Record<keyof OverridingOptions, string>> = {
  port: 'server_port', host: 'server_host', data: 'default.storage.persistent_file_path',
};

/**
 * Returns the path of the configuration: the option, the environment, or else `config.json`.
 *
 * @throws {ConfigError} if the variable is empty
 */
export function configPathOf({ config }: { readonly config?: string | undefined }): string {
  return config ?? fileIn(CONFIG_VARIABLE) ?? DEFAULT_CONFIG_PATH;
}

/**
 * Returns where the global API key of a first run is; undefined: it is to be generated.
 *
 * @throws {ConfigError} if the variable is empty
 */
export function globalKeyOf({ globalKeyFile }: { readonly globalKeyFile?: string }): GlobalKeySource | undefined {
  if (globalKeyFile !== undefined) return { file: globalKeyFile, source: '--global-key-file' };
  const file = fileIn(GLOBAL_KEY_FILE_VARIABLE);
  return file === undefined ? undefined : { file, source: GLOBAL_KEY_FILE_VARIABLE };
}

/**
 * Returns the settings that override those of the file, the command line before the environment.
 *
 * @throws {UsageError} if an option does not fit its setting
 * @throws {ConfigError} if a variable does not, or is unknown
 */
export function outsideOf(options: OverridingOptions = {}): readonly OutsideSetting[] {
  const commandLine = Object.entries(OVERRIDDEN).flatMap(([name, path]) => {
    const text = options[name as keyof OverridingOptions];
    return text === undefined ? [] : [optionSetting(path, text, `--${name}`)];
  });
  return outsideSettings(commandLine, environmentSettings(process.env));
}

function optionSetting(path: string, text: string, source: string): OutsideSetting {
  try {
    return { ...readSetting(path, text, source), origin: 'command line' };
  } catch (error) {
    throw error instanceof ConfigError ? new UsageError(error.message, { cause: error }) : error;
  }
}

function fileIn(variable: string): string | undefined {
  const file = process.env[variable];
  if (file !== '') return file;
  throw new ConfigError({ pointer: '', found: 'empty', expected: 'the path of a file; unset it if there is none' }, { source: variable });
}
