/**
 * The first checks: whether the request is one that can be answered at all. They come before anything is known of the caller.
 */
import { AppError } from '../../base/app-error.js';
import type { AppContext, AppMiddleware, OpenScopes } from '../context.js';
import { awaitsContinue } from '../body-headers.js';
import { hostGuard, parseHost, type HostName } from '../host-name.js';
import type { HttpOptions } from '../http-options.js';
import { pickHeaders } from '../request-headers.js';
import { parseTarget } from '../target.js';

const VERSIONS: ReadonlySet<string> = new Set(['1.0', '1.1']);
const CONTINUE = '100-continue';

/** What {@link sanity} needs. */
export interface SanityOptions {
  readonly options: Pick<HttpOptions, 'headersMax' | 'allowedHosts'>;
  readonly scopes: Pick<OpenScopes, 'anyOpen'>;
}

/**
 * Checks version, headers, host and target, and parses the last two.
 *
 * @returns the middleware; it refuses with 400, 417, 421, 431 or 505
 */
export function sanity({ options, scopes }: SanityOptions): AppMiddleware {
  const isSafeHost = hostGuard(options.allowedHosts);
  return function checkSanity(ctx, next) {
    checkHead(ctx, options.headersMax);
    const headers = pickHeaders(ctx.req.rawHeaders);
    ctx.state.headers = headers;
    const host = checkHost(headers.hosts, ctx.req.httpVersion);
    const target = parseTarget(ctx.req.url ?? '');
    ctx.state.target = target;
    ctx.newRouterPath = target.path;
    if (target.authority !== null && host !== null) checkAuthority(target.authority, headers.hosts[0] ?? '');
    if ((host === null || !isSafeHost(host)) && scopes.anyOpen) throw misdirected();
    return next();
  };
}

function checkHead(ctx: AppContext, headersMax: number): void {
  const { req } = ctx;
  if (!VERSIONS.has(req.httpVersion)) throw new AppError('http_version_not_supported', 'Use HTTP/1.1');
  // Names and values take turns in the raw list.
  const count = req.rawHeaders.length / 2;
  if (count > headersMax) {
    const facts = { limit: headersMax, actual: count };
    throw new AppError('too_many_headers', `Cannot take ${count} headers: the most is ${headersMax}`, { facts });
  }
  if (awaitsContinue(req) && req.headers.expect?.toLowerCase() !== CONTINUE) {
    throw new AppError('expectation_failed', 'Cannot meet the expectation: the only one known is "100-continue"');
  }
}

/** Null for HTTP/1.0 without `Host`, as health checks send it. It counts as an unsafe name, since nothing says which one was meant. */
function checkHost(hosts: readonly string[], version: string): HostName | null {
  const [text] = hosts;
  if (hosts.length > 1) throw new AppError('ambiguous_host', `Cannot choose among ${hosts.length} Host headers: send one`);
  if (text === undefined && version === '1.0') return null;
  if (text === undefined) throw new AppError('bad_request', 'Cannot answer a request without a Host header');
  const host = parseHost(text);
  if (host === undefined) throw new AppError('bad_request', 'Cannot read the Host header: it is not a name or an address with a port');
  return host;
}

function checkAuthority(authority: string, host: string): void {
  if (authority.toLowerCase() === host.toLowerCase()) return;
  throw new AppError('ambiguous_host', 'Cannot choose between the Host header and the host of the request target: they differ');
}

function misdirected(): AppError {
  const message =
    'Cannot answer under this Host, or without one, while authentication is off somewhere: ' +
    'use an IP address or "localhost", or add the name to "allowed_hosts"';
  return new AppError('misdirected_request', message);
}
