/**
 * The settings of a project as events, the configuration and the API all speak of them: types, built-in values, JSON schema.
 * Knows nothing of where they are kept.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Durability } from '../base/durability.js';

/** When a project's snapshots are made. */
export interface CompactionSettings {
  /** How often it is looked whether one is due, in seconds; 0: only when asked for, and at a stop. */
  readonly interval_seconds: number;
}

/** How long a project's sealed segments are kept, and how. Nothing goes that a committed snapshot does not cover. */
export interface RetentionSettings {
  /** Segments whose last line is older than this may go, in seconds; null: none goes by age. */
  readonly max_age_seconds: number | null;
  /** The oldest segments go until all together take no more than this, in bytes; null: none goes by size. */
  readonly max_bytes: number | null;
  /** How segments that stay are stored. */
  readonly compress: 'none' | 'gzip';
}

/** How a project's data is kept. */
export interface StorageSettings {
  /** True: log on disk. False: gone when the server stops. */
  readonly on_disk: boolean;
  /** True: values in memory. False: values are read from disk. */
  readonly cache_in_memory: boolean;
  /** What an answer promises about the disk. */
  readonly durability: Durability;
  /** Longest time between two syncs under `durability: "interval"`, in milliseconds. */
  readonly sync_interval_ms: number;
  /** Size at which the active segment is sealed, in bytes. */
  readonly segment_bytes: number;
  readonly compaction: CompactionSettings;
  readonly retention: RetentionSettings;
  /** True: `<id>.json` beside the log is a copy of the newest snapshot. False: there is none. */
  readonly readable_snapshot: boolean;
}

/** A change to {@link StorageSettings}: what is not named stays, inside `compaction` and `retention` too. */
export interface StorageChange extends Partial<Omit<StorageSettings, 'compaction' | 'retention'>> {
  readonly compaction?: Partial<CompactionSettings>;
  readonly retention?: Partial<RetentionSettings>;
}

/** Who may use a project. Hashes and keys are never part of it. */
export interface AuthenticationSettings {
  /** False: everyone may. */
  readonly enabled: boolean;
  /** True: the configuration file also keeps the key in plain text. */
  readonly save_api_key_to_file: boolean;
}

/** Everything about a project that is not data. */
export interface ProjectSettings {
  readonly storage: StorageSettings;
  readonly authentication: AuthenticationSettings;
}

/** A change to {@link ProjectSettings}: what is not named stays. */
export interface ProjectSettingsChange {
  readonly storage?: StorageChange;
  readonly authentication?: Partial<AuthenticationSettings>;
}

/** What a project gets where neither it nor `default.storage` says anything. */
export const BUILT_IN_STORAGE: StorageSettings = {
  on_disk: true,
  cache_in_memory: true,
  durability: 'fsync',
  sync_interval_ms: 100,
  segment_bytes: 67_108_864,
  compaction: { interval_seconds: 300 },
  retention: { max_age_seconds: null, max_bytes: null, compress: 'none' },
  readable_snapshot: true,
};

/** What a project gets that says nothing of authentication. */
export const BUILT_IN_AUTHENTICATION: AuthenticationSettings = { enabled: true, save_api_key_to_file: false };

/** Smallest and largest size at which a segment may be sealed, in bytes. */
export const SEGMENT_BYTES_MIN = 4096;
/** Largest size at which a segment may be sealed, in bytes. */
export const SEGMENT_BYTES_MAX = 1_073_741_824;
/** Longest time between two syncs, in milliseconds. */
export const SYNC_INTERVAL_MS_MAX = 60_000;
/** Longest time between two looks whether a snapshot is due, in seconds: a day. */
export const COMPACTION_INTERVAL_SECONDS_MAX = 86_400;
/** Longest age that retention can name, in seconds: a hundred years. */
export const RETENTION_SECONDS_MAX = 3_153_600_000;

/** Settings as lines and snapshots hold them. */
export interface StoredSettings {
  readonly storage: Omit<StorageSettings, 'readable_snapshot'> & { readonly readable_snapshot?: false };
  readonly authentication: AuthenticationSettings;
}

/**
 * Leaves out what has the built-in value and came after the first versions: these read every log and snapshot in which the setting is
 * not used, and refuse one in which it is.
 *
 * @param settings the settings, whole
 * @returns what is written down; put on top of the built-in settings it gives the same again
 */
export function storedSettings({ storage, authentication }: ProjectSettings): StoredSettings {
  const { readable_snapshot: isReadable, ...others } = storage;
  return { storage: isReadable === false ? { ...others, readable_snapshot: false } : others, authentication };
}

