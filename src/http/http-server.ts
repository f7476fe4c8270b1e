/**
 * The Node server around the app: its limits and timeouts, the requests that its parser rejects, listening and closing. Knows nothing
 * of routes.
 */
import { createServer as createPlainServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { AppError, isErrno } from '../base/app-error.js';
import { invariant } from '../base/invariant.js';
import type { Logger } from '../base/logger.js';
import { addressOfSocket } from './access.js';
import { checkIntervalMs } from './check-interval.js';
import { Connections } from './connections.js';
import { DirectConnections } from './direct/direct-connections.js';
import type { DirectListener } from './direct/direct-connection.js';
import { VARY_ORIGIN } from './cors.js';
import type { HttpObserver } from './http-observer.js';
import type { HttpOptions } from './http-options.js';
import { ALL_METHODS } from './methods.js';
import { answerInPlace, answerRaw, parserFault, type ParserError, type RawAnswer } from './parser-fault.js';
import type { EventLoopTurns } from './event-loop-turns.js';

/** The codes of TLS errors: there was no request to answer. */
const TLS_FAULT = /^ERR_(?:SSL|TLS)_/;
const REQUEST_TIMEOUT = 'ERR_HTTP_REQUEST_TIMEOUT';
const TLS_VERSION_MIN = 'TLSv1.2';

interface HttpServerParts {
  readonly options: HttpOptions;
  readonly logger: Logger;
  /** Notified of each new connection. */
  readonly turns?: EventLoopTurns;
  readonly observer?: HttpObserver;
}

/** Where a server listens. */
interface ListeningAddress {
  readonly address: string;
  readonly port: number;
}

/** A server that listens once and closes once. */
export class HttpServer {
  readonly #server: Server;
  readonly #connections = new Connections();
  /** All sockets, including those in a TLS handshake. */
  readonly #sockets = new Set<Socket>();
  /** Connections whose malformed request was answered. */
  readonly #refused = new WeakSet<Duplex>();
  readonly #options: HttpOptions;
  readonly #logger: Logger;
  readonly #observer: HttpObserver | undefined;
  /** Headers of the answers that the app does not give. */
  #headers: Readonly<Record<string, string>>;
  #listener: RequestListener = (request, response) => void this.#early.push([request, response]);
  /** Node's own, which reads the requests of a socket. */
  readonly #nodeListener: (this: Server, socket: Socket) => void;
  #direct: DirectConnections | undefined;
  /**
   * Requests that arrived before {@link HttpServer.serve}: the server listens early in startup, so that a port in use is known. They wait
   * within the limits on connections and times.
   */
  #early: [IncomingMessage, ServerResponse][] = [];

  constructor({ options, logger, turns, observer }: HttpServerParts) {
    this.#options = options;
    this.#logger = logger;
    this.#observer = observer;
    this.#headers = headersFor(options);
    this.#server = createNodeServer(options);
    const serve = (request: IncomingMessage, response: ServerResponse): void => {
      this.#connections.begin(response, () => void this.#listener(request, response));
    };
    this.#server.on('request', serve);
    // Without these listeners Node would answer 100 and 417 itself; the app does so after its checks.
    this.#server.on('checkContinue', serve);
    this.#server.on('checkExpectation', serve);
    this.#server.on('connect', (_request: IncomingMessage, socket: Duplex) => this.#refuseConnect(socket));
    this.#server.on('clientError', (fault: Error, socket: Duplex) => this.#refuse(fault, socket));
    const [nodeListener] = this.#server.listeners('connection') as ((this: Server, socket: Socket) => void)[];
    invariant(nodeListener !== undefined, 'a server listens to its connections');
    this.#nodeListener = nodeListener;
    if (options.tls !== null) this.#server.on('secureConnection', (socket: Socket) => this.#connections.add(socket));
    this.#server.off('connection', nodeListener);
    this.#server.on('connection', (socket: Socket) => {
      turns?.noteConnection();
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      if (this.#direct === undefined) this.#giveToNode(socket, false);
      else this.#direct.add(socket);
    });
    // Without a listener for "upgrade", Node ignores the header.
  }

  /** Number of open connections, those in a TLS handshake included. */
  get connectionCount(): number {
    return this.#sockets.size;
  }

  /**
   * Takes over options that have changed: open connections keep the certificate that they began with. Address, port, HTTPS itself and the
   * limit of the headers' size are those of the beginning.
   */
  takeOptions(): void {
    const { tls } = this.#options;
    this.#headers = headersFor(this.#options);
    setLimits(this.#server, this.#options);
    this.#direct?.takeOptions();
    if (tls !== null && this.#server instanceof TlsServer) this.#server.setSecureContext({ ...tls, minVersion: TLS_VERSION_MIN });
  }

  /**
   * Answers requests from now on, first those that have arrived already.
   *
   * @param direct answers plain requests of new connections without Node's HTTP; not of TLS
   */
  serve(listener: RequestListener, direct?: DirectListener): void {
    this.#listener = listener;
    if (direct !== undefined && this.#options.tls === null) {
      this.#direct = new DirectConnections({
        listener: direct,
        options: this.#options,
        handOver: (socket) => this.#giveToNode(socket, true),
        refuseLate: (socket) => this.#refuse(Object.assign(new Error('No request arrived'), { code: REQUEST_TIMEOUT }), socket),
      });
    }
    for (const [request, response] of this.#early.splice(0)) void listener(request, response);
  }

  /** Has Node read a socket, beginning with what was put back to it. */
  #giveToNode(socket: Socket, isExpected: boolean): void {
    if (this.#options.tls === null) this.#connections.add(socket, isExpected);
    this.#nodeListener.call(this.#server, socket);
  }

  /**
   * Starts accepting connections.
   *
   * @throws {Error} with an errno name such as `EADDRINUSE`
   */
  async listen(): Promise<ListeningAddress> {
    const { host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    this.#server.on('error', (error) => this.#logger.error({ err: error }, 'Cannot accept connections'));
    const address = this.#server.address();
    invariant(typeof address === 'object' && address !== null, 'a listening server has an address and a port');
    return { address: address.address, port: address.port };
  }

  /** Stops accepting connections, lets answers in progress finish within the limit, and cuts off the rest. Resolves when none is left. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      // The only possible error is that it was not listening.
      this.#server.close(() => resolve());
    });
    const notStarted = new AppError('shutting_down', 'The server did not start');
    for (const [, response] of this.#early.splice(0)) answerInPlace(response, notStarted, this.#headers);
    const { shutdownMs } = this.#options.timeouts;
    const untilMs = performance.now() + shutdownMs;
    await Promise.all([this.#direct?.close(shutdownMs), this.#connections.close(shutdownMs)]);
    // A direct connection that was busy may have become Node's.
    await this.#connections.close(untilMs - performance.now());
    // The remaining sockets are unfinished TLS handshakes, without a request.
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #refuseConnect(socket: Duplex): void {
    const error = new AppError('method_not_allowed', 'Cannot CONNECT: this server is not a proxy');
    this.#log('CONNECT', socket, answerRaw(socket, error, { ...this.#headers, Allow: ALL_METHODS.join(', ') }));
  }

  #refuse(fault: ParserError, socket: Duplex): void {
    // The parser also reports what follows the first fault, which has been answered.
    if (this.#refused.has(socket)) return;
    this.#refused.add(socket);
    const { code = '' } = fault;
    if (TLS_FAULT.test(code)) {
      this.#logger.info({ remote: addressOfSocket(socket), fault: code }, 'TLS failed on a connection');
      socket.destroy();
      return;
    }
    const incoming = this.#connections.incoming(socket);
    if (!socket.writable || incoming?.headersSent === true || isErrno(fault, 'ECONNRESET', 'EPIPE')) {
      socket.destroy();
      return;
    }
    const { error, isUnknownMethod } = parserFault(fault);
    if (incoming !== undefined) {
      // The access log has a line for this request.
      answerInPlace(incoming, error);
      return;
    }
    this.#connections.afterAnswers(socket, () => {
      const headers = isUnknownMethod ? { ...this.#headers, Allow: ALL_METHODS.join(', ') } : this.#headers;
      if (socket.writable) this.#log(null, socket, answerRaw(socket, error, headers));
    });
  }

  #log(method: string | null, socket: Duplex, { requestId, problem }: RawAnswer): void {
    const { status, code } = problem;
    this.#observer?.refused(status, code);
    // The headers were not read, so behind a proxy this is the address of the proxy.
    const remote = addressOfSocket(socket);
    this.#logger.info({ request_id: requestId, remote, method, route: null, status, code, actor: null, project: null }, 'request');
  }
}

function headersFor({ allowedOrigins }: HttpOptions): Readonly<Record<string, string>> {
  return allowedOrigins.length === 0 ? {} : Object.fromEntries([VARY_ORIGIN]);
}

function createNodeServer(options: HttpOptions): Server {
  const { tls, headerBytesMax } = options;
  const { headersMs, requestMs } = options.timeouts;
  const settings = {
    maxHeaderSize: headerBytesMax,
    connectionsCheckingInterval: checkIntervalMs(headersMs, requestMs),
    insecureHTTPParser: false,
    // The app checks this, because Node's answer has no body.
    requireHostHeader: false,
  };
  const tlsSettings = { ...settings, ...tls, minVersion: TLS_VERSION_MIN, handshakeTimeout: headersMs } as const;
  const server = tls === null ? createPlainServer(settings) : createTlsServer(tlsSettings);
  // No limit: Node would silently drop the headers beyond it. The app counts the raw list.
  server.maxHeadersCount = 0;
  setLimits(server, options);
  return server;
}

/** Sets the limits that may change while the server runs. */
function setLimits(server: Server, { connectionsMax, timeouts }: HttpOptions): void {
  server.maxConnections = connectionsMax;
  server.headersTimeout = timeouts.headersMs;
  server.requestTimeout = timeouts.requestMs;
  server.keepAliveTimeout = timeouts.keepAliveMs;
  server.timeout = timeouts.idleMs;
}
