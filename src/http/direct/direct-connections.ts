/**
 * The connections whose requests are answered without Node's HTTP: their timeouts, and their end when the server closes.
 */
import type { Socket } from 'node:net';
import { checkIntervalMs } from '../check-interval.js';
import type { HttpOptions } from '../http-options.js';
import { DirectConnection, type DirectListener } from './direct-connection.js';

/** What the server does with a connection that is not direct any more. */
interface DirectConnectionsParts {
  readonly listener: DirectListener;
  /** The timeouts are looked up at each check. */
  readonly options: Pick<HttpOptions, 'timeouts' | 'headerBytesMax'>;
  /** Gives a socket to Node. */
  readonly handOver: (socket: Socket) => void;
  /** Answers a connection on which no request came in time. */
  readonly refuseLate: (socket: Socket) => void;
}

/** The direct connections of a server. */
export class DirectConnections {
  readonly listener: DirectListener;
  readonly headBytesMax: number;
  readonly handOver: (socket: Socket) => void;
  isClosing = false;
  readonly #parts: DirectConnectionsParts;
  readonly #connections = new Set<DirectConnection>();
  #timer: NodeJS.Timeout | undefined;
  #whenEmpty: (() => void) | undefined;

  constructor(parts: DirectConnectionsParts) {
    this.listener = parts.listener;
    this.headBytesMax = parts.options.headerBytesMax;
    this.handOver = parts.handOver;
    this.#parts = parts;
    this.takeOptions();
  }

  /** Takes over timeouts that have changed. */
  takeOptions(): void {
    const { headersMs, keepAliveMs, idleMs } = this.#parts.options.timeouts;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#check(), checkIntervalMs(headersMs, keepAliveMs, idleMs));
    this.#timer.unref();
  }

  /** Reads a new connection. */
  add(socket: Socket): void {
    this.#connections.add(new DirectConnection(socket, this));
  }

  /** Called by a connection that closed or was handed over. */
  removed(connection: DirectConnection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#whenEmpty?.();
  }

  /**
   * Closes idle connections now and the others after their answers. Resolves when no connection is left.
   *
   * @param limitMs after how long the remaining ones are cut off, in milliseconds
   */
  async close(limitMs: number): Promise<void> {
    this.isClosing = true;
    clearInterval(this.#timer);
    for (const connection of this.#connections) if (!connection.isBusy) connection.socket.destroy();
    if (this.#connections.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        for (const { socket } of this.#connections) socket.destroy();
      }, limitMs);
      this.#whenEmpty = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #check(): void {
    const nowMs = performance.now();
    const { headersMs, keepAliveMs, idleMs } = this.#parts.options.timeouts;
    for (const connection of this.#connections) {
      const { socket, isBusy, hasAnswered } = connection;
      const isNew = !isBusy && !hasAnswered;
      if (nowMs - connection.activeMs <= (isBusy ? idleMs : isNew ? headersMs : keepAliveMs)) continue;
      if (isNew) {
        connection.detach();
        this.#parts.refuseLate(socket);
      } else {
        socket.destroy();
      }
    }
  }
}
