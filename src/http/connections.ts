/**
 * The open connections and what runs on them, so that a server can stop: idle ones close at once, busy ones after their answer.
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Keeps count of connections. */
export class Connections {
  /** The answers under way on each connection; pipelined requests make several. */
  readonly #answers = new Map<Duplex, Set<ServerResponse>>();
  #closing = false;
  #whenEmpty: (() => void) | undefined;

  /**
   * Counts a connection until it closes.
   *
   * @param socket new, plain or with TLS
   */
  add(socket: Socket): void {
    this.#answers.set(socket, new Set());
    socket.once('close', () => {
      this.#answers.delete(socket);
      if (this.#answers.size === 0) this.#whenEmpty?.();
    });
    if (this.#closing) socket.destroy();
  }

  /**
   * Counts an answer until it is out, and lets it begin when those before it on its connection are: a client that sends a write
   * and behind it a read, without waiting, reads what it wrote.
   *
   * @param response Node's response to a request that has just come
   * @param serve answers the request; called now or when its turn has come, and never for a connection that has broken
   */
  begin(response: ServerResponse, serve: () => void): void {
    // The request's socket: a pipelined response gets one only when its turn has come.
    const { socket } = response.req;
    const answers = this.#answers.get(socket);
    if (answers === undefined) {
      serve();
      return;
    }
    this.afterAnswers(socket, () => {
      if (!socket.destroyed) serve();
    });
    answers.add(response);
    response.once('close', () => {
      answers.delete(response);
      if (this.#closing && answers.size === 0) socket.destroySoon();
    });
  }

  /**
   * Finds the request that is still coming in on a connection.
   *
   * @param socket the connection
   * @returns its answer, undefined where every request has come in whole
   */
  incoming(socket: Duplex): ServerResponse | undefined {
    return [...(this.#answers.get(socket) ?? [])].find((response) => !response.req.complete);
  }

  /**
   * Waits for the answers under way on a connection: nothing may overtake them.
   *
   * @param socket the connection
   * @param action called once none is under way, at once where there is none
   */
  afterAnswers(socket: Duplex, action: () => void): void {
    const newest = [...(this.#answers.get(socket) ?? [])].at(-1);
    if (newest === undefined) action();
    else newest.once('close', action);
  }

  /**
   * Closes idle connections now and the others when their answers are out.
   *
   * @param limitMs after how long what is left is cut off, in milliseconds
   * @returns resolves when no connection is left
   */
  async close(limitMs: number): Promise<void> {
    this.#closing = true;
    for (const [socket, answers] of this.#answers) if (answers.size === 0) socket.destroy();
    if (this.#answers.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        for (const socket of this.#answers.keys()) socket.destroy();
      }, limitMs);
      this.#whenEmpty = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
