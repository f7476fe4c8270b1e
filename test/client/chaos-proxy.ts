/**
 * A proxy that treats requests as a bad network does: it delays them, breaks connections before and after they arrived, cuts requests and
 * answers in half, and sends requests twice. Streams are cut after a while. What it does is chosen at random from a seed.
 */
import { once } from 'node:events';
import {
  type ClientRequest, createServer, type IncomingMessage, request as httpRequest, type Server, type ServerResponse,
} from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What may become of a request. */
const FATES = ['pass', 'pass', 'delay', 'reset before', 'reset after', 'half request', 'half answer', 'twice'] as const;

/** One of {@link FATES}. */
export type Fate = (typeof FATES)[number];

/** An answer that was read whole. */
interface Received {
  readonly head: IncomingMessage;
  readonly body: Buffer;
}

const DELAY_MS_MAX = 30;
const STREAM_MS_MAX = 300;

/** The proxy. */
export class ChaosProxy {
  /** The port that requests are handed to; another one after a restart of the server. */
  target: number;
  /** How often each fate was met. */
  readonly fates = new Map<Fate, number>();
  readonly #random: () => number;
  readonly #server: Server;

  private constructor(target: number, random: () => number) {
    this.target = target;
    this.#random = random;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => request.socket.destroy());
    });
  }

  /** Starts a proxy to a port of this machine. */
  static async start(target: number, random: () => number): Promise<ChaosProxy> {
    const proxy = new ChaosProxy(target, random);
    await once(proxy.#server.listen(0, '127.0.0.1'), 'listening');
    return proxy;
  }

  /** Where it listens. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Ends it. */
  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.headers.accept === 'text/event-stream') return this.#stream(request, response);
    const body = await bytesOf(request);
    const fate = FATES[Math.floor(this.#random() * FATES.length)] ?? 'pass';
    this.fates.set(fate, (this.fates.get(fate) ?? 0) + 1);
    if (fate === 'reset before') return void request.socket.destroy();
    if (fate === 'half request') return await this.#sendHalf(request, body);
    if (fate === 'delay') await sleep(this.#random() * DELAY_MS_MAX);
    const answers = await Promise.all(Array.from({ length: fate === 'twice' ? 2 : 1 }, () => this.#forward(request, body)));
    const answer = answers.at(-1);
    if (answer === undefined || fate === 'reset after') return void request.socket.destroy();
    response.writeHead(answer.head.statusCode ?? 0, answer.head.rawHeaders);
    if (fate !== 'half answer') return void response.end(answer.body);
    response.write(answer.body.subarray(0, answer.body.length / 2));
    await sleep(1);
    request.socket.destroy();
  }

  async #forward(request: IncomingMessage, body: Buffer): Promise<Received> {
    const sent = this.#open(request);
    sent.end(body);
    const [head] = await once(sent, 'response') as [IncomingMessage];
    return { head, body: await bytesOf(head) };
  }

  #open({ method, url, headers }: IncomingMessage): ClientRequest {
    return httpRequest({ host: '127.0.0.1', port: this.target, method, path: url, headers, agent: false });
  }

  /** The server sees the head, part of the body, and the end of the connection. */
  async #sendHalf(request: IncomingMessage, body: Buffer): Promise<void> {
    const { rawHeaders } = request;
    const names = rawHeaders.filter((_, index) => index % 2 === 0);
    const head = names.map((name, index) => `${name}: ${rawHeaders[2 * index + 1] ?? ''}`);
    const whole = Buffer.concat([Buffer.from(`${request.method} ${request.url} HTTP/1.1\r\n${head.join('\r\n')}\r\n\r\n`), body]);
    const socket = connect(this.target, '127.0.0.1').on('error', () => undefined);
    socket.end(whole.subarray(0, whole.length - Math.ceil((body.length || whole.length) / 2)));
    socket.resume();
    await Promise.race([once(socket, 'close'), sleep(DELAY_MS_MAX)]);
    request.socket.destroy();
  }

  async #stream(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const sent = this.#open(request);
    sent.end();
    const cut = setTimeout(() => request.socket.destroy(), this.#random() * STREAM_MS_MAX);
    request.socket.once('close', () => {
      clearTimeout(cut);
      sent.destroy();
    });
    const [head] = await once(sent, 'response') as [IncomingMessage];
    head.on('error', () => request.socket.destroy());
    response.writeHead(head.statusCode ?? 0, head.rawHeaders);
    head.pipe(response);
  }
}

async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of message) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}
