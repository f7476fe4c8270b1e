/**
 * The content of config.json: its type, and its JSON schema, which says which members there are and what each may be. What several
 * members must be to each other is checked in `check-config.ts`. Names are those of the file.
 */
import { API_KEY_CHARACTERS_MAX } from '../auth/api-key.js';
import { type ChangeOf, schemaOf } from '../base/setting.js';
import { AUTHENTICATION_SETTINGS, PROJECT_ID_PATTERN, STORAGE_SETTINGS } from '../api/project-settings.js';
import type { AuthenticationSettings, StorageChange } from '../events/project-settings.js';
import { CHECKPOINT_SETTINGS, DEFAULT_STORAGE_SETTINGS, SERVER_SETTINGS, TLS_SETTINGS } from './settings-table.js';

/** The version of the file that this program reads and writes. */
export const CONFIG_VERSION = 1;

/** Shortest API key that a person may choose, in characters. */
const TYPED_KEY_CHARACTERS_MIN = 8;

/** Who may use a scope, and its API key. */
export interface AuthenticationEntry extends AuthenticationSettings {
  /** The key in plain text: typed by a person, or kept because `save_api_key_to_file` is on. */
  readonly api_key: string | null;
  /** `sha256:…` or `scrypt:…`. */
  readonly api_key_hash: string | null;
}

/** One project. */
export interface ProjectEntry {
  readonly id: string;
  /** The seq of the project event that this entry reflects; absent for a project in memory and for a new one. */
  readonly revision?: number;
  readonly storage?: StorageChange;
  readonly authentication?: Partial<AuthenticationEntry>;
}

/** The whole file. */
export interface ConfigDocument extends ChangeOf<typeof SERVER_SETTINGS> {
  readonly version: typeof CONFIG_VERSION;
  readonly tls?: { readonly key_file: string; readonly cert_file: string } | null;
  readonly default?: {
    /** The storage settings of projects that do not name them, and the data folder, relative to the folder of the file. */
    readonly storage?: ChangeOf<typeof DEFAULT_STORAGE_SETTINGS>;
    /** Guards the global routes. */
    readonly authentication?: Partial<AuthenticationEntry>;
    /** Null says the same as leaving it out. */
    readonly checkpoints?: ChangeOf<typeof CHECKPOINT_SETTINGS> | null;
  };
  readonly projects: readonly ProjectEntry[];
}

const AUTHENTICATION_SCHEMA = {
  ...schemaOf(AUTHENTICATION_SETTINGS),
  description: 'an object with enabled, save_api_key_to_file, api_key and api_key_hash',
  properties: {
    ...schemaOf(AUTHENTICATION_SETTINGS).properties,
    api_key: {
      type: ['string', 'null'],
      minLength: TYPED_KEY_CHARACTERS_MIN,
      maxLength: API_KEY_CHARACTERS_MAX,
      // An API key travels in a header, which carries nothing else unchanged.
      pattern: '^[!-~]*$',
      description: `null, or ${TYPED_KEY_CHARACTERS_MIN} to ${API_KEY_CHARACTERS_MAX} visible ASCII characters without blanks`,
    },
    api_key_hash: { type: ['string', 'null'], description: 'null, or a hash that this server has written' },
  },
};

const PROJECT_SCHEMA = {
  type: 'object',
  additionalProperties: false,
  required: ['id'],
  description: 'an object with id, storage and authentication',
  properties: {
    id: { type: 'string', pattern: PROJECT_ID_PATTERN, description: '1 to 63 of a-z, 0-9, "_" and "-", the first a letter or digit' },
    revision: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: 'the number that this server has written' },
    storage: schemaOf(STORAGE_SETTINGS),
    authentication: AUTHENTICATION_SCHEMA,
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
      description: 'an object with storage, authentication and checkpoints',
      properties: {
        storage: schemaOf(DEFAULT_STORAGE_SETTINGS),
        authentication: AUTHENTICATION_SCHEMA,
        checkpoints: {
          ...schemaOf(CHECKPOINT_SETTINGS), type: ['object', 'null'], description: 'null, or an object with file and interval_seconds',
        },
      },
    },
    projects: { type: 'array', items: PROJECT_SCHEMA, description: 'a list of projects' },
  },
};
