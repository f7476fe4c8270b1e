/**
 * The app on a real socket, over projects in memory: one server for each test.
 */
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { Writable } from 'node:stream';
import { generateApiKey } from '../../src/auth/api-key.js';
import type { DerivationQueueOptions } from '../../src/auth/derivation-queue.js';
import { FailedKeyThrottle } from '../../src/auth/failed-key-throttle.js';
import { hashGenerated } from '../../src/auth/key-hash.js';
import { Keyring } from '../../src/auth/keyring.js';
import type { Clock } from '../../src/base/clock.js';
import { createLogger } from '../../src/base/server-log.js';
import type { LifecycleState, Reload } from '../../src/http/http-parts.js';
import type { StreamTimes } from '../../src/http/events/open-streams.js';
import type { HttpOptions } from '../../src/http/http-options.js';
import { checkAnswer } from '../api/check-answer.js';
import { DEFAULT_HTTP_OPTIONS } from './default-http-options.js';
import { HttpServer } from '../../src/http/http-server.js';
import type { DirectListener } from '../../src/http/direct/direct-connection.js';
import type { DirectResponse } from '../../src/http/direct/direct-message.js';
import { EventLoopTurns } from '../../src/http/event-loop-turns.js';
import { Pipeline } from '../../src/http/pipeline.js';
import { Metrics } from '../../src/metrics/metrics.js';
import { FakeFacts } from '../metrics/fake-facts.js';
import { FakeProjects } from './fake-projects.js';

/** Options of a test server. */
export interface TestServerOptions {
  readonly http?: Partial<HttpOptions>;
  /** False: the routes of a single key pass through Koa too. @default true */
  readonly hotPath?: boolean;
  /** False: Node reads plain requests too. @default as `hotPath` */
  readonly isDirect?: boolean;
  /** Called before a request is answered directly. */
  readonly onDirect?: (response: DirectResponse) => void;
  readonly globalOpen?: boolean;
  readonly failuresPerMinute?: number;
  /** Derives typed keys instead of scrypt. */
  readonly derive?: NonNullable<DerivationQueueOptions['derive']>;
  readonly streamTimes?: StreamTimes;
  /** Of the rates, and of API keys. @default the system's, for API keys */
  readonly clock?: Clock;
}

/** The parts of an answer. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
}

/** What a test sends. */
export interface Sent {
  readonly key?: string | null;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string | Buffer;
}

/** A server with the projects `alpha` and `beta`, and `open` without authentication if a test adds it. */
export class TestServer {
  readonly projects = new FakeProjects();
  readonly keyring: Keyring;
  readonly globalKey = generateApiKey('global');
  readonly alphaKey = generateApiKey('project');
  readonly betaKey = generateApiKey('project');
  /** Every line of the server log. */
  readonly lines: Record<string, unknown>[] = [];
  state: LifecycleState = 'serving';
  /** Answers `POST /api/v1/reload`. */
  reload: Reload = () => Promise.resolve({ changed: [], needsRestart: [], projects: [] });
  port = 0;
  readonly metrics = new Metrics('_server');
  readonly server: HttpServer;
  readonly pipeline: Pipeline;

  constructor(options: TestServerOptions = {}) {
    const { http = {}, hotPath = true, isDirect = hotPath, onDirect, globalOpen = false } = options;
    const { failuresPerMinute = 100, derive, streamTimes = {}, clock } = options;
    this.keyring = new Keyring({ ...(derive && { derive }), ...(clock && { clock }) });
    const { projects } = this;
    projects.add('alpha');
    projects.add('beta');
    this.keyring.setKey({ kind: 'global' }, { hash: hashGenerated(this.globalKey) });
    this.keyring.setKey({ kind: 'project', project: 'alpha' }, { hash: hashGenerated(this.alphaKey) });
    this.keyring.setKey({ kind: 'project', project: 'beta' }, { hash: hashGenerated(this.betaKey) });
    const httpOptions: HttpOptions = { ...DEFAULT_HTTP_OPTIONS, port: 0, ...http };
    const collected = this.#collect();
    const logger = createLogger({ level: 'debug', destination: { write: (text) => collected.write(text) } });
    const turns = new EventLoopTurns();
    this.pipeline = new Pipeline({
      projects,
      reload: (options, context) => this.reload(options, context),
      keyring: this.keyring,
      throttle: new FailedKeyThrottle({ failuresPerMinute }),
      scopes: {
        globalOpen,
        isProjectOpen: (project) => projects.isOpen(project),
        get anyOpen() {
          return globalOpen || projects.anyOpen;
        },
      },
      logger,
      options: httpOptions,
      phase: () => this.state,
      version: '1.2.3-test',
      turns,
      observer: this.metrics.http,
      measured: this.metrics,
    }, { hotPath, streamTimes, ...(clock && { clock }) });
    this.server = new HttpServer({ options: httpOptions, logger, turns, observer: this.metrics.http });
    const direct: DirectListener = (request, response) => {
      onDirect?.(response);
      this.pipeline.handleDirect(request, response);
    };
    this.server.serve(this.pipeline.handle, isDirect ? direct : undefined);
  }

  /** Waits for the access log line of a request. */
  async lineOf(requestId: string): Promise<Record<string, unknown>> {
    for (let attempt = 0; attempt < 500; attempt += 1) {
      const line = this.lines.find((entry) => entry['msg'] === 'request' && entry['request_id'] === requestId);
      if (line !== undefined) return line;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    throw new Error(`No line of request "${requestId}" was logged`);
  }

  /** Sends one request, by default with the global API key; `key: null` sends none. */
  send(method: string, path: string, { key = this.globalKey, headers = {}, body }: Sent = {}): Promise<Answer> {
    const credentials = key === null ? {} : { Authorization: `Bearer ${key}` };
    const type =
      body === undefined
        ? {}
        : {
            'Content-Type': 'application/json',
            ...(headers['Transfer-Encoding'] === undefined ? { 'Content-Length': String(Buffer.byteLength(body)) } : {}),
          };
    return new Promise((resolve, reject) => {
      const request = httpRequest({
        port: this.port,
        host: '127.0.0.1',
        method,
        path,
        headers: { ...credentials, ...type, ...headers },
        agent: false,
      });
      request.on('error', reject);
      request.on('response', (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.on('error', reject);
        response.on('end', () => {
          const bytes = Buffer.concat(pieces);
          const answer = { status: response.statusCode ?? 0, headers: response.headers, bytes, text: bytes.toString('utf8') };
          try {
            checkAnswer(method, path, answer);
            resolve(answer);
          } catch (error) {
            reject(error);
          }
        });
      });
      request.end(body);
    });
  }

  #collect(): Writable {
    const { lines } = this;
    return new Writable({
      write(chunk: Buffer, _encoding, done) {
        for (const line of chunk.toString('utf8').split('\n')) if (line !== '') lines.push(JSON.parse(line) as Record<string, unknown>);
        done();
      },
    });
  }
}

/** Runs a test against a server of its own. */
export async function withServer(body: (server: TestServer) => Promise<void>, options: TestServerOptions = {}): Promise<void> {
  const server = new TestServer(options);
  server.metrics.start(new FakeFacts(() => server.projects.list()));
  ({ port: server.port } = await server.server.listen());
  try {
    await body(server);
  } finally {
    await server.server.close();
    server.metrics.close();
  }
}

/** Reads a problem document. */
export function problemOf(answer: Answer): Record<string, unknown> {
  if (answer.headers['content-type'] !== 'application/problem+json') throw new Error(`Not a problem: ${answer.status} ${answer.text}`);
  return JSON.parse(answer.text) as Record<string, unknown>;
}
