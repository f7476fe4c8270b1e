/**
 * The routes of API keys: those of a project, and those of `default`, which hold for all projects.
 */
import { API_KEYS_PATH, PROJECTS_PATH } from '../../api/paths.js';
import type { Permission } from '../../api/permissions.js';
import type { KeyScope } from '../../auth/keyring.js';
import { ALL_RIGHTS } from '../../auth/rights.js';
import { invariant } from '../../base/invariant.js';
import { parseRfc3339 } from '../../base/rfc3339.js';
import type { ApiKeyChange, ApiKeyName, KeyCaller, NewApiKey } from '../../projects/access/api-keys.js';
import { authorizationOf, commandContext } from '../authorization.js';
import { type Answer, type Exchange, projectIdOf } from '../exchange.js';
import type { HttpParts } from '../http-parts.js';
import { jsonAnswer } from '../json-answer.js';
import type { RouteHandler, RouteHandlers } from '../route-handlers.js';
import { invalidSettings } from '../settings-check.js';

const OK = 200;
const CREATED = 201;
const NO_CONTENT = 204;
const MS_PER_SECOND = 1000;
const KEY_ID_IN_PATH = /\/api-keys\/([^/]+)(?:\/rotate)?$/;

type AccessRouteId =
  | 'listApiKeys' | 'createApiKey' | 'getOwnApiKey' | 'getApiKey' | 'changeApiKey' | 'rotateApiKey' | 'removeApiKey'
  | 'listGlobalApiKeys' | 'createGlobalApiKey' | 'findOwnApiKey' | 'getGlobalApiKey' | 'changeGlobalApiKey' | 'rotateGlobalApiKey'
  | 'removeGlobalApiKey';

type AccessParts = Pick<HttpParts, 'projects' | 'keyring'>;
type ScopeOf = (exchange: Exchange) => KeyScope;

/** The body that makes a key. */
interface KeyBody {
  readonly name: string;
  readonly permissions: readonly Permission[];
  readonly not_before?: string | null;
  readonly expires_at?: string | null;
  readonly ttl_seconds?: number;
}

/** Returns the handlers. */
export function accessRoutes(parts: AccessParts): RouteHandlers<AccessRouteId> {
  const own: RouteHandler = { handle: (exchange) => showOwn(exchange, parts) };
  const project = scopeRoutes(parts, (exchange) => ({ kind: 'project', project: projectIdOf(exchange) }));
  const global = scopeRoutes(parts, () => ({ kind: 'global' }));
  return {
    getOwnApiKey: own,
    listApiKeys: project.list,
    createApiKey: project.create,
    getApiKey: project.show,
    changeApiKey: project.change,
    rotateApiKey: project.rotate,
    removeApiKey: project.remove,
    findOwnApiKey: own,
    listGlobalApiKeys: global.list,
    createGlobalApiKey: global.create,
    getGlobalApiKey: global.show,
    changeGlobalApiKey: global.change,
    rotateGlobalApiKey: global.rotate,
    removeGlobalApiKey: global.remove,
  };
}

type ScopeRoutes = Readonly<Record<'list' | 'create' | 'show' | 'change' | 'rotate' | 'remove', RouteHandler>>;

