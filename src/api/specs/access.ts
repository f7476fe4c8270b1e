/**
 * The routes of API keys: those of a project, and those of `default`, which hold for all projects.
 */
import { API_KEYS_PATH, PROJECT_API_KEYS_PATH } from '../paths.js';
import type { RouteSpec } from '../route-spec.js';
import {
  API_KEY_CHANGE, API_KEY_ENTRY, API_KEY_LIST, CREATED_API_KEY, NEW_GLOBAL_KEY, NEW_PROJECT_KEY, OVERLAP, OWN_API_KEY, ROTATED_API_KEY,
} from '../schemas/access.js';
import { SETTINGS_BODY_BYTES_MAX } from '../schemas/projects.js';

const ENTRY = {
  id: '3f2a9c0d11e8b7a6', name: 'dashboard', permissions: ['read'], not_before: null, expires_at: '2027-01-31T00:00:00.000Z',
  created_at: '2026-11-22T10:00:00.123Z', last_used_at: '2026-11-22T10:05:00.000Z', state: 'active',
} as const;
const UNUSED = { ...ENTRY, last_used_at: null };
const PRIMARY = { ...ENTRY, id: '9c41d2aa5be07f31', name: 'primary', permissions: ['all'], expires_at: null };
const API_KEY = 'skv_k_…';

/** What every change can fail with: the configuration, and the log that records it. */
const CHANGE_PROBLEMS = [
  'queue_full', 'disk_full', 'disk_failed', 'log_failed', 'outcome_unknown', 'config_changed', 'config_write_failed',
] as const;
const STORE_PROBLEMS = ['project_corrupt', 'project_missing', 'project_outdated', 'project_newer_format'] as const;

const READ = { rate: null, method: 'GET', preconditions: 'none', body: { kind: 'none' }, since: '0.2.0' } as const;
const CHANGE = { rate: null, preconditions: 'none', since: '0.2.0' } as const;

const LIST = { description: 'The primary key first, then the others in the order of the configuration.', schema: API_KEY_LIST } as const;
const LISTED = { 200: { ...LIST, example: { api_keys: [PRIMARY, ENTRY] } } } as const;
const CREATED = {
  201: {
    description: 'The API key, which is shown only here.', schema: CREATED_API_KEY, headers: ['Location'],
    example: { ...UNUSED, api_key: API_KEY },
  },
} as const;
const SHOWN = { 200: { description: 'The API key.', schema: API_KEY_ENTRY, example: ENTRY } } as const;
const ROTATED = {
  200: {
    description: 'The new API key, which is shown only here, and when the previous one ends.', schema: ROTATED_API_KEY,
    example: { ...UNUSED, api_key: API_KEY, previous: { id: '9c41d2aa5be07f31', expires_at: '2026-11-22T11:00:00.123Z' } },
  },
} as const;
const OWN = {
  200: {
    description: 'The API key that the request was sent with.', schema: OWN_API_KEY,
    example: { scope: 'project', project: 'shop', ...ENTRY },
  },
} as const;
const REMOVED = { 204: { description: 'The API key no longer works.' } } as const;

const NEW_KEY_EXAMPLE = { name: 'dashboard', permissions: ['read'], ttl_seconds: 7_776_000 } as const;
const SUBSET = 'The caller needs every permission that the key has.';
const CREATE_TEXT = `${SUBSET} At most 100 keys that have not expired.`;
const ROTATE_TEXT = 'Makes another key with the same name, permissions and times. The previous one goes on for `overlap_seconds`, 0 by '
  + `default, or until it would have expired. ${SUBSET}`;
const REMOVE_TEXT = 'It stops at once, even if the configuration cannot be written; streams that it has opened end. '
  + `The primary key is replaced, not removed. ${SUBSET}`;
const CHANGE_TEXT = `The permissions of a key cannot be changed: make another one. ${SUBSET}`;

const JSON_BODY = { kind: 'json', bytesMax: SETTINGS_BODY_BYTES_MAX } as const;
const CHANGE_BODY = { ...JSON_BODY, schema: API_KEY_CHANGE, isRequired: true, example: { expires_at: '2027-06-30T00:00:00Z' } } as const;
const OVERLAP_BODY = { ...JSON_BODY, schema: OVERLAP, isRequired: false, example: { overlap_seconds: 3600 } } as const;

const PROJECT = { needs: 'project', tag: 'access', action: 'access.manage' } as const;
const GLOBAL = { needs: 'nothing', tag: 'access', action: 'server_access.manage' } as const;
const PROJECT_KEY_PATH = `${PROJECT_API_KEYS_PATH}/{key_id}` as const;
const GLOBAL_KEY_PATH = `${API_KEYS_PATH}/{key_id}` as const;

