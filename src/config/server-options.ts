/**
 * What the server is started with: the settings of config.json, with the defaults filled in.
 */
import path from 'node:path';
import { defaultsOf, mergeValues, type ValuesOf } from '../base/setting.js';
import { type AuthenticationSettings, BUILT_IN_AUTHENTICATION } from '../events/project-settings.js';
import type { ConfigDocument } from './config-document.js';
import { CHECKPOINT_SETTINGS, DEFAULT_STORAGE_SETTINGS, KEEP_ALIVE_BEHIND_PROXY_SECONDS, SERVER_SETTINGS } from './settings-table.js';
import type { TlsPaths } from './tls-files.js';

/** The values of the settings of the server, named as in the file. */
type ServerSettings = ValuesOf<typeof SERVER_SETTINGS>;

/** The file of checkpoints. */
interface CheckpointOptions {
  /** Absolute. */
  readonly file: string;
  readonly interval_seconds: number;
}

/** The settings of the server, with every path absolute. */
export interface ServerOptions extends ServerSettings {
  /** The folder of all logs. */
  readonly dataFolder: string;
  /** Null: plain HTTP. */
  readonly tls: TlsPaths | null;
  /** Null: none are written. */
  readonly checkpoints: CheckpointOptions | null;
  /** Of the global routes. */
  readonly authentication: AuthenticationSettings;
}

const DEFAULTS: ServerSettings = defaultsOf(SERVER_SETTINGS);

/** Fills in what a document leaves out. */
export function serverSettingsOf(document: ConfigDocument): ServerSettings {
  const { version: _version, tls: _tls, default: _default, projects: _projects, ...given } = document;
  const settings = mergeValues(DEFAULTS, given);
  if (settings.trusted_proxies.length === 0 || given.timeouts?.keep_alive_seconds !== undefined) return settings;
  return { ...settings, timeouts: { ...settings.timeouts, keep_alive_seconds: KEEP_ALIVE_BEHIND_PROXY_SECONDS } };
}

/**
 * Fills in what a document leaves out, and makes paths absolute.
 *
 * @param folder absolute path of the folder that relative paths start from: the folder of the file
 */
export function resolveServerOptions(document: ConfigDocument, folder: string): ServerOptions {
  const { tls = null } = document;
  const dataPath = document.default?.storage?.persistent_file_path ?? DEFAULT_STORAGE_SETTINGS.persistent_file_path.default;
  return {
    ...serverSettingsOf(document),
    dataFolder: path.resolve(folder, dataPath),
    tls: tls === null ? null : { keyFile: path.resolve(folder, tls.key_file), certFile: path.resolve(folder, tls.cert_file) },
    checkpoints: checkpointsOf(document, folder),
    authentication: authenticationOf(document),
  };
}

function authenticationOf(document: ConfigDocument): AuthenticationSettings {
  const { enabled, save_api_key_to_file } = { ...BUILT_IN_AUTHENTICATION, ...document.default?.authentication };
  return { enabled, save_api_key_to_file };
}

function checkpointsOf(document: ConfigDocument, folder: string): CheckpointOptions | null {
  const { file, interval_seconds } = mergeValues(defaultsOf(CHECKPOINT_SETTINGS), document.default?.checkpoints ?? {});
  return file === null ? null : { file: path.resolve(folder, file), interval_seconds };
}
