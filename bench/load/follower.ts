/** Follows the events of a server, and does nothing with them. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { RunningServer } from '../server-process.js';

/** A client that takes server-sent events as they come and does nothing with them. */
export class Follower {
  /** Received so far. */
  bytes = 0;
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (piece: Buffer) => void (this.bytes += piece.length));
  }

  /** Connects, and waits for the first bytes. */
  static async open(server: RunningServer, path: string): Promise<Follower> {
    const socket = connect(server.port, '127.0.0.1');
    await once(socket, 'connect');
    const fields = { ...server.headers, Accept: 'text/event-stream', Host: '127.0.0.1' };
    const headers = Object.entries(fields).map(([name, text]) => `${name}: ${text}\r\n`);
    socket.write(`GET ${path}?since=now HTTP/1.1\r\n${headers.join('')}\r\n`);
    const [head] = (await once(socket, 'data')) as [Buffer];
    if (!head.toString('latin1').startsWith('HTTP/1.1 200')) throw new Error(`Cannot follow: ${head.toString('latin1')}`);
    return new Follower(socket);
  }

  async close(): Promise<void> {
    this.#socket.destroy();
    await once(this.#socket, 'close');
  }
}
