/**
 * Raw bytes over a socket, for requests that no HTTP client sends.
 */
import { connect, type Socket } from 'node:net';

/** The response on a connection. */
export interface RawExchange {
  readonly text: string;
  /** True if the peer closed the connection normally, not with a reset. */
  readonly endedInOrder: boolean;
}

/** How to end an exchange. */
export interface RawOptions {
  /** Close our side after writing. */
  readonly half?: boolean;
  /** Longest wait in milliseconds. */
  readonly waitMs?: number;
}

const DEFAULT_WAIT_MS = 8000;

/** Opens a connection. */
export function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => resolve(socket));
    socket.once('error', reject);
  });
}

/** Writes bytes to a new connection and returns everything received until the peer closes it. */
export async function exchange(
  port: number,
  bytes: string | Buffer,
  { half = false, waitMs = DEFAULT_WAIT_MS }: RawOptions = {},
): Promise<RawExchange> {
  const socket = await open(port);
  return new Promise((resolve) => {
    let text = '';
    let ended = false;
    const finish = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ text, endedInOrder: ended });
    };
    const timer = setTimeout(finish, waitMs);
    socket.on('data', (piece) => {
      text += piece.toString('latin1');
    });
    socket.on('end', () => {
      ended = true;
      finish();
    });
    socket.on('error', finish);
    socket.on('close', finish);
    socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
    if (half) socket.end();
  });
}

/** The status of the first answer in a text; 0 for none. */
export function statusOf(text: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0);
}

/** The problem code in a raw answer. */
export function codeOf(text: string): string | undefined {
  return /"code":"([a-z_0-9]+)"/.exec(text)?.[1];
}
