/**
 * From an entry of config.json to the settings that hold, and back. Pure; knows nothing of files and logs.
 */
import { keyIdOf } from '../auth/key-hash.js';
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
  const { compaction: compactionDefaults, retention: retentionDefaults, ...otherDefaults } = defaults;
  const compaction = renderMembers(previous?.compaction, storage.compaction, compactionDefaults);
  const retention = renderMembers(previous?.retention, storage.retention, retentionDefaults);
  return {
    // These two are always written, so that a person sees them where they look for them.
    on_disk: storage.on_disk,
    cache_in_memory: storage.cache_in_memory,
    ...renderMembers<typeof otherDefaults>(previous, storage, otherDefaults),
    ...(Object.keys(compaction).length === 0 ? {} : { compaction }),
    ...(Object.keys(retention).length === 0 ? {} : { retention }),
  };
}

function renderMembers<T extends object>(previous: Partial<T> | undefined, members: T, defaults: T): Partial<T> {
  const isWritten = (name: keyof T): boolean => previous?.[name] !== undefined || members[name] !== defaults[name];
  const names = (Object.keys(defaults) as (keyof T)[]).filter(isWritten);
  return Object.fromEntries(names.map((name) => [name, members[name]])) as Partial<T>;
}