/** JSON schema of the members of `storage`, for the configuration file and for request bodies. */
export const STORAGE_PROPERTIES = {
  on_disk: { type: 'boolean' },
  cache_in_memory: { type: 'boolean' },
  durability: { enum: ['fsync', 'interval', 'os'] },
  sync_interval_ms: {
    type: 'integer',
    minimum: 1,
    maximum: SYNC_INTERVAL_MS_MAX,
    description: `a whole number of milliseconds from 1 to ${SYNC_INTERVAL_MS_MAX}`,
  },
  segment_bytes: {
    type: 'integer',
    minimum: SEGMENT_BYTES_MIN,
    maximum: SEGMENT_BYTES_MAX,
    description: `a whole number of bytes from ${SEGMENT_BYTES_MIN} to ${SEGMENT_BYTES_MAX}`,
  },
  compaction: {
    type: 'object',
    additionalProperties: false,
    description: 'an object with interval_seconds',
    properties: {
      interval_seconds: {
        type: 'integer',
        minimum: 0,
        maximum: COMPACTION_INTERVAL_SECONDS_MAX,
        description: `a whole number of seconds from 0 to ${COMPACTION_INTERVAL_SECONDS_MAX}`,
      },
    },
  },
  retention: {
    type: 'object',
    additionalProperties: false,
    description: 'an object with max_age_seconds, max_bytes and compress',
    properties: {
      max_age_seconds: {
        type: ['integer', 'null'],
        minimum: 0,
        maximum: RETENTION_SECONDS_MAX,
        description: `null, or a whole number of seconds from 0 to ${RETENTION_SECONDS_MAX}`,
      },
      max_bytes: {
        type: ['integer', 'null'],
        minimum: 0,
        maximum: Number.MAX_SAFE_INTEGER,
        description: 'null, or a whole number of bytes',
      },
      compress: { enum: ['none', 'gzip'] },
    },
  },
  readable_snapshot: { type: 'boolean' },
} as const;

/** JSON schema of the members of `authentication` that are settings. */
export const AUTHENTICATION_PROPERTIES = {
  enabled: { type: 'boolean' },
  save_api_key_to_file: { type: 'boolean' },
} as const;

/**
 * Puts a change on top of settings.
 *
 * @returns new settings; the arguments stay as they are
 */
export function mergeSettings(settings: ProjectSettings, change: ProjectSettingsChange): ProjectSettings {
  return {
    storage: mergeStorage(settings.storage, change.storage),
    authentication: { ...settings.authentication, ...change.authentication },
  };
}

/**
 * Puts a change on top of storage settings.
 *
 * @returns new settings; the arguments stay as they are
 */
export function mergeStorage(storage: StorageSettings, change: StorageChange = {}): StorageSettings {
  return {
    ...storage,
    ...change,
    compaction: { ...storage.compaction, ...change.compaction },
    retention: { ...storage.retention, ...change.retention },
  };
}

/** In which members two settings differ. */
export interface SettingsDifference {
  /** Turns the one into the other. */
  readonly change: ProjectSettingsChange;
  /** The members, as `storage.on_disk`. */
  readonly names: readonly string[];
}

/**
 * Says in which members two settings differ.
 *
 * @param from the settings before
 * @param to the settings after
 * @returns a change that turns `from` into `to` and says no more than that, and the members' names as `storage.on_disk`, those of
 *   `compaction` and `retention` under the name of their group; no names when they are equal
 */
export function diffSettings(from: ProjectSettings, to: ProjectSettings): SettingsDifference {
  const storage = diffStorage(from.storage, to.storage);
  const authentication = diffMembers(from.authentication, to.authentication);
  const names = [
    ...Object.keys(storage).map((name) => `storage.${name}`),
    ...Object.keys(authentication).map((name) => `authentication.${name}`),
  ];
  return { change: { storage, authentication }, names };
}

/** Of a group, only the members that differ: put on top of newer settings, the others must not take back what came between. */
function diffStorage(from: StorageSettings, to: StorageSettings): StorageChange {
  const change = diffMembers(from, to);
  const { compaction, retention } = change;
  return {
    ...change,
    ...(compaction === undefined ? {} : { compaction: diffMembers(from.compaction, compaction) }),
    ...(retention === undefined ? {} : { retention: diffMembers(from.retention, retention) }),
  };
}

function diffMembers<T extends object>(from: T, to: T): Partial<T> {
  const change: Partial<T> = {};
  for (const name of Object.keys(to) as (keyof T)[]) if (!isDeepStrictEqual(from[name], to[name])) change[name] = to[name];
  return change;
}
