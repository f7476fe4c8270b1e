/**
 * Schemas of projects: the bodies that create and change them, and what is shown of them.
 */
import { isSetting, type JsonSchema, type SettingTable } from '../../base/setting.js';
import { AUTHENTICATION_SETTINGS, PROJECT_ID_PATTERN, QUOTA_SETTINGS, STORAGE_SETTINGS } from '../project-settings.js';
import { SEQ, TIME_PATTERN } from './keys.js';

/** Longest body with settings, in bytes. */
export const SETTINGS_BODY_BYTES_MAX = 65_536;

/** Every state of a project. */
const SERVING_STATES = ['serving', 'read_only', 'log_failed', 'corrupt', 'missing', 'outdated', 'newer_format'] as const;

const TIME = { type: ['string', 'null'], pattern: TIME_PATTERN } as const;

/** An API key that was generated. */
export const API_KEY = { type: 'string', title: 'API key; it is shown only here' } as const;

/** The id of a project. */
export const PROJECT_ID = {
  type: 'string', pattern: PROJECT_ID_PATTERN, description: '1 to 63 of a-z, 0-9, "_" and "-", beginning with a letter or digit',
} as const;

/** Some settings of a table. A group without members is a mistake of the client. */
function changeSchema(table: SettingTable): JsonSchema {
  return {
    type: 'object', properties: properties(table, changeSchema), additionalProperties: false, minProperties: 1,
    description: 'an object with at least one setting',
  };
}

/** All settings of a table. */
function valuesSchema(table: SettingTable): JsonSchema {
  return { type: 'object', properties: properties(table, valuesSchema), required: Object.keys(table) };
}

function properties(table: SettingTable, groupSchema: (group: SettingTable) => JsonSchema): Readonly<Record<string, JsonSchema>> {
  return Object.fromEntries(Object.entries(table).map(([name, entry]) => (
    [name, isSetting(entry) ? { ...entry.schema, title: entry.meaning, default: entry.default } : groupSchema(entry)] as const
  )));
}

/** Some storage settings. */
export const STORAGE_CHANGE = changeSchema(STORAGE_SETTINGS);
/** Some authentication settings. */
export const AUTHENTICATION_CHANGE = changeSchema(AUTHENTICATION_SETTINGS);
/** Some quotas. */
export const QUOTA_CHANGE = changeSchema(QUOTA_SETTINGS);
/** All storage settings. */
export const STORAGE_VALUES = valuesSchema(STORAGE_SETTINGS);
/** All authentication settings. */
export const AUTHENTICATION_VALUES = valuesSchema(AUTHENTICATION_SETTINGS);
/** All quotas. */
export const QUOTA_VALUES = valuesSchema(QUOTA_SETTINGS);

/** The body that creates a project. */
export const NEW_PROJECT = {
  type: 'object',
  properties: { id: PROJECT_ID, storage: STORAGE_CHANGE, authentication: AUTHENTICATION_CHANGE, quota: QUOTA_CHANGE },
  required: ['id'],
  additionalProperties: false,
} as const;

/** The body that changes a project. */
export const SETTINGS_CHANGE = {
  type: 'object',
  properties: { storage: STORAGE_CHANGE, authentication: AUTHENTICATION_CHANGE, quota: QUOTA_CHANGE },
  additionalProperties: false,
  minProperties: 1,
  description: 'an object with at least one of "storage", "authentication" and "quota"',
} as const;

/** The body of a request that has nothing to say. */
export const EMPTY_OBJECT = { type: 'object', additionalProperties: false } as const;

const DETAILS = {
  id: PROJECT_ID,
  storage: STORAGE_VALUES,
  authentication: AUTHENTICATION_VALUES,
  quota: QUOTA_VALUES,
  created_at: { ...TIME, title: 'null for a project that cannot be read' },
  updated_at: { ...TIME, title: 'time of the last change of settings or API key; null for a project that cannot be read' },
  seq: { ...SEQ, title: 'number of the last change in the log of the project' },
  key_count: { type: 'integer', minimum: 0, title: 'number of keys' },
  value_bytes: { type: 'integer', minimum: 0, title: 'size of all values, in bytes' },
  log_id: { type: ['string', 'null'], pattern: '^[0-9a-f]{32}$', title: 'names the log; null for a project that cannot be read' },
  state: { enum: SERVING_STATES, title: 'what the project can do now' },
} as const;

/** What is shown of a project. */
export const PROJECT_DETAILS = { type: 'object', properties: DETAILS, required: Object.keys(DETAILS) } as const;

/** All projects. */
export const PROJECT_LIST = {
  type: 'object', properties: { projects: { type: 'array', items: PROJECT_DETAILS } }, required: ['projects'],
} as const;

/** A project that was created. */
export const CREATED_PROJECT = {
  type: 'object',
  properties: { ...DETAILS, api_key: { type: ['string', 'null'], title: 'API key, shown only here; null if authentication is off' } },
  required: [...Object.keys(DETAILS), 'api_key'],
} as const;

/** A project that was changed. */
export const CHANGED_PROJECT = {
  type: 'object',
  properties: {
    ...DETAILS, api_key: { ...API_KEY, title: 'API key, shown only here; present if authentication was switched on and there was none' },
  },
  required: Object.keys(DETAILS),
} as const;

/** A snapshot that was made. */
export const COMPACTION = {
  type: 'object',
  properties: {
    seq: { ...SEQ, title: 'number of the last change in the snapshot' },
    key_count: { type: 'integer', minimum: 0, title: 'number of keys in it' },
    bytes: { type: 'integer', minimum: 0, title: 'its size' },
    duration_ms: { type: 'integer', minimum: 0, title: 'how long it took' },
  },
  required: ['seq', 'key_count', 'bytes', 'duration_ms'],
} as const;

/** The state of a project. */
export const PROJECT_STATE = DETAILS.state;
