/**
 * Request bodies: the checks of their headers, their size limit, and values.
 *
 * A value is read as bytes, since a decoded string has lost the invalid ones, checked as UTF-8 and JSON, and kept token for token on one
 * line. Parsing and printing it again would round numbers, drop duplicate members and reorder keys.
 */
import { isUtf8 } from 'node:buffer';
import { parse as parseContentType } from 'content-type';
import { AppError } from '../base/app-error.js';
import { findJsonFault, type JsonFault } from '../base/json-fault.js';
import { authorizationOf } from './authorization.js';
import type { Exchange } from './exchange.js';
import type { RequestHead } from './message.js';
import { findUtf8Fault } from './utf8-fault.js';

const JSON_MEDIA_TYPE = 'application/json';
const LINE_BREAKS = /[\r\n]+/g;
/** Longer texts are scanned instead of parsed. */
const SCANNED_BYTES_MIN = 65_536;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * Checks the type, encoding and announced length of a body before any of it is read.
 *
 * @param bytesMax the longest body, in bytes
 * @throws {AppError} `unsupported_media_type`, `unsupported_content_encoding`, `body_too_large`
 */
export function checkBodyHeaders({ headers: { contentTypes }, request }: Exchange, bytesMax: number): void {
  const [contentType] = contentTypes;
  if (contentTypes.length !== 1 || contentType === undefined || !isJson(contentType)) {
    throw new AppError('unsupported_media_type', 'Cannot read this type of body: send the header "Content-Type: application/json"');
  }
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new AppError('unsupported_content_encoding', 'Cannot read a compressed body: send it without Content-Encoding');
  }
  const transfer = request.headers['transfer-encoding'];
  if (transfer !== undefined && transfer.toLowerCase() !== 'chunked') {
    throw new AppError('unsupported_content_encoding', 'Cannot read the body: the only supported Transfer-Encoding is "chunked"');
  }
  const announced = request.headers['content-length'];
  if (announced !== undefined && Number(announced) > bytesMax) throw bodyTooLarge(bytesMax, Number(announced));
}

function isJson(contentType: string): boolean {
  if (contentType === JSON_MEDIA_TYPE) return true;
  try {
    const { type, parameters } = parseContentType(contentType);
    if (type !== JSON_MEDIA_TYPE) return false;
    return Object.entries(parameters).every(([name, value]) => name === 'charset' && value.toLowerCase() === 'utf-8');
  } catch {
    return false;
  }
}

/**
 * The refusal of a body over its limit.
 *
 * @param actual its length, if it was announced; both in bytes
 */
export function bodyTooLarge(limit: number, actual?: number): AppError {
  const facts = actual === undefined || !Number.isSafeInteger(actual) ? { limit } : { limit, actual };
  return new AppError('body_too_large', `Cannot accept the body: it is longer than ${limit} bytes`, { facts });
}

/** Tells whether a request announces a body of at least one byte. */
export function announcesBody(request: RequestHead): boolean {
  if (request.headers['transfer-encoding'] !== undefined) return true;
  const length = request.headers['content-length'];
  return length !== undefined && Number(length) !== 0;
}

/** Tells whether the client waits for 100 Continue before it sends the body. HTTP/1.0 has no `Expect`. */
export function awaitsContinue(request: RequestHead): boolean {
  return request.headers.expect !== undefined && request.httpVersion === '1.1';
}

/** Sends 100 Continue to a client that waits for it. Called when only the body is left to check. */
export function askForBody(exchange: Exchange): void {
  if (awaitsContinue(exchange.request)) exchange.nodeResponse.writeContinue();
  exchange.bodyWanted = true;
}

/**
 * Reads a whole body, after checking its headers. It can arrive slowly, so the authorization is checked again afterwards.
 *
 * @param bytesMax the longest body, in bytes
 * @returns a promise unless the body has arrived with the head
 * @throws {AppError} as {@link checkBodyHeaders}; `body_too_large`, `incomplete_body`; if the authorization has ended, its error
 */
