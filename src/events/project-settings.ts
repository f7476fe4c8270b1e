/**
 * The settings of a project, as events, the configuration and the API use them: the types and functions that derive from the tables in
 * `api/project-settings.ts`.
 */
import { isDeepStrictEqual } from 'node:util';
import { AUTHENTICATION_SETTINGS, QUOTA_SETTINGS, STORAGE_SETTINGS } from '../api/project-settings.js';
import { type ChangeOf, defaultsOf, isGroup, isSetting, mergeValues, type SettingTable, type ValuesOf } from '../base/setting.js';

/** The storage settings of a project. */
export type StorageSettings = ValuesOf<typeof STORAGE_SETTINGS>;

/** A partial change to {@link StorageSettings}, also inside groups. */
export type StorageChange = ChangeOf<typeof STORAGE_SETTINGS>;

/** How long sealed segments are kept, and in which form. */
export type RetentionSettings = StorageSettings['retention'];

/** The authentication settings of a project. */
export type AuthenticationSettings = ValuesOf<typeof AUTHENTICATION_SETTINGS>;

/** The quotas of a project. */
export type QuotaSettings = ValuesOf<typeof QUOTA_SETTINGS>;

/** All settings of a project. */
export interface ProjectSettings {
  readonly storage: StorageSettings;
  readonly authentication: AuthenticationSettings;
  readonly quota: QuotaSettings;
}

/** A partial change to {@link ProjectSettings}. */
export interface ProjectSettingsChange {
  readonly storage?: StorageChange;
  readonly authentication?: Partial<AuthenticationSettings>;
  readonly quota?: Partial<QuotaSettings>;
}

/** The storage settings of a project if neither it nor `default.storage` names any. */
export const BUILT_IN_STORAGE: StorageSettings = defaultsOf(STORAGE_SETTINGS);

/** The authentication settings of a project that names none. */
export const BUILT_IN_AUTHENTICATION: AuthenticationSettings = defaultsOf(AUTHENTICATION_SETTINGS);

/** The quotas of a project if neither it nor `default.quota` names any: none. */
export const BUILT_IN_QUOTA: QuotaSettings = defaultsOf(QUOTA_SETTINGS);

/** All settings of a project that names none. */
export const BUILT_IN_SETTINGS: ProjectSettings = {
  storage: BUILT_IN_STORAGE, authentication: BUILT_IN_AUTHENTICATION, quota: BUILT_IN_QUOTA,
};

/** The tables of a project's settings, by group, in the order of a log line. */
const TABLES = { storage: STORAGE_SETTINGS, authentication: AUTHENTICATION_SETTINGS, quota: QUOTA_SETTINGS };

/** Settings as log lines and snapshots store them: without the rows that have `omitDefault` and their default. */
interface StoredSettings extends ProjectSettingsChange {
  readonly storage: StorageChange;
  readonly authentication: AuthenticationSettings;
}

/**
 * Returns settings in their stored form, with their members in the order of the tables. Applied to the built-in settings, it yields the
 * same settings again.
 */
export function storedSettings(settings: ProjectSettings): StoredSettings {
  return storedValues(TABLES, { ...settings }) as unknown as StoredSettings;
}

function storedValues(table: SettingTable, values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const entries = Object.entries(table).flatMap(([name, entry]) => {
    const value = values[name];
    if (value === undefined) return [];
    if (isSetting(entry)) return entry.omitDefault === true && value === entry.default ? [] : [[name, value] as const];
    const group = isGroup(value) ? storedValues(entry, value) : {};
    return Object.keys(group).length === 0 ? [] : [[name, group] as const];
  });
  return Object.fromEntries(entries);
}

/** Applies a change to settings; returns new ones. Other members of the change, such as the id of a new project, are left out. */
export function mergeSettings(settings: ProjectSettings, change: ProjectSettingsChange): ProjectSettings {
  const { storage = {}, authentication = {}, quota = {} } = change;
  return {
    storage: mergeValues(settings.storage, storage),
    authentication: mergeValues(settings.authentication, authentication),
    quota: mergeValues(settings.quota, quota),
  };
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
  const quota = diffValues(from.quota, to.quota);
  const change = { storage, authentication, quota };
  const names = Object.entries(change).flatMap(([group, values]) => Object.keys(values).map((name) => `${group}.${name}`));
  return { change, names };
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
