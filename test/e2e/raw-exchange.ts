/**
 * Bytes to a socket and bytes back, for requests that no client would send.
 */
import { connect } from 'node:net';

/** How an exchange goes. */
export interface RawOptions {
  /** Closes our side after writing. */
  readonly half?: boolean;
  /** Longest wait in milliseconds. */
  readonly waitMs?: number;
}

const WAIT_MS = 15_000;

/**
 * Writes bytes on a new connection.
 *
 * @param port where to
 * @param bytes what; text as Latin-1
 * @param options how
 * @returns what came back until the other side closed
 */
export function exchangeRaw(port: number, bytes: string | Buffer, { half = false, waitMs = WAIT_MS }: RawOptions = {}): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const finish = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(text);
    };
    const timer = setTimeout(finish, waitMs);
    socket.on('data', (piece: Buffer) => void (text += piece.toString('latin1')));
    socket.on('end', finish);
    socket.on('error', finish);
    socket.on('close', finish);
    socket.on('connect', () => {
      socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
      if (half) socket.end();
    });
  });
}

/** The statuses of all answers in a text, in their order. */
export function statusesOf(text: string): readonly number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
}
