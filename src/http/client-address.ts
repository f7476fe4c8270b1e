/**
 * Where a request comes from: the socket's other end, or what trusted proxies say in `X-Forwarded-For`.
 */
import type { IncomingMessage } from 'node:http';
import { isIP, isIPv4 } from 'node:net';
import proxyAddr from 'proxy-addr';

/** Stands for a caller whose socket is gone already. */
const UNKNOWN_ADDRESS = '0.0.0.0';
/** Before an IPv4 address that came over a socket of IPv6: the same client must not have two names in the log. */
const MAPPED_PREFIX = '::ffff:';

/**
 * Prepares the look-up.
 *
 * @param trustedProxies addresses and networks whose word is taken; none: the header is ignored
 * @returns a function from Node's request to an IP address
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
 * @param socket plain or with TLS
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
