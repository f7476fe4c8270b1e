/**
 * Request bodies: the checks of their headers, their size limit, and values.
 *
 * A value is read as bytes, since a decoded string has lost the invalid ones, checked as UTF-8 and JSON, and kept token for token on one
 * line. Parsing and printing it again would round numbers, drop duplicate members and reorder keys.
 */
import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { parse as parseContentType } from 'content-type';
import getRawBody from 'raw-body';
import { AppError } from '../base/app-error.js';
import { findJsonFault } from '../base/json-fault.js';
import { authorizationOf } from './authorization.js';
import type { AppContext } from './context.js';
import { toAppError } from './problem.js';
import { findUtf8Fault } from './utf8-fault.js';

const JSON_MEDIA_TYPE = 'application/json';
const LINE_BREAKS = /[\r\n]+/g;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * Checks the type, encoding and announced length of a body before any of it is read.
 *
 * @param bytesMax the longest body, in bytes
 * @throws {AppError} `unsupported_media_type`, `unsupported_content_encoding`, `body_too_large`
 */
export function checkBodyHeaders(ctx: AppContext, bytesMax: number): void {
  const { contentTypes } = ctx.state.headers;
  const [contentType] = contentTypes;
  if (contentTypes.length !== 1 || contentType === undefined || !isJson(contentType)) {
    throw new AppError('unsupported_media_type', 'Cannot read this type of body: send the header "Content-Type: application/json"');
  }
  const encoding = ctx.req.headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new AppError('unsupported_content_encoding', 'Cannot read a compressed body: send it without Content-Encoding');
  }
  const transfer = ctx.req.headers['transfer-encoding'];
  if (transfer !== undefined && transfer.toLowerCase() !== 'chunked') {
    throw new AppError('unsupported_content_encoding', 'Cannot read the body: the only supported Transfer-Encoding is "chunked"');
  }
  const announced = ctx.req.headers['content-length'];
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
export function announcesBody(request: IncomingMessage): boolean {
  if (request.headers['transfer-encoding'] !== undefined) return true;
  const length = request.headers['content-length'];
  return length !== undefined && Number(length) !== 0;
}

/** Tells whether the client waits for 100 Continue before it sends the body. HTTP/1.0 has no `Expect`. */
export function awaitsContinue(request: IncomingMessage): boolean {
  return request.headers.expect !== undefined && request.httpVersion === '1.1';
}

/** Sends 100 Continue to a client that waits for it. Called when only the body is left to check. */
export function askForBody(ctx: AppContext): void {
  if (awaitsContinue(ctx.req)) ctx.res.writeContinue();
  ctx.state.bodyWanted = true;
}

/**
 * Reads a whole body, after checking its headers. It can arrive slowly, so the authorization is checked again afterwards.
 *
 * @param bytesMax the longest body, in bytes
 * @throws {AppError} as {@link checkBodyHeaders}; `body_too_large`, `incomplete_body`; if the authorization has ended, its error
 */
export async function readValueBytes(ctx: AppContext, bytesMax: number): Promise<Buffer> {
  checkBodyHeaders(ctx, bytesMax);
  askForBody(ctx);
  const bytes = await readBytes(ctx, bytesMax).finally(() => authorizationOf(ctx).assertHolds());
  ctx.state.requestBytes = bytes.length;
  return bytes;
}

async function readBytes(ctx: AppContext, bytesMax: number): Promise<Buffer> {
  try {
    return await getRawBody(ctx.req, { limit: bytesMax, length: ctx.req.headers['content-length'] ?? null });
  } catch (thrown) {
    const error = toAppError(thrown);
    if (error.code === 'incomplete_body') throw error;
    if (error.code === 'body_too_large') throw bodyTooLarge(bytesMax);
    // Whatever stopped the reading: an incomplete body must have no effect.
    throw new AppError('incomplete_body', 'Cannot read the body to its end', { cause: error });
  }
}

/**
 * Converts a whole body into a value: JSON text without CR and LF.
 *
 * @throws {AppError} `empty_body`, `invalid_utf8`, `invalid_json`, the last two with the position
 */
export function readValue(bytes: Buffer): string {
  const text = readJsonText(bytes);
  try {
    JSON.parse(text);
  } catch (error) {
    throw invalidJson(bytes, error);
  }
  // In valid JSON a raw CR or LF occurs only between tokens, so removing it changes no value.
  return bytes.includes(LINE_FEED) || bytes.includes(CARRIAGE_RETURN) ? text.replace(LINE_BREAKS, '') : text;
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
  if (fault === undefined) return new AppError('invalid_json', 'Cannot read the body: it is not JSON', { cause });
  const { offset, line, column, expected } = fault;
  const message = `Cannot read the body: expected ${expected} at line ${line}, column ${column} (byte ${offset})`;
  return new AppError('invalid_json', message, { facts: { offset, line, column, expected }, cause });
}
