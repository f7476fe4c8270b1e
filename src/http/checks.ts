/**
 * The checks of a request, in the order in which they are made: is it well-formed, is the server serving, who is calling and may they, is
 * what the path names valid and there, are the conditions ones that the route knows. Each throws what the client is answered, and returns
 * a promise only if it really waits.
 */
import { AppError } from '../base/app-error.js';
import { LIVENESS_PATH, READINESS_PATH } from '../api/paths.js';
import type { Action } from '../api/actions.js';
import type { RouteSpec } from '../api/route-spec.js';
import type { Principal } from '../auth/principal.js';
import { isProjectId } from '../events/project-id.js';
import { identifyCaller } from './access.js';
import { Authorization } from './authorization.js';
import { memoryOf } from './connection-memory.js';
import { refuseCrossSite } from './cross-site.js';
import { type Exchange, projectIdOf } from './exchange.js';
import { type HostName, hostGuard, misdirected, readHost } from './host-header.js';
import type { HttpParts } from './http-parts.js';
import { invalidIdempotencyKey, takeIdempotencyKey } from './idempotency.js';
import { checkKey } from './key-check.js';
import { checkReadPrecondition, refusePreconditions, type WriteParameters, writePrecondition } from './precondition.js';
import { checkQuery, refuseQuery } from './query.js';
import type { RateLimits } from './rate-limits.js';
import { awaitsContinue } from './request-body.js';
import { pickHeaders } from './request-headers.js';
import type { BoundRoute } from './route-handlers.js';
import { parseTarget, type RequestTarget } from './target.js';

const VERSIONS: ReadonlySet<string> = new Set(['1.0', '1.1']);
const CONTINUE = '100-continue';

/** The checks of every request, over the parts of a server. */
export class Checks {
  readonly #parts: HttpParts;
  #isSafeHost: ReturnType<typeof hostGuard>;
  #allowedOrigins: ReadonlySet<string>;
  readonly #rates: RateLimits;

  constructor(parts: HttpParts, rates: RateLimits) {
    this.#parts = parts;
    this.#isSafeHost = hostGuard(parts.options.allowedHosts);
    this.#allowedOrigins = new Set(parts.options.allowedOrigins);
    this.#rates = rates;
  }

  /** Takes over options that have changed. */
  takeOptions(): void {
    const { allowedHosts, allowedOrigins } = this.#parts.options;
    this.#isSafeHost = hostGuard(allowedHosts);
    this.#allowedOrigins = new Set(allowedOrigins);
  }

