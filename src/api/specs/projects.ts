/**
 * The routes of projects.
 */
import { PROJECT_PATH, PROJECTS_PATH } from '../paths.js';
import type { RouteSpec } from '../route-spec.js';
import {
  CHANGED_PROJECT, COMPACTION, CREATED_PROJECT, EMPTY_OBJECT, NEW_API_KEY, NEW_PROJECT, PROJECT_DETAILS, PROJECT_LIST,
  SETTINGS_BODY_BYTES_MAX, SETTINGS_CHANGE,
} from '../schemas/projects.js';

const NOTHING = { kind: 'json', schema: EMPTY_OBJECT, bytesMax: SETTINGS_BODY_BYTES_MAX, isRequired: false } as const;

const DETAILS_EXAMPLE = {
  id: 'shop',
  storage: {
    on_disk: true, cache_in_memory: true, durability: 'fsync', sync_interval_ms: 100, segment_bytes: 67_108_864,
    compaction: { interval_seconds: 300 }, retention: { max_age_seconds: null, max_bytes: null, compress: 'none' },
    readable_snapshot: true,
  },
  authentication: { enabled: true, save_api_key_to_file: false },
  created_at: '2026-11-22T10:00:00.123Z',
  updated_at: '2026-11-22T10:00:00.123Z',
  seq: 1,
  key_count: 0,
  log_id: '5be07f319c41d2aa5be07f319c41d2aa',
  state: 'serving',
} as const;

const API_KEY_EXAMPLE = 'skv_p_…';

/** The routes. */
export const PROJECT_ROUTES = [
  {
    id: 'listProjects', method: 'GET', path: PROJECTS_PATH, action: 'projects.list', needs: 'nothing', tag: 'projects',
    summary: 'List all projects',
    preconditions: 'none',
    body: { kind: 'none' },
    answers: { 200: { description: 'All projects, sorted by id.', schema: PROJECT_LIST, example: { projects: [DETAILS_EXAMPLE] } } },
    problems: ['busy'],
    since: '0.1.0',
  },
  {
    id: 'createProject', method: 'POST', path: PROJECTS_PATH, action: 'projects.create', needs: 'nothing', tag: 'projects',
    summary: 'Create a project',
    preconditions: 'none',
    body: { kind: 'json', schema: NEW_PROJECT, bytesMax: SETTINGS_BODY_BYTES_MAX, isRequired: true, example: { id: 'shop' } },
    answers: {
      201: {
        description: 'The project, and its API key, which is shown only here.', schema: CREATED_PROJECT, headers: ['Location'],
        example: { ...DETAILS_EXAMPLE, api_key: API_KEY_EXAMPLE },
      },
    },
    problems: [
      'invalid_project_id', 'project_exists', 'project_files_exist', 'project_not_served', 'disk_full', 'disk_failed', 'log_failed',
      'outcome_unknown', 'project_corrupt', 'server_log_corrupt', 'config_write_failed',
    ],
    since: '0.1.0',
  },
  {
    id: 'getProject', method: 'GET', path: PROJECT_PATH, action: 'project.read', needs: 'project', tag: 'projects',
    summary: 'Show a project',
    preconditions: 'none',
    body: { kind: 'none' },
    answers: { 200: { description: 'The project.', schema: PROJECT_DETAILS, example: DETAILS_EXAMPLE } },
    problems: [],
    since: '0.1.0',
  },
  {
    id: 'updateProject', method: 'PUT', path: PROJECT_PATH, action: 'project.update', needs: 'project', tag: 'projects',
    summary: 'Change the settings of a project',
    description: 'What the body leaves out stays as it is. An API key of the project may change only `on_disk`, `cache_in_memory` and '
      + '`authentication`; everything else in `storage` needs the global API key. On an open project, `authentication` and `on_disk` '
      + 'need it as well.',
    preconditions: 'none',
    body: {
      kind: 'json', schema: SETTINGS_CHANGE, bytesMax: SETTINGS_BODY_BYTES_MAX, isRequired: true,
      example: { storage: { retention: { max_age_seconds: 7_776_000 } } },
    },
    answers: { 200: { description: 'The project as it is now.', schema: CHANGED_PROJECT, example: DETAILS_EXAMPLE } },
    problems: [
      'project_files_exist', 'queue_full', 'disk_full', 'disk_failed', 'log_failed', 'outcome_unknown', 'project_corrupt',
      'project_missing', 'project_outdated', 'project_newer_format', 'server_log_corrupt', 'config_write_failed', 'compaction_failed',
    ],
    since: '0.1.0',
  },
  {
    id: 'deleteProject', method: 'DELETE', path: PROJECT_PATH, action: 'project.delete', needs: 'id', tag: 'projects',
    summary: 'Delete a project',
    description: 'Deletes the project and its data permanently, even if it is damaged or not served.',
    preconditions: 'none',
    body: { kind: 'none' },
    answers: { 204: { description: 'The project and its data are gone.' } },
    problems: [
      'project_files_exist', 'disk_full', 'disk_failed', 'log_failed', 'outcome_unknown', 'project_corrupt', 'server_log_corrupt',
      'config_write_failed',
    ],
    since: '0.1.0',
  },
  {
    id: 'regenerateKey', method: 'POST', path: `${PROJECT_PATH}/api-key/regenerate`, action: 'project.regenerate_key', needs: 'project',
    tag: 'projects',
    summary: 'Replace the API key of a project',
    description: 'The previous API key stops working at once.',
    preconditions: 'none',
    body: NOTHING,
    answers: {
      200: {
        description: 'The new API key, which is shown only here.', schema: NEW_API_KEY, example: { id: 'shop', api_key: API_KEY_EXAMPLE },
      },
    },
    problems: [
      'queue_full', 'disk_full', 'disk_failed', 'log_failed', 'outcome_unknown', 'project_corrupt', 'project_missing', 'project_outdated',
      'project_newer_format', 'server_log_corrupt', 'config_write_failed',
    ],
    since: '0.1.0',
  },
  {
    id: 'compactProject', method: 'POST', path: `${PROJECT_PATH}/compact`, action: 'project.compact', needs: 'project', tag: 'projects',
    summary: 'Make a snapshot now',
    preconditions: 'none',
    body: NOTHING,
    answers: {
      200: { description: 'The snapshot.', schema: COMPACTION, example: { seq: 57, key_count: 12, bytes: 4096, duration_ms: 8 } },
    },
    problems: [
      'not_on_disk', 'disk_full', 'disk_failed', 'log_failed', 'outcome_unknown', 'project_corrupt', 'project_missing', 'project_outdated',
      'project_newer_format', 'compaction_failed',
    ],
    since: '0.1.0',
  },
] as const satisfies readonly RouteSpec[];