export function readValueBytes(exchange: Exchange, bytesMax: number): Buffer | Promise<Buffer> {
  checkBodyHeaders(exchange, bytesMax);
  askForBody(exchange);
  const take = (bytes: Buffer): Buffer => {
    exchange.requestBytes = bytes.length;
    if (exchange.idempotency === 'valid') exchange.requestBody = bytes;
    return bytes;
  };
  const { arrivedBody } = exchange.request;
  if (arrivedBody !== undefined) return take(arrivedBody);
  return readBytes(exchange, bytesMax).finally(() => authorizationOf(exchange).assertHolds()).then(take);
}

/** Reads to the end, or rejects when the body is too long or the connection breaks: an incomplete body must have no effect. */
function readBytes(exchange: Exchange, bytesMax: number): Promise<Buffer> {
  const { nodeRequest: request } = exchange;
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let size = 0;
    const finish = (error: AppError | undefined): void => {
      // The listener for errors stays: one that comes late must not end the process.
      request.off('data', onData).off('end', onEnd).off('close', onBreak);
      if (error !== undefined) reject(error);
      else resolve(pieces.length === 1 ? pieces[0] ?? Buffer.alloc(0) : Buffer.concat(pieces, size));
    };
    const onData = (piece: Buffer): void => {
      pieces.push(piece);
      size += piece.length;
      if (size <= bytesMax) return;
      request.pause();
      finish(bodyTooLarge(bytesMax));
    };
    const onEnd = (): void => finish(undefined);
    const onBreak = (cause?: unknown): void => {
      finish(new AppError('incomplete_body', 'The body ended before its announced length', { cause }));
    };
    if (request.destroyed) {
      onBreak();
      return;
    }
    request.on('data', onData).on('end', onEnd).on('error', onBreak).on('close', onBreak);
  });
}

/**
 * Converts a whole body into a value: JSON text without CR and LF.
 *
 * @throws {AppError} `empty_body`, `invalid_utf8`, `invalid_json`, the last two with the position
 */
export function readValue(bytes: Buffer): string {
  const text = readJsonText(bytes);
  refuseInvalidJson(bytes, text);
  // In valid JSON a raw CR or LF occurs only between tokens, so removing it changes no value.
  return bytes.includes(LINE_FEED) || bytes.includes(CARRIAGE_RETURN) ? text.replace(LINE_BREAKS, '') : text;
}

/** `JSON.parse` is the fastest check of a short text, but builds what it reads: seconds for some megabytes of brackets. */
function refuseInvalidJson(bytes: Buffer, text: string): void {
  if (bytes.length >= SCANNED_BYTES_MIN) {
    if (findJsonFault(bytes) !== undefined) throw invalidJson(bytes, undefined);
    return;
  }
  try {
    JSON.parse(text);
  } catch (error) {
    throw invalidJson(bytes, error);
  }
}

/**
 * Decodes a whole body.
 *
 * @throws {AppError} `empty_body`, `invalid_utf8`
 */
export function readJsonText(bytes: Buffer): string {
  if (bytes.length === 0) throw new AppError('empty_body', 'Cannot use an empty body: send a JSON value, such as null');
  if (!isUtf8(bytes)) {
    const offset = findUtf8Fault(bytes);
    throw new AppError('invalid_utf8', `Cannot read the body: the bytes at offset ${offset} are not UTF-8`, { facts: { offset } });
  }
  return bytes.toString('utf8');
}

/**
 * The refusal of a body that is not JSON, with the position of the fault. Nothing of the body is quoted.
 *
 * @param bytes valid UTF-8 that is not JSON
 */
export function invalidJson(bytes: Buffer, cause: unknown): AppError {
  const fault = findJsonFault(bytes);
  return fault === undefined ? new AppError('invalid_json', 'Cannot read the body: it is not JSON', { cause }) : faultyJson(fault, cause);
}

/**
 * Refuses a body that is not JSON, at the cost of a look at each of its bytes.
 *
 * @param bytes valid UTF-8
 * @throws {AppError} `invalid_json`, with the position
 */
export function requireJson(bytes: Buffer): void {
  const fault = findJsonFault(bytes);
  if (fault !== undefined) throw faultyJson(fault);
}

function faultyJson({ offset, line, column, expected }: JsonFault, cause?: unknown): AppError {
  const message = `Cannot read the body: expected ${expected} at line ${line}, column ${column} (byte ${offset})`;
  return new AppError('invalid_json', message, { facts: { offset, line, column, expected }, cause });
}
