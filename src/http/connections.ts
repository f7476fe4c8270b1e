/**
 * The open connections and their requests: the order and fairness of pipelined requests, and shutdown, which closes idle connections at
 * once and busy ones after their answers.
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Requests of one connection that start in one round of the event loop; the rest let other connections go first. */
const REQUESTS_PER_ROUND_MAX = 8;
/** Requests of one connection that may wait; beyond this, the connection is not read until one is answered. */
const REQUESTS_WAITING_MAX = 64;

interface Connection {
  /** The answers in progress; several for pipelined requests. */
  readonly answers: Set<ServerResponse>;
  /** The last one, if it is still in progress. Only its request may still be arriving. */
  newest: ServerResponse | undefined;
  /** The last round of the event loop in which a request started, and how many have started in it. */
  round: number;
  startedInRound: number;
  /** True while a request is due whose bytes were read elsewhere. */
  isExpected: boolean;
}

/** Tracks the connections of a server. */
export class Connections {
  readonly #connections = new Map<Duplex, Connection>();
  #closing = false;
  /** Counts the rounds of the event loop in which requests start. */
  #round = 0;
  #isRoundOpen = false;
  #whenEmpty: (() => void) | undefined;

  /**
   * Tracks a connection until it closes.
   *
   * @param isExpected true if bytes were read that are to be answered, also while the server closes @default false
   */
  add(socket: Socket, isExpected = false): void {
    const connection: Connection = { answers: new Set(), newest: undefined, round: 0, startedInRound: 0, isExpected };
    this.#connections.set(socket, connection);
    // Node resumes a connection after each answer, to read past the body of its request.
    socket.on('resume', () => {
      if (connection.answers.size > REQUESTS_WAITING_MAX) socket.pause();
    });
    socket.once('close', () => {
      this.#connections.delete(socket);
      if (this.#connections.size === 0) this.#whenEmpty?.();
    });
    if (this.#closing && !isExpected) socket.destroy();
  }

  /**
   * Tracks an answer until it is sent, and starts it after the earlier ones on its connection: a client that pipelines a write and a
   * read reads its own write. However many requests a client pipelines, other connections have their turn after a few of them.
   *
   * @param serve answers the request; called now or later, and never for a broken connection
   */
  begin(response: ServerResponse, serve: () => void): void {
    // The socket of the request: a pipelined response has none until the earlier ones are sent.
    const { socket } = response.req;
    const connection = this.#connections.get(socket);
    if (connection === undefined) {
      serve();
      return;
    }
    const { answers, newest } = connection;
    connection.isExpected = false;
    this.#track(response, socket, connection);
    if (newest === undefined) this.#startOrWait(connection, socket, serve);
    else newest.once('close', () => this.#startOrWait(connection, socket, serve));
    if (answers.size > REQUESTS_WAITING_MAX) socket.pause();
  }

  #track(response: ServerResponse, socket: Socket, connection: Connection): void {
    const { answers } = connection;
    // A streamed answer behind another one has so many listeners that Node warns of a leak.
    response.setMaxListeners(0);
    answers.add(response);
    connection.newest = response;
    response.on('close', () => {
      answers.delete(response);
      if (connection.newest === response) connection.newest = undefined;
      if (answers.size === REQUESTS_WAITING_MAX) socket.resume();
      if (this.#closing && answers.size === 0) socket.destroySoon();
    });
  }

  #startOrWait(connection: Connection, socket: Socket, serve: () => void): void {
    if (socket.destroyed) return;
    if (this.#mayStart(connection)) serve();
    else setImmediate(() => this.#startOrWait(connection, socket, serve));
  }

  /** Tells whether a connection may start another request in this round of the event loop, and counts it. */
  #mayStart(connection: Connection): boolean {
    if (!this.#isRoundOpen) {
      this.#isRoundOpen = true;
      this.#round += 1;
      setImmediate(() => void (this.#isRoundOpen = false));
    }
    if (connection.round !== this.#round) {
      connection.round = this.#round;
      connection.startedInRound = 0;
    }
    connection.startedInRound += 1;
    return connection.startedInRound <= REQUESTS_PER_ROUND_MAX;
  }

  /** Returns the answer of the request that is still arriving on a connection; undefined if every request is complete. */
  incoming(socket: Duplex): ServerResponse | undefined {
    const newest = this.#connections.get(socket)?.newest;
    return newest?.req.complete === false ? newest : undefined;
  }

  /** Calls `action` once no answer is in progress on the connection, possibly immediately. */
  afterAnswers(socket: Duplex, action: () => void): void {
    const newest = this.#connections.get(socket)?.newest;
    if (newest === undefined) action();
    else newest.once('close', action);
  }

  /**
   * Closes idle connections now and the others after their answers. Resolves when no connection is left. May be called again for those that
   * were added since.
   *
   * @param limitMs after how long the remaining ones are cut off, in milliseconds
   */
  async close(limitMs: number): Promise<void> {
    this.#closing = true;
    for (const [socket, { answers, isExpected }] of this.#connections) if (answers.size === 0 && !isExpected) socket.destroy();
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
