/**
 * The routes of projects.
 */
import { PROJECT_PATH, PROJECTS_PATH } from '../paths.js';
import type { RouteSpec } from '../route-spec.js';
import { NEW_API_KEY, OVERLAP } from '../schemas/access.js';
import { LIMITS } from '../schemas/limits.js';
import { REDACTION, REDACTION_REQUEST } from '../schemas/redaction.js';
import {
  CHANGED_PROJECT, COMPACTION, CREATED_PROJECT, EMPTY_OBJECT, NEW_PROJECT, PROJECT_DETAILS, PROJECT_LIST,
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
  quota: { max_keys: null, max_bytes: null, reads_per_second: null, writes_per_second: null },
  created_at: '2026-11-22T10:00:00.123Z',
  updated_at: '2026-11-22T10:00:00.123Z',
  seq: 1,
  key_count: 0,
  value_bytes: 0,
  log_id: '5be07f319c41d2aa5be07f319c41d2aa',
  state: 'serving',
} as const;

const API_KEY_EXAMPLE = 'skv_p_…';

/** The routes. */
export const PROJECT_ROUTES = [
  {
    id: 'listProjects', method: 'GET', path: PROJECTS_PATH, action: 'projects.list', needs: 'nothing', rate: null, tag: 'projects',
    summary: 'List all projects',
    preconditions: 'none',
    body: { kind: 'none' },
    answers: { 200: { description: 'All projects, sorted by id.', schema: PROJECT_LIST, example: { projects: [DETAILS_EXAMPLE] } } },
    problems: ['busy'],
    since: '0.1.0',
  },
  {
    id: 'createProject', method: 'POST', path: PROJECTS_PATH, action: 'projects.create', needs: 'nothing', rate: null, tag: 'projects',
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
      'outcome_unknown', 'project_corrupt', 'server_log_corrupt', 'config_changed', 'config_write_failed',
    ],
    since: '0.1.0',
  },
  {
    id: 'getProject', method: 'GET', path: PROJECT_PATH, action: 'project.read', needs: 'project', rate: null, tag: 'projects',
    summary: 'Show a project',
    preconditions: 'none',
    body: { kind: 'none' },
    answers: { 200: { description: 'The project.', schema: PROJECT_DETAILS, example: DETAILS_EXAMPLE } },
    problems: [],
    since: '0.1.0',
  },
  {
    id: 'getLimits', method: 'GET', path: `${PROJECT_PATH}/limits`, action: 'project.limits', needs: 'store', rate: null, tag: 'projects',
    summary: 'Show the limits and the quotas of a project',
    description: 'What a request may have at most, what the project may hold and holds now, and how often each API key may ask. A quota of '
      + '`null` is none. This route draws on no rate.',
    preconditions: 'none',
    body: { kind: 'none' },
    answers: {
      200: {
        description: 'The limits.', schema: LIMITS,
        example: {
          limits: {
            value_bytes: 1_048_576, key_bytes: 1024, line_bytes: 16_777_216, page_keys: 10_000, batch_ops: 1000, batch_bytes: 8_388_608,
            read_keys: 1000, idempotency: { seconds: 86_400, entries: 100_000 },
          },
          quota: { max_keys: { limit: 1000, used: 12 }, max_bytes: { limit: null, used: 4096 } },
          rate: { reads_per_second: { limit: null }, writes_per_second: { limit: 100 } },
        },
      },
    },
    problems: [],
    since: '0.2.0',
  },
  {
    id: 'updateProject', method: 'PUT', path: PROJECT_PATH, action: 'project.update', needs: 'project', rate: null, tag: 'projects',
    summary: 'Change the settings of a project',
    description: 'What the body leaves out stays as it is. An API key of the project may change only `on_disk`, `cache_in_memory` and '
      + '`authentication`; everything else in `storage`, and `quota`, needs the global API key. On an open project, `authentication` and '
      + '`on_disk` need it as well. Switching authentication off gives everyone `history`, `read` and `write`, so it needs these too.',
    preconditions: 'none',
    body: {
      kind: 'json', schema: SETTINGS_CHANGE, bytesMax: SETTINGS_BODY_BYTES_MAX, isRequired: true,
      example: { storage: { retention: { max_age_seconds: 7_776_000 } } },
    },
    answers: { 200: { description: 'The project as it is now.', schema: CHANGED_PROJECT, example: DETAILS_EXAMPLE } },
    problems: [
      'project_files_exist', 'queue_full', 'disk_full', 'disk_failed', 'log_failed', 'outcome_unknown', 'project_corrupt',
      'project_missing', 'project_outdated', 'project_newer_format', 'server_log_corrupt', 'config_changed', 'config_write_failed',
      'compaction_failed', 'busy',
    ],
    since: '0.1.0',
  },
  {
    id: 'deleteProject', method: 'DELETE', path: PROJECT_PATH, action: 'project.delete', needs: 'id', rate: null, tag: 'projects',
    summary: 'Delete a project',
    description: 'Deletes the project and its data permanently, even if it is damaged or not served.',
    preconditions: 'none',
    body: { kind: 'none' },
    answers: { 204: { description: 'The project and its data are gone.' } },
    problems: [
      'project_files_exist', 'disk_full', 'disk_failed', 'log_failed', 'outcome_unknown', 'project_corrupt', 'server_log_corrupt',
      'config_changed', 'config_write_failed',
    ],
    since: '0.1.0',
  },
  {
    id: 'regenerateKey', method: 'POST', path: `${PROJECT_PATH}/api-key/regenerate`, action: 'project.regenerate_key', needs: 'project',
    rate: null, tag: 'projects',
    summary: 'Replace the primary API key of a project',
    description: 'The previous one stops working at once, or with `overlap_seconds` goes on for so long, as an API key named `previous`.',
    preconditions: 'none',
    body: { ...NOTHING, schema: OVERLAP, example: { overlap_seconds: 3600 } },
    answers: {
      200: {
        description: 'The new API key, which is shown only here.', schema: NEW_API_KEY,
        example: { id: 'shop', api_key: API_KEY_EXAMPLE, other_keys: [] },
      },
    },
    problems: [
      'queue_full', 'disk_full', 'disk_failed', 'log_failed', 'outcome_unknown', 'project_corrupt', 'project_missing', 'project_outdated',
      'project_newer_format', 'server_log_corrupt', 'config_changed', 'config_write_failed', 'too_many_api_keys',
    ],
    since: '0.1.0',
  },
  {
    id: 'compactProject', method: 'POST', path: `${PROJECT_PATH}/compact`, action: 'project.compact', needs: 'project',
    rate: null, tag: 'projects',
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
  {
    id: 'redactLines', method: 'POST', path: `${PROJECT_PATH}/redact`, action: 'project.redact', needs: 'project', rate: null,
    tag: 'projects',
    summary: 'Erase the values of lines',
    description: 'Erases them from the log, the snapshots and everything else that the server keeps of the project, permanently; the names '
      + 'of the keys stay. The log records which lines were erased and why, and its hashes stay valid. Also erased, completely: torn '
      + 'tails, and the files that moves to memory and repairs of the project have kept. Backups and copies elsewhere are out of reach.',
    preconditions: 'none',
    body: {
      kind: 'json', schema: REDACTION_REQUEST, bytesMax: SETTINGS_BODY_BYTES_MAX, isRequired: true, refusal: 'invalid_body',
      example: { seqs: [57], reason: 'asked by the customer' },
    },
    answers: {
      200: {
        description: 'Nothing that the server keeps has these values any more.', schema: REDACTION,
        example: {
          seq: 60, hash: '5be07f319c41d2aa5be07f319c41d2aa5be07f319c41d2aa5be07f319c41d2aa', erased: [57], already_erased: [],
          without_value: [],
        },
      },
    },
    problems: [
      'ahead_of_log', 'value_in_use', 'history_gone', 'line_too_large', 'queue_full', 'busy', 'disk_full', 'disk_failed', 'log_failed',
      'outcome_unknown', 'project_corrupt', 'project_missing', 'project_outdated', 'project_newer_format', 'compaction_failed',
    ],
    since: '0.2.0',
  },
] as const satisfies readonly RouteSpec[];