  /**
   * Checks version, headers, host and target, and parses the last two.
   *
   * @throws {AppError} with status 400, 417, 421, 431 or 505
   */
  sane(exchange: Exchange): void {
    const { request } = exchange;
    const { options, scopes } = this.#parts;
    if (!VERSIONS.has(request.httpVersion)) throw new AppError('http_version_not_supported', 'Use HTTP/1.1');
    // The raw list alternates names and values.
    const count = request.rawHeaders.length / 2;
    if (count > options.headersMax) {
      const facts = { limit: options.headersMax, actual: count };
      throw new AppError('too_many_headers', `Cannot accept ${count} headers: the limit is ${options.headersMax}`, { facts });
    }
    if (awaitsContinue(request) && request.headers.expect?.toLowerCase() !== CONTINUE) {
      throw new AppError('expectation_failed', 'Cannot meet the expectation: only "100-continue" is supported');
    }
    const headers = request.picked ?? pickHeaders(request.rawHeaders);
    exchange.headers = headers;
    const host = hostOf(exchange);
    const target = parseTarget(request.url ?? '');
    exchange.target = target;
    if (target.authority !== null && host !== null) checkAuthority(target.authority, headers.hosts[0] ?? '');
    if ((host === null || !this.#isSafeHost(host)) && scopes.anyOpen) throw misdirected();
  }

  /**
   * Refuses everything but the health probes during startup and shutdown.
   *
   * @throws {AppError} `starting`, `shutting_down`
   */
  serving({ target: { path } }: Exchange): void {
    const state = this.#parts.phase();
    if (state === 'serving' || path === LIVENESS_PATH || path === READINESS_PATH) return;
    if (state === 'starting') throw new AppError('starting', 'The server is starting');
    throw new AppError('shutting_down', 'The server is shutting down');
  }

  /**
   * Makes the checks that the route asks for. A read is authorized again before its answer is sent; a change is authorized again in the
   * turn that carries it out, through `commandContext`.
   *
   * @returns a promise only if the API key needs a derivation or is unknown
   * @throws {AppError} with status 400, 401, 403, 404, 429 or 503, perhaps through the promise
   */
  admit(exchange: Exchange, route: BoundRoute): Promise<void> | undefined {
    const { spec } = route;
    exchange.route = spec;
    const { project } = exchange.target;
    // Recorded before the API key is checked: the access log then names the project of a refused request too.
    if (spec.needs !== 'nothing' && project !== null && isProjectId(project)) exchange.projectId = project;
    if (spec.idempotent === true) {
      const sent = exchange.request.headers['idempotency-key'];
      if (sent !== undefined) takeIdempotencyKey(exchange, String(sent));
    }
    if (spec.action === null) {
      this.#input(exchange, route);
      return undefined;
    }
    const caller = identifyCaller(exchange, this.#parts);
    if (caller instanceof Promise) {
      return caller.then((principal) => {
        this.#authorize(exchange, route, principal);
        this.#input(exchange, route);
      });
    }
    this.#authorize(exchange, route, caller);
    this.#input(exchange, route);
    return undefined;
  }

  #authorize(exchange: Exchange, { spec }: BoundRoute, principal: Principal): void {
    const { request, headers, target } = exchange;
    const { action, project } = target.query.length === 0 ? { action: spec.action, project: target.project } : askedOf(spec, target);
    if (action === null) return;
    if (exchange.projectId === null && project !== null && isProjectId(project)) exchange.projectId = project;
    exchange.principal = principal;
    const authorization = new Authorization(this.#parts, { principal, action, project });
    authorization.assertHolds();
    // A page of another site cannot make its visitor's browser send an API key.
    if (principal.kind === 'anonymous' && !exchange.isRead) {
      const isTls = 'encrypted' in request.socket && request.socket.encrypted === true;
      refuseCrossSite({ method: request.method ?? '', headers, isTls, allowedOrigins: this.#allowedOrigins });
    }
    exchange.authorization = authorization;
  }

  /**
   * Id, key, query, existence, rate, conditions, idempotency key: in this order, so that a caller without an API key does not learn which
   * ids are valid.
   */
  #input(exchange: Exchange, { spec, handler, query: queryCheck }: BoundRoute): void {
    const { target: { key, query }, request } = exchange;
    if (spec.needs !== 'nothing' && exchange.projectId === null) throw invalidProjectId();
    if (key !== null) checkKey(key, this.#parts.options.keyBytesMax);
    if (queryCheck === undefined) {
      refuseQuery(query);
    } else {
      const parameters = checkQuery(query, queryCheck);
      exchange.query = handler.readQuery === undefined ? parameters : handler.readQuery(parameters);
    }
    if (spec.needs === 'store') {
      const store = this.#parts.projects.store(projectIdOf(exchange));
      exchange.store = store;
      if (store.rates !== undefined) this.#rates.take(exchange, store.rates);
    }
    if (spec.needs === 'project') this.#parts.projects.details(projectIdOf(exchange));
    if (spec.preconditions === 'none') refusePreconditions(request.headers);
    if (spec.preconditions === 'read') checkReadPrecondition(request.headers);
    if (spec.preconditions === 'write') {
      exchange.precondition = writePrecondition(request.headers, exchange.query as WriteParameters);
    }
    if (exchange.idempotency === 'invalid') throw invalidIdempotencyKey();
  }
}

/** What a request asks for, and the project that it is about. A parameter may ask for more than the route does, or for less. */
function askedOf(
  { action, query: parameters = {} }: RouteSpec, { project, query }: RequestTarget,
): { readonly action: Action | null; readonly project: string | null } {
  for (const { name, value } of query) {
    const parameter = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    if (parameter?.action === undefined) continue;
    return { action: parameter.action, project: parameter.namesProject === true ? value ?? '' : project };
  }
  return { action, project };
}

/** The parsed `Host`, from memory if the connection sent the same before. */
function hostOf({ headers: { hosts }, request }: Exchange): HostName | null {
  const memory = memoryOf(request.socket);
  const [text] = hosts;
  if (hosts.length === 1 && text === memory.hostText) return memory.host;
  const host = readHost(hosts, request.httpVersion);
  memory.hostText = text ?? null;
  memory.host = host;
  return host;
}

function checkAuthority(authority: string, host: string): void {
  if (authority.toLowerCase() === host.toLowerCase()) return;
  throw new AppError('ambiguous_host', 'Cannot choose between the Host header and the host of the request target: they differ');
}

function invalidProjectId(): AppError {
  const message = 'Cannot use this project id: it must be 1 to 63 of a-z, 0-9, "_" and "-", and begin with a letter or digit';
  return new AppError('invalid_project_id', message);
}
