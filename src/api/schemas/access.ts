/**
 * Schemas of API keys: the bodies that make and change them, and what is shown of them.
 */
import { PERMISSIONS, PROJECT_PERMISSIONS } from '../permissions.js';
import { TIME_PATTERN, TTL_SECONDS_MAX } from './keys.js';
import { API_KEY, PROJECT_ID } from './projects.js';

/** A label of 1 to 100 characters, none of which controls a terminal. */
export const ACCESS_NAME_PATTERN = '^[^\\u0000-\\u001f\\u007f-\\u009f]{1,100}$';

/** The id of an API key, as a regular expression. */
export const KEY_ID_PATTERN = '^[0-9a-f]{16}$';
/** RFC 3339. Whether there is such a day is checked where it is read. */
const RFC_3339_PATTERN = '^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})$';
/** Thirty days. */
const OVERLAP_SECONDS_MAX = 2_592_000;

/** A label of an API key. */
export const ACCESS_NAME = {
  type: 'string', pattern: ACCESS_NAME_PATTERN, description: '1 to 100 characters without control characters',
} as const;

/** The id of an API key. */
export const KEY_ID = { type: 'string', pattern: KEY_ID_PATTERN, description: '16 hexadecimal digits in lower case' } as const;

/** A moment as a client or a person writes it; null for none. */
export const GIVEN_TIME = {
  type: ['string', 'null'], pattern: RFC_3339_PATTERN, description: 'null, or a time such as 2027-01-31T00:00:00Z',
} as const;

const TIME = { type: ['string', 'null'], pattern: TIME_PATTERN } as const;

/** The schema of a list of permissions. */
function permissionsSchema(allowed: readonly string[]) {
  return {
    type: 'array', items: { enum: allowed }, minItems: 1, uniqueItems: true, description: `a list of ${allowed.join(', ')}`,
  } as const;
}

/** The permissions of a key in the list of a project. */
export const PROJECT_KEY_PERMISSIONS = permissionsSchema(PROJECT_PERMISSIONS);
/** The permissions of a key in the list of `default`. */
export const GLOBAL_KEY_PERMISSIONS = permissionsSchema(PERMISSIONS);

function newKeySchema(permissions: typeof PROJECT_KEY_PERMISSIONS) {
  return {
    type: 'object',
    properties: {
      name: { ...ACCESS_NAME, title: 'a label; several keys may have the same' },
      permissions: { ...permissions, title: 'what it may do' },
      not_before: { ...GIVEN_TIME, title: 'until then it is refused' },
      expires_at: { ...GIVEN_TIME, title: 'from then on it is refused' },
      ttl_seconds: {
        type: 'integer', minimum: 1, maximum: TTL_SECONDS_MAX, title: 'in place of expires_at: seconds from now',
        description: `a whole number of seconds from 1 to ${TTL_SECONDS_MAX}`,
      },
    },
    required: ['name', 'permissions'],
    additionalProperties: false,
  } as const;
}

/** The body that makes an API key of a project. */
export const NEW_PROJECT_KEY = newKeySchema(PROJECT_KEY_PERMISSIONS);
/** The body that makes an API key for all projects. */
export const NEW_GLOBAL_KEY = newKeySchema(GLOBAL_KEY_PERMISSIONS);

/** The body that changes an API key. */
export const API_KEY_CHANGE = {
  type: 'object',
  properties: { name: ACCESS_NAME, expires_at: GIVEN_TIME },
  additionalProperties: false,
  minProperties: 1,
  description: 'an object with "name", "expires_at" or both',
} as const;

/** The body that replaces an API key. */
export const OVERLAP = {
  type: 'object',
  properties: {
    overlap_seconds: {
      type: 'integer', minimum: 0, maximum: OVERLAP_SECONDS_MAX, default: 0, title: 'for how long the previous key goes on',
      description: `a whole number of seconds from 0 to ${OVERLAP_SECONDS_MAX}`,
    },
  },
  additionalProperties: false,
} as const;

const ENTRY = {
  id: KEY_ID,
  name: { type: 'string', title: 'its label; "primary" for the one in api_key and api_key_hash of the configuration' },
  permissions: { ...GLOBAL_KEY_PERMISSIONS, title: 'what it may do' },
  not_before: { ...TIME, title: 'until then it is refused; null: it is not' },
  expires_at: { ...TIME, title: 'from then on it is refused; null: never' },
  created_at: { ...TIME, title: 'when it was recorded; null if that is not known' },
  last_used_at: { ...TIME, title: 'when it was used last since the server has started, to the minute; null: not since then' },
  state: { enum: ['active', 'not_yet', 'expired'], title: 'whether it works now' },
} as const;

/** What is shown of an API key: never the key, never its hash. */
export const API_KEY_ENTRY = { type: 'object', properties: ENTRY, required: Object.keys(ENTRY) } as const;

/** The API keys of a scope. */
export const API_KEY_LIST = {
  type: 'object', properties: { api_keys: { type: 'array', items: API_KEY_ENTRY } }, required: ['api_keys'],
} as const;

/** The caller's own API key. */
export const OWN_API_KEY = {
  type: 'object',
  properties: {
    scope: { enum: ['global', 'project'], title: 'whether it holds for all projects or for one' },
    project: { ...PROJECT_ID, type: ['string', 'null'], title: 'that project; null for all' },
    ...ENTRY,
  },
  required: ['scope', 'project', ...Object.keys(ENTRY)],
} as const;

/** An API key that was made. */
export const CREATED_API_KEY = {
  type: 'object', properties: { ...ENTRY, api_key: API_KEY }, required: [...Object.keys(ENTRY), 'api_key'],
} as const;

const PREVIOUS = {
  type: 'object',
  properties: { id: KEY_ID, expires_at: { ...TIME, title: 'from then on it is refused' } },
  required: ['id', 'expires_at'],
} as const;

/** An API key that was made in place of another. */
export const ROTATED_API_KEY = {
  type: 'object',
  properties: { ...ENTRY, api_key: API_KEY, previous: { ...PREVIOUS, title: 'the key that it replaces' } },
  required: [...Object.keys(ENTRY), 'api_key', 'previous'],
} as const;

/** A new primary API key. */
export const NEW_API_KEY = {
  type: 'object',
  properties: {
    id: PROJECT_ID,
    api_key: API_KEY,
    other_keys: { type: 'array', items: API_KEY_ENTRY, title: 'the keys of the project that go on, with the previous one in an overlap' },
  },
  required: ['id', 'api_key', 'other_keys'],
} as const;
