/**
 * Requests whose body comes in two parts, and answers that are read in two parts: whatever a test does in between happens while
 * the request is under way.
 */
import { connect, type Socket } from 'node:net';
import { until } from './server-under-test.js';

/** A request as it begins. */
export interface SlowStart {
  readonly method: string;
  readonly target: string;
  /** API key; null: none. */
  readonly key: string | null;
  readonly body: string;
}

const BLANK_LINE = '\r\n\r\n';
const CONTINUE = `HTTP/1.1 100 Continue${BLANK_LINE}`;

/** A connection that a test drives by hand. */
export class SlowConnection {
  readonly #socket: Socket;
  #text = '';
  #bytes = 0;
  #isClosed = false;

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1' });
    this.#socket.on('data', (piece: Buffer) => {
      this.#bytes += piece.length;
      this.#text += piece.toString('latin1');
    });
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => void (this.#isClosed = true));
  }

  /** Everything that has come back. */
  get text(): string {
    return this.#text;
  }

  /** How many bytes have come back. */
  get bytes(): number {
    return this.#bytes;
  }

  /** True once the other side has closed. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Writes text. */
  write(text: string): void {
    this.#socket.write(Buffer.from(text, 'latin1'));
  }

  /** Stops or goes on reading. */
  setReading(isReading: boolean): void {
    if (isReading) this.#socket.resume();
    else this.#socket.pause();
  }

  /** Waits until it is closed. */
  async closed(): Promise<void> {
    await until('a connection that is closed', () => (this.#isClosed ? true : undefined));
  }

  /** Breaks the connection. */
  destroy(): void {
    this.#socket.destroy();
  }
}

/** A request whose headers were accepted and of whose body the first byte was sent. */
export class SlowRequest {
  readonly #connection: SlowConnection;
  readonly #rest: string;

  private constructor(connection: SlowConnection, rest: string) {
    this.#connection = connection;
    this.#rest = rest;
  }

  /** Sends headers and the first byte; resolves when the server has asked for the body, which is after it decided about the caller. */
  static async begin(port: number, { method, target, key, body }: SlowStart): Promise<SlowRequest> {
    const connection = new SlowConnection(port);
    const credentials = key === null ? '' : `Authorization: Bearer ${key}\r\n`;
    const head = `${method} ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\n${credentials}Content-Type: application/json\r\n`;
    connection.write(`${head}Expect: 100-continue\r\nConnection: close\r\nContent-Length: ${body.length}${BLANK_LINE}`);
    await until(`leave to send the body of ${method} ${target}, not ${connection.text}`, () =>
      connection.text.startsWith(CONTINUE) ? true : undefined);
    connection.write(body.slice(0, 1));
    return new SlowRequest(connection, body.slice(1));
  }

  /** Sends the rest of the body and waits for the answer. */
  async finish(): Promise<{ readonly status: number; readonly text: string }> {
    this.#connection.write(this.#rest);
    await this.#connection.closed();
    const answer = this.#connection.text.slice(CONTINUE.length);
    const end = answer.indexOf(BLANK_LINE);
    return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0), text: answer.slice(end + BLANK_LINE.length) };
  }
}
