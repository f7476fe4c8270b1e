/**
 * Answers to what never became a request: written to the socket by hand, because Node has no response for them.
 */
import { STATUS_CODES, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { AppError } from '../base/app-error.js';
import { newRequestId } from '../base/request-id.js';
import { makeProblem, type Problem } from './problem.js';

/** What was answered. */
export interface RawAnswer {
  readonly requestId: string;
  readonly problem: Problem;
}

/** How long what a client still sends is taken in before the connection is cut, in milliseconds; a reset could destroy the answer. */
const LINGER_MS = 1000;

/**
 * Writes a problem and closes the connection.
 *
 * @param socket still writable
 * @param error what is wrong with the request
 * @param headers beside those of every problem
 * @returns what was answered, for the log
 */
export function answerRaw(socket: Duplex, error: AppError, headers: Readonly<Record<string, string>> = {}): RawAnswer {
  const requestId = newRequestId();
  const problem = makeProblem(error, requestId);
  const all = { ...headersOf(problem), ...headers, 'X-Request-Id': requestId, Date: new Date().toUTCString() };
  const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
  socket.end(`HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}\r\n${head.join('')}\r\n${problem.body}`);
  return { requestId, problem };
}

/**
 * Answers a request that has begun, in the place of the app, because the rest of it does not come or is malformed.
 *
 * @param response Node's, of which nothing has been sent
 * @param error what is wrong with the request
 */
export function answerInPlace(response: ServerResponse, error: AppError): void {
  const requestId = response.getHeader('X-Request-Id');
  const problem = makeProblem(error, typeof requestId === 'string' ? requestId : newRequestId());
  response.writeHead(problem.status, headersOf(problem));
  response.end(problem.body);
}

function headersOf(problem: Problem): Record<string, string> {
  return { ...problem.headers, 'Content-Length': String(Buffer.byteLength(problem.body)), Connection: 'close' };
}
