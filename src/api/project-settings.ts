/**
 * The settings of a project as the API takes and shows them: one row each. Events and the configuration record the same settings, so their
 * types and schemas derive from these tables too (`events/project-settings.ts`).
 *
 * A new setting is one row. Give it `omitDefault`, so that older versions read the logs of projects that do not use it. The names
 * and the order of the rows are also the order of the members in log lines.
 */
import type { Durability } from '../base/durability.js';
import { choice, flag, integer, integerOrNull } from '../base/setting.js';

/** The rule for project ids as a regular expression, for code and schemas. */
export const PROJECT_ID_PATTERN = '^[a-z0-9][a-z0-9_-]{0,62}$';

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

/** Fastest rate that a quota can state, in requests per second. */
const RATE_MAX = 1_000_000;

/** How much a project may hold, and how often each of its callers may ask. */
export const QUOTA_SETTINGS = {
  max_keys: integerOrNull({
    default: null, omitDefault: true, unit: 'keys', min: 0, max: Number.MAX_SAFE_INTEGER,
    meaning: 'number of keys above which no key is created; null: no limit',
  }),
  max_bytes: integerOrNull({
    default: null, omitDefault: true, unit: 'bytes', min: 0, max: Number.MAX_SAFE_INTEGER,
    meaning: 'size of all keys and values above which nothing grows; null: no limit',
  }),
  reads_per_second: integerOrNull({
    default: null, omitDefault: true, unit: 'requests', min: 1, max: RATE_MAX,
    meaning: 'reading requests that each API key, or address without one, may send a second; null: no limit',
  }),
  writes_per_second: integerOrNull({
    default: null, omitDefault: true, unit: 'changes', min: 1, max: RATE_MAX,
    meaning: 'changes that each of them may make a second, each operation of a batch being one; null: no limit',
  }),
};

/** Who may use a scope: a project, or the global routes. API keys and their hashes are not settings. */
export const AUTHENTICATION_SETTINGS = {
  enabled: flag({ default: true, meaning: 'false: the scope is open to everyone who reaches the server' }),
  save_api_key_to_file: flag({ default: false, meaning: "true: the file keeps the scope's API key in plain text" }),
};
