/**
 * The `Host` header: its strict syntax, its presence, and the names that are safe while a scope is open.
 *
 * A page in a browser can point its own name to this machine (DNS rebinding) and then read an open server through it. It cannot do so
 * with an IP address or `localhost`, so while a scope is open only these and the names that the operator allows are served.
 */
import { isIP } from 'node:net';
import { AppError } from '../base/app-error.js';

/** A parsed `Host`. */
export interface HostName {
  /** Lower case, without port and brackets. */
  readonly name: string;
  /** True for an IPv4 or IPv6 address. */
  readonly isAddress: boolean;
  /** Null if there is none. */
  readonly port: number | null;
}

/** The result of `isIP` for an IPv6 address. */
const IPV6 = 6;
const BRACKETED = /^\[([0-9A-Fa-f:.]+)\](?::([0-9]{0,5}))?$/;
const NAMED = /^([0-9A-Za-z._~!$&'()*+,;=%-]+)(?::([0-9]{0,5}))?$/;

/** Parses the value of `Host`, or the authority of a URL; undefined if the syntax is invalid. */
export function parseHost(text: string): HostName | undefined {
  const bracketed = BRACKETED.exec(text);
  const [, name, port = ''] = bracketed ?? NAMED.exec(text) ?? [];
  if (name === undefined) return undefined;
  const version = isIP(name);
  if (bracketed !== null && version !== IPV6) return undefined;
  return { name: name.toLowerCase(), isAddress: version !== 0, port: port === '' ? null : Number(port) };
}

/**
 * Returns a function that tells whether a host is safe while a scope is open.
 *
 * @param allowedHosts names besides IP addresses and `localhost`, with or without a port
 */
export function hostGuard(allowedHosts: readonly string[]): (host: HostName) => boolean {
  const names = new Set(['localhost', ...allowedHosts.map((text) => parseHost(text)?.name ?? text.toLowerCase())]);
  return (host) => host.isAddress || names.has(host.name);
}

/**
 * Reads the one `Host` header of a request.
 *
 * @param hosts the values of all `Host` headers
 * @returns null for HTTP/1.0 without `Host`, as health checks send it; it counts as an unsafe name
 * @throws {AppError} `ambiguous_host`, `bad_request`
 */
export function readHost(hosts: readonly string[], httpVersion: string): HostName | null {
  const [text] = hosts;
  if (hosts.length > 1) throw new AppError('ambiguous_host', `Cannot choose among ${hosts.length} Host headers: send one`);
  if (text === undefined && httpVersion === '1.0') return null;
  if (text === undefined) throw new AppError('bad_request', 'Cannot answer an HTTP/1.1 request without a Host header');
  const host = parseHost(text);
  if (host === undefined) throw new AppError('bad_request', 'Cannot read the Host header: it is not a name or an address with a port');
  return host;
}

/** The refusal of a host that is not safe while a scope is open. */
export function misdirected(): AppError {
  const message =
    'Cannot answer under this Host, or without one, while authentication is off for a project or globally: ' +
    'use an IP address or "localhost", or add the name to "allowed_hosts"';
  return new AppError('misdirected_request', message);
}
