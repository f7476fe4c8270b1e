/**
 * The open connections and what runs on them, so that a server can stop: idle ones close at once, busy ones after their answer.
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Requests of one connection that begin in one round of the event loop; those behind them let other connections go first. */
const REQUESTS_PER_ROUND_MAX = 8;
/** Requests of one connection that may wait for their turn; beyond, nothing more is read from it until one is answered. */
const REQUESTS_WAITING_MAX = 64;

/** A connection, and what runs on it. */
interface Connection {
  /** The answers under way; pipelined requests make several. */
  readonly answers: Set<ServerResponse>;
  /** The one that came last, where it is still under way; only its request may still be coming in. */
  newest: ServerResponse | undefined;
  /** How many requests began in this round of the event loop. */
  begunInRound: number;
}

/** Keeps count of connections. */
export class Connections {
  readonly #connections = new Map<Duplex, Connection>();
  #closing = false;
  #whenEmpty: (() => void) | undefined;

  /** Counts a connection until it closes. */
  add(socket: Socket): void {
    this.#connections.set(socket, { answers: new Set(), newest: undefined, begunInRound: 0 });
    socket.once('close', () => {
      this.#connections.delete(socket);
      if (this.#connections.size === 0) this.#whenEmpty?.();
    });
    if (this.#closing) socket.destroy();
  }

  /**
   * Counts an answer until it is out, and lets it begin when those before it on its connection are: a client that sends a write
   * and behind it a read, without waiting, reads what it wrote. However many requests a client sends without waiting, the others
   * have their turn after a few of them.
   *
   * @param serve answers the request; called now or when its turn has come, and never for a connection that has broken
   */
  begin(response: ServerResponse, serve: () => void): void {
    // The request's socket: a pipelined response gets one only when its turn has come.
    const { socket } = response.req;
    const connection = this.#connections.get(socket);
    if (connection === undefined) {
      serve();
      return;
    }
    const { answers } = connection;
    this.afterAnswers(socket, () => inRound(connection, () => {
      if (!socket.destroyed) serve();
    }));
    // A streamed answer behind another has as many listeners as Node takes for a leak.
    response.setMaxListeners(0);
    answers.add(response);
    connection.newest = response;
    if (answers.size > REQUESTS_WAITING_MAX) socket.pause();
    response.once('close', () => {
      answers.delete(response);
      if (connection.newest === response) connection.newest = undefined;
      if (answers.size === REQUESTS_WAITING_MAX) socket.resume();
      if (this.#closing && answers.size === 0) socket.destroySoon();
    });
  }

  /**
   * Finds the request that is still coming in on a connection.
   *
   * @returns its answer, undefined where every request has come in whole
   */
  incoming(socket: Duplex): ServerResponse | undefined {
    const newest = this.#connections.get(socket)?.newest;
    return newest?.req.complete === false ? newest : undefined;
  }

  /**
   * Waits for the answers under way on a connection: nothing may overtake them.
   *
   * @param action called once none is under way, at once where there is none
   */
  afterAnswers(socket: Duplex, action: () => void): void {
    const newest = this.#connections.get(socket)?.newest;
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
    for (const [socket, { answers }] of this.#connections) if (answers.size === 0) socket.destroy();
    if (this.#connections.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        for (const socket of this.#connections.keys()) socket.destroy();
      }, limitMs);
      this.#whenEmpty = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Begins a request now, or in the next round of the event loop where this one has had enough of the connection. */
function inRound(connection: Connection, begin: () => void): void {
  if (connection.begunInRound === 0) setImmediate(() => void (connection.begunInRound = 0));
  connection.begunInRound += 1;
  if (connection.begunInRound <= REQUESTS_PER_ROUND_MAX) begin();
  else setImmediate(() => inRound(connection, begin));
}
