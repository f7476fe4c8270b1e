/**
 * Requests that Node's parser or timeouts reject: their error codes, and their answers. These are written directly to the socket, because
 * Node has no response object for a malformed request.
 */
import { STATUS_CODES, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { AppError } from '../base/app-error.js';
import type { ErrorCode } from '../base/error-codes.js';
import { randomHexId } from '../base/random-id.js';
import { Exchange } from './exchange.js';
import { makeProblem, type Problem } from './problem.js';

interface ParserFault {
  readonly error: AppError;
  /** True if only the method is unknown; the answer then lists the supported ones. */
  readonly isUnknownMethod: boolean;
}

/** An answer written to a socket. */
export interface RawAnswer {
  readonly requestId: string;
  readonly problem: Problem;
}

/** How long the connection stays open for data still in transit, in milliseconds; a reset could destroy the answer. */
const LINGER_MS = 1000;
const CODES: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  HPE_HEADER_OVERFLOW: ['headers_too_large', 'Cannot accept the request: its request line and headers are too large'],
  ERR_HTTP_REQUEST_TIMEOUT: ['request_timeout', 'Cannot answer the request: it did not arrive in time'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['body_too_large', 'Cannot accept the body: its chunk extensions are too large'],
  HPE_INVALID_EOF_STATE: ['incomplete_body', 'Cannot answer the request: it is incomplete'],
  HPE_INVALID_VERSION: ['http_version_not_supported', 'Use HTTP/1.1'],
  HPE_INVALID_URL: ['invalid_target', 'Cannot read the request target: it contains a byte that must be percent-encoded'],
};
const UNREADABLE = 'Cannot read the request: it is not well-formed HTTP/1.1';
const LINE_FEED = 0x0a;
const METHOD_CHARACTERS_MAX = 32;
const METHOD_AND_TARGET = /^[A-Za-z][A-Za-z-]* [/*h]/;

/** An error of the `clientError` event. */
export type ParserError = Error & { readonly code?: string; readonly rawPacket?: Buffer; readonly bytesParsed?: number };

/** Maps an error of `clientError` to one of ours. */
export function parserFault(fault: ParserError): ParserFault {
  const start = fault.rawPacket?.subarray(0, METHOD_CHARACTERS_MAX).toString('latin1') ?? '';
  if (fault.code === 'HPE_INVALID_METHOD' && METHOD_AND_TARGET.test(start)) {
    return { error: new AppError('method_not_allowed', 'Cannot answer an unknown method', { cause: fault }), isUnknownMethod: true };
  }
  const code = endsLineWithoutCr(fault) ? '' : (fault.code ?? '');
  const [ours, message] = (Object.hasOwn(CODES, code) ? CODES[code] : undefined) ?? (['bad_request', UNREADABLE] as const);
  return { error: new AppError(ours, message, { cause: fault }), isUnknownMethod: false };
}

/** The parser reports an invalid version for a request line that ends in LF alone. */
function endsLineWithoutCr({ code, rawPacket, bytesParsed = 0 }: ParserError): boolean {
  return code === 'HPE_INVALID_VERSION' && rawPacket?.[bytesParsed - 1] === LINE_FEED;
}

/** Writes a problem and closes the connection. */
export function answerRaw(socket: Duplex, error: AppError, headers: Readonly<Record<string, string>> = {}): RawAnswer {
  const requestId = randomHexId();
  const problem = makeProblem(error, requestId);
  const all = { ...headersOf(problem), ...headers, 'X-Request-Id': requestId, Date: new Date().toUTCString() };
  const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
  socket.end(`HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}\r\n${head.join('')}\r\n${problem.body}`);
  return { requestId, problem };
}

/**
 * Answers a request instead of the app, because the rest of it is malformed or does not arrive.
 *
 * @param headers more headers of the answer if the app has not seen the request
 */
export function answerInPlace(response: ServerResponse, error: AppError, headers: Readonly<Record<string, string>> = {}): void {
  const exchange = Exchange.of(response);
  const requestId = exchange?.requestId ?? randomHexId();
  const problem = makeProblem(error, requestId);
  const more = exchange?.addedHeaders ?? Object.entries(headers).flat();
  response.writeHead(problem.status, ['X-Request-Id', requestId, ...Object.entries(headersOf(problem)).flat(), ...more]);
  response.end(problem.body);
  if (exchange === undefined) return;
  exchange.problemCode = problem.code;
  exchange.responseBytes = exchange.request.method === 'HEAD' ? 0 : Buffer.byteLength(problem.body);
}

function headersOf(problem: Problem): Record<string, string> {
  const length = String(Buffer.byteLength(problem.body));
  return { ...problem.headers, 'X-Content-Type-Options': 'nosniff', 'Content-Length': length, Connection: 'close' };
}
