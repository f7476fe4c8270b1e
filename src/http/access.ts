/**
 * Access control: the client's address, the API key in the headers, the count of unknown keys, and the authorization of a request.
 */
import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { isIP, isIPv4 } from 'node:net';
import proxyAddr from 'proxy-addr';
import type { Action } from '../auth/authorize.js';
import { ANONYMOUS, type Principal } from '../auth/principal.js';
import { AppError } from '../base/app-error.js';
import { Authorization, unauthorized } from './authorization.js';
import type { AppContext, AppMiddleware, AppParts } from './context.js';
import { refuseCrossSite } from './cross-site.js';
import type { RequestHeaders } from './request-headers.js';

/** The credentials of a request: none, an API key, or something else in its place. */
type Credentials = { readonly kind: 'none' } | { readonly kind: 'malformed' } | { readonly kind: 'key'; readonly key: string };

const NONE: Credentials = { kind: 'none' };
const MALFORMED: Credentials = { kind: 'malformed' };
const BEARER = /^bearer +(.+)$/i;
const BEYOND_ASCII = /[^\u0000-\u007f]/;
/** The address of a caller whose socket is closed. */
const UNKNOWN_ADDRESS = '0.0.0.0';
/** Prefix of an IPv4 address on an IPv6 socket. Removed, so that a client has one name in the server log. */
const MAPPED_PREFIX = '::ffff:';

/**
 * Allows the request if the caller is authorized for the action, on the project in the path if there is one. A read is authorized again
 * before its answer is sent; a change is authorized again in the turn that carries it out, through `commandContext`.
 *
 * @returns the middleware; it refuses with 400, 401, 403, 404 or 429
 */
export function requireAccess(action: Action, parts: AppParts): AppMiddleware {
  return async function checkAccess(ctx, next) {
    const { project } = ctx.state.target;
    const principal = await identifyCaller(ctx, parts);
    ctx.state.principal = principal;
    const authorization = new Authorization(parts, { principal, action, project });
    authorization.assertHolds();
    // A page of another site cannot make its visitor's browser send an API key.
    if (principal.kind === 'anonymous') refuseCrossSite({ method: ctx.method, headers: ctx.state.headers, isTls: ctx.secure });
    ctx.state.authorization = authorization;
    await next();
    if (ctx.method === 'GET' || ctx.method === 'HEAD') authorization.assertHolds();
  };
}

/**
 * Identifies the caller by its API key. A key is checked even if none is needed.
 *
 * @throws {AppError} `ambiguous_credentials`, `unauthorized`, `too_many_failed_keys`
 */
export async function identifyCaller(ctx: AppContext, { keyring, throttle, logger }: AppParts): Promise<Principal> {
  const credentials = findCredentials(ctx.state.headers);
  if (credentials.kind === 'none') return ANONYMOUS;
  const { remote: address, projectId: project } = ctx.state;
  const blockedSeconds = await throttle.blockedSeconds(address);
  const onGone = (leave: () => void): void => void ctx.res.once('close', leave);
  const principal = credentials.kind === 'key' ? await keyring.identify(credentials.key, { address, project, onGone }) : null;
  if (principal !== null) return principal;
  if (blockedSeconds > 0) throw tooManyFailedKeys(blockedSeconds);
  if (await throttle.recordFailure(address)) {
    const facts = { remote: address, project, request_id: ctx.state.requestId };
    logger.warn(facts, 'an address sent too many unknown API keys; its requests with unknown API keys get 429 for up to a minute');
  }
  throw unauthorized();
}

function tooManyFailedKeys(seconds: number): AppError {
  return new AppError('too_many_failed_keys', `Too many unknown API keys from this address: retry in ${seconds} s`, {
    facts: { retry_after_seconds: seconds },
  });
}

/**
 * Finds the API key in the headers.
 *
 * @throws {AppError} `ambiguous_credentials` for more than one
 */
export function findCredentials({ authorizations, apiKeys }: RequestHeaders): Credentials {
  if (authorizations.length + apiKeys.length > 1) {
    throw new AppError('ambiguous_credentials', 'Cannot choose among several credentials: send one Authorization or one X-API-Key header');
  }
  const [apiKey] = apiKeys;
  const [authorization] = authorizations;
  if (apiKey === undefined && authorization === undefined) return NONE;
  const key = apiKey ?? BEARER.exec(authorization ?? '')?.[1] ?? '';
  return key === '' ? MALFORMED : { kind: 'key', key: asSent(key) };
}

/** Node decodes headers as Latin-1, while a typed key is UTF-8 in the configuration. */
function asSent(key: string): string {
  if (!BEYOND_ASCII.test(key)) return key;
  const bytes = Buffer.from(key, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : key;
}

/**
 * Returns a function that reads the client's address of a request.
 *
 * @param trustedProxies addresses and networks whose `X-Forwarded-For` is trusted; without any, the header is ignored
 */
export function addressReader(trustedProxies: readonly string[]): (request: IncomingMessage) => string {
  if (trustedProxies.length === 0) return socketAddress;
  const trust = proxyAddr.compile([...trustedProxies]);
  return (request) => {
    const address = proxyAddr(request, trust);
    // A proxy forwards whatever its client wrote; only an address is used as one.
    return isIP(address) === 0 ? socketAddress(request) : withoutMapping(address);
  };
}

function socketAddress(request: IncomingMessage): string {
  return addressOfSocket(request.socket) ?? UNKNOWN_ADDRESS;
}

/** Returns the IP address of the peer of a socket; null if it is no longer known. */
export function addressOfSocket(socket: object): string | null {
  const address = 'remoteAddress' in socket ? socket.remoteAddress : undefined;
  return typeof address === 'string' ? withoutMapping(address) : null;
}

function withoutMapping(address: string): string {
  const rest = address.slice(MAPPED_PREFIX.length);
  return address.startsWith(MAPPED_PREFIX) && isIPv4(rest) ? rest : address;
}
