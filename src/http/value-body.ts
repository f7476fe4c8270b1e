/**
 * A value: bytes as they came, since a decoded string has lost the invalid ones, checked as UTF-8 and as JSON, kept token for token
 * on one line. Nothing parsed is kept: parsing and printing again would round numbers, drop duplicate members and reorder keys.
 */
import { isUtf8 } from 'node:buffer';
import getRawBody from 'raw-body';
import { AppError } from '../base/app-error.js';
import { findJsonFault } from '../base/json-fault.js';
import { authorizationOf } from './authorization.js';
import { askForBody, bodyTooLarge, checkBodyHeaders } from './body-headers.js';
import type { AppContext } from './context.js';
import { toAppError } from './problem.js';
import { findUtf8Fault } from './utf8-fault.js';

const LINE_BREAKS = /[\r\n]+/g;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * Reads a value's text.
 *
 * @param bytes a whole body, within the limit
 * @returns JSON text without CR and LF
 * @throws {AppError} `empty_body`, `invalid_utf8`, `invalid_json`, the last two with the position
 */
export function readValue(bytes: Buffer): string {
  const text = readJsonText(bytes);
  try {
    JSON.parse(text);
  } catch (error) {
    throw invalidJson(bytes, error);
  }
  // In valid JSON a raw CR or LF stands between tokens only, so that removing it changes no value.
  return bytes.includes(LINE_FEED) || bytes.includes(CARRIAGE_RETURN) ? text.replace(LINE_BREAKS, '') : text;
}

/**
 * Decodes a body.
 *
 * @param bytes a whole body
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
 * Says where a body is not JSON.
 *
 * @param bytes valid UTF-8 that is not JSON
 * @returns the refusal, with the position; nothing of the body is quoted
 */
export function invalidJson(bytes: Buffer, cause: unknown): AppError {
  const fault = findJsonFault(bytes);
  if (fault === undefined) return new AppError('invalid_json', 'Cannot read the body: it is not JSON', { cause });
  const { offset, line, column, expected } = fault;
  const message = `Cannot read the body: expected ${expected} at line ${line}, column ${column} (byte ${offset})`;
  return new AppError('invalid_json', message, { facts: { offset, line, column, expected }, cause });
}

/**
 * Reads the whole body, after its headers were checked. It may have taken its time: whether the caller still may is decided again.
 *
 * @param bytesMax longest body, in bytes
 * @returns its bytes
 * @throws {AppError} what {@link checkBodyHeaders} throws, `body_too_large`, `incomplete_body`; what a right that ended is refused with
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
    throw error.code === 'body_too_large' ? bodyTooLarge(bytesMax) : incomplete(error);
  }
}

/** Whatever else stopped the reading: the body is not there whole, so nothing may come of it. */
function incomplete(error: AppError): AppError {
  if (error.code === 'incomplete_body') return error;
  return new AppError('incomplete_body', 'The body could not be read to its end', { cause: error });
}
