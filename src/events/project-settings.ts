/**
 * The settings of a project, as events, the configuration and the API use them: the table, and the types and functions that derive
 * from it.
 *
 * A new setting is one row. Give it `omitDefault`, so that older versions read the logs of projects that do not use it. The names
 * and the order of the rows are the order of the members in log lines.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Durability } from '../base/durability.js';
import {
  type ChangeOf, choice, defaultsOf, flag, integer, integerOrNull, isGroup, isSetting, mergeValues, type SettingTable, type ValuesOf,
} from '../base/setting.js';

/** Smallest size at which a segment may be sealed, in bytes. */
export const SEGMENT_BYTES_MIN = 4096;
/** Largest size at which a segment may be sealed, in bytes. */
export const SEGMENT_BYTES_MAX = 1_073_741_824;

/** How the data of a project is stored. */
export const STORAGE_SETTINGS = {
  on_disk: flag({ default: true, meaning: 'false: the data is gone when the server stops' }),
  cache_in_memory: flag({ default: true, meaning: 'false: values are read from disk, and memory holds only the keys' }),
  durability: choice<Durability>({
    default: 'fsync',
    allowed: ['fsync', 'interval', 'os'],
    meaning: '"fsync": on disk before the answer; "interval": synced every sync_interval_ms; "os": synced when the system chooses',
  }),
  sync_interval_ms: integer({
    default: 100, unit: 'milliseconds', min: 1, max: 60_000, meaning: 'longest time between two syncs with durability "interval"',
  }),
  segment_bytes: integer({
    default: 67_108_864, unit: 'bytes', min: SEGMENT_BYTES_MIN, max: SEGMENT_BYTES_MAX,
    meaning: 'size at which the active file of a log is sealed and a new one starts',
  }),
  compaction: {
    interval_seconds: integer({
      default: 300, unit: 'seconds', min: 0, max: 86_400,
      meaning: 'interval between checks for a due snapshot; 0: only on request and at shutdown',
    }),
  },
  // Only segments that a committed snapshot covers are ever removed.
  retention: {
    max_age_seconds: integerOrNull({
      default: null, unit: 'seconds', min: 0, max: 3_153_600_000,
      meaning: 'age at which sealed log files that a snapshot covers are removed; null: no limit by age',
    }),
    max_bytes: integerOrNull({
      default: null, unit: 'bytes', min: 0, max: Number.MAX_SAFE_INTEGER,
      meaning: 'total size above which the oldest of them are removed; null: no limit by size',
    }),
    compress: choice({
      default: 'none', allowed: ['none', 'gzip'], meaning: '"gzip": sealed log files are kept compressed; "none": as they were written',
    }),
  },
  readable_snapshot: flag({
    default: true, omitDefault: true,
    meaning: 'keep <id>.json beside the log, a copy of the newest snapshot; false saves its disk space',
  }),
};

/** Who may use a scope: a project, or the global routes. API keys and their hashes are not settings. */
export const AUTHENTICATION_SETTINGS = {
  enabled: flag({ default: true, meaning: 'false: the scope is open to everyone who reaches the server' }),
  save_api_key_to_file: flag({ default: false, meaning: "true: the file keeps the scope's API key in plain text" }),
};

/** The storage settings of a project. */
export type StorageSettings = ValuesOf<typeof STORAGE_SETTINGS>;

/** A partial change to {@link StorageSettings}, also inside groups. */
export type StorageChange = ChangeOf<typeof STORAGE_SETTINGS>;

/** How long sealed segments are kept, and in which form. */
export type RetentionSettings = StorageSettings['retention'];

/** The authentication settings of a project. */
export type AuthenticationSettings = ValuesOf<typeof AUTHENTICATION_SETTINGS>;

/** All settings of a project. */
export interface ProjectSettings {
  readonly storage: StorageSettings;
  readonly authentication: AuthenticationSettings;
}

/** A partial change to {@link ProjectSettings}. */
export interface ProjectSettingsChange {
  readonly storage?: StorageChange;
  readonly authentication?: Partial<AuthenticationSettings>;
}

/** The storage settings of a project if neither it nor `default.storage` names any. */
export const BUILT_IN_STORAGE: StorageSettings = defaultsOf(STORAGE_SETTINGS);

/** The authentication settings of a project that names none. */
export const BUILT_IN_AUTHENTICATION: AuthenticationSettings = defaultsOf(AUTHENTICATION_SETTINGS);

/** Settings as log lines and snapshots store them: without the rows that have `omitDefault` and their default. */
interface StoredSettings {
  readonly storage: StorageChange;
  readonly authentication: AuthenticationSettings;
}

/** Returns settings in their stored form. Applied to the built-in settings, it yields the same settings again. */
export function storedSettings({ storage, authentication }: ProjectSettings): StoredSettings {
  return { storage: storedValues(STORAGE_SETTINGS, storage), authentication };
}

function storedValues(table: SettingTable, values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const entries = Object.entries(values).flatMap(([name, value]) => {
    const entry = table[name];
    if (entry === undefined) return [];
    if (isSetting(entry)) return entry.omitDefault === true && value === entry.default ? [] : [[name, value] as const];
    const group = isGroup(value) ? storedValues(entry, value) : {};
    return Object.keys(group).length === 0 ? [] : [[name, group] as const];
  });
  return Object.fromEntries(entries);
}

/** Applies a change to settings; returns new ones. Other members of the change, such as the id of a new project, are left out. */
export function mergeSettings(settings: ProjectSettings, { storage = {}, authentication = {} }: ProjectSettingsChange): ProjectSettings {
  return { storage: mergeValues(settings.storage, storage), authentication: mergeValues(settings.authentication, authentication) };
}

/** Applies a change to storage settings; returns new ones. */
export function mergeStorage(storage: StorageSettings, change: StorageChange = {}): StorageSettings {
  return mergeValues(storage, change);
}

/** How two settings differ. */
interface SettingsDifference {
  /** Turns the one into the other. */
  readonly change: ProjectSettingsChange;
  /** What differs, as `storage.on_disk`; a difference inside of a group has the name of the group. */
  readonly names: readonly string[];
}

/**
 * Compares two settings.
 *
 * @returns the smallest change that turns `from` into `to`, and its names; no names if they are equal
 */
export function diffSettings(from: ProjectSettings, to: ProjectSettings): SettingsDifference {
  const storage = diffValues(from.storage, to.storage);
  const authentication = diffValues(from.authentication, to.authentication);
  const names = [
    ...Object.keys(storage).map((name) => `storage.${name}`),
    ...Object.keys(authentication).map((name) => `authentication.${name}`),
  ];
  return { change: { storage, authentication }, names };
}

/** Only the members of a group that differ: applied to newer settings, the others would undo later changes. */
function diffValues(from: Readonly<Record<string, unknown>>, to: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const change: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(to)) {
    const before = from[name];
    if (isDeepStrictEqual(before, value)) continue;
    change[name] = isGroup(before) && isGroup(value) ? diffValues(before, value) : value;
  }
  return change;
}
