/** Puts requests on a server, and says what it did and what that cost its processes. */
import { cpuTimeUs } from '../process-cost.js';
import type { RunningServer } from '../server-process.js';
import { Connection } from './connection.js';

const MS_PER_SECOND = 1000;
const US_PER_MS = 1000;
/** Before anything is counted, every connection has sent and got something. */
const SETTLE_MS = 100;
const FILL_CONNECTIONS = 64;
const P50 = 0.5;
const P99 = 0.99;

/** How much load. */
export interface LoadOptions {
  /** Connections that each wait for an answer before they ask again. */
  readonly connections: number;
  /** Seconds. */
  readonly seconds: number;
  /** Makes a request that differs from all before it. @default each is sent as it is */
  readonly renew?: (request: Buffer) => Buffer;
}

/** What one load showed. */
export interface LoadResult {
  /** Requests a second. */
  readonly rate: number;
  /** Microseconds that the server's processes were on a CPU, user and system together, for each request. */
  readonly cpuUsPerRequest: number;
  /** Milliseconds within which half of the answers came. */
  readonly latencyP50Ms: number;
  /** Milliseconds within which 99 of 100 answers came. */
  readonly latencyP99Ms: number;
  /** Part of the time that this process was on a CPU: near 1, the load and not the server is the limit. */
  readonly generatorShare: number;
}

/** How one request went. */
export interface OneAnswer {
  /** Milliseconds from sending it to the end of the answer. */
  readonly durationMs: number;
  /** Of the body. */
  readonly bodyBytes: number;
}