/** The routes. */
export const ACCESS_ROUTES = [
  {
    ...READ, ...PROJECT, id: 'listApiKeys', path: PROJECT_API_KEYS_PATH, summary: 'List the API keys of a project', answers: LISTED,
    problems: [],
  },
  {
    ...CHANGE, ...PROJECT, id: 'createApiKey', method: 'POST', path: PROJECT_API_KEYS_PATH, summary: 'Make an API key of a project',
    description: CREATE_TEXT,
    body: { ...JSON_BODY, schema: NEW_PROJECT_KEY, isRequired: true, example: NEW_KEY_EXAMPLE },
    answers: CREATED, problems: [...CHANGE_PROBLEMS, ...STORE_PROBLEMS, 'too_many_api_keys'],
  },
  {
    ...READ, id: 'getOwnApiKey', path: `${PROJECT_API_KEYS_PATH}/self`, action: 'access.self', needs: 'project', tag: 'access',
    summary: 'Show the API key of the request',
    answers: OWN,
    problems: [],
  },
  {
    ...READ, ...PROJECT, id: 'getApiKey', path: PROJECT_KEY_PATH, summary: 'Show an API key of a project', answers: SHOWN,
    problems: ['api_key_not_found'],
  },
  {
    ...CHANGE, ...PROJECT, id: 'changeApiKey', method: 'PUT', path: PROJECT_KEY_PATH, summary: 'Change an API key of a project',
    description: CHANGE_TEXT, body: CHANGE_BODY, answers: SHOWN, problems: [...CHANGE_PROBLEMS, ...STORE_PROBLEMS, 'api_key_not_found'],
  },
  {
    ...CHANGE, ...PROJECT, id: 'rotateApiKey', method: 'POST', path: `${PROJECT_KEY_PATH}/rotate`,
    summary: 'Replace an API key of a project', description: ROTATE_TEXT, body: OVERLAP_BODY, answers: ROTATED,
    problems: [...CHANGE_PROBLEMS, ...STORE_PROBLEMS, 'api_key_not_found', 'too_many_api_keys'],
  },
  {
    ...CHANGE, ...PROJECT, id: 'removeApiKey', method: 'DELETE', path: PROJECT_KEY_PATH, summary: 'Remove an API key of a project',
    description: REMOVE_TEXT, body: { kind: 'none' }, answers: REMOVED,
    problems: [...CHANGE_PROBLEMS, ...STORE_PROBLEMS, 'api_key_not_found', 'invalid_settings'],
  },
  {
    ...READ, ...GLOBAL, id: 'listGlobalApiKeys', path: API_KEYS_PATH, summary: 'List the API keys for all projects', answers: LISTED,
    problems: [],
  },
  {
    ...CHANGE, ...GLOBAL, id: 'createGlobalApiKey', method: 'POST', path: API_KEYS_PATH, summary: 'Make an API key for all projects',
    description: CREATE_TEXT,
    body: { ...JSON_BODY, schema: NEW_GLOBAL_KEY, isRequired: true, example: { ...NEW_KEY_EXAMPLE, permissions: ['history', 'read'] } },
    answers: CREATED, problems: [...CHANGE_PROBLEMS, 'project_corrupt', 'server_log_corrupt', 'too_many_api_keys'],
  },
  {
    ...READ, id: 'findOwnApiKey', path: `${API_KEYS_PATH}/self`, action: 'server_access.self', needs: 'nothing', tag: 'access',
    summary: 'Find the project of an API key',
    answers: OWN,
    problems: [],
  },
  {
    ...READ, ...GLOBAL, id: 'getGlobalApiKey', path: GLOBAL_KEY_PATH, summary: 'Show an API key for all projects', answers: SHOWN,
    problems: ['api_key_not_found'],
  },
  {
    ...CHANGE, ...GLOBAL, id: 'changeGlobalApiKey', method: 'PUT', path: GLOBAL_KEY_PATH, summary: 'Change an API key for all projects',
    description: CHANGE_TEXT, body: CHANGE_BODY, answers: SHOWN,
    problems: [...CHANGE_PROBLEMS, 'project_corrupt', 'server_log_corrupt', 'api_key_not_found'],
  },
  {
    ...CHANGE, ...GLOBAL, id: 'rotateGlobalApiKey', method: 'POST', path: `${GLOBAL_KEY_PATH}/rotate`,
    summary: 'Replace an API key for all projects', description: ROTATE_TEXT, body: OVERLAP_BODY, answers: ROTATED,
    problems: [...CHANGE_PROBLEMS, 'project_corrupt', 'server_log_corrupt', 'api_key_not_found', 'too_many_api_keys'],
  },
  {
    ...CHANGE, ...GLOBAL, id: 'removeGlobalApiKey', method: 'DELETE', path: GLOBAL_KEY_PATH, summary: 'Remove an API key for all projects',
    description: REMOVE_TEXT, body: { kind: 'none' }, answers: REMOVED,
    problems: [...CHANGE_PROBLEMS, 'project_corrupt', 'server_log_corrupt', 'api_key_not_found', 'invalid_settings'],
  },
] as const satisfies readonly RouteSpec[];
