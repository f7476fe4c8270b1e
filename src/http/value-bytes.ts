/**
 * Reading a value's bytes: as bytes, since a decoded string has lost the invalid ones.
 */
import getRawBody from 'raw-body';
import { AppError } from '../base/app-error.js';
import { authorizationOf } from './authorization.js';
import { askForBody, bodyTooLarge, checkBodyHeaders } from './body-headers.js';
import type { AppContext } from './context.js';
import { toAppError } from './problem.js';

/**
 * Reads the whole body, after its headers were checked. It may have taken its time: whether the caller still may is decided again.
 *
 * @param ctx the request's context
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
