/**
 * Who is calling: the client's address, the API key in the headers, and the count of unknown keys.
 */
import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { isIP, isIPv4 } from 'node:net';
import proxyAddr from 'proxy-addr';
import { ANONYMOUS, type KeyPrincipal, type Principal, stateAt } from '../auth/principal.js';
import { AppError } from '../base/app-error.js';
import { assertWorks, unauthorized } from './authorization.js';
import { memoryOf } from './connection-memory.js';
import type { Exchange } from './exchange.js';
import { httpDate } from './http-date.js';
import type { HttpParts } from './http-parts.js';
import type { RequestHead } from './message.js';
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
/** How long before the end of a replaced key its answers say when that is, in milliseconds. */
const FAREWELL_MS = 604_800_000;

/**
 * Identifies the caller by its API key, at once if no derivation is needed. A key is checked even if none is needed.
 *
 * @throws {AppError} `ambiguous_credentials`, `unauthorized`, `too_many_failed_keys`, the last two perhaps through the promise
 */
export function identifyCaller(exchange: Exchange, parts: HttpParts): Principal | Promise<Principal> {
  const { authorizations, apiKeys } = exchange.headers;
  const count = authorizations.length + apiKeys.length;
  if (count === 0) return ANONYMOUS;
  const { keyring } = parts;
  const memory = memoryOf(exchange.request.socket);
  const isAuthorization = authorizations.length === 1;
  const text = (isAuthorization ? authorizations[0] : apiKeys[0]) ?? null;
  const isSame = count === 1 && text === memory.credential && isAuthorization === memory.isAuthorization;
  if (isSame && keyring.epoch === memory.epoch && memory.principal !== null) return recognised(exchange, memory.principal, parts);
  const credentials = findCredentials(exchange.headers);
  const key = credentials.kind === 'key' ? credentials.key : null;
  const known = key === null ? null : keyring.lookUp(key);
  if (known === null || known === undefined) {
    // It can take long, and a direct request is left to Node at once or not at all.
    exchange.needNode();
    return identifySlowly(exchange, key, parts);
  }
  memory.credential = text;
  memory.isAuthorization = isAuthorization;
  memory.principal = known;
  memory.epoch = keyring.epoch;
  return recognised(exchange, known, parts);
}

/**
 * Notes the use of a key that is current, and checks that it works now. Its holder has not guessed it, so a refusal is not counted.
 *
 * @throws {AppError} `unauthorized`
 */
function recognised(exchange: Exchange, principal: KeyPrincipal, { keyring, observer }: HttpParts): Principal {
  const { window, use } = principal;
  use.lastMs = exchange.startedMs;
  if (window === null) return principal;
  const nowMs = keyring.nowMs();
  if (stateAt(window, nowMs) === 'expired') observer.failedKey('expired');
  assertWorks(window, nowMs);
  if (window.isReplaced && window.expiresAtMs - nowMs <= FAREWELL_MS) {
    exchange.addedHeaders = [...exchange.addedHeaders, 'SimpleKV-Key-Expires-At', httpDate(window.expiresAtMs)];
  }
  return principal;
}

/** Derives a key that only a derivation can recognise, and counts failures. */
async function identifySlowly(exchange: Exchange, key: string | null, parts: HttpParts): Promise<Principal> {
  const { keyring, throttle, logger, observer } = parts;
  const { remote: address, projectId: project, requestId } = exchange;
  const blockedSeconds = await throttle.blockedSeconds(address);
  const onGone = (leave: () => void): void => exchange.onClose(leave);
  const principal = key === null ? null : await keyring.identify(key, { address, project, onGone }).catch((error: unknown) => {
    if (error instanceof AppError && error.code === 'too_many_failed_keys') observer.throttled('derivations');
    throw error;
  });
  if (principal !== null) return recognised(exchange, principal, parts);
  observer.failedKey('unknown');
  if (blockedSeconds > 0) {
    observer.throttled('failed_keys');
    throw tooManyFailedKeys(blockedSeconds);
  }
  if (await throttle.recordFailure(address)) {
    const facts = { remote: address, project, request_id: requestId };
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
export function addressReader(trustedProxies: readonly string[]): (request: RequestHead) => string {
  if (trustedProxies.length === 0) return socketAddress;
  const trust = proxyAddr.compile([...trustedProxies]);
  return (request) => {
    // It reads the header and the address of the socket, and nothing else.
    const address = proxyAddr(request as IncomingMessage, trust);
    // A proxy forwards whatever its client wrote; only an address is used as one.
    return isIP(address) === 0 ? socketAddress(request) : withoutMapping(address);
  };
}

function socketAddress(request: RequestHead): string {
  const memory = memoryOf(request.socket);
  memory.address ??= addressOfSocket(request.socket);
  return memory.address ?? UNKNOWN_ADDRESS;
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
