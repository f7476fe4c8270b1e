/**
 * What the headers of a request say about its body, checked before a byte of it is read.
 */
import type { IncomingMessage } from 'node:http';
import { parse as parseContentType } from 'content-type';
import { AppError } from '../base/app-error.js';
import type { AppContext } from './context.js';

const JSON_MEDIA_TYPE = 'application/json';
const MEDIA_TYPE_HINT = 'send the header "Content-Type: application/json"';

/**
 * Checks type, encoding and announced length of a body.
 *
 * @param bytesMax longest body, in bytes
 * @throws {AppError} `unsupported_media_type`, `unsupported_content_encoding`, `body_too_large`
 */
export function checkBodyHeaders(ctx: AppContext, bytesMax: number): void {
  const { contentTypes } = ctx.state.headers;
  const [contentType] = contentTypes;
  if (contentTypes.length !== 1 || contentType === undefined || !isJson(contentType)) {
    throw new AppError('unsupported_media_type', `Cannot read this kind of body: ${MEDIA_TYPE_HINT}`);
  }
  const encoding = ctx.req.headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new AppError('unsupported_content_encoding', 'Cannot read a compressed body: send it without Content-Encoding');
  }
  const transfer = ctx.req.headers['transfer-encoding'];
  if (transfer !== undefined && transfer.toLowerCase() !== 'chunked') {
    throw new AppError('unsupported_content_encoding', 'Cannot read the body: the only Transfer-Encoding known is "chunked"');
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
 * Words the refusal of a long body.
 *
 * @param limit longest body, in bytes
 * @param actual its length where that is known, in bytes
 */
export function bodyTooLarge(limit: number, actual?: number): AppError {
  const facts = actual === undefined || !Number.isSafeInteger(actual) ? { limit } : { limit, actual };
  return new AppError('body_too_large', `Cannot take the body: it is longer than ${limit} bytes`, { facts });
}

/**
 * Tells whether a request announces a body.
 *
 * @returns false where there is none, or one of no bytes
 */
export function announcesBody(request: IncomingMessage): boolean {
  if (request.headers['transfer-encoding'] !== undefined) return true;
  const length = request.headers['content-length'];
  return length !== undefined && Number(length) !== 0;
}

/**
 * Tells whether the client waits for leave before it sends the body.
 *
 * @returns true for `Expect: 100-continue` under HTTP/1.1; under 1.0 the header means nothing
 */
export function awaitsContinue(request: IncomingMessage): boolean {
  return request.headers.expect !== undefined && request.httpVersion === '1.1';
}

/** Tells a client that waits for leave to send its body now. Called when nothing but the body is left to check. */
export function askForBody(ctx: AppContext): void {
  if (awaitsContinue(ctx.req)) ctx.res.writeContinue();
  ctx.state.bodyWanted = true;
}
