/** A port for a server that cannot choose one itself. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';

/** Returns a port that is free now, on the loopback address. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : assert.fail('a listening server has a port');
}
