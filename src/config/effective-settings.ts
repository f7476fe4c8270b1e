/**
 * From an entry of config.json to the settings that hold, and back. Pure; knows nothing of files and logs.
 */
import { keyIdOf } from '../auth/key-hash.js';
import { isGroup } from '../base/setting.js';
import {
  BUILT_IN_AUTHENTICATION, BUILT_IN_STORAGE, mergeStorage, type ProjectSettings, type StorageChange,
  type StorageSettings,
} from '../events/project-settings.js';
import type { ConfigDocument, ProjectEntry } from './config-document.js';

/** Everything about a project that its entry says. */
export interface ProjectState {
  readonly id: string;
  readonly settings: ProjectSettings;
  /** The seq of the newest project event; undefined for a project in memory and for one whose log does not exist yet. */
  readonly revision: number | undefined;
  /** The key in plain text; null unless it is kept. */
  readonly apiKey: string | null;
  readonly apiKeyHash: string | null;
}

/** An entry as the comparison with its log needs it. */
export interface EntryView {
  readonly id: string;
  readonly revision: number | undefined;
  /** What holds, defaults filled in. */
  readonly settings: ProjectSettings;
  /** 16 hexadecimal digits of SHA-256 of the stored hash, null where there is none. */
  readonly keyId: string | null;
}

function defaultStorage(document: ConfigDocument): StorageSettings {
  const { persistent_file_path: _, ...storage } = document.default?.storage ?? {};
  return mergeStorage(BUILT_IN_STORAGE, storage);
}

/**
 * Says which settings hold for a project: the built-in ones, on top of them `default.storage`, on top of them its own.
 *
 * @param entry the project's entry; one with nothing but an id gives what a new project gets
 * @returns the settings, whole
 */
export function effectiveSettings(entry: Pick<ProjectEntry, 'storage' | 'authentication'>, document: ConfigDocument): ProjectSettings {
  const { enabled, save_api_key_to_file: saved } = { ...BUILT_IN_AUTHENTICATION, ...entry.authentication };
  return {
    storage: mergeStorage(defaultStorage(document), entry.storage),
    authentication: { enabled, save_api_key_to_file: saved },
  };
}

/**
 * Prepares an entry for the comparison with its log.
 *
 * @returns what the entry says, defaults filled in
 */
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
 * Writes a project's entry. What the defaults give is left out, unless the entry named it before: a person who wrote a
 * setting down finds it again, and one who changes a default later reaches every project that did not say otherwise.
 *
 * @param previous the entry that is replaced, undefined for a new project
 * @returns an entry for which {@link effectiveSettings} gives `state.settings`
 */
export function renderEntry(previous: ProjectEntry | undefined, state: ProjectState, document: ConfigDocument): ProjectEntry {
  const { storage, authentication } = state.settings;
  return {
    id: state.id,
    ...(state.revision === undefined ? {} : { revision: state.revision }),
    storage: renderStorage(previous?.storage, storage, defaultStorage(document)),
    authentication: {
      enabled: authentication.enabled,
      save_api_key_to_file: authentication.save_api_key_to_file,
      api_key: state.apiKey,
      api_key_hash: state.apiKeyHash,
    },
  };
}

function renderStorage(previous: StorageChange | undefined, storage: StorageSettings, defaults: StorageSettings): StorageChange {
  // These two are always written, so that a person sees them in the file.
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
