/**
 * Schemas of what the server says about itself.
 */
import { PROJECT_ID, PROJECT_STATE } from './projects.js';

const COUNT = { type: 'integer', minimum: 0 } as const;

/** The answer of the liveness probe. */
export const LIVENESS = { type: 'object', properties: { status: { const: 'live' } }, required: ['status'] } as const;

const CHECK = {
  type: 'object',
  properties: {
    name: { type: 'string' }, ok: { type: 'boolean' }, detail: { type: 'string', title: 'short text for an operator, without project ids' },
  },
  required: ['name', 'ok', 'detail'],
} as const;

const DEGRADED = { type: 'object', properties: { id: PROJECT_ID, state: PROJECT_STATE }, required: ['id', 'state'] } as const;

const VERBOSE = {
  checks: { type: 'array', items: CHECK, title: 'with verbose: each check' },
  degraded_count: { ...COUNT, title: 'with verbose: number of projects that cannot write' },
  degraded: { type: 'array', items: DEGRADED, title: 'with verbose and the global API key: the projects that cannot write' },
} as const;

/** The answer of the readiness probe. */
export const READY = { type: 'object', properties: { status: { const: 'ready' }, ...VERBOSE }, required: ['status'] } as const;

/** Its answer while requests cannot be served. */
export const NOT_READY = {
  type: 'object',
  properties: {
    status: { enum: ['starting', 'stopping', 'not_ready'] },
    code: { const: 'starting', title: 'during startup, the code of the problem that other routes answer with' },
    projects_started: { ...COUNT, title: 'during startup: number of projects that are served' },
    projects_refused: { ...COUNT, title: 'during startup: number of projects that are not served' },
    projects_total: { ...COUNT, title: 'during startup: number of projects' },
    ...VERBOSE,
  },
  required: ['status'],
} as const;

/** The document of the API. */
export const OPENAPI = {
  type: 'object',
  properties: { openapi: { type: 'string', pattern: '^3[.]1[.]' }, info: { type: 'object' }, paths: { type: 'object' } },
  required: ['openapi', 'info', 'paths'],
  additionalProperties: true,
} as const;

/** The answer of the root. */
export const ROOT = {
  type: 'object',
  properties: {
    name: { const: 'simplekv' },
    version: { type: 'string' },
    links: { type: 'object', additionalProperties: { type: 'string', pattern: '^/' } },
    documentation: { type: 'string' },
  },
  required: ['name', 'version', 'links', 'documentation'],
} as const;

/** The body of a reload. */
export const RELOAD = {
  type: 'object',
  additionalProperties: false,
  description: 'an object with dry_run',
  properties: { dry_run: { type: 'boolean', title: 'true: only say what would change', description: 'true or false' } },
} as const;

const PATHS = { type: 'array', items: { type: 'string' } } as const;

/** What a reload changed. */
export const RELOADED = {
  type: 'object',
  properties: {
    changed: { ...PATHS, title: 'settings of the server that are in force now, as limits.max_connections' },
    needs_restart: { ...PATHS, title: 'settings that were edited and that only a restart changes' },
    projects: {
      type: 'array',
      title: 'projects that changed',
      items: {
        type: 'object',
        properties: {
          id: { type: 'string' },
          outcome: { enum: ['created', 'served', 'edited', 'updated', 'not_served', 'refused', 'failed'] },
          changed: { ...PATHS, title: 'its settings that changed' },
        },
        required: ['id', 'outcome'],
      },
    },
  },
  required: ['changed', 'needs_restart', 'projects'],
} as const;
