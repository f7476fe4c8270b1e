/**
 * Who asks, and whether they may: the client's address, the API key in the headers, the count of failures, and the one decision.
 */
import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { isIP, isIPv4 } from 'node:net';
import proxyAddr from 'proxy-addr';
import { authorize, type Action } from '../auth/authorize.js';
import { ANONYMOUS, type Principal } from '../auth/principal.js';
import { AppError } from '../base/app-error.js';
import { Authorization, type AuthorizationRequest } from './authorization.js';
import type { AppContext, AppMiddleware, AppParts } from './context.js';
import { refuseCrossSite } from './cross-site.js';
import type { RequestHeaders } from './request-headers.js';

/** What access needs of the app's parts. */
export type AccessParts = Pick<AppParts, 'keyring' | 'throttle' | 'scopes' | 'projects' | 'logger'>;

// The same text in every case: it must not tell a missing key from a wrong one, nor whether the project exists.
const UNAUTHORIZED = 'Cannot do this without a valid key: send "Authorization: Bearer KEY" or "X-API-Key: KEY"';
const FORBIDDEN = 'This key does not grant access to this resource';

/** What a request carries: no key, one, or something in the place of a key that is none. */
export type Credentials = { readonly kind: 'none' } | { readonly kind: 'malformed' } | { readonly kind: 'key'; readonly key: string };

const NONE: Credentials = { kind: 'none' };
const MALFORMED: Credentials = { kind: 'malformed' };
const BEARER = /^bearer +(.+)$/i;
const BEYOND_ASCII = /[^\u0000-\u007f]/;
/** Stands for a caller whose socket is gone already. */
const UNKNOWN_ADDRESS = '0.0.0.0';
/** Before an IPv4 address that came over a socket of IPv6: the same client must not have two names in the log. */
const MAPPED_PREFIX = '::ffff:';

/** Checks callers. */
export class Access {
  readonly #parts: AccessParts;

  /** @param parts keys, count of failures, open scopes, and the logger for addresses that fail too often */
  constructor(parts: AccessParts) {
    this.#parts = parts;
  }

  /**
   * Allows the request if the caller is authorized for the action, on the project in the path where there is one. A read is
   * authorized again before its answer begins, however long it took; a change is authorized again where it is carried out, by
   * the right in the context of the command.
   *
   * @returns the middleware; it refuses with 400, 401, 403, 404 or 429, and a change without a key that another site's page asks for
   */
  require(action: Action): AppMiddleware {
    const check = this.#check.bind(this);
    return async function requireAccess(ctx, next) {
      const authorization = await check(ctx, action);
      await next();
      if (ctx.method === 'GET' || ctx.method === 'HEAD') authorization.assertHolds();
    };
  }

  /**
   * Finds out who asks. A key that is sent is checked even where none is needed.
   *
   * @throws {AppError} `ambiguous_credentials`, `unauthorized`, `too_many_failed_keys`
   */
  async identify(ctx: AppContext): Promise<Principal> {
    const credentials = findCredentials(ctx.state.headers);
    if (credentials.kind === 'none') return ANONYMOUS;
    const { keyring, throttle } = this.#parts;
    const { remote: address, projectId: project } = ctx.state;
    const blockedSeconds = await throttle.blockedSeconds(address);
    const onGone = (leave: () => void): void => void ctx.res.once('close', leave);
    const principal = credentials.kind === 'key' ? await keyring.identify(credentials.key, { address, project, onGone }) : null;
    if (principal !== null) return principal;
    if (blockedSeconds > 0) throw tooManyFailedKeys(blockedSeconds);
    await this.#recordFailure(ctx);
    throw new AppError('unauthorized', UNAUTHORIZED);
  }

  /** {@inheritDoc Authority.decide} */
  decide(request: AuthorizationRequest): void {
    if (!this.#parts.keyring.holds(request.principal)) throw new AppError('unauthorized', UNAUTHORIZED);
    const decision = authorize(request, this.#parts.scopes);
    if (decision === 'unauthorized') throw new AppError('unauthorized', UNAUTHORIZED);
    if (decision === 'forbidden') throw new AppError('forbidden', FORBIDDEN);
  }

  /**
   * Tells whether a caller may, without refusing.
   *
   * @returns true when it may
   */
  allows(principal: Principal, action: Action): boolean {
    return authorize({ principal, action, project: null }, this.#parts.scopes) === 'allow';
  }

  /** {@inheritDoc Authority.requireSame} */
  requireSame(project: string, identity: symbol | undefined): void {
    if (this.#parts.projects.identity(project) === identity) return;
    throw new AppError('project_not_found', `Cannot find the project "${project}": the one that was meant is deleted`);
  }

  async #recordFailure({ state }: AppContext): Promise<void> {
    const { throttle, logger } = this.#parts;
    if (!(await throttle.recordFailure(state.remote))) return;
    const facts = { remote: state.remote, project: state.projectId, request_id: state.requestId };
    logger.warn(facts, 'an address presented too many unknown API keys: until a minute is over, its unknown keys get 429');
  }

  async #check(ctx: AppContext, action: Action): Promise<Authorization> {
    const { project } = ctx.state.target;
    const principal = await this.identify(ctx);
    ctx.state.principal = principal;
    const request = { principal, action, project };
    this.decide(request);
    // A key is something that a page of another site cannot make its visitor's browser send.
    if (principal.kind === 'anonymous') refuseCrossSite({ method: ctx.method, headers: ctx.state.headers, isTls: ctx.secure });
    const authorization = new Authorization(this, request, project === null ? undefined : this.#parts.projects.identity(project));
    ctx.state.authorization = authorization;
    return authorization;
  }
}

function tooManyFailedKeys(seconds: number): AppError {
  return new AppError('too_many_failed_keys', `Too many unknown keys came from this address: wait ${seconds} s`, {
    facts: { retry_after_seconds: seconds },
  });
}

/**
 * Finds the key.
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

/** Node reads header bytes as Latin-1, while a key chosen by a person stands in the configuration as UTF-8. */
function asSent(key: string): string {
  if (!BEYOND_ASCII.test(key)) return key;
  const bytes = Buffer.from(key, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : key;
}

/**
 * Prepares the look-up.
 *
 * @param trustedProxies addresses and networks whose word is taken; none: the header is ignored
 */
export function addressReader(trustedProxies: readonly string[]): (request: IncomingMessage) => string {
  if (trustedProxies.length === 0) return socketAddress;
  const trust = proxyAddr.compile([...trustedProxies]);
  return (request) => {
    const address = proxyAddr(request, trust);
    // A proxy passes on whatever its client wrote; only an address may be counted under.
    return isIP(address) === 0 ? socketAddress(request) : withoutMapping(address);
  };
}

function socketAddress(request: IncomingMessage): string {
  return addressOfSocket(request.socket) ?? UNKNOWN_ADDRESS;
}

/**
 * Names the other end of a connection.
 *
 * @returns an IP address, null where it is not known any more
 */
export function addressOfSocket(socket: object): string | null {
  const address = 'remoteAddress' in socket ? socket.remoteAddress : undefined;
  return typeof address === 'string' ? withoutMapping(address) : null;
}

function withoutMapping(address: string): string {
  const rest = address.slice(MAPPED_PREFIX.length);
  return address.startsWith(MAPPED_PREFIX) && isIPv4(rest) ? rest : address;
}
