/**
 * The routes of the server itself.
 */
import { API_PATH, DOCS_PATH, LIVENESS_PATH, OPENAPI_PATH, READINESS_PATH, UI_PATH } from '../paths.js';
import type { RouteSpec } from '../route-spec.js';
import { LIVENESS, NOT_READY, OPENAPI, READY, RELOAD, RELOADED, ROOT } from '../schemas/server.js';

const ROOT_ANSWER = {
  description: 'The program and its links.',
  schema: ROOT,
  example: {
    name: 'simplekv', version: '0.1.0',
    links: {
      projects: '/api/v1/projects', livez: '/livez', readyz: '/readyz', openapi: '/api/v1/openapi.json', docs: '/docs/', ui: '/ui/',
    },
    documentation: 'docs/http-api.md of the package',
  },
} as const;

/** Routes without parameters, conditions and a body that need no API key. */
const PLAIN = {
  method: 'GET', action: null, needs: 'nothing', rate: null, tag: 'server', preconditions: 'ignored', body: { kind: 'none' },
  since: '0.1.0',
} as const;
/** What tells which program answers, under two paths. */
const PROGRAM = { ...PLAIN, summary: 'Which program answers here?', answers: { 200: ROOT_ANSWER }, problems: [] } as const;
const ISOLATION_HEADERS = ['Referrer-Policy', 'Cross-Origin-Opener-Policy', 'Cross-Origin-Resource-Policy'] as const;
const UI_PAGE = {
  ...PLAIN, preconditions: 'read',
  answers: {
    200: { description: 'The page.', mediaTypes: ['text/html'], headers: ['ETag', 'Content-Security-Policy', ...ISOLATION_HEADERS] },
    304: { description: 'The page is the one that `If-None-Match` names.', headers: ['ETag'] },
  },
  problems: ['not_found'],
} as const;
const MOVED = { ...PLAIN, answers: { 308: { description: 'It is there.', headers: ['Location'] } } } as const;

/** Longest body of a reload, in bytes. */
const RELOAD_BODY_BYTES_MAX = 1024;