/** A request before it is bytes. */
export interface HttpRequest {
  readonly method: 'GET' | 'PUT' | 'POST';
  readonly path: string;
  /** JSON. */
  readonly body?: string;
  /** Beside those of every request. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Makes the bytes of a request.
 *
 * @param server To which it goes
 * @returns Head and body
 */
export function encodeRequest(server: RunningServer, { method, path, body, headers: more = {} }: HttpRequest): Buffer {
  const headers = Object.entries({ host: `127.0.0.1:${server.port}`, ...server.headers, ...bodyHeaders(body), ...more });
  const lines = [`${method} ${path} HTTP/1.1`, ...headers.map(([name, value]) => `${name}: ${value}`)];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body ?? ''}`);
}

/**
 * Sends requests for a while, each connection one after another.
 *
 * @param server To which they go
 * @param requests Made by {@link encodeRequest}; sent again and again
 * @param options How much
 * @returns What the server did and what it cost
 * @throws {Error} When any answer was not a success
 */
export async function runLoad(server: RunningServer, requests: readonly Buffer[], options: LoadOptions): Promise<LoadResult> {
  const latenciesMs: number[] = [];
  const settledMs = performance.now() + SETTLE_MS;
  const endMs = settledMs + options.seconds * MS_PER_SECOND;
  let before: Moment | undefined;
  let after: Moment | undefined;
  await drive(server, options.connections, {
    next: (connection) => {
      const nowMs = performance.now();
      if (nowMs >= settledMs) before ??= momentOf(server);
      // A disk that stalls must not leave a short load without an answer.
      if (nowMs < endMs || latenciesMs.length === 0) {
        const request = requests[connection.next++ % requests.length];
        return request === undefined || options.renew === undefined ? request : options.renew(request);
      }
      after ??= momentOf(server);
      return undefined;
    },
    answered: (connection) => {
      if (before !== undefined && after === undefined) latenciesMs.push(performance.now() - connection.sentAtMs);
    },
  }, requests.length);
  if (before === undefined || after === undefined || latenciesMs.length === 0) throw new Error('Cannot use this load: it had no answer');
  const wallMs = after.wallMs - before.wallMs;
  const sorted = Float64Array.from(latenciesMs).sort();
  const percentile = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
  return {
    rate: (latenciesMs.length * MS_PER_SECOND) / wallMs,
    cpuUsPerRequest: (after.serverUs - before.serverUs) / latenciesMs.length,
    latencyP50Ms: percentile(P50),
    latencyP99Ms: percentile(P99),
    generatorShare: (after.ownUs - before.ownUs) / (wallMs * US_PER_MS),
  };
}

/**
 * Sends each request once.
 *
 * @param server To which they go
 * @param requests Made by {@link encodeRequest}
 * @throws {Error} When any answer was not a success
 */
export async function sendEach(server: RunningServer, requests: readonly Buffer[]): Promise<void> {
  let sent = 0;
  await drive(server, Math.min(FILL_CONNECTIONS, requests.length), { next: () => requests[sent++], answered: () => undefined }, 0);
}

/**
 * Sends one request over a connection of its own, and reads the answer to its end.
 *
 * @param server To which it goes
 * @param request Made by {@link encodeRequest}
 * @returns How it went
 * @throws {Error} When the answer was not a success
 */
export async function sendOnce(server: RunningServer, request: Buffer): Promise<OneAnswer> {
  let sent = 0;
  let result: OneAnswer = { durationMs: 0, bodyBytes: 0 };
  await drive(server, 1, {
    next: () => (sent++ === 0 ? request : undefined),
    answered: (connection) => {
      result = { durationMs: performance.now() - connection.sentAtMs, bodyBytes: connection.bodyBytes };
    },
  }, 0);
  return result;
}

/**
 * Asks again and again over one connection, for as long as something else takes.
 *
 * @param server Which is asked
 * @param request Made by {@link encodeRequest}
 * @param during What the answers may be held up by
 * @returns Milliseconds of the slowest answer
 * @throws {Error} When any answer was not a success
 */
export async function slowestDuring(server: RunningServer, request: Buffer, during: () => Promise<unknown>): Promise<number> {
  let slowestMs = 0;
  let isOver = false;
  const probing = drive(server, 1, {
    next: () => (isOver ? undefined : request),
    answered: (connection) => {
      slowestMs = Math.max(slowestMs, performance.now() - connection.sentAtMs);
    },
  }, 0);
  await Promise.all([probing, during().finally(() => {
    isOver = true;
  })]);
  return slowestMs;
}

/** What a load sends, and what it does with each answer. */
interface Course {
  /** The next request of a connection; undefined ends the connection. */
  next(connection: Connection): Buffer | undefined;
  answered(connection: Connection): void;
}

interface Moment {
  readonly wallMs: number;
  readonly serverUs: number;
  readonly ownUs: number;
}

async function drive(server: RunningServer, count: number, course: Course, spread: number): Promise<void> {
  const connections: Connection[] = [];
  const { promise, resolve, reject } = promiseWithResolvers();
  let openCount = count;
  const proceed = (connection: Connection): void => {
    const request = course.next(connection);
    if (request !== undefined) return connection.send(request);
    connection.close();
    openCount -= 1;
    if (openCount === 0) resolve();
  };
  const onAnswer = (connection: Connection): void => {
    course.answered(connection);
    proceed(connection);
  };
  try {
    for (let index = 0; index < count; index += 1) {
      const connection = new Connection(server.port, { onAnswer, onFailure: (error) => reject(nameOf(server, error)) });
      connection.next = Math.floor((spread * index) / count);
      connections.push(connection);
    }
    await Promise.race([promise, Promise.all(connections.map((connection) => connection.opened()))]);
    for (const connection of connections) proceed(connection);
    await promise;
  } finally {
    for (const connection of connections) connection.close();
  }
}

function nameOf(server: RunningServer, cause: Error): Error {
  return new Error(`${server.name}: ${cause.message}`, { cause });
}

function momentOf(server: RunningServer): Moment {
  const { user, system } = process.cpuUsage();
  const serverUs = [server.pid, ...server.helperPids].reduce((sum, pid) => sum + cpuTimeUs(pid), 0);
  return { wallMs: performance.now(), serverUs, ownUs: user + system };
}

function bodyHeaders(body: string | undefined): Record<string, string> {
  return body === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
}

function promiseWithResolvers(): { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } {
  let resolve = (): void => undefined;
  let reject = (_error: Error): void => undefined;
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
