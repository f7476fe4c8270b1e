/**
 * Converts an entry of config.json to the effective settings, and back. Pure; knows nothing of files and logs.
 */
import { keyIdOf } from '../auth/key-hash.js';
import { isGroup } from '../base/setting.js';
import {
  BUILT_IN_AUTHENTICATION, BUILT_IN_QUOTA, BUILT_IN_STORAGE, mergeStorage, type ProjectSettings, type QuotaSettings, type StorageChange,
  type StorageSettings,
} from '../events/project-settings.js';
import type { ApiKeyEntry } from './api-key-entries.js';
import type { ConfigDocument, ProjectEntry } from './config-document.js';

/** The content of a project's entry. */
export interface EntryContent {
  readonly id: string;
  readonly settings: ProjectSettings;
  /** The seq of the newest project event; undefined for a project in memory and for a project without a log. */
  readonly revision: number | undefined;
  /** The API key in plain text; null unless it is kept. */
  readonly apiKey: string | null;
  readonly apiKeyHash: string | null;
  /** The listed keys; undefined for no list. */
  readonly apiKeys?: readonly ApiKeyEntry[] | undefined;
}

/** An entry, for the comparison with the log of its project. */
export interface EntryView {
  readonly id: string;
  readonly revision: number | undefined;
  /** With the defaults filled in. */
  readonly settings: ProjectSettings;
  /** 16 hexadecimal digits of the SHA-256 of the stored hash; null without one. */
  readonly keyId: string | null;
}

function defaultStorage(document: ConfigDocument): StorageSettings {
  const { persistent_file_path: _, ...storage } = document.default?.storage ?? {};
  return mergeStorage(BUILT_IN_STORAGE, storage);
}

function defaultQuota(document: ConfigDocument): QuotaSettings {
  return { ...BUILT_IN_QUOTA, ...document.default?.quota };
}

/**
 * The effective settings of a project: the built-in ones, overridden by `default.storage` and `default.quota`, overridden by its own.
 *
 * @param entry the project's entry; an empty one gives the settings of a new project
 */
export function effectiveSettings(
  entry: Pick<ProjectEntry, 'storage' | 'authentication' | 'quota'>, document: ConfigDocument,
): ProjectSettings {
  const { enabled, save_api_key_to_file: saved } = { ...BUILT_IN_AUTHENTICATION, ...entry.authentication };
  return {
    storage: mergeStorage(defaultStorage(document), entry.storage),
    authentication: { enabled, save_api_key_to_file: saved },
    quota: { ...defaultQuota(document), ...entry.quota },
  };
}

/** Prepares an entry for the comparison with the log of its project. */
export function viewEntry(entry: ProjectEntry, document: ConfigDocument): EntryView {
  const hash = entry.authentication?.api_key_hash ?? null;
  return {
    id: entry.id,
    revision: entry.revision,
    settings: effectiveSettings(entry, document),
    keyId: hash === null ? null : keyIdOf(hash),
  };
}

/**
 * Renders a project's entry. A setting with its default value is left out unless the previous entry names it: settings that a user
 * wrote down stay, and a later change of a default affects every project that does not override it.
 *
 * @param previous the entry to be replaced; undefined for a new project
 * @returns an entry for which {@link effectiveSettings} gives `state.settings`
 */
export function renderEntry(previous: ProjectEntry | undefined, state: EntryContent, document: ConfigDocument): ProjectEntry {
  const { settings: { storage, authentication }, apiKeys } = state;
  const quota = renderValues(previous?.quota ?? {}, state.settings.quota, defaultQuota(document));
  return {
    id: state.id,
    ...(state.revision === undefined ? {} : { revision: state.revision }),
    storage: renderStorage(previous?.storage, storage, defaultStorage(document)),
    authentication: {
      enabled: authentication.enabled,
      save_api_key_to_file: authentication.save_api_key_to_file,
      api_key: state.apiKey,
      api_key_hash: state.apiKeyHash,
      ...(apiKeys === undefined ? {} : { api_keys: apiKeys }),
    },
    ...(Object.keys(quota).length === 0 ? {} : { quota }),
  };
}

function renderStorage(previous: StorageChange | undefined, storage: StorageSettings, defaults: StorageSettings): StorageChange {
  // These two are always written, so that a user finds them in the file.
  const { on_disk, cache_in_memory } = storage;
  return { on_disk, cache_in_memory, ...renderValues(previous ?? {}, storage, defaults) };
}

type Values = Readonly<Record<string, unknown>>;

function renderValues(previous: Values, values: Values, defaults: Values): Values {
  const entries = Object.entries(values).flatMap(([name, value]) => {
    const [before, byDefault] = [previous[name], defaults[name]];
    if (!isGroup(value) || !isGroup(byDefault)) return before === undefined && value === byDefault ? [] : [[name, value] as const];
    const group = renderValues(isGroup(before) ? before : {}, value, byDefault);
    return Object.keys(group).length === 0 ? [] : [[name, group] as const];
  });
  return Object.fromEntries(entries);
}
