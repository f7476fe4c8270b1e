/**
 * The first checks, before anything is known of the caller: whether the request is well-formed, and whether the server is serving.
 */
import { AppError } from '../../base/app-error.js';
import type { AppContext, AppMiddleware, AppParts } from '../context.js';
import { hostGuard, misdirected, readHost } from '../host-header.js';
import { awaitsContinue } from '../request-body.js';
import { pickHeaders } from '../request-headers.js';
import { LIVENESS_PATH, READINESS_PATH } from '../routes/health-routes.js';
import { parseTarget } from '../target.js';

const VERSIONS: ReadonlySet<string> = new Set(['1.0', '1.1']);
const CONTINUE = '100-continue';

/**
 * Checks version, headers, host and target, and parses the last two.
 *
 * @returns the middleware; it refuses with 400, 417, 421, 431 or 505
 */
export function checkRequest({ options, scopes }: Pick<AppParts, 'options' | 'scopes'>): AppMiddleware {
  const isSafeHost = hostGuard(options.allowedHosts);
  return function check(ctx, next) {
    checkHead(ctx, options.headersMax);
    const headers = pickHeaders(ctx.req.rawHeaders);
    ctx.state.headers = headers;
    const host = readHost(headers.hosts, ctx.req.httpVersion);
    const target = parseTarget(ctx.req.url ?? '');
    ctx.state.target = target;
    ctx.newRouterPath = target.path;
    if (target.authority !== null && host !== null) checkAuthority(target.authority, headers.hosts[0] ?? '');
    if ((host === null || !isSafeHost(host)) && scopes.anyOpen) throw misdirected();
    return next();
  };
}

function checkHead({ req }: AppContext, headersMax: number): void {
  if (!VERSIONS.has(req.httpVersion)) throw new AppError('http_version_not_supported', 'Use HTTP/1.1');
  // The raw list alternates names and values.
  const count = req.rawHeaders.length / 2;
  if (count > headersMax) {
    const facts = { limit: headersMax, actual: count };
    throw new AppError('too_many_headers', `Cannot accept ${count} headers: the limit is ${headersMax}`, { facts });
  }
  if (awaitsContinue(req) && req.headers.expect?.toLowerCase() !== CONTINUE) {
    throw new AppError('expectation_failed', 'Cannot meet the expectation: only "100-continue" is supported');
  }
}

function checkAuthority(authority: string, host: string): void {
  if (authority.toLowerCase() === host.toLowerCase()) return;
  throw new AppError('ambiguous_host', 'Cannot choose between the Host header and the host of the request target: they differ');
}

/** Refuses everything but the health probes during startup and shutdown. */
export function whileServing(phase: AppParts['phase']): AppMiddleware {
  return async function checkPhase(ctx, next) {
    const state = phase();
    const { path } = ctx.state.target;
    if (state !== 'serving' && path !== LIVENESS_PATH && path !== READINESS_PATH) {
      if (state === 'starting') throw new AppError('starting', 'The server is starting');
      throw new AppError('shutting_down', 'The server is shutting down');
    }
    await next();
  };
}