function scopeRoutes({ projects, keyring }: AccessParts, scopeOf: ScopeOf): ScopeRoutes {
  const nameOf = (exchange: Exchange): ApiKeyName => ({ scope: scopeOf(exchange), keyId: keyIdOf(exchange) });
  return {
    list: { handle: (exchange) => jsonAnswer(OK, { api_keys: projects.apiKeys.list(scopeOf(exchange)) }) },
    create: {
      handle: async (exchange) => {
        const scope = scopeOf(exchange);
        const key = readKey(exchange.document as KeyBody, keyring.nowMs());
        const { details, apiKey } = await projects.apiKeys.create(scope, key, callerOf(exchange));
        const path = scope.kind === 'global' ? API_KEYS_PATH : `${PROJECTS_PATH}/${scope.project}/api-keys`;
        return jsonAnswer(CREATED, { ...details, api_key: apiKey }, ['Location', `${path}/${details.id}`]);
      },
    },
    show: { handle: (exchange) => jsonAnswer(OK, projects.apiKeys.get(nameOf(exchange))) },
    change: {
      handle: async (exchange) => {
        const change = readChange(exchange.document as Partial<KeyBody>, keyring.nowMs());
        return jsonAnswer(OK, await projects.apiKeys.change(nameOf(exchange), change, callerOf(exchange)));
      },
    },
    rotate: {
      handle: async (exchange) => {
        const { overlap_seconds: seconds = 0 } = exchange.document as { readonly overlap_seconds?: number };
        const rotated = await projects.apiKeys.rotate(nameOf(exchange), seconds * MS_PER_SECOND, callerOf(exchange));
        const { details, apiKey, previous } = rotated;
        return jsonAnswer(OK, { ...details, api_key: apiKey, previous });
      },
    },
    remove: {
      handle: async (exchange) => {
        await projects.apiKeys.remove(nameOf(exchange), callerOf(exchange));
        return { status: NO_CONTENT, headers: [], body: null };
      },
    },
  };
}

function showOwn(exchange: Exchange, { projects }: AccessParts): Answer {
  const { principal } = authorizationOf(exchange);
  invariant(principal.kind !== 'anonymous', 'a caller without an API key is not authorized');
  const project = principal.kind === 'global' ? null : principal.project;
  return jsonAnswer(OK, { scope: principal.kind, project, ...projects.apiKeys.own(principal) });
}

/** The id in the path. It need not have the form of one: no key has another. */
function keyIdOf({ target: { path } }: Exchange): string {
  return KEY_ID_IN_PATH.exec(path)?.[1] ?? '';
}

/** A caller without an API key may do everything where it is authorized to change API keys. */
function callerOf(exchange: Exchange): KeyCaller {
  const { principal } = authorizationOf(exchange);
  return { context: commandContext(exchange), rights: principal.kind === 'anonymous' ? ALL_RIGHTS : principal.rights };
}

/** @throws {AppError} `invalid_settings` */
function readKey({ name, permissions, ttl_seconds: seconds, ...times }: KeyBody, nowMs: number): NewApiKey {
  const notBeforeMs = readTime('not_before', times.not_before);
  if (seconds !== undefined && times.expires_at !== undefined) {
    throw invalidSettings({ pointer: '/ttl_seconds', expected: 'absent beside expires_at: one of the two says when the key expires' });
  }
  const expiresAtMs = seconds === undefined ? readExpiry(times.expires_at, nowMs) : nowMs + seconds * MS_PER_SECOND;
  if (notBeforeMs !== null && expiresAtMs !== null && expiresAtMs <= notBeforeMs) {
    throw invalidSettings({ pointer: '/not_before', expected: 'earlier than the time at which the key expires' });
  }
  return { name, permissions, notBeforeMs, expiresAtMs };
}

function readChange({ name, expires_at: expiresAt }: Partial<KeyBody>, nowMs: number): ApiKeyChange {
  return { ...(name === undefined ? {} : { name }), ...(expiresAt === undefined ? {} : { expiresAtMs: readExpiry(expiresAt, nowMs) }) };
}

function readExpiry(text: string | null | undefined, nowMs: number): number | null {
  const timeMs = readTime('expires_at', text);
  if (timeMs !== null && timeMs <= nowMs) {
    throw invalidSettings({ pointer: '/expires_at', expected: 'in the future; to end a key now, remove it' });
  }
  return timeMs;
}

function readTime(name: string, text: string | null | undefined): number | null {
  if (text === null || text === undefined) return null;
  const timeMs = parseRfc3339(text);
  if (timeMs === undefined) throw invalidSettings({ pointer: `/${name}`, expected: 'a day and an hour that exist' });
  return timeMs;
}
