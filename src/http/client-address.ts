/**
 * Where a request comes from: the socket's other end, or what trusted proxies say in `X-Forwarded-For`.
 */
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import proxyAddr from 'proxy-addr';

/** Stands for a caller whose socket is gone already. */
const UNKNOWN_ADDRESS = '0.0.0.0';

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
    return isIP(address) === 0 ? socketAddress(request) : address;
  };
}

function socketAddress(request: IncomingMessage): string {
  return request.socket.remoteAddress ?? UNKNOWN_ADDRESS;
}
