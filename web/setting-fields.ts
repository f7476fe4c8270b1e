/**
 * The settings of a project that the UI can change, and how it asks for them.
 */
import type { SettingsChangeJson } from '../src/client/index.js';

/** A setting, and how it is asked for. */
export interface SettingField {
  /** Its place in the settings. */
  readonly path: readonly [keyof SettingsChangeJson, ...string[]];
  readonly label: string;
  readonly hint: string;
  /** What no limit means; undefined: that there is none. */
  readonly none?: string;
  /** A limit: a number, or none. A list: the values that it can have. */
  readonly kind: 'flag' | 'number' | 'limit' | readonly string[];
  /** True if only the global API key may change it. */
  readonly isOfServer: boolean;
}

/** Settings that belong together. */
interface SettingGroup {
  readonly title: string;
  readonly fields: readonly SettingField[];
}

const QUOTA = { hint: '', kind: 'limit', isOfServer: true } as const;

/** All of them. */
export const SETTING_GROUPS: readonly SettingGroup[] = [
  {
    title: 'Storage',
    fields: [
      {
        path: ['storage', 'on_disk'], label: 'On disk', kind: 'flag', isOfServer: false,
        hint: 'Off: the data is gone when the server stops.',
      },
      {
        path: ['storage', 'cache_in_memory'], label: 'Values in memory', kind: 'flag', isOfServer: false,
        hint: 'Off: values are read from disk; memory holds only the keys.',
      },
      {
        path: ['storage', 'durability'], label: 'Durability', kind: ['fsync', 'interval', 'os'], isOfServer: true,
        hint: 'fsync: on disk before the answer. interval: synced now and then. os: when the system chooses.',
      },
      {
        path: ['storage', 'sync_interval_ms'], label: 'Time between syncs, in milliseconds', kind: 'number', isOfServer: true,
        hint: 'With the durability “interval”.',
      },
      {
        path: ['storage', 'compaction', 'interval_seconds'], label: 'Time between checks for a due snapshot, in seconds', kind: 'number',
        isOfServer: true, hint: '0: only on request and at shutdown.',
      },
      {
        path: ['storage', 'readable_snapshot'], label: 'Readable copy', kind: 'flag', isOfServer: true,
        hint: 'Keeps a JSON file of all values beside the log.',
      },
    ],
  },
  {
    title: 'How long history is kept',
    fields: [
      {
        path: ['storage', 'retention', 'max_age_seconds'], label: 'Age, in seconds', kind: 'limit', isOfServer: true,
        hint: 'Older files that a snapshot covers are removed.', none: 'never',
      },
      {
        path: ['storage', 'retention', 'max_bytes'], label: 'Size, in bytes', kind: 'limit', isOfServer: true,
        hint: 'The oldest are removed above this size.', none: 'never',
      },
      {
        path: ['storage', 'retention', 'compress'], label: 'Compression of sealed files', kind: ['none', 'gzip'], isOfServer: true,
        hint: '',
      },
    ],
  },
  {
    title: 'Quotas',
    fields: [
      { path: ['quota', 'max_keys'], label: 'Keys', ...QUOTA },
      { path: ['quota', 'max_bytes'], label: 'Bytes of keys and values', ...QUOTA },
      { path: ['quota', 'reads_per_second'], label: 'Reads per second per API key', ...QUOTA },
      { path: ['quota', 'writes_per_second'], label: 'Changes per second per API key', ...QUOTA },
    ],
  },
  {
    title: 'Access',
    fields: [
      {
        path: ['authentication', 'enabled'], label: 'Require an API key', kind: 'flag', isOfServer: false,
        hint: 'Off: everyone who reaches the server can read and change the project.',
      },
    ],
  },
];