/** The routes. */
export const SERVER_ROUTES = [
  {
    id: 'getLiveness', method: 'GET', path: LIVENESS_PATH, action: null, needs: 'nothing', rate: null, tag: 'server',
    summary: 'Is the process alive?',
    preconditions: 'ignored',
    body: { kind: 'none' },
    answers: { 200: { description: 'It is.', schema: LIVENESS, example: { status: 'live' } } },
    problems: [],
    since: '0.1.0',
  },
  {
    id: 'getReadiness', method: 'GET', path: READINESS_PATH, action: null, needs: 'nothing', rate: null, tag: 'server',
    summary: 'Can requests be served?',
    query: {
      verbose: { schema: { const: '', description: 'without a value' }, meaning: 'Lists the checks. It has no value.', isValueless: true },
    },
    preconditions: 'ignored',
    body: { kind: 'none' },
    answers: {
      200: { description: 'They can.', schema: READY, example: { status: 'ready' } },
      503: {
        description: 'The server is starting or shutting down, or no project can write.', schema: NOT_READY, headers: ['Retry-After'],
        example: { status: 'starting', code: 'starting', projects_started: 3, projects_refused: 0, projects_total: 12 },
      },
    },
    problems: ['ambiguous_credentials', 'unauthorized', 'too_many_failed_keys'],
    since: '0.1.0',
  },
  {
    id: 'reloadConfig', method: 'POST', path: `${API_PATH}/reload`, action: 'server.reload', needs: 'nothing', rate: null, tag: 'server',
    summary: 'Reload the configuration',
    description: 'Brings an edit of the configuration file into force, as SIGHUP does. The whole file is checked first: a fault changes '
      + 'nothing. `needs_restart` names what only a restart changes.',
    preconditions: 'none',
    body: {
      kind: 'json', schema: RELOAD, bytesMax: RELOAD_BODY_BYTES_MAX, isRequired: false, refusal: 'invalid_body', example: { dry_run: true },
    },
    answers: {
      200: {
        description: 'What changed; with `dry_run`, what would change.', schema: RELOADED,
        example: {
          changed: ['log_level', 'limits.max_connections', 'tls'], needs_restart: ['server_port'],
          projects: [
            { id: 'shop', outcome: 'edited', changed: ['storage.retention.max_bytes'] }, { id: 'new', outcome: 'created' },
            { id: 'old', outcome: 'not_served' },
          ],
        },
      },
    },
    problems: ['invalid_body', 'invalid_config', 'config_changed', 'config_write_failed'],
    since: '0.2.0',
  },
  {
    ...PROGRAM, id: 'getRoot', path: '/',
    description: 'Leads a browser, which prefers `text/html`, to the web UI.',
    answers: {
      200: { ...ROOT_ANSWER, headers: ['Vary'] },
      303: { description: 'A browser finds the web UI there.', headers: ['Location', 'Vary'] },
    },
  },
  { ...PROGRAM, id: 'getIndex', path: API_PATH },
  {
    id: 'getOpenApi', method: 'GET', path: OPENAPI_PATH, action: null, needs: 'nothing', rate: null, tag: 'server',
    summary: 'This document',
    preconditions: 'read',
    body: { kind: 'none' },
    answers: {
      200: { description: 'The document of the API, as OpenAPI 3.1.', schema: OPENAPI, headers: ['ETag'] },
      304: { description: 'The document is the one that `If-None-Match` names.', headers: ['ETag'] },
    },
    problems: ['busy'],
    since: '0.1.0',
  },
  { ...MOVED, id: 'findOpenApi', path: '/openapi.json', summary: 'Where is this document?', problems: [] },
  {
    id: 'getDocs', method: 'GET', path: DOCS_PATH, action: null, needs: 'nothing', rate: null, tag: 'server',
    summary: 'A page that shows this document',
    preconditions: 'read',
    body: { kind: 'none' },
    answers: {
      200: { description: 'The page.', mediaTypes: ['text/html'], headers: ['ETag', 'Content-Security-Policy'] },
      304: { description: 'The page is the one that `If-None-Match` names.', headers: ['ETag'] },
    },
    problems: ['not_found'],
    since: '0.1.0',
  },
  {
    id: 'getDocsFile', method: 'GET', path: `${DOCS_PATH}{file}`, action: null, needs: 'nothing', rate: null, tag: 'server',
    summary: 'A file of that page',
    preconditions: 'read',
    body: { kind: 'none' },
    answers: {
      200: { description: 'The file.', mediaTypes: ['text/javascript', 'text/css'], headers: ['ETag'] },
      304: { description: 'The file is the one that `If-None-Match` names.', headers: ['ETag'] },
    },
    problems: ['not_found', 'busy'],
    since: '0.1.0',
  },
  { ...UI_PAGE, id: 'getUi', path: UI_PATH, summary: 'The web UI' },
  { ...UI_PAGE, id: 'getUiProject', path: `${UI_PATH}projects/{place}`, summary: 'The web UI, at a project' },
  {
    ...PLAIN, id: 'getUiAsset', path: `${UI_PATH}assets/{file}`,
    summary: 'A file of the web UI',
    description: 'Its name changes with its content, so a browser keeps it for good.',
    answers: {
      200: {
        description: 'The file.', mediaTypes: ['text/javascript', 'text/css'], headers: ['Vary', ...ISOLATION_HEADERS],
        optionalHeaders: ['Content-Encoding'],
      },
    },
    problems: ['not_found', 'busy'],
  },
  { ...MOVED, id: 'findUi', path: '/ui', summary: 'Where is the web UI?', problems: ['not_found'] },
  { ...MOVED, id: 'findDocs', path: '/docs', summary: 'Where is that page?', problems: ['not_found'] },
] as const satisfies readonly RouteSpec[];
