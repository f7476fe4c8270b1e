/**
 * The `Host` header: its strict syntax, and which names are safe while a scope is open to everyone.
 *
 * A page in a browser can make its own name point to this machine (DNS rebinding) and then read an open server through it.
 * It cannot do so with an IP address or `localhost`, so only these and names that the operator allows are answered.
 */
import { isIP } from 'node:net';

/** A parsed authority. */
export interface HostName {
  /** Lower case, without port and brackets. */
  readonly name: string;
  /** True for an IPv4 or IPv6 address. */
  readonly isAddress: boolean;
  /** Null where none was written. */
  readonly port: number | null;
}

/** What `isIP` says of an IPv6 address. */
const IPV6 = 6;
const BRACKETED = /^\[([0-9A-Fa-f:.]+)\](?::([0-9]{0,5}))?$/;
const NAMED = /^([0-9A-Za-z._~!$&'()*+,;=%-]+)(?::([0-9]{0,5}))?$/;

/**
 * Parses an authority.
 *
 * @param text the value of `Host`, or what stands between `//` and the path of a target
 * @returns its name, or undefined where the syntax is wrong
 */
export function parseHost(text: string): HostName | undefined {
  const bracketed = BRACKETED.exec(text);
  const [, name, port = ''] = bracketed ?? NAMED.exec(text) ?? [];
  if (name === undefined) return undefined;
  const version = isIP(name);
  if (bracketed !== null && version !== IPV6) return undefined;
  return { name: name.toLowerCase(), isAddress: version !== 0, port: port === '' ? null : Number(port) };
}

/**
 * Prepares the test for safe names.
 *
 * @param allowedHosts names besides IP addresses and `localhost`, with or without a port
 * @returns a function that says whether a `Host` is safe while any scope is open
 */
export function hostGuard(allowedHosts: readonly string[]): (host: HostName) => boolean {
  const names = new Set(['localhost', ...allowedHosts.map((text) => parseHost(text)?.name ?? text.toLowerCase())]);
  return (host) => host.isAddress || names.has(host.name);
}
