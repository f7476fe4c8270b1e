/**
 * The content of config.json: its type, and its JSON schema, which says which members there are and what each may be. What several
 * members must be to each other is checked in `check-config.ts`. Names are those of the file.
 */
import { API_KEY_CHARACTERS_MAX } from '../auth/api-key.js';
import { type ChangeOf, type JsonSchema, schemaOf } from '../base/setting.js';
import { AUTHENTICATION_SETTINGS, PROJECT_ID_PATTERN, QUOTA_SETTINGS, STORAGE_SETTINGS } from '../api/project-settings.js';
import type { AuthenticationSettings, QuotaSettings, StorageChange } from '../events/project-settings.js';
import { type ApiKeyEntry, apiKeysSchema } from './api-key-entries.js';
import { CHECKPOINT_SETTINGS, DEFAULT_STORAGE_SETTINGS, SERVER_SETTINGS, TLS_SETTINGS } from './settings-table.js';

/** The version of the file that this program reads and writes. */
export const CONFIG_VERSION = 1;

/** Shortest API key that a person may choose, in characters. */
export const TYPED_KEY_CHARACTERS_MIN = 8;

/** Who may use a scope, and its API keys. */
export interface AuthenticationEntry extends AuthenticationSettings {
  /** The key in plain text: typed by a person, or kept because `save_api_key_to_file` is on. */
  readonly api_key: string | null;
  /** `sha256:…` or `scrypt:…`. */
  readonly api_key_hash: string | null;
  /** Other keys beside that one; absent for none. */
  readonly api_keys?: readonly ApiKeyEntry[];
}

/** One project. */
export interface ProjectEntry {
  readonly id: string;
  /** The seq of the project event that this entry reflects; absent for a project in memory and for a new one. */
  readonly revision?: number;
  readonly storage?: StorageChange;
  readonly authentication?: Partial<AuthenticationEntry>;
  readonly quota?: Partial<QuotaSettings>;
}

/** The whole file. */
export interface ConfigDocument extends ChangeOf<typeof SERVER_SETTINGS> {
  readonly version: typeof CONFIG_VERSION;
  readonly tls?: { readonly key_file: string; readonly cert_file: string } | null;
  readonly default?: {
    /** The storage settings of projects that do not name them, and the data folder, relative to the folder of the file. */
    readonly storage?: ChangeOf<typeof DEFAULT_STORAGE_SETTINGS>;
    /** The seq of the newest event in the registry about the listed API keys; absent if there was none. */
    readonly revision?: number;
    /** Guards the global routes. */
    readonly authentication?: Partial<AuthenticationEntry>;
    /** The quotas of projects that do not name them. */
    readonly quota?: Partial<QuotaSettings>;
    /** Null says the same as leaving it out. */
    readonly checkpoints?: ChangeOf<typeof CHECKPOINT_SETTINGS> | null;
  };
  readonly projects: readonly ProjectEntry[];
}

const KEY_SCHEMAS = {
  api_key: {
    type: ['string', 'null'],
    minLength: TYPED_KEY_CHARACTERS_MIN,
    maxLength: API_KEY_CHARACTERS_MAX,
    // An API key travels in a header, which carries nothing else unchanged.
    pattern: '^[!-~]*$',
    description: `null, or ${TYPED_KEY_CHARACTERS_MIN} to ${API_KEY_CHARACTERS_MAX} visible ASCII characters without blanks`,
  },
  api_key_hash: { type: ['string', 'null'], description: 'null, or a hash that this server has written' },
};

const REVISION_SCHEMA = {
  type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: 'the number that this server has written',
};

function authenticationSchema(scope: 'global' | 'project'): JsonSchema {
  return {
    ...schemaOf(AUTHENTICATION_SETTINGS),
    description: 'an object with enabled, save_api_key_to_file, api_key, api_key_hash and api_keys',
    properties: { ...schemaOf(AUTHENTICATION_SETTINGS).properties, ...KEY_SCHEMAS, api_keys: apiKeysSchema(scope, KEY_SCHEMAS) },
  };
}

const PROJECT_SCHEMA = {
  type: 'object',
  additionalProperties: false,
  required: ['id'],
  description: 'an object with id, storage, authentication and quota',
  properties: {
    id: { type: 'string', pattern: PROJECT_ID_PATTERN, description: '1 to 63 of a-z, 0-9, "_" and "-", the first a letter or digit' },
    revision: REVISION_SCHEMA,
    storage: schemaOf(STORAGE_SETTINGS),
    authentication: authenticationSchema('project'),
    quota: schemaOf(QUOTA_SETTINGS),
  },
};

/** JSON schema (draft 7) of the whole file. */
export const CONFIG_SCHEMA = {
  type: 'object',
  additionalProperties: false,
  required: ['version', 'projects'],
  description: 'an object with version, server_port, default and projects',
  properties: {
    version: { const: CONFIG_VERSION },
    ...schemaOf(SERVER_SETTINGS).properties,
    tls: {
      ...schemaOf(TLS_SETTINGS),
      type: ['object', 'null'],
      required: Object.keys(TLS_SETTINGS),
      description: 'null, or an object with key_file and cert_file',
    },
    default: {
      type: 'object',
      additionalProperties: false,
      description: 'an object with storage, authentication, quota and checkpoints',
      properties: {
        revision: REVISION_SCHEMA,
        storage: schemaOf(DEFAULT_STORAGE_SETTINGS),
        authentication: authenticationSchema('global'),
        quota: schemaOf(QUOTA_SETTINGS),
        checkpoints: {
          ...schemaOf(CHECKPOINT_SETTINGS), type: ['object', 'null'], description: 'null, or an object with file and interval_seconds',
        },
      },
    },
    projects: { type: 'array', items: PROJECT_SCHEMA, description: 'a list of projects' },
  },
};
