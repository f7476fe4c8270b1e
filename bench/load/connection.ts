/**
 * One connection of a load: sends a request that is ready as bytes, and reports when its answer is complete. Far less work than an HTTP
 * client does, so that one core can load a server on another one.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { AnswerReader } from './answer-reader.js';

const READ_BYTES = 262_144;
const STATUS_SUCCESS_MIN = 200;
const STATUS_SUCCESS_MAX = 299;

/** All connections read into the same memory: what came is looked at before anything else is read. */
const readBuffer = Buffer.allocUnsafeSlow(READ_BYTES);

/** What a connection reports. */
export interface ConnectionEvents {
  /** An answer is complete, and the next request may be sent. */
  onAnswer(connection: Connection): void;
  /** The connection has failed, or an answer was not a success: a faster refusal is no result. */
  onFailure(error: Error): void;
}

/** A connection that waits for each answer before it asks again. */
export class Connection {
  /** When the last request was sent, by `performance.now()`. */
  sentAtMs = 0;
  /** Free for the caller: which request comes next. */
  next = 0;
  readonly #reader = new AnswerReader();
  readonly #events: ConnectionEvents;
  readonly #socket: Socket;
  #isClosing = false;

  constructor(port: number, events: ConnectionEvents) {
    this.#events = events;
    this.#socket = connect({
      host: '127.0.0.1', port, noDelay: true,
      onread: { buffer: readBuffer, callback: (count) => this.#take(count) },
    });
    this.#socket.on('error', (error) => this.#events.onFailure(error));
    this.#socket.on('close', () => {
      if (!this.#isClosing) this.#events.onFailure(new Error('Cannot go on with a load: the server closed a connection'));
    });
  }

  /** Body bytes of the newest answer. */
  get bodyBytes(): number {
    return this.#reader.bodyBytes;
  }

  /** Resolves once it is connected. */
  async opened(): Promise<void> {
    if (this.#socket.connecting) await once(this.#socket, 'connect');
  }

  /** Sends one request; the answer to the one before must be there. */
  send(request: Buffer): void {
    this.sentAtMs = performance.now();
    this.#socket.write(request);
  }

  /** Closes it. */
  close(): void {
    this.#isClosing = true;
    this.#socket.destroy();
  }

  #take(count: number): boolean {
    try {
      if (!this.#reader.take(readBuffer.subarray(0, count))) return true;
    } catch (error) {
      this.#events.onFailure(error as Error);
      return true;
    }
    const { status } = this.#reader;
    if (status < STATUS_SUCCESS_MIN || status > STATUS_SUCCESS_MAX) {
      this.#events.onFailure(new Error(`Cannot use this load: an answer has the status ${status}`));
    } else {
      this.#events.onAnswer(this);
    }
    return true;
  }
}
