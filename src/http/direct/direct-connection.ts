/**
 * One connection whose requests are answered without Node's HTTP, until the first one that is not plain: from then on it is Node's, with
 * everything that was read and not answered. One request at a time: what arrives meanwhile waits.
 */
import type { Socket } from 'node:net';
import { DirectRequest, DirectResponse } from './direct-message.js';
import { type KnownHeaders, readPlainRequest } from './plain-request.js';

/** Answers a request, or has it {@link DirectResponse.leave}. */
export type DirectListener = (request: DirectRequest, response: DirectResponse) => void;

/** What a connection needs of its server. */
interface DirectOwner {
  readonly listener: DirectListener;
  /** Longest head of a request, in bytes. */
  readonly headBytesMax: number;
  /** True once the server closes. */
  readonly isClosing: boolean;
  /** The connection has closed, or is not direct any more. */
  removed(connection: DirectConnection): void;
  /** Gives the socket to Node, which reads again what was put back. */
  handOver(socket: Socket): void;
}

const ignoreError = (): void => undefined;

/** A connection, from its first byte until it is Node's or closed. */
export class DirectConnection {
  readonly socket: Socket;
  /** When something last happened, by the monotonic clock, in milliseconds. */
  activeMs = performance.now();
  /** True once a request was answered. */
  hasAnswered = false;
  readonly #owner: DirectOwner;
  /** Of the request in progress, with its bytes. */
  #response: DirectResponse | undefined;
  #chunk: Buffer | undefined;
  /** What arrived meanwhile. */
  #waiting: Buffer[] = [];
  /** The headers of a request before. */
  #known: KnownHeaders | null = null;

  constructor(socket: Socket, owner: DirectOwner) {
    this.socket = socket;
    this.#owner = owner;
    socket.on('data', this.#onData).on('end', this.#onEnd).on('error', ignoreError).on('close', this.#onClose);
  }

  /** True while a request is in progress. */
  get isBusy(): boolean {
    return this.#response !== undefined;
  }

  readonly #onData = (chunk: Buffer): void => {
    this.activeMs = performance.now();
    if (this.#response === undefined) {
      this.#take(chunk);
      return;
    }
    this.#waiting.push(chunk);
    this.socket.pause();
  };

  /** The client sends no more. */
  readonly #onEnd = (): void => {
    if (this.#response === undefined) this.socket.end();
  };

  readonly #onClose = (): void => {
    this.#owner.removed(this);
    this.#response?.close();
  };

  #take(chunk: Buffer): void {
    const request = readPlainRequest(chunk, { known: this.#known, headBytesMax: this.#owner.headBytesMax });
    if (request === undefined) {
      this.#handOver(chunk);
      return;
    }
    this.#known = request.known;
    this.#chunk = chunk;
    const response = new DirectResponse(this.socket, this);
    this.#response = response;
    this.#owner.listener(new DirectRequest(request, this.socket), response);
  }

  /** The answer was sent. */
  sent(): void {
    const response = this.#response;
    this.#response = undefined;
    this.#chunk = undefined;
    this.hasAnswered = true;
    this.activeMs = performance.now();
    response?.close();
    const { socket } = this;
    if (this.#waiting.length > 0) {
      this.#take(Buffer.concat(this.#waiting.splice(0)));
    } else if (this.#owner.isClosing || socket.readableEnded) {
      socket.destroySoon();
    } else if (socket.isPaused()) {
      socket.resume();
    }
  }

  /** Leaves the request in progress to Node. */
  leave(): void {
    const chunk = this.#chunk;
    this.#response = undefined;
    this.#chunk = undefined;
    if (chunk !== undefined) this.#handOver(chunk);
  }

  #handOver(chunk: Buffer): void {
    const { socket } = this;
    if (socket.readableEnded) {
      // Nothing can be put back any more. Node answers nothing on such a connection either.
      socket.destroySoon();
      return;
    }
    this.detach();
    // Paused, or what is put back would be dropped for want of a reader.
    socket.pause();
    for (const piece of [chunk, ...this.#waiting].toReversed()) socket.unshift(piece);
    this.#owner.handOver(socket);
    socket.resume();
  }

  /** Ends the direct way of the connection, which stays open. */
  detach(): void {
    const { socket } = this;
    // The listener for errors stays: one that comes before the next owner listens must not end the process.
    socket.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose);
    this.#owner.removed(this);
  }
}
