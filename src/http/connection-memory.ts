/**
 * What was found out about the last request of a connection, so that the next one with the same text need not be looked at again. A client
 * sends the same `Host` and the same API key in every request of a connection.
 */
import type { Duplex } from 'node:stream';
import type { KeyPrincipal } from '../auth/principal.js';
import type { HostName } from './host-header.js';

/** The memory of one connection. */
interface ConnectionMemory {
  /** The IP address of the peer; null until it is asked for. */
  address: string | null;
  /** The value of `Host`; null before the first one. */
  hostText: string | null;
  host: HostName | null;
  /** The value of the one header with an API key; null before the first one that was recognised. */
  credential: string | null;
  /** True if it was `Authorization`, false for `X-API-Key`. */
  isAuthorization: boolean;
  principal: KeyPrincipal | null;
  /** The keyring's epoch at that time: a key that was replaced or removed since is not recognised by it. */
  epoch: number;
}

const MEMORY = Symbol('memory');

interface Carrier extends Duplex {
  [MEMORY]?: ConnectionMemory;
}

/** Returns the memory of a connection. */
export function memoryOf(socket: Duplex): ConnectionMemory {
  return ((socket as Carrier)[MEMORY] ??= {
    address: null, hostText: null, host: null, credential: null, isAuthorization: false, principal: null, epoch: 0,
  });
}
