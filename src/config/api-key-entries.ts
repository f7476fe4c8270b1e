/**
 * The listed API keys of a scope in config.json: the type of an entry, its schema, and its form in the keyring. Names are those of the
 * file.
 */
import type { Permission } from '../api/permissions.js';
import { ACCESS_NAME, GIVEN_TIME, GLOBAL_KEY_PERMISSIONS, KEY_ID, PROJECT_KEY_PERMISSIONS } from '../api/schemas/access.js';
import { keyIdOf } from '../auth/key-hash.js';
import type { KeyOfList } from '../auth/keyring.js';
import { invariant } from '../base/invariant.js';
import { isoTime } from '../base/iso-time.js';
import { parseRfc3339 } from '../base/rfc3339.js';
import type { JsonSchema } from '../base/setting.js';

/** An API key in the list of a scope. */
export interface ApiKeyEntry {
  readonly name: string;
  readonly permissions: readonly Permission[];
  /** Null or absent: it works from the beginning. */
  readonly not_before?: string | null;
  /** Null or absent: it does not expire. */
  readonly expires_at?: string | null;
  /** The key in plain text, typed by a person; the next start replaces it by its hash. */
  readonly api_key?: string | null;
  /** `sha256:…` or `scrypt:…`. */
  readonly api_key_hash?: string | null;
  /** The id of the key that has replaced it. */
  readonly replaced_by?: string;
}

/** Most keys of a list that have not expired. */
export const LIVE_KEYS_MAX = 100;

/** Most entries in a list, expired ones included. */
export const LISTED_KEYS_MAX = 1000;

/**
 * Returns the schema of the list of a scope.
 *
 * @param keySchemas the members `api_key` and `api_key_hash`, which the primary key has as well
 */
export function apiKeysSchema(scope: 'global' | 'project', keySchemas: Readonly<Record<string, JsonSchema>>): JsonSchema {
  return {
    type: 'array',
    maxItems: LISTED_KEYS_MAX,
    description: `a list of up to ${LISTED_KEYS_MAX} API keys`,
    items: {
      type: 'object',
      additionalProperties: false,
      required: ['name', 'permissions'],
      description: 'an object with name, permissions, not_before, expires_at, api_key and api_key_hash',
      properties: {
        name: ACCESS_NAME,
        permissions: scope === 'global' ? GLOBAL_KEY_PERMISSIONS : PROJECT_KEY_PERMISSIONS,
        not_before: GIVEN_TIME,
        expires_at: GIVEN_TIME,
        ...keySchemas,
        replaced_by: { ...KEY_ID, description: 'the id that this server has written' },
      },
    },
  };
}

/**
 * Returns the id of an entry's key.
 *
 * @throws {InvariantError} if its key has not been hashed yet
 */
export function entryIdOf({ api_key_hash: hash = null }: ApiKeyEntry): string {
  invariant(hash !== null, 'a start hashes every typed key');
  return keyIdOf(hash);
}

/** Returns the form of an entry in the keyring. */
export function listedKeyOf(entry: ApiKeyEntry): KeyOfList {
  const { api_key_hash: hash = null, permissions, not_before: notBefore = null, expires_at: expiresAt = null, replaced_by: next } = entry;
  invariant(hash !== null, 'a start hashes every typed key');
  const notBeforeMs = notBefore === null ? undefined : parseRfc3339(notBefore);
  const expiresAtMs = expiresAt === null ? undefined : parseRfc3339(expiresAt);
  const isReplaced = next !== undefined;
  const window = { notBeforeMs: notBeforeMs ?? -Infinity, expiresAtMs: expiresAtMs ?? Infinity, isReplaced };
  const isUnlimited = notBeforeMs === undefined && expiresAtMs === undefined;
  return { hash, permissions, window: isUnlimited ? null : window };
}

/** Returns a time of an entry as logs have it. */
export function recordedTime(text: string | null | undefined): string | null {
  const timeMs = text === null || text === undefined ? undefined : parseRfc3339(text);
  return timeMs === undefined ? null : isoTime(timeMs);
}
